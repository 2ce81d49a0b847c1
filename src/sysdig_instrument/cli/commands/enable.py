"""``sysdig-instrument enable``: add the line that lists the macro to templates."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.file_changes import FileChange, change_lines
from sysdig_instrument.cli.messages import LineToCorrectError
from sysdig_instrument.documents.editing.macro_line import add_line
from sysdig_instrument.engine.macro_line import LineStatus, MacroLine, is_literal
from sysdig_instrument.engine.other_workloads import EXPRESS_SERVICE, JOB_DEFINITION, by_other_workload
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.template import SECTION, TASK_DEFINITION, resources_of_types
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

_TO_CORRECT: Final = (LineStatus.DUPLICATE_KEY, LineStatus.WRONG_KEY)


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Add the line to each template with a task definition that does not list the macro. Return 1 if one has to be corrected.

    Raises:
        UsageError: An option is wrong.
    """
    return change_lines(options, environment, _enable)


def _enable(document: InputDocument, line: MacroLine, context: Context) -> FileChange:
    source, name = document.source, line.macro_name
    tasks = [pointer for pointer, _ in resources_of_types(document.fragment, {TASK_DEFINITION})]
    if line.is_listed:
        advice = f". {line.reason.text}" if line.reason else ""
        return FileChange(source, source, f"lists {name} already{advice}")
    has_others = _has_other_workloads(document, context)
    if not tasks and not has_others:
        return FileChange(source, source, "has no task definitions")
    if not has_others and all(map(line.covers, tasks)):
        return FileChange(source, source, f"lists {name} in Fn::Transform already")
    if line.status in _TO_CORRECT or not _has_only_names(document):
        raise LineToCorrectError(document, line)
    return FileChange(source, add_line(source, name), f"lists {name} now")


def _has_only_names(document: InputDocument) -> bool:
    """Return whether the Transform section, if there is one, has nothing that CloudFormation does not accept there."""
    fragment = document.fragment
    return not isinstance(fragment, dict) or SECTION not in fragment or is_literal(fragment[SECTION])


def _has_other_workloads(document: InputDocument, context: Context) -> bool:
    """Return whether the macro would convert, or would refuse, something that is not a task definition."""
    if not any(resources_of_types(document.fragment, {EXPRESS_SERVICE, JOB_DEFINITION})):
        return False
    plan = plan_with_lookups(document.fragment, context, look_up_nothing)
    return any(each.made_from for each in plan.tasks) or bool(by_other_workload(plan.problems))
