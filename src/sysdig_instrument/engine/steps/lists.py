"""Bringing an item into a list of a container, whatever conditions the list and its items stand under."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from sysdig_instrument.engine.choices import (
    EVERYWHERE,
    NOWHERE,
    Always,
    Leaf,
    Tree,
    When,
    as_if,
    bind,
    either,
    leaves,
    read,
    render,
)
from sysdig_instrument.engine.container import Container, Effect, put
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.values import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """An item that a list must hold once.

    ``is_it`` recognises the item in whatever form the user wrote it, ``mend`` yields what brings that form to what it
    must be, ``why`` is the reason of the change, and ``protects`` says whether protection depends on the item.
    """

    item: Json
    why: str
    is_it: Callable[[Json], bool]
    mend: Callable[[Leaf], Iterator[Effect]] = lambda _leaf: iter(())
    protects: bool = True


def ensure(
    container: Container,
    lists: Iterable[tuple[Leaf, When]],
    wanted: Sequence[Wanted],
    candidates: Callable[[list[Json]], Iterable[tuple[int, Json]]] = enumerate,
) -> Iterator[Effect]:
    """What brings the wanted items into each of the lists, appended in their order.

    ``candidates`` gives the items of a list, with their indexes, among which a wanted one may be.
    """
    for leaf, under in lists:
        if leaf.value is ABSENT or leaf.value is None:
            protects = any(each.protects for each in wanted)
            yield put(leaf, [each.item for each in wanted], wanted[0].why, protects=protects)
        elif isinstance(leaf.value, list):
            for each in wanted:
                yield from _ensure_one(leaf, candidates(leaf.value), under, each)
        else:
            yield _cannot_extend(container, leaf, under)


def _ensure_one(leaf: Leaf, items: Iterable[tuple[int, Json]], when: When, wanted: Wanted) -> Iterator[Effect]:
    found: Tree[bool] = NOWHERE
    for index, item in items:
        if as_if(item) is None and not wanted.is_it(item):  # nearly every item
            continue
        tree = read(item, (*leaf.pointer, index))
        for each, _ in leaves(tree, when):
            if _is_it(each, wanted):
                yield from wanted.mend(each)
        mine = bind(tree, when, lambda each, _when: Always(_is_it(each, wanted)))
        found = either(found, mine, when)
    if found is NOWHERE:  # as in nearly every list
        yield Change("add", (*leaf.pointer, "-"), wanted.why, wanted.item, protects=wanted.protects)
    elif found != EVERYWHERE:
        missing = bind(found, when, lambda there, _when: Always(ABSENT if there else wanted.item))
        yield Change("add", (*leaf.pointer, "-"), wanted.why, render(missing), protects=wanted.protects)


def _is_it(leaf: Leaf, wanted: Wanted) -> bool:
    return leaf.value is not ABSENT and wanted.is_it(leaf.value)


def _cannot_extend(container: Container, leaf: Leaf, when: When) -> Effect:
    key = next(part for part in reversed(leaf.pointer) if isinstance(part, str) and not part.startswith("Fn::"))
    if isinstance(leaf.value, dict):
        return container.fault(
            leaf.pointer, when, Reason(f"{key} is an expression, and a list that is not in sight cannot be extended",
            f"Write {key} as a list; its items, and the list under Fn::If, may be expressions"),
        )  # fmt: skip
    return container.fault(leaf.pointer, when, Reason(f"{key} is not a list", f"Write {key} as a list"))
