"""The rows of an inventory: what a template or a stack has, with a state for each task definition in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Final

from sysdig_instrument.cli.attribution import task_label
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.findings import Finding, Reason, format_pointer
from sysdig_instrument.engine.hidden import hidden_notices
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.macro_line import LineStatus, MacroLine
from sysdig_instrument.engine.other_workloads import by_other_workload
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.engine.protection import LeftAlone, Protection, protection_by_macro
from sysdig_instrument.engine.steps.result import has_result
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.engine.template import STACK, STACK_SET, resources_of_types
from sysdig_instrument.lazy_dataclasses import dataclass, replace


class State(Enum):
    """The state of a task definition, or of a file or stack without any. Reports show the value; summaries have this order."""

    WITHOUT_LINE = "without the line"
    REFUSED = "refused"
    NOT_PROTECTED = "not protected"
    CANNOT_BE_PROTECTED = "cannot be protected"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"
    BEHIND = "behind"
    LEFT_ALONE = "left alone"
    PROTECTED = "protected"
    PROTECTED_ALREADY = "protected already"
    NEEDS_NONE = "needs none"


FAILING: Final = {
    "none": frozenset[State](),
    "missing": frozenset({State.WITHOUT_LINE, State.UNREADABLE}),
    "unprotected": frozenset(
        {
            State.WITHOUT_LINE,
            State.REFUSED,
            State.NOT_PROTECTED,
            State.CANNOT_BE_PROTECTED,
            State.UNKNOWN,
            State.UNREADABLE,
        }
    ),
}
"""The states that make the exit code 1, by the value of ``--fail-on``. What cannot be read may lack the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryRow:
    """A task definition or another workload, or a file or a stack that has none.

    ``place`` is the file or the stack; ``pointer`` is that of the resource in its template, and ``at`` its line and column in
    a file, such as ``:12:3``. A file may have a ``repository``; a stack has an ``account`` and a ``region``, and only
    stacks have ``owner``, ``updated`` and ``behind``. ``macro_line`` says whether the template lists the macro; it is empty for
    a document that is no template. ``container`` and ``layer`` are set for something that is left alone, if the report is
    about that.
    """

    repository: str = ""
    account: str = ""
    region: str = ""
    place: str = ""
    pointer: Pointer = ()
    at: str = ""
    resource: str = ""
    container: str = ""
    macro_line: str = ""
    state: State = State.NEEDS_NONE
    why: str = ""
    codes: tuple[str, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    layer: str = ""
    owner: str = ""
    updated: str = ""
    behind: str = ""

    @property
    def group(self) -> str:
        """The repository, or the account and the Region."""
        return self.repository or " ".join(part for part in (self.account, self.region) if part)

    @property
    def left_alone_text(self) -> str:
        """The containers that are left alone, or ``all``, each with the reason, on one line."""
        return "; ".join(f"{each.container or 'all'}: {each.reason.fact}" for each in self.left_alone)


def opt_out_rows(rows: Iterable[InventoryRow]) -> Iterator[InventoryRow]:
    """Yield a row for each container or task definition that is left alone, with the layer that decides and the reason."""
    for row in rows:
        if row.state in (State.NEEDS_NONE, State.CANNOT_BE_PROTECTED):
            continue
        for each in row.left_alone:
            code = (each.reason.code.value,)
            yield replace(
                row,
                container=each.container or "",
                state=State.LEFT_ALONE,
                why=each.reason.fact,
                codes=code,
                left_alone=(),
                layer=each.layer,
            )


def template_rows(
    base: InventoryRow, template: Json, line: MacroLine, plan: Plan, task_rows: Sequence[InventoryRow]
) -> list[InventoryRow]:
    """Return the rows of a template: its task definitions, other workloads, and what it does not show."""
    base = replace(base, macro_line=line.status.value)
    others = by_other_workload((*plan.problems, *plan.notices))
    rows = [*task_rows, *(finding_row(base, State.CANNOT_BE_PROTECTED, *findings) for findings in others)]
    if not rows or not line.is_listed or line.status is LineStatus.LISTED_EARLY:
        rows += [finding_row(base, State.UNKNOWN, finding) for finding in _hidden(template)]
    return rows or [replace(base, why="No task definition")]


def _hidden(template: Json) -> Iterator[Finding]:
    """Yield what a template does not show. A nested stack's template is a file, or a stack, with rows of its own."""
    nested = {pointer for pointer, _ in resources_of_types(template, {STACK, STACK_SET})}
    yield from (notice for notice in hidden_notices(template) if notice.location.pointer not in nested)


def finding_row(base: InventoryRow, state: State, *findings: Finding) -> InventoryRow:
    """Return the row of the resource that all these findings are about."""
    location = findings[0].location
    name = location.task or format_pointer(location.pointer).removeprefix("Resources.")
    codes = tuple(dict.fromkeys(each.reason.code.value for each in findings))
    why = "; ".join(each.reason.fact for each in findings)
    return replace(base, resource=name, pointer=location.pointer, state=state, why=why, codes=codes)


def task_row(
    base: InventoryRow, task: TaskPlan, verdict: Protection, line: MacroLine | None, *, is_deployed: bool = False
) -> InventoryRow:
    """Return the row of a task definition with this verdict. A document that is no template has no ``line``."""
    state, why = _passing_state(verdict), "; ".join(reason.fact for reason in verdict.reasons)
    codes = tuple(code.value for code in verdict.codes)
    has_had_its_turn = is_deployed or has_result(task.task)
    is_covered = line is not None and line.covers(task.task.pointer or ())
    if state is State.PROTECTED and not (is_covered and (is_deployed or not has_had_its_turn)):
        state = State.PROTECTED_ALREADY
    elif not verdict.passes:
        state = _FAILING_STATES.get(verdict.verdict, State.NOT_PROTECTED)
        if line is not None and not is_covered:
            state, why = _without_line(task, line)
            codes = (_line_reason(line).code.value, *codes) if state is State.WITHOUT_LINE else codes
        elif is_covered and not has_had_its_turn and state is State.NOT_PROTECTED:
            state = State.REFUSED
    return replace(
        base,
        resource=task_label(task.task.name),
        pointer=task.pointer,
        macro_line=line.status.value if line else "",
        state=state,
        why=why,
        codes=codes,
        left_alone=verdict.left_alone,
    )


_FAILING_STATES: Final = {
    Verdict.CANNOT_BE_PROTECTED: State.CANNOT_BE_PROTECTED,
    Verdict.UNKNOWN: State.UNKNOWN,
}


def _passing_state(verdict: Protection) -> State:
    """Return the state of a task definition that the macro would let through as it is."""
    if Code.NOT_FARGATE in verdict.codes:
        return State.NEEDS_NONE
    return {
        Verdict.PROTECTED: State.PROTECTED,
        Verdict.CANNOT_BE_PROTECTED: State.CANNOT_BE_PROTECTED,
    }.get(verdict.verdict, State.LEFT_ALONE)


def _line_reason(line: MacroLine) -> Reason:
    return line.reason or Reason("", code=Code.LINE_MISSING)


def _without_line(task: TaskPlan, line: MacroLine) -> tuple[State, str]:
    """Return the state of a task definition that the macro does not get and should, and why: also what it would be with the line."""
    reason = _line_reason(line)
    advice = reason.advice if reason.code is Code.LINE_MISSING else f"{reason.fact}. {reason.advice}"
    if reason.code is Code.LINE_IN_DUPLICATE_KEY:  # its advice is about the line to paste
        advice = reason.fact
    advice = f"{advice} ({reason.code.value})"
    with_line = protection_by_macro(task)
    if with_line.verdict is Verdict.PROTECTED:
        return State.WITHOUT_LINE, advice
    facts = "; ".join(reason.fact for reason in with_line.reasons)
    if with_line.verdict is Verdict.CANNOT_BE_PROTECTED:
        return State.CANNOT_BE_PROTECTED, facts
    expected = _passing_state(with_line) if with_line.passes else _FAILING_STATES.get(with_line.verdict, State.REFUSED)
    return State.WITHOUT_LINE, f"{advice}. With it: {expected.value}: {facts}"
