"""The oracle has a rule for each key that a step of the engine changes. It shares no code, so only the keys are compared."""

from __future__ import annotations

import pytest

from oracle.task import INSTRUMENTED_PROPERTIES
from oracle.workload import INSTRUMENTED_KEYS
from sysdig_instrument.engine.steps import CONTAINER_STEPS, OPT_OUT_STEPS, TASK_STEPS


@pytest.mark.parametrize("key", [key for step in CONTAINER_STEPS for key in step.keys])
def test_each_key_of_a_container_step_has_a_rule(key: str) -> None:
    assert key in INSTRUMENTED_KEYS, (
        f"A step changes {key} of a container, and the oracle has no rule for it. "
        "Add a check to check_workload in tests/oracle/workload.py, and the key to INSTRUMENTED_KEYS there."
    )


@pytest.mark.parametrize(
    "key", [key for step in TASK_STEPS for key in step.keys] + [key for step in OPT_OUT_STEPS for key in step.keys]
)
def test_each_key_of_a_task_step_has_a_rule(key: str) -> None:
    assert key in INSTRUMENTED_PROPERTIES, (
        f"A step changes {key} of a task definition, and the oracle has no rule for it. "
        "Add a check to check_task in tests/oracle/task.py, the key to INSTRUMENTED_PROPERTIES there, and the change to "
        "_check_task in tests/oracle/template_diff.py."
    )


def test_the_oracle_has_no_rule_for_other_keys() -> None:
    assert set(INSTRUMENTED_KEYS) == {key for step in CONTAINER_STEPS for key in step.keys}
    assert set(INSTRUMENTED_PROPERTIES) == {key for step in TASK_STEPS for key in step.keys}.union(
        *(step.keys for step in OPT_OUT_STEPS)
    )
