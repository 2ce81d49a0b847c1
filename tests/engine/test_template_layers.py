"""The settings in a template: which layer wins, where a value is from, and the messages about mistakes."""

from __future__ import annotations

from typing import Any

import pytest

from factories import (
    NOVALUE,
    agent_of,
    container,
    notices_of,
    plan_of,
    problems_of,
    processed,
    properties_of,
    resolved,
    scope,
    template,
)
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context, plan
from sysdig_instrument.engine.settings.locks import SETTING_OF_VARIABLE
from sysdig_instrument.engine.settings.template_layers import template_settings

OWN = "SysdigInstrument"


def layered(
    *, resource: Json = None, tags: Json = None, template_metadata: Json = None, **sections: Json
) -> dict[str, Any]:
    value = template(container(), sections=sections, **({"Tags": tags} if tags is not None else {}))
    if template_metadata is not None:
        value["Metadata"] = {OWN: template_metadata}
    if resource is not None:
        value["Resources"]["Api"]["Metadata"] = {OWN: resource}
    return value


def priority_of(value: Json, **params: Json) -> str:
    base = resolved(Priority="availability")
    (task,) = plan(value, Context(deployment_settings=base, transform_parameters=params)).tasks
    (essential,) = (
        change.value["Essential"]
        for change in task.changes
        if isinstance(change.value, dict) and change.value.get("Name") == "SysdigInstrumentation"
    )
    return "security" if essential else "availability"


def test_each_layer_wins_over_the_one_before() -> None:
    low, high = {"Priority": "availability"}, {"Priority": "security"}
    assert priority_of(layered()) == "availability"
    assert priority_of(layered(template_metadata=dict(high))) == "security"
    assert priority_of(layered(template_metadata=dict(high)), Priority="availability") == "availability"
    assert priority_of(layered(template_metadata=dict(low)), Priority="security") == "security"
    assert priority_of(layered(template_metadata=dict(high), resource=dict(low))) == "availability"
    assert priority_of(layered(resource=dict(low)), Priority="security") == "availability"


def test_metadata_of_the_resource_wins_over_its_tags() -> None:
    tags: Json = [{"Key": "sysdig-instrument", "Value": "false"}]
    assert "PidMode" not in properties_of(processed(layered(tags=tags)))
    assert properties_of(processed(layered(tags=tags, resource={"Enabled": True})))["PidMode"] == "task"


def test_the_result_says_which_layer_skipped_the_task() -> None:
    for value, source in (
        (layered(resource={"Enabled": False}), "the resource's Metadata"),
        (layered(template_metadata={"Enabled": False}), "the template's Metadata"),
        (layered(tags=[{"Key": "sysdig-instrument", "Value": "false"}]), "the tags"),
    ):
        result = processed(value)["Resources"]["Api"]["Metadata"][OWN]["Result"]
        assert result["Task"] == f"skipped: Enabled is false in {source}"


@pytest.mark.parametrize("value", ["x", [], 5, True])
def test_settings_that_are_no_object_are_refused(value: Json) -> None:
    for with_layer in (
        layered(template_metadata=value),
        layered(resource=value),
        layered(resource={"Containers": value}),
        layered(resource={"Containers": {"web": value}}),
    ):
        (problem,) = problems_of(with_layer)
        assert "not an object" in problem


def test_settings_under_a_condition_are_refused() -> None:
    value = template()
    value["Resources"]["Api"]["Metadata"] = {"Fn::If": ["C", {"SysdigInstrument": {"Enabled": False}}, NOVALUE]}
    (problem,) = problems_of(value)
    assert "SysdigInstrument is under Fn::If" in problem


def test_an_unknown_setting_is_refused_with_its_place() -> None:
    (problem,) = problems_of(layered(resource={"Prority": "security"}))
    assert problem == (
        'Task "Api" (Resources.Api.Metadata.SysdigInstrument.Prority): Unknown setting "Prority" '
        'in the resource\'s Metadata. Did you mean "Priority"?'
    )


def test_an_earlier_result_is_not_a_setting() -> None:
    assert problems_of(layered(resource={"Result": {"Task": "instrumented"}})) == []


def test_a_container_has_settings_of_its_own() -> None:
    value = template(container(), container(Name="b"))
    value["Resources"]["Api"]["Metadata"] = {OWN: {"Containers": {"b": {"WorkloadEnvironment": {"A": "1"}}}}}
    web, b, _ = properties_of(processed(value))["ContainerDefinitions"]
    assert [each["Name"] for each in web["Environment"]] == ["SYSDIG_SIDECAR"]
    assert [each["Name"] for each in b["Environment"]] == ["SYSDIG_SIDECAR", "A"]


def test_one_container_may_be_enabled_where_the_task_is_not() -> None:
    value = template(container(), container(Name="b"))
    value["Resources"]["Api"]["Metadata"] = {OWN: {"Enabled": False, "Containers": {"b": {"Enabled": True}}}}
    web, b, _ = properties_of(processed(value))["ContainerDefinitions"]
    assert "VolumesFrom" not in web
    assert "VolumesFrom" in b


def test_settings_for_a_missing_container_are_refused() -> None:
    (problem,) = problems_of(layered(resource={"Containers": {"wbe": {"Enabled": False}}}))
    assert 'There are settings for container "wbe", which this task does not have. Use one of: "web"' in problem


@pytest.mark.parametrize("name", ["ExcludeContainers", "IncludeContainers"])
def test_an_unmatched_name_is_refused_only_in_the_resource(name: str) -> None:
    assert problems_of(layered(resource={name: ["w*", "web"]})) == []
    assert problems_of(layered(template_metadata={name: ["w*", "wbe"]})) == []
    assert problems_of(layered(template_metadata={name: ["wbe"]}, resource={name: ["wbe", "web"]})) == []
    (problem,) = problems_of(layered(resource={name: ["web", "*wbe"]}))
    assert problem.startswith(f'Task "Api" (Resources.Api.Metadata.SysdigInstrument.{name}): {name} in the resource')
    assert problem.endswith('names "*wbe", but the task has no such container. Use one of: "web".')


def test_a_container_with_an_unknown_name_may_match() -> None:
    value = template(container(Name={"Ref": "Unknown"}))
    value["Resources"]["Api"]["Metadata"] = {OWN: {"Containers": {"x": {"Enabled": False}}}}
    assert problems_of(value) == []


def test_a_setting_for_tasks_is_refused_for_a_container() -> None:
    (problem,) = problems_of(layered(resource={"Containers": {"web": {"Priority": "security"}}}))
    assert (
        'Setting "Priority" in the resource\'s Metadata is for whole task definitions. Move it out of Containers.'
        in problem
    )


@pytest.mark.parametrize("where", ["template_metadata", "resource", "params"])
def test_a_locked_setting_is_refused_in_every_template_layer(where: str) -> None:
    value: Json = {"Priority": "security"}
    settings_in_layer = layered(**({where: value} if where != "params" else {}))
    base = resolved(LockedSettings="Priority")
    made = plan(
        settings_in_layer,
        Context(
            deployment_settings=base,
            transform_parameters=value if where == "params" and isinstance(value, dict) else {},
        ),
    )
    (problem,) = made.problems
    assert "is locked by the macro's deployment" in problem.text


def test_a_locked_enabled_is_refused_from_tags_too() -> None:
    value = layered(tags=[{"Key": "sysdig-instrument", "Value": "false"}])
    (problem,) = problems_of(value, {"LockedSettings": "Enabled"})
    assert 'Setting "Enabled" in the tags is locked' in problem


@pytest.mark.parametrize(
    ("name", "variable", "owner", "text"),
    [
        ("AgentEnvironment", "SYSDIG_COLLECTOR", "Collector", "other.example"),
        ("AgentEnvironment", "SYSDIG_COLLECTOR_PORT", "CollectorPort", "6444"),
        ("AgentEnvironment", "SYSDIG_EXTRA_CONF", "ExtraConf", "tags: elsewhere"),
        ("AgentEnvironment", "SYSDIG_LOGGING", "LogLevel", "debug"),
        ("AgentEnvironment", "SYSDIG_PRIORITY", "Priority", "security"),
        ("AgentEnvironment", "SYSDIG_SIDECAR", "SidecarMode", "force"),
        ("WorkloadEnvironment", "SYSDIG_SIDECAR", "SidecarMode", "force"),
    ],
)
def test_a_locked_setting_is_locked_as_a_variable_too(name: str, variable: str, owner: str, text: str) -> None:
    """AgentEnvironment wins over the settings that have a variable of their own, and so would be a way around their lock."""
    variables: dict[str, Json] = {name: {variable: {"Fn::Sub": text}}}
    for value in (layered(template_metadata=variables), layered(resource=variables)):
        (problem,) = problems_of(value, {"LockedSettings": owner})
        assert f'sets {variable}, but "{owner}" is locked by the macro\'s deployment' in problem
        assert "elsewhere" not in problem
    assert problems_of(layered(resource={name: {variable: text}})) == []
    assert problems_of(layered(), {"LockedSettings": owner, **variables}) == []


def test_the_agents_own_variables_are_those_that_can_be_locked() -> None:
    everything: dict[str, Json] = {"LogLevel": "debug", "ExtraConf": "a: b"}
    made = {str(each["Name"]) for each in agent_of(processed(template(), everything))["Environment"]}
    assert made == set(SETTING_OF_VARIABLE["AgentEnvironment"])


def test_an_expression_as_a_value_is_evaluated() -> None:
    value = layered(
        template_metadata={"Priority": {"Fn::If": ["C", {"Ref": "P"}, "availability"]}},
        Parameters={"P": {"Type": "String", "Default": "security"}},
        Conditions={"C": {"Fn::Equals": [1, 1]}},
    )
    assert priority_of(value) == "security"


def test_an_unresolved_expression_is_refused() -> None:
    (problem,) = problems_of(layered(template_metadata={"Priority": {"Fn::GetAtt": ["X", "Y"]}}))
    assert 'Setting "Priority" in the template\'s Metadata cannot be resolved: it refers to "X"' in problem


def test_a_setting_without_value_counts_as_not_set() -> None:
    assert priority_of(layered(template_metadata={"Priority": {"Ref": "AWS::NoValue"}})) == "availability"


def test_the_access_key_may_stay_an_expression() -> None:
    secret: Json = {"Fn::GetAtt": ["Key", "Arn"]}
    agent = agent_of(processed(layered(template_metadata={"AccessKeySecret": secret})))
    assert agent["Secrets"] == [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": secret}]


@pytest.mark.parametrize("metadata", [None, [], "x", 5])
def test_a_metadata_section_of_another_type_is_ignored(metadata: Json) -> None:
    assert template_settings({"Metadata": metadata, "Resources": {}}, resolved(), {}, scope()) == (resolved(), [])


# Tags


def tagged(*pairs: tuple[str, Json], settings: dict[str, Json] | None = None) -> dict[str, Any]:
    tags: Json = [{"Key": key, "Value": value} for key, value in pairs]
    return properties_of(processed(layered(tags=tags), settings))


@pytest.mark.parametrize(
    ("tags", "mode", "instrumented"),
    [
        pytest.param([], "opt-out", True, id="no-tag"),
        pytest.param([], "opt-in", False, id="no-tag-opt-in"),
        pytest.param([("sysdig-instrument", "true")], "opt-in", True, id="true-opt-in"),
        pytest.param([("sysdig-instrument", "false")], "opt-out", False, id="false"),
        pytest.param([("kilt-ignore", "")], "opt-out", False, id="kilt-ignore"),
        pytest.param([("kilt-ignore", "false")], "opt-out", False, id="kilt-ignore-false"),
        pytest.param([("kilt-include", "")], "opt-in", True, id="kilt-include"),
        pytest.param([("kilt-include", "x"), ("kilt-ignore", "x")], "opt-in", False, id="include-and-ignore"),
        pytest.param([("kilt-ignore", "x"), ("kilt-include", "x")], "opt-in", False, id="ignore-and-include"),
        pytest.param([("kilt-include-containers", "web")], "opt-in", True, id="include-container"),
        pytest.param([("kilt-include-containers", "other")], "opt-in", False, id="include-other-container"),
        pytest.param([("kilt-include-containers", "other")], "opt-out", True, id="include-other-opt-out"),
        pytest.param([("kilt-ignore-containers", "a: web :b")], "opt-out", False, id="ignore-container"),
        pytest.param([("kilt-ignore-containers", "other")], "opt-out", True, id="ignore-other-container"),
        pytest.param([("Kilt-Ignore", "x")], "opt-out", True, id="other-case"),
        pytest.param([("other", "x")], "opt-out", True, id="other-tag"),
    ],
)
def test_tags_set_enabled(tags: list[tuple[str, Json]], mode: str, *, instrumented: bool) -> None:
    assert ("PidMode" in tagged(*tags, settings={"Mode": mode})) is instrumented


@pytest.mark.parametrize("value", ["yes", "1", "", " ", 5])
def test_a_tag_that_is_neither_true_nor_false_is_refused(value: Json) -> None:
    problems = problems_of(layered(tags=[{"Key": "sysdig-instrument", "Value": value}]))
    assert len(problems) == (1 if value != "" else 0)


def test_an_ignored_task_whose_tag_says_false_is_noticed() -> None:
    (notice,) = notices_of(layered(tags=[{"Key": "kilt-ignore", "Value": "False"}]))
    assert 'Tag "kilt-ignore" counts whatever its value' in notice


def test_a_tag_with_an_unresolved_value_is_refused() -> None:
    (problem,) = problems_of(layered(tags=[{"Key": "sysdig-instrument", "Value": {"Fn::GetAtt": ["X", "Y"]}}]))
    assert 'The value of tag "sysdig-instrument" cannot be resolved' in problem


@pytest.mark.parametrize(("condition", "enabled"), [([1, 1], False), ([1, 2], True)])
def test_a_conditional_tag_applies_if_active(condition: Json, *, enabled: bool) -> None:
    tag: Json = {"Fn::If": ["C", {"Key": "sysdig-instrument", "Value": "false"}, {"Ref": "AWS::NoValue"}]}
    made = processed(layered(tags=[tag], Conditions={"C": {"Fn::Equals": condition}}))
    assert ("PidMode" in properties_of(made)) is enabled


def test_a_tag_under_an_unknown_condition_is_refused() -> None:
    tag: Json = {"Fn::If": ["Unknown", {"Key": "kilt-ignore", "Value": "x"}, {"Ref": "AWS::NoValue"}]}
    (problem,) = problems_of(layered(tags=[tag]))
    assert 'Whether tag "kilt-ignore" is present depends on a condition that is not known here' in problem


@pytest.mark.parametrize(
    "tags",
    [
        None,
        {},
        "x",
        5,
        [None],
        [[]],
        [{}],
        [{"Key": 5}],
        [{"Value": "x"}],
        [{"Key": {"Ref": "X"}, "Value": "x"}],
        {"Ref": "X"},
    ],
)
def test_malformed_tags_are_ignored(tags: Json) -> None:
    assert plan_of(layered(tags=tags)).problems == ()


def test_each_mistake_in_container_settings_is_reported() -> None:
    named: Json = {"a": 5, "b": {"Prioirty": "x"}, "c": {"Enabled": "x"}, "d": {"Enabled": False}}
    problems = problems_of(layered(resource={"Containers": named}))
    locations = ["a)", "b.Prioirty)", "c.Enabled)"]
    assert [problem.partition("Containers.")[2].partition(":")[0] for problem in problems[:3]] == locations


def test_a_mistake_in_a_tag_points_to_the_tag() -> None:
    (problem,) = problems_of(layered(tags=[{"Key": "a"}, {"Key": "sysdig-instrument", "Value": "perhaps"}]))
    assert "(Resources.Api.Properties.Tags[1])" in problem


def test_every_tag_is_read_beside_an_invalid_one() -> None:
    tags: list[Json] = [
        {"Key": "sysdig-instrument", "Value": {"Fn::GetAtt": ["X", "Y"]}},
        {"Key": "kilt-ignore", "Value": "no"},
    ]
    value = layered(tags=tags)
    assert len(problems_of(value)) == 1
    value["Resources"]["Api"]["Properties"]["Tags"] = [{"Key": "kilt-ignore", "Value": word} for word in ("no", "0")]
    assert len(notices_of(value)) == 2


def test_kilt_include_containers_opts_in() -> None:
    made = tagged(("kilt-include-containers", "web"), settings={"Mode": "opt-in", "Enabled": False})
    assert made["PidMode"] == "task"
