"""How the command line is read, and how its help looks."""

from __future__ import annotations

import argparse
import re

from sysdig_instrument.cli.messages import nearest

TYPE_CHECKING = False  # typing itself takes longer to import than all that is imported here
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final, NoReturn

_USAGE: Final = 2
_CHOICE: Final = r"invalid choice: '(?P<wrong>[^']*)' \(choose from (?P<known>.*)\)"
_WORD: Final = r"[\w-]+"
_UNKNOWN: Final = "unrecognized arguments: "


class Layout(argparse.RawDescriptionHelpFormatter):
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

    pending: Sequence[Callable[[argparse.ArgumentParser], None]] = ()
    """What adds its options. Those of one command are needed in a call, or of none."""

    def completed(self) -> Parser:
        """This parser with all its options."""
        pending, self.pending = self.pending, ()
        for add_options in pending:
            add_options(self)
        return self

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401 - argparse has overloads
        """As argparse does, but what a command does not know is that command's error, and not its parent's."""
        words = list(args or ())
        if self._subparsers and words and words[0].startswith("-") and not self._knows(words[0]):
            self.error(f"{_UNKNOWN}{words[0]}")
        known, extra = super(Parser, self.completed()).parse_known_args(args, namespace)
        if extra:
            self.error(f"{_UNKNOWN}{' '.join(extra)}")
        return known, extra

    def _knows(self, word: str) -> bool:
        return word.partition("=")[0] in self._option_string_actions

    def error(self, message: str) -> NoReturn:
        """End with the message, a suggestion where there is one, and the way to the help."""
        self.exit(_USAGE, f"{self.prog}: {message}{self._suggestion(message)}\nSee {self.prog} --help\n")

    def _suggestion(self, message: str) -> str:
        options = [option for action in self._actions for option in action.option_strings]
        if choice := re.search(_CHOICE, message):
            return nearest("\n", choice["wrong"], [*re.findall(_WORD, choice["known"]), *options])
        if not message.startswith(_UNKNOWN):
            return ""
        wrong = message.removeprefix(_UNKNOWN).partition(" ")[0].partition("=")[0]
        if near := nearest("\n", wrong, options):
            return near
        return f"\nOptions stand behind the command: {self.prog} COMMAND {wrong} …" if self._subparsers else ""


def commands_of(parser: argparse.ArgumentParser) -> list[Parser]:
    """The parsers of a parser's commands, with all their options."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 - argparse lists them nowhere else
    return [command.completed() for action in actions for command in action.choices.values()]
