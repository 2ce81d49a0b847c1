"""The report as JSON.

The schema is stable: within ``"schema": 1``, members are only added. Order is stable too, so that two reports can be
compared line by line. There are names and states in it, and no values of variables::

    {
      "schema": 1,
      "regions": ["eu-central-1"],          regions that were asked
      "summary": {
        "tasks": 9,                         all tasks that were read
        "expected": 6,                      those that should be protected: the next three together
        "protected": 4, "unprotected": 1, "unknown": 1,
        "excluded": 1,                      left alone as the settings or tags say
        "outOfScope": {"EC2": 2},           by launch type; empty with LaunchTypes=ALL
        "protectedPercent": 66.6,           of those expected, rounded down; null where there are none
        "unread": 1                         entries of "unread"
      },
      "groups": [{                          tasks that are alike in all of this
        "region": "eu-central-1", "account": "111122223333", "cluster": "shop",
        "service": "web",                   null for a task that belongs to none
        "group": "service:web",             as ECS has it
        "taskDefinition": "shop-web:12",
        "launchType": "FARGATE",            "" where ECS does not say
        "verdict": "protected",             or unprotected, unknown, excluded, out of scope
        "reasons": [],                      why it is not protected, sentence by sentence
        "remarks": [],                      what else there is to know
        "leftAlone": [{"container": "log-router", "why": "…"}],
        "agent": {"image": "…", "digests": ["sha256:…"]},     null without an agent
        "tasks": ["0f9d…"]                  their ids
      }],
      "unread": [{                          what could not be read: no verdict on what may run there
        "region": "us-east-1",              null: all of them
        "cluster": null,                    null: the whole region
        "fact": "…", "advice": "…"
      }]
    }
"""

from __future__ import annotations

import json

from sysdig_instrument.coverage import spelled
from sysdig_instrument.coverage.account import Unread
from sysdig_instrument.coverage.judging import Verdict
from sysdig_instrument.coverage.report import Group, Report
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.registry.aws import Arn

SCHEMA = 1


def text(report: Report) -> str:
    """The report as a JSON text, with a line end."""
    document: Json = {
        "schema": SCHEMA,
        "regions": list(report.regions),
        "summary": _summary(report),
        "groups": [_group(group) for group in report.groups],
        "unread": [_unread(each) for each in report.unread],
    }
    return json.dumps(document, indent=2) + "\n"


def percent(report: Report) -> float | None:
    """The share of tasks that are protected among those that should be; rounded down, so that 100 means all."""
    if not report.expected:
        return None
    return report.count(Verdict.PROTECTED) * 1000 // report.expected / 10


def _summary(report: Report) -> Json:
    return {
        "tasks": report.count(*Verdict),
        "expected": report.expected,
        "protected": report.count(Verdict.PROTECTED),
        "unprotected": report.count(Verdict.UNPROTECTED),
        "unknown": report.count(Verdict.UNKNOWN),
        "excluded": report.count(Verdict.EXCLUDED),
        "outOfScope": dict(report.launch_types_out_of_scope),
        "protectedPercent": percent(report),
        "unread": len(report.unread),
    }


def _group(group: Group) -> Json:
    kind, judgement = group.kind, group.kind.judgement
    arn = Arn.parse(kind.cluster)
    agent: Json = {"image": judgement.agent_image, "digests": list(group.digests)} if judgement.agent_image else None
    return {
        "region": kind.region,
        "account": arn.account if arn else "",
        "cluster": spelled.last(kind.cluster),
        "service": group.service,
        "group": kind.group,
        "taskDefinition": spelled.last(kind.definition),
        "launchType": kind.launch_type,
        "verdict": judgement.verdict.value,
        "reasons": list(judgement.reasons),
        "remarks": list(judgement.remarks),
        "leftAlone": [{"container": name, "why": why} for name, why in judgement.left_alone],
        "agent": agent,
        "tasks": [task.id for task in group.tasks],
    }


def _unread(unread: Unread) -> Json:
    return {
        "region": unread.region,
        "cluster": unread.cluster,
        "fact": unread.reason.fact,
        "advice": unread.reason.advice,
    }
