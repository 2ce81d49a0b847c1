"""The message of watch stays within what Amazon SNS takes, whatever it has to say."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from sysdig_instrument.function import watch_handler
from sysdig_instrument.function.watch import Outcome, Status
from sysdig_instrument.function.watch_message import limited, message_text, subject_line
from watch.calls import Account, handle, of_service

MAX_MESSAGE = 262_144
"""Amazon SNS API reference, «Publish»."""
CLUSTER_AND_SERVICE = f"{'c' * 255}/{{:0255}}"


def many(count: int) -> dict[str, str]:
    left = "not moved: a deployment of it is not complete. Wait for it, and run this again"
    return {CLUSTER_AND_SERVICE.format(each): "moved" if each % 100 else left for each in range(count)}


def test_a_family_of_thousands_of_services_is_reported(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = Outcome(Status.UNPROTECTED, "x", registered="web:2", services=many(3000), errors=["timed out"] * 3000)
    monkeypatch.setattr(watch_handler, "_watch", lambda *_: SimpleNamespace(handle=lambda _: outcome))
    handle(of_service("s" * 255))
    (message,) = account.published
    assert len(message["subject"]) < 100
    assert len(json.dumps(message)) < MAX_MESSAGE
    *shown, (rest, states) = message["services"].items()
    assert rest == f"and {3000 - len(shown)} more"
    assert states == f"{3000 - len(shown)} moved"  # those that were not moved are named
    assert sum(state.startswith("not moved") for _, state in shown) == 30
    assert message["errors"][-1] == f"and {3001 - len(message['errors'])} more"
    assert message["registered"] == "web:2"


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param({"services": many(100_000)}, id="services"),
        pytest.param({"services": {"a": "x" * 300_000}}, id="one-service"),
        pytest.param({"errors": ["🙂" * 100_000]}, id="one-error"),
        pytest.param({"why": "ü" * 300_000, "codes": []}, id="one-text"),
        pytest.param({name: ["x" * 9000] * 99 for name in ("why", "errors", "not_repaired")}, id="lists"),
    ],
)
def test_no_message_is_too_long(outcome: dict[str, Any]) -> None:
    text = message_text(limited(outcome))
    assert len(text.encode()) < MAX_MESSAGE
    assert text.isascii()


def test_what_fits_is_complete_and_in_its_order() -> None:
    outcome: dict[str, Any] = {
        "services": {"b": "moved", "a": "not moved: x"},
        "errors": ["e"] * 500,
        "why": "w" * 9000,
    }
    assert message_text(limited(outcome)) == json.dumps(outcome, indent=2)
    assert subject_line("shop/web") == "Not protected by Sysdig: shop/web"


def test_a_long_text_is_cut_before_a_name_is_left_out() -> None:
    shown: dict[str, Any] = limited({"services": {"a": "x" * 300_000}})
    assert list(shown["services"]) == ["a"]
    assert len(message_text(shown)) < 3000
