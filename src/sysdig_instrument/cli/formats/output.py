"""A report in the form that was asked for, to standard output."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.cli.batch import exit_code
from sysdig_instrument.cli.console import detect_console, write_stdout
from sysdig_instrument.cli.formats import github, json, junit, markdown, sarif, table
from sysdig_instrument.cli.formats.model import FileReport, unusable_file_report
from sysdig_instrument.errors import UserError

Renderer: TypeAlias = Callable[[Iterable[FileReport]], Iterator[str]]

_RENDERERS: Final[Mapping[str, Renderer]] = {
    "json": json.render,
    "sarif": sarif.render,
    "junit": junit.render,
    "github": github.render,
    "markdown": markdown.render,
}


def print_reports(
    results: Iterable[tuple[str, FileReport | UserError]], options: argparse.Namespace, environment: Mapping[str, str]
) -> int:
    """Print the reports while they are made; the exit code that they come to: the worst."""
    codes = [0]

    def reports() -> Iterator[FileReport]:
        for path, each in results:
            if isinstance(each, UserError):
                codes.append(exit_code(each))
                yield unusable_file_report(path, str(each))
            else:
                codes.append(0 if each.has_no_errors else 1)
                yield each

    render = _RENDERERS.get(options.format)
    chunks = render(reports()) if render else table.render(reports(), detect_console(options.color, environment))
    for text in chunks:
        write_stdout(text)
    return max(codes)
