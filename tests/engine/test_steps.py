"""Steps own their keys: no two steps change the same one, and each changes no other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from case_folders import ACCOUNT, CASES, REGION, Case
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.engine.steps import CONTAINER_STEPS, OPT_OUT_STEPS, TASK_STEPS, all_steps
from sysdig_instrument.planning import plan_with_lookups

KEYS = {
    **{step.name: step.keys for step in all_steps()},
    "ExpressServices": (
        *(
            "PrimaryContainer",
            "Cpu",
            "Memory",
            "CpuArchitecture",
            "ExecutionRoleArn",
            "TaskRoleArn",
            "TaskDefinitionArn",
        ),
        "WebSysdigTaskDefinition",
    ),
}
TEMPLATES = [case for case in CASES if not case.is_plain and "Resources" in (case.document.value or {})]  # type: ignore[operator]


@pytest.mark.parametrize("steps", [CONTAINER_STEPS, (*TASK_STEPS, *OPT_OUT_STEPS)], ids=["containers", "tasks"])
def test_no_two_steps_own_the_same_key(steps: Sequence[Any]) -> None:
    keys = [key for step in steps for key in step.keys]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("case", TEMPLATES, ids=lambda case: case.name)
def test_each_step_changes_only_its_own_keys(case: Case) -> None:
    resolved = merge_layers(Layer("the case", case.settings))
    parameters = case.read("parameters.json")
    context = Context(deployment_settings=resolved, parameter_values=parameters, region=REGION, account=ACCOUNT)
    for task in plan_with_lookups(case.document.value, context, case.answers).tasks:
        for change in task.changes:
            assert changed_key(change) in KEYS.get(change.step, ("Metadata",)), change


def changed_key(change: Change) -> str | int:
    """Return the member of the container, of the Properties or of the resource that a change is in."""
    depth = len(change.owner.pointer)
    assert change.pointer[:depth] == change.owner.pointer
    if change.step == "ContainerDefinitions":  # the agent's container may be the owner
        depth = change.pointer.index("Properties")
    return change.pointer[depth + 1] if change.pointer[depth] == "Properties" else change.pointer[depth]
