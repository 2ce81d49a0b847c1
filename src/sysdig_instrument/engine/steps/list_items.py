"""Bringing an item into a list of a container, whatever conditions the list and its items stand under."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from sysdig_instrument.engine.container import Container, StepOutput, set_value
from sysdig_instrument.engine.expressions.decision_tree import (
    FALSE,
    TRUE,
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    flat_map,
    leaves,
    or_,
    parse_if,
    parse_tree,
    render_tree,
)
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequiredItem:
    """An item that a list must hold once.

    ``matches`` recognises the item in whatever form the user wrote it, ``correct`` yields what brings that form to what it
    must be, ``reason`` is the reason of the change, and ``protects`` says whether protection depends on the item.
    """

    item: Json
    reason: str
    matches: Callable[[Json], bool]
    correct: Callable[[LocatedValue], Iterator[StepOutput]] = lambda _leaf: iter(())
    protects: bool = True


def require_items(
    container: Container,
    lists: Iterable[tuple[LocatedValue, Assumptions]],
    wanted: Sequence[RequiredItem],
    candidates: Callable[[list[Json]], Iterable[tuple[int, Json]]] = enumerate,
) -> Iterator[StepOutput]:
    """What brings the wanted items into each of the lists, appended in their order.

    ``candidates`` gives the items of a list, with their indexes, among which a wanted one may be.
    """
    for leaf, assumed in lists:
        if leaf.value is ABSENT or leaf.value is None:
            protects = any(each.protects for each in wanted)
            yield set_value(leaf, [each.item for each in wanted], wanted[0].reason, protects=protects)
        elif isinstance(leaf.value, list):
            for each in wanted:
                yield from _require_item(leaf, candidates(leaf.value), assumed, each)
        else:
            yield _cannot_extend(container, leaf, assumed)


def _require_item(
    leaf: LocatedValue, items: Iterable[tuple[int, Json]], assumptions: Assumptions, wanted: RequiredItem
) -> Iterator[StepOutput]:
    found: Tree[bool] = FALSE
    for index, item in items:
        if parse_if(item) is None and not wanted.matches(item):  # nearly every item
            continue
        tree = parse_tree(item, (*leaf.pointer, index))
        for each, _ in leaves(tree, assumptions):
            if _matches(each, wanted):
                yield from wanted.correct(each)
        mine = flat_map(tree, assumptions, lambda each, _assumptions: Leaf(_matches(each, wanted)))
        found = or_(found, mine, assumptions)
    if found is FALSE:  # as in nearly every list
        yield Change("add", (*leaf.pointer, "-"), wanted.reason, wanted.item, protects=wanted.protects)
    elif found != TRUE:
        missing = flat_map(found, assumptions, lambda there, _assumptions: Leaf(ABSENT if there else wanted.item))
        yield Change("add", (*leaf.pointer, "-"), wanted.reason, render_tree(missing), protects=wanted.protects)


def _matches(leaf: LocatedValue, wanted: RequiredItem) -> bool:
    return leaf.value is not ABSENT and wanted.matches(leaf.value)


def _cannot_extend(container: Container, leaf: LocatedValue, assumptions: Assumptions) -> StepOutput:
    key = next(part for part in reversed(leaf.pointer) if isinstance(part, str) and not part.startswith("Fn::"))
    if isinstance(leaf.value, dict):
        return container.problem_or_notice(
            leaf.pointer, assumptions, Reason(f"{key} is an expression, and a list that is not in sight cannot be extended",
            f"Write {key} as a list; its items, and the list under Fn::If, may be expressions"),
        )  # fmt: skip
    return container.problem_or_notice(
        leaf.pointer, assumptions, Reason(f"{key} is not a list", f"Write {key} as a list")
    )
