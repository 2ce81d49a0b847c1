"""The examples of the documentation, run as they are printed there, and the help texts in it.

``GOLDEN=1`` writes the blocks of docs/cli.md that the tool itself prints.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.running import EXAMPLES, ROOT
from sysdig_instrument.cli import main
from sysdig_instrument.cli.commands import COMMANDS

PAGE = ROOT / "docs" / "cli.md"
README = ROOT / "README.md"
PROGRAM = "sysdig-instrument"
GENERATED = re.compile(
    r"<!-- (?:(?P<output>output)|help: ?(?P<help>[a-z]*)) -->\n```text\n(?P<text>.*?)```\n", re.DOTALL
)
BLOCK = re.compile(r"```sh\n(?P<text>.*?)```\n", re.DOTALL)

WORLD = """\
#!{python}
import json, sys
from pathlib import Path
from sysdig_instrument.cli import lookups
from sysdig_instrument.cli.main import run
from sysdig_instrument.engine.lookups import ImageConfig
known = json.loads(Path({images!r}).read_text())
def answer(requests):
    found = {{request: known[request.image] for request in requests}}
    return {{request: ImageConfig(tuple(each["Entrypoint"]), tuple(each["Cmd"])) for request, each in found.items()}}
lookups.asker = lambda *_: answer
sys.exit(run(sys.argv[1:]))
"""
"""The tool in a world whose registries have the images of the examples, and nothing else."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder as the documentation describes it, and the tool beside it."""
    folder, programs = tmp_path / "here", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    (folder / "app.yaml").write_text((EXAMPLES / "app.yaml").read_text())
    (folder / ".sysdig-instrument.yaml").write_text((EXAMPLES / "settings.yaml").read_text())
    tool = programs / PROGRAM
    tool.write_text(WORLD.format(python=sys.executable, images=str(EXAMPLES / "images.json")))
    tool.chmod(0o755)
    return folder


def shell(command: str, here: Path) -> subprocess.CompletedProcess[str]:
    """What a line comes to in a shell without the variables that would change it."""
    odd = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")
    environment = {name: value for name, value in os.environ.items() if name not in odd}
    environment |= {
        "PATH": f"{here.parent / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src"), "AWS_CONFIG_FILE": "none",
    }  # fmt: skip
    return subprocess.run(
        ["bash", "-c", command], cwd=here, env=environment, capture_output=True, text=True, check=False
    )


def lines_of(text: str) -> list[str]:
    """The lines of a block that runs the tool; none of a block that does more than that, or that needs an account."""
    lines = text.splitlines()
    is_ours = all(line.startswith((f"{PROGRAM} ", "#")) for line in lines) and "coverage" not in text
    return [line for line in lines if not line.startswith("#")] if is_ours else []


def ran(text: str, here: Path) -> Iterator[str]:
    """Run a block line by line; a comment at the end says where the exit code is not 0."""
    for line in lines_of(text):
        expected = re.search(r"# exit code: (\d)", line)
        done = shell(line, here)
        assert done.returncode == (int(expected[1]) if expected else 0), f"{line}\n{done.stdout}{done.stderr}"
        yield done.stdout


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
            output = "".join(ran(found["text"], here))
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


def test_the_readme(here: Path) -> None:
    blocks = [each["text"] for each in BLOCK.finditer(README.read_text(encoding="utf-8"))]
    assert any(lines_of(text) for text in blocks)
    for text in blocks:
        list(ran(text, here))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_examples_of_the_help(command: object, here: Path) -> None:
    """Those that need neither an account nor files of their own."""
    (here / "templates").mkdir()
    for name in ("templates/app.yaml", "task-definition.json"):
        (here / name).write_text((EXAMPLES / Path(name).name).read_text())
    shell(f"{PROGRAM} transform app.yaml -o processed.yaml", here)
    examples: str = command.examples  # type: ignore[attr-defined]
    for line in map(str.strip, examples.splitlines()):
        if line.startswith(PROGRAM) and not line.startswith(f"{PROGRAM} coverage") and "~" not in line:
            done = shell(line.replace("Image=nginx:1.27", "Unused=1"), here)
            assert done.returncode == (1 if "check templates" in line else 0), line + done.stderr
