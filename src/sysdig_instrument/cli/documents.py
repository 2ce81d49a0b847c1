"""Read the input documents, plan their changes, and convert each plan to the key case of its document.

Output files are written here, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from sysdig_instrument.cli.construct_paths import with_construct_paths
from sysdig_instrument.cli.folders import Hint, InputFile, hint_of_document, read_bytes
from sysdig_instrument.documents import (
    Document,
    DocumentKind,
    Encoding,
    is_certain,
    is_plan,
    kind_of,
    load,
    read,
    to_properties,
)
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.macro_line import MacroLine, find_line, transform_parameters
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.plan import Context, Plan, process
from sysdig_instrument.engine.template import SECTION
from sysdig_instrument.errors import UsageError, UserError
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.planning import LookupFunction, look_up_nothing, plan_with_lookups
from sysdig_instrument.printable import printable_name
from sysdig_instrument.quotas import check_size


def open_documents(
    file: InputFile, *, any_template: bool = False, takes_plans: bool = True
) -> list[InputDocument] | None:
    """Read a file: one document, or with ``takes_plans`` one for each task definition of a Terraform plan.

    Return None for a file found in a folder that is not a template, a task definition or a plan. A template in a folder counts
    only if it has a workload, or with ``any_template``.

    Raises:
        UsageError: The file was named and is unusable, or it looks like a template and cannot be read.
        RefusedError: The template is too large for CloudFormation.
    """
    source = _open(file, any_template=any_template)
    if source is None:
        return None
    if not is_plan(source.value):
        return [input_document(source)]
    if takes_plans:
        return list(plan_documents(source))
    return [input_document(source)] if file.is_explicit else None  # a plan that is named is an error there


def _open(file: InputFile, *, any_template: bool) -> Document | None:
    if file.is_explicit:
        return load(file.path)
    data = read_bytes(file.path)
    hint = hint_of_document(data, any_template=any_template)
    if hint is Hint.NONE:
        return None
    try:
        source = read(data, file.path)
    except UsageError:
        if hint is Hint.MARKER:
            raise
        return None  # most arrays of objects in a folder are something else
    return source if is_certain(source.value) else None


def is_document(path: str) -> bool:
    """Return whether a file in a folder is a template or a task definition, or may be one that cannot be read."""
    try:
        return open_documents(InputFile(path, is_explicit=False)) is not None
    except (UserError, RecursionError):
        return True


_UNRESOLVABLE: Final[Json] = {"Ref": "the enclosing task definition"}
_UNKNOWN_PROPERTIES: Final = dict.fromkeys(
    ("RequiresCompatibilities", "ExecutionRoleArn", "Cpu", "Memory"), _UNRESOLVABLE
)
"""Properties that an array of container definitions does not contain are unknown, which differs from absent."""
_LAUNCH_TYPE_PROPERTIES: Final = ("RequiresCompatibilities", "NetworkMode", "Cpu", "Memory")
_REGISTERED_PROPERTIES: Final = ("TaskDefinitionArn", "Compatibilities", "Revision")
"""Properties that only ECS writes. A task definition that has one is complete."""


@dataclass(frozen=True, slots=True)
class InputDocument:
    """A document, its kind, and the fragment that the engine sees.

    One that was made from a resource of a Terraform plan has its ``address``, and perhaps a ``reason`` why the resource cannot be
    judged, or cannot be protected. ``is_sensitive`` is true if its text is not to be shown.
    """

    source: Document
    kind: DocumentKind
    fragment: Json
    address: str = ""
    reason: Reason | None = None
    is_sensitive: bool = False

    def with_transform_parameters(self, context: Context) -> Context:
        """Return the context with the Parameters of the template's own Transform, as CloudFormation would pass them."""
        if self.kind != "template":
            return context
        macro_name = context.deployment_settings.values.macro_name
        return replace(context, transform_parameters=transform_parameters(self.fragment, macro_name))

    def macro_line(self, context: Context) -> MacroLine | None:
        """Return what a template says about the macro; None for a document that is not a template, and can have no line."""
        if self.kind != "template":
            return None
        macro_name = context.deployment_settings.values.macro_name
        earlier, lines = self.source.earlier_values(SECTION), self.source.key_lines(SECTION)
        return find_line(self.fragment, macro_name, earlier, lines)


@dataclass(frozen=True, slots=True)
class Preview:
    """A plan for a document. ``plan`` is the engine's; changes, notices and problems use the document's key case.

    Without problems, ``processed`` is the document's value after the changes, as the engine has checked it. With problems
    there are no changes.
    """

    plan: Plan
    changes: tuple[Change, ...]
    notices: tuple[Notice, ...]
    problems: tuple[Problem, ...]
    processed: Json
    left_alone: tuple[Notice, ...] = ()
    """What a document that is not a template does not say: that something in it is left alone."""


def input_document(source: Document) -> InputDocument:
    """Return the document with the fragment that the engine sees.

    Raises:
        UsageError: The document is neither a template nor a task definition.
        RefusedError: The template is too large for CloudFormation.
    """
    kind = kind_of(source.value, source.name)
    if kind == "template":
        check_size(len(source.encode(source.text)), source.name)
        return InputDocument(source, kind, source.value)
    return InputDocument(source, kind, fragment_of(source.value, kind))


def plan_documents(source: Document) -> Iterator[InputDocument]:
    """Yield a document for each task definition of a Terraform plan, with the plan's name. Its address is its name in messages.

    Raises:
        UsageError: The plan cannot be judged.
    """
    from sysdig_instrument.documents.terraform import planned_resources, why_unusable  # noqa: PLC0415 - other documents need neither

    if why := why_unusable(source.value):
        raise UsageError(f"{source.name} {why}.", code=Code.TERRAFORM_PLAN)
    for resource in planned_resources(source.value):
        address = printable_name(resource.address)
        text = json.dumps(resource.task, indent=2, ensure_ascii=False) + "\n"
        document = Document(source.name, resource.task, "json", text, Encoding("utf-8"), "\n")
        properties = to_properties(resource.task, "task definition")
        fragment: Json = {**properties, "Family": address} if isinstance(properties, dict) else properties
        yield InputDocument(document, "task definition", fragment, address, resource.reason, resource.is_sensitive)


def fragment_of(value: Json, kind: DocumentKind) -> Json:
    """Return what the engine sees of a document: a template unchanged, anything else as the Properties of a resource."""
    if kind == "template":
        return value
    properties = to_properties(value, kind)
    if not isinstance(properties, dict) or not (kind == "container definitions" or is_fragment(value, kind)):
        return properties
    return {**properties, **{key: each for key, each in _UNKNOWN_PROPERTIES.items() if not properties.get(key)}}


def is_fragment(value: Json, kind: DocumentKind) -> bool:
    """Return whether a task definition is a part of one: it says nothing of its launch type, and ECS did not print it.

    Such files are merged with the rest before they are registered.
    """
    properties = to_properties(value, kind) if kind == "task definition" else None
    return isinstance(properties, dict) and not any(
        properties.get(key) for key in (*_LAUNCH_TYPE_PROPERTIES, *_REGISTERED_PROPERTIES)
    )


def preview_document(document: InputDocument, context: Context, look_up: LookupFunction) -> Preview:
    """Plan the changes to a document, and check the processed document."""
    if document.reason:
        return _preview_with_reason(document, document.reason, context)
    plan = plan_with_lookups(document.fragment, document.with_transform_parameters(context), look_up)
    processed, problems = process(document.fragment, plan)
    if document.kind != "template":
        from sysdig_instrument.cli.plain_previews import preview_plain_document  # noqa: PLC0415 - a template needs nothing of it

        return preview_plain_document(document, plan, problems)
    changes = () if problems else tuple(plan.changes)
    notices = with_construct_paths(plan.notices, document.fragment)
    return Preview(plan, changes, notices, with_construct_paths(problems, document.fragment), processed)


def _preview_with_reason(document: InputDocument, reason: Reason, context: Context) -> Preview:
    """Return the preview of a resource that stays as it is: what is not known is a problem, and so is what the settings refuse."""
    location = Location(document.address)
    empty = plan_with_lookups({}, context, look_up_nothing)
    if reason.is_unknown or context.deployment_settings.values.other_workloads == "fail":
        return Preview(empty, (), (), (Problem(location, reason),), document.source.value)
    return Preview(empty, (), (Notice(location, reason),), (), document.source.value)
