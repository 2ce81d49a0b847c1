"""Public task definitions are instrumented correctly, or refused for a valid reason, and ECS accepts what it accepted before."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from case_folders import CASES, Case
from corpus.adapter import Outcome, transform_document
from corpus.checking import CRASHED, REFUSED, RIGHT, WRONG
from corpus.plain import check_document, check_plain, definition_of, errors_of, is_plain, to_document, to_template
from corpus.reading import read
from corpus.test_corpus import FOLDER, short_id
from embedded_aws.api_parameters import to_api_parameters
from oracle.evaluate import StackInputs, evaluate
from oracle.registration import SHAPE, registration_errors
from oracle.values import OPEN, Json, canonical, mapping

PLAIN_FOLDER = FOLDER.parent / "task-definitions"
TASK_DEFINITIONS = sorted(PLAIN_FOLDER.glob("*.json"))
DEFINITION: dict[str, Any] = {
    "family": "api",
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "256",
    "memory": "512",
    "executionRoleArn": "arn:aws:iam::111122223333:role/pull",
    "containerDefinitions": [
        {"name": "web", "image": "web", "entryPoint": ["/web"], "dockerLabels": {"team": "a", "Team": "b"}},
        {"name": "job", "image": "job", "command": ["run"], "environment": [{"name": "MODE", "value": "1"}]},
    ],
}


@pytest.mark.skipif(not TASK_DEFINITIONS, reason=f"no task definitions in {PLAIN_FOLDER.name}")
@pytest.mark.parametrize("path", TASK_DEFINITIONS, ids=[short_id(path) for path in TASK_DEFINITIONS])
def test_instrumented_correctly_or_refused_for_a_reason(path: Path) -> None:
    document = read(path)
    assert is_plain(document)
    wrong = [f"{each.label}: {each.details}" for each in check_document(document) if each.status in {WRONG, CRASHED}]
    assert wrong == []


# --- The judge


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(DEFINITION, id="plain"),
        pytest.param({"taskDefinition": DEFINITION, "tags": [{"key": "a", "value": "b"}]}, id="described"),
        pytest.param({"taskDefinition": DEFINITION}, id="described-without-tags"),
        pytest.param({"containerDefinitions": DEFINITION["containerDefinitions"]}, id="part"),
    ],
)
def test_the_tool_is_right(document: Json) -> None:
    assert to_document(to_template(document), document) == document
    assert {each.status for each in check_document(document)} <= {RIGHT, REFUSED}


def statuses(change: Any) -> set[str]:
    """Return what the judge says if the tool's output is changed."""

    def transform_and_change(document: Json, *rest: Any) -> Outcome:
        outcome = transform_document(document, *rest)
        output = copy.deepcopy(outcome.output)
        change(definition_of(output))
        return Outcome(output, outcome.problems)

    return {each.status for each in check_plain(DEFINITION, transform_and_change)}


def container(definition: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """Return a container of a task definition."""
    found: dict[str, Any] = definition["containerDefinitions"][index]
    return found


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda value: value.update(pidMode="host"), id="value"),
        pytest.param(lambda value: container(value).update(Essential=True), id="key-in-the-wrong-case"),
        pytest.param(lambda value: container(value)["dockerLabels"].pop("Team", None), id="label"),
        pytest.param(lambda value: value["containerDefinitions"].pop(), id="no-agent"),
        pytest.param(lambda value: container(value, -1).update(essential="false"), id="type"),
        pytest.param(lambda value: container(value, -1).update(memoryReservation=16, memory=8), id="limit"),
    ],
)
def test_a_wrong_output_is_found(change: Any) -> None:
    assert statuses(change) <= {WRONG, CRASHED}


def test_a_needless_refusal_is_found() -> None:
    results = check_plain(DEFINITION, lambda *_: Outcome(problems=("no",)))
    assert {each.status for each in results} == {WRONG}


# --- What ECS refuses


def sidecar(**members: Json) -> Json:
    """Return a second container."""
    return {"name": "sidecar", "image": "sidecar", **members}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"cpu": 256}, "Invalid type for parameter cpu", id="type"),
        pytest.param({"pidMode": "other"}, ".pidMode is none of the values that ECS knows", id="choice"),
        pytest.param({"tags": [{"key": "a", "value": "b"}] * 51}, "more than 50 tags", id="tags"),
        pytest.param({"tags": [{"key": "a", "value": "b;"}]}, "has other characters than ECS accepts", id="tag"),
        pytest.param({"containerDefinitions": [sidecar()] * 2}, "sidecar is the name of two containers", id="name-twice"),
        pytest.param(
            {"containerDefinitions": [sidecar(volumesFrom=[{"sourceContainer": "web"}])]},
            "volumesFrom of sidecar names web",
            id="target",
        ),
        pytest.param(
            {"containerDefinitions": [sidecar(logConfiguration={"logDriver": "awsfirelens"})]},
            "sidecar logs to a FireLens router, and there is none",
            id="router",
        ),
        pytest.param({"containerDefinitions": [sidecar(cpu=512)]}, "reserve more cpu than the task has", id="cpu"),
        pytest.param({"containerDefinitions": [sidecar(command=["x" * 65536])]}, "larger than 64 KiB", id="bytes"),
    ],
)  # fmt: skip
def test_what_ecs_refuses_is_known(change: dict[str, Json], error: str) -> None:
    assert registration_errors(DEFINITION) == Counter()
    assert any(error in each for each in registration_errors({**DEFINITION, **change}))


PROCESSED = [case for case in CASES if (case.folder / "expected.json").exists() or case.is_plain]


def definitions(value: Json, case: Case) -> dict[str, dict[str, Any]]:
    """Return the task definitions of a document by name, in the format of the ECS API, without expressions."""
    if is_plain(value):
        return {"": definition_of(value)}
    parameters = case.read("parameters.json")
    stack = StackInputs(parameters, ssm=case.read("ssm.json"), exports=case.read("exports.json"))
    evaluated = evaluate(value, stack)
    return {
        name: {"family": name, **to_api_parameters(mapping(each.get("Properties")), SHAPE)}  # CloudFormation gives one
        for name, each in evaluated.task_definitions().items()
        if name not in evaluated.inactive and OPEN not in canonical(each)
    }


@pytest.mark.parametrize("case", PROCESSED, ids=lambda case: case.name)
def test_ecs_accepts_each_case_as_it_did_before(case: Case) -> None:
    expected = case.folder / "expected.json"
    if not expected.exists() or isinstance(case.document.value, list):
        pytest.skip("an array of container definitions, or refused")
    before = definitions(case.document.value, case)
    after = definitions(json.loads(expected.read_text()), case)
    assert before.keys() <= after.keys()  # an Express Mode service that is converted gets one
    for name, definition in after.items():
        assert errors_of(definition) - (errors_of(before[name]) if name in before else Counter()) == Counter()
