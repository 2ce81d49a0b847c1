"""Parameters that ``-p`` names and no template has: a slip of the pen, most likely, and then another value counts."""

from __future__ import annotations

import argparse
from collections.abc import Collection

from sysdig_instrument.cli.messages import tell
from sysdig_instrument.engine.json_types import Json


def parameters_of(fragment: Json) -> Collection[str]:
    """The names of a template's parameters; none where it is no template."""
    parameters = fragment.get("Parameters") if isinstance(fragment, dict) else None
    return parameters if isinstance(parameters, dict) else ()


def tell_misnamed(options: argparse.Namespace, parameters: Collection[str]) -> None:
    """Say which names of ``-p`` are not among these. A file of ``--parameters`` may serve many templates, and is not asked."""
    for pair in options.parameter:
        name = pair.partition("=")[0].strip()
        if name not in parameters:
            tell(f'notice: -p names the parameter "{name}", and no template has it.' + _nearest(name, parameters))


def _nearest(name: str, parameters: Collection[str]) -> str:
    import difflib  # noqa: PLC0415 - only a wrong name needs it

    close = difflib.get_close_matches(name, parameters, n=1)
    return f" Did you mean {close[0]}?" if close else ""
