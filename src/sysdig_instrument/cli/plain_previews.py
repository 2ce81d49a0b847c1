"""The previews of task definitions, and of arrays of container definitions, outside of a template."""

from __future__ import annotations

from sysdig_instrument.cli.documents import InputDocument, Preview, is_fragment
from sysdig_instrument.cli.plain_documents import intrinsic_settings, plain_findings, plain_tasks
from sysdig_instrument.cli.plain_notices import left_alone_notices, notices_of_plan
from sysdig_instrument.documents import to_ecs_changes
from sysdig_instrument.ecs_documents import camel_key
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.services.definitions import with_record_label


def preview_plain_document(document: InputDocument, plan: Plan, problems: tuple[Problem, ...]) -> Preview:
    """Return the preview of a task definition, or an array of container definitions, outside of a template."""
    problems = (*problems, *intrinsic_settings(plan))
    changes = () if problems else with_record_label(document.source.value, document.kind, tuple(plan.changes))
    converted = to_ecs_changes(document.source.value, document.kind, changes)
    unsupported = tuple(_unsupported_notice(change) for change in converted.unsupported)
    about_plain = [
        notice
        for task in plan.tasks
        for notice in notices_of_plan(task, is_fragment=is_fragment(document.source.value, document.kind))
    ]
    return Preview(
        replace(plan, tasks=plain_tasks(plan.tasks)),
        converted.changes,
        (*plain_findings((*plan.notices, *about_plain)), *unsupported),
        tuple(plain_findings(problems)),
        converted.value,
        tuple(notice for task in plain_tasks(plan.tasks) for notice in left_alone_notices(task)),
    )


def _unsupported_notice(change: Change) -> Notice:
    name = camel_key(str(change.pointer[0]))
    return Notice(
        Location(),
        Reason(
            f"An array of container definitions cannot hold {name}",
            f"Set {name} to {change.value} in the task definition",
            code=Code.NOT_IN_AN_ARRAY,
        ),
    )
