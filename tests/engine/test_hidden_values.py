"""Values that messages do not show: of NoEcho parameters, SSM parameters and exports.

The secret guard of tests/secret_guard.py inspects every finding and every Result, so a leak fails the test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from factories import resource
from secret_guard import PLANTED
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, message, quote, without_names
from sysdig_instrument.engine.lookups import Answer, ImageLookup, Lookup, Unavailable
from sysdig_instrument.engine.plan import Context, Plan, process
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.planning import plan_with_lookups
from sysdig_instrument.printable import HIDDEN, Hidden

SSM = "{{resolve:ssm:/any}}"
EXPORT = {"Fn::ImportValue": "any"}
NO_ECHO = {"Ref": "NoEcho"}
TYPED = {"Ref": "Typed"}
PARAMETERS = {
    "NoEcho": {"Type": "String", "NoEcho": True},
    "Typed": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/typed"},
    "Plain": {"Type": "String"},
}
SETTINGS = {"Collector": "us2", "AccessKeySecret": "arn:aws:ssm:eu-west-1:111122223333:parameter/key"}


def look_up(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    """Answer with the secret, and refuse images with a message that names every part of their reference."""

    def answer(lookup: Lookup) -> Answer:
        if not isinstance(lookup, ImageLookup):
            if PLANTED in lookup.name:
                return Unavailable(
                    Reason(
                        f"There is no parameter {lookup.name} in eu-west-1",
                        f"Create {lookup.name}",
                        code=Code.NO_ANSWER,
                    )
                )
            return PLANTED
        host, _, rest = lookup.image.rpartition("/")
        fact = f"The image {lookup.image} could not be read: {host} refused {rest.partition(':')[0]} (status 403)"
        return Unavailable(
            Reason(fact, f"Allow ecr:BatchGetImage on arn:aws:ecr:x:y:repository/{rest} there", code=Code.NO_ANSWER)
        )

    return {lookup: answer(lookup) for lookup in lookups}


def plan_of(task: Mapping[str, Any], **sections: Any) -> Plan:
    template = {"Parameters": PARAMETERS, "Resources": {"Api": dict(task)}, **sections}
    values = {"NoEcho": PLANTED, "Plain": "plain-value"}
    deployment = merge_layers(Layer("--set", SETTINGS))
    return plan_with_lookups(
        template, Context(deployment_settings=deployment, parameter_values=values, region="eu-west-1"), look_up
    )


every_source = pytest.mark.parametrize(
    "source", [SSM, EXPORT, NO_ECHO, TYPED], ids=["dynamic reference", "export", "NoEcho", "SSM parameter"]
)


def within(source: object) -> list[object]:
    """Return expressions whose values contain the secret, or a part of it."""
    joined = {"Fn::Join": ["", ["registry.example.com/", source, ":1"]]}
    return [
        source,
        joined,
        {"Fn::Sub": ["registry.example.com/app:${X}", {"X": source}]},
        {"Fn::Sub": ["${X}.example.com/app:1", {"X": source}]},
        {"Fn::Select": [0, {"Fn::Split": ["|", joined]}]},
        {"Fn::If": ["Unknown", joined, "other:1"]},
        {"Fn::Sub": ["{{resolve:ssm:/app/${X}}}", {"X": source}]},
        {"Fn::ImportValue": {"Fn::Sub": ["app-${X}", {"X": source}]}},
        {"Fn::Join": ["", ["app:", {"Fn::Base64": source}]]},
    ]


def texts(plan: Plan, template: object = None) -> str:
    """Return all that people see of a plan."""
    outcomes = [each for task in plan.tasks for each in (task.outcome, *task.containers)]
    changes = [change.value for change in plan.changes if "Metadata" in change.pointer]
    shown = [(each.name, each.text) for each in outcomes]
    owners = [change.owner for change in plan.changes]
    return (
        json.dumps([message(plan.problems), message(plan.notices), shown, changes]) + repr(owners) + str(template or "")
    )


@every_source
@pytest.mark.parametrize("number", range(len(within(""))))
def test_a_message_about_an_image_does_not_show_the_value(source: object, number: int) -> None:
    plan = plan_of(
        resource(cast("Any", {"Name": "web", "Image": within(source)[number]})),
        Conditions={"Unknown": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "x"]}},
    )
    shown = texts(plan)
    assert PLANTED not in shown
    assert any("ContainerDefinitions" in finding.text for finding in (*plan.problems, *plan.notices))


@every_source
@pytest.mark.parametrize(
    "key",
    ["Name", "Cpu", "MemoryReservation", "EntryPoint", "Command", "Environment", "VolumesFrom", "DependsOn", "Secrets"],
)
def test_no_member_of_a_container_is_shown(source: object, key: str) -> None:
    members: dict[str, Any] = {"Name": "web", "Image": "x", "EntryPoint": ["x"], "Cpu": 1 << 20}
    wrapped: dict[str, Any] = {
        "EntryPoint": [source],
        "Command": [source],
        "Environment": [{"Name": source, "Value": source}, {"Name": "SYSDIG_SIDECAR", "Value": source}],
        "VolumesFrom": [{"SourceContainer": source}],
        "DependsOn": [{"ContainerName": source, "Condition": source}],
        "Secrets": [{"Name": source, "ValueFrom": source}],
    }
    container: Any = {**members, key: wrapped.get(key, source)}
    other: Any = {**container, "Name": {"Fn::Sub": ["${X}", {"X": source}]}}
    plan = plan_of(resource(container, other))
    assert PLANTED not in texts(plan)
    _, problems = process(
        cast("Any", {"Parameters": PARAMETERS, "Resources": {"Api": resource(container, other)}}), plan
    )
    assert PLANTED not in message(problems)


@every_source
@pytest.mark.parametrize(
    "key",
    [
        "Cpu",
        "Memory",
        "PidMode",
        "NetworkMode",
        "RuntimePlatform",
        "RequiresCompatibilities",
        "ExecutionRoleArn",
        "Tags",
    ],
)
def test_no_member_of_a_task_definition_is_shown(source: object, key: str) -> None:
    wrapped: dict[str, Any] = {
        "RuntimePlatform": {"CpuArchitecture": source, "OperatingSystemFamily": source},
        "RequiresCompatibilities": [source],
        "Tags": [{"Key": "kilt-ignore-containers", "Value": source}, {"Key": "sysdig-instrument", "Value": source}],
    }
    web: Any = {"Name": "web", "Image": "x", "EntryPoint": ["x"]}
    task = resource(web, **{key: wrapped.get(key, source)})
    assert PLANTED not in texts(plan_of(task))


@every_source
@pytest.mark.parametrize(
    "setting", ["Collector", "Enabled", "ExcludeContainers", "AgentCpu", "ExtraConf", "ImageConfigs"]
)
def test_no_setting_is_shown(source: object, setting: str) -> None:
    web: Any = {"Name": "web", "Image": "x"}
    task = {**resource(web), "Metadata": {"SysdigInstrument": {setting: source}}}
    assert PLANTED not in texts(plan_of(task))


@every_source
def test_a_launcher_is_not_shown(source: object) -> None:
    service = {
        "Type": "AWS::ECS::Service",
        "Properties": {"TaskDefinition": {"Ref": "Api"}, "PlatformVersion": source, "LaunchType": source},
    }
    template = {"Api": resource({"Name": "web", "Image": "x", "EntryPoint": ["x"]}), "Service": service}
    plan = plan_of(template["Api"], Resources=template)
    assert PLANTED not in texts(plan)


def test_a_setting_is_written_as_it_is() -> None:
    """PyYAML, for one, writes only strings that are exactly that."""
    task = {
        **resource({"Name": "web", "Image": "x", "EntryPoint": ["x"]}),
        "Metadata": {"SysdigInstrument": {"ExtraConf": EXPORT}},
    }
    values = [change.value for change in plan_of(task).changes]
    assert any(PLANTED in json.dumps(value) for value in values)
    assert "Hidden" not in {type(each).__name__ for value in values for each in everything_in(value)}


@pytest.mark.parametrize("around", ["it", "a function", "a mapping", "a repository", "a condition"])
@pytest.mark.parametrize("setting", ["ExtraConf", "AgentEnvironment", "WorkloadEnvironment", "Reason", "Collector"])
def test_the_value_of_a_no_echo_parameter_is_not_written_into_a_setting(setting: str, around: str) -> None:
    """The processed template shows it to everybody who may read a template."""
    text: Any = {
        "it": NO_ECHO,
        "a function": {"Fn::Join": ["", ["x", NO_ECHO]]},
        "a mapping": {"Fn::FindInMap": ["None", NO_ECHO, "b", {"DefaultValue": NO_ECHO}]},
        "a repository": {"Ref": "Repository"},
        "a condition": {"Fn::If": ["IsSecret", PLANTED, "x"]},
    }[around]
    value = {"Fn::ToJsonString": {"X": text}} if "Environment" in setting else text
    web: Any = {"Name": "web", "Image": "x", "EntryPoint": ["x"]}
    task = {**resource(web), "Metadata": {"SysdigInstrument": {setting: value}}}
    repository = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": NO_ECHO}}
    conditions = {"IsSecret": {"Fn::Equals": [NO_ECHO, PLANTED]}}
    resources = {"Api": task, "Repository": repository}
    plan = plan_of(task, Resources=resources, Conditions=conditions, Mappings={"None": {"a": {"b": "c"}}})
    (problem,) = plan.problems
    assert problem.reason.code is Code.SETTING_UNRESOLVED
    assert "masked by NoEcho" in problem.text or "IsSecret" in problem.text
    assert PLANTED not in texts(plan)


@every_source
@pytest.mark.parametrize("is_container", [True, False])
def test_a_reason_is_not_shown(source: object, *, is_container: bool) -> None:
    web: Any = {"Name": "web", "Image": "x", "EntryPoint": ["x"]}
    own = {"Enabled": False, "Reason": source}
    task = {**resource(web), "Metadata": {"SysdigInstrument": {"Containers": {"web": own}} if is_container else own}}
    plan = plan_of(task)
    assert plan.problems
    assert PLANTED not in texts(plan) + repr([change.value for change in plan.changes])


def test_the_value_of_an_ssm_parameter_in_the_event_is_not_shown() -> None:
    """AWS does not document whether a macro receives the name of the parameter or its value."""
    value = f"{PLANTED} is no name"
    task = resource({"Name": {"Ref": "Typed"}, "Image": {"Fn::Sub": "${Typed}/UPPER"}})
    deployment = merge_layers(Layer("--set", SETTINGS))
    template: Any = {"Parameters": PARAMETERS, "Resources": {"Api": task}}
    context = Context(deployment_settings=deployment, parameter_values={"Typed": value}, region="eu-west-1")
    plan = plan_with_lookups(template, context, look_up)
    assert plan.problems
    assert PLANTED not in texts(plan)


def everything_in(value: object) -> list[object]:
    """Return a value and all values within it."""
    members = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [value, *(each for member in members for each in everything_in(member))]


def test_other_values_are_shown() -> None:
    plan = plan_of(resource({"Name": "web", "Image": {"Fn::Sub": "registry.example.com/${Plain}:1"}}))
    assert "The image registry.example.com/plain-value:1 could not be read" in message(plan.problems)


def test_what_a_message_still_says() -> None:
    plan = plan_of(resource({"Name": "web", "Image": {"Fn::Sub": "registry.example.com/${NoEcho}:1"}}))
    text = message(plan.problems)
    assert 'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Image)' in text
    assert f"The image {HIDDEN} could not be read" in text
    assert "status 403" in text
    assert "ecr:BatchGetImage" in text


def test_a_hidden_text_is_the_text_that_it_is() -> None:
    assert Hidden("web") == "web"
    assert ImageLookup(Hidden("x")) == ImageLookup("x")
    assert quote(Hidden("web")) == HIDDEN


def test_names_of_any_form_are_taken_out_of_a_reason() -> None:
    reason = Reason(
        "account 111122223333 has no repository app in eu-west-1; x.example.com is down",
        "Check a/b, c@d",
        code=Code.NO_ANSWER,
    )
    shown = without_names(reason, "111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1").text
    for name in ("111122223333", "app", "eu-west-1", "x.example.com", "a/b", "c@d"):
        assert name not in shown.split()


@pytest.mark.parametrize(
    "image",
    [
        {"Ref": {"Fn::Sub": "x${NoEcho}"}},
        {"Ref": {"Fn::Sub": "AWS::${NoEcho}"}},
        {"Ref": {"Fn::Sub": ["x${V}", {"V": EXPORT}]}},
        {"Fn::Sub": "{{resolve:x${NoEcho}:y}}"},
        {"Fn::Join": ["", ["{{resolve:", SSM, ":x}}"]]},
    ],
    ids=["Ref", "pseudo parameter", "export", "service", "SSM service"],
)
def test_the_name_that_an_expression_makes_of_a_value_is_not_shown(image: Any) -> None:
    (problem, *_) = plan_of(resource({"Name": "web", "Image": image})).problems
    assert PLANTED not in problem.text
    assert "Image cannot be resolved" in problem.text
