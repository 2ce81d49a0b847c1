"""The completion scripts, run by their shells, and the suggestions for typos."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.running import run
from sysdig_instrument.cli.parser import COMMANDS

NAMES = [command.name for command in COMMANDS]


def completed(script: str, *words: str) -> set[str]:
    """Return the words that bash offers for the last word of a command line."""
    program = (
        f"{script}\nCOMP_WORDS=({' '.join(map(shlex.quote, words))})\nCOMP_CWORD={len(words) - 1}\n"
        '_sysdig_instrument\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_completion_in_bash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    script = run(capsys, "completion", "bash").out
    assert completed(script, "sysdig-instrument", "") == set(NAMES)
    assert completed(script, "sysdig-instrument", "--") == {"--help", "--version"}
    assert completed(script, "sysdig-instrument", "ex") == {"explain"}
    assert completed(script, "sysdig-instrument", "diff", "--side") == {"--side-by-side"}
    assert completed(script, "sysdig-instrument", "explain", "--format", "s") == {"sarif"}
    (tmp_path / "app.yaml").touch()
    assert completed(script, "sysdig-instrument", "transform", "-o", "a") == {"app.yaml"}
    assert completed(script, "sysdig-instrument", "transform", "a") == {"app.yaml"}
    assert completed(script, "sysdig-instrument", "completion", "") >= {"bash", "zsh", "fish"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_name_every_command_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = run(capsys, "completion", shell).out
    for name in (*NAMES, "side-by-side", "no-config", "exit-code", "sarif", "OnUnresolvedImage="):
        assert name in script


STARTED = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source sysdig-instrument.bash"),
    "zsh": (["zsh", "-f", "-i"], 'fpath=("$PWD" $fpath); autoload -U compinit; compinit -u -D'),
    "fish": (["fish", "--no-config", "-i"], "source sysdig-instrument.fish"),
}
FILES = {"bash": "sysdig-instrument.bash", "zsh": "_sysdig-instrument", "fish": "sysdig-instrument.fish"}
"""The file names that docs/cli.md gives."""

ESCAPES = re.compile(r"\x1b(?:\[[^a-zA-Z]*[a-zA-Z]|[=>(][B0]?)")
SECONDS = 30  # a shell on a busy machine


AS_TERMINAL_OWNER = """\
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
"""Runs a program as the owner of its terminal. Fish starts under no other condition."""


class Session:
    """An interactive shell on a terminal."""

    def __init__(self, shell: str, folder: Path) -> None:
        program, self.setup = STARTED[shell]
        self.terminal, its = pty.openpty()
        environment = {**os.environ, "HOME": str(folder), "TERM": "xterm", "PS1": "$ ", "PROMPT": "$ "}
        self.process = subprocess.Popen(
            [sys.executable, "-c", AS_TERMINAL_OWNER, *program],
            cwd=folder,
            env=environment,
            stdin=its,
            stdout=its,
            stderr=its,
        )
        os.close(its)

    def type(self, text: str, expected: str) -> str:
        """Type a text. Return the screen once the expected text is on it."""
        os.write(self.terminal, text.encode())
        seen, end = "", time.monotonic() + SECONDS
        while expected not in seen and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    seen = ESCAPES.sub("", seen + os.read(self.terminal, 65536).decode(errors="replace"))
                except OSError:  # the shell has ended
                    break
        assert expected in seen, f"{text!r} gave {seen!r}"
        return seen

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_in_an_interactive_shell(shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell}")
    (tmp_path / FILES[shell]).write_text(run(capsys, "completion", shell).out)
    (tmp_path / "templates.yaml").touch()
    session, clear = Session(shell, tmp_path), "\x15"
    try:
        session.type(f"{session.setup}; echo rea''dy\n", "ready\r")
        session.type("sysdig-instrument exp\t", "explain ")
        session.type(f"{clear}sysdig-instrument explain --format s\t", "--format sarif")
        session.type(f"{clear}sysdig-instrument explain --format=ju\t", "--format=junit")
        session.type(f"{clear}sysdig-instrument diff --side\t", "--side-by-side")
        session.type(f"{clear}sysdig-instrument diff templ\t", "templates.yaml")
        session.type(f"{clear}sysdig-instrument diff --set Prio\t", "--set Priority=")
        session.type(f"{clear}sysdig-instrument completion z\t", "completion zsh")
    finally:
        session.close()


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        pytest.param(["explan"], "explain", id="command"),
        pytest.param(["explain", "--format", "sarf", "x"], "sarif", id="value"),
        pytest.param(["diff", "--side-by-sid", "x"], "--side-by-side", id="option"),
        pytest.param(["help"], "--help", id="help"),
        pytest.param(["--verson"], "--version", id="option of the tool"),
    ],
)
def test_a_mistyped_argument_gets_a_suggestion(call: list[str], meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, *call)
    assert ran.code == 2
    assert f'\nDid you mean "{meant}"?\n' in ran.err


def test_options_are_completed_for_their_command(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "explain", "x", "--side-by-side")
    assert ran.err.startswith("sysdig-instrument explain: unrecognized arguments: --side-by-side (SI719)\n")
    assert ran.err.endswith("See sysdig-instrument explain --help\n")
    assert "Did you mean" not in ran.err


def test_an_option_before_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "--format", "json", "explain", "x")
    assert ran.code == 2
    assert "\nOptions go after the command: sysdig-instrument COMMAND --format …\n" in ran.err


def test_without_a_command_there_is_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys)
    assert (ran.code, ran.out) == (2, "")
    assert all(f"    {name}" in ran.err for name in NAMES)
