"""YAML that comes back as it went in, but for what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from documents.support import add, changed, check, doc, put, remove, write_changes
from sysdig_instrument.documents import read

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

TEMPLATE = """\
# Copyright: nobody
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


def test_no_change_is_no_change() -> None:
    assert write_changes(doc(TEMPLATE), []) == TEMPLATE
    assert (
        changed(TEMPLATE, put("/Outputs", {"Task": {"Value": {"Ref": "Task"}}}, {"Task": {"Value": {"Ref": "Task"}}}))
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
# Copyright: nobody
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


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_line_ends_stay(newline: str) -> None:
    text = "a:\n  - 1\n\nb: |\n  x\n  y\n# end\n".replace("\n", newline)
    written = changed(text, add("/a/-", "2\n3\n"), add("/c", {"d": 1}))
    assert written == "a:\n  - 1\n  - |\n    2\n    3\n\nb: |\n  x\n  y\nc:\n  d: 1\n# end\n".replace("\n", newline)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [b, c]\n", "a: [W, b, c, Z]\n"),
        ("a: [ b,c ]\n", "a: [ W,b,c,Z ]\n"),
        ("a: ['b']\n", "a: ['W', 'b', 'Z']\n"),
        ("a: [b, c,]  # why\n", "a: [W, b, c, Z,]  # why\n"),
        ("a: [\n  b,\n  c\n]\n", "a: [\n  W,\n  b,\n  c,\n  Z\n]\n"),
        ("a: [\n  b, # one\n  c, # two\n]\n", "a: [\n  W,\n  b, # one\n  c, # two\n  Z,\n]\n"),
        ("a: [\n  b # one\n]\n", "a: [\n  W,\n  b, # one\n  Z\n]\n"),
        ("a: [b\n  , c\n  ]\n", "a: [W\n  , b\n  , c\n  , Z\n  ]\n"),
        ("a: []\n", "a: [W, Z]\n"),
        ("a:\n- b # one\n\n# end\n", "a:\n- W\n- b # one\n- Z\n\n# end\n"),
        ("a:\n    # first\n    -   b\n", "a:\n    - W\n    # first\n    -   b\n    - Z\n"),
        ("a: !If\n  - b\n  - - c\n", "a: !If\n  - W\n  - b\n  - - c\n  - Z\n"),
        ("a: !If [b, 1]\n", "a: !If [W, b, 1, Z]\n"),
        ("a: &x\n  - b\n", "a: &x\n  - W\n  - b\n  - Z\n"),
        ("a:\n  - >-\n    b\n    c\n", "a:\n  - W\n  - >-\n    b\n    c\n  - Z\n"),
        ("a:\n  - |+\n    b\n\n", "a:\n  - W\n  - |+\n    b\n\n  - Z\n"),
        ("a:\n  - |\n    b", "a:\n  - W\n  - |-\n    b\n  - Z"),
        ("? a\n: - b\n", "? a\n: - W\n  - b\n  - Z\n"),
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
        ("a: {b: 1}\n", "a: {b: 1, k: v}\n"),
        ('a: {"b": "1"}\n', 'a: {"b": "1", "k": "v"}\n'),
        ("a: {\n  b: 1\n}\n", "a: {\n  b: 1,\n  k: v\n}\n"),
        ("a: {}\n", "a:\n  k: v\n"),
        ("a: {} # why\n", "a: # why\n  k: v\n"),
        ("a: &x {}\n", "a: &x\n  k: v\n"),
        ("a:\n  b: 1\n# end", "a:\n  b: 1\n  k: v\n# end"),
        ("a:\n  b:\n", "a:\n  b:\n  k: v\n"),
        ("a:\n      b: # null\nc: 1\n", "a:\n      b: # null\n      k: v\nc: 1\n"),
        ("a: !Foo\n  b: 1\n", "a: !Foo\n  b: 1\n  k: v\n"),
        ("- {}\n- a: {}\n", "- {}\n- a:\n    k: v\n"),
        ("a: # why\n  # about b\n  b: 'x\n    y'\n\n\n", "a: # why\n  # about b\n  b: 'x\n    y'\n  k: 'v'\n\n\n"),
    ],
)
def test_new_key(text: str, expected: str) -> None:
    path = "/1/a/k" if text.startswith("-") else "/a/Fn::Foo/k" if "!Foo" in text else "/a/k"
    assert changed(text, add(path, "v")) == expected


def test_a_value_that_is_added_twice_is_written_out_twice() -> None:
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
        put("/a", "two", 1),
        put("/b", "b", {"Fn::Sub": "${x}"}),
        put("/c", {"x": "yes"}, [1, 2]),
        put("/d", [1], {"x": 1}),
        put("/e", "3", "text\n"),
        put("/f/1/x", [{"Ref": "R"}], 2),
        put("/g", [[1]], None),
    )


def test_replace_keeps_what_is_in_both() -> None:
    """The engine replaces whole lists; the diff shows the items that are new."""
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
        put("/a", [{"m": "one", "v": 3}, {"m": "two"}, {"m": "three"}], [{"m": "one", "v": 1}, {"m": "two"}]),
        put("/b", {"Fn::If": ["c", {"x": 1, "y": 2, "z": 3}, 0]}, {"Fn::If": ["c", {"x": 1, "y": 2}, 0]}),
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


def test_the_last_of_repeated_keys_is_changed() -> None:
    check("a:\n  b: 1\n  b: 2\n", "a:\n  b: 1\n  b: 3\n", put("/a/b", 3, 2))
    check("a:\n  b: 1\n  c: 0\n  b: 2\n", "a:\n  c: 0\n", remove("/a/b", 2))


@pytest.mark.parametrize(
    "text",
    ["yes", "N", "null", "~", "", "12", "012", "1e3", "0o17", "0x1f", "1.5", ".5", "12:30", "2012-10-17", "=", "<<", "a: b", "a #b",
     "-", "- a", "? a", "[a", "{a", "*a", "&a", "!a", "%a", "@a", "`a", "'a", '"a"', "|", ">", " a", "a ", "a:", "a\tb", "a\x85b",
     "\ufeffa", "---", "...", "#a", ",a", "a\\b", "a\nb", "\n", "\n\n", " \na", "a\n\n", "a\n b\n", "\ta\nb", "a \nb", "a\rb", "é😀\u2028",
     "0", "-1", "+1", "1_000", "off", "TRUE", "None", ".inf", ".NaN", "a,b", "a]", "x" * 2000, "${a}", "a'b\"c", "null\n"],
)  # fmt: skip
def test_strings_stay_strings(text: str) -> None:
    """As a value, as a key, in brackets and out of them, in texts that prefer either quote."""
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
        "quay.io/sysdig/workload-agent:latest",
        "arn:aws:x",
        "SYS_PTRACE",
        "-c",
        "--x=y",
        "é",
    ]
    written = changed("a: [b]\nc:\n- d\n", *(add(f"{path}/-", text) for path in ("/a", "/c") for text in plain))
    assert '"' not in written
    assert "'" not in written


def test_short_form_functions_follow_the_text() -> None:
    value: Json = {"Fn::Join": ["", [{"Ref": "A"}, {"Fn::GetAtt": ["B", "C.D"]}]]}
    assert (
        changed("a: !Ref X\n", add("/b", value)) == 'a: !Ref X\nb: !Join\n  - ""\n  - - !Ref A\n    - !GetAtt B.C.D\n'
    )
    assert changed("a: {Ref: X}\n", add("/b", {"Ref": "A"})) == "a: {Ref: X}\nb:\n  Ref: A\n"
    assert (
        changed("a: 1\n", add("/b", {"Fn::If": ["c", "a", {"Ref": "AWS::NoValue"}]}))
        == "a: 1\nb: !If [c, a, !Ref AWS::NoValue]\n"
    )
    assert (
        changed("a: 1\n", add("/b", {"Fn::Base64": {"Fn::Sub": "x\ny\n"}}))
        == "a: 1\nb:\n  Fn::Base64: !Sub |\n    x\n    y\n"
    )
    assert changed("a: {b: 1}\n", add("/a/c", {"Fn::Sub": "${x}"})) == 'a: {b: 1, c: !Sub "${x}"}\n'
    assert changed("a: 1\n", add("/b", {"Fn::GetAtt": "a.b"})) == "a: 1\nb:\n  Fn::GetAtt: a.b\n"
    assert changed("a: 1\n", add("/b", {"Fn::Length": 3})) == "a: 1\nb:\n  Fn::Length: 3\n"


def test_edits_around_a_short_form_tag() -> None:
    """A change of the function itself, not of something in it, writes the value anew."""
    assert changed("a: !Sub x # why\n", put("/a/Fn::Sub", "z", "x")) == "a: !Sub z # why\n"
    assert changed("a: !GetAtt b.c\n", put("/a/Fn::GetAtt/1", "d", "c")) == "a: !GetAtt b.d\n"
    assert changed("a: !If [c, 1, 2]\n", put("/a/Fn::If", 5, ["c", 1, 2])) == "a:\n  Fn::If: 5\n"
    assert changed("a: !If [c, 1, 2]\n", add("/a/b", 5)) == "a:\n  Fn::If:\n    - c\n    - 1\n    - 2\n  b: 5\n"


def test_the_whole_document() -> None:
    assert changed("# head\n---\na: 1\n# tail\n", remove("/a", 1)) == "# head\n---\n{}\n# tail\n"
    assert changed("# head\n---\na: 1\n# tail\n", remove("/a", 1), add("/b", [1])) == "# head\n---\nb:\n  - 1\n# tail\n"
    assert changed("[1]\n", add("/-", 2)) == "[1, 2]\n"
    assert changed("- 1\n", add("/0", 2)) == "- 2\n- 1\n"
    assert changed("# head\n\n- 1\n", add("/0", 2)) == "# head\n\n- 2\n- 1\n"
    assert changed("--- {a: 1}\n", add("/b", 2)) == "--- {a: 1, b: 2}\n"
    assert changed("--- {a: 1}\n", remove("/a", 1), add("/b", [2])) == "--- {b: [2]}\n"
    assert changed("--- !Sub x\n", put("/Fn::Sub", "z", "x")) == "--- !Sub z\n"
