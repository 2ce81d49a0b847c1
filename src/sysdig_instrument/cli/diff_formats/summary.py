"""Changes for programs: the JSON Patch (RFC 6902), and a record of what changes where and why."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from sysdig_instrument.cli.attribution import OwnedChange, task_label
from sysdig_instrument.cli.console import Console, StyleName, sanitize
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import json_pointer
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.engine.task_plan import Outcome, Status, TaskPlan


def json_patch(changes: Sequence[OwnedChange]) -> str:
    """The JSON Patch. RFC 6902, section 4, lets operations have members that are none of its own: here ``reason``."""
    operations = [
        {**operation, "reason": change.change.reason} for change in changes for operation in change.change.operations()
    ]
    return json.dumps(operations, indent=2, ensure_ascii=False) + "\n"


def change_records(changes: Sequence[OwnedChange]) -> list[Json]:
    """What changes where and why, without the values: a report goes further than the document does."""
    return [
        {
            "operation": change.change.operation,
            "path": json_pointer(change.change.pointer),
            "task": change.task,
            "container": change.container,
            "reason": change.change.reason,
        }
        for change in changes
    ]


STATUS_STYLES: Final[dict[Status, StyleName]] = {
    Status.INSTRUMENTED: "good",
    Status.SKIPPED: "warn",
    Status.REFUSED: "bad",
    Status.AGENT: "faint",
}


def render_summary(
    path: str, plan: Plan, changes: Sequence[OwnedChange], reasons: Sequence[OwnedChange], console: Console
) -> Iterator[str]:
    """Lines about a document. ``reasons`` are the changes whose reasons do not stand beside the diff."""
    yield console.paint("strong", sanitize(path)) + ("" if changes else ": nothing changes") + "\n"
    for task in plan.tasks:
        yield from _task_lines(task, reasons, console)
    yield from (
        f"  {change.owner_label}: {change.key}: {change.change.reason}\n" for change in reasons if change.task is None
    )


def _task_lines(task: TaskPlan, reasons: Sequence[OwnedChange], console: Console) -> Iterator[str]:
    name = task_label(task.task.name)
    yield f"  {sanitize(name)}: {_outcome_text(task.outcome, console)}\n"
    yield from _reason_lines(reasons, name, None)
    for container in task.containers:
        yield f"    {sanitize(container.name or '')}: {_outcome_text(container, console)}\n"
        yield from _reason_lines(reasons, name, container.name)


def _outcome_text(outcome: Outcome, console: Console) -> str:
    label = console.paint(STATUS_STYLES[outcome.status], outcome.status.value)
    return f"{label}: {outcome.why}" if outcome.why else label


def _reason_lines(changes: Sequence[OwnedChange], task: str, container: str | None) -> Iterator[str]:
    indent = "    " if container is None else "      "
    for change in changes:
        if (change.task, change.container) == (task, container):
            yield f"{indent}{change.key}: {change.change.reason}\n"


# FOLDED: What becomes of a document's task definitions and containers, in a line each.
