"""``sysdig-instrument coverage``: report which running tasks of an account are protected, and why the others are not."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.cli.console import detect_console, write_stderr, write_stdout
from sysdig_instrument.cli.exit_codes import EXIT_OK
from sysdig_instrument.cli.formats import coverage_rows, coverage_table
from sysdig_instrument.cli.inputs import account_inputs
from sysdig_instrument.coverage import json_report
from sysdig_instrument.coverage.assess import is_in_scope
from sysdig_instrument.coverage.ecs import AwsAccount, read_inventory
from sysdig_instrument.coverage.report import build_report
from sysdig_instrument.lookup.aws import boto3_session

_EXIT_UNPROTECTED: Final = 1
"""The exit code if a task that should be protected is not, or may not be."""

_RENDERERS: Final = {
    "json": json_report.render,
    "csv": coverage_rows.render_csv,
    "markdown": coverage_rows.render_markdown,
}


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the report. Return 1 if a task is not protected, or if something could not be read.

    Raises:
        RefusedError: EC2 does not return the list of regions.
        UsageError: An option or a file is wrong, or there are no credentials or no region.
    """
    resolved, region = account_inputs(options, environment)
    account = AwsAccount.from_session(lambda: boto3_session(options.profile), region)
    regions = account.all_regions() if options.all_regions else account.regions(options.region)
    inventory = read_inventory(
        account.clients, regions, options.cluster, lambda task: is_in_scope(task.launch_type, resolved)
    )
    report = build_report(inventory, resolved)
    if options.format != "table":
        write_stdout(_RENDERERS[options.format](report))
        for read_error in report.read_errors:
            write_stderr(f"Could not be read: {read_error.text}")
    else:
        console = detect_console(options.color, environment)
        write_stdout(coverage_table.render(report, console), console)
    return _EXIT_UNPROTECTED if options.fail_on == "unprotected" and not report.has_passed else EXIT_OK
