"""What changes in a container and in its task, step by step; and that a second run changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from factories import (
    NOVALUE,
    ROLE,
    SECRET,
    agent_of,
    container,
    containers_of,
    context_of,
    notices_of,
    plan_of,
    problems_of,
    processed,
    properties_of,
    template,
)
from sysdig_instrument.engine.agent import AGENT_NAME, WRAPPER
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import ImageConfig, Unavailable
from sysdig_instrument.engine.plan import plan
from sysdig_instrument.planning import plan_with_lookups

SIDECAR: Json = {"Name": "SYSDIG_SIDECAR", "Value": "auto"}
VOLUME: Json = {"SourceContainer": AGENT_NAME, "ReadOnly": True}
TAKEN: dict[str, Json] = {"Conditions": {"C": {"Fn::Equals": [1, 1]}, "D": {"Fn::Equals": [1, 2]}}}


def made(sections: dict[str, Json] | None = None, **members: Json) -> dict[str, Any]:
    """The first container, processed; a second run must change nothing."""
    once = processed(template(container(**members), sections={**TAKEN, **(sections or {})}))
    assert list(plan_of(once).changes) == []
    return containers_of(once)[0]


def assumptions(condition: str, yes: Json, no: Json = NOVALUE) -> dict[str, Json]:
    return {"Fn::If": [condition, yes, no]}


# EntryPoint and Command. The image runs: start serve.


@pytest.mark.parametrize(
    ("entry_point", "command", "new_entry_point", "new_command"),
    [
        pytest.param(["a"], None, [WRAPPER, "a"], None, id="entry-point"),
        pytest.param(["a"], ["b"], [WRAPPER, "a"], ["b"], id="entry-point-and-command"),
        pytest.param([WRAPPER, "a"], ["b"], [WRAPPER, "a"], ["b"], id="already-wrapped"),
        pytest.param([{"Ref": "X"}], ["b"], [WRAPPER, {"Ref": "X"}], ["b"], id="expression-item"),
        pytest.param(["", "a"], None, [WRAPPER, "", "a"], None, id="empty-first-item"),
        pytest.param(NOVALUE, ["b"], [WRAPPER, "start"], ["b"], id="no-value-and-command"),
        pytest.param([], ["b"], [WRAPPER, "start"], ["b"], id="empty-list-and-command"),
        pytest.param(None, ["b"], [WRAPPER, "start"], ["b"], id="null-and-command"),
        pytest.param(NOVALUE, NOVALUE, [WRAPPER, "start"], ["serve"], id="both-no-value"),
        pytest.param([], [], [WRAPPER, "start"], ["serve"], id="both-empty"),
        pytest.param(
            assumptions("C", ["a"]),
            None,
            assumptions("C", [WRAPPER, "a"], [WRAPPER, "start"]),
            assumptions("C", NOVALUE, ["serve"]),
            id="conditional-entry-point",
        ),
        pytest.param(
            assumptions("C", ["a"]),
            ["b"],
            assumptions("C", [WRAPPER, "a"], [WRAPPER, "start"]),
            ["b"],
            id="conditional-entry-point-and-command",
        ),
        pytest.param(
            NOVALUE,
            [assumptions("C", "b")],
            [WRAPPER, "start"],
            assumptions("C", ["b"], ["serve"]),
            id="conditional-command",
        ),
        pytest.param(
            NOVALUE,
            [assumptions("C", "b"), "c"],
            [WRAPPER, "start"],
            [assumptions("C", "b"), "c"],
            id="conditional-first-argument",
        ),
        pytest.param(
            [assumptions("C", "a")],
            ["b"],
            assumptions("C", [WRAPPER, "a"], [WRAPPER, "start"]),
            ["b"],
            id="conditional-list-and-command",
        ),
        pytest.param(
            [assumptions("C", 1, no=True)],
            ["b"],
            [WRAPPER, assumptions("C", 1, no=True)],
            ["b"],
            id="conditional-non-string",
        ),
        pytest.param(
            [NOVALUE, assumptions("C", "a", "b"), assumptions("C", 1, no=True)],
            None,
            [WRAPPER, NOVALUE, assumptions("C", "a", "b"), assumptions("C", 1, no=True)],
            None,
            id="no-value-and-conditional-items",
        ),
    ],
)
def test_the_wrapper_starts_the_original_command(
    entry_point: Json, command: Json, new_entry_point: Json, new_command: Json
) -> None:
    members = {"EntryPoint": entry_point, **({"Command": command} if command is not None else {})}
    web = made({}, **members)
    assert repr(web["EntryPoint"]) == repr(new_entry_point)
    assert repr(web.get("Command")) == repr(new_command)


@pytest.mark.parametrize("key", ["EntryPoint", "Command"])
def test_a_list_of_optional_items_gets_linearly_many_branches(key: str) -> None:
    flags: list[Json] = [assumptions(f"C{number}", f"--{number}") for number in range(40)]
    members: dict[str, Any] = {"EntryPoint": None, key: flags}
    new = made(**members)[key]
    wrapper: list[Json] = [WRAPPER] if key == "EntryPoint" else []
    for number in range(40):
        condition, yes, new = new["Fn::If"]
        assert (condition, yes) == (f"C{number}", [*wrapper, f"--{number}", *flags[number + 1 :]])
    assert new == ([WRAPPER, "start"] if wrapper else ["serve"])


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("x", id="string"),
        pytest.param(5, id="number"),
        pytest.param(True, id="boolean"),
        pytest.param({}, id="empty-object"),
        pytest.param({"Fn::Join": [",", ["a"]]}, id="join"),
        pytest.param({"Fn::GetAtt": ["X", "Y"]}, id="getatt"),
    ],
)
def test_an_entry_point_that_cannot_be_extended_is_refused(bad: Json) -> None:
    (problem,) = problems_of(template(container(EntryPoint=bad)))
    assert "EntryPoint" in problem


def test_a_bad_entry_point_in_an_inactive_branch_is_a_notice() -> None:
    value = template(container(EntryPoint=assumptions("C", ["a"], "x")), sections=TAKEN)
    assert any("it is left as it was in this branch, which is not taken now" in each for each in notices_of(value))
    web = containers_of(processed(value))[0]
    assert web["EntryPoint"] == assumptions("C", [WRAPPER, "a"], "x")


def test_a_wrapper_later_in_the_entry_point_is_kept() -> None:
    by_hand: Json = ["sh", "-c", f"{WRAPPER} run"]
    assert made(EntryPoint=by_hand)["EntryPoint"] == by_hand


# Environment, VolumesFrom, LinuxParameters


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NOVALUE, [SIDECAR], id="no-value"),
        pytest.param(None, [SIDECAR], id="null"),
        pytest.param([], [SIDECAR], id="empty"),
        pytest.param([{"Name": "A", "Value": "1"}], [{"Name": "A", "Value": "1"}, SIDECAR], id="another-variable"),
        pytest.param([SIDECAR], [SIDECAR], id="present"),
        pytest.param([{"Name": "SYSDIG_SIDECAR", "Value": "x"}], [SIDECAR], id="another-value"),
        pytest.param([{"Name": "SYSDIG_SIDECAR"}], [SIDECAR], id="without-value"),
        pytest.param(
            [{"Name": {"Fn::Sub": "SYSDIG_SIDECAR"}, "Value": "auto"}],
            [{"Name": {"Fn::Sub": "SYSDIG_SIDECAR"}, "Value": "auto"}],
            id="name-is-expression",
        ),
        pytest.param(
            [assumptions("C", SIDECAR)],
            [assumptions("C", SIDECAR), assumptions("C", NOVALUE, SIDECAR)],
            id="conditional-item",
        ),
        pytest.param(assumptions("C", [SIDECAR]), assumptions("C", [SIDECAR], [SIDECAR]), id="conditional-list"),
        pytest.param(
            [assumptions("C", {"Name": "SYSDIG_SIDECAR", "Value": "x"}, SIDECAR)],
            [assumptions("C", SIDECAR, SIDECAR)],
            id="another-value-in-one-branch",
        ),
        pytest.param(["x", 5, None], ["x", 5, None, SIDECAR], id="malformed-items"),
        pytest.param([{"Ref": "X"}], [{"Ref": "X"}, SIDECAR], id="opaque-item"),
    ],
)
def test_the_variable_is_added_once(before: Json, after: Json) -> None:
    assert made(Environment=before)["Environment"] == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NOVALUE, [VOLUME], id="no-value"),
        pytest.param([VOLUME], [VOLUME], id="present"),
        pytest.param([{"SourceContainer": AGENT_NAME}], [VOLUME], id="without-read-only"),
        pytest.param([{"SourceContainer": AGENT_NAME, "ReadOnly": False}], [VOLUME], id="writable"),
        pytest.param(
            [{"SourceContainer": AGENT_NAME, "ReadOnly": "true"}],
            [{"SourceContainer": AGENT_NAME, "ReadOnly": "true"}],
            id="read-only-as-string",
        ),
        pytest.param(
            [assumptions("C", VOLUME)],
            [assumptions("C", VOLUME), assumptions("C", NOVALUE, VOLUME)],
            id="conditional-item",
        ),
    ],
)
def test_the_volume_is_added_once_and_read_only(before: Json, after: Json) -> None:
    assert made(VolumesFrom=before)["VolumesFrom"] == after


def add(*capabilities: Json) -> dict[str, Json]:
    return {"Capabilities": {"Add": list(capabilities)}}


PARAMETERS: dict[str, Json] = {
    "Parameters": {"Cap": {"Type": "String", "Default": "SYS_PTRACE"}, "Other": {"Type": "String", "Default": "x"}}
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NOVALUE, add("SYS_PTRACE"), id="no-value"),
        pytest.param(None, add("SYS_PTRACE"), id="null"),
        pytest.param({}, add("SYS_PTRACE"), id="empty"),
        pytest.param({"Capabilities": NOVALUE}, add("SYS_PTRACE"), id="capabilities-no-value"),
        pytest.param({"Capabilities": {}}, add("SYS_PTRACE"), id="capabilities-empty"),
        pytest.param(add(), add("SYS_PTRACE"), id="add-empty"),
        pytest.param(add("SYS_PTRACE"), add("SYS_PTRACE"), id="present"),
        pytest.param(
            {"Capabilities": {"Add": None, "Drop": ["ALL"]}},
            {"Capabilities": {"Add": ["SYS_PTRACE"], "Drop": ["ALL"]}},
            id="add-null-with-drop",
        ),
        pytest.param(add({"Ref": "Other"}), add({"Ref": "Other"}, "SYS_PTRACE"), id="list-parameter"),
        pytest.param(add({"Ref": "Unknown"}), add({"Ref": "Unknown"}, "SYS_PTRACE"), id="unknown-item"),
        pytest.param(add({"Ref": "Cap"}), add({"Ref": "Cap"}), id="parameter-is-sys-ptrace"),
        pytest.param(
            add(assumptions("C", "SYS_PTRACE")),
            add(assumptions("C", "SYS_PTRACE"), assumptions("C", NOVALUE, "SYS_PTRACE")),
            id="conditional-item",
        ),
        pytest.param(add(5, None), add(5, None, "SYS_PTRACE"), id="malformed-items"),
        pytest.param(
            {"InitProcessEnabled": True}, {"InitProcessEnabled": True, **add("SYS_PTRACE")}, id="other-parameters"
        ),
        pytest.param(
            assumptions("C", add("A"), NOVALUE),
            assumptions("C", add("A", "SYS_PTRACE"), add("SYS_PTRACE")),
            id="conditional-object",
        ),
    ],
)
def test_the_capability_is_added_once(before: Json, after: Json) -> None:
    assert made(PARAMETERS, LinuxParameters=before)["LinuxParameters"] == after


@pytest.mark.parametrize("key", ["Environment", "VolumesFrom", "LinuxParameters"])
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("x", id="string"),
        pytest.param(5, id="number"),
        pytest.param({"Ref": "X"}, id="ref"),
        pytest.param({"Fn::GetAtt": ["X", "Y"]}, id="getatt"),
    ],
)
def test_unextendable_values_are_refused_with_their_location(key: str, bad: Json) -> None:
    (problem,) = problems_of(template(container(**{key: bad})))
    assert f"(Resources.Api.Properties.ContainerDefinitions[0].{key}): {key} " in problem


def test_a_plaintext_key_gets_a_notice_without_the_key() -> None:
    value = template(container(Environment=[{"Name": "SYSDIG_ACCESS_KEY", "Value": "hunter2"}]))
    assert any("SYSDIG_ACCESS_KEY is in plain text" in each for each in notices_of(value))
    assert "hunter2" not in "".join(notices_of(value))


# PidMode


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NOVALUE, "task", id="no-value"),
        pytest.param(None, "task", id="null"),
        pytest.param("task", "task", id="task"),
        pytest.param("shareable", "task", id="shareable"),
        pytest.param(assumptions("C", "task"), assumptions("C", "task", "task"), id="conditional-task"),
        pytest.param({"Fn::Sub": "task"}, {"Fn::Sub": "task"}, id="expression-is-task"),
        pytest.param(assumptions("C", "task", "host"), assumptions("C", "task", "host"), id="host-in-inactive-branch"),
    ],
)
def test_the_task_shares_its_process_namespace(before: Json, after: Json) -> None:
    assert properties_of(processed(template(sections=TAKEN, PidMode=before)))["PidMode"] == after


@pytest.mark.parametrize(
    "host",
    [
        pytest.param("host", id="literal"),
        pytest.param(assumptions("C", "host"), id="in-active-branch"),
        pytest.param({"Fn::Sub": "host"}, id="expression"),
    ],
)
def test_pid_mode_host_is_refused(host: Json) -> None:
    (problem,) = problems_of(template(sections=TAKEN, PidMode=host))
    assert "PidMode is host, and the agent needs task" in problem


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param({"Fn::GetAtt": ["X", "Mode"]}, id="getatt"),
        pytest.param(assumptions("C", {"Ref": "X"}), id="in-active-branch"),
    ],
)
def test_an_unknown_pid_mode_is_refused(mode: Json) -> None:
    (problem,) = problems_of(template(sections=TAKEN, PidMode=mode))
    assert "PidMode cannot be resolved (it refers to" in problem


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("host", id="host"),
        pytest.param({"Ref": "X"}, id="unknown"),
    ],
)
def test_pid_mode_in_an_inactive_branch_stays_with_a_notice(mode: Json) -> None:
    value = template(sections=TAKEN, PidMode=assumptions("C", "task", mode))
    assert properties_of(processed(value))["PidMode"] == assumptions("C", "task", mode)
    assert any("PidMode" in notice and "which is not taken now" in notice for notice in notices_of(value))


@pytest.mark.parametrize(
    "mode",
    [
        pytest.param("host", id="host"),
        pytest.param({"Ref": "X"}, id="unknown"),
    ],
)
def test_pid_mode_host_stays_if_nothing_is_instrumented(mode: Json) -> None:
    """Under the condition that makes it so there is no container but the excluded one."""
    value = template(
        assumptions("C", container()), container(Name="b"), sections=TAKEN, PidMode=assumptions("C", NOVALUE, mode)
    )
    assert properties_of(processed(value, {"ExcludeContainers": "b"}))["PidMode"] == assumptions("C", "task", mode)
    assert not any("PidMode" in notice for notice in notices_of(value, {"ExcludeContainers": "b"}))


def test_pid_mode_from_a_mapping_in_a_loop_is_refused() -> None:
    mode: Json = {"Fn::FindInMap": ["Modes", {"Ref": "Item"}, "Pid"]}
    body = {"Task${Item}": template(PidMode=mode)["Resources"]["Api"]}
    value: dict[str, Json] = {
        "Mappings": {"Modes": {"a": {"Pid": "task"}, "b": {"Pid": "host"}, "c": {"Pid": "task"}}},
        "Resources": {"Fn::ForEach::Tasks": ["Item", ["a", "b"], body]},
    }
    (problem,) = problems_of(value)
    assert "PidMode is host" in problem
    value["Resources"] = {"Fn::ForEach::Tasks": ["Item", ["a", "c"], body]}
    assert problems_of(value) == []


def test_pid_mode_follows_conditional_containers() -> None:
    value = template(assumptions("C", container()), container(Name="b"), sections=TAKEN)
    made_value = processed(value, {"ExcludeContainers": "b"})
    assert properties_of(made_value)["PidMode"] == assumptions("C", "task")
    assert properties_of(made_value)["ContainerDefinitions"][-1]["Fn::If"][0] == "C"


# The agent


def test_the_agent_is_last_and_holds_the_only_secret() -> None:
    value = processed(template(container(), container(Name="b")))
    assert properties_of(value)["ContainerDefinitions"][-1] == agent_of(value)
    assert agent_of(value) == {
        "Name": AGENT_NAME,
        "Image": "quay.io/sysdig/workload-agent:latest",
        "Essential": False,
        "Environment": [
            {"Name": "SYSDIG_COLLECTOR", "Value": "ingest-us2.app.sysdig.com"},
            {"Name": "SYSDIG_COLLECTOR_PORT", "Value": "6443"},
            {"Name": "SYSDIG_PRIORITY", "Value": "availability"},
            SIDECAR,
        ],
        "Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": SECRET}],
    }
    assert all("Secrets" not in each for each in containers_of(value))


@pytest.mark.parametrize(
    ("settings", "essential"),
    [
        pytest.param({}, False, id="default"),
        pytest.param({"Priority": "security"}, True, id="security"),
        pytest.param({"Priority": "security", "AgentEssential": False}, False, id="security-but-not-essential"),
        pytest.param({"AgentEssential": True}, True, id="essential"),
    ],
)
def test_the_agent_is_essential_where_security_comes_first(settings: dict[str, Json], *, essential: bool) -> None:
    assert agent_of(processed(template(), settings))["Essential"] is essential


@pytest.mark.parametrize(
    ("workload", "agents"),
    [
        pytest.param(
            {"LogDriver": "awslogs", "Options": {"awslogs-group": "g", "awslogs-stream-prefix": "web"}},
            {"LogDriver": "awslogs", "Options": {"awslogs-group": "g", "awslogs-stream-prefix": "sysdig"}},
            id="awslogs-with-prefix",
        ),
        pytest.param({"LogDriver": "splunk"}, {"LogDriver": "splunk"}, id="without-options"),
        pytest.param(NOVALUE, None, id="no-value"),
        pytest.param({"LogDriver": "x", "Options": "y"}, {"LogDriver": "x", "Options": "y"}, id="malformed-options"),
    ],
)
def test_an_inherited_log_configuration_has_a_prefix_of_its_own(workload: Json, agents: Json) -> None:
    value = template(container(LogConfiguration=workload))
    assert agent_of(processed(value, {"AgentLogConfiguration": "inherit"})).get("LogConfiguration") == agents


def test_an_existing_agent_is_updated_to_the_settings() -> None:
    once = processed(template(container(), container(Name="b")))
    agent = agent_of(once)
    agent.update(Image="old/workload-agent:1", Essential=True, Command=["x"])
    del agent["Environment"]
    again = processed(once)
    assert agent_of(again) == agent_of(processed(template()))
    assert len(properties_of(again)["ContainerDefinitions"]) == 3


# The Result


def test_the_result_stays_where_nothing_else_changes() -> None:
    once = processed(template())
    result = once["Resources"]["Api"]["Metadata"]["SysdigInstrument"]["Result"]
    assert result["Task"] == "instrumented"
    assert result["Containers"] == {"web": "instrumented: entry point from the template"}
    assert processed(once) == once


def test_the_result_goes_into_existing_metadata() -> None:
    value = template()
    value["Resources"]["Api"]["Metadata"] = {"cfn-lint": {"config": {}}}
    made = processed(value)["Resources"]["Api"]["Metadata"]
    assert made["cfn-lint"] == {"config": {}}
    assert made["SysdigInstrument"]["Result"]["Task"] == "instrumented"


def test_an_earlier_result_is_replaced_if_something_changes() -> None:
    value = template()
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": {"Enabled": True, "Result": {"Task": "skipped"}}}
    made = processed(value)["Resources"]["Api"]["Metadata"]["SysdigInstrument"]
    assert made["Enabled"] is True
    assert made["Result"]["Task"] == "instrumented"


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param([], id="list"),
        pytest.param("x", id="string"),
        pytest.param(5, id="number"),
        pytest.param(assumptions("C", {"A": "b"}), id="conditional"),
    ],
)
def test_metadata_of_another_type_is_noticed_and_kept(metadata: Json) -> None:
    value = template()
    value["Resources"]["Api"]["Metadata"] = metadata
    assert any("Metadata is not an object" in each for each in notices_of(value))
    assert processed(value)["Resources"]["Api"]["Metadata"] == metadata


# What is refused rather than guessed


def test_exponentially_many_conditions_are_refused() -> None:
    nested: list[Json] = [
        assumptions(f"A{number}", assumptions(f"B{number}", container(Name=f"c{number}"), NOVALUE), NOVALUE)
        for number in range(30)
    ]
    (problem,) = problems_of(template(ContainerDefinitions=nested))
    assert "too many different conditions" in problem


def test_an_entry_point_of_an_empty_text_is_refused() -> None:
    (problem,) = problems_of(template(container(EntryPoint=[""])))
    assert "contains only an empty string" in problem


def test_a_loop_item_with_pid_mode_host_is_refused() -> None:
    task = template(container())["Resources"]["Api"]
    task["Properties"]["PidMode"] = {"Fn::FindInMap": ["M", {"Ref": "X"}, "pid"]}
    loop: dict[str, Any] = {
        "Mappings": {"M": {"a": {"pid": "task"}, "b": {"pid": "host"}}},
        "Resources": {"Fn::ForEach::All": ["X", ["a", "b"], {"Task${X}": task}]},
    }
    assert any("PidMode is host" in each for each in problems_of(loop))


def test_an_opt_out_in_conditional_tags_applies() -> None:
    value = template(container(), Tags={"Fn::FindInMap": ["M", "a", "tags"]})
    value["Mappings"] = {"M": {"a": {"tags": [{"Key": "sysdig-instrument", "Value": "false"}]}}}
    assert processed(value)["Resources"]["Api"]["Properties"] == value["Resources"]["Api"]["Properties"]


def test_a_snippet_of_another_resource_type_is_refused() -> None:
    (problem,) = problems_of({"Type": "AWS::ECS::Service", "Properties": {}})
    assert "There is no task definition where this macro stands" in problem


# Names in expressions


def test_a_volume_that_evaluates_to_the_agent_is_not_repeated() -> None:
    entry: dict[str, Json] = {"SourceContainer": {"Fn::Sub": "SysdigInstrumentation"}, "ReadOnly": False}
    value = processed(template(container(VolumesFrom=[entry])))
    assert containers_of(value)[0]["VolumesFrom"] == [{**entry, "ReadOnly": True}]


# Result


def test_the_reason_does_not_name_an_unread_image() -> None:
    web = container(EntryPoint=assumptions("C", ["run"]), Image="shop/gone:1")
    value = template(web, sections=TAKEN)
    context = context_of()
    gone = plan_with_lookups(
        value, context, lambda asked: dict.fromkeys(asked, Unavailable(Reason("It is gone", "Push it")))
    )
    assert gone.tasks[0].containers[0].text == "instrumented: entry point from the template"
    assert plan_of(value).tasks[0].containers[0].text == "instrumented: entry point from the image"


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(5, id="number"),
        pytest.param([""], id="empty-string"),
        pytest.param({"Ref": "Nothing"}, id="empty-list-parameter"),
        pytest.param({"Fn::Join": [",", ["a"]]}, id="not-a-list"),
    ],
)
def test_the_reason_of_an_unchanged_entry_point(bad: Json) -> None:
    """In a resource that is not created now, where it stops nobody."""
    parameters: Json = {"Nothing": {"Type": "CommaDelimitedList", "Default": ""}}
    value = template(container(EntryPoint=bad), sections={**TAKEN, "Parameters": parameters})
    assert problems_of(value)
    value["Resources"]["Api"]["Condition"] = "D"
    assert plan_of(value).tasks[0].containers[0].text == "instrumented: entry point left unchanged"


@pytest.mark.parametrize("key", ["EntryPoint", "Command"])
def test_a_conditionally_empty_string_is_refused_if_active(key: str) -> None:
    """Found by fuzzing: such a list came out as it was, and was said to be instrumented."""
    rest: dict[str, Json] = {"EntryPoint": None} if key == "Command" else {}
    lists: list[Json] = [
        [assumptions("C", "", "run")],
        [assumptions("C", "", NOVALUE)],
        [assumptions("D", NOVALUE), ""],
    ]
    for items in lists:
        (problem,) = problems_of(template(container(**{**rest, key: items}), sections=TAKEN))
        assert f"{key} contains only an empty string" in problem
    later = template(container(**rest | {key: [assumptions("D", "", "run")]}), sections=TAKEN)
    assert any("empty string; it is left as it was in this branch" in each for each in notices_of(later))
    assert processed(processed(later)) == processed(later)


def test_the_agents_secrets_stay_if_the_settings_have_none() -> None:
    """An agent without a key is no agent."""
    once = processed(template())
    again = plan(once, context_of({"AccessKeySecret": ""}))
    assert not any("Secrets" in change.pointer for change in again.changes)
    assert not any("Secrets of the agent's container" in each.text for each in again.notices)


def test_a_writable_volume_is_made_read_only() -> None:
    volume: Json = {"SourceContainer": AGENT_NAME, "ReadOnly": False}
    value = template(container(VolumesFrom=[volume]))
    (change,) = (each for each in plan_of(value).changes if "VolumesFrom" in each.pointer)
    assert (change.operation, change.value, change.was) == ("replace", True, False)
    assert change.reason == "the workload only needs to read the agent's files"


def test_the_default_role_is_given_with_its_reason() -> None:
    value = template(ExecutionRoleArn=NOVALUE)
    plan = plan_of(value, {"DefaultExecutionRoleArn": ROLE})
    (change,) = (each for each in plan.changes if each.pointer[-1] == "ExecutionRoleArn")
    assert change.reason == "DefaultExecutionRoleArn, because the task has no role of its own"


def test_a_missing_image_is_reported_for_each_branch() -> None:
    """A Command by hand in the first branch ends nothing."""
    command = assumptions("Later", [WRAPPER, "x"], NOVALUE)
    sections: dict[str, Json] = {"Conditions": {"Later": {"Fn::Equals": [1, 2]}}}
    value = template(container(EntryPoint=None, Command=command, Image="shop/gone:1"), sections=sections)
    context = context_of()
    gone = plan_with_lookups(
        value, context, lambda asked: dict.fromkeys(asked, Unavailable(Reason("It is gone", "Push it")))
    )
    assert any("It is gone" in each.text for each in gone.problems)


def test_an_image_that_is_not_looked_up_yet_is_no_problem() -> None:
    context = context_of()
    first = plan(template(container(EntryPoint=None)), context)
    assert (first.problems, len(first.lookups)) == ((), 1)


def test_an_image_whose_cmd_is_the_wrapper_is_unchanged() -> None:
    context = context_of()
    own = ImageConfig((), (WRAPPER, "run"))
    value = plan_with_lookups(template(container(EntryPoint=None)), context, lambda asked: dict.fromkeys(asked, own))
    assert value.tasks[0].containers[0].text == "instrumented: already wrapped"
    assert not any({"EntryPoint", "Command"} & set(map(str, change.pointer)) for change in value.changes)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param([], id="empty"),
        pytest.param(5, id="malformed"),
        pytest.param({"Ref": "AWS::NoValue"}, id="no-value"),
    ],
)
def test_a_list_may_be_missing_or_empty_in_one_branch(first: Json) -> None:
    value = template(sections=TAKEN)
    value["Resources"]["Api"]["Properties"]["ContainerDefinitions"] = assumptions("D", first, [container()])
    (web, *_) = plan_of(value).tasks[0].containers
    assert web.text == "instrumented: entry point from the template"


def test_a_malformed_item_does_not_hide_the_next_problem() -> None:
    odd, host = problems_of(template(5, container(LinuxParameters=5)))
    assert "The container definition is not an object that is in sight" in odd
    assert "LinuxParameters is not an object" in host


def test_each_variable_change_has_a_reason() -> None:
    plan_ = plan_of(template(container(Environment=[])), {"WorkloadEnvironment": {"A": "b"}})
    reasons = {each.reason for each in plan_.changes if "Environment" in each.pointer}
    assert reasons == {"tells the wrapper that the agent runs beside it", "WorkloadEnvironment"}
    nameless = plan_of(template(container(Environment=[{"Name": "SYSDIG_SIDECAR"}])))
    (change,) = (each for each in nameless.changes if "Environment" in each.pointer)
    assert (change.operation, change.reason) == ("add", "SYSDIG_SIDECAR is set by this macro")
