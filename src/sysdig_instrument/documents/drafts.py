"""A tree with changes pencilled in: what stays, what is new and what goes, with the text not yet touched.

A draft stands for one value. It knows the node that the value comes from, so that whoever writes the text can leave alone
what nobody changed. Lists and objects are opened, part by part, only on the way to a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from sysdig_instrument.documents.tree import (
    Alias,
    Mapping,
    Node,
    Scalar,
    Sequence,
    function_of,
    is_merge,
    key_text,
    same,
)
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import apply
from sysdig_instrument.values import dataclass, replace

if TYPE_CHECKING:
    from sysdig_instrument.engine.patch import Change, Pointer

Parts: TypeAlias = "list[Draft] | dict[str, Draft]"


@dataclass(slots=True, eq=False)
class Draft:
    """A value that may change.

    ``node`` is where it comes from, ``old`` what was read there; ``new`` is set once it has been replaced as a whole.
    ``inherited`` are values that a merge key brought in: they are not in the text of the object that has them.
    """

    node: Node | None
    old: Json = None
    new: Json | Absent = ABSENT
    parts: Parts | None = None
    inherited: bool = False
    unmerged: bool = False

    @property
    def function(self) -> str | None:
        """The key that this node's short tag stands for."""
        return function_of(self.node) if self.node is not None else None

    @property
    def value(self) -> Json:
        """The value with all changes made."""
        if not isinstance(self.new, Absent):
            return self.new
        if self.parts is None:
            return self.old
        if isinstance(self.parts, dict):
            inside: Json = {key: part.value for key, part in self.parts.items()}
        else:
            inside = [part.value for part in self.parts]
        return inside if self.function is None else {self.function: inside}

    def replace(self, value: Json) -> None:
        """Forget the parts: the value is written anew."""
        self.new, self.parts, self.inherited = value, None, False

    def opened(self) -> Parts | None:
        """The parts, to be changed in place; nothing for what has no parts in the text."""
        if self.parts is None and isinstance(self.new, Absent):
            inside = self.old
            if isinstance(inside, dict) and self.function is not None:
                inside = inside[self.function]
            if isinstance(self.node, Sequence) and isinstance(inside, list):
                self.parts = [Draft(item, value) for item, value in zip(self.node.items, inside, strict=True)]
            elif isinstance(self.node, Mapping) and isinstance(inside, dict):
                own = own_values(self.node)
                self.parts = {
                    key: Draft(own[key], value) if key in own else Draft(None, new=value, inherited=True)
                    for key, value in inside.items()
                }
        return self.parts

    def below(self) -> Iterator[Draft]:
        """The parts that are open by now."""
        if isinstance(self.parts, dict):
            yield from self.parts.values()
        elif self.parts is not None:
            yield from self.parts


def own_values(node: Mapping) -> dict[str, Node]:
    """The value nodes that count, by key: of a repeated key it is the last."""
    return {key_text(key) or "": value for key, value in node.entries if not is_merge(key)}


def fresh(value: Json) -> Draft:
    """A value that no node stands for."""
    return Draft(None, new=value)


def make(draft: Draft, change: Change, pointer: Pointer) -> None:
    """Pencil in a change below a draft. The change has been applied to the value before, so its pointer leads somewhere."""
    if not pointer:
        become(draft, change.value)
        return
    parts = draft.opened() if _leads_inside(draft, pointer) else None
    if parts is None:
        draft.replace(apply(draft.value, [replace(change, pointer=pointer)]))
        return
    here, rest = pointer[0], pointer[1:]
    if draft.function is not None:
        here, rest = rest[0], rest[1:]
    if isinstance(parts, list):
        _in_list(parts, change, len(parts) if here == "-" else int(here), rest)
    else:
        _in_object(draft, parts, change, str(here), rest)


def _leads_inside(draft: Draft, pointer: Pointer) -> bool:
    """Under a short tag the first step is the tag itself; a change of that one changes the whole value."""
    return draft.function is None or len(pointer) > 1


def _in_list(parts: list[Draft], change: Change, index: int, rest: Pointer) -> None:
    if rest or change.operation == "replace":
        make(parts[index], change, rest)
    elif change.operation == "add":
        parts.insert(index, fresh(change.value))
    else:
        del parts[index]


def _in_object(draft: Draft, parts: dict[str, Draft], change: Change, key: str, rest: Pointer) -> None:
    if change.operation == "remove" and not rest:
        # What a merge key brings in too would come to light again.
        draft.unmerged = draft.unmerged or (isinstance(draft.node, Mapping) and has_merge(draft.node))
        del parts[key]
    elif key in parts:
        make(parts[key], change, rest)
    else:
        parts[key] = fresh(change.value)


def has_merge(node: Mapping) -> bool:
    """Does a merge key bring in values from elsewhere?"""
    return any(is_merge(key) for key, _ in node.entries)


def become(draft: Draft, value: Json) -> None:
    """Replace a value, but keep the text of all that is in the old value and in the new one."""
    if same(draft.value, value) and list_keys(draft.value) == list_keys(value):
        return
    function = draft.function
    inside = value
    if function is not None:
        if not isinstance(value, dict) or value.keys() != {function}:
            draft.replace(value)
            return
        inside = value[function]
    parts = None if isinstance(draft.node, Alias | Scalar) else draft.opened()
    if isinstance(parts, list) and isinstance(inside, list) and inside:
        _list_becomes(parts, inside)
    elif isinstance(parts, dict) and isinstance(inside, dict) and _keeps_order(draft, parts, inside):
        _object_becomes(parts, inside)
    else:
        draft.replace(value)


def list_keys(value: Json) -> list[str]:
    """The keys of an object in their order; none for anything else."""
    return list(value) if isinstance(value, dict) else []


def _keeps_order(draft: Draft, parts: dict[str, Draft], value: dict[str, Json]) -> bool:
    """Do the keys that stay come first, in the order that they have?"""
    kept = [key for key in parts if key in value]
    plain = isinstance(draft.node, Mapping) and not has_merge(draft.node)
    return bool(kept) and plain and list(value)[: len(kept)] == kept


def _object_becomes(parts: dict[str, Draft], value: dict[str, Json]) -> None:
    for key in [key for key in parts if key not in value]:
        del parts[key]
    for key, item in value.items():
        if key in parts:
            become(parts[key], item)
        else:
            parts[key] = fresh(item)


def _list_becomes(parts: list[Draft], value: list[Json]) -> None:
    """What both lists begin with and end with stays; in between, item becomes item as far as there are pairs."""
    shorter = min(len(parts), len(value))
    head = next((i for i in range(shorter) if not same(parts[i].value, value[i])), shorter)
    tail = next((i for i in range(shorter - head) if not same(parts[-1 - i].value, value[-1 - i])), shorter - head)
    old, new = parts[head : len(parts) - tail], value[head : len(value) - tail]
    for part, item in zip(old, new, strict=False):
        become(part, item)
    parts[head : len(parts) - tail] = [*old[: len(new)], *(fresh(item) for item in new[len(old) :])]
