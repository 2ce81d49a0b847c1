"""The findings in Security Hub's format: the AWS Security Finding Format (ASFF), schema version 2018-10-08.

What is protected has the compliance status PASSED, so that a finding that failed before is resolved. ``archived`` makes of a
finding of an earlier run what Security Hub should keep of a service that is gone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from sysdig_instrument.coverage.findings import (
    ADVICE,
    GENERATOR,
    TITLE,
    Finding,
    Result,
    findings_of,
    shortened,
    timestamp,
)
from sysdig_instrument.coverage.report import Report
from sysdig_instrument.engine.json_types import Json

SCHEMA_VERSION: Final = "2018-10-08"
_TYPE: Final = "Software and Configuration Checks/AWS Security Best Practices/Runtime Behavior Analysis"
_OWN: Final = "sysdig-instrument/"  # AWS adds fields of its own, whose names it keeps for itself
_REPORTER: Final = f"{_OWN}reporter"
_COMMAND: Final = "sysdig-instrument coverage"
_MAX_DESCRIPTION: Final = 1024
_MAX_TEXT: Final = 512

_STATUS: Final[Mapping[Result, str]] = {
    Result.FAILED: "FAILED",
    Result.UNKNOWN: "WARNING",
    Result.PASSED: "PASSED",
    Result.NOT_APPLICABLE: "NOT_AVAILABLE",
}
_SEVERITY: Final[Mapping[Result, str]] = {
    Result.FAILED: "HIGH",
    Result.UNKNOWN: "MEDIUM",
    Result.PASSED: "INFORMATIONAL",
    Result.NOT_APPLICABLE: "INFORMATIONAL",
}


def render(report: Report, now: datetime, help_page: str) -> str:
    """Return the findings as a JSON list, as ``aws securityhub batch-import-findings --findings`` takes it, 100 at a time."""
    return json.dumps(list(findings(report, now, help_page)), indent=2) + "\n"


def findings(report: Report, now: datetime, help_page: str, reporter: str = "") -> Iterator[dict[str, Json]]:
    """Yield the findings. ``help_page`` is the address of the troubleshooting page, if it is known.

    ``reporter`` is the name of what reports; empty for the command.
    """
    for finding in findings_of(report, reporter):
        yield _finding(finding, timestamp(now), help_page, reporter or _COMMAND)


def is_of(finding: Mapping[str, Json], reporter: str) -> bool:
    """Return whether a finding in Security Hub is that of a reporter, or names none, as those of earlier releases."""
    fields = finding.get("ProductFields")
    return not isinstance(fields, dict) or fields.get(_REPORTER, reporter) == reporter


def product_arn(partition: str, region: str, account: str) -> str:
    """Return the product of an account for findings of its own."""
    return f"arn:{partition}:securityhub:{region}:{account}:product/{account}/default"


def _finding(finding: Finding, time: str, help_page: str, reporter: str) -> dict[str, Json]:
    code = finding.help_code
    url = f"{help_page}#{code.value.lower()}" if help_page and code else ""
    severity: Json = {"Label": _SEVERITY[finding.result]}
    return {
        "SchemaVersion": SCHEMA_VERSION,
        "Id": finding.identifier,
        "ProductArn": product_arn(finding.partition, finding.region, finding.account),
        "ProductName": "sysdig-instrument",
        "GeneratorId": GENERATOR,
        "AwsAccountId": finding.account,
        "Region": finding.region,
        "Types": [_TYPE],
        "FindingProviderFields": {"Severity": severity, "Types": [_TYPE]},
        "CreatedAt": time,
        "UpdatedAt": time,
        "Severity": severity,
        "Title": TITLE,
        "Description": shortened(finding.description, _MAX_DESCRIPTION),
        "Remediation": {"Recommendation": {"Text": shortened(ADVICE, _MAX_TEXT), **({"Url": url} if url else {})}},
        "ProductFields": {
            _REPORTER: reporter,
            "sysdig-instrument/verdict": finding.status.value,
            # Security Hub refuses a finding with an empty text.
            **({"sysdig-instrument/codes": " ".join(each.value for each in finding.codes)} if finding.codes else {}),
            "sysdig-instrument/cluster": finding.cluster,
            "sysdig-instrument/tasks": str(finding.task_count),
        },
        "Resources": [_resource(finding)],
        "Compliance": {"Status": _STATUS[finding.result]},
        "RecordState": "ACTIVE",
    }


def _resource(finding: Finding) -> Json:
    details: Json = (
        {
            "AwsEcsService": {
                "Cluster": finding.cluster,
                "ServiceName": finding.name,
                "TaskDefinition": finding.task_definitions[0],
            }
        }
        if finding.is_service
        else {"AwsEcsTaskDefinition": {"Family": finding.name}}
    )
    return {
        "Type": "AwsEcsService" if finding.is_service else "AwsEcsTaskDefinition",
        "Id": finding.resource,
        "Partition": finding.partition,
        "Region": finding.region,
        "Details": details,
    }


_KEPT_OF_ARCHIVED: Final = (
    "SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "Types", "CreatedAt", "Severity", "Title",
    "Description", "Resources",
)  # fmt: skip


def archived(finding: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """Return a finding of an earlier run whose service or family no longer runs, as archived."""
    kept = {name: finding[name] for name in _KEPT_OF_ARCHIVED if name in finding}
    fields = finding.get("ProductFields")
    own = {name: each for name, each in fields.items() if name.startswith(_OWN)} if isinstance(fields, dict) else {}
    return {
        **kept,
        "ProductFields": own,
        "UpdatedAt": timestamp(now),
        "Compliance": {"Status": "NOT_AVAILABLE"},
        "RecordState": "ARCHIVED",
    }
