"""The Lambda Hook on stacks and change sets: judges the template before anything is created.

CloudFormation gives the hook the address of an object in S3. For a stack, that has the ``template``; for a change set, also
``changedResources`` with what each resource will be (``afterContext``). Whether the template is the one before or after macros
makes no difference: one that lists the macro is judged by what the macro makes of it, any other as it is, as ``check`` does.
Resources that the template does not show, because another macro makes them, are judged by their ``afterContext``.

The hook knows no values of parameters, and looks nothing up. So much of a template may be unknown. That is reported and not
rejected, because the hook on resources judges each task definition again, just before CloudFormation creates it. What cannot
be read fails.

Source: the CloudFormation Hooks user guide, «Evaluating stack operations with Lambda Hooks» and «Evaluating change set
operations with Lambda Hooks».
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sysdig_instrument.documents.document import Document
from sysdig_instrument.documents.reader import read
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.expressions.scope import section, transform_entries, transform_name
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason, quote, sentence
from sysdig_instrument.engine.hidden import HIDDEN_LOOP, hidden_notices
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.macro_line import MacroLine, find_line, transform_parameters
from sysdig_instrument.engine.plan import Context, process
from sysdig_instrument.engine.protection import Protection
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.engine.template import SECTION, is_own_name
from sysdig_instrument.engine.verdicts import TemplateVerdicts, template_verdicts
from sysdig_instrument.engine.without_effect import CODES as WITHOUT_EFFECT
from sysdig_instrument.function import hook_annotations
from sysdig_instrument.function.hook import RESOURCE_TARGETS, assess_resource
from sysdig_instrument.function.hook_response import PREDICATES, NotInspectedError, respond, verdict_text, with_code
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.presigned import read_presigned
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

_MAX_BYTES: Final = 8 << 20
"""A template has at most 1 MB, and a change set has it, the one before and the changed resources, as text in JSON."""

_READ_SECONDS: Final = 8.0
"""Limit for reading the template. CloudFormation waits 30 seconds in all, and the function may run for 20."""

_NAME: Final = "The template"
_DELETIONS: Final = frozenset({"DELETE", "REMOVE"})
_INCLUDE: Final = "AWS::Include"
_KNOWN_LATER: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"
_JUDGED_LATER: Final = "The hook on resources judges it before it is created"

_NO_RESOURCES: Final = Reason(
    "The template has no Resources that are visible here", _JUDGED_LATER, code=Code.TRANSFORM_NOT_VISIBLE
)
_OTHER_MACROS: Final = Reason(
    "The template lists other macros, and what they add or change is not visible here",
    _JUDGED_LATER,
    code=Code.TRANSFORM_NOT_VISIBLE,
)
_VALUES_LATER: Final = Reason(
    "It has values that are not known before the change set is executed", _JUDGED_LATER, code=Code.VALUE_UNKNOWN
)


@dataclass(frozen=True, slots=True)
class _Statement:
    """The part of the response about one part of the template. ``status`` is that of its annotations."""

    status: str
    text: str
    annotations: tuple[Json, ...]


def inspect_template(event: Mapping[str, Json], deployment: Layer) -> dict[str, Json]:
    """Return the response for a stack or a change set: FAILED if something in it would run without protection, else SUCCESS.

    Raises:
        NotInspectedError: The event has no template that the hook can judge.
        UsageError: The template is neither JSON nor YAML that CloudFormation accepts.
    """
    request_data = section(dict(event), "requestData")
    payload = _read_payload(request_data.get("payload"))
    document, changes = _document(payload.get("template")), payload.get("changedResources")
    if document is None and not (changes and request_data.get("targetName") == "CHANGE_SET"):
        raise NotInspectedError("CloudFormation gave the hook no template")
    statements = [] if document is None else list(_assess_template(document, event, deployment))
    if changes is not None:
        statements += _assess_changes(changes, None if document is None else document.value, event, deployment)
    return _response(event, statements)


def _response(event: Mapping[str, Json], statements: Iterable[_Statement]) -> dict[str, Json]:
    urgency = ("FAILED", "SKIPPED", "PASSED")
    by_urgency = sorted(statements, key=lambda each: urgency.index(each.status))
    message = " ".join(each.text for each in by_urgency) or "The template starts no containers on ECS or AWS Batch."
    if by_urgency and by_urgency[0].status == "FAILED":
        response = respond(dict(event), "FAILED", message, "NonCompliant")
    else:
        response = respond(dict(event), "SUCCESS", message)
    annotations = [each for statement in by_urgency for each in statement.annotations]
    return {**response, "annotations": annotations[: hook_annotations.MAX_ANNOTATIONS]}


# --- the payload


def _read_payload(address: Json) -> dict[str, Json]:
    if not isinstance(address, str):
        raise NotInspectedError("CloudFormation gave the hook no address of the template")
    try:
        payload = json.loads(read_presigned(address, max_bytes=_MAX_BYTES, seconds=_READ_SECONDS))
    except (HttpError, OSError) as error:
        why = error.fact if isinstance(error, HttpError) else "the connection failed"
        advice = "Try again; if it stays, report it to the platform team"
        raise NotInspectedError(f"The hook could not read the template: {why}", advice) from None
    except ValueError:
        payload = None
    if not isinstance(payload, dict):
        raise NotInspectedError("What CloudFormation gave the hook in place of the template is not a JSON object")
    return payload


def _document(template: Json) -> Document | None:
    """Return the template of a payload, which is the text that CloudFormation was given: JSON or YAML."""
    if template is None or template == "":
        return None
    text = template if isinstance(template, str) else json.dumps(template)
    document = read(text.encode(errors="replace"), _NAME)
    if not isinstance(document.value, dict):
        raise NotInspectedError("The template is not an object, so the hook cannot judge it")
    return document


# --- the template


def _assess_template(document: Document, event: Mapping[str, Json], deployment: Layer) -> Iterator[_Statement]:
    template = document.value
    resolved = merge_layers(deployment)
    macro_name = resolved.values.macro_name
    if _has_other_macros(template, macro_name):
        yield _skipped(_OTHER_MACROS)
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        yield _skipped(_NO_RESOURCES)
        return
    line = find_line(template, macro_name, document.earlier_values(SECTION), document.key_lines(SECTION))
    context = Context(
        deployment_settings=resolved,
        transform_parameters=transform_parameters(template, macro_name),
        parameter_values=dict.fromkeys(section(template, "Parameters")),  # not even those with a Default are known
        region=_found(r"arn:[a-z-]+:cloudformation:([a-z0-9-]+):.*", event.get("stackId")),
        account=_found(r"([0-9]{12})", event.get("awsAccountId")),
    )
    plan = plan_with_lookups(template, context, look_up_nothing)
    _, problems = process(template, plan)
    verdicts = template_verdicts(template, line, plan.tasks, problems, plan.notices)
    yield from _about_line(line, verdicts)
    for task, verdict in verdicts.tasks:
        yield _about_task(task.task.name, verdict)
    for findings in verdicts.other_workloads:
        yield _about_other_workload(findings)
    yield from map(_about_refusal, verdicts.refusals)
    yield from (_skipped(HIDDEN_LOOP) for _ in verdicts.hidden_loops[:1])
    yield from (_skipped(each.reason, each.location.text) for each in hidden_notices(template))
    yield from (_about_notice(each) for each in plan.notices if each.reason.code in WITHOUT_EFFECT)


def _has_other_macros(template: Json, macro_name: str) -> bool:
    """Return whether a template lists macros that may make task definitions: any of an account, and AWS::Include."""
    listed = template.get(SECTION) if isinstance(template, dict) else None
    names = (transform_name(each) for each in transform_entries(listed) if each is not None)
    return any(
        not isinstance(name, str) or name == _INCLUDE or not (name.startswith("AWS::") or is_own_name(name, macro_name))
        for name in names
    )


def _found(pattern: str, text: Json) -> str | None:
    found = re.fullmatch(pattern, text) if isinstance(text, str) else None
    return found[1] if found else None


def _about_line(line: MacroLine, verdicts: TemplateVerdicts) -> Iterator[_Statement]:
    """Yield what is wrong with the line, if the template needs it. Without an unprotected task definition it does not fail."""
    missed = [verdict for task, verdict in verdicts.tasks if not line.covers(task.task.pointer or ())]
    if line.reason and (line.is_listed or any(not each.passes for each in missed)):
        fails = any(_fails(each) for each in missed)
        status = "FAILED" if fails else "SKIPPED"
        found = Finding(Location(pointer=line.pointer), line.reason)
        yield _Statement(status, with_code(line.reason), tuple(hook_annotations.of_findings([found], status)))


def _fails(verdict: Protection) -> bool:
    return not verdict.passes and verdict.verdict is not Verdict.UNKNOWN


def _about_task(name: str, verdict: Protection) -> _Statement:
    subject, fails = f"Task {quote(name)}", _fails(verdict)
    advice = [sentence(each.advice) for each in verdict.reasons if each.advice] if fails else []
    status = "FAILED" if fails else "PASSED" if verdict.verdict is Verdict.PROTECTED else "SKIPPED"
    annotations = hook_annotations.of_verdict(verdict, fails=fails, subject=subject)
    text = verdict_text(subject, verdict, " ".join(dict.fromkeys(advice)))
    if verdict.verdict is Verdict.UNKNOWN:
        text = f"{text} {_JUDGED_LATER}."
    return _Statement(status, text, tuple(annotations))


def _about_other_workload(findings: Iterable[Finding]) -> _Statement:
    found = list(findings)
    subject = quote(str(found[0].location.pointer[-1]))
    status = "FAILED" if any(isinstance(each, Problem) for each in found) else "SKIPPED"
    reasons = [each.reason for each in found]
    text = f"{subject} {PREDICATES[Verdict.CANNOT_BE_PROTECTED]}: {' '.join(map(with_code, reasons))}"
    return _Statement(status, text, tuple(hook_annotations.of_findings(found, status, subject)))


def _about_refusal(problem: Problem) -> _Statement:
    """Return the statement on a problem for which the macro would refuse the template."""
    if problem.reason.is_unknown:
        return _skipped(problem.reason, problem.location.text)
    annotations = hook_annotations.of_findings([problem], "FAILED", problem.location.text)
    return _Statement("FAILED", problem.coded_text, tuple(annotations))


def _about_notice(notice: Notice) -> _Statement:
    text, subject = with_code(notice.reason), notice.location.text
    return _Statement(
        "SKIPPED", f"{subject}: {text}", tuple(hook_annotations.of_findings([notice], "SKIPPED", subject))
    )


def _skipped(reason: Reason, subject: str = "") -> _Statement:
    text = f"{subject}: {with_code(reason)}" if subject else with_code(reason)
    return _Statement("SKIPPED", text, tuple(hook_annotations.of_reasons([reason], "SKIPPED", subject)))


# --- the changed resources


def _assess_changes(
    changes: Json, template: Json, event: Mapping[str, Json], deployment: Layer
) -> Iterator[_Statement]:
    """Yield a statement for each workload that is created or updated, and that the template does not show."""
    listed = changes if isinstance(changes, list) else [changes]
    for change in listed:
        if not isinstance(change, dict) or listed is not changes:
            raise NotInspectedError("CloudFormation gave the hook no list of the changed resources")
        name, resource_type = change.get("logicalResourceId"), change.get("resourceType")
        shown = section(template, "Resources").get(name) if isinstance(name, str) else None
        is_shown = isinstance(shown, dict) and shown.get("Type") == resource_type
        is_deleted = str(change.get("action")).upper() in _DELETIONS
        if resource_type in RESOURCE_TARGETS and not is_shown and not is_deleted:
            yield _about_change(name, str(resource_type), change.get("afterContext"), event, deployment)


def _about_change(
    name: Json, resource_type: str, after: Json, event: Mapping[str, Json], deployment: Layer
) -> _Statement:
    text = after if isinstance(after, str) else json.dumps(after)
    subject = quote(str(name))
    try:
        properties = section(json.loads(text), "Properties")
    except ValueError:
        raise NotInspectedError(f"The hook cannot read what {subject} will be") from None
    try:
        response = assess_resource(dict(event), name, resource_type, properties, deployment)
    except NotInspectedError:
        if _KNOWN_LATER not in text:
            raise
        return _skipped(_VALUES_LATER, subject)
    failed = response["hookStatus"] == "FAILED"
    if failed and _KNOWN_LATER in text:
        return _skipped(_VALUES_LATER, subject)
    annotations = response.get("annotations")
    kept = tuple(annotations) if isinstance(annotations, list) else ()
    return _Statement("FAILED" if failed else "PASSED", str(response["message"]), kept)
