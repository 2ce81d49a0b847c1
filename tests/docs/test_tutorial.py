"""All commands of docs/tutorial.md run: the first part on files, the second on the embedded AWS."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.running import ROOT
from embedded_aws.aws import embedded_aws
from fixtures_clone import OFFLINE_PIP, create_clone, run_script
from fixtures_documentation import BLOCK
from fixtures_embedded_aws import TOOLS, on_embedded_aws, require_tools

PAGE = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
ON_FILES, ON_AWS = (PAGE[PAGE.index(f"## On {part}") :] for part in ("files", "AWS"))
BEYOND_LOCALSTACK = "aws cloudformation delete-stack --stack-name sysdig-instrument\n"
"""LocalStack cannot delete a stack whose template refers to a resource under a condition that is false."""

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
    """The template contains the configuration of the image, because tests do not use registries on the internet."""
    require_tools()
    assert BEYOND_LOCALSTACK in ON_AWS
    script = script_of(ON_AWS).replace(BEYOND_LOCALSTACK, f"! {BEYOND_LOCALSTACK}")
    template = clone / "docs" / "examples" / "nginx.yaml"
    template.write_text(template.read_text().replace("  Task:\n", f"  Task:\n{IMAGE}", 1))
    with embedded_aws(TOOLS) as aws:
        printed = run_script(script, clone, aws.environment(), typed="a key\n")
        stacks = aws.client("cloudformation").list_stacks()["StackSummaries"]
    assert "nginx.json\n  nginx  protected\n" in printed
    assert '"Task": "instrumented"' in printed
    assert {stack["StackStatus"] for stack in stacks if stack["StackName"] == "tutorial"} == {"DELETE_COMPLETE"}
