"""The records of a plan: what must be written down so that it can be undone.

Most task definitions need none, because the removal of the usual form restores them. Where :mod:`certain` does not say so,
a plan tries it. Only where the result is not the template, the Result gets the texts of the changes that restore it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.json_types import Absent, Json, Pointer
from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.engine.removal.certain import is_certainly_undone
from sysdig_instrument.engine.removal.definitions import definitions
from sysdig_instrument.engine.removal.entries import is_same, opposites, to_entries, value_at
from sysdig_instrument.engine.removal.other_forms import has_traces
from sysdig_instrument.engine.removal.uninstrument import OTHER_FORM, Removal, removal_of
from sysdig_instrument.lazy_dataclasses import dataclass, replace

_MOST_CHANGES: Final = 1000
_MOST_CHARACTERS: Final = 100_000
"""Limits of a task definition's record, and of all records of a template, which may have 1 MB."""
_ALL_LOST: Final = ["lost "]


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A template before a plan and after its removal. ``earlier`` is what removes what an earlier plan wrote."""

    template: Json
    processed: Json
    earlier: Removal
    restored: Json

    def differs(self, pointer: Pointer) -> bool:
        """Return whether the removal of the usual form does not restore what is at a pointer."""
        return not is_same(value_at(self.restored, pointer), value_at(self.earlier.document, pointer))


def records(
    template: Json, processed: Json, tasks: Sequence[tuple[Pointer, tuple[Change, ...]]], grants: Sequence[Change]
) -> Mapping[Pointer, list[str]]:
    """Return the record of each task definition that needs one, by the pointer of its resource.

    ``tasks`` are the changes to each resource, ``grants`` those to roles.
    """
    if not tasks:
        return {}  # most plans of the hook and of coverage
    return {} if is_certainly_undone(template, tasks, grants) else tried_records(template, processed, tasks, grants)


def tried_records(
    template: Json, processed: Json, tasks: Sequence[tuple[Pointer, tuple[Change, ...]]], grants: Sequence[Change]
) -> Mapping[Pointer, list[str]]:
    """Return the same, after the removal was tried."""
    is_instrumented = any(each.result is not None or has_traces(each) for each in definitions(template))
    earlier = removal_of(template) if is_instrumented else Removal(template)
    restored = removal_of(processed).document
    if is_same(restored, earlier.document):
        return {}
    comparison = _Comparison(template, processed, earlier, restored)
    found = {
        pointer: _record(comparison, pointer, changes) for pointer, changes in tasks if comparison.differs(pointer)
    }
    roles = dict.fromkeys(each.pointer[:2] for each in grants)
    for_roles = [each for each in grants if comparison.differs(each.pointer[:2])] if roles else []
    if for_roles and tasks:
        pointer, changes = tasks[0]
        record = found.get(pointer) or _record(comparison, pointer, changes)
        undo = opposites(apply(template, [each for each in grants if each not in for_roles]), for_roles)
        entries = to_entries(processed, undo)
        found[pointer] = [*record, *(_absolute(each) for each in entries)]
    return _limited(found)


def _limited(found: Mapping[Pointer, list[str]]) -> Mapping[Pointer, list[str]]:
    """Return the records as long as there is room; for the others, that everything is lost."""
    left = _MOST_CHARACTERS
    limited: dict[Pointer, list[str]] = {}
    for pointer, record in found.items():
        left -= sum(map(len, record))
        limited[pointer] = record if left >= 0 else _ALL_LOST
    return limited


def _entries(document: Json, undo: Sequence[Change]) -> list[str]:
    """Return changes as texts; for very many, that everything is lost."""
    return to_entries(document, undo) if len(undo) <= _MOST_CHANGES else _ALL_LOST


def _absolute(entry: str) -> str:
    head, _, path = entry.rpartition(" ")
    return f"{head} /{path}"


def _record(comparison: _Comparison, pointer: Pointer, changes: Iterable[Change]) -> list[str]:
    inside = [each for each in changes if each.pointer[: len(pointer)] == pointer]
    outside = [each for each in changes if each.pointer[: len(pointer)] != pointer]
    problems = [each for each in comparison.earlier.problems if each.location.pointer[: len(pointer)] == pointer]
    if problems and all(each.reason.code is Code.REMOVAL_NOT_KNOWN for each in problems):
        return [OTHER_FORM]
    if problems:
        return [f"lost {'/'.join(map(str, each.location.pointer[len(pointer) :]))}" for each in problems]
    before, after = value_at(comparison.template, pointer), value_at(comparison.processed, pointer)
    if isinstance(before, Absent) or isinstance(after, Absent) or outside:
        places_outside = dict.fromkeys("/".join(map(str, each.pointer)) for each in outside)
        return [f"lost /{path}" for path in places_outside]
    undo = opposites(before, _relative(inside, pointer))
    undo += _relative((each for each in comparison.earlier.changes if each.pointer[: len(pointer)] == pointer), pointer)
    return _entries(after, undo)


def _relative(changes: Iterable[Change], pointer: Pointer) -> list[Change]:
    return [replace(each, pointer=each.pointer[len(pointer) :]) for each in changes]


def record_of_properties(properties: Json, changes: Sequence[Change], *, always: bool = False) -> list[str]:
    """Return the record of a task definition outside of a template, which needs none if it is empty.

    With ``always`` it is empty only if what was there before is in another tool's form.
    """
    earlier = removal_of(properties)
    processed = apply(properties, changes)
    if earlier.problems or (not always and is_same(removal_of(processed).document, earlier.document)):
        return []
    return _entries(processed, [*opposites(properties, changes), *earlier.changes])
