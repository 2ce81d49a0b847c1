"""Print reports in the format that the caller chose."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator

from sysdig_instrument.cli.batch import process_files_of
from sysdig_instrument.cli.calls import Call
from sysdig_instrument.cli.console import write_stdout
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.excerpts import write_error
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED, exit_code
from sysdig_instrument.cli.formats.model import FileReport, unusable_file_report
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.errors import UserError


def report_files(call: Call, report_document: Callable[[InputDocument, Context, Call], FileReport]) -> int:
    """Print the report on each file of a call, and the notices about the whole run. Return the exit code.

    Raises:
        UsageError: An option is wrong.
    """
    code = _print_reports(process_files_of(call, report_document), call)
    call.notices.write()
    call.notices.write_help(code)
    return code


def _print_reports(results: Iterable[tuple[str, FileReport | UserError]], call: Call) -> int:
    """Print each report as soon as it is ready; for people, errors about unusable files go to standard error. Return the exit code, which is that of the worst file."""
    codes = [EXIT_OK]

    def reports() -> Iterator[FileReport]:
        for path, result in results:
            if isinstance(result, UserError):
                codes.append(exit_code(result))
                if call.options.format == "table":
                    write_error(result, call.environment)
                else:
                    yield unusable_file_report(path, result)
            else:
                codes.append(EXIT_OK if result.has_no_errors else EXIT_REFUSED)
                yield result

    output_format = call.options.format
    module = importlib.import_module(f"sysdig_instrument.cli.formats.{output_format}")
    for text in module.render(reports(), call.console):
        write_stdout(text, call.console, keeps_commands=output_format == "github")  # these are commands
    return max(codes)
