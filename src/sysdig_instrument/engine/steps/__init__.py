"""The steps: all that changes in a task definition, in the order of the plan. To add one, write a file and add a line here.

A step reads the original and yields changes and findings. Steps own their keys, so they do not depend on their order.
"""

from __future__ import annotations

from typing import Final

from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.steps.capabilities import capabilities
from sysdig_instrument.engine.steps.entry_point import entry_point
from sysdig_instrument.engine.steps.environment import environment
from sysdig_instrument.engine.steps.execution_role import execution_role, grant
from sysdig_instrument.engine.steps.notices import launchers, runtime_platform, task_notices
from sysdig_instrument.engine.steps.pid_mode import pid_mode
from sysdig_instrument.engine.steps.step import InstrumentedTask, Step
from sysdig_instrument.engine.steps.task_size import task_size
from sysdig_instrument.engine.steps.volumes_from import volumes_from

CONTAINER_STEPS: Final[tuple[Step[Container], ...]] = (
    Step(("EntryPoint", "Command"), entry_point, "is not started by the wrapper"),
    Step(("Environment",), environment, "does not have the variables that the wrapper needs"),
    Step(("VolumesFrom",), volumes_from, "does not have the volume with the wrapper"),
    Step(("LinuxParameters",), capabilities, "does not have the capability SYS_PTRACE"),
)
"""What happens to each instrumented container."""

TASK_STEPS: Final[tuple[Step[InstrumentedTask], ...]] = (
    Step(("PidMode",), pid_mode, "The task's PidMode is not task"),
    Step(("Cpu", "Memory"), task_size),
    # The containers' own steps, and the agent's container, last in each list.
    Step(("ContainerDefinitions",), lambda task: task.outputs, "The agent's container is missing"),
    Step(("ExecutionRoleArn",), execution_role),
    Step(("RuntimePlatform",), runtime_platform),
    Step((), task_notices),
    Step((), launchers),
    Step((), grant),
)
"""What happens to a task definition in which a container is instrumented."""


def all_steps() -> tuple[Step[Container] | Step[InstrumentedTask], ...]:
    """All steps."""
    return (*CONTAINER_STEPS, *TASK_STEPS)
