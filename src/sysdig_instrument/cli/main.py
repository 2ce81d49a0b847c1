"""The command line: its commands, and the exit code of a run.

Exit codes: 0 success, 1 refused, 2 usage or input error. Results go to standard output, messages to standard error.
"""

from __future__ import annotations

import argparse
import errno
import gc
import importlib
import os
import sys
from functools import partial

from sysdig_instrument import __version__
from sysdig_instrument.cli.console import detect_console, discard, write_stderr
from sysdig_instrument.cli.exit_codes import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, exit_code
from sysdig_instrument.cli.parser import COMMANDS, EPILOG, HelpFormatter, Parser
from sysdig_instrument.errors import UserError

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

NESTED_TOO_DEEPLY: Final = "is nested too deeply. Reduce the nesting."


def build_parser(word: str = "") -> argparse.ArgumentParser:
    """Return the parser with the command of that name; with all, if there is none. Options are added when they are needed."""
    formatter = partial(HelpFormatter, width=detect_console("never", os.environ).width)
    parser = Parser(
        prog="sysdig-instrument",
        description="Add Sysdig's serverless agent to ECS task definitions, as the CloudFormation macro does.",
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=formatter,
    )
    parser.add_argument("-V", "--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=Parser, prog=parser.prog
    )
    for command in [each for each in COMMANDS if each.name == word] or COMMANDS:
        subparser = subparsers.add_parser(
            command.name,
            help=command.help,
            description=command.description,
            epilog=f"examples:\n{command.examples}",
            formatter_class=formatter,
            allow_abbrev=False,
        )
        subparser.deferred_options = command.add_options
    return parser


def run(arguments: Sequence[str]) -> int:
    """Run a command and return the exit code."""
    try:
        return _dispatch(arguments)
    except UserError as error:
        from sysdig_instrument.cli.excerpts import write_error  # noqa: PLC0415 - --help needs none

        write_error(error, os.environ)
        return exit_code(error)
    except RecursionError:
        write_stderr(f"sysdig-instrument: The file {NESTED_TOO_DEEPLY}")
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader closed the pipe
        discard(sys.stdout)
        return EXIT_OK
    except OSError as error:  # all files are opened where a message can name them, so this is standard output
        discard(sys.stdout)
        reason = "It is closed" if error.errno == errno.EBADF else error.strerror
        write_stderr(f"sysdig-instrument: Cannot write to standard output: {reason}. Write to a file with -o.")
        return EXIT_USAGE


def _dispatch(arguments: Sequence[str]) -> int:
    try:
        if not arguments:
            build_parser().print_help(sys.stderr)
            return EXIT_USAGE
        options = build_parser(arguments[0]).parse_args(arguments)
        # Imported now, after argparse has answered --help: a command imports the engine.
        gc.disable()  # imports create no garbage
        module = importlib.import_module(f"sysdig_instrument.cli.commands.{options.command}")
        gc.freeze()  # what is imported stays: neither a collection nor Python's exit searches it
        gc.enable()
        code: int = module.run(options, os.environ)
        return code
    finally:
        sys.stdout.flush()  # report a write error here: Python ignores it when it closes the stream at exit
