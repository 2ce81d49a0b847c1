"""A plan in short: its outcomes and reasons for people, and its changes for programs (JSON Patch, RFC 6902, or records)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from sysdig_instrument.cli.attribution import changed_key, owner_label, task_label
from sysdig_instrument.cli.console import Console, StyleName
from sysdig_instrument.cli.construct_paths import construct_path
from sysdig_instrument.cli.harmless import json_text, sanitize
from sysdig_instrument.engine.findings import quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change, json_pointer
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.engine.task_plan import Outcome, Status, TaskPlan

_OwnerKey: TypeAlias = tuple[str | None, str | None]
"""The names of a change's task definition and of its container."""


def json_patch(changes: Sequence[Change]) -> str:
    """Return the JSON Patch. RFC 6902, section 4, allows members that it does not define: here ``reason``."""
    operations: list[Json] = [
        {**operation, "reason": change.reason} for change in changes for operation in change.operations()
    ]
    return json_text(operations) + "\n"


def change_records(changes: Sequence[Change]) -> list[Json]:
    """Return each change without its values: reports are shared more widely than documents."""
    return [
        {
            "operation": change.operation,
            "path": json_pointer(change.pointer),
            "task": None if change.owner.task is None else task_label(change.owner.task),
            "container": change.owner.container,
            "reason": change.reason,
        }
        for change in changes
    ]


_STATUS_STYLES: Final[dict[Status, StyleName]] = {
    Status.INSTRUMENTED: "good",
    Status.SKIPPED: "warn",
    Status.REFUSED: "bad",
    Status.AGENT: "faint",
}


def render_summary(
    plan: Plan, reasons: Sequence[Change], console: Console, *, without_line: Sequence[TaskPlan] = ()
) -> Iterator[str]:
    """Yield the outcome of each task definition and container.

    ``reasons`` are the changes whose reasons the diff does not show. ``without_line`` are the task definitions that the macro
    would not get, because the template does not list it.
    """
    reasons_by_owner: defaultdict[_OwnerKey, list[Change]] = defaultdict(list)
    for change in reasons:
        reasons_by_owner[change.owner.task, change.owner.container].append(change)
    pointers = {each.pointer for each in without_line}
    for task in plan.tasks:
        yield from _task_lines(task, reasons_by_owner, console, is_applied=task.pointer not in pointers)
    for change in reasons:
        if change.owner.task is None:
            yield from console.paragraph(f"{owner_label(change)}: {changed_key(change)}: {change.reason}", "  ", "    ")


def _task_lines(
    task: TaskPlan, reasons_by_owner: Mapping[_OwnerKey, Sequence[Change]], console: Console, *, is_applied: bool
) -> Iterator[str]:
    name = task.task.name
    construct = construct_path(task.task.resource)
    suffix = f" (construct {quote(construct)})" if construct else ""
    yield from _outcome_lines(f"{task_label(name)}{suffix}", task.outcome, "  ", console, is_applied=is_applied)
    yield from _reason_lines(reasons_by_owner.get((name, None), ()), "    ", console)
    for container in task.containers:
        yield from _outcome_lines(container.name or "", container, "    ", console, is_applied=is_applied)
        yield from _reason_lines(reasons_by_owner.get((name, container.name), ()), "      ", console)


def _outcome_lines(name: str, outcome: Outcome, indent: str, console: Console, *, is_applied: bool) -> Iterator[str]:
    style, text = _STATUS_STYLES[outcome.status], outcome.status.value
    if outcome.status is Status.INSTRUMENTED and not is_applied:
        style, text = "warn", f"would be {text}"
    start = f"{sanitize(name)}: "
    why = f": {outcome.why}" if outcome.why else ""
    first, *others = console.paragraph(f"{start}{text}{why}", indent, f"{indent}  ")
    if first.startswith(f"{indent}{start}{text}"):
        first = f"{indent}{start}{console.paint(style, text)}{first.removeprefix(f'{indent}{start}{text}')}"
    yield first
    yield from others


def _reason_lines(changes: Iterable[Change], indent: str, console: Console) -> Iterator[str]:
    for change in changes:
        yield from console.paragraph(f"{changed_key(change)}: {change.reason}", indent, f"{indent}  ")
