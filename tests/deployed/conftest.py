"""An account of moto's in which functions run with the variables of their templates and no others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from coverage_report.fake_ecs import BOTOCORE_LOADER
from deployed.permissions import OWN_KEY, Calls
from deployed.stack import REGION, TOPIC, Stack, macro_stack
from sysdig_instrument.function import deployment_hook_handler, watch_handler

CACHES: Any = (
    *(watch_handler._handled, watch_handler._readers, watch_handler._writers, watch_handler._lookup_session),
    deployment_hook_handler._clients,
)
BY_LAMBDA = {
    "AWS_ACCESS_KEY_ID": OWN_KEY,
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
Deploy = Callable[[Stack, str], None]


@pytest.fixture
def calls() -> Calls:
    """Record calls. The macro's function, whose variables the functions read, is one of the template, too."""
    macro = macro_stack(
        ImageConfigs='{"nginx": {"Entrypoint": ["/entry"], "Cmd": ["nginx"]}}', AllowedRegistries="*.amazonaws.com"
    )
    variables = {"Environment": {"Variables": macro.variables("MacroFunction")}}
    return Calls({"lambda:GetFunctionConfiguration": lambda _: variables})


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deploy]:
    """Return a function that gives this process the variables of a function of a stack."""
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: BOTOCORE_LOADER)
    monkeypatch.setattr("time.sleep", lambda _: None)

    def run_as(stack: Stack, function: str) -> None:
        for name in [name for name in os.environ if name.startswith(("AWS_", "SYSDIG_INSTRUMENT_", "WATCH"))]:
            monkeypatch.delenv(name)
        given = {**BY_LAMBDA, "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
        for name, value in {**given, **stack.variables(function)}.items():
            monkeypatch.setenv(name, value)

    for each in CACHES:
        each.cache_clear()
    with mock_aws():
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", OWN_KEY)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        assert boto3.client("sns", REGION).create_topic(Name="operations")["TopicArn"] == TOPIC
        yield run_as
    for each in CACHES:
        each.cache_clear()
