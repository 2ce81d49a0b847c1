"""Parameters that ``-p`` names and no template has: a slip of the pen, most likely, and then another value counts."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from sysdig_instrument.cli.inputs import pairs
from sysdig_instrument.cli.messages import nearest, tell


def tell_misnamed(options: argparse.Namespace, parameters: Collection[str]) -> None:
    """Say which names of ``-p`` are not among these. A file of ``--parameters`` may serve many templates, and is not asked."""
    for name in pairs(options.parameter, "-p"):
        if name not in parameters:
            tell(f'notice: -p names the parameter "{name}", and no template has it.' + nearest(" ", name, parameters))
