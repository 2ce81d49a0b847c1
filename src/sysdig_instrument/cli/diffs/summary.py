"""What becomes of a document's task definitions and containers, in a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sysdig_instrument.cli.owned import Owned, name_of
from sysdig_instrument.cli.terminal import Look, Paint, harmless
from sysdig_instrument.engine.outcomes import Outcome, Status, TaskPlan
from sysdig_instrument.engine.plan import Plan

PAINTS: Final[dict[Status, Paint]] = {
    Status.INSTRUMENTED: "good",
    Status.SKIPPED: "warn",
    Status.REFUSED: "bad",
    Status.AGENT: "faint",
}


def summary(path: str, plan: Plan, changes: Sequence[Owned], reasons: Sequence[Owned], look: Look) -> Iterator[str]:
    """Lines about a document. ``reasons`` are the changes whose reasons do not stand beside the diff."""
    yield look.paint("strong", harmless(path)) + ("" if changes else ": nothing changes") + "\n"
    for task in plan.tasks:
        yield from _task(task, reasons, look)
    yield from (f"  {each.owner}: {each.what}: {each.change.reason}\n" for each in reasons if each.task is None)


def _task(task: TaskPlan, reasons: Sequence[Owned], look: Look) -> Iterator[str]:
    name = name_of(task.task.name)
    yield f"  {harmless(name)}: {_outcome(task.outcome, look)}\n"
    yield from _reasons(reasons, name, None)
    for container in task.containers:
        yield f"    {harmless(container.name or '')}: {_outcome(container, look)}\n"
        yield from _reasons(reasons, name, container.name)


def _outcome(outcome: Outcome, look: Look) -> str:
    word = look.paint(PAINTS[outcome.status], outcome.status.value)
    return f"{word}: {outcome.why}" if outcome.why else word


def _reasons(changes: Sequence[Owned], task: str, container: str | None) -> Iterator[str]:
    indent = "    " if container is None else "      "
    for each in changes:
        if (each.task, each.container) == (task, container):
            yield f"{indent}{each.what}: {each.change.reason}\n"
