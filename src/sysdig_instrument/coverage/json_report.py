"""The report as JSON.

The schema is stable: within ``"schema": 1``, members are only added. Order is stable too, so that two reports can be
compared line by line. There are names and states in it, and no values of variables::

    {
      "schema": 1,
      "accounts": [],                       accounts that were named; empty: that of the caller
      "regions": ["eu-central-1"],          regions that were read
      "summary": {
        "tasks": 9,                         all tasks that were read
        "expected": 6,                      tasks that should be protected: the sum of the next six
        "protected": 4, "unprotected": 1, "unknown": 1,
        "byDaemon": 0, "agentSilent": 0,    a daemon covers the instance; the agent writes no log
        "cannotBeProtected": 0,
        "letThrough": 0,                    cannot be protected, and need not: Windows tasks
        "excluded": 1,                      excluded by the settings or by tags
        "outOfScope": {"EC2": 2},           by launch type; empty with LaunchTypes=ALL
        "protectedPercent": 66.6,           of those expected, rounded down; null if there are none
        "unread": 1                         the number of entries in "unread"
      },
      "groups": [{                          tasks that are equal in all of this
        "region": "eu-central-1", "account": "111122223333", "cluster": "shop",
        "service": "web",                   null for tasks outside a service
        "group": "service:web",             the ECS task group
        "taskDefinition": "shop-web:12",
        "launchType": "FARGATE",            "" if ECS reports none
        "verdict": "protected",             or unprotected, cannot be protected, agent silent, unknown, by a daemon,
                                            excluded, out of scope
        "codes": ["SI000"],                 the codes of the verdict and its reasons
        "reasons": [],                      why it is not protected, sentence by sentence
        "remarks": [],                      further facts that do not affect the verdict
        "leftAlone": [{                     what should not be instrumented
          "container": "log-router",        null: the whole task definition
          "why": "…", "code": "SI022",
          "layer": null                     the layer of settings that decides; null if none does
        }],
        "agent": {"image": "…", "digests": ["sha256:…"]},     null without an agent
        "tasks": ["0f9d…"]                  task IDs
      }],
      "unread": [{                          what could not be read: tasks there are not in the report
        "region": "us-east-1",              null: all of them
        "cluster": null,                    null: the whole region
        "fact": "…", "advice": "…"
      }]
    }
"""

from __future__ import annotations

import json

from sysdig_instrument.coverage.assess import TaskStatus
from sysdig_instrument.coverage.model import ReadError, short_name
from sysdig_instrument.coverage.report import Report, ReportGroup
from sysdig_instrument.engine.json_types import Json

SCHEMA_VERSION = 1


def render(report: Report) -> str:
    """Render the report as JSON, with a final newline."""
    content: Json = {
        "schema": SCHEMA_VERSION,
        "accounts": list(report.accounts),
        "regions": list(report.regions),
        "summary": _summary(report),
        "groups": [_group(group) for group in report.groups],
        "unread": [_read_error(each) for each in report.read_errors],
    }
    return json.dumps(content, indent=2) + "\n"


def protected_percent(report: Report) -> float | None:
    """Return the percentage of expected tasks that are protected, or None if none are expected.

    It is rounded down, so that 100 means all.
    """
    if not report.expected_count:
        return None
    return report.covered_count * 1000 // report.expected_count / 10


def _summary(report: Report) -> Json:
    return {
        "tasks": report.count(*TaskStatus),
        "expected": report.expected_count,
        "protected": report.count(TaskStatus.PROTECTED),
        "unprotected": report.count(TaskStatus.UNPROTECTED),
        "unknown": report.count(TaskStatus.UNKNOWN),
        "byDaemon": report.count(TaskStatus.BY_DAEMON),
        "agentSilent": report.count(TaskStatus.AGENT_SILENT),
        "cannotBeProtected": report.failing_count(TaskStatus.CANNOT_BE_PROTECTED),
        "letThrough": report.let_through_count,
        "excluded": report.count(TaskStatus.EXCLUDED),
        "outOfScope": dict(report.out_of_scope_counts),
        "protectedPercent": protected_percent(report),
        "unread": len(report.read_errors),
    }


def _group(group: ReportGroup) -> Json:
    key, assessment = group.key, group.key.assessment
    agent: Json = (
        {"image": assessment.agent_image, "digests": list(group.agent_digests)} if assessment.agent_image else None
    )
    return {
        "region": key.region,
        "account": group.account,
        "cluster": short_name(key.cluster),
        "service": group.service,
        "group": key.group,
        "taskDefinition": short_name(key.task_definition),
        "launchType": key.launch_type,
        "verdict": assessment.status.value,
        "codes": [code.value for code in assessment.codes],
        "reasons": list(assessment.reasons),
        "remarks": list(assessment.remarks),
        "leftAlone": [each.as_json for each in assessment.left_alone],
        "agent": agent,
        "tasks": [task.id for task in group.tasks],
    }


def _read_error(error: ReadError) -> Json:
    return {
        "account": error.account or None,
        "region": error.region,
        "cluster": error.cluster,
        "fact": error.reason.fact,
        "advice": error.reason.advice,
    }
