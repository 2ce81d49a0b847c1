"""``sysdig-instrument check``: is everything in these files instrumented, as the macro's hook would see it?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from sysdig_instrument.cli.inputs import context
from sysdig_instrument.cli.subject import subject_of
from sysdig_instrument.documents import load
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.rewrite import TaskPlan
from sysdig_instrument.engine.verdict import OutOfScope, Protected, Unprotected, verdict
from sysdig_instrument.planning import nobody, planned


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print a line for each task definition; 1 where one is not instrumented.

    Raises:
        UsageError: The call or a file is wrong.
    """
    surroundings = context(options, environment)
    unprotected = 0
    for path in options.files:
        for task in _tasks(path, surroundings):
            found = verdict(task)
            unprotected += isinstance(found, Unprotected)
            for line in _lines(found):
                print(f"{path}: {task.task.name or 'task definition'}: {line}")
    return 1 if unprotected else 0


def _tasks(path: str, surroundings: Context) -> tuple[TaskPlan, ...]:
    return planned(subject_of(load(path)).fragment, surroundings, nobody).tasks


def _lines(found: Protected | OutOfScope | Unprotected) -> Iterator[str]:
    match found:
        case Protected():
            yield "instrumented"
        case OutOfScope(why):
            yield f"left alone: {why}"
        case Unprotected(reasons):
            yield from (f"NOT instrumented: {reason}" for reason in reasons)
