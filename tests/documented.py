"""The commands that the documents print, and a folder and a world to run them in."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cli.running import EXAMPLES, ROOT

PROGRAM = "sysdig-instrument"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ON_AWS = [page for page in PAGES if page.name in {"README.md", "coverage.md", "operating.md"}]
"""Pages with blocks for an account; tests/docs/test_on_aws.py runs these on the embedded AWS."""

BLOCK = re.compile(r"```sh\n(?P<text>.*?)```\n", re.DOTALL)

WORLD = """\
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


def blocks(page: Path) -> list[str]:
    """The commands of a page, block by block, with an ARN where the page leaves the reader's own out."""
    arn = "secretsmanager:us-east-1:000000000000:secret:sysdig"
    return [found["text"].replace("secretsmanager:…", arn) for found in BLOCK.finditer(page.read_text("utf-8"))]


def tool_in(root: Path, text: str) -> None:
    """Put a program in place of the tool, into ``bin``."""
    tool = root / "bin" / PROGRAM
    tool.parent.mkdir()
    tool.write_text(f"#!{sys.executable}\n{text}")
    tool.chmod(0o755)


def folder_in(root: Path) -> Path:
    """A folder as the documentation describes it, and the tool beside it."""
    folder = root / "here"
    folder.mkdir()
    (folder / "app.yaml").write_text((EXAMPLES / "app.yaml").read_text())
    (folder / ".sysdig-instrument.yaml").write_text((EXAMPLES / "settings.yaml").read_text())
    tool_in(root, WORLD.format(images=str(EXAMPLES / "images.json")))
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
