"""The steps: everything that changes in a task definition, in the order in which the changes are applied.

To add a step, write a module beside this one and add a line to one of the tuples. Everything that depends on the steps
reads the tuples: the plan, protection (``engine/protection.py``), and the metrics.

A step reads the original and yields changes and findings. No two steps change the same key, so their order decides only
the order of the changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.steps.agent_container import STEP_NAME
from sysdig_instrument.engine.steps.capabilities import capabilities
from sysdig_instrument.engine.steps.depends_on import depends_on
from sysdig_instrument.engine.steps.entry_point import entry_point
from sysdig_instrument.engine.steps.environment import environment
from sysdig_instrument.engine.steps.execution_role import execution_role, grant
from sysdig_instrument.engine.steps.kept_entry_point import kept_entry_point
from sysdig_instrument.engine.steps.log_routers import log_routers
from sysdig_instrument.engine.steps.misspelt_members import misspelt_members
from sysdig_instrument.engine.steps.mounts import mounts
from sysdig_instrument.engine.steps.pid_mode import pid_mode
from sysdig_instrument.engine.steps.process_one import process_one
from sysdig_instrument.engine.steps.required_reason import required_reason
from sysdig_instrument.engine.steps.step import DecidedTask, InstrumentedTask, Output, Step
from sysdig_instrument.engine.steps.tags import tags
from sysdig_instrument.engine.steps.task_findings import launchers, memory, required_settings, runtime_platform
from sysdig_instrument.engine.steps.task_size import task_size
from sysdig_instrument.engine.steps.volumes_from import volumes_from

NOT_WRAPPED: Final = Reason("is not started by the wrapper", code=Code.NOT_WRAPPED)
"""What is true of a container without EntryPoint whose image is not looked up, too."""

_VARIABLES_MISSING: Final = Reason("does not have the variables that the wrapper needs", code=Code.VARIABLES_MISSING)
_VOLUME_MISSING: Final = Reason("does not have the volume with the wrapper", code=Code.VOLUME_MISSING)
_CAPABILITY_MISSING: Final = Reason("does not have the capability SYS_PTRACE", code=Code.CAPABILITY_MISSING)
_AGENT_MISSING: Final = Reason("The agent's container is missing", code=Code.AGENT_MISSING)

CONTAINER_STEPS: Final[tuple[Step[Container], ...]] = (
    Step((), misspelt_members),
    Step(("EntryPoint", "Command"), entry_point, NOT_WRAPPED, looks_up=True),
    Step(("Environment",), environment, _VARIABLES_MISSING),
    Step(("VolumesFrom",), volumes_from, _VOLUME_MISSING),
    Step(("LinuxParameters",), capabilities, _CAPABILITY_MISSING),
    Step((), kept_entry_point),
    Step((), log_routers),
)
"""The steps for each container that is instrumented."""


def container_outputs(instrumented: InstrumentedTask) -> Iterable[Output]:
    """Return what the steps of the containers yielded, and the changes to the agent's container at the end of each list.

    All of this is planned before the steps of the task, which depend on which containers are instrumented. This step
    only determines where the changes come among those of the task.
    """
    return instrumented.outputs


TASK_STEPS: Final[tuple[Step[InstrumentedTask], ...]] = (
    Step(("PidMode",), pid_mode, Reason("The task's PidMode is not task", code=Code.PID_MODE)),
    Step(("Cpu", "Memory"), task_size),
    Step((STEP_NAME,), container_outputs, _AGENT_MISSING, has_owners=True),
    Step(("ExecutionRoleArn",), execution_role),
    Step((), runtime_platform),
    Step((), required_settings, looks_up=True),
    Step((), memory),
    Step((), launchers),
    Step((), process_one),
    Step((), mounts),
    Step((), depends_on),
    Step((), grant, looks_up=True),
)
"""The steps for a task definition in which at least one container is instrumented."""


OPT_OUT_STEPS: Final[tuple[Step[DecidedTask], ...]] = (
    Step(("Tags",), tags),
    Step((), required_reason),
)
"""The steps for every task definition, whether something in it is instrumented or not."""


def protecting_keys(steps: Iterable[Step[Container] | Step[InstrumentedTask]]) -> frozenset[str]:
    """Return the keys on which protection depends."""
    return frozenset(key for step in steps if step.unprotected_reason is not None for key in step.keys)


def all_steps() -> tuple[Step[Container] | Step[InstrumentedTask] | Step[DecidedTask], ...]:
    """Return the steps of containers and of task definitions."""
    return (*CONTAINER_STEPS, *TASK_STEPS, *OPT_OUT_STEPS)
