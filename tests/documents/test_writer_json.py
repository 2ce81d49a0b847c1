"""Edits of JSON keep its spacing, its notation of numbers and characters, and its duplicate keys."""

from __future__ import annotations

import json

import pytest

from documents.support import add, changed, check, remove, replace


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"a":["b"]}', '{"a":["W","b","Z"]}', id="compact"),
        pytest.param('{"a": ["b", 1]}', '{"a": ["W", "b", 1, "Z"]}', id="one-line"),
        pytest.param('{ "a" : [ "b" , 1 ] }', '{ "a" : [ "W" , "b" , 1 , "Z" ] }', id="spaces-everywhere"),
        pytest.param('{"a": []}', '{"a": ["W", "Z"]}', id="empty-list"),
        pytest.param('{\n\t"a": [\n\t\t"b"\n\t]\n}\n', '{\n\t"a": [\n\t\t"W",\n\t\t"b",\n\t\t"Z"\n\t]\n}\n', id="tabs"),
        pytest.param('{\n  "a": ["b"]\n}\n', '{\n  "a": ["W", "b", "Z"]\n}\n', id="short-list-in-block"),
        pytest.param(
            '{\n    "a": [ "b",\n           1 ]}',
            '{\n    "a": [ "W",\n           "b",\n           1,\n           "Z" ]}',
            id="aligned-items",
        ),
    ],
)
def test_first_and_last_item(text: str, expected: str) -> None:
    assert changed(text, add("/a/-", "Z"), add("/a/0", "W")) == expected


def test_untouched_text_stays() -> None:
    text = (
        '{"n": [1.0, 1e3, -0, 1E+2], "s": "\\u00e9\\/\\u0041é", "twice": 1, "twice":   2, "b":{"c" :null}  ,\n\n"a":[]}'
    )
    assert changed(text, add("/b/d", "é")) == text.replace("null}", 'null, "d" :"é"}')


def test_non_ascii_is_escaped_if_the_text_does() -> None:
    assert changed('{"a": "\\u00e9"}', add("/b", "é")) == '{"a": "\\u00e9", "b": "\\u00e9"}'
    assert changed('{"a": "e"}', add("/b", "é")) == '{"a": "e", "b": "é"}'


def test_replace_and_remove() -> None:
    check(
        """\
        {
            "a": 1,
            "b": {"x": 1, "y": [1, 2]},
            "c": [
                { "Name": "A", "Value": "1" },
                { "Name": "B", "Value": "2" }
            ],
            "d": {
                "e": {}
            }
        }
        """,
        """\
        {
            "b": {"y": [2], "z": [3]},
            "c": [
                { "Name": "B", "Value": "3" },
                { "Name": "C", "Value": "3" }
            ],
            "d": {
                "e": {
                    "Capabilities": {
                        "Add": [1]
                    }
                },
                "f": { "x": 1 }
            }
        }
        """,
        remove("/a", 1),
        remove("/b/x", 1),
        remove("/b/y/0", 1),
        add("/b/z", [3]),
        remove("/c/0", {"Name": "A", "Value": "1"}),
        replace("/c/0/Value", "3", "2"),
        add("/c/-", {"Name": "C", "Value": "3"}),
        add("/d/e/Capabilities", {"Add": [1]}),
        add("/d/f", {"x": 1}),
    )


def test_the_last_of_duplicate_keys_is_changed() -> None:
    assert changed('{"a": 1, "b": 0, "a": 2}', replace("/a", 3, 2)) == '{"a": 1, "b": 0, "a": 3}'
    assert changed('{"a": 1, "b": 0, "a": 2}', remove("/a", 2)) == '{"b": 0}'


def test_edits_at_the_root() -> None:
    assert changed('\n{"a": 1}\n', remove("/a", 1), add("/b", [1])) == '\n{"b": [1]}\n'
    assert json.loads(changed("{}", add("/a", {"b": 1}))) == {"a": {"b": 1}}


def test_line_breaks_stay() -> None:
    text = '{\r\n  "a": [\r\n    1\r\n  ]\r\n}\r\n'
    assert changed(text, add("/a/-", {"b": 1})) == text.replace(
        "1\r\n  ]", '1,\r\n    {\r\n      "b": 1\r\n    }\r\n  ]'
    )
