"""The entry point of the function that makes the coverage report on a schedule: metrics, a log line, and findings.

A run that could not read everything is an error for Lambda, after it has reported what it could read: an alarm reports it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from sysdig_instrument.coverage.accounts import Role, parse_roles
from sysdig_instrument.coverage.assess import TaskStatus
from sysdig_instrument.coverage.ecs import AwsAccount
from sysdig_instrument.coverage.json_report import protected_percent
from sysdig_instrument.coverage.model import short_name
from sysdig_instrument.coverage.report import Demands, Report, ReportGroup
from sysdig_instrument.coverage.security_hub import Import, import_findings
from sysdig_instrument.coverage.survey import Scope, survey, utc_now
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.settings.layers import merge_layers
from sysdig_instrument.errors import RefusedError
from sysdig_instrument.function.macro_settings import settings_of_macro
from sysdig_instrument.function.telemetry import NAMESPACE, SERVICE, logger, metrics
from sysdig_instrument.lookup.aws import AwsClients, AwsError, aws_session

from aws_lambda_powertools.metrics import MetricUnit, single_metric  # isort: skip - after telemetry, which delays its imports

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from sysdig_instrument.engine.json_types import Json

_MAX_LOGGED: Final = 100
"""The groups of tasks that a log line names."""


class IncompleteReportError(RefusedError):
    """Something could not be read or imported. The log names it."""

    def __init__(self, count: int) -> None:
        super().__init__(
            f"The coverage report is not complete: {count} things could not be read or imported. See the log of this run.",
            code=Code.NOT_READ,
        )


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def handler(_event: Json, context: LambdaContext) -> dict[str, Json]:
    """Make the report.

    Raises:
        IncompleteReportError: Something could not be read or imported.
    """
    region = os.environ["AWS_REGION"]
    account = AwsAccount.from_session(lambda: aws_session(None), region)
    try:
        settings = settings_of_macro(account.clients, region, os.environ)
    except AwsError as error:
        metrics.add_metric("CoverageUnread", MetricUnit.Count, 1)
        logger.error("failed", extra={"why": f"The settings of the macro: {error.fact('AWS Lambda')}"})
        raise IncompleteReportError(1) from None
    scope = scope_of(os.environ, region)
    now = utc_now()
    report = survey(account, scope, merge_layers(settings), now)
    own = context.invoked_function_arn.split(":")[4]
    accounts = report.accounts or (own,)
    places = [(each, name) for each in accounts for name in report.regions]
    imported = Import(0, 0, ())
    if os.environ.get("SECURITY_HUB") == "true":
        roles = {role.account: role for role in scope.roles}
        reporter = f"{own}/{region}/{os.environ['STACK_NAME']}"
        imported = import_findings(
            report, places, lambda each: _clients_of(account, roles.get(each), region), now, reporter
        )
    _record(report, imported)
    missing = len(report.read_errors) + len(imported.errors)
    if missing:
        raise IncompleteReportError(missing)
    return {"expected": report.expected_count, "protected": report.covered_count}


def scope_of(environment: Mapping[str, str], region: str) -> Scope:
    """Return what to read, as the parameters of the stack say.

    Raises:
        UsageError: An account or the name of the role is not valid.
    """
    silent_after = int(environment.get("SILENT_AFTER") or 0)
    accounts = environment.get("ACCOUNTS", "")
    return Scope(
        regions=tuple(each.strip() for each in environment.get("REGIONS", "").split(",") if each.strip()) or (region,),
        roles=parse_roles([], [accounts], (environment.get("ROLE_NAME") or None) if accounts else None, region),
        demands=Demands(
            require_daemon=environment.get("REQUIRE_DAEMON") == "true",
            silent_after=silent_after or None,
        ),
    )


def _clients_of(account: AwsAccount, role: Role | None, region: str) -> AwsClients:
    return account.clients.with_role(role.arn, region) if role else account.clients


def _record(report: Report, imported: Import) -> None:
    percent = protected_percent(report)
    if percent is not None:
        metrics.add_metric("CoveragePercent", MetricUnit.Percent, percent)
    metrics.add_metric("CoverageExpected", MetricUnit.Count, report.expected_count)
    metrics.add_metric("CoverageUncovered", MetricUnit.Count, report.expected_count - report.covered_count)
    metrics.add_metric("CoverageUnread", MetricUnit.Count, len(report.read_errors) + len(imported.errors))
    for status in TaskStatus:
        dimensions = {"service": SERVICE, "Reason": status.value}
        count = report.count(status)
        with single_metric(
            "CoverageTasks", MetricUnit.Count, count, namespace=NAMESPACE, default_dimensions=dimensions
        ):
            pass
    failing = [group for group in report.groups if _is_failing(group)]
    unread = [error.text for error in (*report.read_errors, *imported.errors)]
    details: dict[str, Json] = {
        "percent": percent,
        "expected": report.expected_count,
        "protected": report.covered_count,
        "clusters": report.cluster_count,
        "uncovered": [_as_json(group) for group in failing[:_MAX_LOGGED]],
        "more": max(0, len(failing) - _MAX_LOGGED),
        "unread": [*unread[:_MAX_LOGGED]],
        "imported": imported.imported,
        "archived": imported.archived,
    }
    log = logger.warning if failing or unread or report.is_of_nothing else logger.info
    log("coverage", extra=details)


def _is_failing(group: ReportGroup) -> bool:
    return group.key.assessment.is_expected and not group.key.assessment.is_covered


def _as_json(group: ReportGroup) -> Json:
    """Return the names of a group of tasks, its verdict and the codes."""
    key = group.key
    return {
        "account": group.account,
        "region": key.region,
        "cluster": short_name(key.cluster),
        "group": key.group,
        "taskDefinition": short_name(key.task_definition),
        "verdict": key.assessment.status.value,
        "codes": [code.value for code in key.assessment.codes],
        "tasks": len(group.tasks),
    }
