"""The decision about a registered task definition: what ``apply`` would register in its place."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from typing import cast

from sysdig_instrument.cli.callers_account import with_callers_account
from sysdig_instrument.cli.documents import InputDocument, input_document, preview_document
from sysdig_instrument.cli.lookups import look_up_from_options, shared_session
from sysdig_instrument.cli.plain_documents import plain_findings
from sysdig_instrument.cli.removals import remove_from, with_record_label
from sysdig_instrument.documents import read, to_ecs_changes
from sysdig_instrument.engine.findings import Finding
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.task_plan import Status
from sysdig_instrument.errors import UserError
from sysdig_instrument.services.decide import is_same_definition
from sysdig_instrument.services.model import Action, DefinitionResult, Described, short_arn

ChangeDefinition = Callable[[Described], DefinitionResult]


def instrumenting(options: argparse.Namespace, environment: Mapping[str, str], context: Context) -> ChangeDefinition:
    """Return the function that decides how a task definition gets the agent."""
    session = shared_session(environment, options.profile)

    def change(described: Described) -> DefinitionResult:
        try:
            document = _document(described)
            of_document = with_callers_account(options, document, context, session)
            look_up = look_up_from_options(options, document, of_document, environment, session)
            preview = preview_document(document, of_document, look_up)
        except UserError as error:
            return DefinitionResult(Action.REFUSED, str(error))
        if preview.problems:
            return DefinitionResult(Action.REFUSED, _text(preview.problems))
        value = document.source.value
        changes = with_record_label(value, document.kind, tuple(preview.plan.changes), always=True)
        processed = _described(to_ecs_changes(value, document.kind, changes).value)
        if is_same_definition(processed, _described(value)):
            (task,) = preview.plan.tasks
            is_instrumented = task.outcome.status is Status.INSTRUMENTED
            return DefinitionResult(Action.UNCHANGED if is_instrumented else Action.LEFT_ALONE, task.outcome.why)
        notices = tuple(f"{short_arn(document.source.name)}: {each.coded_text}" for each in preview.notices)
        return DefinitionResult(Action.MOVE, value=processed, notices=notices)

    return change


def removing(added: dict[str, bool]) -> ChangeDefinition:
    """Return the function that decides how the agent is taken out of a task definition."""

    def change(described: Described) -> DefinitionResult:
        try:
            document = _document(described)
            removal, after = remove_from(document.source, document.kind, added)
        except UserError as error:
            return DefinitionResult(Action.REFUSED, str(error))
        if removal.problems:
            return DefinitionResult(Action.REFUSED, _text(plain_findings(removal.problems)))
        if not removal.changes:
            return DefinitionResult(Action.UNCHANGED, "it has nothing of the agent")
        return DefinitionResult(Action.MOVE, value=_described(after.value))

    return change


def _document(described: Described) -> InputDocument:
    """Return a task definition as the document that ``aws ecs describe-task-definition --include TAGS`` prints."""
    text = json.dumps(described, indent=2, default=str)
    return input_document(read(text.encode(), str(described["taskDefinition"].get("taskDefinitionArn"))))


def _text(findings: Iterable[Finding]) -> str:
    return " ".join(finding.coded_text for finding in findings)


def _described(value: Json) -> Described:
    return cast("Described", value)
