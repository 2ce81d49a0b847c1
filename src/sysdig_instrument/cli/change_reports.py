"""The reports of ``stacks --update`` and ``apply`` as JSON, for tools. Within a schema, members are only added."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final

from sysdig_instrument.cli.formats.listing import counted
from sysdig_instrument.cli.harmless import json_text
from sysdig_instrument.cli.output_file import write_output_file
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.errors import UserError
from sysdig_instrument.services.model import Action, Decision, RolloutPlan, State, short_arn
from sysdig_instrument.services.rollout import Report
from sysdig_instrument.stacks.rollout import Outcome, StackReport, StackResult

SCHEMA_VERSION: Final = 1


def write_json_report(path: str | None, value: Json) -> None:
    """Write a report to the file of ``--json``, if there is one.

    Raises:
        UsageError: It cannot be written.
    """
    if path is not None:
        write_output_file(path, f"{json_text(value)}\n".encode(), "Give --json the path of the file itself")


def keep_json_report(path: str | None, value: Json) -> None:
    """Write a report on what is done so far, for a run that is killed. What is in progress goes on if it cannot be written."""
    with contextlib.suppress(UserError):
        write_json_report(path, value)


def stacks_json(report: StackReport) -> Json:
    """Return what became of each stack."""
    return {
        "schema": SCHEMA_VERSION,
        "stopped": report.stopped or None,
        "stacks": [_stack(each) for each in report.results],
        "summary": _summary((each.outcome for each in report.results), Outcome),
    }


def apply_json(cluster: str, plan: RolloutPlan, report: Report | None, errors: Sequence[Reason]) -> Json:
    """Return the decision about each service, and what became of it. Without a report, nothing was to be changed."""
    services = [_service(each, report) for each in plan.decisions]
    return {
        "schema": SCHEMA_VERSION,
        "cluster": cluster,
        "executed": report is not None,
        "errors": [{"code": each.code.value, "message": each.text} for each in errors],
        "services": list(services),
        "decisions": _summary((each.action for each in plan.decisions), Action),
        "summary": _summary(report.states.values() if report else (), State),
    }


def _summary(found: Iterable[Enum], states: Iterable[Enum]) -> Json:
    return counted(Counter[Enum](found), states)


def _service(decision: Decision, report: Report | None) -> Json:
    service = decision.service
    is_moving = decision.action is Action.MOVE
    state = report.states.get(service.label) if report and is_moving else None
    registered = report.registered.get(service.task_definition) if report and is_moving else None
    return {
        "service": service.name,
        "taskDefinition": short_arn(service.task_definition) or None,
        "decision": decision.action.value,
        "why": decision.why or None,
        "registered": short_arn(registered) if registered else None,
        "outcome": state.value if state else None,
    }


def _stack(result: StackResult) -> Json:
    change_set = result.change_set
    return {
        "account": result.stack.account,
        "region": result.stack.region,
        "stack": result.stack.name,
        "wave": result.wave.number,
        "tag": result.wave.tag_value or None,
        "outcome": result.outcome.value,
        "why": result.why or None,
        "changeSet": change_set.arn if change_set else None,
        "changes": [
            {
                "logicalId": each.logical_id,
                "type": each.resource_type,
                "action": each.action,
                "replacement": each.replacement or None,
            }
            for each in (change_set.changes if change_set else ())
        ],
    }
