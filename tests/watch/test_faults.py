"""Several calls of watch fail, or somebody else changes a service meanwhile: no service is left between, and a repetition mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from sysdig_instrument.errors import UserError
from watch.calls import CLUSTER, FAULTS, REGION, Account, handle, handle_with_retries, of_service, registered

pytestmark = pytest.mark.usefixtures("remediate")

READS = ("DescribeTaskDefinition", "ListClusters", "ListServices", "DescribeServices", "ListTaskDefinitions")
WRITES = ("RegisterTaskDefinition", "UpdateService")
EVENTS: dict[str, Callable[[str], Any]] = {"registration": registered, "service": lambda _: of_service("web")}
every_fault = pytest.mark.parametrize("fault", FAULTS)


@pytest.fixture
def arn(account: Account) -> str:
    arn = account.register("web")
    account.serve("web", arn)
    return arn


def settled(account: Account) -> tuple[str, int]:
    return account.used("web"), account.revisions()


@every_fault
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_later_call_of_the_kind_fails(nth: int, fault: str, account: Account, arn: str) -> None:
    for operation in READS:
        account.faults.before[operation] = [None] * nth + [FAULTS[fault]]
    for _ in range(4):  # what is left after three runs is in the dead letter queue: here it comes again
        handle_with_retries(registered(arn))
    assert settled(account) == ("web:2", 2)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("fault", ["cut", "timed out"])
@pytest.mark.parametrize("operation", WRITES)
def test_a_change_takes_effect_and_its_answer_is_lost(
    operation: str, fault: str, event: str, account: Account, arn: str
) -> None:
    account.faults.after[operation] = [FAULTS[fault]]
    handle(EVENTS[event](arn))
    assert settled(account) == ("web:2", 2)


@pytest.mark.parametrize("operation", WRITES)
def test_a_change_takes_effect_and_nothing_can_be_read_then(operation: str, account: Account, arn: str) -> None:
    """As after a time-out of the function."""

    def cut_off() -> None:
        account.faults.before["DescribeServices"] = [FAULTS["cut"]]
        account.faults.before["ListTaskDefinitions"] = [FAULTS["cut"]]
        raise FAULTS["timed out"]

    account.faults.after[operation] = [cut_off]
    event = registered(arn)
    with pytest.raises(UserError, match="was not repaired completely"):
        handle(event)
    assert account.published[-1]["errors"]
    account.faults.before.clear()
    handle(event)
    assert settled(account) == ("web:2", 2)


def test_a_second_service_is_moved_though_the_first_cannot_be(account: Account, arn: str) -> None:
    account.serve("api", arn)
    account.faults.before["UpdateService"] = [FAULTS["denied"]]
    event = registered(arn)
    with pytest.raises(UserError):
        handle(event)
    assert sorted((account.used("api"), account.used("web"))) == ["web:1", "web:2"]
    assert sorted(account.published[-1]["services"].values()) == ["moved", "not moved"]
    handle(event)
    assert (account.used("api"), account.used("web"), account.revisions()) == ("web:2", "web:2", 2)


@pytest.mark.parametrize("operation", ["DescribeServices", "UpdateService"])
def test_a_service_that_somebody_else_changes_is_not_moved(operation: str, account: Account, arn: str) -> None:
    other = account.register("other")
    planned: list[Any] = [account.update("web", other)]
    account.faults.before[operation] = [None, *planned] if operation == "DescribeServices" else planned
    account.faults.after["UpdateService"] = []
    if operation == "UpdateService":
        _remember_deployments(account, arn, other)
    result = handle(of_service("web"))
    assert result["services"] == {"shop/web": "changed by somebody else meanwhile"}
    assert account.used("web") == "other:1"


def _remember_deployments(account: Account, arn: str, other: str) -> None:
    """Have the response have the deployments that ECS has then: moto keeps the first one only."""
    backend = _backend().services[f"{CLUSTER}:web"]

    def add() -> None:
        account.update("web", other)()
        backend.deployments.append({**backend.deployments[0], "status": "ACTIVE", "taskDefinition": other})

    account.faults.before["UpdateService"] = [add]
    assert backend.deployments[0]["taskDefinition"] == arn


def _backend() -> Any:
    from moto.ecs.models import ecs_backends  # noqa: PLC0415 - moto must be running

    return ecs_backends[boto3.client("sts", REGION).get_caller_identity()["Account"]][REGION]
