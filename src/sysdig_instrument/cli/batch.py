"""Many files in one run: one after the other, so that memory stays flat, and what is wrong with one stops no other."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeVar

from sysdig_instrument.cli.inputs import Surroundings
from sysdig_instrument.cli.misnamed import tell_misnamed
from sysdig_instrument.cli.progress import Progress
from sysdig_instrument.cli.sources import Source, opened, sources
from sysdig_instrument.cli.subject import Subject
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.scope import section
from sysdig_instrument.errors import RefusedError, UsageError, UserError

T = TypeVar("T")

_TOO_DEEP: Final = "is nested too deeply. Take some of the nesting out."


def each(
    options: argparse.Namespace, environment: Mapping[str, str], work: Callable[[Subject, Context], T]
) -> Iterator[tuple[str, T | UserError]]:
    """What the work on each file came to, with the file's path. The settings may differ from folder to folder.

    Raises:
        UsageError: The call is wrong, or none of the folders has a template in it.
    """
    surroundings = Surroundings(options, environment)
    todo = list(sources(options.files))
    progress = Progress(len(todo))
    parameters: set[str] = set()
    is_any = False

    def seen(subject: Subject, context: Context) -> T:
        parameters.update(section(subject.fragment, "Parameters"))
        return work(subject, context)

    try:
        for number, source in enumerate(todo):
            progress.at(number, source.path)
            done = _done(source, surroundings, seen)
            if done is not None:
                is_any = True
                progress.clear()
                yield STANDARD_INPUT if source.path == "-" else source.path, done
    finally:
        progress.clear()
    if not is_any:
        raise UsageError("There is no template and no task definition in these folders. Name a file, or other folders.")
    tell_misnamed(options, parameters)


def _done(source: Source, surroundings: Surroundings, work: Callable[[Subject, Context], T]) -> T | UserError | None:
    context = surroundings.beside(source.path)
    try:
        subject = opened(source)
        return None if subject is None else work(subject, context)
    except UserError as error:
        return error
    except RecursionError:
        return UsageError(f"{source.path} {_TOO_DEEP}")


def code_of(error: UserError) -> int:
    """The exit code that an error comes to."""
    return 1 if isinstance(error, RefusedError) else 2
