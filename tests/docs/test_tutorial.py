"""docs/tutorial.md, from its first command to its last: on files, and on the embedded AWS."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cli.running import ROOT
from documented import BLOCK, PROGRAM
from embedded_aws.aws import embedded_aws
from embedding import TOOLS, on_embedded_aws, require_tools

PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
ON_FILES, ON_AWS = (PAGE[PAGE.index(f"## On {part}") :] for part in ("files", "AWS"))
INSTALLING = "python3 -m venv tutorial\n"
"""The one block of the first part that is not run: it takes packages from PyPI."""

BEYOND_LOCALSTACK = "aws cloudformation delete-stack --stack-name sysdig-instrument\n"
"""LocalStack cannot delete a stack whose template refers to a resource under a condition that is false."""

IMAGE = """\
    Metadata: {SysdigInstrument: {ImageConfigs: {"public.ecr.aws/docker/library/nginx:1.27":
      {Entrypoint: [/docker-entrypoint.sh], Cmd: [nginx, -g, daemon off;]}}}}
"""


def script_of(part: str) -> str:
    """The commands of a part of the page; each ends as the comment behind it says, else with 0."""
    blocks = [found["text"] for found in BLOCK.finditer(part) if not found["text"].startswith(INSTALLING)]
    expected = r"if \1; then exit 99; else test $? = \2; fi"
    return "set -e\n" + "".join(re.sub(r"(?m)^(.+) # exit code: (\d)$", expected, block) for block in blocks)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What of a clone the commands need, and the tool beside it."""
    root = tmp_path / "clone"
    shutil.copytree(ROOT / "docs" / "examples", root / "docs" / "examples")
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("template.yaml", "samconfig.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, root / name)
    tool = tmp_path / "bin" / PROGRAM
    tool.parent.mkdir()
    tool.write_text(f"#!{sys.executable}\nfrom sysdig_instrument.__main__ import main\nmain()\n")
    tool.chmod(0o755)
    return root


def run(script: str, folder: Path, clone: Path, environment: dict[str, str], typed: str = "") -> str:
    path = [
        clone.parent / "bin",
        Path(sys.executable).parent,
        *(TOOLS / each / "bin" for each in ("sam", "localstack")),
    ]
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, input=typed, capture_output=True, text=True, check=False,
        env={**environment, "PATH": ":".join([*map(str, path), os.environ["PATH"]]), "HOME": str(clone.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout[-4000:]
    return done.stdout


def test_on_files(clone: Path) -> None:
    script = script_of(ON_FILES[: ON_FILES.index("## On AWS")])
    printed = run(script, clone / "docs" / "examples", clone, {"PYTHONPATH": str(ROOT / "src")})
    assert "worker  refused       its image could not be read" in printed
    assert "processed.yaml\n  Task  instrumented\n" in printed
    assert "processed.yaml: nothing changes" in printed
    assert "worker  skipped       ExcludeContainers" in printed


@pytest.mark.aws
@on_embedded_aws[1]
def test_on_aws(clone: Path) -> None:
    """With the image's config in the template, as nothing here speaks to a registry of the internet."""
    require_tools()
    assert BEYOND_LOCALSTACK in ON_AWS
    template = clone / "docs" / "examples" / "nginx.yaml"
    template.write_text(template.read_text().replace("  Task:\n", f"  Task:\n{IMAGE}", 1))
    with embedded_aws(TOOLS) as aws:
        printed = run(script_of(ON_AWS).replace(BEYOND_LOCALSTACK, ""), clone, clone, aws.environment(), "a key\n")
        stacks = aws.client("cloudformation").list_stacks()["StackSummaries"]
    assert "nginx.json\n  nginx  instrumented\n" in printed
    assert '"Task": "instrumented"' in printed
    assert {stack["StackStatus"] for stack in stacks if stack["StackName"] == "tutorial"} == {"DELETE_COMPLETE"}
