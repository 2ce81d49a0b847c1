"""The completion scripts, the one for bash run by bash itself."""

from __future__ import annotations

import shlex
import shutil
import subprocess

import pytest

from cli.running import run
from sysdig_instrument.cli.commands import COMMANDS

NAMES = [command.name for command in COMMANDS]


def completed(script: str, *words: str) -> set[str]:
    """What bash offers where the last of the words is being written."""
    program = (
        f"{script}\nCOMP_WORDS=({' '.join(map(shlex.quote, words))})\nCOMP_CWORD={len(words) - 1}\n"
        '_sysdig_instrument\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "--norc", "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash(capsys: pytest.CaptureFixture[str]) -> None:
    script = run(capsys, "completion", "bash").out
    assert completed(script, "sysdig-instrument", "") == {*NAMES, "--help", "--version"}
    assert completed(script, "sysdig-instrument", "ex") == {"explain"}
    assert completed(script, "sysdig-instrument", "diff", "--side") == {"--side-by-side"}
    assert completed(script, "sysdig-instrument", "explain", "--format", "s") == {"sarif"}
    assert completed(script, "sysdig-instrument", "transform", "-o", "a") == set()  # bash then completes files itself
    assert completed(script, "sysdig-instrument", "transform", "a") == set()
    assert completed(script, "sysdig-instrument", "completion", "") >= {"bash", "zsh", "fish"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_others_name_every_command_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    script = run(capsys, "completion", shell).out
    for name in (*NAMES, "side-by-side", "no-config", "exit-code", "sarif"):
        assert name in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (["explan"], "explain"),
        (["explain", "--format", "sarf", "x"], "sarif"),
        (["diff", "--side-by-sid", "x"], "--side-by-side"),
    ],
)
def test_what_was_meant(call: list[str], meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, *call)
    assert ran.code == 2
    assert f"\nDid you mean {meant}?\n" in ran.err
