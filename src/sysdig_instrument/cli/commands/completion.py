"""``sysdig-instrument completion``: print a completion script for a shell, generated from the parser by shtab."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any, Final

import shtab

from sysdig_instrument.cli import main
from sysdig_instrument.cli.console import write_stdout
from sysdig_instrument.cli.exit_codes import EXIT_OK
from sysdig_instrument.cli.parser import COMMANDS, subparsers_of
from sysdig_instrument.engine.settings.layers import for_deployment
from sysdig_instrument.engine.settings.table import TABLE

_SETTINGS: Final = " ".join(f"{setting.name}=" for setting in for_deployment(TABLE))
_FUNCTION: Final = "_sysdig_instrument_settings"
_PREAMBLE: Final = {
    "bash": f'{_FUNCTION}() {{ compgen -W "{_SETTINGS}" -- "$1"; }}',
    "zsh": f"{_FUNCTION}() {{ compadd -S '' -- {_SETTINGS}; }}",
}
_BASH_WRAPPER: Final = """
# Bash splits --option=value into three words; shtab's function expects two. No space follows --set NAME=.
_sysdig_instrument() {
  if [[ "${COMP_WORDS[COMP_CWORD]}" == "=" ]]; then
    COMP_WORDS[COMP_CWORD]=""
  elif [[ "${COMP_WORDS[COMP_CWORD-1]}" == "=" ]]; then
    COMP_WORDS=("${COMP_WORDS[@]:0:COMP_CWORD-1}" "${COMP_WORDS[@]:COMP_CWORD}")
    ((COMP_CWORD--))
  fi
  _shtab_sysdig_instrument
  [[ "${COMPREPLY[0]-}" != *= ]] || compopt -o nospace
}
complete -o bashdefault -o default -F _sysdig_instrument sysdig-instrument
"""
_ZSH_OPTION: Final = r'(--[\w-]+)(\}"|)\[(?=.*\]:)'
"""A long option with a value. With ``=`` before its description, zsh completes the value of ``--option=value``, too."""


def run(options: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """Print the script."""
    write_stdout(_script(options.shell), keeps_commands=True)  # all of it is our own
    return EXIT_OK


def _script(shell: str) -> str:
    parser = main.build_parser()
    for command, command_parser in zip(COMMANDS, subparsers_of(parser), strict=True):
        command_parser.description = command.help  # zsh shows only the first line of the description
        for action in command_parser._actions:  # noqa: SLF001 - argparse lists them nowhere else
            if completer := _completer(action):
                action.complete = completer  # type: ignore[attr-defined] # shtab reads this attribute
    script: str = shtab.complete(parser, shell, preamble=_PREAMBLE.get(shell, ""))
    if shell == "bash":
        return script + _BASH_WRAPPER
    return re.sub(_ZSH_OPTION, r"\1=\2[", script) if shell == "zsh" else script


def _completer(action: argparse.Action) -> dict[str, Any] | None:
    if "--set" in action.option_strings:
        return {"bash": _FUNCTION, "zsh": _FUNCTION, "fish": _SETTINGS}
    return shtab.FILE if action.metavar in ("FILE", "PATH") else None
