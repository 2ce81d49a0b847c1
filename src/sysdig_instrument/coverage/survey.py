"""Make the report on accounts: what the command and the function on a schedule have in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sysdig_instrument.coverage.accounts import Role, read_accounts
from sysdig_instrument.coverage.agent_logs import read_agent_logs, time_before
from sysdig_instrument.coverage.ecs import AwsAccount, read_regions, unmatched_globs
from sysdig_instrument.coverage.model import Inventory, RegionInventory
from sysdig_instrument.coverage.report import Demands, Report, build_report
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.lazy_dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of AWS to read: these Regions or all, the clusters that match, in the accounts of these roles or the caller's."""

    regions: Sequence[str] = ()
    all_regions: bool = False
    clusters: Sequence[str] = ()
    roles: Sequence[Role] = ()
    demands: Demands = field(default_factory=Demands)


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def survey(account: AwsAccount, scope: Scope, resolved: ResolvedSettings, now: datetime) -> Report:
    """Read the accounts, and return the report.

    Raises:
        RefusedError: EC2 does not return the list of Regions of the caller's account.
        UsageError: No Region is named, and there is no default.
    """

    def read(of: AwsAccount) -> Sequence[RegionInventory]:
        regions = of.all_regions() if scope.all_regions else of.regions(scope.regions)
        found = read_regions(
            of.clients, regions, scope.clusters, lambda task: scope.demands.needs_definition(task, resolved)
        )
        minutes = scope.demands.silent_after
        if minutes is None:
            return found
        return [read_agent_logs(of.clients, region, time_before(now, minutes)) for region in found]

    if scope.roles:
        region = next(iter(scope.regions), account.default_region) or "us-east-1"
        inventory = read_accounts(account, scope.roles, region, scope.clusters, read)
    else:
        own = tuple(read(account))
        inventory = Inventory(own, tuple(unmatched_globs(own, scope.clusters)))
    return build_report(inventory, resolved, scope.demands)
