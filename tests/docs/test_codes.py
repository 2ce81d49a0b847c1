"""docs/troubleshooting.md has a row for each code of a verdict, with the words of the code's documentation."""

from __future__ import annotations

import ast
import itertools
import sys
from pathlib import Path

from sysdig_instrument.engine.codes import Code

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sysdig_instrument" / "engine" / "codes.py"
PAGE = ROOT / "docs" / "troubleshooting.md"


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
    ]


def test_the_table_has_every_code() -> None:
    listed = [line for line in PAGE.read_text().splitlines() if line.startswith('| <a id="si')]
    assert listed == rows(), "print the rows: python tests/docs/test_codes.py"


def test_codes_are_unique_and_documented() -> None:
    assert len({code.value for code in Code}) == len(list(Code)) == len(descriptions())


if __name__ == "__main__":
    sys.stdout.write("\n".join(rows()) + "\n")
