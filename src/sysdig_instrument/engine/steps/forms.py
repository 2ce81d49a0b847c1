"""What an EntryPoint or a Command is, as ECS and this macro see it."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from sysdig_instrument.engine import intrinsics, lists_live
from sysdig_instrument.engine.choices import Always, Leaf, Tree, When, bind, read
from sysdig_instrument.engine.container import WRAPPER, Container, Effect, is_empty
from sysdig_instrument.engine.intrinsics import Literal
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Pointer

Items: TypeAlias = tuple[Json, ...]


class Form(Enum):
    """What an EntryPoint or Command is, under given conditions."""

    EMPTY = "not given"
    WRAPPED = "begins with the wrapper"
    INSIDE = "holds the wrapper further in, as in sh -c"
    GIVEN = "a list"
    LIVE = "an expression that gives a list"
    EMPTY_NOW = "an expression that gives no item now"
    BAD = "no list at all"


def forms(value: Json | Absent, container: Container, when: When) -> Tree[Form]:
    """What a value is; a choice where the conditions of a list's items decide it."""
    if is_empty(value):
        return Always(Form.EMPTY)
    if isinstance(value, dict):
        return Always(_of_expression(value, container, when))
    if not isinstance(value, list):
        return Always(Form.BAD)
    if isinstance(value[0], str):
        return Always(of_items(tuple(value), container, when))
    return bind(items_of(value, (), when), when, lambda items, under: Always(of_items(items, container, under)))


def items_of(values: list[Json], pointer: Pointer, when: When) -> Tree[Items]:
    """The items of a list under each combination of the conditions that decide its beginning.

    Only as far as the first item that is there in any case: the rest is taken as it stands.
    """
    tree: Tree[Items] = Always(())
    for index, value in enumerate(values):
        item = read(value, (*pointer, index))
        if isinstance(item, Always) and item.value.value is not ABSENT:
            return _then(tree, tuple(values[index:]), when)
        tree = _then_leaf(tree, item, when)
    return tree


def _then(tree: Tree[Items], rest: Items, when: When) -> Tree[Items]:
    return bind(tree, when, lambda before, _when: Always((*before, *rest)))


def _then_leaf(tree: Tree[Items], item: Tree[Leaf], when: When) -> Tree[Items]:
    def appended(before: Items, under: When) -> Tree[Items]:
        return bind(
            item, under, lambda leaf, _when: Always(before if isinstance(leaf.value, Absent) else (*before, leaf.value))
        )

    return bind(tree, when, appended)


def of_items(items: Items, container: Container, when: When) -> Form:
    """What a list with these items is."""
    if not items:
        return Form.EMPTY
    first = items[0]
    if isinstance(first, dict):
        match intrinsics.resolve(first, container.task.scope.assuming(when)):
            case Literal(str(text)):
                first = text
    if first == WRAPPER:
        return Form.WRAPPED
    return Form.INSIDE if any(isinstance(item, str) and WRAPPER in item for item in items) else Form.GIVEN


def _of_expression(value: dict[str, Json], container: Container, when: When) -> Form:
    if lists_live.is_prefixed(value, WRAPPER):
        return Form.WRAPPED
    match intrinsics.resolve(value, container.task.scope.assuming(when)):
        case Literal([]) | Literal([""]):
            return Form.EMPTY_NOW
        case Literal([str(first), *_]) if first == WRAPPER:
            return Form.WRAPPED
        case Literal(list()) | intrinsics.Unknown():
            return Form.LIVE
    return Form.BAD


def unusable(container: Container, key: str, leaf: Leaf, when: When, form: Form) -> Effect:
    """The problem with a value of the form BAD or EMPTY_NOW."""
    if form is Form.EMPTY_NOW:
        return container.fault(
            leaf.pointer, when, f"{key} is an expression that gives no item with the parameter values of now",
            f"Give the parameter a value, or put {key} under Fn::If with AWS::NoValue",
        )  # fmt: skip
    return container.fault(leaf.pointer, when, f"{key} is not a list", f"Write {key} as a list of strings")
