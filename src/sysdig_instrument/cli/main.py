"""The command line: what can be said on it, and what comes back.

Exit codes: 0 done, 1 refused, 2 the call or the file is wrong. Results go to standard output, messages to standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from sysdig_instrument import __version__
from sysdig_instrument.errors import RefusedError, UserError

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130


class Parser(argparse.ArgumentParser):
    """An argument parser that suggests the option that was meant."""

    def error(self, message: str) -> NoReturn:
        """End with the message, a suggestion where there is one, and the way to the help."""
        self.exit(USAGE, f"{self.prog}: {message}{_suggestion(self, message)}\nSee {self.prog} --help\n")


def _suggestion(parser: argparse.ArgumentParser, message: str) -> str:
    marker = "unrecognized arguments: "
    if not message.startswith(marker):
        return ""
    import difflib  # noqa: PLC0415 - only a wrong call needs it

    options = [option for action in parser._actions for option in action.option_strings]  # noqa: SLF001 - argparse has no other way to list its options
    close = difflib.get_close_matches(message.removeprefix(marker).split()[0].partition("=")[0], options, n=1)
    return f"\nDid you mean {close[0]}?" if close else ""


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    top = Parser(
        prog="sysdig-instrument",
        description="Put Sysdig's serverless agent into ECS task definitions, as the CloudFormation macro does.",
        epilog="Exit codes: 0 done, 1 refused, 2 the call or the file is wrong.",
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    _add_transform(commands)
    return top


_TRANSFORM_HELP: Final = """\
FILE is a CloudFormation template in JSON or YAML, a task definition as `aws ecs register-task-definition
--cli-input-json` takes it or `aws ecs describe-task-definition` prints it, or an array of container definitions;
- is standard input.
"""
_TRANSFORM_EXAMPLES: Final = """\
examples:
  sysdig-instrument transform app.yaml --set Collector=us2
  sysdig-instrument transform app.yaml -p Image=nginx:1.27 --images images.json --settings sysdig.yaml -o out.yaml
  aws ecs describe-task-definition --task-definition web | sysdig-instrument transform - --set Collector=us2
"""


def _add_transform(commands: argparse._SubParsersAction[Parser]) -> None:
    transform = commands.add_parser(
        "transform",
        help="print the processed template",
        description=f"Print the processed template or task definition.\n\n{_TRANSFORM_HELP}",
        epilog=_TRANSFORM_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    transform.add_argument("file", metavar="FILE", help="the file to process, or - for standard input")
    add_inputs(transform)
    transform.add_argument("--format", choices=("json", "yaml"), help="syntax of the output (default: as the input)")
    transform.add_argument("-o", "--output", metavar="FILE", help="write there instead of to standard output")


def add_inputs(command: argparse.ArgumentParser) -> None:
    """The options that say what stands around a template: the same for every command that plans."""
    inputs = command.add_argument_group("what stands around the template")
    inputs.add_argument(
        "-p", "--parameter", metavar="KEY=VALUE", action="append", default=[], help="value of a template parameter"
    )
    inputs.add_argument(
        "--parameters",
        metavar="FILE",
        help="parameter values: a JSON object, or the list that `aws cloudformation` takes",
    )
    inputs.add_argument("--region", help="AWS region (default: AWS_REGION or AWS_DEFAULT_REGION)")
    inputs.add_argument("--account-id", metavar="ID", help="AWS account id, where expressions use it")
    settings = command.add_argument_group("settings")
    settings.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], dest="set", help="a setting, such as Collector=us2"
    )
    settings.add_argument("--settings", metavar="FILE", help="settings by name, a JSON or YAML object")
    images = command.add_argument_group("images")
    images.add_argument(
        "--images",
        metavar="FILE",
        help='ENTRYPOINT and CMD of images, a JSON object: image → {"Entrypoint": […], "Cmd": […]}',
    )
    images.add_argument("--offline", action="store_true", help="ask no registry and no AWS service")


def run(arguments: Sequence[str]) -> int:
    """Run a command; the result is the exit code."""
    try:
        options = parser().parse_args(arguments)
        from sysdig_instrument.cli import transform  # noqa: PLC0415 - after --help has been answered

        return transform.run(options, os.environ)
    except UserError as error:
        print(_on_stderr(f"sysdig-instrument: {error}"), file=sys.stderr)
        return REFUSED if isinstance(error, RefusedError) else USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough; Python would complain again when it closes the stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _on_stderr(text: str) -> str:
    """The text, as far as the terminal's encoding can show it."""
    encoding = sys.stderr.encoding or "utf-8"
    return text.encode(encoding, errors="replace").decode(encoding)
