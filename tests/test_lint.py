"""cfn-lint finds no error in a case's output that its input did not have."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from case_folders import CASES, REGION, Case

LINTED = [case for case in CASES if not case.is_plain and (case.folder / "expected.json").exists()]


def errors(template: Any) -> Counter[str]:
    from cfnlint.api import lint  # noqa: PLC0415 - takes three seconds, which only these tests need to spend
    from cfnlint.config import ManualArgs  # noqa: PLC0415 - the same

    found = lint(json.dumps(template), config=ManualArgs(regions=[REGION]))
    return Counter(match.rule.id for match in found if match.rule.id.startswith("E"))


@pytest.mark.parametrize("case", LINTED, ids=lambda case: case.name)
def test_the_output_has_no_new_lint_errors(case: Case) -> None:
    expected = json.loads((case.folder / "expected.json").read_text())
    new = errors(expected) - errors(case.document.value)
    assert not new
