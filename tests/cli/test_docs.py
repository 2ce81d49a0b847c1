"""The examples of docs/cli.md and of the help, run as they are printed, and the outputs and help texts on the page.

``GOLDEN=1`` writes the outputs in docs/cli.md, and ``make docs`` the help texts.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import help_texts
from cli.running import EXAMPLES, ROOT
from fixtures_documentation import BLOCK, PROGRAM, create_folder, run_block, run_shell
from sysdig_instrument.cli.parser import COMMANDS, EPILOG

PAGE = ROOT / "docs" / "cli.md"
OUTPUT = re.compile(r"<!-- output -->\n```text\n(?P<text>.*?)```\n", re.DOTALL)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return create_folder(tmp_path)


def outputs(page: str, here: Path) -> Iterator[tuple[re.Match[str], str]]:
    """Run all examples of a page in order. Yield each printed output with what the example before it prints now."""
    output = ""
    for found in sorted([*BLOCK.finditer(page), *OUTPUT.finditer(page)], key=lambda each: each.start()):
        if found.re is BLOCK:
            output = "".join(run_block(found["text"], here))
        else:
            yield found, output


def test_the_examples_print_what_the_page_says(here: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    blocks = list(outputs(page, here))
    if os.environ.get("GOLDEN") == "1":
        for found, text in reversed(blocks):
            page = page[: found.start("text")] + text + page[found.end("text") :]
        PAGE.write_text(page, encoding="utf-8")
        return
    for found, text in blocks:
        assert found["text"] == text


def test_the_page_has_the_help_of_every_command() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = {found["command"] for found in help_texts.HELP_BLOCK.finditer(text)}
    assert named == {"", *(command.name for command in COMMANDS)}
    assert help_texts.page() == text, "docs/cli.md has an old help text: run `make docs`"


ON_AWS = {"coverage", "apply", "stacks"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(EPILOG, id="sysdig-instrument"),
        *(pytest.param(command.examples, id=command.name) for command in COMMANDS if command.name not in ON_AWS),
    ],
)
def test_the_examples_of_the_help(text: str, here: Path) -> None:
    """The examples of `coverage`, `apply` and `stacks` need an account: tests/docs/test_on_aws.py, tests/services and tests/stacks run them."""
    for name in (
        "templates",
        "repositories",
        "home/.local/share/bash-completion/completions",
        "home/.zfunc",
        "home/.config/fish/completions",
    ):
        (here / name).mkdir(parents=True)
    for name in ("templates/app.yaml", "repositories/app.yaml", "task-definition.json"):
        (here / name).write_text((EXAMPLES / Path(name).name).read_text())
    app = here / "app.yaml"
    app.write_text("Parameters: {Image: {Type: String, Default: nginx}}\n" + app.read_text())  # for -p Image=nginx:1.27
    run_shell(f"{PROGRAM} transform app.yaml -o processed.yaml", here)
    for line in map(str.strip, text.splitlines()):
        if line.startswith(PROGRAM) and "--stacks" not in line:  # tests/cli/test_inventory_stacks.py has moto's stacks
            done = run_shell(f"HOME=$PWD/home; {line}", here)
            assert done.returncode == (1 if "check templates" in line or "--fail-on" in line else 0), line + done.stderr
