"""Print reports in the format that the caller chose."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Iterable, Iterator, Mapping

from sysdig_instrument.cli.console import detect_console, write_stdout
from sysdig_instrument.cli.excerpts import write_error
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED, exit_code
from sysdig_instrument.cli.formats.model import FileReport, unusable_file_report
from sysdig_instrument.errors import UserError


def print_reports(
    results: Iterable[tuple[str, FileReport | UserError]], options: argparse.Namespace, environment: Mapping[str, str]
) -> int:
    """Print each report as soon as it is ready; for people, errors about unusable files go to standard error. Return the exit code, which is that of the worst file."""
    codes = [EXIT_OK]

    def reports() -> Iterator[FileReport]:
        for path, result in results:
            if isinstance(result, UserError):
                codes.append(exit_code(result))
                if options.format == "table":
                    write_error(result, environment)
                else:
                    yield unusable_file_report(path, result)
            else:
                codes.append(EXIT_OK if result.has_no_errors else EXIT_REFUSED)
                yield result

    console = detect_console(options.color, environment)
    module = importlib.import_module(f"sysdig_instrument.cli.formats.{options.format}")
    for text in module.render(reports(), console):
        write_stdout(text, console, keeps_commands=options.format == "github")  # these are commands
    return max(codes)
