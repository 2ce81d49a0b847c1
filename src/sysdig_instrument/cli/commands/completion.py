"""``sysdig-instrument completion``: what lets a shell complete commands and options. Made from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.cli import main
from sysdig_instrument.cli.console import write_stdout
from sysdig_instrument.cli.parser import COMMANDS, subparsers_of
from sysdig_instrument.engine.settings.table import TABLE
from sysdig_instrument.lazy_dataclasses import dataclass

_PROGRAM: Final = "sysdig-instrument"


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a command. ``takes_value`` says whether a value follows, and ``choices`` what it may be, or begin with."""

    names: tuple[str, ...]
    help: str
    takes_value: bool
    choices: tuple[str, ...]

    @property
    def has_prefix_choices(self) -> bool:
        """Whether more has to follow what is completed: ``--set Collector=``."""
        return any(choice.endswith("=") for choice in self.choices)


@dataclass(frozen=True, slots=True)
class CommandCompletion:
    """A command: its options, and the words that may stand there without one; nothing where these are files."""

    name: str
    help: str
    options: tuple[Option, ...]
    positional_choices: tuple[str, ...]


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print the script."""
    commands = list(_commands())
    write_stdout("".join(f"{line}\n" for line in _SHELLS[options.shell](commands)))
    return 0


def _commands() -> Iterator[CommandCompletion]:
    for command, parser in zip(COMMANDS, subparsers_of(main.build_parser()), strict=True):
        actions = parser._actions  # noqa: SLF001 - argparse lists them nowhere else
        positional_choices = [
            tuple(map(str, action.choices)) for action in actions if not action.option_strings and action.choices
        ]
        options = tuple(_option(action) for action in actions if action.option_strings)
        yield CommandCompletion(
            command.name, command.help, options, positional_choices[0] if positional_choices else ()
        )


def _option(action: argparse.Action) -> Option:
    choices = tuple(map(str, action.choices or ()))
    if "--set" in action.option_strings:
        choices = tuple(f"{setting.name}=" for setting in TABLE)
    return Option(tuple(action.option_strings), action.help or "", action.nargs != 0, choices)


def _bash(commands: list[CommandCompletion]) -> Iterator[str]:
    yield "_sysdig_instrument() {"
    yield '    local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" words=""'
    yield "    COMPREPLY=()"
    yield '    if [[ "$current" == "=" ]]; then  # bash parts --option=value into three words'
    yield '        current=""'
    yield '    elif [[ "$previous" == "=" ]]; then'
    yield '        previous="${COMP_WORDS[COMP_CWORD-2]}"'
    yield "    fi"
    yield "    if ((COMP_CWORD == 1)); then"
    yield f'        words="{" ".join(command.name for command in commands)} --help --version"'
    yield '        COMPREPLY=($(compgen -W "$words" -- "$current"))'
    yield "        return"
    yield "    fi"
    yield '    case "${COMP_WORDS[1]} $previous" in'
    for command in commands:
        for option in command.options:
            if option.takes_value:
                pattern = " | ".join(f'"{command.name} {name}"' for name in option.names)
                yield f"        {pattern}) {_bash_values(option)}return ;;"
    yield "    esac"
    yield '    case "${COMP_WORDS[1]}" in'
    for command in commands:
        names = [name for option in command.options for name in option.names]
        yield f'        {command.name}) words="{" ".join([*names, *command.positional_choices])}" ;;'
    yield "    esac"
    words = "|".join(command.name for command in commands if command.positional_choices)
    yield f'    if [[ "$current" == -* || "${{COMP_WORDS[1]}}" == @({words}) ]]; then'
    yield '        COMPREPLY=($(compgen -W "$words" -- "$current"))'
    yield "    fi"
    yield "}"
    yield f"complete -o default -F _sysdig_instrument {_PROGRAM}"


def _bash_values(option: Option) -> str:
    if not option.choices:
        return ""
    no_space = "compopt -o nospace; " if option.has_prefix_choices else ""
    return f'{no_space}COMPREPLY=($(compgen -W "{" ".join(option.choices)}" -- "$current")); '


def _zsh(commands: list[CommandCompletion]) -> Iterator[str]:
    yield f"#compdef {_PROGRAM}"
    yield "_sysdig_instrument() {"
    yield "    local -a commands"
    yield "    commands=("
    yield from (f"        {_single_quoted(f'{command.name}:{command.help}')}" for command in commands)
    yield "    )"
    yield "    if ((CURRENT == 2)); then"
    yield "        _describe command commands"
    yield "        return"
    yield "    fi"
    yield "    local command=$words[2]"
    yield "    shift words; ((CURRENT--))"
    yield "    case $command in"
    for command in commands:
        yield f"        {command.name}) _arguments -s \\"
        for option in command.options:
            yield from (f"            {_single_quoted(_zsh_option(option, name))} \\" for name in option.names)
        yield f"            {_single_quoted('*:word:(' + ' '.join(command.positional_choices) + ')' if command.positional_choices else '*:file:_files')} ;;"
    yield "    esac"
    yield "}"
    yield '_sysdig_instrument "$@"'


def _zsh_option(option: Option, name: str) -> str:
    text = option.help.replace("[", "(").replace("]", ")").replace(":", " -")
    separator = "=" if option.takes_value and name.startswith("--") else ""  # --option=value is one word to zsh
    return f"*{name}{separator}[{text}]{_zsh_values(option)}"


def _zsh_values(option: Option) -> str:
    if option.has_prefix_choices:
        return f":value:compadd -S '' {' '.join(option.choices)}"
    if option.choices:
        return f":value:({' '.join(option.choices)})"
    return ":value:_files" if option.takes_value else ""


def _fish(commands: list[CommandCompletion]) -> Iterator[str]:
    no_command = "__fish_use_subcommand"
    for command in commands:
        yield f"complete -c {_PROGRAM} -f -n {no_command} -a {command.name} -d {_fish_quoted(command.help)}"
    for command in commands:
        prefix = f"complete -c {_PROGRAM} -n '__fish_seen_subcommand_from {command.name}'"
        if command.positional_choices:
            yield f"{prefix} -f -a '{' '.join(command.positional_choices)}'"
        for option in command.options:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            values = f" -x -a '{' '.join(option.choices)}'" if option.choices else " -r" if option.takes_value else ""
            yield f"{prefix} {names}{values} -d {_fish_quoted(option.help)}"


def _single_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SHELLS: Final = {"bash": _bash, "zsh": _zsh, "fish": _fish}
