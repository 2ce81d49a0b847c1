"""How the command line is read, and how its help looks."""

from __future__ import annotations

import argparse
import re
from typing import Final, NoReturn

_USAGE: Final = 2
_CHOICE: Final = re.compile(r"invalid choice: '(?P<wrong>[^']*)' \(choose from (?P<known>.*)\)")
_WORD: Final = re.compile(r"[\w-]+")


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
    """An argument parser that suggests the option that was meant."""

    def error(self, message: str) -> NoReturn:
        """End with the message, a suggestion where there is one, and the way to the help."""
        self.exit(_USAGE, f"{self.prog}: {message}{self._suggestion(message)}\nSee {self.prog} --help\n")

    def _suggestion(self, message: str) -> str:
        if choice := _CHOICE.search(message):
            return _nearest(choice["wrong"], _WORD.findall(choice["known"]))
        marker = "unrecognized arguments: "
        if not message.startswith(marker):
            return ""
        wrong = message.removeprefix(marker).partition(" ")[0].partition("=")[0]
        known = [
            option
            for parser in (self, *_commands(self))
            for action in parser._actions  # noqa: SLF001 - argparse lists them nowhere else
            for option in action.option_strings
        ]
        return _nearest(wrong, known)


def _nearest(wrong: str, known: list[str]) -> str:
    import difflib  # noqa: PLC0415 - only a wrong call needs it

    close = difflib.get_close_matches(wrong, known, n=1)
    return f"\nDid you mean {close[0]}?" if close else ""


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parsers of a parser's commands: an option that one of them does not know ends up with their parent."""
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001 - argparse lists them nowhere else
    return [command for action in actions for command in action.choices.values()]
