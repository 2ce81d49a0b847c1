"""An execution role for task definitions that have none: ECS reads the agent's access key with it.

Owns: ExecutionRoleArn, where the setting DefaultExecutionRoleArn has a value.
"""

from __future__ import annotations

from collections.abc import Iterator

from sysdig_instrument.engine.container import Effect, member, put
from sysdig_instrument.engine.json_types import ABSENT
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.template import TaskDefinition


def execution_role(task: TaskDefinition, settings: Settings) -> Iterator[Effect]:
    """DefaultExecutionRoleArn, wherever the template gives no role."""
    if settings.default_execution_role_arn is None or not isinstance(task.properties, dict):
        return
    for leaf, _ in member(task.properties, "ExecutionRoleArn", task.properties_pointer, task.when):
        if leaf.value in (ABSENT, None, ""):
            yield put(
                leaf, settings.default_execution_role_arn, "DefaultExecutionRoleArn, as the task has no role of its own"
            )
