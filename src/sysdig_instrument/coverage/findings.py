"""The report as findings, one for each service and each family of task definitions outside of services.

A finding keeps its identifier from run to run: that of the service or the family, and not of its tasks, which come and go. So
a later run updates it, and one that is protected now is reported as resolved. What reports on a schedule has a name, and
findings of its own: another one with other settings may come to another verdict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from enum import Enum
from typing import Final

from sysdig_instrument.coverage.assess import TaskStatus
from sysdig_instrument.coverage.model import short_name
from sysdig_instrument.coverage.report import Report, ReportGroup
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import quote
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.aws import Arn

GENERATOR: Final = "sysdig-instrument/coverage"
TITLE: Final = "ECS tasks are protected by the Sysdig agent"
ADVICE: Final = (
    "List the macro in the Transform of the template and update its stack, or leave the task definition alone with a reason "
    "(tag sysdig-instrument=false and tag sysdig-instrument-reason)."
)
"""What to do about a task that is not protected. For services without a template there is `sysdig-instrument apply`."""


class Result(Enum):
    """The result of the check for a service or a family."""

    FAILED = "failed"
    UNKNOWN = "unknown"
    PASSED = "passed"
    NOT_APPLICABLE = "not applicable"


_RESULT_OF: Final = {
    TaskStatus.UNPROTECTED: Result.FAILED,
    TaskStatus.CANNOT_BE_PROTECTED: Result.FAILED,
    TaskStatus.AGENT_SILENT: Result.FAILED,
    TaskStatus.UNKNOWN: Result.UNKNOWN,
    TaskStatus.PROTECTED: Result.PASSED,
    TaskStatus.BY_DAEMON: Result.PASSED,
    TaskStatus.EXCLUDED: Result.NOT_APPLICABLE,
    TaskStatus.OUT_OF_SCOPE: Result.NOT_APPLICABLE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The result for a service or a family, with what explains it. ``resource`` is its ARN; that of a family has no revision."""

    identifier: str
    partition: str
    account: str
    region: str
    cluster: str
    resource: str
    is_service: bool
    name: str
    status: TaskStatus
    result: Result
    description: str
    codes: tuple[Code, ...]
    task_definitions: tuple[str, ...]
    task_count: int

    @property
    def help_code(self) -> Code | None:
        """The code whose entry of the troubleshooting page explains the finding."""
        return next(iter(self.codes), None) if self.result is not Result.PASSED else None


def findings_of(report: Report, reporter: str = "") -> Iterator[Finding]:
    """Yield the findings, in the order of the report: what is most urgent first. ``reporter`` is the name of what reports."""
    by_resource: dict[tuple[str, str], list[ReportGroup]] = {}
    for group in report.groups:
        by_resource.setdefault((group.key.cluster, _resource(group)), []).append(group)
    for (cluster, resource), groups in by_resource.items():
        yield _finding(cluster, resource, groups, reporter)


def _resource(group: ReportGroup) -> str:
    """Return the ARN of the service, or that of the family of task definitions."""
    if group.service:
        arn, cluster = group.key.cluster, short_name(group.key.cluster)
        return f"{arn.rsplit(':cluster/', 1)[0]}:service/{cluster}/{group.service}"
    return group.key.task_definition.rsplit(":", 1)[0]


def _finding(cluster: str, resource: str, groups: Sequence[ReportGroup], reporter: str) -> Finding:
    """Return the finding for the groups of a service or family. The first, most urgent group decides."""
    key = groups[0].key
    arn = Arn.parse(cluster)
    assessment = key.assessment
    count = sum(len(group.tasks) for group in groups)
    result = Result.NOT_APPLICABLE if assessment.is_let_through else _RESULT_OF[assessment.status]
    kind = "service" if groups[0].service else "task definition"
    reasons = "; ".join(dict.fromkeys(reason for group in groups[:1] for reason in group.key.assessment.reasons))
    tasks = f"{count} task{'' if count == 1 else 's'}"
    return Finding(
        identifier=_identifier(cluster, resource, reporter),
        partition=arn.partition if arn else "aws",
        account=arn.account if arn else "",
        region=key.region,
        cluster=cluster,
        resource=resource,
        is_service=groups[0].service is not None,
        name=short_name(resource),
        status=assessment.status,
        result=result,
        description=f"{kind.capitalize()} {quote(short_name(resource))} in cluster {quote(short_name(cluster))} ({tasks}): "
        f"{assessment.status.value}" + (f". {reasons}." if reasons else "."),
        codes=assessment.codes,
        task_definitions=tuple(dict.fromkeys(group.key.task_definition for group in groups)),
        task_count=count,
    )


def _identifier(cluster: str, resource: str, reporter: str) -> str:
    parts = [cluster, resource, *([reporter] if reporter else [])]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
    return f"{GENERATOR}/{digest}"


def shortened(text: str, limit: int) -> str:
    """Return a text of this length at most."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def timestamp(time: datetime) -> str:
    """Return a time in ISO 8601, in UTC, with milliseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
