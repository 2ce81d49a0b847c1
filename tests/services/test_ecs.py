"""What Amazon ECS answers about the services of a cluster: none is left out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sysdig_instrument.lookup.aws import AwsError
from sysdig_instrument.services.ecs import Ecs
from sysdig_instrument.services.model import Service

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


@pytest.mark.parametrize(
    "response",
    [{}, {"services": []}, {"services": [], "failures": [{"arn": WEB, "reason": "ACCESS_DENIED"}]}],
    ids=["cut", "nothing", "denied"],
)
def test_a_service_is_gone_only_if_ecs_says_so(response: dict[str, Any]) -> None:
    with pytest.raises(AwsError):
        found(**response)
    assert found(services=[], failures=[{"arn": WEB, "reason": "MISSING"}]) is None
    assert found(services=[{**SERVICE, "status": "INACTIVE"}]) is None


def test_what_a_service_says_of_itself() -> None:
    provider = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    service = found(services=[{**SERVICE, "capacityProviderStrategy": provider}])
    assert service is not None
    assert (service.launch_type, service.strategy) == ("FARGATE", "ROLLING")
    external = {key: value for key, value in SERVICE.items() if key != "taskDefinition"}
    service = found(services=[{**external, "deploymentController": {"type": "EXTERNAL"}}])
    assert service is not None
    assert (service.task_definition, service.controller) == ("", "EXTERNAL")
    with pytest.raises(AwsError):
        found(services=[external])
    for manager, controller in (("ECS", "EXPRESS"), ("CUSTOMER", "ECS")):
        service = found(services=[{**SERVICE, "resourceManagementType": manager}])
        assert service is not None
        assert service.controller == controller


def found(**response: Any) -> Service | None:
    """Return the service that is found, for a response of DescribeServices."""
    client: Any = SimpleNamespace(describe_services=lambda **_: response)
    return Ecs(client, client, lambda _: None).find_service("shop", "web")


def test_a_service_that_drains_is_left_out() -> None:
    api = {**SERVICE, "serviceArn": API, "serviceName": "api", "status": "DRAINING"}
    assert names(services=[SERVICE, api]) == ["web"]
