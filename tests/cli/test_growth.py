"""What the tool does grows with the size of a template, in any layout: twice the task definitions are twice the work.

Nothing here is timed. Work is counted: the lines of Python that run, and the characters that searches in the text pass over.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.running import run
from counting import MAX_GROWTH, count_lines
from factories import resource
from sysdig_instrument.documents import read
from sysdig_instrument.documents.editing import block, flow, source, style, text_edits, writer
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.engine.task_plan import TaskPlan

SETTINGS = ("--no-config", "--offline", "--set", "Collector=us2", "--set", "AccessKeySecret=none")
TASKS = 15

LAYOUTS: dict[str, Callable[[Json], str]] = {
    "json-one-line": json.dumps,
    "json-indented": lambda value: json.dumps(value, indent=2),
    "yaml": lambda value: str(yaml.safe_dump(value, sort_keys=False)),
    "yaml-crlf": lambda value: str(yaml.safe_dump(value, sort_keys=False)).replace("\n", "\r\n"),
    "yaml-one-line": lambda value: str(yaml.safe_dump(value, default_flow_style=True, width=sys.maxsize)),
}


def tasks(count: int) -> dict[str, Any]:
    """Return a template of task definitions with two containers each."""
    containers: list[Json] = [
        {"Name": name, "Image": f"shop/{name}:1", "EntryPoint": ["/run"], "Environment": [{"Name": "A", "Value": "b"}]}
        for name in ("web", "log")
    ]
    return {"Resources": {f"Task{number}": resource(*containers) for number in range(count)}}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Callable[[Json], str]:
    """Return the function that writes a template in one layout."""
    return LAYOUTS[request.param]


def write(folder: Path, text: str) -> Path:
    """Write a template with its line breaks as they are."""
    file = folder / "template"
    file.write_bytes(text.encode())
    return file


# --- Lines of Python


def test_twice_the_task_definitions_run_twice_the_lines(
    layout: Callable[[Json], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def lines(count: int) -> int:
        file = write(tmp_path, layout(tasks(count)))
        return count_lines(lambda: run(capsys, "diff", file, *SETTINGS))

    run(capsys, "diff", write(tmp_path, layout(tasks(1))), *SETTINGS)  # imports
    assert lines(2 * TASKS) / lines(TASKS) < MAX_GROWTH


@pytest.mark.parametrize("command", ["explain", "check", "diff"])
def test_no_command_compares_each_task_definition_with_all_others(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[object] = []

    def is_same(one: TaskPlan, other: object) -> bool:
        compared.append(other)
        return one is other

    monkeypatch.setattr(TaskPlan, "__eq__", is_same)
    run(capsys, command, write(tmp_path, json.dumps(tasks(TASKS))), *SETTINGS)
    assert len(compared) <= TASKS


# --- Characters


class CountingPattern:
    """A pattern that counts the characters that it may pass over."""

    def __init__(self, pattern: re.Pattern[str], spans: list[int]) -> None:
        self._pattern, self._spans = pattern, spans

    def search(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        found = self._pattern.search(text, start, end)
        self._spans.append((found.end() if found else min(end, len(text))) - start)
        return found

    def match(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        found = self._pattern.match(text, start, end)
        self._spans.append(found.end() - start if found else 0)
        return found

    def fullmatch(self, text: str, start: int = 0, end: int = sys.maxsize) -> re.Match[str] | None:
        return self._pattern.fullmatch(text, start, end)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        self._spans.append(len(text))
        return self._pattern.finditer(text)


class CountingText(str):
    """A text that counts the characters that it is asked to copy or to search backwards."""

    __slots__ = ("spans",)
    spans: list[int]

    def __getitem__(self, key: Any) -> str:
        found = super().__getitem__(key)
        self.spans.append(len(found))
        return found

    def rfind(self, *arguments: Any) -> int:
        found = super().rfind(*arguments)
        self.spans.append((arguments[2] if len(arguments) > 2 else len(self)) - found)
        return found


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Count what editing searches: the number of characters of each search."""
    spans: list[int] = []

    def counted_source(text: str, newline: str) -> source.SourceText:
        counted = CountingText(text)
        counted.spans = spans
        return source.SourceText(counted, newline)

    monkeypatch.setattr(writer, "SourceText", counted_source)
    for module in (block, flow, source, style, text_edits):
        for name, value in list(vars(module).items()):
            if isinstance(value, re.Pattern):
                monkeypatch.setattr(module, name, CountingPattern(value, spans))
    return spans


def test_twice_the_task_definitions_search_twice_the_characters(
    layout: Callable[[Json], str], spans: list[int]
) -> None:
    def characters(count: int) -> int:
        document = read(layout(tasks(count)).encode(), "template")
        added = [
            Change("add", ("Resources", f"Task{number}", "Properties", "ContainerDefinitions", 0, key, "-"), "", "new")
            for number in range(count)
            for key in ("EntryPoint", "Environment")
        ]
        spans.clear()
        written = writer.write(document, added, apply(document.value, added))
        assert written.value != document.value
        return sum(spans)

    assert characters(2 * TASKS) / characters(TASKS) < MAX_GROWTH


def test_empty_lines_before_the_next_resource_cost_what_they_are() -> None:
    text = "Resources:\r\n  A:\r\n    Names:\r\n      - a" + "\r\n" * 40 + "  B: {}\r\n"
    added = [Change("add", ("Resources", "A", "Names", "-"), "", "b")]
    document = read(text.encode(), "template")
    assert writer.write(document, added, apply(document.value, added)).text == text.replace("- a", "- a\r\n      - b")


# --- The length of what is printed


@pytest.mark.parametrize("report", ["table", "json", "csv", "markdown", "github", "junit", "sarif"])
def test_findings_do_not_repeat_a_long_name(report: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    depends: list[Json] = [{"ContainerName": f"gone-{number}", "Condition": "START"} for number in range(100)]
    container: dict[str, Any] = {"Name": "x" * 200_000, "Image": "x", "EntryPoint": ["/run"], "DependsOn": depends}
    file = write(tmp_path, json.dumps({"Resources": {"Y" * 100_000: resource(container)}}))
    out = run(capsys, "explain", file, *SETTINGS, "--format", report).out
    assert "gone-99" in out
    assert len(out) < 2_000_000
