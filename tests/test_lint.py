"""cfn-lint finds no error in the output of a case that the input did not have already."""

from __future__ import annotations

import functools
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from case_folders import CASES, REGION, Case

if TYPE_CHECKING:
    from cfnlint.runner import Runner

LINTED = [case for case in CASES if not case.is_plain and (case.folder / "expected.json").exists()]


@functools.cache
def runner() -> Runner:
    """Return a runner with cfn-lint's rules. Loading them takes longer than linting does."""
    from cfnlint.config import ConfigMixIn  # noqa: PLC0415 - takes three seconds, which other tests need not spend
    from cfnlint.runner import Runner  # noqa: PLC0415 - the same

    return Runner(ConfigMixIn(regions=[REGION]))


def errors(template: Any) -> Counter[str]:
    """Return the rules that cfn-lint reports as errors, and how often."""
    from cfnlint.decode.decode import decode_str  # noqa: PLC0415 - the same

    decoded, found = decode_str(json.dumps(template))
    found = found or list(runner().validate_template(decoded))
    return Counter(match.rule.id for match in found if match.rule.id.startswith("E"))


@pytest.mark.parametrize("case", LINTED, ids=lambda case: case.name)
def test_the_output_has_no_new_lint_errors(case: Case) -> None:
    found = errors(json.loads((case.folder / "expected.json").read_text()))
    # A run takes half a second, so the input is only checked if the output has errors.
    assert not found or not found - errors(case.document.value)
