"""Edits of YAML change only the text that they concern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from documents.support import add, changed, check, doc, remove, replace, write_changes
from sysdig_instrument.documents import read

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

TEMPLATE = """\
# Copyright: the authors
AWSTemplateFormatVersion: 2010-09-09   # a date that is a string

Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Cpu: 256 # small
      ContainerDefinitions:
        # the app
        - Name: app
          Image: !Sub "${Registry}/app:1"
          EntryPoint: ["sh", "-c"]
          Environment:
            - Name: LEVEL
              Value: 'info'
            # - Name: DEBUG
        - Name: side
          Command:
          - one # more to come
          - |
            two

            lines

      Memory: '512'

Outputs: {Task: {Value: !Ref Task}}
"""
CONTAINERS = "/Resources/Task/Properties/ContainerDefinitions"


def test_the_text_stays_without_changes() -> None:
    assert write_changes(doc(TEMPLATE), []) == TEMPLATE
    assert (
        changed(
            TEMPLATE, replace("/Outputs", {"Task": {"Value": {"Ref": "Task"}}}, {"Task": {"Value": {"Ref": "Task"}}})
        )
        == TEMPLATE
    )


def test_all_changes_of_an_instrumented_template() -> None:
    written = changed(
        TEMPLATE,
        add(f"{CONTAINERS}/0/EntryPoint/0", "/opt/draios/bin/instrument"),
        add(f"{CONTAINERS}/0/Environment/-", {"Name": "SYSDIG_SIDECAR", "Value": "auto"}),
        add(f"{CONTAINERS}/0/VolumesFrom", [{"SourceContainer": "SysdigInstrumentation", "ReadOnly": True}]),
        add(f"{CONTAINERS}/1/EntryPoint", ["/opt/draios/bin/instrument", "/entry"]),
        add(f"{CONTAINERS}/1/LinuxParameters", {"Capabilities": {"Add": ["SYS_PTRACE"]}}),
        add(
            f"{CONTAINERS}/-",
            {"Name": "SysdigInstrumentation", "Essential": False, "Secrets": [{"ValueFrom": {"Ref": "Key"}}]},
        ),
        add("/Resources/Task/Properties/PidMode", "task"),
        add("/Resources/Task/Metadata", {"SysdigInstrument": {"Result": "a: b"}}),
    )
    assert (
        written
        == """\
# Copyright: the authors
AWSTemplateFormatVersion: 2010-09-09   # a date that is a string

Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Cpu: 256 # small
      ContainerDefinitions:
        # the app
        - Name: app
          Image: !Sub "${Registry}/app:1"
          EntryPoint: ["/opt/draios/bin/instrument", "sh", "-c"]
          Environment:
            - Name: LEVEL
              Value: 'info'
            - Name: SYSDIG_SIDECAR
              Value: auto
            # - Name: DEBUG
          VolumesFrom:
            - SourceContainer: SysdigInstrumentation
              ReadOnly: true
        - Name: side
          Command:
          - one # more to come
          - |
            two

            lines
          EntryPoint:
          - /opt/draios/bin/instrument
          - /entry
          LinuxParameters:
            Capabilities:
              Add:
              - SYS_PTRACE
        - Name: SysdigInstrumentation
          Essential: false
          Secrets:
            - ValueFrom: !Ref Key

      Memory: '512'
      PidMode: task
    Metadata:
      SysdigInstrument:
        Result: "a: b"

Outputs: {Task: {Value: !Ref Task}}
"""
    )


@pytest.mark.parametrize("newline", [pytest.param("\r\n", id="crlf"), pytest.param("\r", id="cr")])
def test_line_breaks_stay(newline: str) -> None:
    text = "a:\n  - 1\n\nb: |\n  x\n  y\n# end\n".replace("\n", newline)
    written = changed(text, add("/a/-", "2\n3\n"), add("/c", {"d": 1}))
    assert written == "a:\n  - 1\n  - |\n    2\n    3\n\nb: |\n  x\n  y\nc:\n  d: 1\n# end\n".replace("\n", newline)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: [b, c]\n", "a: [W, b, c, Z]\n", id="flow"),
        pytest.param("a: [ b,c ]\n", "a: [ W,b,c,Z ]\n", id="flow-tight"),
        pytest.param("a: ['b']\n", "a: ['W', 'b', 'Z']\n", id="flow-quoted"),
        pytest.param("a: [b, c,]  # why\n", "a: [W, b, c, Z,]  # why\n", id="flow-trailing-comma"),
        pytest.param("a: [\n  b,\n  c\n]\n", "a: [\n  W,\n  b,\n  c,\n  Z\n]\n", id="flow-block-like"),
        pytest.param(
            "a: [\n  b, # one\n  c, # two\n]\n",
            "a: [\n  W,\n  b, # one\n  c, # two\n  Z,\n]\n",
            id="flow-with-comments",
        ),
        pytest.param("a: [\n  b # one\n]\n", "a: [\n  W,\n  b, # one\n  Z\n]\n", id="flow-comment-on-last"),
        pytest.param("a: [b\n  , c\n  ]\n", "a: [W\n  , b\n  , c\n  , Z\n  ]\n", id="flow-leading-commas"),
        pytest.param("a: []\n", "a: [W, Z]\n", id="empty-flow"),
        pytest.param("a:\n- b # one\n\n# end\n", "a:\n- W\n- b # one\n- Z\n\n# end\n", id="block-at-column-0"),
        pytest.param(
            "a:\n    # first\n    -   b\n", "a:\n    - W\n    # first\n    -   b\n    - Z\n", id="block-first-comment"
        ),
        pytest.param("a: !If\n  - b\n  - - c\n", "a: !If\n  - W\n  - b\n  - - c\n  - Z\n", id="tagged-block"),
        pytest.param("a: !If [b, 1]\n", "a: !If [W, b, 1, Z]\n", id="tagged-flow"),
        pytest.param("a: &x\n  - b\n", "a: &x\n  - W\n  - b\n  - Z\n", id="anchored-block"),
        pytest.param("a:\n  - >-\n    b\n    c\n", "a:\n  - W\n  - >-\n    b\n    c\n  - Z\n", id="folded-scalar"),
        pytest.param("a:\n  - |+\n    b\n\n", "a:\n  - W\n  - |+\n    b\n\n  - Z\n", id="literal-keep"),
        pytest.param("a:\n  - |\n    b", "a:\n  - W\n  - |-\n    b\n  - Z", id="literal-no-newline"),
        pytest.param("? a\n: - b\n", "? a\n: - W\n  - b\n  - Z\n", id="explicit-key"),
    ],
)
def test_first_and_last_item(text: str, expected: str) -> None:
    path = "/a/Fn::If" if "!If" in text else "/a"
    last = add(f"{path}/-", "Z")
    first = add(f"{path}/0", "W")
    assert changed(text, first, last) == expected
    assert changed(text, last, first) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a: {b: 1}\n", "a: {b: 1, k: v}\n", id="flow"),
        pytest.param('a: {"b": "1"}\n', 'a: {"b": "1", "k": "v"}\n', id="flow-quoted"),
        pytest.param("a: {\n  b: 1\n}\n", "a: {\n  b: 1,\n  k: v\n}\n", id="flow-block-like"),
        pytest.param("a: {}\n", "a:\n  k: v\n", id="empty-map"),
        pytest.param("a: {} # why\n", "a: # why\n  k: v\n", id="empty-map-comment"),
        pytest.param("a: &x {}\n", "a: &x\n  k: v\n", id="empty-map-anchor"),
        pytest.param("a:\n  b: 1\n# end", "a:\n  b: 1\n  k: v\n# end", id="before-comment"),
        pytest.param("a:\n  b:\n", "a:\n  b:\n  k: v\n", id="after-null"),
        pytest.param("a:\n      b: # null\nc: 1\n", "a:\n      b: # null\n      k: v\nc: 1\n", id="after-null-comment"),
        pytest.param("a: !Foo\n  b: 1\n", "a: !Foo\n  b: 1\n  k: v\n", id="tagged-map"),
        pytest.param("- {}\n- a: {}\n", "- {}\n- a:\n    k: v\n", id="map-in-list"),
        pytest.param(
            "a: # why\n  # about b\n  b: 'x\n    y'\n\n\n",
            "a: # why\n  # about b\n  b: 'x\n    y'\n  k: 'v'\n\n\n",
            id="after-multiline-scalar",
        ),
    ],
)
def test_new_key(text: str, expected: str) -> None:
    path = "/1/a/k" if text.startswith("-") else "/a/Fn::Foo/k" if "!Foo" in text else "/a/k"
    assert changed(text, add(path, "v")) == expected


def test_a_value_added_twice_is_written_twice() -> None:
    value: Json = {"k": ["v"]}
    first, second, inside = add("/a", value), add("/b", value), add("/b/k/-", "w")
    text = "x: 1\na:\n  k:\n    - v\nb:\n  k:\n    - v\n    - w\n"
    assert changed("x: 1\n", first, second, inside) == text


def test_replace() -> None:
    text = """\
        a: 1 # one
        b: !Sub "${x}"
        c:   # the list
          - 1
          - 2 # two
        d: &d {x: 1}
        e: |
          text

        f: [1, {x: 2}]
        g:
        """
    check(
        text,
        """\
        a: two # one
        b: b
        c:   # the list
          x: "yes"
        d: &d
          - 1
        e: "3"

        f: [1, {x: [!Ref R]}]
        g:
          - - 1
        """,
        replace("/a", "two", 1),
        replace("/b", "b", {"Fn::Sub": "${x}"}),
        replace("/c", {"x": "yes"}, [1, 2]),
        replace("/d", [1], {"x": 1}),
        replace("/e", "3", "text\n"),
        replace("/f/1/x", [{"Ref": "R"}], 2),
        replace("/g", [[1]], None),
    )


def test_replace_keeps_the_text_of_equal_items() -> None:
    """The engine replaces complete lists; the diff shows only the new items."""
    check(
        """\
        a:
          # about one
          - {m: one, v:   1}
          - m: two  # about two
        b: !If [c, {x:   1, y: 2}, 0]
        """,
        """\
        a:
          # about one
          - {m: one, v:   3}
          - m: two  # about two
          - m: three
        b: !If [c, {x:   1, y: 2, z: 3}, 0]
        """,
        replace("/a", [{"m": "one", "v": 3}, {"m": "two"}, {"m": "three"}], [{"m": "one", "v": 1}, {"m": "two"}]),
        replace("/b", {"Fn::If": ["c", {"x": 1, "y": 2, "z": 3}, 0]}, {"Fn::If": ["c", {"x": 1, "y": 2}, 0]}),
    )


def test_remove() -> None:
    check(
        """\
        # about a
        a: 1
        b:
          - 1
          # about 2
          - 2 # two
          - - x
            - y
        c: {x: 1, y: 2, z: 3}
        d:
          - k: 1
            l: 2
          - 5
        e: [1]
        f: |
          text

        g: end
        """,
        """\
        # about a
        b:
          - 1
          # about 2
          - - y
        c: {y: 2}
        d:
          - l: 2
        e: []

        g: end
        """,
        remove("/a", 1),
        remove("/b/1", 2),
        remove("/b/1/0", "x"),
        remove("/c/x", 1),
        remove("/c/z", 3),
        remove("/d/0/k", 1),
        remove("/d/1", 5),
        remove("/e/0", 1),
        remove("/f", "text\n"),
    )


def test_the_last_of_duplicate_keys_is_changed() -> None:
    check("a:\n  b: 1\n  b: 2\n", "a:\n  b: 1\n  b: 3\n", replace("/a/b", 3, 2))
    check("a:\n  b: 1\n  c: 0\n  b: 2\n", "a:\n  c: 0\n", remove("/a/b", 2))


STRINGS = {
    "yes": "yes",
    "n": "N",
    "null": "null",
    "tilde": "~",
    "empty": "",
    "integer": "12",
    "octal": "012",
    "exponent": "1e3",
    "yaml-1.2-octal": "0o17",
    "hexadecimal": "0x1f",
    "float": "1.5",
    "float-without-zero": ".5",
    "sexagesimal": "12:30",
    "date": "2012-10-17",
    "equals-sign": "=",
    "merge-key": "<<",
    "colon-and-space": "a: b",
    "comment": "a #b",
    "dash": "-",
    "item": "- a",
    "explicit-key": "? a",
    "bracket": "[a",
    "brace": "{a",
    "alias": "*a",
    "anchor": "&a",
    "tag": "!a",
    "percent-sign": "%a",
    "at-sign": "@a",
    "backtick": "`a",
    "single-quote": "'a",
    "double-quotes": '"a"',
    "literal-indicator": "|",
    "folded-indicator": ">",
    "leading-space": " a",
    "trailing-space": "a ",
    "trailing-colon": "a:",
    "tab-inside": "a\tb",
    "next-line-control": "a\x85b",
    "byte-order-mark": "\ufeffa",
    "document-start": "---",
    "document-end": "...",
    "hash": "#a",
    "leading-comma": ",a",
    "backslash": "a\\b",
    "two-lines": "a\nb",
    "line-break": "\n",
    "two-line-breaks": "\n\n",
    "blank-first-line": " \na",
    "trailing-blank-line": "a\n\n",
    "indented-second-line": "a\n b\n",
    "tab-on-first-line": "\ta\nb",
    "space-before-line-break": "a \nb",
    "carriage-return": "a\rb",
    "non-ascii": "é😀\u2028",
    "zero": "0",
    "negative": "-1",
    "plus": "+1",
    "underscore-in-number": "1_000",
    "off": "off",
    "true": "TRUE",
    "none": "None",
    "infinity": ".inf",
    "nan": ".NaN",
    "comma-inside": "a,b",
    "closing-bracket": "a]",
    "2000-characters": "x" * 2000,
    "substitution": "${a}",
    "both-quotes": "a'b\"c",
    "null-and-line-break": "null\n",
}


@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_strings_stay_strings(text: str) -> None:
    """As a value and as a key, in flow style and in block style, in texts that prefer either quote."""
    for source in (
        "a:\n  b: 1\n",
        "a: {b: 1}\n",
        "a: {b: 'x', c: 'y'}\n",
        "a:\n- b: 'x'\n",
        "a: [b, c]\n",
        "a: ['b']\n",
    ):
        document = doc(source)
        a = document.value["a"] if isinstance(document.value, dict) else None
        changed(source, add("/a/-" if isinstance(a, list) else "/a/k", text))
        changed(source, add("/a/-" if isinstance(a, list) else "/a/k", {text: [text]}))


def test_a_new_multiline_string_ignores_blank_lines_below() -> None:
    text = "a:\n  b: 1\n          \n# end\n"
    written = write_changes(read(text.encode(), "t"), [add("/a/c", "x\ny\n")])
    assert written == text.replace("b: 1\n", 'b: 1\n  c: "x\\ny\\n"\n')


def test_strings_are_unquoted_where_possible() -> None:
    plain = [
        "/opt/draios/bin/instrument",
        "SYS_PTRACE",
        "-c",
        "--x=y",
        "é",
    ]
    written = changed("a: [b]\nc:\n- d\n", *(add(f"{path}/-", text) for path in ("/a", "/c") for text in plain))
    assert '"' not in written
    assert "'" not in written


@pytest.mark.parametrize("text", ["quay.io/sysdig/workload-agent:latest", "arn:aws:x", "AWS::NoValue", "a:b"])
def test_a_colon_in_a_flow_collection_is_quoted(text: str) -> None:
    """PyYAML before 5.1 and libyaml before 0.2.1 refuse it, and CloudFormation itself did."""
    written = changed("a: [b]\nc:\n- d\ne: {f: g}\n", add("/a/-", text), add("/c/-", text), add("/e/h", text))
    assert written == f'a: [b, "{text}"]\nc:\n- d\n- {text}\ne: {{f: g, h: "{text}"}}\n'


def test_short_form_functions_follow_the_text() -> None:
    value: Json = {"Fn::Join": ["", [{"Ref": "A"}, {"Fn::GetAtt": ["B", "C.D"]}]]}
    assert (
        changed("a: !Ref X\n", add("/b", value)) == 'a: !Ref X\nb: !Join\n  - ""\n  - - !Ref A\n    - !GetAtt B.C.D\n'
    )
    assert changed("a: {Ref: X}\n", add("/b", {"Ref": "A"})) == "a: {Ref: X}\nb:\n  Ref: A\n"
    assert (
        changed("a: 1\n", add("/b", {"Fn::If": ["c", "a", {"Ref": "AWS::NoValue"}]}))
        == 'a: 1\nb: !If [c, a, !Ref "AWS::NoValue"]\n'
    )
    assert (
        changed("a: 1\n", add("/b", {"Fn::Base64": {"Fn::Sub": "x\ny\n"}}))
        == "a: 1\nb:\n  Fn::Base64: !Sub |\n    x\n    y\n"
    )
    assert changed("a: {b: 1}\n", add("/a/c", {"Fn::Sub": "${x}"})) == 'a: {b: 1, c: !Sub "${x}"}\n'
    assert changed("a: 1\n", add("/b", {"Fn::GetAtt": "a.b"})) == "a: 1\nb:\n  Fn::GetAtt: a.b\n"
    assert changed("a: 1\n", add("/b", {"Fn::Length": 3})) == "a: 1\nb:\n  Fn::Length: 3\n"


def test_edits_around_a_short_form_tag() -> None:
    """A change of the function itself, not of its argument, rewrites the value."""
    assert changed("a: !Sub x # why\n", replace("/a/Fn::Sub", "z", "x")) == "a: !Sub z # why\n"
    assert changed("a: !GetAtt b.c\n", replace("/a/Fn::GetAtt/1", "d", "c")) == "a: !GetAtt b.d\n"
    assert changed("a: !If [c, 1, 2]\n", replace("/a/Fn::If", 5, ["c", 1, 2])) == "a:\n  Fn::If: 5\n"
    assert changed("a: !If [c, 1, 2]\n", add("/a/b", 5)) == "a:\n  Fn::If:\n    - c\n    - 1\n    - 2\n  b: 5\n"


def test_edits_at_the_root() -> None:
    assert changed("# head\n---\na: 1\n# tail\n", remove("/a", 1)) == "# head\n---\n{}\n# tail\n"
    assert changed("# head\n---\na: 1\n# tail\n", remove("/a", 1), add("/b", [1])) == "# head\n---\nb:\n  - 1\n# tail\n"
    assert changed("[1]\n", add("/-", 2)) == "[1, 2]\n"
    assert changed("- 1\n", add("/0", 2)) == "- 2\n- 1\n"
    assert changed("# head\n\n- 1\n", add("/0", 2)) == "# head\n\n- 2\n- 1\n"
    assert changed("--- {a: 1}\n", add("/b", 2)) == "--- {a: 1, b: 2}\n"
    assert changed("--- {a: 1}\n", remove("/a", 1), add("/b", [2])) == "--- {b: [2]}\n"
    assert changed("--- !Sub x\n", replace("/Fn::Sub", "z", "x")) == "--- !Sub z\n"
