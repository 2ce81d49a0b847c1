"""All commands of docs/tutorial.md run: the first part on files, the second on the embedded AWS."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from cli.running import ROOT
from fixtures_clone import OFFLINE_PIP, create_clone, run_script
from fixtures_documentation import BLOCK
from fixtures_embedded_aws import TOOLS, on_embedded_aws, require_tools

PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
ON_FILES, ON_AWS = (PAGE[PAGE.index(f"## On {part}") :] for part in ("files", "AWS"))
STACKS = "aws cloudformation list-stacks --output text --query StackSummaries[].[StackName,StackStatus]\n"

IMAGE = """\
    Metadata: {SysdigInstrument: {ImageConfigs: {"public.ecr.aws/docker/library/nginx:1.27":
      {Entrypoint: [/docker-entrypoint.sh], Cmd: [nginx, -g, daemon off;]}}}}
"""


def script_of(part: str) -> str:
    """Return the commands of a part of the page. Each must end with the exit code in the comment after it, or with 0."""
    expected = r"if \1; then exit 99; else test $? = \2; fi"
    blocks = (found["text"] for found in BLOCK.finditer(part))
    return "set -e\n" + "".join(re.sub(r"(?m)^(.+) # exit code: (\d)$", expected, block) for block in blocks)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    return create_clone(tmp_path)


def test_the_part_on_files(clone: Path) -> None:
    script = script_of(ON_FILES[: ON_FILES.index("## On AWS")])
    printed = run_script(f"{script}\ncommand -v sysdig-instrument", clone, OFFLINE_PIP)
    assert printed.endswith(f"{clone}/tutorial/bin/sysdig-instrument\n")
    assert re.search("worker  unknown +its image could not be read", printed)
    assert "processed.yaml: does not list SysdigInstrument, and need not\n  Task  protected\n" in printed
    assert "processed.yaml: no changes" in printed
    assert re.search("worker  skipped +ExcludeContainers", printed)


@pytest.mark.aws
@on_embedded_aws[1]
def test_the_part_on_aws(clone: Path) -> None:
    """It runs in the shell of `make aws`.

    The template contains the configuration of the image, because tests do not use registries on the internet.
    """
    require_tools()
    template = clone / "docs" / "examples" / "nginx.yaml"
    template.write_text(template.read_text().replace("  Task:\n", f"  Task:\n{IMAGE}", 1))
    commands = re.sub(r"(?m)^(read .*)$", r"\1\na key", script_of(ON_AWS))  # what is typed after the prompt
    shutil.copytree(ROOT / "demo", clone / "demo", ignore=shutil.ignore_patterns("__pycache__"))
    (clone / ".tools").symlink_to(TOOLS)
    bash = {"SHELL": shutil.which("bash") or ""}
    printed = run_script(f"exec {sys.executable} demo/aws_shell.py", clone, bash, typed=f"{commands}{STACKS}")
    assert "In this shell, aws, sam and sysdig-instrument use the emulated AWS" in printed
    assert "nginx.json\n  nginx  protected\n" in printed
    assert '"Task": "instrumented"' in printed
    assert "tutorial DELETE_COMPLETE\n" in printed.expandtabs(1)
    assert re.search(r"sysdig-instrument DELETE_(COMPLETE|IN_PROGRESS)\n", printed.expandtabs(1))


def test_the_command_that_opens_the_shell() -> None:
    recipe = re.search(r"(?m)^aws: .*\n\t@(.+)$", (ROOT / "Makefile").read_text())
    assert recipe
    assert recipe[1] == ".venv/bin/python demo/aws_shell.py"
    assert "`make aws`" in ON_AWS
