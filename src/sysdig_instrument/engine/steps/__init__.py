"""The steps: everything that changes in a task definition, in the order of the plan.

To add a step, write a file beside this one and add a line to one of the two tuples. Everything that depends on the steps
reads the tuples: the plan, whether a task definition is protected (``engine/protection.py``), and the metrics.

A step reads the original and yields changes and findings. No two steps change the same key, so their order decides only
the order of the patch.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.steps.capabilities import capabilities
from sysdig_instrument.engine.steps.entry_point import entry_point
from sysdig_instrument.engine.steps.environment import environment
from sysdig_instrument.engine.steps.execution_role import execution_role, grant
from sysdig_instrument.engine.steps.notices import launchers, runtime_platform, task_notices
from sysdig_instrument.engine.steps.pid_mode import pid_mode
from sysdig_instrument.engine.steps.step import InstrumentedTask, Output, Step
from sysdig_instrument.engine.steps.task_size import task_size
from sysdig_instrument.engine.steps.volumes_from import volumes_from

WRAP: Final = Step(("EntryPoint", "Command"), entry_point, "is not started by the wrapper")
"""The step that needs the image's config where the template gives no EntryPoint."""

CONTAINER_STEPS: Final[tuple[Step[Container], ...]] = (
    WRAP,
    Step(("Environment",), environment, "does not have the variables that the wrapper needs"),
    Step(("VolumesFrom",), volumes_from, "does not have the volume with the wrapper"),
    Step(("LinuxParameters",), capabilities, "does not have the capability SYS_PTRACE"),
)
"""What happens to each instrumented container."""


def container_definitions(instrumented: InstrumentedTask) -> Iterable[Output]:
    """Yield what the steps of the containers yielded, with the agent's container last in each list.

    They are planned before the steps of the task, which depend on what is instrumented. This step gives their changes a
    place in the patch.
    """
    return instrumented.outputs


TASK_STEPS: Final[tuple[Step[InstrumentedTask], ...]] = (
    Step(("PidMode",), pid_mode, "The task's PidMode is not task"),
    Step(("Cpu", "Memory"), task_size),
    Step(("ContainerDefinitions",), container_definitions, "The agent's container is missing"),
    Step(("ExecutionRoleArn",), execution_role),
    Step((), runtime_platform),
    Step((), task_notices),
    Step((), launchers),
    Step((), grant),
)
"""What happens to a task definition in which a container is instrumented."""


def all_steps() -> tuple[Step[Container] | Step[InstrumentedTask], ...]:
    """Return the steps of containers and of task definitions."""
    return (*CONTAINER_STEPS, *TASK_STEPS)
