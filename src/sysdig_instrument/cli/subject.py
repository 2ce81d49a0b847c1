"""The document that the command line tool was given, shown to the engine, and the plan in the document's own spelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from sysdig_instrument.documents import Document, Kind, carry_back, kind, properties
from sysdig_instrument.engine.findings import Finding, Notice, Place, Problem, Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.plan import Context, Plan, process
from sysdig_instrument.engine.template import MACRO
from sysdig_instrument.limits import check_size
from sysdig_instrument.planning import Lookup, planned
from sysdig_instrument.values import dataclass, replace

_ELSEWHERE: Final[Json] = {"Ref": "the task definition around it"}
_OUT_OF_SIGHT: Final = dict.fromkeys(("RequiresCompatibilities", "ExecutionRoleArn", "Cpu", "Memory"), _ELSEWHERE)
"""What an array of container definitions does not show is not known, which is not the same as absent."""

F = TypeVar("F", bound=Finding)


@dataclass(frozen=True, slots=True)
class Subject:
    """A document, what kind it is, and what the engine is shown of it."""

    document: Document
    kind: Kind
    fragment: Json

    def context(self, context: Context) -> Context:
        """The context with the Parameters of the template's own Transform, as CloudFormation would hand them in."""
        return replace(context, params=_transform_parameters(self.fragment)) if self.kind == "template" else context


@dataclass(frozen=True, slots=True)
class Prospect:
    """A plan for a document, in the document's spelling. ``plan`` is the engine's own.

    Without problems, the changes make what the engine made and checked.
    """

    plan: Plan
    changes: tuple[Change, ...]
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]


def subject_of(document: Document) -> Subject:
    """The document as the engine is to see it.

    Raises:
        UsageError: It is neither a template nor a task definition.
        RefusedError: It is a template that is too large for CloudFormation.
    """
    what = kind(document.value, document.name)
    if what == "template":
        check_size(len(document.encode(document.text)), document.name)
        return Subject(document, what, document.value)
    return Subject(document, what, fragment_of(document.value, what))


def fragment_of(value: Json, what: Kind) -> Json:
    """What the engine is shown of a document: a template as it is, anything else as the Properties of a resource."""
    if what == "template":
        return value
    shown = properties(value, what)
    return {**_OUT_OF_SIGHT, **shown} if what == "container definitions" and isinstance(shown, dict) else shown


def _transform_parameters(template: Json) -> Mapping[str, Json]:
    """The Parameters with which a template lists this macro; the names of its rings begin alike."""
    listed = template.get("Transform") if isinstance(template, dict) else None
    for use in listed if isinstance(listed, list) else [listed]:
        match use:
            case {"Name": str(name), "Parameters": dict(parameters)} if name.startswith(MACRO):
                return parameters
    return {}


def prospect(subject: Subject, context: Context, lookup: Lookup) -> Prospect:
    """What would be done to the document."""
    plan = planned(subject.fragment, subject.context(context), lookup)
    _, problems = process(subject.fragment, plan)
    changes = () if problems else tuple(plan.changes)
    if subject.kind == "template":
        return Prospect(plan, changes, plan.notices, problems)
    carried = carry_back(subject.document.value, subject.kind, changes)
    homeless = tuple(_homeless(change) for change in carried.homeless)
    return Prospect(plan, carried.changes, (*_spelled(plan.notices), *homeless), tuple(_spelled(problems)))


def _homeless(change: Change) -> Notice:
    name = _lowered(str(change.pointer[0]))
    return Notice(
        Place(),
        Reason(
            f"An array of container definitions has no place for {name}",
            f"Set {name} to {change.value} in the task definition",
        ),
    )


def _spelled(findings: Iterable[F]) -> Iterable[F]:
    """The findings with their places spelled as ECS does."""
    for finding in findings:
        pointer = tuple(_lowered(part) if isinstance(part, str) else part for part in finding.place.pointer)
        yield replace(finding, place=replace(finding.place, pointer=pointer))


def _lowered(key: str) -> str:
    return key[:1].lower() + key[1:]
