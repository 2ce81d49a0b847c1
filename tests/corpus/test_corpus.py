"""Public templates that nobody here wrote: right, or refused for a rightful reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpus.adapter import transform
from corpus.checking import CRASHED, REFUSED, RIGHT, WRONG, Answer, check
from corpus.reading import ENDINGS, read
from corpus.samples import surroundings_of
from judge.evaluate import Surroundings, truths
from judge.values import Json

FOLDER = Path(os.environ.get("CORPUS", Path(__file__).parents[3] / "shared" / "corpus" / "templates"))
TEMPLATES = sorted(path for path in FOLDER.rglob("*") if path.suffix in ENDINGS) if FOLDER.is_dir() else []
TEMPLATE: Json = {
    "Parameters": {"Stage": {"Type": "String", "Default": "live"}},
    "Conditions": {"Dev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]}},
    "Resources": {
        "Api": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "RequiresCompatibilities": ["FARGATE"],
                "ExecutionRoleArn": "arn:aws:iam::111122223333:role/pull",
                "ContainerDefinitions": [{"Name": "a", "Image": "a", "EntryPoint": ["/a"]}],
            },
        }
    },
}


@pytest.mark.skipif(not TEMPLATES, reason=f"no templates in {FOLDER.name}: set CORPUS to a folder of them")
@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_is_right_or_refused_rightly(path: Path) -> None:
    verdicts = check(read(path), transform)
    wrong = [f"{verdict.label}: {verdict.remarks}" for verdict in verdicts if verdict.kind in {WRONG, CRASHED}]
    assert wrong == []


class _Fixed:
    """An engine's answer that is made up."""

    def __init__(self, output: Json, *problems: str) -> None:
        self.output = output
        self.problems = problems


def test_conditions_are_flipped() -> None:
    sets = surroundings_of(TEMPLATE)
    assert {truths(TEMPLATE, place)["Dev"] for place in sets.values()} == {True, False}


def test_an_engine_that_does_nothing_is_wrong() -> None:
    def nothing(template: Json, *_: object) -> Answer:
        return _Fixed(template)

    assert {verdict.kind for verdict in check(TEMPLATE, nothing)} == {WRONG}


def test_an_engine_that_refuses_everything_is_wrong() -> None:
    def refuse(*_: object) -> Answer:
        return _Fixed(None, "no")

    assert {verdict.kind for verdict in check(TEMPLATE, refuse)} == {WRONG}


def test_an_engine_that_crashes_is_told_so() -> None:
    def crash(_: Json, place: Surroundings, *__: object) -> Answer:
        raise KeyError(place)

    assert {verdict.kind for verdict in check(TEMPLATE, crash)} == {CRASHED}


def test_the_engine_is_right() -> None:
    assert {verdict.kind for verdict in check(TEMPLATE, transform)} <= {RIGHT, REFUSED}
