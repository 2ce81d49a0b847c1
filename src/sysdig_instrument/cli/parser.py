"""The argument parser: the commands, their help and options, and error messages that suggest what was meant.

The modules of the commands are imported only when a command runs: ``--help`` must be quick.
"""

from __future__ import annotations

import argparse
import re
import sys

from sysdig_instrument.cli.coverage_options import add_account, add_coverage_output
from sysdig_instrument.cli.exit_codes import EXIT_USAGE
from sysdig_instrument.cli.fleet_options import add_inventory, add_service_context, add_services, add_stacks
from sysdig_instrument.cli.harmless import break_commands, sanitize_lines
from sysdig_instrument.cli.options import (
    add_added_and_kept,
    add_color,
    add_diff_output,
    add_document_output,
    add_file,
    add_files,
    add_images_output,
    add_jobs,
    add_line,
    add_line_changes,
    add_other_files,
    add_removal,
    add_report_output,
    add_settings,
    add_settings_output,
    add_shell,
    add_template_context,
    add_unknown,
)
from sysdig_instrument.lazy_dataclasses import dataclass

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, Final, NoReturn


# --- the commands


@dataclass(frozen=True, slots=True)
class Command:
    """A command. The module of its name in ``cli.commands`` has ``run(options, environment)``, which returns the exit code."""

    name: str
    help: str
    description: str
    examples: str
    add_options: tuple[Callable[[argparse.ArgumentParser], None], ...]


_FILE_HELP: Final = """\
FILE is a CloudFormation template in JSON or YAML, a task definition as accepted
by `aws ecs register-task-definition --cli-input-json` or printed by
`aws ecs describe-task-definition`, or an array of container definitions.
Use - for standard input."""

EPILOG: Final = """\
examples:
  sysdig-instrument diff app.yaml --set Collector=us2 --set AccessKeySecret=none
  sysdig-instrument explain templates
  sysdig-instrument transform app.yaml -o processed.yaml

Collector and AccessKeySecret are required: with --set or --settings, or in the file
.sysdig-instrument.yaml beside a template.

Run `sysdig-instrument COMMAND --help` for a command's options and more examples.

Exit codes: 0 success, 1 refused or unknown, 2 usage or input error."""

COMMANDS: Final = (
    Command(
        "transform",
        "print the processed template",
        f"Print the processed template or task definition.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument transform app.yaml --set Collector=us2 --set AccessKeySecret=none
  sysdig-instrument transform app.yaml -p Image=nginx:1.27 -o processed.yaml
  sysdig-instrument transform - --format yaml < task-definition.json""",
        (add_file, add_document_output, add_template_context),
    ),
    Command(
        "diff",
        "show what would change, and why",
        "Show what `transform` would change in each file, with the reasons. If the output\n"
        "is not a terminal, `patch -p1` and `git apply` can apply the diff. Folders are\n"
        f"searched for *.json, *.yaml, *.yml and *.template.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument diff app.yaml
  sysdig-instrument diff templates --side-by-side
  sysdig-instrument diff app.yaml --format patch > app.patch.json""",
        (add_files, add_other_files, add_diff_output, add_line, add_unknown, add_jobs, add_template_context),
    ),
    Command(
        "explain",
        "explain what happens to each container, and why",
        "Explain whether each template lists the macro, and whether each task definition\n"
        "and container is instrumented, skipped or refused, why, and where its entry point\n"
        "comes from. The exit code is 1 if any is refused, or if that is unknown because\n"
        f"of something that is not known here.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument explain app.yaml
  sysdig-instrument explain templates --format markdown
  sysdig-instrument explain templates --format sarif > results.sarif""",
        (add_files, add_other_files, add_report_output, add_line, add_unknown, add_jobs, add_template_context),
    ),
    Command(
        "settings",
        "show the settings, and where each comes from",
        "Show the value of each setting and the layer it comes from, for each task\n"
        f"definition and for each container with settings of its own.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument settings app.yaml
  sysdig-instrument settings app.yaml --all --format json""",
        (add_files, add_settings_output, add_template_context),
    ),
    Command(
        "images",
        "list the images whose ENTRYPOINT and CMD are needed",
        "List the images whose ENTRYPOINT and CMD are needed, with the values from their\n"
        f"registries. -o writes a file for --images, so that later runs need no registry.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument images app.yaml -o images.json
  sysdig-instrument transform app.yaml --offline --images images.json""",
        (add_file, add_images_output, add_template_context),
    ),
    Command(
        "check",
        "check whether everything is protected",
        "Check whether each task definition is protected as the settings require: as it\n"
        "is, or once it is deployed, if its template lists the macro. The exit code is 1\n"
        "if any is not, or if that is unknown. It reads images of templates that list the\n"
        f"macro.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument check processed.yaml
  sysdig-instrument check templates --format github
  aws ecs describe-task-definition --task-definition web | sysdig-instrument check -""",
        (add_files, add_other_files, add_report_output, add_unknown, add_jobs, add_template_context),
    ),
    Command(
        "enable",
        "add the line that lists the macro to templates",
        "Add the line `Transform: SysdigInstrument` to each template that has a task\n"
        "definition and does not list the macro: as the last item, if there are other\n"
        "transforms. Nothing else in the file changes. The setting MacroName is the name.\n"
        f"The exit code is 1 if a template has to be corrected first.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument enable templates --dry-run
  sysdig-instrument enable app.yaml
  sysdig-instrument enable templates --set MacroName=SysdigInstrument-canary""",
        (add_files, add_line_changes),
    ),
    Command(
        "disable",
        "remove the line that lists the macro from templates",
        "Remove the macro from the Transform section of each template. What `enable` wrote\n"
        f"goes byte for byte; nothing else in the file changes.\n\n{_FILE_HELP}",
        """\
  sysdig-instrument disable templates --dry-run
  sysdig-instrument disable app.yaml""",
        (add_files, add_line_changes),
    ),
    Command(
        "uninstrument",
        "take out of files what was written with the agent",
        "Take out of templates and task definitions what `transform` wrote: that goes byte\n"
        "for byte, and nothing else. What Kilt, Sysdig's Terraform data source or a person\n"
        "wrote goes, too, once --added and --kept say what was there before.\n\n"
        f"{_FILE_HELP}",
        """\
  sysdig-instrument uninstrument processed.yaml --dry-run
  sysdig-instrument uninstrument - < task-definition.json > without.json
  sysdig-instrument uninstrument app.yaml --added PidMode,SYS_PTRACE --kept web/EntryPoint""",
        (add_files, add_removal),
    ),
    Command(
        "inventory",
        "list what lists the macro, and what should",
        "List, over many files, folders and repositories, which templates list the macro,\n"
        "which should and do not, what is protected already, left alone and why, refused,\n"
        "not known, or cannot be protected. A folder's Git repositories get a group each.\n"
        "With --stacks, list the stacks of an AWS account in place of files, also with\n"
        "those that the macro would change today. It changes nothing. The exit code is 0\n"
        "unless --fail-on says otherwise. docs/inventory.md describes the states.",
        """\
  sysdig-instrument inventory .
  sysdig-instrument inventory repositories --format csv > inventory.csv
  sysdig-instrument inventory repositories --left-alone --format markdown
  sysdig-instrument inventory repositories --fail-on missing
  sysdig-instrument inventory --stacks --all-regions --profile production --owner-tag team""",
        (add_inventory,),
    ),
    Command(
        "stacks",
        "list the stacks that are behind, and update them in waves",
        "List the stacks that list the macro, and what an update of each would change\n"
        "today: what the macro makes of the template now, against what is deployed. With\n"
        "--update, make change sets for those that are behind, in waves, and show them.\n"
        "Nothing is executed without --execute or your answer. It stops at the first\n"
        "failure. Run it again to go on. docs/stacks.md describes it.",
        """\
  sysdig-instrument stacks --from-macro
  sysdig-instrument stacks --all-regions --from-macro --format json --fail-on behind
  sysdig-instrument stacks --from-macro --update --tag stage --order canary,early --wave 5
  sysdig-instrument stacks --from-macro --update --execute --json report.json""",
        (add_stacks,),
    ),
    Command(
        "apply",
        "give running services task definitions with the agent",
        "Give the services of a cluster task definitions with the agent, where no template\n"
        "does it: register a revision for each, move the services, all or none, and wait\n"
        "until they run it. If one does not, all go back. Without --execute, only print\n"
        "what would be done. A second run registers nothing. docs/fleet.md describes it.",
        """\
  sysdig-instrument apply --cluster shop --from-macro
  sysdig-instrument apply --cluster shop --service 'web-*' --from-macro --execute
  sysdig-instrument apply --cluster shop --uninstrument --execute""",
        (add_services, add_added_and_kept, add_color, add_service_context),
    ),
    Command(
        "coverage",
        "report which running tasks in an AWS account are protected",
        "Report which running ECS tasks in an AWS account are protected, by which agent,\n"
        "and why the others are not: also tasks that the macro never saw. It only reads,\n"
        "with your AWS credentials. The settings say what counts as protected: take those\n"
        "of the macro with --from-macro. The exit code is 1 if a task that should be\n"
        "protected is not, or if something could not be read, and 3 if there is no\n"
        "cluster. docs/coverage.md lists the permissions it needs.",
        """\
  sysdig-instrument coverage --region eu-central-1 --region us-east-1
  sysdig-instrument coverage --all-regions --settings settings.yaml --format json
  sysdig-instrument coverage --profile production --cluster 'shop-*' --fail-on none
  sysdig-instrument coverage --accounts 111111111111,222222222222 --role-name coverage --format asff""",
        (add_account, add_coverage_output, add_settings),
    ),
    Command(
        "completion",
        "print the completion script for a shell",
        "Print a shell script that completes commands and options.",
        """\
  sysdig-instrument completion bash > ~/.local/share/bash-completion/completions/sysdig-instrument
  sysdig-instrument completion zsh > ~/.zfunc/_sysdig-instrument
  sysdig-instrument completion fish > ~/.config/fish/completions/sysdig-instrument.fish""",
        (add_shell,),
    ),
)

# --- the parser

_INVALID_CHOICE: Final = r"invalid choice: '(?P<wrong>[^']*)' \(choose from (?P<known>.*)\)"
_CHOICE_NAME: Final = r"[\w-]+"
_UNRECOGNIZED: Final = "unrecognized arguments: "
_VALUE_MISSING: Final = r"(?:argument|the following arguments are required:) (?P<names>-[^\s:]+)(?:$|: expected )"
_OTHER_NAMES: Final = {
    **dict.fromkeys(("instrument", "process", "render", "convert"), "transform"),
    **dict.fromkeys(("validate", "lint", "verify"), "check"),
    **dict.fromkeys(("scan", "list"), "inventory"),
    **dict.fromkeys(("add", "install"), "enable"),
    **dict.fromkeys(("remove", "uninstall"), "disable"),
    "deploy": "apply",
}
"""What people call a command. The nearest name would do the opposite of some: "uninstrument" for "instrument"."""
_REQUIRED_FILE: Final = "the following arguments are required: FILE"


_NO_TERMINAL: Final = 80
"""Columns of help that is written to a file or a pipe."""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Format help as Python 3.13 and later do (``-p, --parameter KEY=VALUE``), on every version."""

    def __init__(self, prog: str, width: int | None = None) -> None:
        # Without a width, argparse imports shutil, and with it the formats of all archives.
        super().__init__(prog, max_help_position=28, width=(width or _NO_TERMINAL) - 2)

    def add_argument(self, action: argparse.Action) -> None:
        """Measure an argument. argparse forgets that the names of commands are indented."""
        super().add_argument(action)
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - it has no other name
            self._action_max_length += self._indent_increment

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """Break lines that are wider than the terminal. The texts themselves are broken for 80 columns."""
        lines = text.splitlines()
        if all(len(line) <= width for line in lines):
            return super()._fill_text(text, width, indent)
        from itertools import groupby  # noqa: PLC0415 - a narrow terminal is rare

        from sysdig_instrument.cli.console import wrap_words  # noqa: PLC0415 - the same

        filled = list[str]()
        for is_prose, group in groupby(lines, key=lambda line: not line.startswith(" ") and bool(line)):
            block = list(group)
            filled += wrap_words(" ".join(block), width) if is_prose else block
        return "".join(f"{indent}{line}\n" for line in filled)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"


class Parser(argparse.ArgumentParser):
    """Parse arguments. Errors name the command and suggest a correction. Options are added at first use."""

    deferred_options: Sequence[Callable[[argparse.ArgumentParser], None]] = ()
    """Functions that add the options. A call needs those of one command at most."""

    def with_options(self) -> Parser:
        """Add the deferred options and return this parser."""
        deferred, self.deferred_options = self.deferred_options, ()
        for add_options in deferred:
            add_options(self)
        return self

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - argparse has overloads
        """Parse like argparse, but report an unknown option as an error of the command, not of its parent."""
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
        """Exit with the message, a suggestion if there is one, and a pointer to the help."""
        from sysdig_instrument.engine.codes import Code  # noqa: PLC0415 - only an error needs it

        coded = f"{message} ({Code.COMMAND_LINE.value})"
        text = f"{self.prog}: {coded}{self._suggestion(message)}\nSee {self.prog} --help\n"
        self.exit(EXIT_USAGE, break_commands(sanitize_lines(text)))  # a shell's glob may pass names of files as options

    def _suggestion(self, message: str) -> str:
        if choice := re.search(_INVALID_CHOICE, message):
            if self._subparsers and choice["wrong"] in _OTHER_NAMES:
                return f'\nDid you mean "{_OTHER_NAMES[choice["wrong"]]}"?'
            return _suggestion_line(choice["wrong"], [*re.findall(_CHOICE_NAME, choice["known"]), *self._options()])
        if message.startswith(_REQUIRED_FILE):
            is_one_file = "..." not in self.format_usage()
            example = "app.yaml" if is_one_file else "."
            what = "a file, or - for standard input" if is_one_file else "a file or a folder, or - for standard input"
            return f"\nName {what}: {self.prog} {example}"
        if option := re.match(_VALUE_MISSING, message):
            return self._example_of(option["names"])
        if message.startswith(_UNRECOGNIZED):
            return self._about_unrecognized(message.removeprefix(_UNRECOGNIZED).partition(" ")[0].partition("=")[0])
        return ""

    def _options(self) -> list[str]:
        return [option for action in self._actions for option in action.option_strings]

    def _about_unrecognized(self, wrong: str) -> str:
        if wrong.startswith("-"):
            elsewhere = f"\nOptions go after the command: {self.prog} COMMAND {wrong} …" if self._subparsers else ""
            return _suggestion_line(wrong, self._options()) or elsewhere
        is_one_file = any(action.dest == "file" for action in self._actions)
        if is_one_file:
            return f"\nThis command takes one file: {self.prog} app.yaml"
        named = next((option for option in ("--stack", "--cluster") if option in self._options()), "")
        return f"\nThis command takes options only: {self.prog} {named} {wrong}" if named else ""

    def _example_of(self, names: str) -> str:
        """Return a line with an option and what stands for its value."""
        actions = (each for each in self._actions if "/".join(each.option_strings) == names)
        return next((f"\nWrite {each.option_strings[0]} {each.metavar}" for each in actions if each.metavar), "")

    def _print_message(self, message: str, file: Any = None) -> None:  # noqa: ANN401 - as in argparse
        """Print a message. argparse drops the error if help cannot be written."""
        if file is sys.stdout:
            file.write(message)
        else:
            super()._print_message(message, file)


def _suggestion_line(wrong: str, known: Iterable[str]) -> str:
    from sysdig_instrument.engine.suggestions import did_you_mean  # noqa: PLC0415 - only a misspelt word needs it

    suggestion = did_you_mean(wrong, known)
    return f"\n{suggestion}" if suggestion else ""


def subparsers_of(parser: argparse.ArgumentParser) -> list[Parser]:
    """Return the parsers of all commands, with their options."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 - argparse lists them nowhere else
    return [command.with_options() for action in actions for command in action.choices.values()]
