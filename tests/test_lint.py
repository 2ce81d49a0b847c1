"""cfn-lint finds no error in the output of a case that the input did not have already."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from case_folders import CASES, REGION, Case

LINTED = [case for case in CASES if not case.is_plain and (case.folder / "expected.json").exists()]


def errors(template: Any) -> Counter[str]:
    """Return the rules that cfn-lint reports as errors, and how often."""
    from cfnlint.api import lint  # noqa: PLC0415 - takes three seconds, which other tests need not spend
    from cfnlint.config import ManualArgs  # noqa: PLC0415 - the same

    found = lint(json.dumps(template), config=ManualArgs(regions=[REGION]))
    return Counter(match.rule.id for match in found if match.rule.id.startswith("E"))


@pytest.mark.parametrize("case", LINTED, ids=lambda case: case.name)
def test_the_output_has_no_new_lint_errors(case: Case) -> None:
    found = errors(json.loads((case.folder / "expected.json").read_text()))
    # A run takes half a second, so the input is only checked if the output has errors.
    assert not found or not found - errors(case.document.value)
