"""Several accounts, each by a role: what cannot be read is reported, by account."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from coverage_report.fake_ecs import FakeEcs, FakeEcsRegion
from coverage_report.tasks import ACCOUNT, REGION, instrumented, plain, registered
from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats import coverage_table
from sysdig_instrument.coverage import json_report
from sysdig_instrument.coverage.accounts import Role, parse_roles
from sysdig_instrument.coverage.report import Report
from sysdig_instrument.coverage.survey import Scope, survey
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.settings.layers import merge_layers
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lookup.aws import AwsClients, AwsError

NOW = datetime(2026, 11, 29, tzinfo=UTC)
OTHER = "444455556666"
ROLES = parse_roles([], [f"{ACCOUNT},{OTHER}"], "coverage", REGION)


@pytest.fixture
def organisation(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeEcsRegion | str]:
    """Return the accounts: the region of each, or the error of AWS STS."""
    accounts: dict[str, FakeEcsRegion | str] = {ACCOUNT: FakeEcsRegion(), OTHER: FakeEcsRegion()}

    def with_role(_: AwsClients, role: str, region: str, *, seconds: int) -> AwsClients:
        assert (region, seconds) == (REGION, 3600)
        found = accounts[role.split(":")[4]]
        if isinstance(found, str):
            raise AwsError(found)
        return FakeEcs(found).account.clients

    monkeypatch.setattr(AwsClients, "with_role", with_role)
    return accounts


def surveyed(**members: Any) -> Report:
    return survey(FakeEcs().account, Scope((REGION,), roles=ROLES, **members), merge_layers(), NOW)


def test_all_accounts_are_in_one_report(organisation: dict[str, FakeEcsRegion]) -> None:
    organisation[ACCOUNT].run("shop", instrumented(family="web"), group="service:web")
    organisation[OTHER].run("store", registered(plain()), group="service:web")
    report = surveyed()
    assert (report.accounts, report.regions, len(report.groups)) == ((ACCOUNT, OTHER), (REGION,), 2)
    assert not report.has_passed
    lines = coverage_table.render(report, Console()).splitlines()
    assert lines[0].startswith("ACCOUNT")
    assert json.loads(json_report.render(report))["accounts"] == [ACCOUNT, OTHER]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (
            "AccessDenied",
            "Allow sts:AssumeRole on arn:aws:iam::444455556666:role/coverage, here and in the trust policy",
        ),
        ("ThrottlingException", "Try again"),
        ("ConnectTimeoutError", "Check the region's name and the network"),
    ],
)
def test_an_account_that_cannot_be_read_is_told(
    organisation: dict[str, FakeEcsRegion | str], code: str, advice: str
) -> None:
    own = organisation[ACCOUNT]
    assert isinstance(own, FakeEcsRegion)
    own.run("shop", instrumented(family="web"))
    organisation[OTHER] = code
    report = surveyed()
    (error,) = report.read_errors
    assert error.text.startswith(f"account {OTHER}: AssumeRole: AWS STS ")
    assert advice in error.text
    assert (error.account, error.reason.code, report.has_passed) == (OTHER, Code.ACCOUNT_UNREAD, False)
    assert report.covered_count == 1  # the other account was read


def test_what_cannot_be_read_in_an_account_names_it(organisation: dict[str, FakeEcsRegion]) -> None:
    organisation[OTHER].error_codes["ListClusters"] = "ServerException"
    (error,) = surveyed().read_errors
    assert error.text.startswith(f"account {OTHER}, {REGION}: ListClusters: ")
    assert not surveyed().is_of_nothing


def test_a_cluster_may_be_in_any_of_the_accounts(organisation: dict[str, FakeEcsRegion]) -> None:
    organisation[OTHER].run("store", instrumented(family="web"))
    assert surveyed(clusters=("store",)).has_passed
    (error,) = surveyed(clusters=("shop",)).read_errors
    assert error.reason.code is Code.CLUSTER_UNKNOWN


def test_no_account_has_a_cluster(organisation: dict[str, FakeEcsRegion]) -> None:
    assert len(organisation) == 2
    assert surveyed().is_of_nothing


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_roles_are_in_the_partition_of_the_region(region: str) -> None:
    (role,) = parse_roles([], [" 111122223333 "], "team/coverage", region)
    partition = {"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}[region]
    assert role == Role(f"arn:{partition}:iam::111122223333:role/team/coverage", ACCOUNT)


def test_a_role_is_assumed_once() -> None:
    arn = f"arn:aws:iam::{ACCOUNT}:role/coverage"
    assert [role.arn for role in parse_roles([arn, arn], [ACCOUNT], "coverage", REGION)] == [arn]
    assert parse_roles([], [], None, "") == ()


@pytest.mark.parametrize(
    ("arns", "accounts", "name"),
    [
        (["arn:aws:iam::1:role/coverage"], [], None),
        (["arn:aws:iam::111122223333:user/me"], [], None),
        (["coverage"], [], None),
        ([], [ACCOUNT], None),
        ([], [], "coverage"),
        ([], ["11112222333"], "coverage"),
        ([], [f"{ACCOUNT};{OTHER}"], "coverage"),
        ([], [ACCOUNT], "a role"),
        ([], [","], "coverage"),
    ],
)
def test_roles_that_are_none_are_refused(arns: list[str], accounts: list[str], name: str | None) -> None:
    with pytest.raises(UsageError) as error:
        parse_roles(arns, accounts, name, REGION)
    assert error.value.code is Code.COVERAGE_OPTIONS
