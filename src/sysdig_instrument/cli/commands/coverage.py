"""``sysdig-instrument coverage``: report which running tasks of an account are protected, and why the others are not."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.cli.console import detect_console, write_stderr, write_stdout
from sysdig_instrument.cli.exit_codes import EXIT_OK
from sysdig_instrument.cli.formats import coverage_table
from sysdig_instrument.cli.inputs import settings_from_options
from sysdig_instrument.coverage import json_report
from sysdig_instrument.coverage.assess import is_in_scope
from sysdig_instrument.coverage.ecs import AccountSession, read_inventory
from sysdig_instrument.coverage.report import build_report

_EXIT_UNPROTECTED: Final = 1
"""The exit code if a task that should be protected is not, or may not be."""


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the report. Return 1 if a task is not protected, or if something could not be read.

    Raises:
        RefusedError: EC2 does not return the list of regions.
        UsageError: An option or a file is wrong, or there are no credentials or no region.
    """
    resolved = settings_from_options(options)
    session = AccountSession.of(options.profile, environment)
    regions = session.all_regions() if options.all_regions else session.regions(options.region)
    reading = read_inventory(session, regions, options.cluster, lambda task: is_in_scope(task.launch_type, resolved))
    result = build_report(reading, resolved)
    if options.format == "json":
        write_stdout(json_report.render(result))
        for read_error in result.read_errors:
            write_stderr(f"Could not be read: {read_error.text}")
    else:
        write_stdout(coverage_table.render(result, detect_console(options.color, environment)))
    return _EXIT_UNPROTECTED if options.fail_on == "unprotected" and not result.has_passed else EXIT_OK
