"""The oracle accepts the expected output of every case folder, under every combination of conditions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from corpus.reading import read
from corpus.samples import sample_inputs
from oracle.evaluate import StackInputs, condition_values
from oracle.values import Json, mapping
from oracle.verify import refusal_reasons, verify_output

FOLDER = Path(__file__).parents[1] / "cases"
TEMPLATES = sorted(FOLDER.glob("*/template.*"))


def _read(path: Path) -> dict[str, Json]:
    return mapping(json.loads(path.read_text())) if path.exists() else {}


def _strings(values: dict[str, Json]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name)
def test_the_oracle_accepts_the_expected_output(path: Path) -> None:
    folder, template = path.parent, read(path)
    given = {**_read(FOLDER / "settings.json"), **_read(folder / "settings.json")}
    images: dict[str | tuple[str, str], Mapping[str, Json] | None] = {
        image: mapping(config) for image, config in _read(folder / "images.json").items()
    }
    stored, exports = _strings(_read(folder / "ssm.json")), _strings(_read(folder / "exports.json"))
    stack = StackInputs(
        _read(folder / "parameters.json"), ssm=stored, exports=exports, outputs=_strings(_read(folder / "outputs.json"))
    )
    expected = folder / "expected.json"
    if not expected.exists():
        assert refusal_reasons(template, stack=stack, settings=given, images=images)
        return
    condition_sets = [condition_values(template, other) for other in sample_inputs(template).values()]
    for condition_overrides in (None, *condition_sets):
        output = json.loads(expected.read_text())
        found = verify_output(
            template, output, stack=stack, settings=given, images=images, condition_overrides=condition_overrides
        )
        assert [str(finding) for finding in found] == [], condition_overrides
