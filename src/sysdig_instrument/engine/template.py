"""Find the task definitions of a template. No other module knows the structure of a template.

A macro receives a whole template. If it is used as a snippet, it receives the object that contains its ``Fn::Transform``:
a resource, or the Properties of a resource. Each :class:`TaskDefinition` refers to the values of that fragment; nothing is
copied or changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from sysdig_instrument.engine.expressions.decision_tree import Assumptions
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.scope import EvaluationScope, section, transform_entries, transform_name
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.paste import Paste, PasteInto, paste
from sysdig_instrument.engine.patch import Owner
from sysdig_instrument.lazy_dataclasses import dataclass, replace

TASK_DEFINITION: Final = "AWS::ECS::TaskDefinition"
STACK: Final = "AWS::CloudFormation::Stack"
STACK_SET: Final = "AWS::CloudFormation::StackSet"
_MODULE: Final = "::MODULE"
"""The end of the type of a module, such as Example::Ecs::Service::MODULE."""
FOR_EACH: Final = "Fn::ForEach::"
TRANSFORM: Final = "Fn::Transform"
SECTION: Final = "Transform"
"""The section in which a template lists macros and other transforms."""
LANGUAGE_EXTENSIONS: Final = "AWS::LanguageExtensions"
MACRO_NAME: Final = "SysdigInstrument"
"""The macro's name, to which each deployment may add a hyphen and its own word: SysdigInstrument-canary."""
_TRANSFORM_NAME: Final = r"[A-Za-z0-9_.:-]{1,255}"
_MAX_LOOP_DEPTH: Final = 5  # nested Fn::ForEach: more than AWS::LanguageExtensions accepts
_MAX_LOOP_ITEMS: Final = 500  # the maximum number of resources in a template
_STEPS_PER_ITEM: Final = 50  # a body is planned once for each item

FragmentKind: TypeAlias = Literal["template", "resource", "properties"]


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """One ``AWS::ECS::TaskDefinition``, or the body of an ``Fn::ForEach`` that makes several.

    ``pointer`` is the resource's, or None if only its Properties are given (a snippet). ``scope`` is what its expressions
    may refer to, with ``None`` for the variables of enclosing loops. ``item_scopes`` has this scope once for each combination
    of the loops' items; it is None if the items are not known.
    """

    name: str
    pointer: Pointer | None
    resource: Mapping[str, Json]
    properties: Json
    scope: EvaluationScope
    item_scopes: tuple[EvaluationScope, ...] | None

    @property
    def properties_pointer(self) -> Pointer:
        """The pointer to its Properties."""
        return () if self.pointer is None else (*self.pointer, "Properties")

    @property
    def properties_or_empty(self) -> Mapping[str, Json]:
        """Its Properties, or an empty mapping if they are not an object."""
        return self.properties if isinstance(self.properties, dict) else {}

    @property
    def owner(self) -> Owner:
        """The owner of the changes to it."""
        return Owner(self.name, None, self.pointer or ())

    @property
    def scopes(self) -> tuple[EvaluationScope, ...]:
        """``item_scopes``, or ``scope`` alone if the items of the enclosing loops are not known."""
        return self.item_scopes or (self.scope,)

    @property
    def assumptions(self) -> Assumptions:
        """The assumption under which it is created: that its Condition is true."""
        return self.scope.assumptions


def fragment_kind(fragment: Json) -> FragmentKind | None:
    """Return the kind of a fragment, or None if it cannot contain a task definition."""
    if not isinstance(fragment, dict):
        return None
    if "Resources" in fragment:
        return "template"
    if isinstance(fragment.get("Type"), str) and "::" in str(fragment["Type"]):
        return "resource"
    return "properties" if "ContainerDefinitions" in fragment else None


def task_definitions(fragment: Json, scope: EvaluationScope) -> Iterator[TaskDefinition]:
    """Yield all task definitions of a fragment, in document order."""
    match fragment_kind(fragment), fragment:
        case "template", dict():
            yield from _in_resources(section(fragment, "Resources"), ("Resources",), scope, (scope,), 0)
        case "resource", dict(resource) if resource["Type"] == TASK_DEFINITION:
            yield _task_definition("", (), resource, scope, (scope,))
        case "properties", dict(properties):
            family = properties.get("Family")
            name = family if isinstance(family, str) else ""
            yield TaskDefinition(name, None, {}, properties, scope, (scope,))


def resource_as_task(pointer: Pointer, resource: Mapping[str, Json], scope: EvaluationScope) -> TaskDefinition:
    """Return a resource that has settings as a task definition has: in its Metadata and Tags."""
    return _task_definition(str(pointer[-1]), pointer, resource, scope, (scope,))


def resources_of_types(
    fragment: Json, resource_types: Collection[str] | None
) -> Iterator[tuple[Pointer, dict[str, Json]]]:
    """Yield the pointer and the value of each resource of the given types, also of those in the body of an ``Fn::ForEach``.

    Without types (None), yield those of all types.
    """
    yield from _resources_of_types(section(fragment, "Resources"), ("Resources",), resource_types, 0)


def _resources_of_types(
    resources: Mapping[str, Json], pointer: Pointer, resource_types: Collection[str] | None, depth: int
) -> Iterator[tuple[Pointer, dict[str, Json]]]:
    for name, resource in resources.items():
        match resource:
            case dict():
                if resource_types is None or str(resource.get("Type")) in resource_types:
                    yield (*pointer, name), resource
            case [_, _, dict(body)] if name.startswith(FOR_EACH) and depth < _MAX_LOOP_DEPTH:
                yield from _resources_of_types(body, (*pointer, name, 2), resource_types, depth + 1)


def modules(fragment: Json) -> Iterator[Pointer]:
    """Yield the pointer of each resource that is a module."""
    for pointer, resource in resources_of_types(fragment, None):
        if str(resource.get("Type")).endswith(_MODULE):
            yield pointer


def opaque_loops(fragment: Json) -> Iterator[Pointer]:
    """Yield the pointer of each ``Fn::ForEach`` among the resources that is nested too deeply, or whose body is not visible."""
    yield from _opaque_loops(section(fragment, "Resources"), ("Resources",), 0)


def _opaque_loops(resources: Mapping[str, Json], pointer: Pointer, depth: int) -> Iterator[Pointer]:
    for name, resource in resources.items():
        if name.startswith(FOR_EACH):
            match resource:
                case [str(), _, dict(body)] if depth < _MAX_LOOP_DEPTH:
                    yield from _opaque_loops(body, (*pointer, name, 2), depth + 1)
                case _:
                    yield (*pointer, name)


def opaque_transforms(fragment: Json) -> Iterator[Pointer]:
    """Yield the pointer of each ``Fn::Transform`` that may insert resources.

    It is at the top level, in Resources or the body of an ``Fn::ForEach``, or makes a resource of what is beside it.
    """
    if isinstance(fragment, dict) and fragment_kind(fragment) == "template":
        yield from _opaque_transform(fragment, ())
        yield from _opaque_transforms(section(fragment, "Resources"), ("Resources",), 0)


def _opaque_transforms(resources: Mapping[str, Json], pointer: Pointer, depth: int) -> Iterator[Pointer]:
    yield from _opaque_transform(resources, pointer)
    for name, resource in resources.items():
        match resource:
            case [_, _, dict(body)] if name.startswith(FOR_EACH) and depth < _MAX_LOOP_DEPTH:
                yield from _opaque_transforms(body, (*pointer, name, 2), depth + 1)
            case dict() if not _keeps_its_type(resource):
                yield from _opaque_transform(resource, (*pointer, name))


def _keeps_its_type(resource: Mapping[str, Json]) -> bool:
    """Return whether no transform makes something else of a resource: what is beside AWS::Include stays.

    A task definition with a transform beside its type is planned, and not hidden.
    """
    return resource.get("Type") == TASK_DEFINITION or ("Type" in resource and _only_includes(resource.get(TRANSFORM)))


def _only_includes(transform: Json) -> bool:
    return all(transform_name(entry) == "AWS::Include" for entry in transform_entries(transform))


def _opaque_transform(parent: Mapping[str, Json], pointer: Pointer) -> Iterator[Pointer]:
    if TRANSFORM in parent and not is_own_transform(parent[TRANSFORM]):
        yield (*pointer, TRANSFORM)


def is_own_transform(value: Json) -> bool:
    """Return whether the value of an Fn::Transform is this macro, used as a snippet, and nothing else."""
    uses = transform_entries(value)
    return bool(uses) and all(isinstance(use, dict) and is_own_name(transform_name(use)) for use in uses)


def is_own_name(name: Json, macro_name: str = MACRO_NAME) -> bool:
    """Return whether a transform's name is this macro's, in any of its deployments."""
    return isinstance(name, str) and (name == macro_name or name.startswith(f"{macro_name}-"))


def paste_line(sections: Sequence[Json], macro_name: str, *, misspelt: str | None = None) -> tuple[Paste, ...]:
    """Return one Transform section that lists what these sections list, and the macro last.

    ``misspelt`` is a name that is not kept. There is nothing to paste if an entry is an object: its Parameters are values.
    Nor is there if one has no form of a name: it may be any text.
    """
    entries = [each for section in sections for each in transform_entries(section) if each not in (None, misspelt)]
    own = next((each for each in entries if is_own_name(each, macro_name)), macro_name)
    others = [each for each in entries if not is_own_name(each, macro_name)]
    if not all(isinstance(each, str) and re.fullmatch(_TRANSFORM_NAME, each) for each in (*others, own)):
        return ()
    listed = [*dict.fromkeys(map(str, others)), own]
    return paste(PasteInto.TEMPLATE, {SECTION: list[Json](listed) if len(listed) > 1 else own})


def own_transforms(template: Json, macro_name: str) -> Iterator[tuple[Pointer, Json]]:
    """Yield each entry that is the macro, with its pointer: of the Transform section, and of ``Fn::Transform`` in task definitions."""
    if not isinstance(template, dict):
        return
    uses: list[tuple[Pointer, Json]] = [((key,), template[key]) for key in (SECTION, TRANSFORM) if key in template]
    for pointer, resource in resources_of_types(template, {TASK_DEFINITION}):
        for place, value in ((pointer, resource), ((*pointer, "Properties"), resource.get("Properties"))):
            if isinstance(value, dict) and TRANSFORM in value:
                uses.append(((*place, TRANSFORM), value[TRANSFORM]))
    for pointer, value in uses:
        for index, entry in enumerate(transform_entries(value)):
            if is_own_name(transform_name(entry), macro_name):
                yield (*pointer, index) if isinstance(value, list) else pointer, entry


def expand_loops(template: Json, macro_name: str) -> tuple[Paste, ...]:
    """Return the Transform section with which loops arrive expanded. The macro itself gets templates without this section."""
    listed = template.get(SECTION) if isinstance(template, dict) else None
    names = [transform_name(each) for each in transform_entries(listed)]
    if not any(is_own_name(name, macro_name) for name in names):
        return ()
    return paste_line([listed] if LANGUAGE_EXTENSIONS in names else [LANGUAGE_EXTENSIONS, listed], macro_name)


def _in_resources(
    resources: Mapping[str, Json],
    pointer: Pointer,
    scope: EvaluationScope,
    item_scopes: tuple[EvaluationScope, ...] | None,
    depth: int,
) -> Iterator[TaskDefinition]:
    for name, resource in resources.items():
        if name.startswith(FOR_EACH):
            match resource:
                case [str(variable), collection, dict(body)] if depth < _MAX_LOOP_DEPTH:
                    inner = replace(scope, loops={**scope.loops, variable: None})
                    yield from _in_resources(
                        body, (*pointer, name, 2), inner, _scopes_by_item(variable, collection, item_scopes), depth + 1
                    )
        elif isinstance(resource, dict) and resource.get("Type") == TASK_DEFINITION:
            yield _task_definition(name, (*pointer, name), resource, scope, item_scopes)


def _scopes_by_item(
    variable: str, collection: Json, outer_scopes: tuple[EvaluationScope, ...] | None
) -> tuple[EvaluationScope, ...] | None:
    """Return a scope for each item of a loop, within each item of the enclosing loops.

    Return None if the items are not known, or if there are more than 500 in all.
    """
    inner: list[EvaluationScope] = []
    for scope in outer_scopes or ():
        match evaluate(collection, scope):
            case Known(list(values)) if len(inner) + len(values) <= _MAX_LOOP_ITEMS and all(
                isinstance(value, str) for value in values
            ):
                scope.state.work.spend(len(values) * _STEPS_PER_ITEM)
                inner += (replace(scope, loops={**scope.loops, variable: value}) for value in values)
            case _:
                return None
    return tuple(inner) or None


def _task_definition(
    name: str,
    pointer: Pointer,
    resource: Mapping[str, Json],
    scope: EvaluationScope,
    item_scopes: tuple[EvaluationScope, ...] | None,
) -> TaskDefinition:
    condition = resource.get("Condition")
    if isinstance(condition, str):
        assumptions = {condition: True}
        scope = scope.assuming(assumptions)
        item_scopes = item_scopes and tuple(item.assuming(assumptions) for item in item_scopes)
    return TaskDefinition(name, pointer, resource, resource.get("Properties"), scope, item_scopes)
