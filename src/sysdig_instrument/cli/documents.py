"""Find and read the input documents, plan their changes, and convert each plan to the key case of its document.

Output files are written here, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from sysdig_instrument.cli.plain_documents import intrinsic_settings, plain_findings, plain_tasks
from sysdig_instrument.documents import Document, DocumentKind, kind_of, load, read, to_ecs_changes, to_properties
from sysdig_instrument.documents.ecs import camel_key
from sysdig_instrument.documents.errors import MAX_BYTES
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.plan import Context, Plan, process
from sysdig_instrument.engine.template import is_own_name
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.planning import LookupFunction, plan_with_lookups
from sysdig_instrument.printable import printable_name
from sysdig_instrument.quotas import check_size

SUFFIXES: Final = (".json", ".yaml", ".yml", ".template")
_IGNORED_FOLDERS: Final = frozenset({"node_modules", "__pycache__"})
_TASK_DEFINITION_MARKERS: Final = (b"AWS::ECS::TaskDefinition", b"ontainerDefinitions")
"""A file in a folder without any of these contains no task definition, so most files need not be parsed."""


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to read. One that was found in a folder is skipped if it is neither a template nor a task definition."""

    path: str
    is_explicit: bool


def find_files(paths: Iterable[str]) -> Iterator[InputFile]:
    """Yield the files; those in a folder in the order of their names, without hidden files and folders.

    A pipe or a device is read only if it is named itself.
    """
    for path in paths:
        if path != "-" and Path(path).is_dir():
            yield from (InputFile(file_path, is_explicit=False) for file_path in _walk_folder(path))
        else:
            yield InputFile(path, is_explicit=True)


def _walk_folder(folder: str) -> Iterator[str]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _IGNORED_FOLDERS)
        for name in sorted(files):
            path = os.path.join(parent, name)  # noqa: PTH118 - a Path for each file of a large tree is slow
            # Only regular files: reading a named pipe would wait for its writer.
            if name.endswith(SUFFIXES) and not name.startswith(".") and os.path.isfile(path):  # noqa: PTH113 - likewise
                yield path


def open_document(file: InputFile) -> InputDocument | None:
    """Read a file. Return None for a file found in a folder that is not a template or a task definition.

    Raises:
        UsageError: The file was named and is unusable, or it looks like a template and cannot be read.
        RefusedError: The template is too large for CloudFormation.
    """
    if file.is_explicit:
        return input_document(load(file.path))
    data = _read_bytes(file.path)
    text = data.replace(b"\0", b"")  # finds the markers in UTF-16, too
    if any(marker in text for marker in _TASK_DEFINITION_MARKERS):
        source = read(data, file.path)
        return input_document(source) if _has_known_key(source.value) else None
    if text.lstrip()[:1] == b"[" and b'mage"' in text:
        return _container_definitions(data, file.path)
    return None


def _read_bytes(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{printable_name(path)} cannot be read: {error.strerror}. Make it readable, or leave it out."
        ) from None


def _has_known_key(value: Json) -> bool:
    known_keys = {"Resources", "taskDefinition", "TaskDefinition", "containerDefinitions", "ContainerDefinitions"}
    return isinstance(value, dict) and not known_keys.isdisjoint(value)


def _container_definitions(data: bytes, path: str) -> InputDocument | None:
    """Return an array of container definitions. Most arrays of objects in a folder are something else: None for these."""
    try:
        source = read(data, path)
    except UsageError:
        return None
    entries = source.value if isinstance(source.value, list) else []
    are_containers = bool(entries) and all(_has_name_and_image(entry) for entry in entries)
    return input_document(source) if are_containers else None


def _has_name_and_image(entry: Json) -> bool:
    return isinstance(entry, dict) and ({"name", "image"} <= entry.keys() or {"Name", "Image"} <= entry.keys())


_UNRESOLVABLE: Final[Json] = {"Ref": "the enclosing task definition"}
_UNKNOWN_PROPERTIES: Final = dict.fromkeys(
    ("RequiresCompatibilities", "ExecutionRoleArn", "Cpu", "Memory"), _UNRESOLVABLE
)
"""Properties that an array of container definitions does not contain are unknown, which differs from absent."""


@dataclass(frozen=True, slots=True)
class InputDocument:
    """A document, its kind, and the fragment that the engine sees."""

    source: Document
    kind: DocumentKind
    fragment: Json

    def with_transform_parameters(self, context: Context) -> Context:
        """Return the context with the Parameters of the template's own Transform, as CloudFormation would pass them."""
        return (
            replace(context, transform_parameters=_transform_parameters(self.fragment))
            if self.kind == "template"
            else context
        )

    @property
    def lists_macro(self) -> bool:
        """True for a template that the macro will process: its Transform lists the macro."""
        return self.kind == "template" and any(_own_transforms(self.fragment))


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


def fragment_of(value: Json, kind: DocumentKind) -> Json:
    """Return what the engine sees of a document: a template unchanged, anything else as the Properties of a resource."""
    if kind == "template":
        return value
    fragment = to_properties(value, kind)
    return (
        {**_UNKNOWN_PROPERTIES, **fragment}
        if kind == "container definitions" and isinstance(fragment, dict)
        else fragment
    )


def _transform_parameters(template: Json) -> Mapping[str, Json]:
    """Return the Parameters with which a template lists this macro."""
    for transform in _own_transforms(template):
        match transform:
            case {"Parameters": dict(parameters)}:
                return parameters
    return {}


def _own_transforms(template: Json) -> Iterator[Json]:
    """Yield the entries of a template's Transform that are this macro."""
    transforms = template.get("Transform") if isinstance(template, dict) else None
    for transform in transforms if isinstance(transforms, list) else [transforms]:
        name = transform.get("Name") if isinstance(transform, dict) else transform
        if isinstance(name, str) and is_own_name(name):
            yield transform


def preview_document(document: InputDocument, context: Context, look_up: LookupFunction) -> Preview:
    """Plan the changes to a document, and check the processed document."""
    plan = plan_with_lookups(document.fragment, document.with_transform_parameters(context), look_up)
    processed, problems = process(document.fragment, plan)
    if document.kind != "template":
        return _preview_plain_document(document, plan, (*problems, *intrinsic_settings(plan)))
    return Preview(plan, () if problems else tuple(plan.changes), plan.notices, problems, processed)


def _preview_plain_document(document: InputDocument, plan: Plan, problems: tuple[Problem, ...]) -> Preview:
    changes = () if problems else tuple(plan.changes)
    converted = to_ecs_changes(document.source.value, document.kind, changes)
    unsupported = tuple(_unsupported_notice(change) for change in converted.unsupported)
    return Preview(
        replace(plan, tasks=plain_tasks(plan.tasks)),
        converted.changes,
        (*plain_findings(plan.notices), *unsupported),
        tuple(plain_findings(problems)),
        converted.value,
    )


def _unsupported_notice(change: Change) -> Notice:
    name = camel_key(str(change.pointer[0]))
    return Notice(
        Location(),
        Reason(
            f"An array of container definitions cannot hold {name}",
            f"Set {name} to {change.value} in the task definition",
        ),
    )
