"""The line is added and removed again, and nothing else in the text changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from case_folders import FOLDER
from documents.test_corpus import FILES
from sysdig_instrument.documents import Document, kind_of, read
from sysdig_instrument.documents.editing.macro_line import add_line, remove_line
from sysdig_instrument.engine.macro_line import LineStatus, find_line
from sysdig_instrument.engine.template import SECTION
from sysdig_instrument.errors import UsageError

NAME = "SysdigInstrument"
TEMPLATES = sorted(path for path in FOLDER.glob("*/template.*") if path.suffix in (".yaml", ".json"))
R = "Resources: {}\n"


def added(text: str) -> str:
    return add_line(read(text.encode(), "t"), NAME).text


def removed(text: str) -> str:
    return remove_line(read(text.encode(), "t"), NAME).text


ADDITIONS = {
    "no section": (R, f"Transform: {NAME}\n{R}"),
    "below the version": (
        f"AWSTemplateFormatVersion: x # y\n\n{R}",
        f"AWSTemplateFormatVersion: x # y\nTransform: {NAME}\n\n{R}",
    ),
    "above the description": (f"Description: |\n  a\n{R}", f"Transform: {NAME}\nDescription: |\n  a\n{R}"),
    "below comments": (f"# a\n---\n# b\n{R}", f"# a\n---\n# b\nTransform: {NAME}\n{R}"),
    "indented": (f"  A: 1\n  {R}", f"  Transform: {NAME}\n  A: 1\n  {R}"),
    "scalar": (f"Transform: A::B # c\n{R}", f"Transform: [A::B, {NAME}] # c\n{R}"),
    "quoted": (f"Transform: 'A::B'\n{R}", f"Transform: ['A::B', {NAME}]\n{R}"),
    "scalar below": (f"Transform:\n  A::B\n{R}", f"Transform:\n  [A::B, {NAME}]\n{R}"),
    "flow object": (f"Transform: {{Name: A::B}}\n{R}", f"Transform: [{{Name: A::B}}, {NAME}]\n{R}"),
    "one item": (f"Transform: [A::B]\n{R}", f"Transform: [A::B , {NAME}]\n{R}"),
    "items": (f"Transform: [ A::B,C ]\n{R}", f"Transform: [ A::B,C,{NAME} ]\n{R}"),
    "no item": (f"Transform: []\n{R}", f"Transform: [{NAME}]\n{R}"),
    "item per line": (f"Transform: [\n  A::B,\n]\n{R}", f"Transform: [\n  A::B,\n  {NAME},\n]\n{R}"),
    "block list": (f"Transform:\n  # a\n  - A::B # b\n\n{R}", f"Transform:\n  # a\n  - A::B # b\n  - {NAME}\n\n{R}"),
    "block list without indentation": (f"Transform:\n- A::B\n{R}", f"Transform:\n- A::B\n- {NAME}\n{R}"),
    "item of several lines": (
        f"Transform:\n  - Name: A::B\n    Parameters:\n      C: |\n        d\n{R}",
        f"Transform:\n  - Name: A::B\n    Parameters:\n      C: |\n        d\n  - {NAME}\n{R}",
    ),
    "block object": (
        f"Transform:\n  # a\n  Name: A::B # b\n  Parameters:\n    C: d\n{R}",
        f"Transform:\n  # a\n- Name: A::B # b\n  Parameters:\n    C: d\n-  {NAME}\n{R}",
    ),
    "block object with more indentation": (
        f"{R}Transform:\n    Name: A::B",
        f"{R}Transform:\n  - Name: A::B\n  -  {NAME}",
    ),
    "at the end without a line break": (f"{R}Transform:\n  - A::B", f"{R}Transform:\n  - A::B\n  - {NAME}"),
    "windows": ("A: 1\r\nResources: {}\r\n", f"Transform: {NAME}\r\nA: 1\r\nResources: {{}}\r\n"),
    "windows list": (f"{R[:-1]}\r\nTransform:\r\n- A::B\r\n", f"{R[:-1]}\r\nTransform:\r\n- A::B\r\n- {NAME}\r\n"),
    "json": ('{\n  "Resources": {}\n}\n', f'{{\n  "Transform": "{NAME}",\n  "Resources": {{}}\n}}\n'),
    "json below the version": (
        '{\n  "AWSTemplateFormatVersion" : "x",\n  "Resources" : {}\n}',
        f'{{\n  "AWSTemplateFormatVersion" : "x",\n  "Transform" : "{NAME}",\n  "Resources" : {{}}\n}}',
    ),
    "json on one line": ('{"Resources":{}}', f'{{"Transform":"{NAME}","Resources":{{}}}}'),
    "json scalar": (
        '{"Transform": "A::B", "Resources": {}}',
        f'{{"Transform": ["A::B", "{NAME}"], "Resources": {{}}}}',
    ),
    "json one item": ('{"Transform":["A::B"],"Resources":{}}', f'{{"Transform":["A::B" , "{NAME}"],"Resources":{{}}}}'),
    "json item per line": (
        '{\n  "Transform": [\n    "A::B"\n  ],\n  "Resources": {}\n}',
        f'{{\n  "Transform": [\n    "A::B",\n    "{NAME}"\n  ],\n  "Resources": {{}}\n}}',
    ),
    "flow yaml": ("{Resources: {}}\n", f"{{Transform: {NAME},Resources: {{}}}}\n"),
}


@pytest.mark.parametrize(("text", "expected"), ADDITIONS.values(), ids=list(ADDITIONS))
def test_the_line_is_added_and_removed(text: str, expected: str) -> None:
    assert added(text) == expected
    assert removed(expected) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Transform: {NAME} # why\n{R}", R),
        (f"{R}Transform: {NAME}", R[:-1]),
        (f"{R}Transform:\n  - {NAME}\n", R),
        (f"Transform: [{NAME}, A::B]\n{R}", f"Transform: [A::B]\n{R}"),
        (f"Transform:\n  - {NAME}\n  - A::B\n{R}", f"Transform:\n  - A::B\n{R}"),
        (f"Transform: [A::B, {NAME}-canary, C::D]\n{R}", f"Transform: [A::B, C::D]\n{R}"),
        (f"Transform: {{Name: {NAME}, Parameters: {{Mode: opt-in}}}}\n{R}", R),
        (f"Transform:\n  Name: {NAME}\n  Parameters:\n    Mode: opt-in\n{R}", R),
        ('{"Resources": {}, "Transform": "SysdigInstrument"}', '{"Resources": {}}'),
    ],
    ids=["scalar", "at-the-end", "only-item", "first", "first-in-block", "ring", "flow-object", "block-object", "json"],
)
def test_a_line_that_somebody_wrote_is_removed(text: str, expected: str) -> None:
    assert removed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Transform: sysdigInstrument # a\n{R}", f"Transform: {NAME} # a\n{R}"),
        (f"Transform: [A::B, 'SysdigInstrumnet']\n{R}", f"Transform: [A::B, {NAME}]\n{R}"),
    ],
    ids=["scalar", "item"],
)
def test_a_misspelt_name_is_corrected(text: str, expected: str) -> None:
    assert added(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        f"Transform:\n Name: A::B\n{R}",
        f"Transform: &a A::B\n{R}",
        f"Transform: !Ref A\n{R}",
        f"Transform:\n{R}",
        f"Transform: |\n  A::B\n{R}",
        f"Transform: A::B, SysdigInstrument\n{R}",
        f"Transform: A\nTransform: B\n{R}",
        "--- {Resources: {}, <<: {Transform: A}}\n",
    ],
    ids=[
        "object-with-one-blank",
        "anchor",
        "tag",
        "empty",
        "block-scalar",
        "names-in-one",
        "duplicate-key",
        "document-start",
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="in a form that is not supported"):
        added(text)


@pytest.mark.parametrize(
    "path", [*TEMPLATES, *FILES], ids=[*(path.parent.name for path in TEMPLATES), *(path.name for path in FILES)]
)
def test_removing_what_was_added_gives_the_same_bytes(path: Path) -> None:
    document = read(path.read_bytes(), path.name)
    if kind_of(document.value, path.name) != "template" or status_of(document) is not LineStatus.ABSENT:
        return
    with_line = add_line(document, NAME)
    assert status_of(with_line) is LineStatus.LISTED
    again = read(document.encode(with_line.text), path.name)
    assert document.encode(remove_line(again, NAME).text) == path.read_bytes()


def status_of(document: Document) -> LineStatus:
    return find_line(document.value, NAME, document.earlier_values(SECTION)).status
