"""Notices about documents that are not templates: task definitions in the format of the ECS API, and arrays of containers.

They have no Metadata in which the Result could say what was done, and nothing says where an EntryPoint came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Notice, Reason
from sysdig_instrument.engine.json_types import Pointer
from sysdig_instrument.engine.protection import skip_code
from sysdig_instrument.engine.steps.step import EntryPointSource
from sysdig_instrument.engine.task_plan import Status, TaskPlan

_FRAGMENT: Final = Reason(
    "The file does not say for which launch type the task is, so it counts as a task for Fargate",
    "Add requiresCompatibilities if it is for another launch type, or leave the file out",
    code=Code.LAUNCH_TYPE_MISSING,
)
_KEPT: Final = Reason(
    "The wrapper is there already, so EntryPoint and Command stay as they are, whatever the image is now",
    "If they were read from another image, remove both: they are then read from this one. Better, transform a file without the wrapper",
    code=Code.WRAPPER_KEPT,
)


def notices_of_plan(plan: TaskPlan, *, is_fragment: bool) -> Iterator[Notice]:
    """Yield the notices about a plan for a document that is not a template."""
    if is_fragment and plan.outcome.status is Status.INSTRUMENTED:
        yield Notice(Location(plan.task.name), _FRAGMENT)
    for container in plan.containers:
        if container.status is Status.INSTRUMENTED and container.why == EntryPointSource.WRAPPED.value:
            yield _notice(plan, container.name, container.pointer, _KEPT)


def left_alone_notices(plan: TaskPlan) -> Iterator[Notice]:
    """Yield a notice for each thing that is left alone, for output that shows the changes only."""
    if plan.outcome.status is Status.SKIPPED:
        yield _notice(plan, None, (), Reason(f"Left alone: {plan.outcome.why}", code=skip_code(plan.outcome)))
    for container in plan.containers:
        if container.status is Status.SKIPPED:
            yield _notice(plan, container.name, (), Reason(f"Left alone: {container.why}", code=skip_code(container)))


def _notice(plan: TaskPlan, container: str | None, pointer: Pointer, reason: Reason) -> Notice:
    return Notice(Location(plan.task.name, container, pointer), reason)
