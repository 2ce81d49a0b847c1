"""What is suggested for an unknown name."""

from __future__ import annotations

import pytest

from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.engine.suggestions import did_you_mean, suggest


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("colector", "Collector"),
        ("COLLECTOR", "Collector"),
        ("collector-port", "CollectorPort"),
        ("AgentMemroy", "AgentMemory"),
        ("Enable", "Enabled"),
    ],
)
def test_the_nearest_name_is_suggested(wrong: str, right: str) -> None:
    assert suggest(wrong, BY_NAME) == right
    assert did_you_mean(wrong, BY_NAME) == f'Did you mean "{right}"?'


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="one-letter"),
        pytest.param("QQQQQQQQQQ", id="unrelated-word"),
        pytest.param("x" * 100_000, id="100000-letters"),
    ],
)
def test_nothing_is_suggested_if_no_name_is_near(wrong: str) -> None:
    assert suggest(wrong, BY_NAME) is None
    assert did_you_mean(wrong, BY_NAME) == ""
