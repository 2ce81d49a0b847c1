"""One process namespace for the task, so that the agent sees the workload's processes.

Owns: PidMode.
"""

from __future__ import annotations

from collections.abc import Iterator

from sysdig_instrument.engine import conditions, intrinsics
from sysdig_instrument.engine.choices import Always, Tree, When, bind, leaves, render
from sysdig_instrument.engine.container import Effect, member, put
from sysdig_instrument.engine.findings import Notice, Place, Problem
from sysdig_instrument.engine.intrinsics import Literal, Unknown
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.template import TaskDefinition

_REASON = "the agent sees the workload's processes"
TASK: Json = "task"


def pid_mode(task: TaskDefinition, protected: Tree[bool]) -> Iterator[Effect]:
    """``PidMode: task`` under the conditions in which a container is instrumented."""
    properties = task.properties if isinstance(task.properties, dict) else {}
    for leaf, when in leaves(member(properties, "PidMode", task.properties_pointer), task.when):
        place = Place(task.name, None, leaf.pointer)
        match ABSENT if leaf.value is None else intrinsics.resolve(leaf.value, task.scope.assuming(when)):
            case Literal("task"):
                continue
            case Literal("host"):
                if when != task.when and conditions.taken(when, task.scope) is False:
                    yield Notice(
                        place, "PidMode is host in a branch that is not taken now, and is left as it was there"
                    )
                else:
                    yield _host(place)
                continue
            case Unknown(why, _, pending):
                if pending:
                    continue
                if any(
                    intrinsics.resolve(leaf.value, item.assuming(when)) == Literal("host") for item in task.items or ()
                ):
                    yield _host(place)
                    continue
                yield Notice(place, f"PidMode cannot be worked out ({why}), and is replaced by task")
        new = _task_where(protected, when, leaf.stored)
        if new != Always(leaf.stored):
            yield put(leaf, render(new), _REASON)


def _host(place: Place) -> Problem:
    return Problem(
        place, "PidMode is host, and the agent needs task",
        "Take PidMode out, or exclude the task (Enabled: false) if it must see the host's processes",
    )  # fmt: skip


def _task_where(protected: Tree[bool], when: When, otherwise: Json | Absent) -> Tree[Json | Absent]:
    return bind(protected, when, lambda is_protected, _when: Always(TASK if is_protected else otherwise))
