"""What the project writes has the same value in other YAML parsers, old and new ones.

Each parser reads the document before and after the edits. Whatever it makes of the author's own text, the edits must have
changed exactly what was planned. What is written from JSON must have the JSON's value in all of them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from case_folders import CASES
from corpus.adapter import planned
from corpus.checking import SETTINGS
from corpus.samples import default_inputs
from fixtures_embedded_aws import ROOT, TOOLS, skip_or_fail
from oracle.values import Json
from other_parsers.parts import without_equal_entries
from other_parsers.words import WORDS, OddImages, odd_variables
from sysdig_instrument.documents import load, read
from sysdig_instrument.documents.editing.writer import render, write
from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.engine.plan import process

pytestmark = pytest.mark.xdist_group("other-parsers")  # so that the documents are written once

OLDER = TOOLS / "yaml" / "older"
CORPUS = ROOT.parent / "shared" / "corpus" / "templates"
READ_YAML = str(Path(__file__).with_name("read_yaml.py"))
NODE_MODULE = TOOLS / "yaml" / "node_modules" / "yaml" / "dist" / "index.js"
IN_OLDER = [sys.executable, "-I", "-S", READ_YAML]
PARSERS = {
    "PyYAML-3.13": [*IN_OLDER, "pyyaml", str(OLDER)],
    "PyYAML-6": [sys.executable, READ_YAML, "pyyaml"],
    "ruamel-0.15": [*IN_OLDER, "ruamel", str(OLDER)],
    "ruamel-today": [sys.executable, READ_YAML, "ruamel"],
    "JavaScript": ["node", str(READ_YAML).replace(".py", ".mjs"), str(NODE_MODULE)],
}
SHARE_READ = 0.9
"""What each parser reads at least: older ones refuse some public templates as their authors wrote them."""


@dataclass(frozen=True)
class Written:
    """A document: its text before the edits, or an empty text if all is written; after them; and the expected value."""

    name: str
    before: str
    after: str
    expected: Callable[[Any], Json]


def _changed_resources(output: Any, changes: Sequence[Change]) -> Json:
    names = {str(change.pointer[1]): None for change in changes}
    return {"Resources": {name: output["Resources"][name] for name in names}}


def _edited(path: Path) -> Iterator[Written]:
    """Yield a template as the macro's changes are written into it, or its changed resources rendered from JSON."""
    document = load(str(path))
    if not document.text.endswith("\n") and read(f"{document.text}\n".encode(), path.name).value != document.value:
        return  # it ends in a block scalar, and parsers differ on whether a line break belongs to it
    settings = {**SETTINGS["elaborate"], "WorkloadEnvironment": odd_variables(path.name, 2)}
    settings["AgentEnvironment"] = odd_variables(path.parent.name + path.name, 2)
    plan = planned(document.value, default_inputs(document.value), settings, OddImages())
    output, problems = process(document.value, plan)
    changes: list[Change] = list(plan.changes)
    if problems or not changes:
        return
    if path.suffix == ".json" or document.text.lstrip().startswith("{"):
        changed = _changed_resources(output, changes)
        yield Written(path.name, "", render(changed, "yaml"), lambda _: changed)
    else:
        after = write(document, changes, output).text
        before, after = without_equal_entries(document.text, after)
        yield Written(path.name, before, after, lambda value: apply(value, changes))


def _words() -> Iterator[Written]:
    """Yield all the words as items, values and keys, in block and in flow style."""
    listed: list[Json] = list(WORDS)
    both: Json = {"List": listed, "Map": {word: word for word in WORDS if word}}
    yield Written("words-rendered", "", render(both, "yaml"), lambda _: both)
    for name, text in (
        ("words-in-block-style", "List:\n  - first\nMap:\n  first: value\n"),
        ("words-in-flow-style", "{List: [first], Map: {first: value}}\n"),
        ("words-in-single-quotes", "List: ['first']\nMap: {'first': 'value'}\n"),
        ("words-in-double-quotes", 'List:\n  - "first"\nMap:\n  "first": "value"\n'),
    ):
        document = read(text.encode(), name)
        changes = [Change("add", ("List", "-"), "because", word) for word in WORDS]
        changes += [Change("add", ("Map", word), "because", word) for word in WORDS if word]
        expected = apply(document.value, changes)
        after = write(document, changes, expected, pytest.fail).text
        yield Written(name, text, after, lambda value, changes=changes: apply(value, changes))  # type: ignore[misc]


def _run(command: list[str], texts: list[str]) -> list[dict[str, Any]] | str:
    """Return what a parser makes of the texts, or why it cannot run."""
    missing = [each for each in command[-1:] if os.sep in each and not Path(each).exists()]
    if missing or not shutil.which(command[0]):
        return f"{missing[0] if missing else command[0]} is not there: run `make dev`, with Node.js and npm"
    ran = subprocess.run(command, input=json.dumps(texts).encode(), capture_output=True, check=True)
    return json.loads(ran.stdout)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Results:
    """All documents, and what each parser read, by its name: before and after, in turn."""

    documents: list[Written]
    read: dict[str, list[dict[str, Any]] | str]


@pytest.fixture(scope="module")
def results() -> Results:
    paths = sorted(CORPUS.iterdir()) if CORPUS.is_dir() else [case.input for case in CASES if not case.is_plain]
    documents = [*_words(), *(written for path in paths for written in _edited(path))]
    texts = [text for each in documents for text in (each.before or "null", each.after)]
    with ThreadPoolExecutor(2) as pool:
        read_by_all = pool.map(lambda command: _run(command, texts), PARSERS.values())
        return Results(documents, dict(zip(PARSERS, read_by_all, strict=True)))


def _canonical(value: Any) -> str:
    """Return a value in a comparable form. JavaScript puts keys that are numbers first."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("parser", PARSERS)
def test_the_value_is_the_same(results: Results, parser: str) -> None:
    found = results.read[parser]
    if isinstance(found, str):
        skip_or_fail(found)
    pairs = list(zip(results.documents, found[::2], found[1::2], strict=True))
    readable = [each for each in pairs if "value" in each[1]]
    assert len(readable) >= SHARE_READ * len(pairs)
    unread = {document.name: after["error"] for document, _, after in readable if "error" in after}
    assert not unread
    different = [
        document.name
        for document, before, after in readable
        if _canonical(document.expected(before["value"])) != _canonical(after["value"])
    ]
    assert not different


def test_the_parsers_are_those_that_they_are_called(results: Results) -> None:
    """A colon in a flow collection: only the oldest one refuses it. `yes` is a string in YAML 1.2."""
    if any(isinstance(found, str) for found in results.read.values()):
        pytest.skip("one of the parsers is not there")
    colon = {parser: "error" in _run(command, ["[a:b]"])[0] for parser, command in PARSERS.items()}
    assert [parser for parser, is_error in colon.items() if is_error] == ["PyYAML-3.13"]
    yes = {parser: _run(command, ["yes"])[0] == {"value": True} for parser, command in PARSERS.items()}
    assert [parser for parser, is_true in yes.items() if is_true] == ["PyYAML-3.13", "PyYAML-6", "JavaScript"]
