"""A report names the line of the value that it is about."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

import pytest

from case_folders import CASES
from sysdig_instrument.cli.documents import input_document
from sysdig_instrument.cli.formats.model import LineLocator
from sysdig_instrument.documents import read
from sysdig_instrument.documents.locate import LineRange, Locator
from sysdig_instrument.engine.json_types import Json, Pointer


def pointers(value: Json, parent: Pointer = ()) -> Iterator[Pointer]:
    """Yield the pointer of each value inside a value."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*parent, key)
        yield from pointers(child, (*parent, key))


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


def test_the_lines_of_a_value_end_with_it() -> None:
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
    assert locator.lines(("b", "two", 1)) == LineRange(4, 4)  # a merged value is defined elsewhere
    assert locator.lines(("b", "three", "Fn::If", 1, "y")) == LineRange(8, 8)
    assert locator.lines(("b", "missing", "below")) == LineRange(6, 8)  # the lines of its parent
    assert locator.lines(()) == LineRange(1, 8)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            '{"family": "x",\n"containerDefinitions": [\n{"name": "web",\n"image": "y"}]}', id="register-input"
        ),
        pytest.param(
            '{"taskDefinition": {\n"containerDefinitions": [\n{"name": "web",\n"image": "y"}]}}', id="describe-output"
        ),
        pytest.param('{"Family": "x",\n"ContainerDefinitions": [\n{"Name": "web",\n"Image": "y"}]}', id="pascal-case"),
        pytest.param('\n\n[{"name": "web",\n"image": "y"}]', id="container-array"),
    ],
)
def test_keys_of_ecs_documents_in_both_cases(text: str) -> None:
    locator = LineLocator(input_document(read(text.encode(), "t.json")))
    for pointer in (("ContainerDefinitions", 0, "Image"), ("containerDefinitions", 0, "image")):
        assert locator.line(pointer) == 4
