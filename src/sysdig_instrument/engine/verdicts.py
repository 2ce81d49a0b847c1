"""The verdicts on everything in a template once it is deployed. ``check`` and the hook on stacks and change sets report them."""

from __future__ import annotations

from collections.abc import Sequence

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Finding, Notice, Problem
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.macro_line import LineStatus, MacroLine, after_deployment
from sysdig_instrument.engine.other_workloads import OTHER_WORKLOAD_CODES, by_other_workload
from sysdig_instrument.engine.protection import Protection
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.engine.template import opaque_loops
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TemplateVerdicts:
    """The verdicts on a template.

    ``tasks`` has each task definition with its verdict. ``other_workloads`` has the findings about each workload that cannot
    carry the agent. ``refusals`` are the other problems for which the macro would refuse the template, or for which the template
    could not be judged. ``hidden_loops`` are the
    loops that the macro gets before they are expanded.
    """

    tasks: tuple[tuple[TaskPlan, Protection], ...]
    other_workloads: tuple[tuple[Finding, ...], ...]
    refusals: tuple[Problem, ...]
    hidden_loops: tuple[Pointer, ...]


def template_verdicts(
    template: Json, line: MacroLine, tasks: Sequence[TaskPlan], problems: Sequence[Problem], notices: Sequence[Notice]
) -> TemplateVerdicts:
    """Return the verdicts on a template, according to the plan for it."""
    judged = tuple((task, after_deployment(task, line, problems)) for task in tasks)
    reported = {task.task.name for task, verdict in judged if not verdict.passes}
    refusals = (
        each
        for each in problems
        if each.reason.code not in OTHER_WORKLOAD_CODES and each.location.task not in reported
        if line.is_listed or _is_unjudged(each)
    )
    return TemplateVerdicts(
        judged,
        tuple(map(tuple, by_other_workload((*problems, *notices)))),
        tuple(dict.fromkeys(refusals)),
        tuple(opaque_loops(template)) if line.status is LineStatus.LISTED_EARLY else (),
    )


def _is_unjudged(problem: Problem) -> bool:
    """Return whether a problem left the whole template without a plan."""
    return problem.reason.code is Code.TOO_MANY_STEPS and problem.location.task is None
