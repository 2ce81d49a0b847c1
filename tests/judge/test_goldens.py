"""The expected outputs of the case folders, read a second time: by the judge, under every condition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from corpus.reading import read
from corpus.samples import surroundings_of
from judge.evaluate import Surroundings, truths
from judge.judge import judge, may_refuse
from judge.values import Json, mapping

FOLDER = Path(__file__).parents[1] / "cases"
TEMPLATES = sorted(FOLDER.glob("*/template.*"))


def _read(path: Path) -> dict[str, Json]:
    return mapping(json.loads(path.read_text())) if path.exists() else {}


def _words(values: dict[str, Json]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.parent.name)
def test_the_judge_agrees_with_the_golden(path: Path) -> None:
    folder, template = path.parent, read(path)
    given = {**_read(FOLDER / "settings.json"), **_read(folder / "settings.json")}
    images: dict[str | tuple[str, str], Mapping[str, Json] | None] = {
        image: mapping(config) for image, config in _read(folder / "images.json").items()
    }
    stored, exports = _words(_read(folder / "ssm.json")), _words(_read(folder / "exports.json"))
    place = Surroundings(_read(folder / "parameters.json"), ssm=stored, exports=exports)
    expected = folder / "expected.json"
    if not expected.exists():
        assert may_refuse(template, surroundings=place, settings=given, images=images)
        return
    worlds = [truths(template, other) for other in surroundings_of(template).values()]
    for forced in (None, *worlds):
        output = json.loads(expected.read_text())
        found = judge(template, output, surroundings=place, settings=given, images=images, forced=forced)
        assert [str(finding) for finding in found] == [], forced
