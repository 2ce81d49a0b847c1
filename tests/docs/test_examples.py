"""The examples in docs/how-it-decides.md have the same values as the case folders that they name."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from case_folders import FOLDER, Case
from sysdig_instrument.documents import load

PAGE = Path(__file__).parents[2] / "docs" / "how-it-decides.md"
EXAMPLE = re.compile(
    r"<!-- case (?P<case>\S+) at (?P<path>\S+) -->\n```yaml\n(?P<before>.*?)```\n```yaml\n(?P<after>.*?)```\n",
    re.DOTALL,
)
EXAMPLES = list(EXAMPLE.finditer(PAGE.read_text()))


def value_at(value: Any, path: str) -> dict[str, Any]:
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    assert isinstance(value, dict)
    return value


def parse(text: str, path: Path) -> dict[str, Any]:
    path.write_text(text)
    value = load(str(path)).value
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["case"])
def test_an_example_is_equal_to_its_case(example: re.Match[str], tmp_path: Path) -> None:
    case = Case(FOLDER / example["case"])
    shown = parse(example["before"], tmp_path / "before.yaml"), parse(example["after"], tmp_path / "after.yaml")
    real = (
        value_at(case.document.value, example["path"]),
        value_at(case.read("expected.json"), example["path"]),
    )
    for key in {**shown[0], **shown[1]}:
        assert [each.get(key) for each in shown] == [each.get(key) for each in real], key


def test_every_example_is_found() -> None:
    assert len(EXAMPLES) == PAGE.read_text().count("<!-- case ") > 10
    assert json.loads((FOLDER / "settings.json").read_text())["Collector"] == "us2"
