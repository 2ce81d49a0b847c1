"""If a registry or an AWS service does not respond, the user gets a message of the macro, not CloudFormation's timeout."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from embedded_aws.runtime import Runtime
from emulator.slow_servers import (
    black_hole,
    body_byte_by_byte,
    headers_byte_by_byte,
    interim_responses,
    nothing,
    serving,
    wants_a_password,
)
from fixtures_embedded_aws import ROOT, Start, on_embedded_aws

pytestmark = on_embedded_aws

MIN_SECONDS: Final = 3
"""The shortest timeout of the function with which it still responds."""

SILENCES: Final[Mapping[str, Any]] = {
    "takes no connection": black_hole,
    "says nothing": partial(serving, nothing),
    "headers byte by byte": partial(serving, headers_byte_by_byte),
    "body byte by byte": partial(serving, body_byte_by_byte),
    "interim responses": partial(serving, interim_responses),
}
ECR: Final = "111122223333.dkr.ecr.us-east-1.amazonaws.com/shop/web:1"
SECRET: Final = "arn:aws:secretsmanager:us-east-1:111122223333:secret:registry"  # noqa: S105 - its name
AWS: Final[Mapping[str, dict[str, Any]]] = {
    "ECR": {"Image": ECR},
    "SSM": {"Image": "{{resolve:ssm:/shop/image}}"},
    "CLOUDFORMATION": {"Image": {"Fn::ImportValue": "shop-image"}},
    "SECRETS_MANAGER": {"RepositoryCredentials": {"CredentialsParameter": SECRET}},
}
"""Containers for which the service is called, by its name in botocore's environment variables."""


def event_with(**container: Any) -> bytes:
    properties = {
        "RequiresCompatibilities": ["FARGATE"],
        "ExecutionRoleArn": "arn:aws:iam::111122223333:role/execution",
        "ContainerDefinitions": [{"Name": "web", **container}],
    }
    resources = {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}
    event = {"requestId": "r", "region": "us-east-1", "accountId": "111122223333", "fragment": {"Resources": resources}}
    return json.dumps(event).encode()


def answered(runtime: Runtime, event: bytes, seconds: float) -> str:
    """Return the message of the refusal, which must come in time."""
    began = time.monotonic()
    outcome = runtime.invoke(event)
    assert time.monotonic() - began < seconds
    assert not outcome.is_error, outcome.body
    answer = json.loads(outcome.body)
    assert answer["status"] == "failure"
    message: str = answer["errorMessage"]
    assert 'Task "Task", container "web"' in message
    return message


def warm(runtime: Runtime) -> Runtime:
    """Return the environment after a first run without lookups: importing the function is not part of the test."""
    assert not runtime.invoke((ROOT / "events" / "template.json").read_bytes()).is_error
    return runtime


@pytest.mark.parametrize(("function", "lookup"), [(6, "600"), (60, "2")])
def test_the_function_answers_in_time(start: Start, function: int, lookup: str) -> None:
    """Whichever ends first, the time of the function or that of the lookups, decides."""
    with serving(nothing) as silent:
        runtime = start(timeout=function, InternalRegistries=f"http://{silent}", LookupSeconds=lookup)
        assert silent in answered(runtime, event_with(Image=f"{silent}/shop/web:1"), min(function, 10))


@pytest.mark.parametrize("how", SILENCES)
@pytest.mark.parametrize("scheme", ["http://", ""], ids=["plain", "TLS"])
def test_a_registry_that_does_not_respond(start: Start, how: str, scheme: str) -> None:
    with SILENCES[how]() as silent:
        settings = {"InternalRegistries": scheme + silent, "LookupSeconds": "600"}
        runtime = warm(start(timeout=MIN_SECONDS, **settings))
        for _ in range(2):  # what the first run left behind does not hold up the second
            assert silent in answered(runtime, event_with(Image=f"{silent}/shop/web:1"), MIN_SECONDS)


@pytest.mark.parametrize(
    ("service", "how"), [*((service, "says nothing") for service in AWS), *(("ECR", how) for how in SILENCES)][1:]
)
def test_an_aws_service_that_does_not_respond(start: Start, service: str, how: str) -> None:
    """It uses botocore's own timeouts and retries, which are longer than the function's."""
    with SILENCES[how]() as silent, serving(wants_a_password) as registry:
        environment = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            f"AWS_ENDPOINT_URL_{service}": f"http://{silent}",
        }
        settings = {"InternalRegistries": f"http://{registry}", "LookupSeconds": "600"}
        runtime = warm(start(timeout=MIN_SECONDS, environment=environment, **settings))
        container = {"Image": f"{registry}/shop/web:1", **AWS[service]}
        for _ in range(2):
            answered(runtime, event_with(**container), MIN_SECONDS)


SLOW_NAMES: Final = """
import socket, sys, time
sys.path.append({bundle!r})
real = socket.getaddrinfo
def getaddrinfo(host, *more, **others):
    if host.endswith(".example"):
        time.sleep(600)
    return real(host, *more, **others)
socket.getaddrinfo = getaddrinfo
from sysdig_instrument.function.handler import handler
"""


def test_dns_that_does_not_respond(start: Start, bundle: Path, tmp_path: Path) -> None:
    """A DNS lookup cannot be interrupted; it is abandoned."""
    (tmp_path / "slow_names.py").write_text(SLOW_NAMES.format(bundle=str(bundle)))
    runtime = warm(start(tmp_path, "slow_names.handler", timeout=MIN_SECONDS, LookupSeconds="600"))
    for _ in range(2):
        assert "registry.example" in answered(runtime, event_with(Image="registry.example/shop/web:1"), MIN_SECONDS)


SLOW_PLAN: Final = """
import sys
sys.path.append({bundle!r})
from sysdig_instrument.function import macro
from sysdig_instrument.function.handler import handler
def slow(*_):
    while True:
        sum(range(1000))
macro.plan_with_lookups = slow
"""


def test_a_template_that_takes_too_long(start: Start, bundle: Path, tmp_path: Path) -> None:
    """The limits on work keep templates from it, so the plan is one that never ends."""
    (tmp_path / "slow_plan.py").write_text(SLOW_PLAN.format(bundle=str(bundle)))
    runtime = start(tmp_path, "slow_plan.handler", timeout=MIN_SECONDS)
    for _ in range(2):
        outcome = runtime.invoke(event_with(EntryPoint=["/run"]))
        assert not outcome.is_error, outcome.body
        assert "takes longer than the function may run" in json.loads(outcome.body)["errorMessage"]
