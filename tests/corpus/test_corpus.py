"""Public templates are processed correctly, or refused for a valid reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpus.adapter import transform
from corpus.checking import CRASHED, REFUSED, RIGHT, WRONG, EngineOutcome, check
from corpus.reading import ENDINGS, read
from corpus.samples import sample_inputs
from oracle.evaluate import StackInputs, condition_values
from oracle.values import Json


def short_id(path: Path) -> str:
    """Return the repository and the file name of a template, without the folders between them."""
    owner, *_, file = path.name.split("__")
    return f"{owner[:20]}-{file[-35:]}" if owner != file else file[-60:]


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


@pytest.mark.skipif(not TEMPLATES, reason=f"no templates in {FOLDER.name}: set CORPUS to a folder of templates")
@pytest.mark.parametrize("path", TEMPLATES, ids=[short_id(path) for path in TEMPLATES])
def test_processed_correctly_or_refused_for_a_reason(path: Path) -> None:
    results = check(read(path), transform)
    wrong = [f"{result.label}: {result.details}" for result in results if result.status in {WRONG, CRASHED}]
    assert wrong == []


class _Fixed:
    """A fixed outcome, in place of the engine's."""

    def __init__(self, output: Json, *problems: str) -> None:
        self.output = output
        self.problems = problems


def test_samples_give_conditions_both_values() -> None:
    stacks = sample_inputs(TEMPLATE)
    assert {condition_values(TEMPLATE, stack)["Dev"] for stack in stacks.values()} == {True, False}


def test_an_engine_without_changes_fails_the_check() -> None:
    def return_input(template: Json, *_: object) -> EngineOutcome:
        return _Fixed(template)

    assert {result.status for result in check(TEMPLATE, return_input)} == {WRONG}


def test_an_engine_that_always_refuses_fails_the_check() -> None:
    def refuse(*_: object) -> EngineOutcome:
        return _Fixed(None, "no")

    assert {result.status for result in check(TEMPLATE, refuse)} == {WRONG}


def test_an_engine_that_crashes_is_reported() -> None:
    def crash(_: Json, stack: StackInputs, *__: object) -> EngineOutcome:
        raise KeyError(stack)

    assert {result.status for result in check(TEMPLATE, crash)} == {CRASHED}


def test_the_engine_is_correct() -> None:
    assert {result.status for result in check(TEMPLATE, transform)} <= {RIGHT, REFUSED}
