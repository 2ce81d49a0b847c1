"""The command line: what can be said on it, and what comes back.

Exit codes: 0 done, 1 refused, 2 the call or the file is wrong. Results go to standard output, messages to standard error.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, cast

from sysdig_instrument import __version__
from sysdig_instrument.cli import options
from sysdig_instrument.cli.messages import discard, tell
from sysdig_instrument.errors import RefusedError, UserError

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the module of its name in this package has ``run(options, environment)``."""

    name: str
    help: str
    description: str
    examples: str
    options: tuple[Callable[[argparse.ArgumentParser], None], ...]


_FILE: Final = """\
FILE is a CloudFormation template in JSON or YAML, a task definition as
`aws ecs register-task-definition --cli-input-json` takes it or
`aws ecs describe-task-definition` prints it, or an array of container
definitions; - is standard input."""

COMMANDS: Final = (
    Command(
        "transform",
        "print the processed template",
        f"Print the processed template or task definition.\n\n{_FILE}",
        """\
  sysdig-instrument transform app.yaml --set Collector=us2
  sysdig-instrument transform app.yaml -p Image=nginx:1.27 -o processed.yaml
  sysdig-instrument transform - --format yaml < task-definition.json""",
        (options.one_file, options.output, options.surroundings),
    ),
    Command(
        "diff",
        "show what would change, and why",
        "Show what `transform` would change in each file, with the reasons. In a pipe the\n"
        "diff is one that `patch -p1` and `git apply` take. Folders are searched for\n"
        f"*.json, *.yaml, *.yml and *.template.\n\n{_FILE}",
        """\
  sysdig-instrument diff app.yaml
  sysdig-instrument diff templates --side-by-side
  sysdig-instrument diff app.yaml --format patch > app.patch.json""",
        (options.files, options.difference, options.surroundings),
    ),
    Command(
        "explain",
        "tell what becomes of each container, and why",
        "Tell of every task definition and container whether it is instrumented, left\n"
        "alone or refused, why, and where its entry point comes from. The exit code is 1\n"
        f"where one is refused.\n\n{_FILE}",
        """\
  sysdig-instrument explain app.yaml
  sysdig-instrument explain templates --format markdown
  sysdig-instrument explain templates --format sarif > results.sarif""",
        (options.files, options.findings, options.surroundings),
    ),
    Command(
        "settings",
        "show the settings, and where each comes from",
        "Show for each task definition, and each container with settings of its own, the\n"
        f"value of each setting and the layer that gave it.\n\n{_FILE}",
        """\
  sysdig-instrument settings app.yaml
  sysdig-instrument settings app.yaml --all --format json""",
        (options.files, options.settings_format, options.surroundings),
    ),
    Command(
        "images",
        "list the images whose ENTRYPOINT and CMD are needed",
        "List the images whose ENTRYPOINT and CMD are needed, with what their registries\n"
        f"say; -o writes a file for --images, so that later runs need no registry.\n\n{_FILE}",
        """\
  sysdig-instrument images app.yaml -o images.json
  sysdig-instrument transform app.yaml --offline --images images.json""",
        (options.one_file, options.image_file, options.surroundings),
    ),
    Command(
        "check",
        "tell whether everything is instrumented",
        "Tell of each task definition whether it is instrumented as the settings ask\n"
        f"for; the exit code is 1 where one is not. No registry is asked.\n\n{_FILE}",
        """\
  sysdig-instrument check processed.yaml
  sysdig-instrument check templates --format github
  aws ecs describe-task-definition --task-definition web | sysdig-instrument check -""",
        (options.files, options.findings, options.surroundings),
    ),
    Command(
        "coverage",
        "tell which running tasks of an AWS account are protected",
        "Tell which running ECS tasks of an AWS account are protected, by which agent, and\n"
        "why the others are not. The exit code is 1 where one that should be protected is\n"
        "not, or where something could not be read; docs/coverage.md has the permissions.",
        """\
  sysdig-instrument coverage --region eu-central-1 --region us-east-1
  sysdig-instrument coverage --all-regions --settings settings.yaml --format json
  sysdig-instrument coverage --profile production --cluster 'shop-*' --fail-on none""",
        (options.account, options.report, options.settings),
    ),
    Command(
        "completion",
        "print the completion script for a shell",
        "Print the script that lets a shell complete commands and options.",
        """\
  sysdig-instrument completion bash > ~/.local/share/bash-completion/completions/sysdig-instrument
  sysdig-instrument completion zsh > ~/.zfunc/_sysdig-instrument
  sysdig-instrument completion fish > ~/.config/fish/completions/sysdig-instrument.fish""",
        (options.shell,),
    ),
)


class Parser(argparse.ArgumentParser):
    """An argument parser that suggests the option that was meant."""

    def error(self, message: str) -> NoReturn:
        """End with the message, a suggestion where there is one, and the way to the help."""
        self.exit(USAGE, f"{self.prog}: {message}{self._suggestion(message)}\nSee {self.prog} --help\n")

    def _suggestion(self, message: str) -> str:
        marker = "unrecognized arguments: "
        if not message.startswith(marker):
            return ""
        import difflib  # noqa: PLC0415 - only a wrong call needs it

        wrong = message.removeprefix(marker).partition(" ")[0].partition("=")[0]
        known = [
            option
            for parser in (self, *_commands(self))
            for action in parser._actions  # noqa: SLF001 - argparse lists them nowhere else
            for option in action.option_strings
        ]
        close = difflib.get_close_matches(wrong, known, n=1)
        return f"\nDid you mean {close[0]}?" if close else ""


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers of a parser's commands: an option that one of them does not know ends up with their parent."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 - argparse lists them nowhere else
    return [command for action in actions for command in action.choices.values()]


def parser() -> argparse.ArgumentParser:
    """All commands with their options."""
    top = Parser(
        prog="sysdig-instrument",
        description="Put Sysdig's serverless agent into ECS task definitions, as the CloudFormation macro does.",
        epilog="Exit codes: 0 done, 1 refused, 2 the call or the file is wrong.",
        allow_abbrev=False,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=28),
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True, parser_class=Parser
    )
    for command in COMMANDS:
        each = commands.add_parser(
            command.name,
            help=command.help,
            description=command.description,
            epilog=f"examples:\n{command.examples}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        for add_options in command.options:
            add_options(each)
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
        chosen = parser().parse_args(arguments)
        module = importlib.import_module(f"sysdig_instrument.cli.{chosen.command}")  # after --help has been answered
        return cast("int", module.run(chosen, os.environ))
    finally:
        sys.stdout.flush()  # what cannot be written is to be known before Python closes the stream
