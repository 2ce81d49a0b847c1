"""``sysdig-instrument inventory``: list what lists the macro and what should, in files and repositories or in stacks."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.cli.console import detect_console, write_stdout
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED
from sysdig_instrument.cli.inventory_files import file_rows
from sysdig_instrument.cli.inventory_formats import RENDERERS, Inventory
from sysdig_instrument.cli.inventory_rows import FAILING
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.errors import UsageError

_OF_STACKS: Final = ("all_regions", "role", "accounts", "role_name", "stack", "leave")
"""The options that mean nothing for files."""


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the inventory of the files, or with ``--stacks`` of the stacks. ``--fail-on`` decides about the exit code.

    Raises:
        RefusedError: EC2 does not return the list of regions.
        UsageError: An option or a file that was named is wrong, or ``--stacks`` has no credentials or no region.
    """
    if options.stacks and options.files:
        raise UsageError(
            "An inventory is of files or of stacks. Give paths, or --stacks without any.", code=Code.INVENTORY_OPTIONS
        )
    if options.stacks:
        from sysdig_instrument.cli.inventory_stacks import stack_rows  # noqa: PLC0415 - only stacks need botocore's part

        rows = stack_rows(options, environment)
    elif options.files:
        for name in _OF_STACKS:
            if getattr(options, name):
                option = f"--{name.replace('_', '-')}"
                raise UsageError(
                    f"{option} is for stacks. Give --stacks, or leave it out.", code=Code.INVENTORY_OPTIONS
                )
        options.region = options.region[-1] if options.region else None
        rows = file_rows(options, environment)
    else:
        raise UsageError("There is nothing to list. Give files or folders, or --stacks.", code=Code.INVENTORY_OPTIONS)
    inventory = Inventory(rows, is_of_stacks=options.stacks, is_of_opt_outs=options.left_alone)
    console = detect_console(options.color, environment)
    for text in RENDERERS[options.format](inventory, console):
        write_stdout(text, console)
    return EXIT_REFUSED if inventory.states & FAILING[options.fail_on] else EXIT_OK
