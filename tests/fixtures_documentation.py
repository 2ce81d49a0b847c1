"""The commands in the documentation, with a folder and a tool to run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cli.running import EXAMPLES, ROOT

PROGRAM = "sysdig-instrument"
RUNBOOKS = sorted((ROOT / "docs" / "runbooks").glob("*.md"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *RUNBOOKS]
PAGES_ON_AWS = [
    page
    for page in PAGES
    if page.name in {"README.md", "application-team.md", "coverage.md", "operating.md", "releasing.md"}
]
"""Pages with commands for an AWS account; tests/docs/test_on_aws.py runs these, and the runbooks, on the embedded AWS."""

PAGES_ON_MOTO = [ROOT / "docs" / name for name in ("inventory.md", "fleet.md", "stacks.md", "watch.md")]
"""Pages with a command for an AWS account that a test of tests/cli, tests/services, tests/stacks or tests/watch runs on a fake."""

PAGES_WITHOUT_A_FAKE = [ROOT / "docs" / "guardrails.md"]
"""Pages with commands for services of which there is no fake; tests/docs/test_guardrails.py checks what they pass."""

BLOCK = re.compile(r"```sh\n(?P<text>.*?)```\n", re.DOTALL)

TOOL_WITH_EXAMPLE_IMAGES = """\
import json, sys
from pathlib import Path
from sysdig_instrument.cli import lookups
from sysdig_instrument.cli.main import run
from sysdig_instrument.engine.lookups import ImageConfig
known = json.loads(Path({images!r}).read_text())
def answer(requests):
    found = {{request: known[request.image] for request in requests}}
    return {{request: ImageConfig(tuple(each["Entrypoint"]), tuple(each["Cmd"])) for request, each in found.items()}}
lookups.make_lookup = lambda *_: answer
sys.exit(run(sys.argv[1:]))
"""
"""The tool, with registries that have the images of the examples only."""


def command_blocks(page: Path) -> list[str]:
    """Return the command blocks of a page, with an ARN in place of the reader's own, which the page abbreviates."""
    arn = "secretsmanager:us-east-1:000000000000:secret:sysdig"
    return [found["text"].replace("secretsmanager:…", arn) for found in BLOCK.finditer(page.read_text("utf-8"))]


def install_tool(root: Path, text: str) -> None:
    """Install a program under the tool's name in ``bin``."""
    tool = root / "bin" / PROGRAM
    tool.parent.mkdir()
    tool.write_text(f"#!{sys.executable}\n{text}")
    tool.chmod(0o755)


def create_folder(root: Path) -> Path:
    """Create a folder as the documentation describes it, and the tool beside it."""
    folder = root / "here"
    folder.mkdir()
    (folder / "app.yaml").write_text((EXAMPLES / "app.yaml").read_text())
    (folder / ".sysdig-instrument.yaml").write_text((EXAMPLES / "settings.yaml").read_text())
    install_tool(root, TOOL_WITH_EXAMPLE_IMAGES.format(images=str(EXAMPLES / "images.json")))
    return folder


def run_shell(command: str, here: Path) -> subprocess.CompletedProcess[str]:
    """Run a line in a shell without the variables that would change its result."""
    unset = ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {
        "PATH": f"{here.parent / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src"),
        "AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none",
    }  # fmt: skip
    return subprocess.run(
        ["bash", "-c", command], cwd=here, env=environment, capture_output=True, text=True, check=False
    )


def tool_commands(text: str) -> list[str]:
    """Return the commands of a block; none if it runs more than the tool, or needs an AWS account."""
    lines = text.splitlines()
    needs_account = any(each in text for each in ("coverage", "--stacks", "--from-macro", f"{PROGRAM} apply"))
    runs_only_the_tool = all(line.startswith((f"{PROGRAM} ", "#")) for line in lines) and not needs_account
    return [line for line in lines if not line.startswith("#")] if runs_only_the_tool else []


def run_block(text: str, here: Path) -> Iterator[str]:
    """Run a block line by line and yield each output. A comment at the end gives an exit code other than 0."""
    for line in tool_commands(text):
        expected = re.search(r"# exit code: (\d)", line)
        done = run_shell(line, here)
        assert done.returncode == (int(expected[1]) if expected else 0), f"{line}\n{done.stdout}{done.stderr}"
        yield done.stdout
