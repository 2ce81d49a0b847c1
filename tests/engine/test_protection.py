"""The verdict: what is missing where, and what does not matter for protection."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from factories import SETTINGS, container, context_of, plan_of, processed, template
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import OutOfScope, Protected, Protection, Unprotected, protection
from sysdig_instrument.planning import no_lookups, plan_with_lookups


def verdict_on(value: Json) -> Protection:
    (task,) = plan_of(value, SETTINGS).tasks
    return protection(task)


@pytest.fixture
def made() -> dict[str, Any]:
    return processed(template(container(Environment=[{"Name": "A", "Value": "b"}])))


def containers(made: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = made["Resources"]["Api"]["Properties"]["ContainerDefinitions"]
    return found


def test_a_processed_template_is_protected(made: dict[str, Any]) -> None:
    assert verdict_on(made) == Protected()


def test_a_skipped_task_is_out_of_scope() -> None:
    assert verdict_on(template(RequiresCompatibilities=["EC2"])) == OutOfScope(
        "not for Fargate, and covered by the host agent (LaunchTypes is FARGATE)"
    )


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param("VolumesFrom", "does not have the volume with the wrapper", id="VolumesFrom"),
        pytest.param("LinuxParameters", "does not have the capability SYS_PTRACE", id="LinuxParameters"),
        pytest.param("Environment", "does not have the variables that the wrapper needs", id="Environment"),
    ],
)
def test_removed_members_are_reported_missing(made: dict[str, Any], key: str, reason: str) -> None:
    del containers(made)[0][key]
    assert verdict_on(made) == Unprotected((f'Container "web" {reason}',))


def test_a_missing_wrapper_is_reported(made: dict[str, Any]) -> None:
    containers(made)[0]["EntryPoint"] = ["run"]
    assert verdict_on(made) == Unprotected(('Container "web" is not started by the wrapper',))


def test_another_pid_mode_is_reported(made: dict[str, Any]) -> None:
    del made["Resources"]["Api"]["Properties"]["PidMode"]
    assert verdict_on(made) == Unprotected(("The task's PidMode is not task",))


def test_a_missing_agent_is_reported(made: dict[str, Any]) -> None:
    del containers(made)[1]
    reasons = verdict_on(made)
    assert isinstance(reasons, Unprotected)
    assert "The agent's container is missing" in reasons.reasons


def test_missing_members_are_reported_once_each() -> None:
    reasons = verdict_on(template())
    assert isinstance(reasons, Unprotected)
    assert len(reasons.reasons) == len(set(reasons.reasons)) == 6


def with_another_collector(value: dict[str, Any]) -> None:
    containers(value)[1]["Environment"][0]["Value"] = "elsewhere.example.com"


def with_a_volume_to_write_to(value: dict[str, Any]) -> None:
    containers(value)[0]["VolumesFrom"][0]["ReadOnly"] = False


def with_another_mode(value: dict[str, Any]) -> None:
    containers(value)[0]["Environment"][-1]["Value"] = "force"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(with_another_collector, id="collector"),
        pytest.param(with_a_volume_to_write_to, id="writable-volume"),
        pytest.param(with_another_mode, id="sidecar-mode"),
    ],
)
def test_changes_that_do_not_affect_protection(made: dict[str, Any], change: Any) -> None:
    changed = copy.deepcopy(made)
    change(changed)
    assert changed != made
    assert verdict_on(changed) == Protected()


@pytest.mark.parametrize("unresolved", ["fail", "skip"])
def test_a_container_without_entry_point_is_unprotected(unresolved: str) -> None:
    value = template(container(EntryPoint=None))
    (task,) = plan_with_lookups(value, context_of({"OnUnresolvedImage": unresolved}), no_lookups).tasks
    assert protection(task) == Unprotected(('Container "web" is not started by the wrapper',))


def test_a_refused_task_is_unprotected_with_its_reason() -> None:
    assert verdict_on(template(PidMode="host")) == Unprotected(
        (
            "PidMode is host, and the agent needs task",
            'Container "web" is not started by the wrapper',
            'Container "web" does not have the variables that the wrapper needs',
            'Container "web" does not have the volume with the wrapper',
            'Container "web" does not have the capability SYS_PTRACE',
            "The agent's container is missing",
        )
    )


def with_a_condition(value: dict[str, Any]) -> None:
    value["Resources"]["Api"]["Properties"]["PidMode"] = {"Fn::If": ["C", "task", {"Ref": "AWS::NoValue"}]}


def test_a_pid_mode_other_than_task_in_one_branch(made: dict[str, Any]) -> None:
    with_a_condition(made)
    assert verdict_on(made) == Unprotected(("The task's PidMode is not task",))


def with_another_variable(value: dict[str, Any]) -> None:
    containers(value)[0]["Environment"] = [{"Name": "SYSDIG_SIDECAR", "Value": "off"}]


def test_another_variable_value_does_not_unprotect(made: dict[str, Any]) -> None:
    with_another_variable(made)
    assert verdict_on(made) == Protected()
