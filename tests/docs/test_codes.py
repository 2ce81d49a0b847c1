"""docs/troubleshooting.md has an anchor for each code, and each message's entry has its code."""

from __future__ import annotations

import ast
import itertools
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

import pytest

from docs.test_troubleshooting import PARTS, called, fact, texts
from sysdig_instrument.engine.codes import Code

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "sysdig_instrument"
SOURCE = PACKAGE / "engine" / "codes.py"
SOURCES = sorted(PACKAGE.rglob("*.py"))
KNOWN = Path(__file__).with_name("codes.txt")
CODED = {"Reason", "UsageError", "RefusedError"}
"""What takes a code. The type checker demands it."""
PAGE = ROOT / "docs" / "troubleshooting.md"
ENTRIES = [line for line in PAGE.read_text().splitlines() if "`SI" in line]


def descriptions() -> dict[str, str]:
    """Return the documentation of each code, from the string after its member."""
    (members,) = (
        each.body
        for each in ast.parse(SOURCE.read_text()).body
        if isinstance(each, ast.ClassDef) and each.name == "Code"
    )
    found: dict[str, str] = {}
    for assignment, text in itertools.pairwise(members):
        if isinstance(assignment, ast.Assign) and isinstance(text, ast.Expr):
            found[ast.literal_eval(assignment.value)] = ast.literal_eval(text.value)
    return found


def rows() -> list[str]:
    """Return the rows of the table."""
    described = descriptions()
    return [
        f'| <a id="{code.value.lower()}"></a>`{code.value}` | {code.verdict.value} | {described[code.value]} |'
        for code in sorted(Code, key=lambda code: code.value)
        if code.is_verdict
    ]


def test_the_table_has_every_code_of_a_verdict() -> None:
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith('| <a id="si0')]
    assert listed == rows(), "print the rows: python tests/docs/test_codes.py"


def test_each_code_has_one_anchor() -> None:
    anchors = re.findall(r'<a id="(si\d+)"></a>', PAGE.read_text())
    assert sorted(anchors) == sorted(code.value.lower() for code in Code)


def test_codes_of_verdicts_are_documented() -> None:
    assert set(descriptions()) >= {code.value for code in Code if code.is_verdict}


def test_a_code_never_changes_and_is_never_used_again() -> None:
    """KNOWN has each code that there ever was. Add a line for a new one; leave the line of one that is no longer used."""
    known = dict(line.split() for line in KNOWN.read_text().splitlines())
    current = {code.value: code.name for code in Code}
    assert current.items() <= known.items(), f"add to {KNOWN.name}: {sorted(current.items() - known.items())}"
    assert len(current) == len(Code.__members__), "two names have the same code"


def test_every_code_is_in_use() -> None:
    names = {node.attr for path in SOURCES for node in ast.walk(ast.parse(path.read_text())) if is_code(node)}
    assert {code.name for code in Code} == names


def is_code(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Code"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_the_entry_of_a_message_has_its_code(path: Path) -> None:
    """Whoever looks up the code finds the words, and whoever looks up the words finds the code."""
    for code, words in coded_messages(path):
        assert any(f"`{code.value}`" in entry and words in entry for entry in ENTRIES), (
            f"{code.value} is not in front of: {words}"
        )


def coded_messages(path: Path) -> Iterator[tuple[Code, str]]:
    """Yield the code and the fact of each message that is written in one place in the source."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.Call) and called(node) in CODED and node.args):
            continue
        codes = [word.value.attr for word in node.keywords if word.arg == "code" and is_code(word.value)]
        for code, text in zip(codes, texts(node.args[0]), strict=False):
            words = fact(text)
            if len(words.split()) >= 3 and words not in PARTS:
                yield Code[code], words


if __name__ == "__main__":
    sys.stdout.write("\n".join(rows()) + "\n")
