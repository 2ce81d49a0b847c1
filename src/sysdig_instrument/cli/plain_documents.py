"""Task definitions and arrays of container definitions outside of a template: what they cannot contain, and their messages.

The engine plans them as the Properties of a resource. But there is no template around them: no other resources, no Metadata
and no intrinsic functions. So its messages say «the task definition» here, and its advice leaves out what only a template has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeVar

from sysdig_instrument.ecs_documents import camel_key
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Finding, Location, Problem, Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.engine.protection import Protection, protection
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.table import TABLE
from sysdig_instrument.engine.settings.types import LogConfiguration, Object, String
from sysdig_instrument.engine.task_plan import Outcome, Status, TaskPlan
from sysdig_instrument.lazy_dataclasses import replace

AnyFinding = TypeVar("AnyFinding", bound=Finding)

_WORDS: Final[Mapping[str, str]] = {
    r"; its (items|members), and the (list|object) under Fn::If, may be expressions": "",
    r"; its (items|members) may be expressions, and it may be inside Fn::If": "",
    r"; the list and its items may be inside Fn::If": "",
    r", or as a Ref to a CommaDelimitedList": "",
    r", or (put|move) [^.;]*Fn::If[^.;]*": "",
    r"(is|are) an expression, and": r"\1 not written as a list or a value, and",
    r"an expression that cannot be extended": "not written as a list, and cannot be extended",
    r"is an expression\b": "is not written as a value",
    r'it refers to "the enclosing task definition", which is known only after deployment': "this file does not contain it",
    r'it refers to "a value known after apply", which is known only after deployment': "it is known only after apply",
    r'it refers to ("[^"]*"|\(not shown\)), which is known only after deployment': "it is not written as a value",
    r"the task definition's Properties": "the task definition",
    r"is not a resource of this template": "is not in this file",
    r"move some of its resources into a separate template": "split the task definition",
    r"with Metadata: \{SysdigInstrument: \{ExcludeContainers: \[([^\]]*)\]\}\}": r"with the setting ExcludeContainers: \1",
    r"\b([Tt]he) (task definition's )?template('s)?\b": r"\1 task definition\3",
}
"""Patterns of what the engine's messages say about templates, and what they say outside of one, in this order."""


def in_plain_words(text: str) -> str:
    """Return the text of a message without what only a template has."""
    for pattern, words in _WORDS.items():
        text = re.sub(pattern, words, text)
    return text


def _plain_reason(reason: Reason) -> Reason:
    """Return a reason in the words for a document that is no template."""
    fact, advice, stable_fact = map(in_plain_words, (reason.fact, reason.advice, reason.stable_fact))
    return replace(reason, fact=fact, advice=advice, stable_fact=stable_fact)


def plain_protection(plan: TaskPlan) -> Protection:
    """Return the verdict on a task definition as it is, in plain words."""
    verdict = protection(plan)
    return replace(verdict, reasons=tuple(map(_plain_reason, verdict.reasons)))


def plain_findings(findings: Iterable[AnyFinding]) -> Iterator[AnyFinding]:
    """Yield findings in these words, with pointers in the camelCase of the ECS API."""
    for finding in findings:
        pointer = tuple(camel_key(part) if isinstance(part, str) else part for part in finding.location.pointer)
        yield replace(
            finding, location=replace(finding.location, pointer=pointer), reason=_plain_reason(finding.reason)
        )


def plain_tasks(tasks: Iterable[TaskPlan]) -> tuple[TaskPlan, ...]:
    """Return the plans with their outcomes in these words."""
    return tuple(
        replace(task, outcome=_plain_outcome(task.outcome), containers=tuple(map(_plain_outcome, task.containers)))
        for task in tasks
    )


def _plain_outcome(outcome: Outcome) -> Outcome:
    return replace(outcome, why=in_plain_words(outcome.why))


# --- Settings that only a template can hold


def intrinsic_settings(plan: Plan) -> Iterator[Problem]:
    """Yield a problem for each setting with an intrinsic function that the agent's container or a workload would get."""
    if not any(task.outcome.status is Status.INSTRUMENTED for task in plan.tasks):
        return
    settings = plan.context.deployment_settings
    for setting in TABLE:
        if _has_intrinsic(setting.value_type, getattr(settings.values, setting.attribute)):
            yield Problem(Location(), _not_in_a_template(setting.name, settings))


def _not_in_a_template(name: str, settings: ResolvedSettings) -> Reason:
    fact = f'Setting "{name}" in {settings.layer_name(name)} has an intrinsic function, which only a CloudFormation template can have'
    is_arn = name in ("AccessKeySecret", "DefaultExecutionRoleArn")
    return Reason(
        fact,
        "Use an ARN for a task definition outside of a template" if is_arn else "Use a literal value",
        code=Code.SETTING_NEEDS_TEMPLATE,
    )


def _has_intrinsic(value_type: object, value: Json) -> bool:
    match value_type:
        case String():
            return isinstance(value, dict)
        case Object(value_kind="string or intrinsic") if isinstance(value, dict):
            return any(isinstance(item, dict) or _is_dynamic(item) for item in value.values())
        case LogConfiguration():
            return _contains_function(value)
    return False


def _contains_function(value: Json) -> bool:
    if isinstance(value, dict):
        return any(key == "Ref" or key.startswith("Fn::") or _contains_function(each) for key, each in value.items())
    return any(map(_contains_function, value)) if isinstance(value, list) else _is_dynamic(value)


def _is_dynamic(value: Json) -> bool:
    return isinstance(value, str) and "{{resolve:" in value
