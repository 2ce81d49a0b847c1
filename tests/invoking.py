"""The handler called as the Lambda runtime calls it, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pytest

from sysdig_instrument import handler as module
from sysdig_instrument.engine.lookups import Answer, Request
from sysdig_instrument.engine.settings.table import BY_NAME, ENVIRONMENT_PREFIX


class FakeLambdaContext:
    """What the runtime hands in beside the event."""

    function_name = "sysdig-instrument"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:sysdig-instrument"
    aws_request_id = "11111111-1111-1111-1111-111111111111"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def environment_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as template.yaml hands them to the function."""
    return {
        BY_NAME[name].variable: value if isinstance(value, str) else json.dumps(value)
        for name, value in settings.items()
    }


def invoke(
    event: Any,
    settings: Mapping[str, Any],
    answers: Callable[[Sequence[Request]], Mapping[Request, Answer]],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """The handler's response, in a deployment with these settings and a world that gives these answers."""
    for name, value in environment_of(settings).items():
        assert name.startswith(ENVIRONMENT_PREFIX)
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(module, "asker", lambda *_: answers)
    return cast("dict[str, Any]", module.handler(event, cast("Any", FakeLambdaContext())))
