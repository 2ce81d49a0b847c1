"""The line that a report names is the line where the thing stands."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

import pytest

from case_folders import CASES
from sysdig_instrument.cli.documents import input_document
from sysdig_instrument.cli.formats.model import LineLocator
from sysdig_instrument.documents import read
from sysdig_instrument.documents.locate import LineRange, Locator
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Pointer


def pointers(value: Json, above: Pointer = ()) -> Iterator[Pointer]:
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*above, key)
        yield from pointers(part, (*above, key))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_key_of_every_case(case: object) -> None:
    document = case.document  # type: ignore[attr-defined]
    locator = Locator(document)
    lines = document.text.splitlines()
    for pointer in pointers(document.value):
        found = locator.lines(pointer)
        key = str(pointer[-1])
        if isinstance(pointer[-1], str) and not key.startswith(("Fn::", "Ref", "Condition")) and "\\" not in key:
            assert key in lines[found.first - 1], pointer
        assert 1 <= found.first <= found.last <= len(lines)


def test_the_lines_of_a_value_go_to_its_end() -> None:
    text = dedent("""\
        a: &it
          one: 1 # a comment
          two: [1,
            2]

        b:
          <<: *it
          three: !If [x, {y: 1}, z]
        """)
    locator = Locator(read(text.encode(), "t.yaml"))
    assert locator.lines(("a",)) == LineRange(1, 4)
    assert locator.lines(("a", "two")) == LineRange(3, 4)
    assert locator.lines(("b", "two", 1)) == LineRange(4, 4)  # what is merged in stands elsewhere
    assert locator.lines(("b", "three", "Fn::If", 1, "y")) == LineRange(8, 8)
    assert locator.lines(("b", "missing", "below")) == LineRange(6, 8)  # what is around it
    assert locator.lines(()) == LineRange(1, 8)


@pytest.mark.parametrize(
    "text",
    [
        '{"family": "x",\n"containerDefinitions": [\n{"name": "web",\n"image": "y"}]}',
        '{"taskDefinition": {\n"containerDefinitions": [\n{"name": "web",\n"image": "y"}]}}',
        '{"Family": "x",\n"ContainerDefinitions": [\n{"Name": "web",\n"Image": "y"}]}',
        '\n\n[{"name": "web",\n"image": "y"}]',
    ],
)
def test_keys_of_ecs_documents_in_both_cases(text: str) -> None:
    places = LineLocator(input_document(read(text.encode(), "t.json")))
    for pointer in (("ContainerDefinitions", 0, "Image"), ("containerDefinitions", 0, "image")):
        assert places.line(pointer) == 4
