"""One process namespace for the task, so that the agent sees the workload's processes.

Owns: PidMode.

Source: Sysdig documentation, «Serverless Agents»; the ECS API reference, RegisterTaskDefinition, ``pidMode``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import member_values, problem_or_notice, set_value
from sysdig_instrument.engine.expressions.decision_tree import (
    TRUE,
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    flat_map,
    leaves,
    render_tree,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.steps.step import ChangeOrFinding, InstrumentedTask
from sysdig_instrument.engine.template import TaskDefinition

_REASON: Final = "the agent sees the workload's processes"
_ADVICE: Final = "Set it to task, or exclude the task (Enabled: false) if it must see the host's processes"
_HOST: Final = Reason(
    "PidMode is host, and the agent needs task",
    _ADVICE,
    code=Code.HOST_PID_MODE,
    paste=paste(PasteInto.PROPERTIES, {"PidMode": "task"}),
)
_TASK_MODE: Final = "task"


def pid_mode(instrumented: InstrumentedTask) -> Iterator[ChangeOrFinding]:
    """Yield the changes to ``PidMode: task`` under the conditions in which a container is instrumented."""
    task, is_instrumented = instrumented.task, instrumented.is_instrumented
    for leaf, assumptions in member_values(
        task.properties_or_empty, "PidMode", task.properties_pointer, task.assumptions
    ):
        if leaf.stored is ABSENT and is_instrumented is TRUE:  # as in most templates
            yield set_value(leaf, _TASK_MODE, _REASON)
            continue
        paths = [assumed for instrumented_here, assumed in leaves(is_instrumented, assumptions) if instrumented_here]
        modes = [evaluate(leaf.value, scope.assuming(assumptions)) for scope in task.scopes]
        if not paths or all(mode == Known(_TASK_MODE) for mode in modes):
            continue
        unknown = next((mode for mode in modes if isinstance(mode, Unknown)), None)
        if Known("host") in modes:
            yield _conflict_finding(task, leaf, paths, _HOST)
        elif unknown is None:
            new = _task_mode_tree(is_instrumented, assumptions, leaf.stored)
            yield set_value(leaf, render_tree(new), _REASON)
        else:
            fact = f"PidMode cannot be resolved ({unknown.reason.fact}), and the agent needs task"
            advice = unknown.reason.advice or _ADVICE
            reason = Reason(fact, advice, code=unknown.code, paste=unknown.reason.paste or _HOST.paste)
            yield _conflict_finding(task, leaf, paths, reason)


def _conflict_finding(
    task: TaskDefinition, leaf: LocatedValue, paths: list[Assumptions], reason: Reason
) -> Notice | Problem:
    """Return a problem, or a notice if none of the paths to an instrumented container is active."""
    problem = Problem(Location(task.name, None, leaf.pointer), reason)
    if any(path == task.assumptions or is_active(path, task.scope) is not False for path in paths):
        return problem
    return problem_or_notice(problem, paths[0], task)  # a notice: no path is active


def _task_mode_tree(
    is_instrumented: Tree[bool], assumptions: Assumptions, otherwise: Json | Absent
) -> Tree[Json | Absent]:
    return flat_map(
        is_instrumented,
        assumptions,
        lambda instrumented_here, _assumptions: Leaf(_TASK_MODE if instrumented_here else otherwise),
    )
