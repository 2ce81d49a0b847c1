"""A call of a command for any number of files: what it is given, and what it collects.

Another process gets the call, too, and processes some of the files. What only one process may do, it leaves to this one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sysdig_instrument.cli.console import Console, detect_console
from sysdig_instrument.cli.lookups import shared_session
from sysdig_instrument.cli.messages import messages_console
from sysdig_instrument.cli.run_notices import RunNotices
from sysdig_instrument.lazy_dataclasses import dataclass, replace

if TYPE_CHECKING:
    from sysdig_instrument.cli.documents import InputDocument
    from sysdig_instrument.lookup.session import LookupSession


class OnlyInFirstProcessError(Exception):
    """A file needs what only the process of the call itself may do."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call: its options and environment, where its lookups get their session, its consoles, and what its notices record."""

    options: argparse.Namespace
    environment: Mapping[str, str]
    session: Callable[[], LookupSession]
    console: Console
    messages_console: Console
    notices: RunNotices

    @classmethod
    def of(cls, options: argparse.Namespace, environment: Mapping[str, str]) -> Call:
        """Return the call with these options."""
        return cls(
            options,
            environment,
            shared_session(environment, options.profile),
            detect_console(options.color, environment),
            messages_console(options, environment),
            RunNotices(options),
        )

    def shown(self, document: InputDocument) -> InputDocument | None:
        """Return a document if a report shows its text, as only a terminal does. Nothing else of it need be kept."""
        return document if self.console.shows_text else None

    def elsewhere(self) -> Call:
        """Return the call for another process: without lookups, and with nothing recorded."""
        environment = dict(self.environment)
        return replace(self, environment=environment, session=_no_session, notices=RunNotices(self.options))


def _no_session() -> LookupSession:
    """Leave the lookup to the first process, which asks registries and AWS once for all files."""
    raise OnlyInFirstProcessError
