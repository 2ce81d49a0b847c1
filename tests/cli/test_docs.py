"""The examples of docs/cli.md and of the help, run as they are printed there, and the help texts on the page.

``GOLDEN=1`` writes the blocks of docs/cli.md that the tool itself prints.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.running import EXAMPLES, ROOT
from fixtures_documentation import BLOCK, PROGRAM, create_folder, run_block, run_shell
from sysdig_instrument.cli import main
from sysdig_instrument.cli.parser import COMMANDS, EPILOG

PAGE = ROOT / "docs" / "cli.md"
GENERATED = re.compile(
    r"<!-- (?:(?P<output>output)|help: ?(?P<help>[a-z]*)) -->\n```text\n(?P<text>.*?)```\n", re.DOTALL
)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return create_folder(tmp_path)


def help_of(command: str) -> str:
    """What ``--help`` prints on a terminal of 80 columns."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        patch.setenv("COLUMNS", "80")
        main.run([*([command] if command else []), "--help"])
    return printed.getvalue()


def fresh(page: str, here: Path) -> Iterator[tuple[re.Match[str], str]]:
    """The blocks of a page that the tool prints, with what it prints now. All examples are run on the way, in order."""
    output = ""
    for found in sorted([*BLOCK.finditer(page), *GENERATED.finditer(page)], key=lambda each: each.start()):
        if found.re is BLOCK:
            output = "".join(run_block(found["text"], here))
        else:
            yield found, output if found["output"] else help_of(found["help"])


def test_the_command_line_page(here: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    blocks = list(fresh(page, here))
    if os.environ.get("GOLDEN") == "1":
        for found, text in reversed(blocks):
            page = page[: found.start("text")] + text + page[found.end("text") :]
        PAGE.write_text(page, encoding="utf-8")
        return
    for found, text in blocks:
        if found["output"]:
            assert found["text"] == text
        else:  # each Python breaks the usage line as it likes
            assert found["text"].split() == text.split(), found["help"]


def test_every_command_has_its_help_on_the_page() -> None:
    named = {found["help"] for found in GENERATED.finditer(PAGE.read_text(encoding="utf-8")) if not found["output"]}
    assert named == {"", *(command.name for command in COMMANDS)}


@pytest.mark.parametrize("text", [EPILOG, *(command.examples for command in COMMANDS if command.name != "coverage")])
def test_the_examples_of_the_help(text: str, here: Path) -> None:
    """Those of `coverage` are for an account: tests/docs/test_on_aws.py runs them."""
    for name in (
        "templates",
        "home/.local/share/bash-completion/completions",
        "home/.zfunc",
        "home/.config/fish/completions",
    ):
        (here / name).mkdir(parents=True)
    for name in ("templates/app.yaml", "task-definition.json"):
        (here / name).write_text((EXAMPLES / Path(name).name).read_text())
    run_shell(f"{PROGRAM} transform app.yaml -o processed.yaml", here)
    for line in map(str.strip, text.splitlines()):
        if line.startswith(PROGRAM):
            done = run_shell(f"HOME=$PWD/home; {line}", here)
            assert done.returncode == (1 if "check templates" in line else 0), line + done.stderr
