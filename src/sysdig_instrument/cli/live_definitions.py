"""The decision about a registered task definition: what ``apply`` would register in its place."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from typing import cast

from sysdig_instrument.cli.callers_account import with_callers_account
from sysdig_instrument.cli.documents import InputDocument, input_document, preview_document
from sysdig_instrument.cli.lookups import look_up_from_options, shared_session
from sysdig_instrument.cli.plain_documents import plain_findings
from sysdig_instrument.cli.removals import remove_from
from sysdig_instrument.documents import read
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.errors import UserError
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.services.definitions import changed, coded_text, settings_for
from sysdig_instrument.services.model import Action, DefinitionResult, Described, short_arn

ChangeDefinition = Callable[[Described, str], DefinitionResult]
"""Decides about a task definition that a service starts with a launch type, which is empty if it is not known."""


def instrumenting(options: argparse.Namespace, environment: Mapping[str, str], context: Context) -> ChangeDefinition:
    """Return the function that decides how a task definition gets the agent."""
    session = shared_session(environment, options.profile)

    def change(described: Described, launch_type: str) -> DefinitionResult:
        settings = settings_for(launch_type, context.deployment_settings)
        try:
            document = _document(described)
            here = replace(context, deployment_settings=settings)
            of_document = with_callers_account(options, document, here, session)
            look_up = look_up_from_options(options, document, of_document, environment, session)
            preview = preview_document(document, of_document, look_up)
        except UserError as error:
            return DefinitionResult(Action.REFUSED, str(error))
        if preview.problems:
            return DefinitionResult(Action.REFUSED, coded_text(preview.problems))
        notices = (f"{short_arn(document.source.name)}: {each.coded_text}" for each in preview.notices)
        return changed(document.source.value, preview.plan, notices)

    return change


def removing(added: dict[str, bool]) -> ChangeDefinition:
    """Return the function that decides how the agent is taken out of a task definition."""

    def change(described: Described, _launch_type: str) -> DefinitionResult:
        try:
            document = _document(described)
            removal, after = remove_from(document.source, document.kind, added)
        except UserError as error:
            return DefinitionResult(Action.REFUSED, str(error))
        if removal.problems:
            return DefinitionResult(Action.REFUSED, coded_text(plain_findings(removal.problems)))
        if not removal.changes:
            return DefinitionResult(Action.UNCHANGED, "it has nothing of the agent")
        return DefinitionResult(Action.MOVE, value=_described(after.value))

    return change


def _document(described: Described) -> InputDocument:
    """Return a task definition as the document that ``aws ecs describe-task-definition --include TAGS`` prints."""
    text = json.dumps(described, indent=2, default=str)
    return input_document(read(text.encode(), str(described["taskDefinition"].get("taskDefinitionArn"))))


def _described(value: Json) -> Described:
    return cast("Described", value)
