"""The command line: what can be said on it, and what comes back.

Exit codes: 0 done, 1 refused, 2 the call or the file is wrong. Results go to standard output, messages to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from sysdig_instrument import __version__
from sysdig_instrument.cli.console import discard, write_stderr
from sysdig_instrument.cli.parser import COMMANDS, EPILOG, HelpFormatter, Parser
from sysdig_instrument.errors import RefusedError, UserError

TYPE_CHECKING = False  # typing itself takes longer to import than all that is imported here
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

EXIT_OK: Final = 0
EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130


def build_parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    parser = Parser(
        prog="sysdig-instrument",
        description="Put Sysdig's serverless agent into ECS task definitions, as the CloudFormation macro does.",
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=Parser, prog=parser.prog
    )
    for command in COMMANDS:
        subparser = subparsers.add_parser(
            command.name,
            help=command.help,
            description=command.description,
            epilog=f"examples:\n{command.examples}",
            formatter_class=HelpFormatter,
            allow_abbrev=False,
        )
        subparser.deferred_options = command.add_options
    return parser


def run(arguments: Sequence[str]) -> int:
    """Run a command; the result is the exit code."""
    try:
        return _dispatch(arguments)
    except UserError as error:
        write_stderr(f"sysdig-instrument: {error}")
        return EXIT_REFUSED if isinstance(error, RefusedError) else EXIT_USAGE
    except RecursionError:
        write_stderr("sysdig-instrument: The file is nested too deeply. Take some of the nesting out.")
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough
        discard(sys.stdout)
        return EXIT_OK
    except OSError as error:  # files are opened where a message can name them
        discard(sys.stdout)
        write_stderr(f"sysdig-instrument: Standard output cannot be written: {error.strerror}. Give a file to -o.")
        return EXIT_USAGE


def _dispatch(arguments: Sequence[str]) -> int:
    try:
        if not arguments:
            build_parser().print_help(sys.stderr)
            return EXIT_USAGE
        options = build_parser().parse_args(arguments)
        module = importlib.import_module(
            f"sysdig_instrument.cli.commands.{options.command}"
        )  # after --help has been answered
        code: int = module.run(options, os.environ)
        return code
    finally:
        sys.stdout.flush()  # what cannot be written is to be known before Python closes the stream
