"""Add an item to a list of a container, under each combination of conditions in which the list does not have it yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container, explaining_if, is_written_out, set_value
from sysdig_instrument.engine.expressions.decision_tree import (
    FALSE,
    TRUE,
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    can_both_hold,
    flat_map,
    leaves,
    or_,
    parse_if,
    parse_tree,
    render_tree,
    value_leaves,
)
from sysdig_instrument.engine.findings import Notice, Problem, Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.paste import Paste, PasteInto, paste
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps.step import ChangeOrFinding
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequiredItem:
    """An item that a list must have once.

    ``name`` is its name in messages. ``reason`` is the reason of the change that adds the item. ``matches`` recognises the item in any form that a user may
    write, and ``correct`` yields the changes from that form to the right one. ``protects`` is true if protection depends
    on the item.
    """

    item: Json
    reason: str
    matches: Callable[[Json], bool]
    correct: Callable[[LocatedValue], Iterator[ChangeOrFinding]] = lambda _leaf: iter(())
    protects: bool = True
    name: str = ""


def require_items(
    container: Container,
    lists: Iterable[tuple[LocatedValue, Assumptions]],
    required: Sequence[RequiredItem],
    candidates: Sequence[Sequence[tuple[int, Json]]] | None = None,
) -> Iterator[ChangeOrFinding]:
    """Yield the changes that append the required items to each of the lists, in their order.

    ``candidates`` has for each list the items that may be a required one, each with its index; None stands for all items.
    """
    for number, (leaf, assumed) in enumerate(lists):
        if leaf.value is ABSENT or leaf.value is None:
            protects = any(each.protects for each in required)
            yield set_value(leaf, [each.item for each in required], required[0].reason, protects=protects)
        elif isinstance(leaf.value, list):
            container.scope.state.work.spend(len(required) * (len(leaf.value) + 4) // 4)
            items = list(enumerate(leaf.value)) if candidates is None else candidates[number]
            for each in required:
                outputs = tuple(require_item(leaf, items, assumed, each))
                if items and any(isinstance(output, Change) and output.pointer[-1] != "-" for output in outputs):
                    yield from _second_item(container, leaf, items, assumed, each)
                yield from outputs
        else:
            yield _cannot_extend(container, leaf, assumed)


def require_item(
    leaf: LocatedValue, items: Iterable[tuple[int, Json]], assumptions: Assumptions, required: RequiredItem
) -> Iterator[ChangeOrFinding]:
    """Yield the changes that append one required item to a list, or correct it where it is."""
    found: Tree[bool] = FALSE
    for index, item in items:
        if parse_if(item) is None and not required.matches(item):  # true of nearly every item
            continue
        tree = parse_tree(item, (*leaf.pointer, index))
        for each, _ in leaves(tree, assumptions):
            if _matches(each, required):
                yield from required.correct(each)
        is_item = flat_map(tree, assumptions, lambda each, _assumptions: Leaf(_matches(each, required)))
        found = or_(found, is_item, assumptions)
    if found is FALSE:  # true of nearly every list
        yield Change("add", (*leaf.pointer, "-"), required.reason, required.item, protects=required.protects)
    elif found != TRUE:
        missing = flat_map(found, assumptions, lambda exists, _assumptions: Leaf(ABSENT if exists else required.item))
        yield Change("add", (*leaf.pointer, "-"), required.reason, render_tree(missing), protects=required.protects)


def _second_item(
    container: Container,
    leaf: LocatedValue,
    items: Iterable[tuple[int, Json]],
    assumptions: Assumptions,
    required: RequiredItem,
) -> Iterator[Notice]:
    """Yield a notice if a list has an item twice that is corrected, so that both are equal."""
    found: list[Assumptions] = []
    for index, item in items:
        for each, assumed in value_leaves(item, (*leaf.pointer, index), assumptions):
            if _matches(each, required):
                if any(can_both_hold(assumed, other) for other in found):
                    fact = f"{_key(leaf)} has two entries for {quote(required.name)}, which are equal now, and CloudFormation may refuse that"
                    yield container.notice(each.pointer, Reason(fact, "Remove one of them", code=Code.VARIABLE_TWICE))
                    return
                found.append(assumed)


def _key(leaf: LocatedValue) -> str:
    """Return the key of a list: the last one that is not a function's."""
    return next(part for part in reversed(leaf.pointer) if isinstance(part, str) and not part.startswith("Fn::"))


def _matches(leaf: LocatedValue, required: RequiredItem) -> bool:
    return leaf.value is not ABSENT and required.matches(leaf.value)


_VARIABLES_ADVICE: Final = "Write each variable as an item with Name and Value, such as {Name: LEVEL, Value: info}"


def _cannot_extend(container: Container, leaf: LocatedValue, assumptions: Assumptions) -> Notice | Problem:
    key = _key(leaf)
    if is_written_out(leaf.value):
        return container.problem_or_notice(
            leaf.pointer, assumptions, Reason(f"{key} is an object, and ECS expects a list of objects",
            _VARIABLES_ADVICE if key == "Environment" else f"Write {key} as a list", code=Code.OBJECT_FOR_LIST,
            paste=_example(key)),
        )  # fmt: skip
    if isinstance(leaf.value, dict):
        reason = Reason(
            f"{key} is an expression, so no item can be added to it",
            f"Write {key} as a list; its items may be expressions, and it may be inside Fn::If",
            code=Code.NOT_EXTENDABLE,
            paste=_example(key),
        )
        return container.problem_or_notice(leaf.pointer, assumptions, explaining_if(reason, leaf.value))
    reason = Reason(f"{key} is not a list", f"Write {key} as a list", code=Code.NOT_A_LIST, paste=_example(key))
    return container.problem_or_notice(leaf.pointer, assumptions, reason)


_EXAMPLES: Final[Mapping[str, Json]] = {
    "Environment": [{"Name": "NAME", "Value": "VALUE"}],
    "Secrets": [{"Name": "NAME", "ValueFrom": "ARN"}],
    "VolumesFrom": [{"SourceContainer": "NAME", "ReadOnly": True}],
}


def _example(key: str) -> tuple[Paste, ...]:
    return paste(PasteInto.CONTAINER, {key: _EXAMPLES[key]}) if key in _EXAMPLES else ()
