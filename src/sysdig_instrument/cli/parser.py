"""The commands: what ``--help`` says of each, and which options it has. The commands themselves are not imported here."""

from __future__ import annotations

import argparse
import re
from argparse import ArgumentParser

from sysdig_instrument.cli.console import suggest
from sysdig_instrument.lazy_dataclasses import dataclass


def add_file(parser: ArgumentParser) -> None:
    """The file that a command works on."""
    parser.add_argument("file", metavar="FILE", help="the file, or - for standard input")


def add_files(parser: ArgumentParser) -> None:
    """The files that a command goes through."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file, a folder, or - for standard input")


def add_color(parser: ArgumentParser) -> None:
    """Whether there are colours."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colours (default: auto, on a terminal only; NO_COLOR and FORCE_COLOR count)",
    )


def add_diff_output(parser: ArgumentParser) -> None:
    """How differences are shown, and what the exit code says."""
    parser.add_argument(
        "--format",
        choices=("text", "patch", "json"),
        default="text",
        help="text: a unified diff (default); patch: the JSON Patch of one document; json: what changes where and why",
    )
    parser.add_argument("--side-by-side", action="store_true", help="show both texts beside each other")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 where something would change")
    add_color(parser)


def add_report_output(parser: ArgumentParser) -> None:
    """How a report on task definitions looks."""
    parser.add_argument(
        "--format",
        choices=("table", "json", "sarif", "junit", "github", "markdown"),
        default="table",
        help="for people (table, markdown) or for tools (json, sarif, junit, github); default: table",
    )
    add_color(parser)


def add_settings_output(parser: ArgumentParser) -> None:
    """How settings are shown."""
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    parser.add_argument("--all", action="store_true", help="also settings that have their default value")
    add_color(parser)


def add_shell(parser: ArgumentParser) -> None:
    """The shell that is to complete."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def add_document_output(parser: ArgumentParser) -> None:
    """Where a document goes, and in what syntax."""
    parser.add_argument("--format", choices=("json", "yaml"), help="syntax of the output (default: as the input)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there instead of to standard output")


def add_images_output(parser: ArgumentParser) -> None:
    """Where image configs go."""
    parser.add_argument("-o", "--output", metavar="FILE", help="write the image configs there, for --images")


def add_template_context(parser: ArgumentParser) -> None:
    """What stands around a template: the same for every command that plans."""
    context_group = parser.add_argument_group("what stands around the template")
    context_group.add_argument(
        "-p", "--parameter", metavar="KEY=VALUE", action="append", default=[], help="value of a template parameter"
    )
    context_group.add_argument(
        "--parameters",
        metavar="FILE",
        help="parameter values: a JSON object, or the list that `aws cloudformation` takes",
    )
    context_group.add_argument("--region", help="AWS region (default: as for AWS's own tools)")
    context_group.add_argument("--profile", metavar="NAME", help="AWS profile, for its region and its credentials")
    context_group.add_argument("--account-id", metavar="ID", help="AWS account id, where expressions use it")
    add_settings(parser)
    images_group = parser.add_argument_group("images")
    images_group.add_argument(
        "--images",
        metavar="FILE",
        help='ENTRYPOINT and CMD of images, a JSON object: image → {"Entrypoint": […], "Cmd": […]}',
    )
    images_group.add_argument("--offline", action="store_true", help="ask no registry and no AWS service")


def add_settings(parser: ArgumentParser) -> None:
    """The settings that the macro would be deployed with."""
    group = parser.add_argument_group("settings, in place of the macro's deployment")
    group.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="a setting, such as Collector=us2"
    )
    group.add_argument("--settings", metavar="FILE", help="settings by name, a JSON or YAML object")
    group.add_argument("--no-config", action="store_true", help="ignore .sysdig-instrument.yaml")


def add_account(parser: ArgumentParser) -> None:
    """Which account, and what of it."""
    group = parser.add_argument_group("what to read")
    regions = group.add_mutually_exclusive_group()
    regions.add_argument(
        "--region",
        action="append",
        default=[],
        help="AWS region; more than once for several (default: AWS_REGION, AWS_DEFAULT_REGION, or the profile's)",
    )
    regions.add_argument("--all-regions", action="store_true", help="all regions that the account has enabled")
    group.add_argument("--profile", metavar="NAME", help="AWS profile, which may assume a role in another account")
    group.add_argument(
        "--cluster",
        metavar="GLOB",
        action="append",
        default=[],
        help="only clusters of this name (glob) or ARN; more than once for several",
    )


def add_coverage_output(parser: ArgumentParser) -> None:
    """How a report looks, and what it comes to."""
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    parser.add_argument(
        "--fail-on",
        choices=("unprotected", "none"),
        default="unprotected",
        help="when the exit code is 1: where a task is not protected or could not be read (default), or never",
    )
    add_color(parser)


TYPE_CHECKING = False  # typing itself takes longer to import than all that is imported here
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Final


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the module of its name in this package has ``run(add_options, environment)``."""

    name: str
    help: str
    description: str
    examples: str
    add_options: tuple[Callable[[argparse.ArgumentParser], None], ...]


_FILE_HELP: Final = """\
FILE is a CloudFormation template in JSON or YAML, a task definition as
`aws ecs register-task-definition --cli-input-json` takes it or
`aws ecs describe-task-definition` prints it, or an array of container
definitions; - is standard input."""

EPILOG: Final = """\
examples:
  sysdig-instrument diff app.yaml --set Collector=us2
  sysdig-instrument explain templates
  sysdig-instrument transform app.yaml --set Collector=us2 -o processed.yaml

`sysdig-instrument COMMAND --help` has the options of a command, and more examples.

Exit codes: 0 done, 1 refused, 2 the call or the file is wrong."""

COMMANDS: Final = (
    Command(
        "transform",
        "print the processed template",
        f"Print the processed template or task definition.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument transform app.yaml --set Collector=us2
  sysdig-instrument transform app.yaml -p Image=nginx:1.27 -o processed.yaml
  sysdig-instrument transform - --format yaml < task-definition.json""",
        (add_file, add_document_output, add_template_context),
    ),
    Command(
        "diff",
        "show what would change, and why",
        "Show what `transform` would change in each file, with the reasons. In a pipe the\n"
        "diff is one that `patch -p1` and `git apply` take. Folders are searched for\n"
        f"*.json, *.yaml, *.yml and *.template.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument diff app.yaml
  sysdig-instrument diff templates --side-by-side
  sysdig-instrument diff app.yaml --format patch > app.patch.json""",
        (add_files, add_diff_output, add_template_context),
    ),
    Command(
        "explain",
        "tell what becomes of each container, and why",
        "Tell of every task definition and container whether it is instrumented, left\n"
        "alone or refused, why, and where its entry point comes from. The exit code is 1\n"
        f"where one is refused.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument explain app.yaml
  sysdig-instrument explain templates --format markdown
  sysdig-instrument explain templates --format sarif > results.sarif""",
        (add_files, add_report_output, add_template_context),
    ),
    Command(
        "settings",
        "show the settings, and where each comes from",
        "Show for each task definition, and each container with settings of its own, the\n"
        f"value of each setting and the layer that gave it.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument settings app.yaml
  sysdig-instrument settings app.yaml --all --format json""",
        (add_files, add_settings_output, add_template_context),
    ),
    Command(
        "images",
        "list the images whose ENTRYPOINT and CMD are needed",
        "List the images whose ENTRYPOINT and CMD are needed, with what their registries\n"
        f"say; -o writes a file for --images, so that later runs need no registry.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument images app.yaml -o images.json
  sysdig-instrument transform app.yaml --offline --images images.json""",
        (add_file, add_images_output, add_template_context),
    ),
    Command(
        "check",
        "tell whether everything is instrumented",
        "Tell of each task definition whether it is instrumented as the settings ask\n"
        f"for; the exit code is 1 where one is not. No registry is asked.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument check processed.yaml
  sysdig-instrument check templates --format github
  aws ecs describe-task-definition --task-definition web | sysdig-instrument check -""",
        (add_files, add_report_output, add_template_context),
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
        (add_account, add_coverage_output, add_settings),
    ),
    Command(
        "completion",
        "print the completion script for a shell",
        "Print the script that lets a shell complete commands and options.",
        """\
  sysdig-instrument completion bash > ~/.local/share/bash-completion/completions/sysdig-instrument
  sysdig-instrument completion zsh > ~/.zfunc/_sysdig-instrument
  sysdig-instrument completion fish > ~/.config/fish/completions/sysdig-instrument.fish""",
        (add_shell,),
    ),
)


TYPE_CHECKING = False  # typing itself takes longer to import than all that is imported here
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final, NoReturn

_EXIT_USAGE: Final = 2
_INVALID_CHOICE: Final = r"invalid choice: '(?P<wrong>[^']*)' \(choose from (?P<known>.*)\)"
_CHOICE_NAME: Final = r"[\w-]+"
_UNRECOGNIZED: Final = "unrecognized arguments: "


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Help that is the same from every Python: ``-p, --parameter KEY=VALUE``, as from 3.13 on."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)

    def add_argument(self, action: argparse.Action) -> None:
        """Take an argument into account; argparse forgets how far the names of commands are indented."""
        super().add_argument(action)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - it has no other name
            self._action_max_length += self._indent_increment

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


class Parser(argparse.ArgumentParser):
    """An argument parser whose messages name the command that they are about, and suggest what was meant.

    It has its options when it needs them.
    """

    deferred_options: Sequence[Callable[[argparse.ArgumentParser], None]] = ()
    """What adds its options. Those of one command are needed in a call, or of none."""

    def with_options(self) -> Parser:
        """This parser with all its options."""
        deferred, self.deferred_options = self.deferred_options, ()
        for add_options in deferred:
            add_options(self)
        return self

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - argparse has overloads
        """As argparse does, but what a command does not know is that command's error, and not its parent's."""
        arguments = list(args or ())
        if self._subparsers and arguments and arguments[0].startswith("-") and not self._has_option(arguments[0]):
            self.error(f"{_UNRECOGNIZED}{arguments[0]}")
        known, extra = super(Parser, self.with_options()).parse_known_args(args, namespace)
        if extra:
            self.error(f"{_UNRECOGNIZED}{' '.join(extra)}")
        return known, extra

    def _has_option(self, argument: str) -> bool:
        return argument.partition("=")[0] in self._option_string_actions

    def error(self, message: str) -> NoReturn:
        """End with the message, a suggestion where there is one, and the way to the help."""
        self.exit(_EXIT_USAGE, f"{self.prog}: {message}{self._suggestion(message)}\nSee {self.prog} --help\n")

    def _suggestion(self, message: str) -> str:
        options = [option for action in self._actions for option in action.option_strings]
        if choice := re.search(_INVALID_CHOICE, message):
            return suggest("\n", choice["wrong"], [*re.findall(_CHOICE_NAME, choice["known"]), *options])
        if not message.startswith(_UNRECOGNIZED):
            return ""
        wrong = message.removeprefix(_UNRECOGNIZED).partition(" ")[0].partition("=")[0]
        if suggestion := suggest("\n", wrong, options):
            return suggestion
        return f"\nOptions stand behind the command: {self.prog} COMMAND {wrong} …" if self._subparsers else ""


def subparsers_of(parser: argparse.ArgumentParser) -> list[Parser]:
    """The parsers of a parser's commands, with all their options."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 - argparse lists them nowhere else
    return [command.with_options() for action in actions for command in action.choices.values()]


# FOLDED: The options of the commands. Apart from the commands themselves, so that ``--help`` imports none of these.
# FOLDED: How the command line is read, and how its help looks.
