"""All judges agree on every mutation of an instrumented task definition: oracle, engine, hook, `check` and `coverage`."""

from __future__ import annotations

from collections import Counter

import pytest

from bypasses.definitions import Definition, definitions
from bypasses.differences import may_differ
from bypasses.judges import (
    Answer,
    answer_of,
    check_answers,
    coverage_answer,
    engine_answer,
    engine_answers,
    hook_answer,
    oracle_answer,
)
from bypasses.mutations import Mutation
from bypasses.sampling import literal_mutations, mutations_to_expressions
from bypasses.table import DOCUMENT, document_with, table
from oracle.template_protection import protections

MIN_BYPASSES = 200
each_definition = pytest.mark.parametrize("definition", definitions(), ids=lambda definition: definition.name)


@each_definition
def test_the_output_of_the_macro_is_protected(definition: Definition) -> None:
    assert oracle_answer(definition.properties, definition.settings) == (Answer.PROTECTED, True)
    [checked] = check_answers([definition.properties], definition.settings)
    assert {
        "engine": engine_answer(definition.properties, definition.settings),
        "hook": hook_answer(definition.properties, definition.settings),
        "coverage": coverage_answer(definition.properties, definition.settings),
        "check": checked,
    } == dict.fromkeys(("engine", "hook", "coverage", "check"), Answer.PROTECTED)


@each_definition
def test_the_engine_agrees_with_the_oracle(definition: Definition) -> None:
    wrong = Counter[str]()
    for mutation in literal_mutations()[definition.name]:
        expected, is_certain = oracle_answer(mutation.properties, definition.settings)
        actual = engine_answer(mutation.properties, definition.settings)
        is_stricter = actual is Answer.NOT_PROTECTED and not is_certain
        if actual is not expected and not is_stricter and not may_differ("engine", mutation.kind):
            wrong[_described(mutation.kind, actual, expected)] += 1
    assert sorted(wrong) == []


@each_definition
def test_hook_check_and_coverage_agree_with_the_engine(definition: Definition) -> None:
    mutations = literal_mutations()[definition.name]
    checked = check_answers([mutation.properties for mutation in mutations], definition.settings)
    wrong = Counter[str]()
    for mutation, check in zip(mutations, checked, strict=True):
        expected = engine_answer(mutation.properties, definition.settings)
        answers = {
            "check": check,
            "hook": hook_answer(mutation.properties, definition.settings),
            "coverage": coverage_answer(mutation.properties, definition.settings),
        }
        for judge, actual in answers.items():
            if actual is not None and actual is not expected and not may_differ(judge, mutation.kind):
                wrong[f"{judge}: {_described(mutation.kind, actual, expected)}"] += 1
    assert sorted(wrong) == []


@each_definition
def test_the_engine_agrees_with_the_oracle_on_expressions(definition: Definition) -> None:
    """Verify that what is not certain is not called protected. The engine may be stricter about an expression."""
    wrong = Counter[str]()
    for mutation in mutations_to_expressions()[definition.name]:
        found = protections(mutation.template, mutation.stack, definition.settings)["Task"]
        expected = answer_of(found)
        actual = engine_answers(mutation.template, mutation.stack, definition.settings)["Task"]
        depends = any(complaint.code == "depends-on-a-condition" for complaint in found.doubts)
        is_allowed = actual is Answer.NOT_PROTECTED or (depends and not found.faults)
        if actual is not expected and not is_allowed and not may_differ("engine", mutation.kind):
            wrong[_described(mutation.kind, actual, expected)] += 1
    assert sorted(wrong) == []


def test_there_are_many_ways_around_protection() -> None:
    kinds = {
        mutation.kind
        for definition in definitions()
        for mutation in literal_mutations()[definition.name]
        if oracle_answer(mutation.properties, definition.settings) == (Answer.NOT_PROTECTED, True)
    }
    assert len(kinds) >= MIN_BYPASSES


def test_the_table_in_the_documents_is_up_to_date() -> None:
    """Verify it; `PYTHONPATH=tests:src python -m bypasses --write` writes it."""
    assert DOCUMENT.read_text(encoding="utf-8") == document_with(table())


def test_a_mutation_changes_a_copy() -> None:
    [first, *_] = definitions()
    removed = Mutation("task", "dropped", lambda properties: properties.clear(), first.properties)
    assert removed.properties == {}
    assert first.properties


def _described(kind: str, actual: Answer, expected: Answer) -> str:
    return f"{kind}: {actual.value}, and should be {expected.value}"
