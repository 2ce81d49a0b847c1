"""Replace the wording in the results of ``compare_runner.py`` by placeholders, so that the rest can be compared exactly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, TypeAlias

import yaml

from compare_runner import Record

JsonPath: TypeAlias = tuple[str | int, ...]

WORDING: Final = "<wording>"
CUT_OFF: Final = "<a line that was cut off>"
"""Replaces a line that did not fit into a long message: how many fit depends on their wording."""

KEYS: Final = frozenset({"why", "message", "reason", "layer", "error", "errorMessage"})
"""Members of reports, responses and log lines that hold wording."""

HOLDERS: Final = frozenset({"settings", "notices"})
"""Members whose own members or items are wording: names of layers, and notices."""

PREFIX: Final = re.compile(
    r"(?:(?:sysdig-instrument|notice|warning): )?"
    r"(?:(?:instrumented|skipped|refused|agent)(?:: |$))?"
    r'(?:(?:Task|Container) "[^"]*"(?:, container "[^"]*")?(?: \([^()]*\))?: |\([^() ]*\): )?'
)
"""The part before a wording: severity, status and location."""

NAME: Final = re.compile(r".*?: (?:[\w.]+: )?")
"""The part before the reason in a line of a diff's summary."""

CUT_OFF_LINE: Final = re.compile(r"… \D*(\d+)\D*")
"""The last line of a message that was cut off: ``… and 3 more like these.``"""

FAILED_IMAGE: Final = re.compile(r"    (?!ENTRYPOINT |CMD )")
"""The line below an image's name that says why it could not be read."""

HUNK: Final = re.compile(r"@@ -\S+ \+(\d+)\S* @@")


class Mask:
    """Replaces each wording in the results of one input by a placeholder."""

    def __init__(self) -> None:
        self._wording: list[str] = []
        self._document: list[tuple[str, str]] = []  # each line of the processed template, as it is and masked

    def masked(self, name: str, result: Record) -> tuple[Record, list[str]]:
        """Return a result without its wording, and the wording. The result of ``diff`` comes after that of ``transform``."""
        self._wording = []
        if "response" in result:
            record = {key: self.value(value, (key,)) for key, value in result.items()}
        else:
            out, err = self._out(name, result["out"]), self.message(result["err"])
            record = {"code": result["code"], "out": out, "err": err}
        return record, self._wording

    def _out(self, name: str, text: str) -> object:
        match name:
            case _ if not text:
                return []
            case "transform":
                masked = self.document(text).split("\n")
                self._document = list(zip(text.split("\n"), masked, strict=True))
                return masked
            case "diff":
                return list(self.diff(text))
            case "images":
                return [self.line(line) if FAILED_IMAGE.match(line) else line for line in text.split("\n")]
            case "diff --format patch":
                return [self._operation(each) for each in json.loads(text)]
        return self.value(json.loads(text), ())

    def line(self, text: str) -> str:
        """Mask one line behind its severity, status and location."""
        prefix = _prefix(text)
        if prefix == text:
            return text
        self._wording.append(text[len(prefix) :])
        return prefix + WORDING

    def message(self, text: str) -> list[str]:
        """Mask the lines of a message. A message that was cut off gets as many lines as it would have had."""
        lines: list[str] = []
        for line in text.split("\n"):
            rest = CUT_OFF_LINE.fullmatch(line)
            lines += [CUT_OFF] * int(rest[1]) if rest else [self.line(line)]
        return lines

    def value(self, value: object, path: JsonPath) -> object:
        """Mask the wording in a JSON value at a path; in a template, only the Result is wording."""
        if isinstance(value, dict):
            return {key: self.value(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item, (*path, index)) for index, item in enumerate(value)]
        return self.message(value) if isinstance(value, str) and _is_wording(path) else value

    def _operation(self, operation: Record) -> Record:
        """Mask an operation of a JSON Patch: its reason, and a Result in its value."""
        path = ("fragment", *operation["path"].split("/"))
        return {
            key: self.message(value) if key == "reason" else self.value(value, path if key == "value" else ())
            for key, value in operation.items()
        }

    def document(self, text: str) -> str:
        """Mask the Result in the text of a template, JSON or YAML; every line stays a line."""
        pieces, end = [], 0
        for node in _result_scalars(yaml.compose(text, yaml.CSafeLoader)):
            start, stop = node.start_mark.index, node.end_mark.index
            pieces += [text[end:start], self.line(node.value), "\n" * text.count("\n", start, stop)]
            end = stop
        return "".join([*pieces, text[end:]])

    def diff(self, text: str) -> Iterator[str]:
        """Mask the summary of a diff, and in the diff itself the lines of the processed template."""
        summary, mark, hunks = text.partition("--- a/")
        for line in summary.split("\n"):
            start = NAME.match(line)
            yield start[0] + self.line(line[start.end() :]) if start else line
        number = 0
        for line in (mark + hunks).split("\n"):
            if hunk := HUNK.match(line):
                number = int(hunk[1]) - 1
            elif number < len(self._document) and line[1:] == self._document[number][0] and line[:1] in {"+", " "}:
                yield line[0] + self._document[number][1]
                number += 1
                continue
            yield line


def _prefix(text: str) -> str:
    found = PREFIX.match(text)
    return found[0] if found else ""


def _is_wording(path: JsonPath) -> bool:
    if ("SysdigInstrument", "Result") in pairwise(path):
        return True
    if "fragment" in path or path[::2] == ("log", "message"):  # a log line's message is its name
        return False
    return path[-1:] != () and (path[-1] in KEYS or (len(path) > 1 and path[-2] in HOLDERS))


def _result_scalars(node: yaml.Node | None, path: tuple[str, ...] = ()) -> Iterator[yaml.ScalarNode]:
    """Yield the scalars in each Result, in the order of the document."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _result_scalars(value, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _result_scalars(item, path)
    elif isinstance(node, yaml.ScalarNode) and ("SysdigInstrument", "Result") in pairwise(path):
        yield node
