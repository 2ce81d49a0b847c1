"""Whether a task definition is protected: what is missing, and what protection does not depend on."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from factories import SETTINGS, container, context_of, plan_of, processed, template
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import LeftAlone, Protected, Protection, Unprotected, protection
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups


def protection_of(value: Json) -> Protection:
    """Return the protection of a template's only task definition."""
    (task,) = plan_of(value, SETTINGS).tasks
    return protection(task)


@pytest.fixture
def instrumented() -> dict[str, Any]:
    """Return a processed template with one workload."""
    return processed(template(container(Environment=[{"Name": "A", "Value": "b"}])))


def containers(instrumented: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the containers of a processed template: a workload and the agent."""
    found: list[dict[str, Any]] = instrumented["Resources"]["Api"]["Properties"]["ContainerDefinitions"]
    return found


def test_a_processed_template_is_protected(instrumented: dict[str, Any]) -> None:
    assert protection_of(instrumented) == Protected()


def test_a_skipped_task_is_out_of_scope() -> None:
    assert protection_of(template(RequiresCompatibilities=["EC2"])) == LeftAlone(
        "not for Fargate, so the host agent covers it (LaunchTypes is FARGATE; as it could run there, FARGATE_COMPATIBLE includes it)"
    )


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        pytest.param("VolumesFrom", "does not have the volume with the wrapper", id="VolumesFrom"),
        pytest.param("LinuxParameters", "does not have the capability SYS_PTRACE", id="LinuxParameters"),
        pytest.param("Environment", "does not have the variables that the wrapper needs", id="Environment"),
    ],
)
def test_removed_members_are_reported_missing(instrumented: dict[str, Any], key: str, reason: str) -> None:
    del containers(instrumented)[0][key]
    assert protection_of(instrumented) == Unprotected((f'Container "web" {reason}',))


def test_a_missing_wrapper_is_reported(instrumented: dict[str, Any]) -> None:
    containers(instrumented)[0]["EntryPoint"] = ["run"]
    assert protection_of(instrumented) == Unprotected(('Container "web" is not started by the wrapper',))


def test_another_pid_mode_is_reported(instrumented: dict[str, Any]) -> None:
    del instrumented["Resources"]["Api"]["Properties"]["PidMode"]
    assert protection_of(instrumented) == Unprotected(("The task's PidMode is not task",))


def test_a_missing_agent_is_reported(instrumented: dict[str, Any]) -> None:
    del containers(instrumented)[1]
    reasons = protection_of(instrumented)
    assert isinstance(reasons, Unprotected)
    assert "The agent's container is missing" in reasons.reasons


def test_missing_members_are_reported_once_each() -> None:
    reasons = protection_of(template())
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
def test_changes_that_do_not_affect_protection(instrumented: dict[str, Any], change: Any) -> None:
    changed = copy.deepcopy(instrumented)
    change(changed)
    assert changed != instrumented
    assert protection_of(changed) == Protected()


@pytest.mark.parametrize("unresolved", ["fail", "skip"])
def test_a_container_without_entry_point_is_unprotected(unresolved: str) -> None:
    value = template(container(EntryPoint=None))
    (task,) = plan_with_lookups(value, context_of({"OnUnresolvedImage": unresolved}), look_up_nothing).tasks
    assert protection(task) == Unprotected(('Container "web" is not started by the wrapper',))


def test_a_refused_task_is_unprotected_with_its_reason() -> None:
    assert protection_of(template(PidMode="host")) == Unprotected(
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


def test_a_pid_mode_other_than_task_in_one_branch(instrumented: dict[str, Any]) -> None:
    with_a_condition(instrumented)
    assert protection_of(instrumented) == Unprotected(("The task's PidMode is not task",))


def with_another_variable(value: dict[str, Any]) -> None:
    containers(value)[0]["Environment"] = [{"Name": "SYSDIG_SIDECAR", "Value": "off"}]


def test_another_variable_value_does_not_unprotect(instrumented: dict[str, Any]) -> None:
    with_another_variable(instrumented)
    assert protection_of(instrumented) == Protected()
