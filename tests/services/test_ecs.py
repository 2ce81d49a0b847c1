"""What Amazon ECS answers about the services of a cluster: none is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sysdig_instrument.lookup.aws import AwsError
from sysdig_instrument.services.ecs import Ecs

WEB, API = (f"arn:aws:ecs:eu-central-1:111122223333:service/shop/{name}" for name in ("web", "api"))
SERVICE = {"serviceArn": WEB, "serviceName": "web", "status": "ACTIVE", "taskDefinition": "web:1", "deployments": []}


def names(**response: Any) -> list[str]:
    """Return the names of the services, of which two are listed, for a response of DescribeServices."""
    paginator = SimpleNamespace(paginate=lambda **_: [{"serviceArns": [WEB, API]}])
    client: Any = SimpleNamespace(get_paginator=lambda _: paginator, describe_services=lambda **_: response)
    return [each.name for each in Ecs(client, client, lambda _: None).services("shop")]


def test_a_service_that_is_not_described_is_an_error() -> None:
    other = {"arn": API, "reason": "ACCESS_DENIED"}
    responses: list[dict[str, Any]] = [
        {"services": [SERVICE]},
        {"services": [SERVICE], "failures": [other]},
        {"services": []},
    ]
    for response in responses:
        with pytest.raises(AwsError):
            names(**response)


def test_a_service_that_is_deleted_meanwhile_is_left_out() -> None:
    assert names(services=[SERVICE], failures=[{"arn": API, "reason": "MISSING"}]) == ["web"]


def test_a_service_that_drains_is_left_out() -> None:
    api = {**SERVICE, "serviceArn": API, "serviceName": "api", "status": "DRAINING"}
    assert names(services=[SERVICE, api]) == ["web"]
