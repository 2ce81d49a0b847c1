"""``sysdig-instrument coverage``: which running tasks of an account are protected, by which agent, and why others are not."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.cli.inputs import settled
from sysdig_instrument.cli.messages import tell
from sysdig_instrument.cli.terminal import look, write
from sysdig_instrument.coverage import document, table
from sysdig_instrument.coverage.judging import is_in_scope
from sysdig_instrument.coverage.reading import read
from sysdig_instrument.coverage.report import report
from sysdig_instrument.coverage.session import Session

FOUND: Final = 1
"""Exit code where a task that should be protected is not, or might not be."""


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the report; 1 where something is not protected, or could not be read.

    Raises:
        RefusedError: EC2 does not list the regions.
        UsageError: The call or a file is wrong, or there are no credentials or no region.
    """
    settings = settled(options)
    session = Session.of(options.profile, environment)
    regions = session.all_regions() if options.all_regions else session.regions(options.region)
    reading = read(session, regions, options.cluster, lambda task: is_in_scope(task.launch_type, settings))
    found = report(reading, settings)
    if options.format == "json":
        write(document.text(found))
        for unread in found.unread:
            tell(f"could not be read: {unread.text}")
    else:
        appearance = look(options.color, environment)
        write(table.text(found, table.Look(appearance.width, appearance.colours)))
    return FOUND if options.fail_on == "unprotected" and not found.is_good else 0
