"""The code blocks of docs/integrations.md are parts of the files that the other tests run."""

from __future__ import annotations

import re
import textwrap

import pytest

from fixtures_embedded_aws import ROOT

PAGE = (ROOT / "docs/integrations.md").read_text()
BLOCK = re.compile(r"```(?P<language>\w+)\n(?P<text>.*?)```", re.DOTALL)
BLOCKS = list(BLOCK.finditer(PAGE))
FILES = [path for path in (ROOT / "examples").rglob("*") if path.is_file() and "node_modules" not in path.parts]


@pytest.mark.parametrize(
    "block",
    [each for each in BLOCKS if each["language"] != "text"],
    ids=lambda block: f"line-{PAGE[: block.start()].count(chr(10)) + 1}",
)
def test_a_block_is_part_of_an_example(block: re.Match[str]) -> None:
    named = re.findall(r"`(examples/[\w./-]+)`", PAGE[: block.start()])
    text = (ROOT / named[-1]).read_text()
    others = "".join(path.read_text() for path in (ROOT / named[-1]).parent.iterdir() if path.is_file())
    for part in textwrap.dedent(block["text"]).strip().split("\n\n"):
        lines = [line.strip() for line in part.splitlines()]
        assert "\n".join(lines) in "\n".join(line.strip() for line in (text + others).splitlines()), part


def test_the_page_names_every_example() -> None:
    named = re.findall(r"`(examples/[\w./-]+)`", PAGE)
    assert all((ROOT / name).is_file() for name in named)
    folders = {path.relative_to(ROOT / "examples").parts[0] for path in FILES}
    assert folders - {"shop"} == {name.split("/")[1] for name in named}  # shop is the program of the CDK's apps
