"""What texts mean, and what is said of those that mean nothing."""

from __future__ import annotations

import codecs
import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import yaml

from documents.support import doc
from sysdig_instrument.documents import load, read, yaml_syntax
from sysdig_instrument.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from sysdig_instrument.engine.json_types import Json


@pytest.fixture(params=["C", "Python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML has two parsers; a wheel may come without the one in C."""
    if request.param == "Python":
        monkeypatch.setattr(yaml_syntax, "LOADER", yaml.SafeLoader)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: yes\nb: Off\nc: y\nd: 'yes'", {"a": True, "b": False, "c": "y", "d": "yes"}),
        ("a: 0755\nb: 0x1F\nc: 1_000\nd: 012345678901", {"a": 493, "b": 31, "c": 1000, "d": "012345678901"}),
        ("a: 22:22\nb: '22:22'\nc: 8080:80", {"a": 1342, "b": "22:22", "c": "8080:80"}),
        ("a: 2012-10-17\nb: 2001-12-14t21:59:43.10-05:00", {"a": "2012-10-17", "b": "2001-12-14t21:59:43.10-05:00"}),
        ("a: 1.10\nb: 1e3\nc: 1.0e+3", {"a": 1.1, "b": "1e3", "c": 1000.0}),
        ("a: ~\nb:\nc: null\nd: ''", {"a": None, "b": None, "c": None, "d": ""}),
        (
            "a: =\nb: !!str 12\nc: !!int '12'\nd: !!map {}\ne: !!seq []",
            {"a": "=", "b": "12", "c": 12, "d": {}, "e": []},
        ),
        ("a: |\n  x\n   y\nb: >-\n  x\n  y\n", {"a": "x\n y\n", "b": "x y"}),
        ("--- # head\na: 1\n...\n", {"a": 1}),
        ("%YAML 1.1\n---\n[1, 'x']", [1, "x"]),
        ("{a: 1, }", {"a": 1}),
        ('{"a": [1, 2.5, null, true, "\\ud83d\\ude00"]}', {"a": [1, 2.5, None, True, "😀"]}),
        ("\n\n  {}\n", {}),
        ("12", 12),
    ],
)
def test_values(text: str, value: Json) -> None:
    found = read(text.encode(), "t").value
    assert found == value
    assert json.dumps(found) == json.dumps(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!Ref A", {"Ref": "A"}),
        ("!Ref 12", {"Ref": "12"}),
        ("!Condition A", {"Condition": "A"}),
        ("!Sub '${A}'", {"Fn::Sub": "${A}"}),
        ("!Sub ['${A}', {A: 1}]", {"Fn::Sub": ["${A}", {"A": 1}]}),
        ("!GetAtt a.b", {"Fn::GetAtt": ["a", "b"]}),
        ("!GetAtt a.b.c", {"Fn::GetAtt": ["a", "b.c"]}),
        ("!GetAtt [a, !Ref B]", {"Fn::GetAtt": ["a", {"Ref": "B"}]}),
        ("Fn::GetAtt: a.b", {"Fn::GetAtt": "a.b"}),
        ("!If\n- c\n- !Ref AWS::NoValue\n- [1]", {"Fn::If": ["c", {"Ref": "AWS::NoValue"}, [1]]}),
        ("!Transform {Name: X}", {"Fn::Transform": {"Name": "X"}}),
        ("!GetAZs ''", {"Fn::GetAZs": ""}),
        ("Fn::Base64: !Sub x", {"Fn::Base64": {"Fn::Sub": "x"}}),
        ("!Anything [1]", {"Fn::Anything": [1]}),
    ],
)
def test_short_tags(text: str, value: Json) -> None:
    assert read(text.encode(), "t").value == value


def test_aliases_are_copies_and_a_warning() -> None:
    document = doc(
        """\
        base: &base {a: [1], b: 2}
        again: *base
        merged:
          <<: *base
          b: 3
        both: {<<: [{a: 1}, {a: 2, c: 3}], d: 4}
        quoted: {"<<": 1}
        """,
    )
    value = document.value
    assert value == {
        "base": {"a": [1], "b": 2},
        "again": {"a": [1], "b": 2},
        "merged": {"a": [1], "b": 3},
        "both": {"a": 1, "c": 3, "d": 4},
        "quoted": {"<<": 1},
    }
    assert isinstance(value, dict)
    assert isinstance(value["base"], dict)
    assert isinstance(value["again"], dict)
    assert isinstance(value["merged"], dict)
    assert value["base"]["a"] is not value["again"]["a"]
    assert value["base"]["a"] is not value["merged"]["a"]
    assert len(document.warnings) == 1
    assert "line 2: CloudFormation refuses YAML aliases" in document.warnings[0]


def test_repeated_keys_warn_and_the_last_wins() -> None:
    document = doc("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert document.value == {"a": 1, "b": {"c": 2}}
    (warning,) = document.warnings
    assert warning == (
        't.yaml, line 4, column 3: the key "c" stands in line 3 already. The last one counts, as CloudFormation has it; '
        "remove the other."
    )
    document = doc('{"a": 1,\n "a": {"b": 1, "b": 2}}')
    assert document.value == {"a": {"b": 2}}
    assert [warning[:25] for warning in document.warnings] == ["t.yaml, line 2, column 2:", "t.yaml, line 2, column 16"]


def test_keys_are_strings() -> None:
    document = doc("200: a\nyes: b\n2012-10-17: c\n'3': d\n")
    assert document.value == {"200": "a", "yes": "b", "2012-10-17": "c", "3": "d"}
    assert [warning.split(": ")[1] for warning in document.warnings] == [
        'the key "200" is a YAML int, and CloudFormation takes strings only. Put it in quotes.',
        'the key "yes" is a YAML bool, and CloudFormation takes strings only. Put it in quotes.',
    ]


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "t is empty."),
        (b" \n\t\n", "t is empty."),
        (b"# nothing\n", "t is empty."),
        (b"null", "t is empty."),
        (b"\x00\x01\x02", "t is not a text file."),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "t is not text in UTF-8: line 1 has a byte"),
        (b"a: 1\nb: \xe9", "t is not text in UTF-8: line 2 has a byte"),
        (b"a: \x07", "t, line 1, column 4: this character may not stand in YAML."),
        (b"a:\n\tb: 1", "t, line 2, column 1: a tab stands where YAML wants spaces."),
        (b"a: 1\n---\nb: 2", "t, line 2, column 1: a second YAML document begins here."),
        (b"a: [1", "t, line 1, column 6: this is not YAML: "),
        (b"a: 1\r\nb: c: d", "t, line 2, column 5: this is not YAML: mapping values are not allowed"),
        (b"a: &x [*x]", "t, line 1, column 8: this alias stands inside of what it stands for."),
        (b"a: *x", 't, line 1, column 4: there is no anchor "&x" before this alias.'),
        (b"? [a]\n: 1", "t, line 1, column 3: a key must be a single word or string."),
        (b"? !Ref a\n: 1", "t, line 1, column 3: a key must be a single word or string."),
        (b"{? : 1}", "t, line 1, column "),
        (b"<<: 1", "t, line 1, column 5: only a mapping can be merged."),
        (b"a: !!binary aGk=", "t, line 1, column 4: CloudFormation does not know this tag."),
        (b"a: !!python/object:os.system x", "t, line 1, column 4: CloudFormation does not know this tag."),
        (b"a: .inf", "t, line 1, column 4: this is not a value that JSON has."),
        (b"a: .nan", "t, line 1, column 4: this is not a value that JSON has."),
        (b"a: !!int x", "t, line 1, column 4: this is not a value that JSON has."),
        (b"a: " + b"9" * 5000, "t, line 1, column 4: this is not a value that JSON has."),
        (LAUGHS.encode(), "t stands for more than 1,000,000 values"),
        (b"a: " + b"[" * 10_000, "t, line 1, column 203: this is nested more than 200 levels deep."),
        (b"[" * 10_000, "t is nested more than 200 levels deep."),
        (b"[" * 10_000 + b"]" * 10_000, "t is nested more than 200 levels deep."),
        (b"[" * 500 + b"]" * 500, "t is nested more than 200 levels deep."),
        (
            b"a: &a " + b"[" * 150 + b"]" * 150 + b"\nb: " + b"[" * 150 + b"*a" + b"]" * 150,
            "t is nested more than 200 levels deep.",
        ),
        (b'{"a": 1,}', "t, line 1, column 9: this is not JSON: "),
        (b'{"a": [1 2]}', "t, line 1, column 10: this is not JSON: expecting ',' delimiter."),
        (b'{"a": "\t"}', "t, line 1, column 8: this is not JSON: invalid control character at."),
        (b'{"a": 1} x', "t, line 1, column 10: this is not JSON: extra data."),
        (b'{"NaN": NaN}', "t, line 1, column 9: this is not a number that JSON has."),
        (b'{"a": -Infinity}', "t, line 1, column 7: this is not a number that JSON has."),
        (b'{"a": 1e999}', "t, line 1, column 7: this is not a number that JSON has."),
        (b'{"a": ' + b"9" * 5000 + b"}", "t, line 1, column 7: this is not a number that JSON has."),
        (b'{"a": "\\\\\\ud800"}', "t, line 1, column 10: this escape is half of a character"),
        (b"[" + b"[]," * 1_000_000 + b"1]", "t stands for more than 1,000,000 values"),
        (b"x" * 9_000_000, "t is larger than 8 MiB."),
    ],
)
def test_syntax_errors(data: bytes, message: str) -> None:
    start = time.monotonic()
    with pytest.raises(UsageError) as error:
        read(data, "t")
    assert time.monotonic() - start < 20
    told = str(error.value)
    if yaml_syntax.LOADER is yaml.SafeLoader and "is not YAML" in message:
        message = message.split(" column", maxsplit=1)[
            0
        ]  # the two parsers agree on what is wrong, but not on the column
    assert told.startswith(message)
    assert told.endswith(".")
    assert told.count(". ") >= 1, "the fact, then what to do"


def test_messages_do_not_show_the_text() -> None:
    for text in (
        "a: [hunter2",
        "hunter2: b: c",
        "- hunter2\nb",
        '{"a": "hunter2" "b"}',
        "a: !!binary hunter2",
        "a: &hunter2x {",
    ):
        with pytest.raises(UsageError) as error:
            read(text.encode(), "t")
        assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("text", ['{"a": "é\\u00e9"}\r\n', "a: é\r\nb: 1\r\n", "a: é\n", "a: é"])
@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_encodings_round_trip(text: str, mark: bytes, codec: str) -> None:
    data = mark + text.encode(codec)
    document = read(data, "t")
    assert document.text == text
    assert isinstance(document.value, dict)
    assert str(document.value["a"]).startswith("é")
    assert document.encode(document.text) == data
    assert document.newline == ("\r\n" if "\r" in text else "\n")


def test_load(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text("{}", encoding="utf-8")
    assert load(str(path)).value == {}
    assert load(str(path)).syntax == "json"
    with pytest.raises(UsageError, match=r"nowhere\.yaml cannot be read: No such file or directory\."):
        load(str(tmp_path / "nowhere.yaml"))
    with pytest.raises(UsageError, match=r"cannot be read: Is a directory\."):
        load(str(tmp_path))
    with pytest.raises(UsageError, match="null byte"):
        load("a\0b")


def test_reading_json_does_not_import_yaml() -> None:
    """PyYAML takes longer to import than a small template takes to process."""
    script = """
import sys
from sysdig_instrument.documents import kind_of, read, render, to_ecs_changes, to_properties, write
from sysdig_instrument.engine.patch import Change
document = read(b'{"a": 1}', "t")
change = Change("add", ("b",), "because", "x")
assert write(document, [change], {"a": 1, "b": "x"}).text == '{"a": 1, "b": "x"}'
assert render(document.value, "json")
sys.exit("yaml" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
