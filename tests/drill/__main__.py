"""``make drill``: run the drill on an embedded AWS, and print its tables and figures."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from console import DemoConsole
from drill import printing
from drill.rows import Judgement, Row
from drill.running import Drill
from embedded_aws import sam
from embedded_aws.aws import embedded_aws
from fixtures_embedded_aws import IMAGES, ROOT, SECRET, TOOLS
from program import run_program

DEPLOYMENT: Final = {"Collector": "us2", "AccessKeySecret": SECRET, "ImageConfigs": json.dumps(IMAGES)}


def main() -> int:
    """Run the drill; return 0 if nothing is wrong."""
    return run_program("drill", _start_and_run)


def _start_and_run(console: DemoConsole) -> bool:
    with ExitStack() as exit_stack:
        folder = Path(exit_stack.enter_context(TemporaryDirectory()))
        return _run(console, _start(console, folder, exit_stack))


def _start(console: DemoConsole, folder: Path, exit_stack: ExitStack) -> Drill:
    """Start an embedded AWS with the macro. ``exit_stack`` stops it."""
    console.heading("1. A platform engineer deploys the macro")
    with console.step("Starting an emulated AWS (nothing leaves this machine)"):
        aws = exit_stack.enter_context(embedded_aws(TOOLS))
    with console.step("sam build, sam deploy"):
        sam.deploy(aws, sam.build(aws, ROOT / "template.yaml"), "sysdig-instrument", DEPLOYMENT)
    return Drill(aws, folder, console.step)


def _run(console: DemoConsole, drill: Drill) -> bool:
    """Print each part of the drill. Return whether nothing is wrong."""
    console.heading("2. 30 repositories, as teams have them")
    repositories = drill.repositories()
    rows = drill.deployed(repositories)
    _print_rows(console, rows)

    console.heading("3. enable adds the line")
    enabled = drill.enabled(repositories)
    console.print_text(printing.patches(enabled, console.console))
    before = Drill(drill.aws, drill.folder / "before", console.step)
    enabled_before = before.enabled(before.repositories("absent"), "As before anybody had the line")
    console.print_text(printing.patches(enabled_before, console.console))

    console.heading("4. The repositories that list the macro now, and did not before")
    listed = drill.deployed(drill.listed(enabled))
    _print_rows(console, listed)

    console.heading("5. The figures")
    all_rows = [*rows, *listed]
    console.print_text(printing.summary(all_rows, [*enabled, *enabled_before], console.console))
    return all(row.judgement is not Judgement.WRONG for row in all_rows) and all(
        each.is_right for each in (*enabled, *enabled_before)
    )


def _print_rows(console: DemoConsole, rows: list[Row]) -> None:
    console.print_text(["\n", *printing.table(rows, console.console), "\n", *printing.figures(rows, console.console)])


if __name__ == "__main__":
    sys.exit(main())
