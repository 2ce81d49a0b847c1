"""The line of a template that lists the macro: ``Transform: SysdigInstrument``.

CloudFormation does what the line says, or nothing, and it does not tell that nothing was done. :func:`find_line` says
whether a template lists the macro, and why not if it nearly does. :meth:`MacroLine.covers` says whether the macro gets a
task definition. Only a literal name at the right place counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from enum import Enum
from typing import Final

from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.expressions.evaluate import is_expression
from sysdig_instrument.engine.expressions.scope import transform_entries, transform_name
from sysdig_instrument.engine.findings import Problem, Reason, format_pointer, quote
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.protection import Protection, protection_as_it_is, protection_by_macro
from sysdig_instrument.engine.settings.template_layers import METADATA_KEY
from sysdig_instrument.engine.steps.result import has_result
from sysdig_instrument.engine.suggestions import suggest
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.engine.template import (
    LANGUAGE_EXTENSIONS,
    SECTION,
    TASK_DEFINITION,
    TRANSFORM,
    is_own_name,
    paste_line,
    resources_of_types,
)
from sysdig_instrument.lazy_dataclasses import dataclass

_INCLUDE: Final = "AWS::Include"
_MIN_SIMILARITY: Final = 0.8
_TRANSFORM_KEYS: Final = ("transform", "transforms", "fntransform", "macro", "macros")


class LineStatus(Enum):
    """The ways in which a template lists the macro, or does not. Reports show the value."""

    LISTED = "listed"
    LISTED_EARLY = "listed before AWS::LanguageExtensions"
    LISTED_TWICE = "listed twice"
    LISTED_BEFORE_OTHERS = "listed before another macro"
    IN_FN_TRANSFORM = "in Fn::Transform"
    ABSENT = "absent"
    MISSPELT = "misspelt"
    WRONG_KEY = "in the wrong key"
    DUPLICATE_KEY = "lost to a duplicate key"


_LISTED: Final = frozenset(
    {LineStatus.LISTED, LineStatus.LISTED_EARLY, LineStatus.LISTED_TWICE, LineStatus.LISTED_BEFORE_OTHERS}
)


@dataclass(frozen=True, slots=True)
class MacroLine:
    """The line that a template has for the macro ``macro_name``, or lacks.

    ``pointer`` leads to the line, to what looks like it, or to the top of the template. ``reason`` says what is wrong with it.
    ``in_fn_transform`` has the pointers of the task definitions that name the macro in an ``Fn::Transform`` of their own.
    """

    status: LineStatus
    macro_name: str
    pointer: Pointer = ()
    reason: Reason | None = None
    in_fn_transform: frozenset[Pointer] = frozenset()

    @property
    def is_listed(self) -> bool:
        """True if CloudFormation passes the whole template to the macro."""
        return self.status in _LISTED

    def covers(self, task_definition: Pointer) -> bool:
        """Return whether CloudFormation passes the task definition at this pointer to the macro."""
        return self.is_listed or task_definition in self.in_fn_transform


def find_line(template: Json, macro_name: str, earlier: Sequence[Json] = (), lines: Sequence[int] = ()) -> MacroLine:
    """Return what a template says about the macro.

    ``earlier`` has the values of all Transform keys but the last, if the text of the template repeats this key, and ``lines``
    the line of each.
    """
    sections = [*earlier, template.get(SECTION)] if isinstance(template, dict) else []
    in_fn_transform = frozenset(_in_fn_transform(template, macro_name))
    status, pointer, reason = _status(template, sections, macro_name, lines)
    if in_fn_transform and status in (LineStatus.WRONG_KEY, LineStatus.ABSENT):
        status, pointer, reason = LineStatus.IN_FN_TRANSFORM, (), _absent(macro_name, sections)
    return MacroLine(status, macro_name, pointer, reason, in_fn_transform)


def tasks_without_line(line: MacroLine, tasks: Sequence[TaskPlan]) -> list[TaskPlan]:
    """Return the task definitions that need the macro and are not passed to it, according to the plans for them.

    A task definition that is protected as it is, or that the hook and ``coverage`` leave alone as it is, needs no macro.
    """
    return [task for task in tasks if not line.covers(task.task.pointer or ()) and not protection_as_it_is(task).passes]


def after_deployment(plan: TaskPlan, line: MacroLine, problems: Collection[Problem]) -> Protection:
    """Return the verdict on a task definition of a template after its deployment.

    If the macro has processed the task definition, or does not get it, it is deployed as it is. Otherwise it is deployed as
    the macro makes it, unless the macro refuses the template.
    """
    if not line.covers(plan.task.pointer or ()) or has_result(plan.task):
        return protection_as_it_is(plan)
    verdict = protection_by_macro(plan)
    if verdict.verdict is Verdict.PROTECTED and problems:
        refusal = next((each for each in problems if not each.reason.is_unknown), None)
        if refusal is None:
            return Protection(Verdict.UNKNOWN, (_TEMPLATE_UNKNOWN,), passes=False, left_alone=verdict.left_alone)
        why, at = (_refused_with(refusal, len(problems)),), ((refusal.location,),)
        return Protection(Verdict.NOT_PROTECTED, why, passes=False, left_alone=verdict.left_alone, locations=at)
    return verdict


def listed_entries(template: Json, macro_name: str) -> list[Json]:
    """Return the entries of a template's Transform section that are the macro: names, or objects with Name and Parameters."""
    section = template.get(SECTION) if isinstance(template, dict) else None
    return [each for each in transform_entries(section) if is_own_name(transform_name(each), macro_name)]


def transform_parameters(template: Json, macro_name: str) -> Mapping[str, Json]:
    """Return the Parameters with which a template lists the macro."""
    for entry in listed_entries(template, macro_name):
        match entry:
            case {"Parameters": dict(parameters)}:
                return parameters
    return {}


def _status(
    template: Json, sections: list[Json], macro_name: str, lines: Sequence[int]
) -> tuple[LineStatus, Pointer, Reason | None]:
    own_counts = [sum(is_own_name(name, macro_name) for name in _names(section)) for section in sections]
    if len(sections) > 1 and not all(own_counts) and any(_is_named(each, macro_name) for each in sections):
        return LineStatus.DUPLICATE_KEY, (SECTION,), _duplicate_key(sections, macro_name, lines)
    if own_counts and own_counts[-1]:
        return _order(sections[-1], macro_name)
    if isinstance(template, dict) and TRANSFORM in template and _is_plain_use(template[TRANSFORM], macro_name):
        return LineStatus.LISTED, (TRANSFORM,), None
    near = [name for section in sections for name in _names(section) if is_near(name, macro_name)]
    if near:
        return LineStatus.MISSPELT, (SECTION,), _misspelt(near[-1], sections, macro_name)
    if elsewhere := next(_elsewhere(template, macro_name, ()), None):
        return LineStatus.WRONG_KEY, elsewhere, _wrong_key(elsewhere, sections, macro_name)
    return _without_line(template, sections, macro_name)


def _without_line(template: Json, sections: list[Json], macro_name: str) -> tuple[LineStatus, Pointer, Reason | None]:
    if isinstance(template, dict) and SECTION in template and not is_literal(template[SECTION]):
        return LineStatus.ABSENT, (SECTION,), _not_literal(macro_name, [each for each in sections[-1:] if each])
    at = (SECTION,) if any(section is not None for section in sections[-1:]) else ()
    return LineStatus.ABSENT, at, _absent(macro_name, sections)


def _order(section: Json, macro_name: str) -> tuple[LineStatus, Pointer, Reason | None]:
    names = _names(section)
    own = [index for index, name in enumerate(names) if is_own_name(name, macro_name)]
    if LANGUAGE_EXTENSIONS in names[own[0] :]:
        return LineStatus.LISTED_EARLY, (SECTION,), _early(section, macro_name)
    if len(own) > 1:
        return LineStatus.LISTED_TWICE, (SECTION,), _twice(section, macro_name)
    if later := next(filter(_may_change_tasks, names[own[0] :][1:]), None):
        return LineStatus.LISTED_BEFORE_OTHERS, (SECTION,), _before_others(later, section, macro_name)
    return LineStatus.LISTED, (SECTION,), None


def _may_change_tasks(name: str) -> bool:
    """Return whether a transform may add or change a task definition: a macro of the account may do anything."""
    return name == _INCLUDE or not name.startswith("AWS::")


def is_literal(section: Json) -> bool:
    """Return whether a Transform section has nothing but literal names. CloudFormation accepts no others."""
    names = map(transform_name, transform_entries(section))
    return all(isinstance(each, str) and each for each in names)


def is_near(name: str, macro_name: str) -> bool:
    """Return whether a name is probably meant to be the macro's: it is spelt nearly as that is, or contains it."""
    known = _letters(macro_name)
    written = _letters(name.rpartition("::")[2])
    return known in _letters(name) or suggest(written, [known], cutoff=_MIN_SIMILARITY) is not None


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


def _names(section: Json) -> list[str]:
    names = (transform_name(each) for each in transform_entries(section))
    return [name for name in names if isinstance(name, str)]


def _is_named(section: Json, macro_name: str) -> bool:
    return any(is_own_name(name, macro_name) or is_near(name, macro_name) for name in _names(section))


# --- the macro elsewhere


def _in_fn_transform(template: Json, macro_name: str) -> Iterator[Pointer]:
    """Yield the pointers of the task definitions with an ``Fn::Transform`` that is the macro, with known settings.

    A snippet's Parameters are settings, and it does not see the template's Metadata: neither is evaluated here.
    """
    if not isinstance(template, dict) or _has_metadata(template):
        return
    for pointer, resource in resources_of_types(template, {TASK_DEFINITION}):
        uses = [
            each[TRANSFORM]
            for each in (resource, resource.get("Properties"))
            if isinstance(each, dict) and TRANSFORM in each
        ]
        if uses and all(_is_plain_use(use, macro_name) for use in uses):
            yield pointer


def _has_metadata(template: Mapping[str, Json]) -> bool:
    metadata = template.get("Metadata")
    return isinstance(metadata, dict) and METADATA_KEY in metadata


def _is_plain_use(use: Json, macro_name: str) -> bool:
    """Return whether the value of an ``Fn::Transform`` is the macro without Parameters, and nothing else."""
    entries = transform_entries(use)
    return bool(entries) and all(
        isinstance(each, dict) and is_own_name(transform_name(each), macro_name) and not each.get("Parameters")
        for each in entries
    )


def _elsewhere(value: Json, macro_name: str, pointer: Pointer) -> Iterator[Pointer]:
    """Yield the pointers of keys that look like Transform and name the macro."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        if isinstance(key, str) and _is_transform_key(key) and _is_named(child, macro_name):
            yield (*pointer, key)
        else:
            yield from _elsewhere(child, macro_name, (*pointer, key))


def _is_transform_key(key: str) -> bool:
    letters = _letters(key)
    return letters in _TRANSFORM_KEYS or suggest(letters, _TRANSFORM_KEYS[:1], cutoff=_MIN_SIMILARITY) is not None


# --- reasons

_TEMPLATE_UNKNOWN: Final = Reason(
    "It is not known here whether the macro refuses the template for another reason",
    "Follow the advice in the other messages",
    code=Code.VALUE_UNKNOWN,
)


def _refused_with(problem: Problem, count: int) -> Reason:
    where = format_pointer(problem.location.pointer) or "its settings"
    others = f", and {count - 1} more" if count > 1 else ""
    return Reason(
        f"The macro refuses the whole template, because of {where} ({problem.reason.code.value}){others}",
        "Correct that first; `sysdig-instrument explain` lists all mistakes",
        code=Code.REFUSED,
    )


def _early(section: Json, macro_name: str) -> Reason:
    return Reason(
        "The macro is listed before AWS::LanguageExtensions, so it gets loops that are not expanded",
        "List AWS::LanguageExtensions first",
        code=Code.LINE_EARLY,
        paste=paste_line([section], macro_name),
    )


def _twice(section: Json, macro_name: str) -> Reason:
    to_paste = paste_line([section], macro_name)
    return Reason("The macro is listed more than once", "List it once", code=Code.LINE_TWICE, paste=to_paste)


def _before_others(later: str, section: Json, macro_name: str) -> Reason:
    fact = f"{quote(later)} is listed after the macro, and can change what the macro has made"
    to_paste = paste_line([section], macro_name)
    return Reason(fact, f"List {macro_name} last", code=Code.LINE_BEFORE_OTHERS, paste=to_paste)


def _not_literal(macro_name: str, sections: Sequence[Json]) -> Reason:
    entries = [entry for section in sections for entry in transform_entries(section) if isinstance(entry, dict)]
    misspelt = next((key for entry in entries for key in entry if key != "Name" and key.casefold() == "name"), None)
    advice = f"Write Transform as a list of names, with {macro_name} as its last item"
    named: list[Json] = [
        "NAME" if isinstance(entry, dict) and len(entry) == 1 and is_expression(entry) else entry
        for section in sections
        for entry in transform_entries(section)
    ]
    return Reason(
        "An entry of Transform is not the literal name of a macro, and CloudFormation accepts nothing else there",
        f'Did you mean "Name" for {quote(misspelt)}?' if misspelt else advice,
        code=Code.LINE_NOT_LITERAL,
        paste=paste_line([named], macro_name),
    )


def _absent(macro_name: str, sections: Sequence[Json]) -> Reason:
    fact = f"The template does not list the macro {macro_name}, so as it is it would be deployed without the agent"
    advice = f"Add the line Transform: {macro_name} at the top level"
    if any(section is not None for section in sections[-1:]):
        advice = f"Add {macro_name} to the list in Transform, as its last item"
    return Reason(fact, advice, code=Code.LINE_MISSING, paste=paste_line(sections[-1:], macro_name))


def _misspelt(name: str, sections: Sequence[Json], macro_name: str) -> Reason:
    fact = f"{quote(name)} in Transform is not the macro's name, so CloudFormation does not call the macro"
    if "," in name:  # several names in one text
        names: list[Json] = [each.strip() for each in name.split(",") if not is_near(each, macro_name)]
        to_paste = paste_line([names, *sections[-1:]], macro_name, misspelt=name)
        return Reason(fact, "Write a list of names", code=Code.LINE_MISSPELT, paste=to_paste)
    to_paste = paste_line(sections[-1:], macro_name, misspelt=name)
    return Reason(fact, f"Write {macro_name}", code=Code.LINE_MISSPELT, paste=to_paste)


def _wrong_key(pointer: Pointer, sections: Sequence[Json], macro_name: str) -> Reason:
    return Reason(
        f"The macro is named at {format_pointer(pointer)}, but the Transform section does not list it",
        f"Write the line Transform: {macro_name} at the top level",
        code=Code.LINE_IN_WRONG_KEY,
        paste=paste_line(sections[-1:], macro_name),
    )


def _duplicate_key(sections: Sequence[Json], macro_name: str, lines: Sequence[int]) -> Reason:
    """Return the reason for a Transform key that is there more than once. All that they list goes into one."""
    count = "twice" if len(sections) == 2 else f"{len(sections)} times"  # noqa: PLR2004 - the word for it
    at = f" (lines {', '.join(map(str, lines[:-1]))} and {lines[-1]})" if len({*lines}) == len(sections) else ""
    listed = any(is_own_name(name, macro_name) for name in _names(sections[-1]))
    which = "Not all of them list" if listed else "The last one counts, and it does not list"
    near = [name for section in sections for name in _names(section) if not is_own_name(name, macro_name)]
    misspelt = next((name for name in near if is_near(name, macro_name)), None)
    to_paste = paste_line(sections, macro_name, misspelt=misspelt)
    below = "the line below" if to_paste else f"one Transform that lists them all, with {macro_name} as its last item"
    return Reason(
        f"Transform is written {count}{at}. {which} {macro_name}",
        f"Replace {'both' if count == 'twice' else 'all of them'} with {below}",
        code=Code.LINE_IN_DUPLICATE_KEY,
        paste=to_paste,
    )
