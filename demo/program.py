"""What the programs on the embedded AWS have in common: how they end."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Final

from console import DemoConsole
from embedded_aws import sam
from embedded_aws.aws import EmbeddedAwsError

INTERRUPTED: Final = 130


class UnexpectedError(Exception):
    """A step had an unexpected result."""


def run_program(name: str, run: Callable[[DemoConsole], bool]) -> int:
    """Run a program, which returns whether all is right. Return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"The {name} was stopped."))
    try:
        return 0 if run(DemoConsole()) else 1
    except KeyboardInterrupt:
        print(f"\nThe {name} was stopped.", file=sys.stderr)
        return INTERRUPTED
    except (EmbeddedAwsError, UnexpectedError, sam.SamError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
