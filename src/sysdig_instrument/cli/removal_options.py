"""The options ``--added`` and ``--kept``: the caller says what came with the agent, and what was there before."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.removal.other_forms import QUESTIONS
from sysdig_instrument.engine.suggestions import did_you_mean
from sysdig_instrument.errors import UsageError


def added_from_options(options: argparse.Namespace) -> dict[str, bool]:
    """Return what the options say: whether it came with the agent, by name.

    Raises:
        UsageError: A name is wrong, or both options have it.
    """
    added = {**_by_name(options.added, "--added", is_added=True), **_by_name(options.kept, "--kept", is_added=False)}
    if len(added) < len({*_names(options.added)}) + len({*_names(options.kept)}):
        raise UsageError("--added and --kept have a name in common. Remove one of them.", code=Code.OPTION_VALUE)
    return added


def _names(values: Iterable[str]) -> Iterable[str]:
    return (name for value in values for name in value.split(","))


def _by_name(values: Iterable[str], option: str, *, is_added: bool) -> dict[str, bool]:
    named = dict.fromkeys(_names(values), is_added)
    for name in named:
        question = name.rpartition("/")[2]
        if question not in QUESTIONS:
            fact = f"{option} {quote(name)} is none of {', '.join(QUESTIONS)}, or of a container and a slash before it"
            raise UsageError(
                Reason(fact, did_you_mean(question, QUESTIONS), code=Code.OPTION_VALUE).text, code=Code.OPTION_VALUE
            )
    return named
