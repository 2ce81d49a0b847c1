"""The findings in the Open Cybersecurity Schema Framework (OCSF), version 1.3.0: class Compliance Finding (2003).

Amazon Security Lake and Security Hub take this format. The profile ``cloud`` says in which account and Region a finding is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from sysdig_instrument import __version__
from sysdig_instrument.coverage.findings import ADVICE, GENERATOR, TITLE, Finding, Result, findings_of
from sysdig_instrument.coverage.report import Report
from sysdig_instrument.engine.json_types import Json

SCHEMA_VERSION: Final = "1.3.0"
_CATEGORY: Final = 2  # Findings
_CLASS: Final = 2003
_CREATE, _CLOSE = 1, 3
_NEW, _SUPPRESSED, _RESOLVED = (1, "New"), (3, "Suppressed"), (4, "Resolved")
_INFORMATIONAL, _MEDIUM, _HIGH = (1, "Informational"), (3, "Medium"), (4, "High")

_ACTIVITY: Final[Mapping[Result, tuple[int, str]]] = {
    Result.FAILED: (_CREATE, "Create"),
    Result.UNKNOWN: (_CREATE, "Create"),
    Result.PASSED: (_CLOSE, "Close"),
    Result.NOT_APPLICABLE: (_CLOSE, "Close"),
}
_STATUS: Final[Mapping[Result, tuple[int, str]]] = {
    Result.FAILED: _NEW,
    Result.UNKNOWN: _NEW,
    Result.PASSED: _RESOLVED,
    Result.NOT_APPLICABLE: _SUPPRESSED,
}
_SEVERITY: Final[Mapping[Result, tuple[int, str]]] = {
    Result.FAILED: _HIGH,
    Result.UNKNOWN: _MEDIUM,
    Result.PASSED: _INFORMATIONAL,
    Result.NOT_APPLICABLE: _INFORMATIONAL,
}
_COMPLIANCE: Final[Mapping[Result, tuple[int, str]]] = {
    Result.FAILED: (3, "Fail"),
    Result.UNKNOWN: (2, "Warning"),
    Result.PASSED: (1, "Pass"),
    Result.NOT_APPLICABLE: (99, "Not applicable"),
}


def render(report: Report, now: datetime, help_page: str) -> str:
    """Return the findings as a JSON list of events."""
    return json.dumps(list(_events(report, now, help_page)), indent=2) + "\n"


def _events(report: Report, now: datetime, help_page: str) -> Iterator[Json]:
    for finding in findings_of(report):
        yield _event(finding, int(now.timestamp() * 1000), help_page)


def _event(finding: Finding, time: int, help_page: str) -> Json:
    activity, activity_name = _ACTIVITY[finding.result]
    status, status_name = _STATUS[finding.result]
    severity, severity_name = _SEVERITY[finding.result]
    compliance, compliance_name = _COMPLIANCE[finding.result]
    code = finding.help_code
    references: list[Json] = [f"{help_page}#{code.value.lower()}"] if help_page and code else []
    return {
        "activity_id": activity,
        "activity_name": activity_name,
        "category_uid": _CATEGORY,
        "category_name": "Findings",
        "class_uid": _CLASS,
        "class_name": "Compliance Finding",
        "type_uid": _CLASS * 100 + activity,
        "type_name": f"Compliance Finding: {activity_name}",
        "time": time,
        "severity_id": severity,
        "severity": severity_name,
        "status_id": status,
        "status": status_name,
        "message": finding.description,
        "metadata": {
            "version": SCHEMA_VERSION,
            "profiles": ["cloud"],
            "product": {"name": "sysdig-instrument", "vendor_name": "sysdig-instrument", "version": __version__},
        },
        "cloud": {
            "provider": "AWS",
            "region": finding.region,
            "account": {"uid": finding.account, "type_id": 10, "type": "AWS Account"},
        },
        "finding_info": {"uid": finding.identifier, "title": TITLE, "desc": finding.description, "types": [GENERATOR]},
        "compliance": {
            "control": TITLE,
            "standards": ["sysdig-instrument"],
            "status_id": compliance,
            "status": compliance_name,
            "status_code": " ".join(each.value for each in finding.codes),
            "status_detail": finding.status.value,
        },
        "remediation": {"desc": ADVICE, **({"references": references} if references else {})},
        "resources": [
            {
                "uid": finding.resource,
                "name": finding.name,
                "type": "AwsEcsService" if finding.is_service else "AwsEcsTaskDefinition",
                "region": finding.region,
                "cloud_partition": finding.partition,
            }
        ],
    }
