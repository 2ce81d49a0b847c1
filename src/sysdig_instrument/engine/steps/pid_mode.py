"""One process namespace for the task, so that the agent sees the workload's processes.

Owns: PidMode.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine import conditions, intrinsics
from sysdig_instrument.engine.choices import Always, Leaf, Tree, When, bind, leaves, render
from sysdig_instrument.engine.container import Effect, fault, member, put
from sysdig_instrument.engine.findings import Place, Problem, Reason
from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.engine.known import Literal, Unknown
from sysdig_instrument.engine.steps.step import InstrumentedTask
from sysdig_instrument.engine.template import TaskDefinition

_REASON: Final = "the agent sees the workload's processes"
_HOST: Final = "Take PidMode out, or exclude the task (Enabled: false) if it must see the host's processes"
_UNKNOWN: Final = "Write it as task, or exclude the task (Enabled: false) if it must see the host's processes"
TASK: Final[Json] = "task"


def pid_mode(instrumented: InstrumentedTask) -> Iterator[Effect]:
    """``PidMode: task`` under the conditions in which a container is instrumented."""
    task, protected = instrumented.task, instrumented.instrumented
    properties = task.properties if isinstance(task.properties, dict) else {}
    for leaf, when in member(properties, "PidMode", task.properties_pointer, task.when):
        ways = [under for is_protected, under in leaves(protected, when) if is_protected]
        known = [intrinsics.resolve(leaf.value, scope.assuming(when)) for scope in task.scopes]
        if not ways or all(each == Literal("task") for each in known):
            continue
        unknown = next((each for each in known if isinstance(each, Unknown)), None)
        if Literal("host") in known:
            yield _in_the_way(task, leaf, ways, "PidMode is host, and the agent needs task", _HOST)
        elif unknown is None:
            new = _task_where(protected, when, leaf.stored)
            yield put(leaf, render(new), _REASON)
        else:
            fact = f"PidMode cannot be worked out ({unknown.reason.fact}), and the agent needs task"
            yield _in_the_way(task, leaf, ways, fact, unknown.reason.advice or _UNKNOWN)


def _in_the_way(task: TaskDefinition, leaf: Leaf, ways: list[When], fact: str, advice: str) -> Effect:
    """A problem; only a notice where nothing is instrumented now under the conditions that lead to the value."""
    problem = Problem(Place(task.name, None, leaf.pointer), Reason(fact, advice))
    taken = next((way for way in ways if way == task.when or conditions.taken(way, task.scope) is not False), None)
    return problem if taken is not None else fault(problem, ways[0], task)


def _task_where(protected: Tree[bool], when: When, otherwise: Json | Absent) -> Tree[Json | Absent]:
    return bind(protected, when, lambda is_protected, _when: Always(TASK if is_protected else otherwise))
