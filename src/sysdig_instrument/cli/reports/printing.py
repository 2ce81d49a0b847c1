"""A report in the form that was asked for, to standard output."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.cli.batch import code_of
from sysdig_instrument.cli.reports import github, json_report, junit, markdown, sarif, table
from sysdig_instrument.cli.reports.model import FileReport, unusable
from sysdig_instrument.cli.terminal import look, write
from sysdig_instrument.errors import UserError

_Form: TypeAlias = Callable[[Iterable[FileReport]], Iterator[str]]

_FORMS: Final[Mapping[str, _Form]] = {
    "json": json_report.texts,
    "sarif": sarif.texts,
    "junit": junit.texts,
    "github": github.texts,
    "markdown": markdown.texts,
}


def printed(
    done: Iterable[tuple[str, FileReport | UserError]], options: argparse.Namespace, environment: Mapping[str, str]
) -> int:
    """Print the reports while they are made; the exit code that they come to: the worst."""
    codes = [0]

    def reports() -> Iterator[FileReport]:
        for path, each in done:
            if isinstance(each, UserError):
                codes.append(code_of(each))
                yield unusable(path, str(each))
            else:
                codes.append(0 if each.is_good else 1)
                yield each

    form = _FORMS.get(options.format)
    pieces = form(reports()) if form else table.texts(reports(), look(options.color, environment))
    for text in pieces:
        write(text)
    return max(codes)
