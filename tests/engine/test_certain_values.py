"""What leaves something unprotected rests on certain values only: literal ones, and those that parameters give.

The value of an SSM parameter, a dynamic reference or an export may be another one when it is deployed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from factories import NOVALUE, SETTINGS, container, containers_of, context_of, if_, scope, template
from readable_ids import readable_id
from sysdig_instrument.engine.agent import AGENT_NAME, WRAPPER
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active, is_true
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup
from sysdig_instrument.engine.plan import process
from sysdig_instrument.engine.protection import protection
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

PARAMETERS: dict[str, Json] = {
    "Reference": {"Type": "String", "Default": "{{resolve:ssm:/value}}"},
    "Given": {"Type": "String"},
    "Stored": {"Type": "AWS::SSM::Parameter::Value<String>"},
    "StoredList": {"Type": "AWS::SSM::Parameter::Value<CommaDelimitedList>"},
    "Masked": {"Type": "String", "NoEcho": True},
}
MAPPINGS: Json = {"Map": {"Key": {"Value": "{{resolve:ssm:/value}}", "Values": ["{{resolve:ssm:/value}}"]}}}
LIVE: list[Json] = [
    {"Ref": "Reference"},
    {"Fn::FindInMap": ["Map", "Key", "Value"]},
    {"Fn::Select": [0, {"Fn::FindInMap": ["Map", "Key", "Values"]}]},
    {"Fn::Join": ["", ["{{resolve:ssm", ":/value}}"]]},
    "{{resolve:secretsmanager:value}}",
    {"Ref": "Stored"},
    "{{resolve:ssm:/value}}",
    {"Fn::Sub": "{{resolve:ssm:/value}}"},
    {"Fn::Sub": "${Stored}"},
    {"Fn::ImportValue": "value"},
    {"Fn::Select": [0, {"Ref": "StoredList"}]},
    {"Fn::Join": ["", [{"Ref": "Stored"}]]},
    {"Ref": "Masked"},
]
each_live_value = pytest.mark.parametrize("live", LIVE, ids=readable_id)


def run(value: dict[str, Any], given: str, **settings: Json) -> tuple[list[str], dict[str, Any]]:
    """Return the problems and the processed template, where each live value is given a text."""

    def answers(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        return {each: ImageConfig(("start",)) if isinstance(each, ImageLookup) else given for each in lookups}

    values: dict[str, Json] = {"Given": given, "Stored": "/value", "StoredList": "/value", "Masked": "****"}
    value = {**value, "Parameters": PARAMETERS, "Mappings": MAPPINGS}
    planned = plan_with_lookups(value, context_of({**SETTINGS, **settings}, values), answers)
    made, problems = process(value, planned)
    return [each.text for each in problems], made  # type: ignore[return-value]


def web_of(made: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = containers_of(made)[0]
    return first


@each_live_value
def test_the_wrapper_by_a_live_value_is_not_the_wrapper(live: Json) -> None:
    problems, made = run(template(container(EntryPoint=[live, "/app"])), WRAPPER)
    assert (problems, web_of(made)["EntryPoint"]) == ([], [WRAPPER, live, "/app"])
    _, made = run(template(container(EntryPoint=[{"Ref": "Given"}, "/app"])), WRAPPER)
    assert web_of(made)["EntryPoint"] == [{"Ref": "Given"}, "/app"]


def test_a_live_list_that_begins_with_the_wrapper_is_extended() -> None:
    words: Json = {"Ref": "StoredList"}
    problems, made = run(template(container(EntryPoint=words)), f"{WRAPPER},/app")
    assert not problems
    assert web_of(made)["EntryPoint"]["Fn::Split"][1]["Fn::Join"][1][0] == WRAPPER


@each_live_value
def test_windows_by_a_live_value_is_refused(live: Json) -> None:
    (problem,), _ = run(template(RuntimePlatform={"OperatingSystemFamily": live}), "WINDOWS_SERVER_2022_CORE")
    assert "OperatingSystemFamily cannot be resolved" in problem
    problems, made = run(
        template(RuntimePlatform={"OperatingSystemFamily": {"Ref": "Given"}}), "WINDOWS_SERVER_2022_CORE"
    )
    assert not problems
    assert "VolumesFrom" not in web_of(made)


@each_live_value
def test_ec2_by_a_live_value_is_fargate(live: Json) -> None:
    problems, made = run(template(RequiresCompatibilities=[live]), "EC2")
    assert not problems
    assert "VolumesFrom" in web_of(made)
    _, made = run(template(RequiresCompatibilities=[{"Ref": "Given"}]), "EC2")
    assert "VolumesFrom" not in web_of(made)


@each_live_value
def test_a_network_mode_by_a_live_value_may_be_that_of_fargate(live: Json) -> None:
    _, made = run(template(RequiresCompatibilities=NOVALUE, NetworkMode=live), "bridge")
    assert "VolumesFrom" in web_of(made)


@each_live_value
def test_a_log_router_by_a_live_value_is_refused(live: Json) -> None:
    router = container(Name="log", FirelensConfiguration=if_("Live", {"Type": "fluentbit"}, {"Ref": "AWS::NoValue"}))
    sections: dict[str, Json] = {"Conditions": {"Live": {"Fn::Equals": [live, "yes"]}}}
    (problem,), _ = run(template(container(), router, sections=sections), "yes")
    assert "It is unknown whether the container is a FireLens log router" in problem


def test_what_is_no_log_router_is_instrumented() -> None:
    no_routers: list[Json] = [{}, {"Type": "none"}, {"Type": ""}, "fluentbit", [], {"Options": {}}]
    for firelens in no_routers:
        _, made = run(template(container(FirelensConfiguration=firelens)), "")
        assert "VolumesFrom" in web_of(made)


@each_live_value
def test_a_condition_on_a_live_value_is_not_known(live: Json) -> None:
    """What is under it is instrumented, and a problem there is none in an inactive branch."""
    sections: dict[str, Json] = {"Conditions": {"Live": {"Fn::Equals": [live, "yes"]}}}
    value = template(container(EntryPoint=if_("Live", ["run"], 5)), sections=sections)
    assert run(value, "yes")[0]
    value = template(PidMode="host", sections=sections)
    value["Resources"]["Api"]["Condition"] = "Live"
    assert run(value, "no")[0]
    given: dict[str, Json] = {"Conditions": {"Live": {"Fn::Equals": [{"Ref": "Given"}, "yes"]}}}
    value["Conditions"] = given["Conditions"]
    assert not run(value, "no")[0]


@each_live_value
def test_a_name_by_a_live_value_excludes_nothing(live: Json) -> None:
    (problem,), _ = run(template(container(Name=live)), "web", ExcludeContainers="web")
    assert "The container's name cannot be resolved" in problem


@each_live_value
def test_the_agent_by_a_live_value_is_not_the_agent(live: Json) -> None:
    problems, made = run(template(container(), container(Name=live, EntryPoint=["x"])), AGENT_NAME)
    assert not problems
    assert containers_of(made)[1]["EntryPoint"] == [WRAPPER, "x"]


@each_live_value
def test_what_protects_by_a_live_value_is_added(live: Json) -> None:
    (problem,), _ = run(template(PidMode=live), "task")
    assert "PidMode cannot be resolved" in problem
    _, made = run(template(container(LinuxParameters={"Capabilities": {"Add": [live]}})), "SYS_PTRACE")
    assert web_of(made)["LinuxParameters"]["Capabilities"]["Add"] == [live, "SYS_PTRACE"]
    (problem,), _ = run(template(container(VolumesFrom=[{"SourceContainer": live}])), AGENT_NAME)
    assert "The container whose mounts this adds cannot be resolved" in problem
    _, made = run(template(container(VolumesFrom=[{"SourceContainer": {"Ref": "Given"}}])), AGENT_NAME)
    assert len(web_of(made)["VolumesFrom"]) == 1


@each_live_value
def test_an_image_may_have_a_live_value(live: Json) -> None:
    """The ENTRYPOINT is written with the wrapper, so the container is protected whatever the value is."""
    problems, made = run(template(container(Image=live, EntryPoint=[])), "nginx:1")
    if live == {"Ref": "Masked"}:
        assert "masked by NoEcho" in problems[0]
    elif isinstance(live, str) and "ssm:/value" not in live:
        assert "Image cannot be resolved: it contains a dynamic reference" in problems[0]
    else:
        assert web_of(made)["EntryPoint"] == [WRAPPER, "start"]


def test_a_malformed_dynamic_reference_is_not_known() -> None:
    for value in ("{{resolve:ssm:{/x}}}", ["{{resolve:ssm:/x"], {"Fn::Join": ["", ["{{resolve", ":"]]}):
        assert isinstance(evaluate(value, scope(None, knows_lookups=True)), Unknown)  # type: ignore[arg-type]


def test_the_types_of_parameters_are_not_known_in_a_snippet() -> None:
    snippet: dict[str, Any] = template(RequiresCompatibilities=[{"Ref": "Given"}])["Resources"]["Api"]
    context = context_of(SETTINGS, {"Given": "EC2"})
    (task,) = plan_with_lookups(snippet, context, look_up_nothing).tasks
    assert task.outcome.text == "instrumented"


# NoEcho, and conditions


@pytest.mark.parametrize("value", ["****", "*****", ["a", "****"]])
def test_a_masked_value_is_not_known(value: Json) -> None:
    for current in (
        scope(None, {"P": value}),
        scope({"Parameters": PARAMETERS}, {"Masked": value}, knows_lookups=True),
    ):
        assert isinstance(evaluate({"Ref": "P" if not current.template else "Masked"}, current), Unknown)
    assert evaluate({"Ref": "P"}, scope(None, {"P": "*"}, knows_lookups=True)) == Known("*")


def test_lookups_are_not_known_in_conditions() -> None:
    """CloudFormation does not resolve dynamic references in Conditions."""
    value: Json = {"Parameters": PARAMETERS, "Conditions": {"C": {"Fn::Equals": ["{{resolve:ssm:/x}}", "x"]}}}
    current = scope(value, {}, knows_lookups=True)
    assert is_true("C", current) is None
    assert is_active({"C": True}, current) is None
    assert evaluate({"Fn::If": ["C", "{{resolve:ssm:/x}}", ""]}, current) == Unknown(
        evaluate({"Fn::If": ["C", "a", "b"]}, current).reason  # type: ignore[union-attr]
    )
    assert not current.state.lookups


def test_a_scope_with_lookups_keeps_them_under_assumptions() -> None:
    current = scope(None).with_lookups()
    assert current.assuming({"C": True}).knows_lookups
    assert current.undecided({}).knows_lookups
    assert current.with_lookups() is current
    assert not current.for_conditions().knows_lookups


def test_the_hook_does_not_believe_live_values_either() -> None:
    """It gets resolved values; a dynamic reference in one is not known."""
    value = template(container(EntryPoint=["{{resolve:ssm:/x}}", "/app"]))
    (task,) = plan_with_lookups(value, context_of(), lambda lookups: dict.fromkeys(lookups, WRAPPER)).tasks
    assert not protection(task).passes
