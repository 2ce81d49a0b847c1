"""``sysdig-instrument coverage``: report which running tasks of an account are protected, and why the others are not."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.cli.console import detect_console, write_stderr, write_stdout
from sysdig_instrument.cli.exit_codes import EXIT_NOTHING, EXIT_OK
from sysdig_instrument.cli.formats import coverage_rows, coverage_table
from sysdig_instrument.cli.inputs import account_inputs
from sysdig_instrument.coverage import asff, json_report, ocsf
from sysdig_instrument.coverage.accounts import parse_roles
from sysdig_instrument.coverage.ecs import AwsAccount
from sysdig_instrument.coverage.report import Demands, Report
from sysdig_instrument.coverage.survey import Scope, survey, utc_now
from sysdig_instrument.help_page import help_page
from sysdig_instrument.lookup.aws import aws_session

_EXIT_UNPROTECTED: Final = 1
"""The exit code if a task that should be protected is not, or may not be."""

_RENDERERS: Final = {
    "json": json_report.render,
    "csv": coverage_rows.render_csv,
    "markdown": coverage_rows.render_markdown,
}
_FINDINGS: Final = {"asff": asff.render, "ocsf": ocsf.render}


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the report. Return 1 if a task is not protected, or if something could not be read; 3 if there is no cluster.

    Raises:
        RefusedError: EC2 does not return the list of regions.
        UsageError: An option or a file is wrong, or there are no credentials or no region.
    """
    resolved, region = account_inputs(options, environment)
    account = AwsAccount.from_session(lambda: aws_session(options.profile), region)
    scope = Scope(
        tuple(options.region),
        all_regions=options.all_regions,
        clusters=tuple(options.cluster),
        roles=parse_roles(options.role, options.accounts, options.role_name, region or ""),
        demands=Demands(require_daemon=options.require_daemon, silent_after=options.silent_after),
    )
    now = utc_now()
    report = survey(account, scope, resolved, now)
    if options.format == "table":
        console = detect_console(options.color, environment)
        write_stdout(coverage_table.render(report, console), console)
    else:
        if options.format in _FINDINGS:
            write_stdout(_FINDINGS[options.format](report, now, help_page()))
        else:
            write_stdout(_RENDERERS[options.format](report))
        _tell_what_is_missing(report)
    if options.fail_on == "none":
        return EXIT_OK
    if report.is_of_nothing:
        return EXIT_NOTHING
    return EXIT_OK if report.has_passed else _EXIT_UNPROTECTED


def _tell_what_is_missing(report: Report) -> None:
    for read_error in report.read_errors:
        write_stderr(f"Could not be read: {read_error.text}")
    if report.is_of_nothing:
        write_stderr(coverage_table.summary(report))
