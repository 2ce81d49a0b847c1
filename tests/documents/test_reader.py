"""The values of texts, and the errors for texts that have none."""

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
        pytest.param("a: 1", {"a": 1}, id="integer"),
        pytest.param("a: yes\nb: Off\nc: y\nd: 'yes'", {"a": True, "b": False, "c": "y", "d": "yes"}, id="booleans"),
        pytest.param(
            "a: 0755\nb: 0x1F\nc: 1_000\nd: 012345678901",
            {"a": 493, "b": 31, "c": 1000, "d": "012345678901"},
            id="octal-hex-underscores",
        ),
        pytest.param("a: 22:22\nb: '22:22'\nc: 8080:80", {"a": 1342, "b": "22:22", "c": "8080:80"}, id="sexagesimal"),
        pytest.param(
            "a: 2012-10-17\nb: 2001-12-14t21:59:43.10-05:00",
            {"a": "2012-10-17", "b": "2001-12-14t21:59:43.10-05:00"},
            id="dates",
        ),
        pytest.param("a: 1.10\nb: 1e3\nc: 1.0e+3", {"a": 1.1, "b": "1e3", "c": 1000.0}, id="floats"),
        pytest.param("a: ~\nb:\nc: null\nd: ''", {"a": None, "b": None, "c": None, "d": ""}, id="nulls"),
        pytest.param(
            "a: =\nb: !!str 12\nc: !!int '12'\nd: !!map {}\ne: !!seq []",
            {"a": "=", "b": "12", "c": 12, "d": {}, "e": []},
            id="explicit-tags",
        ),
        pytest.param("a: |\n  x\n   y\nb: >-\n  x\n  y\n", {"a": "x\n y\n", "b": "x y"}, id="block-scalars"),
        pytest.param("--- # head\na: 1\n...\n", {"a": 1}, id="document-markers"),
        pytest.param("%YAML 1.1\n---\n[1, 'x']", [1, "x"], id="yaml-directive"),
        pytest.param("{a: 1, }", {"a": 1}, id="trailing-comma"),
        pytest.param(
            '{"a": [1, 2.5, null, true, "\\ud83d\\ude00"]}', {"a": [1, 2.5, None, True, "😀"]}, id="json-surrogates"
        ),
        pytest.param("\n\n  {}\n", {}, id="leading-blank-lines"),
        pytest.param("12", 12, id="scalar"),
    ],
)
def test_values_of_json_and_yaml(text: str, value: Json) -> None:
    found = read(text.encode(), "t").value
    assert found == value
    assert json.dumps(found) == json.dumps(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("!Ref A", {"Ref": "A"}, id="ref"),
        pytest.param("!Ref 12", {"Ref": "12"}, id="ref-of-a-number"),
        pytest.param("!Condition A", {"Condition": "A"}, id="condition"),
        pytest.param("!Sub '${A}'", {"Fn::Sub": "${A}"}, id="sub"),
        pytest.param("!Sub ['${A}', {A: 1}]", {"Fn::Sub": ["${A}", {"A": 1}]}, id="sub-with-map"),
        pytest.param("!GetAtt a.b", {"Fn::GetAtt": ["a", "b"]}, id="getatt"),
        pytest.param("!GetAtt a.b.c", {"Fn::GetAtt": ["a", "b.c"]}, id="getatt-with-dots"),
        pytest.param("!GetAtt [a, !Ref B]", {"Fn::GetAtt": ["a", {"Ref": "B"}]}, id="getatt-list"),
        pytest.param("Fn::GetAtt: a.b", {"Fn::GetAtt": "a.b"}, id="long-getatt"),
        pytest.param("!If\n- c\n- !Ref AWS::NoValue\n- [1]", {"Fn::If": ["c", {"Ref": "AWS::NoValue"}, [1]]}, id="if"),
        pytest.param("!Transform {Name: X}", {"Fn::Transform": {"Name": "X"}}, id="transform"),
        pytest.param("!GetAZs ''", {"Fn::GetAZs": ""}, id="getazs-empty"),
        pytest.param("Fn::Base64: !Sub x", {"Fn::Base64": {"Fn::Sub": "x"}}, id="base64-of-sub"),
        pytest.param("!Anything [1]", {"Fn::Anything": [1]}, id="unknown-tag"),
    ],
)
def test_values_of_short_form_functions(text: str, value: Json) -> None:
    assert read(text.encode(), "t").value == value


def test_aliases_yield_copies_and_a_warning() -> None:
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
    assert "t.yaml:2:8: CloudFormation rejects YAML aliases" in document.warnings[0].text


def test_duplicate_keys_warn_and_the_last_wins() -> None:
    document = doc("a: 1\nb:\n  c: 1\n  c: 2\n")
    assert document.value == {"a": 1, "b": {"c": 2}}
    (warning,) = document.warnings
    assert warning.text == (
        't.yaml:4:3: Duplicate key "c", first used on line 3; the last one counts. Remove the other. (SI808)'
    )
    document = doc('{"a": 1,\n "a": {"b": 1, "b": 2}}')
    assert document.value == {"a": {"b": 2}}
    assert [warning.text[:25] for warning in document.warnings] == [
        "t.yaml:2:2: Duplicate key",
        "t.yaml:2:16: Duplicate ke",
    ]


def test_keys_are_strings() -> None:
    document = doc("200: a\nyes: b\n2012-10-17: c\n'3': d\n")
    assert document.value == {"200": "a", "yes": "b", "2012-10-17": "c", "3": "d"}
    assert [warning.reason.coded_text for warning in document.warnings] == [
        'The key "200" is a YAML int, but CloudFormation accepts only strings as keys. Put it in quotes. (SI809)',
        'The key "yes" is a YAML bool, but CloudFormation accepts only strings as keys. Put it in quotes. (SI809)',
    ]


@pytest.mark.parametrize(
    ("tag", "known"),
    [("!GetAttr", "!GetAtt"), ("!ref", "!Ref"), ("!Getatt", "!GetAtt"), ("!sub", "!Sub"), ("!FindInmap", "!FindInMap")],
)
def test_a_misspelt_function_warns(tag: str, known: str) -> None:
    (warning,) = doc(f"a: 1\nb: {tag} c\n").warnings
    assert warning.text == f't.yaml:2:4: CloudFormation has no function "{tag}". Did you mean "{known}"? (SI810)'


def test_a_space_before_the_name_of_a_function_warns() -> None:
    (warning,) = doc("a: 1\nb: ! Ref Role\n").warnings
    assert warning.text.endswith(
        'There is a space between "!" and "Ref", so CloudFormation finds no function. Write !Ref. (SI810)'
    )


@pytest.mark.parametrize("tag", ["!GetAtt", "!Ref", "!Condition", "!Rain::Embed", "!GetParam", "!Cidr", "!ValueOf"])
def test_what_is_or_may_be_a_function_does_not_warn(tag: str) -> None:
    assert not doc(f"b: {tag} c.d\n").warnings


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"", "t is empty.", id="empty"),
        pytest.param(b" \n\t\n", "t is empty.", id="only-spaces"),
        pytest.param(b"# nothing\n", "t is empty.", id="only-a-comment"),
        pytest.param(b"null", "t is empty.", id="null"),
        pytest.param(b"\x00\x01\x02", "t is not a text file.", id="binary"),
        pytest.param(
            b"\x89PNG\r\n\x1a\n\x00\x00", "t is not a text file. Give a template or task definition", id="png"
        ),
        pytest.param(b"a: 1\nb: \xe9", "t is not valid UTF-8: line 2 has an invalid byte.", id="latin-1"),
        pytest.param(b"a: \x07", "t:1:4: this character is not allowed in YAML.", id="control-character"),
        pytest.param(b"a:\n\tb: 1", "t:2:1: YAML does not allow a tab here.", id="tab"),
        pytest.param(b"a: 1\n---\nb: 2", "t:2:1: a second YAML document starts here.", id="two-documents"),
        pytest.param(b"a: [1", "t:1:4: invalid YAML: a list in brackets", id="unclosed-bracket"),
        pytest.param(
            b"a:\n  b: 1\n c: 2\n",
            "t:3:2: invalid YAML: this line begins with 1 space, but the keys above begin with 0 or 2",
            id="indentation",
        ),
        pytest.param(b"a: 1\r\nb: c: d", "t:2:5: invalid YAML: there can be no colon here", id="two-colons"),
        pytest.param(b"a: &x [*x]", "t:1:8: this alias is inside the value it refers to.", id="alias-in-itself"),
        pytest.param(
            b"a: *x",
            't:1:4: this alias refers to "&x", but no such anchor is defined before it.',
            id="unknown-anchor",
        ),
        pytest.param(b"? [a]\n: 1", "t:1:3: a key must be a scalar, without a function.", id="list-as-key"),
        pytest.param(b"? !Ref a\n: 1", "t:1:3: a key must be a scalar, without a function.", id="tag-as-key"),
        pytest.param(b"{? : 1}", "t:1:", id="empty-key"),
        pytest.param(b"<<: 1", "t:1:5: only a mapping can be merged.", id="merge-of-a-number"),
        pytest.param(b"a: !!binary aGk=", "t:1:4: CloudFormation does not support this tag.", id="binary-tag"),
        pytest.param(
            b"a: !!python/object:os.system x",
            "t:1:4: CloudFormation does not support this tag.",
            id="python-tag",
        ),
        pytest.param(b"a: .inf", "t:1:4: JSON cannot represent this value.", id="infinity"),
        pytest.param(b"a: .nan", "t:1:4: JSON cannot represent this value.", id="nan"),
        pytest.param(b"a: !!int x", "t:1:4: JSON cannot represent this value.", id="int-tag-on-a-word"),
        pytest.param(b"a: " + b"9" * 5000, "t:1:4: JSON cannot represent this value.", id="number-of-5000-digits"),
        pytest.param(LAUGHS.encode(), "t expands to more than 1,000,000 values", id="billion-laughs"),
        pytest.param(
            b"a: " + b"[" * 10_000,
            "t:1:203: this is nested more than 200 levels deep.",
            id="yaml-10000-deep-unclosed",
        ),
        pytest.param(b"[" * 10_000, "t is nested more than 200 levels deep.", id="json-10000-deep-unclosed"),
        pytest.param(b"[" * 10_000 + b"]" * 10_000, "t is nested more than 200 levels deep.", id="json-10000-deep"),
        pytest.param(b"[" * 500 + b"]" * 500, "t is nested more than 200 levels deep.", id="json-500-deep"),
        pytest.param(
            b"a: &a " + b"[" * 150 + b"]" * 150 + b"\nb: " + b"[" * 150 + b"*a" + b"]" * 150,
            "t is nested more than 200 levels deep.",
            id="deep-through-an-alias",
        ),
        pytest.param(b'{"a": 1,}', "t:1:9: invalid JSON: ", id="json-trailing-comma"),
        pytest.param(
            b'{"a": [1 2]}',
            "t:1:10: invalid JSON: there is no comma before this.",
            id="json-missing-comma",
        ),
        pytest.param(
            b'{"a": "\t"}',
            "t:1:8: invalid JSON: a control character in a string, such as a tab or a line break, must be written as an escape.",
            id="json-tab-in-string",
        ),
        pytest.param(b'{\n  // why\n  "a": 1}', "t:2:3: invalid JSON: JSON has no comments.", id="json-comment"),
        pytest.param(
            b'{"a": 1, /* b */ "c": 2}',
            "t:1:10: invalid JSON: JSON has no comments.",
            id="json-comment-inside",
        ),
        pytest.param(b'{"a" 1}', "t:1:6: invalid JSON: there is no colon after this key.", id="json-colon"),
        pytest.param(b'{"a": "b', "t:1:7: invalid JSON: this string has no closing quote.", id="json-quote"),
        pytest.param(
            b'{"a": 1} x',
            "t:1:10: invalid JSON: there is more after the end of the document.",
            id="json-extra-data",
        ),
        pytest.param(b'{"NaN": NaN}', "t:1:9: JSON cannot represent this number.", id="json-nan"),
        pytest.param(b'{"a": -Infinity}', "t:1:7: JSON cannot represent this number.", id="json-infinity"),
        pytest.param(b'{"a": 1e999}', "t:1:7: JSON cannot represent this number.", id="json-1e999"),
        pytest.param(
            b'{"a": ' + b"9" * 5000 + b"}",
            "t:1:7: JSON cannot represent this number.",
            id="json-number-of-5000-digits",
        ),
        pytest.param(b'{"a": "\\\\\\ud800"}', "t:1:10: this escape is a lone surrogate", id="json-half-surrogate"),
        pytest.param(b"[" + b"[]," * 1_000_000 + b"1]", "t expands to more than 1,000,000 values", id="million-values"),
        pytest.param(b"x" * 9_000_000, "t is larger than 8 MiB.", id="over-8-mib"),
    ],
)
def test_syntax_errors(data: bytes, expected: str) -> None:
    start = time.monotonic()
    with pytest.raises(UsageError) as error:
        read(data, "t")
    assert time.monotonic() - start < 20
    message = error.value.text
    if yaml_syntax.LOADER is yaml.SafeLoader and "invalid YAML" in expected:
        # The two parsers agree on what is wrong, but not on the column.
        expected = expected.split(" column", maxsplit=1)[0]
    assert message.startswith(expected)
    assert message.endswith(".")
    assert message.count(". ") >= 1, "the fact, then what to do"


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


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": "é\\u00e9"}\r\n', id="json-crlf"),
        pytest.param("a: é\r\nb: 1\r\n", id="yaml-crlf"),
        pytest.param("a: é\n", id="yaml-lf"),
        pytest.param("a: é", id="yaml-no-newline"),
    ],
)
@pytest.mark.parametrize(
    ("mark", "codec"),
    [
        pytest.param(b"", "utf-8", id="utf-8"),
        pytest.param(codecs.BOM_UTF8, "utf-8", id="utf-8-bom"),
        pytest.param(codecs.BOM_UTF16_LE, "utf-16-le", id="utf-16-le"),
        pytest.param(codecs.BOM_UTF16_BE, "utf-16-be", id="utf-16-be"),
        pytest.param(codecs.BOM_UTF32_LE, "utf-32-le", id="utf-32-le"),
        pytest.param(codecs.BOM_UTF32_BE, "utf-32-be", id="utf-32-be"),
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
from sysdig_instrument.documents import kind_of, read, to_ecs_changes, to_properties
from sysdig_instrument.documents.editing.writer import render, write
from sysdig_instrument.engine.patch import Change
document = read(b'{"a": 1}', "t")
change = Change("add", ("b",), "because", "x")
assert write(document, [change], {"a": 1, "b": "x"}).text == '{"a": 1, "b": "x"}'
assert render(document.value, "json")
sys.exit("yaml" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
