"""The changes that undo a plan, and the form in which a record has them: one text each.

A record has no values of the template: a text names a place, and at most an empty value or the wrapper. In the path to a
place, ``=web`` is the item of a list with this Name, so that a record survives a change of the order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, cast

from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.lazy_dataclasses import dataclass

REASON: Final = "was written with the agent"
_NAME_KEYS: Final = ("Name", "SourceContainer", "Key")
_EMPTY_VALUES: Final[tuple[Json, ...]] = ([], {}, None, "", [""], {"Ref": "AWS::NoValue"}, WRAPPER)
_SIZES: Final = frozenset({"Cpu", "Memory"})
_SIZE: Final = r"[0-9]{1,9}(\.[0-9]{1,9})?( ?(vCPU|GB))?"


class ChangedSinceError(Exception):
    """A record names a place that a document does not have, or is none that a plan writes: anyone may have edited both."""


@dataclass(frozen=True, slots=True)
class Lost:
    """A place whose earlier value is not known: it was replaced."""

    pointer: Pointer


def value_at(document: Json, pointer: Pointer) -> Json | Absent:
    """Return the value at a pointer, or ABSENT if there is none."""
    value = document
    for part in pointer:
        if isinstance(value, dict) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return ABSENT
    return value


def is_same(left: Json | Absent, right: Json | Absent) -> bool:
    """Return whether two values are the same, also in the order of keys and in the types of scalars."""
    if left is right:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(is_same(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    return type(left) is type(right) and left == right


def opposites(document: Json, changes: Iterable[Change]) -> list[Change]:
    """Return the changes that restore a document from what changes make of it, in the order in which they apply."""
    found: list[Change] = []
    for change in changes:
        pointer = change.pointer
        if pointer and pointer[-1] == "-":
            pointer = (*pointer[:-1], len(cast("list[Json]", value_at(document, pointer[:-1]))))
        parent = value_at(document, pointer[:-1])
        before = value_at(document, pointer) if isinstance(parent, dict) or change.operation != "add" else ABSENT
        document = apply(document, [change])
        after = cast("Json", value_at(document, pointer)) if change.operation != "remove" else None
        if change.operation == "remove":
            found.append(Change("add", pointer, REASON, cast("Json", before)))
        elif isinstance(before, Absent):
            found.append(Change("remove", pointer, REASON, was=after))
        else:
            found.append(Change("replace", pointer, REASON, before, was=after))
    return found[::-1]


# --- to text


def to_entries(document: Json, changes: Iterable[Change]) -> list[str]:
    """Return changes as texts, without those below what is removed later."""
    entries = []
    for change, is_needed in _with_need(list(changes)):
        if is_needed:
            entries.append(_entry(change, _encode(document, change.pointer)))
        document = apply(document, [change])
    return entries


def _with_need(changes: list[Change]) -> list[tuple[Change, bool]]:
    """Return each change with whether it makes a difference: not if what it changes is removed later."""
    removed: set[Pointer] = set()
    found: list[tuple[Change, bool]] = []
    for change in reversed(changes):
        pointer = change.pointer
        # An index may be that of another item by then, so only a key counts as the same place.
        longest = len(pointer) + 1 if pointer and isinstance(pointer[-1], str) else len(pointer)
        found.append((change, not any(pointer[:length] in removed for length in range(longest))))
        if change.operation == "remove":
            removed.add(pointer)
    return found[::-1]


def _entry(change: Change, path: str) -> str:
    if change.operation == "remove":
        return f"remove {path}"
    value = change.value
    if _is_recordable(value, change.pointer):
        operation = "set" if change.operation == "replace" else "add"
        return f"{operation} {json.dumps(value, separators=(',', ':'))} {path}"
    if change.operation == "replace" and isinstance(value, dict | list):
        inner = next((pointer for pointer, each in _inner_values(change.was, ()) if is_same(each, value)), None)
        if inner is not None:
            return f"inner {_encode(change.was, inner)} {path}"
    return f"lost {path}"


def _is_recordable(value: Json, pointer: Pointer) -> bool:
    """Return whether a record may have the value itself: an empty one, the wrapper, or a size."""
    is_size = not _SIZES.isdisjoint(map(str, pointer)) and isinstance(value, int | float | str)
    return (is_size and re.fullmatch(_SIZE, str(value)) is not None) or any(
        is_same(value, each) for each in _EMPTY_VALUES
    )


def _inner_values(value: Json, pointer: Pointer) -> Iterator[tuple[Pointer, Json]]:
    members: Iterable[tuple[str | int, Json]] = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    for key, each in members:
        yield (*pointer, key), each
        yield from _inner_values(each, (*pointer, key))


def _encode(document: Json, pointer: Pointer) -> str:
    parts = []
    value: Json | Absent = document
    for part in pointer:
        text = str(part)
        if isinstance(value, list) and isinstance(part, int):
            name = _name(value, part)
            text = text if name is None else f"={name}"
        value = value_at(value, (part,)) if not isinstance(value, Absent) else ABSENT
        parts.append(text.replace("~", "~0").replace("/", "~1"))
    return "/".join(parts)


def _name(items: list[Json], index: int) -> str | None:
    names = [_own_name(item) for item in items]
    name = names[index] if index < len(names) else None
    return name if names.count(name) == 1 else None


def _own_name(item: Json) -> str | None:
    names = [item[key] for key in _NAME_KEYS if key in item] if isinstance(item, dict) else []
    return names[0] if names and isinstance(names[0], str) else None


# --- from text


def from_entries(document: Json, entries: Iterable[str], base: Pointer) -> Iterator[Change | Lost]:
    """Yield the changes of a record below a pointer, for a document as it is.

    Raises:
        ChangedSinceError: The document does not have a place that the record names, or a text is none of a record.
    """
    for entry in entries:
        operation, argument, path = _parts(entry)
        pointer = _decode(document, path, base)
        if not pointer:
            raise ChangedSinceError
        if operation == "lost":
            yield Lost(pointer)
            continue
        change = _change(document, operation, argument, pointer)
        yield change
        document = apply(document, [change])


def _parts(entry: str) -> tuple[str, Json, str]:
    """Return the operation, its argument and the path: ``set [] Properties/Tags``."""
    operation, _, rest = entry.partition(" ")
    if operation in ("set", "add"):
        try:
            value, end = json.JSONDecoder().raw_decode(rest)
        except (ValueError, RecursionError):
            raise ChangedSinceError from None
        return operation, value, rest[end + 1 :]
    argument, _, path = rest.partition(" ") if operation == "inner" else ("", "", rest)
    return operation, argument, path


def _change(document: Json, operation: str, argument: Json, pointer: Pointer) -> Change:
    was = value_at(document, pointer)
    if operation in ("add", "set") and not _is_recordable(argument, pointer):
        raise ChangedSinceError
    if operation == "add" and _has_place(value_at(document, pointer[:-1]), pointer[-1]):
        return Change("add", pointer, REASON, argument)
    if isinstance(was, Absent) or operation not in ("remove", "set", "inner"):
        raise ChangedSinceError
    if operation == "remove":
        return Change("remove", pointer, REASON, was=was)
    if operation == "set":
        return Change("replace", pointer, REASON, argument, was=was)
    inner = value_at(was, _decode(was, str(argument), ()))
    if isinstance(inner, Absent):
        raise ChangedSinceError
    return Change("replace", pointer, REASON, inner, was=was)


def _has_place(parent: Json | Absent, last: str | int) -> bool:
    """Return whether a value can be added to an object or a list."""
    if isinstance(parent, list):
        return isinstance(last, int) and last <= len(parent)
    return isinstance(parent, dict)


def _decode(document: Json, path: str, base: Pointer) -> Pointer:
    if path.startswith("/"):
        path, base = path[1:], ()
    pointer = base
    value: Json | Absent = value_at(document, base)
    for text in path.split("/") if path else ():
        part: str | int = text.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            part = _index(value, str(part))
        pointer = (*pointer, part)
        value = value_at(value, (part,)) if not isinstance(value, Absent) else ABSENT
    return pointer


def _index(items: list[Json], part: str) -> int:
    if part.startswith("="):
        found = [index for index, item in enumerate(items) if _own_name(item) == part[1:]]
        if len(found) == 1:
            return found[0]
    elif re.fullmatch(r"[0-9]{1,9}", part):
        return int(part)
    raise ChangedSinceError
