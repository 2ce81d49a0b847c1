"""Call the handler in this process as the Lambda runtime does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from sysdig_instrument.engine.lookups import Answer, Lookup
from sysdig_instrument.engine.settings.table import BY_NAME, ENVIRONMENT_PREFIX
from sysdig_instrument.function import handler as module
from sysdig_instrument.function import hook_handler


class FakeLambdaContext:
    """The context that the runtime passes along with the event."""

    function_name = "sysdig-instrument"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:sysdig-instrument"
    aws_request_id = "11111111-1111-1111-1111-111111111111"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def environment_variables(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as the environment variables that template.yaml gives the function."""
    return {
        BY_NAME[name].variable: value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
    }


def invoke(
    event: Any,
    settings: Mapping[str, Any],
    answers: Callable[[Sequence[Lookup]], Mapping[Lookup, Answer]],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """Return the handler's response, with these settings and these answers to lookups."""
    _set_environment(settings, monkeypatch)
    monkeypatch.setattr(module, "make_lookup", lambda *_: answers)
    return cast("dict[str, Any]", module.handler(event, cast("Any", FakeLambdaContext())))


def invoke_hook(event: Any, settings: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the response of the hook's handler, with these settings."""
    _set_environment(settings, monkeypatch)
    return cast("dict[str, Any]", hook_handler.handler(event, cast("Any", FakeLambdaContext())))


def _set_environment(settings: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment_variables(settings).items():
        assert name.startswith(ENVIRONMENT_PREFIX)
        monkeypatch.setenv(name, value)
