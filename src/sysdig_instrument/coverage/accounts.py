"""Read several accounts, each with a role that the caller assumes in it. An account that cannot be read is reported, not left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from sysdig_instrument.coverage.calls import failure
from sysdig_instrument.coverage.ecs import AwsAccount, unmatched_globs
from sysdig_instrument.coverage.model import Inventory, ReadError, RegionInventory
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.partitions import partition_of
from sysdig_instrument.errors import RefusedError, UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.lookup.aws import AwsError

_ROLE_SECONDS: Final = 3600
"""The longest session of a role that is assumed with the credentials of another role."""
_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>[0-9]{12}):role/[\w+=,.@/-]{1,512}", re.ASCII)
_ROLE_NAME: Final = re.compile(r"[\w+=,.@/-]{1,512}", re.ASCII)
_ACCOUNT: Final = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class Role:
    """A role that is assumed to read an account."""

    arn: str
    account: str


def parse_roles(arns: Iterable[str], accounts: Iterable[str], name: str | None, region: str) -> tuple[Role, ...]:
    """Return the roles with these ARNs, and the ones of a name in these accounts, which are in the partition of a Region.

    Raises:
        UsageError: An ARN, an account or the name of the role is not valid, or accounts have no role.
    """
    listed = [each.strip() for text in accounts for each in text.split(",") if each.strip()]
    if bool(listed) != (name is not None):
        raise UsageError("--accounts and --role-name belong together. Give both.", code=Code.COVERAGE_OPTIONS)
    for account in listed:
        if not _ACCOUNT.fullmatch(account):
            raise UsageError(
                f"--accounts: {quote(account)} is not an AWS account. Give 12 digits.", code=Code.COVERAGE_OPTIONS
            )
    if name is not None and not _ROLE_NAME.fullmatch(name):
        raise UsageError(
            f"--role-name: {quote(name)} is not the name of a role. Give the name without its ARN.",
            code=Code.COVERAGE_OPTIONS,
        )
    of_name = [f"arn:{partition_of(region)}:iam::{account}:role/{name}" for account in listed]
    roles = {}
    for arn in (*arns, *of_name):
        match = _ROLE_ARN.fullmatch(arn)
        if match is None:
            raise UsageError(
                f"--role: {quote(arn)} is not the ARN of an IAM role. "
                "Give one, such as arn:aws:iam::111122223333:role/inventory.",
                code=Code.COVERAGE_OPTIONS,
            )
        roles[arn] = Role(arn, match["account"])
    return tuple(roles.values())


ReadAccount = Callable[[AwsAccount], Sequence[RegionInventory]]
"""Reads the Regions of an account."""


def read_accounts(
    own: AwsAccount, roles: Sequence[Role], region: str, cluster_globs: Sequence[str], read: ReadAccount
) -> Inventory:
    """Read the accounts of these roles, one after the other. AWS STS is called in a Region."""
    regions: list[RegionInventory] = []
    errors: list[ReadError] = []
    for role in roles:
        found = _read_account(own, role, region, read)
        if isinstance(found, ReadError):
            errors.append(found)
        else:
            regions += _with_account(found, role)
    if not errors:
        errors += unmatched_globs(regions, cluster_globs)
    return Inventory(tuple(regions), tuple(errors), tuple(dict.fromkeys(role.account for role in roles)))


def _read_account(own: AwsAccount, role: Role, region: str, read: ReadAccount) -> Sequence[RegionInventory] | ReadError:
    try:
        clients = own.clients.with_role(role.arn, region, seconds=_ROLE_SECONDS)
    except AwsError as error:
        reason = failure("AssumeRole", error, service="AWS STS", prefix="sts", code=Code.ACCOUNT_UNREAD)
        if error.is_access_denied:
            advice = f"Allow sts:AssumeRole on {role.arn}, here and in the trust policy of the role"
            reason = Reason(reason.fact, advice, code=reason.code)
        return ReadError(None, None, reason, role.account)
    try:
        return read(replace(own, clients=clients))
    except RefusedError as error:
        return ReadError(None, None, Reason(error.text.removesuffix("."), code=Code.ACCOUNT_UNREAD), role.account)


def _with_account(regions: Iterable[RegionInventory], role: Role) -> Iterator[RegionInventory]:
    """Yield the Regions with errors that say in which account they are."""
    for region in regions:
        yield replace(region, read_errors=tuple(replace(each, account=role.account) for each in region.read_errors))
