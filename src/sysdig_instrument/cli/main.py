"""The command line: what can be said on it, and what comes back.

Exit codes: 0 done, 1 refused, 2 the call or the file is wrong. Results go to standard output, messages to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from sysdig_instrument import __version__
from sysdig_instrument.cli.commands import COMMANDS, EPILOG
from sysdig_instrument.cli.messages import discard, tell
from sysdig_instrument.cli.parsing import Layout, Parser
from sysdig_instrument.errors import RefusedError, UserError

TYPE_CHECKING = False  # typing itself takes longer to import than all that is imported here
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    top = Parser(
        prog="sysdig-instrument",
        description="Put Sysdig's serverless agent into ECS task definitions, as the CloudFormation macro does.",
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=Layout,
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=Parser, prog=top.prog
    )
    for command in COMMANDS:
        each = commands.add_parser(
            command.name,
            help=command.help,
            description=command.description,
            epilog=f"examples:\n{command.examples}",
            formatter_class=Layout,
            allow_abbrev=False,
        )
        each.pending = command.options
    return top


def run(arguments: Sequence[str]) -> int:
    """Run a command; the result is the exit code."""
    try:
        return _run(arguments)
    except UserError as error:
        tell(f"sysdig-instrument: {error}")
        return REFUSED if isinstance(error, RefusedError) else USAGE
    except RecursionError:
        tell("sysdig-instrument: The file is nested too deeply. Take some of the nesting out.")
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough
        discard(sys.stdout)
        return DONE
    except OSError as error:  # files are opened where a message can name them
        discard(sys.stdout)
        tell(f"sysdig-instrument: Standard output cannot be written: {error.strerror}. Give a file to -o.")
        return USAGE


def _run(arguments: Sequence[str]) -> int:
    try:
        if not arguments:
            parser().print_help(sys.stderr)
            return USAGE
        chosen = parser().parse_args(arguments)
        module = importlib.import_module(f"sysdig_instrument.cli.{chosen.command}")  # after --help has been answered
        code: int = module.run(chosen, os.environ)
        return code
    finally:
        sys.stdout.flush()  # what cannot be written is to be known before Python closes the stream
