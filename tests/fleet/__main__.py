"""``make fleet``: run the fleet on an embedded AWS, and print the checks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from console import DemoConsole
from drill.__main__ import DEPLOYMENT
from embedded_aws import sam
from embedded_aws.aws import embedded_aws
from fixtures_embedded_aws import ROOT, TOOLS
from fleet.running import Check, Fleet
from program import run_program
from sysdig_instrument.cli.columns import Columns
from sysdig_instrument.cli.console import Console

FEWEST: Final = 10
"""With these, one stack is behind for each of the three waves."""
_HEADINGS: Final = ("STEP", "RESULT")


def main() -> int:
    """Run the fleet; return 0 if everything is right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stacks", type=int, default=200)
    size = parser.parse_args().stacks
    if size < FEWEST:
        parser.error(f"--stacks must be {FEWEST} or more, so that each wave has a stack")

    def run(console: DemoConsole) -> bool:
        with ExitStack() as exit_stack:
            return all(check.is_right for check in _run(console, size, exit_stack))

    return run_program("fleet", run)


def _run(console: DemoConsole, size: int, exit_stack: ExitStack) -> list[Check]:
    """Start an embedded AWS with the macro, run the fleet, and print the checks. ``exit_stack`` stops the embedded AWS."""
    console.heading("1. A platform engineer deploys the macro")
    folder = Path(exit_stack.enter_context(TemporaryDirectory()))
    with console.step("Starting an emulated AWS (nothing leaves this machine)"):
        aws = exit_stack.enter_context(embedded_aws(TOOLS))
    with console.step("sam build, sam deploy"):
        sam.deploy(aws, sam.build(aws, ROOT / "template.yaml"), "sysdig-instrument", DEPLOYMENT)

    console.heading(f"2. {size} stacks")
    fleet = Fleet(aws, folder, size, console.step)
    checks = list(fleet.checks())

    console.heading("3. The checks")
    console.print_text(_table(checks, console.console))
    right = sum(check.is_right for check in checks)
    kinds = f"{len(fleet.behind)} behind, {len(fleet.up_to_date)} up to date, {len(fleet.others)} without the line"
    console.print_text(["\n", *console.console.paragraph(f"{size} stacks: {kinds}; {fleet.wave} in a wave.")])
    console.print_text([console.console.line(f"{right} of {len(checks)} checks right.")])
    return checks


def _table(checks: Sequence[Check], console: Console) -> Iterator[str]:
    cells = [(check.step, "right" if check.is_right else "wrong") for check in checks]
    columns = Columns.of([_HEADINGS, *cells], console, shrinkable=(0,))
    yield from columns.heading(_HEADINGS, "WHAT")
    for check, shown in zip(checks, cells, strict=True):
        what = check.what if check.is_right else f"{check.what}: {check.found} and not {check.expected}"
        yield from columns.row(shown, what, {1: "good" if check.is_right else "bad"})


if __name__ == "__main__":
    sys.exit(main())
