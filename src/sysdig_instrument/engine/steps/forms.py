"""What an EntryPoint or a Command is, as ECS and this macro see it."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from sysdig_instrument.engine import intrinsics, lists_live
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.choices import Always, Leaf, Tree, When, bind, read
from sysdig_instrument.engine.container import Container, Effect, is_empty
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.engine.known import Literal, Unknown

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
    return bind(items_of(value, when), when, lambda items, under: Always(of_items(items, container, under)))


def items_of(values: list[Json], when: When) -> Tree[Items]:
    """The items of a list under each combination of the conditions that decide its beginning.

    Only as far as the first item that is there: the rest is taken as it stands, so that a list of n items that may all
    be missing has n + 1 beginnings, and not 2 ** n.
    """
    if not values:
        return Always(())
    first, rest = values[0], values[1:]

    def with_first(leaf: Leaf, under: When) -> Tree[Items]:
        return items_of(rest, under) if isinstance(leaf.value, Absent) else Always((leaf.value, *rest))

    return bind(read(first, ()), when, with_first)


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
    if items == ("",):  # Docker's way to reset an ENTRYPOINT; nothing that the wrapper could start
        return Form.BAD
    return Form.INSIDE if any(isinstance(item, str) and WRAPPER in item for item in items) else Form.GIVEN


def _of_expression(value: dict[str, Json], container: Container, when: When) -> Form:
    if lists_live.is_prefixed(value, WRAPPER):
        return Form.WRAPPED
    match intrinsics.resolve(value, container.task.scope.assuming(when)):
        case Literal([]) | Literal([""]):
            return Form.EMPTY_NOW
        case Literal([str(first), *_]) if first == WRAPPER:
            return Form.WRAPPED
        case Literal(list()) | Unknown():
            return Form.LIVE
    return Form.BAD


def unusable(container: Container, key: str, leaf: Leaf, when: When, form: Form) -> Effect:
    """The problem with a value of the form BAD or EMPTY_NOW."""
    if form is Form.EMPTY_NOW:
        return container.fault(
            leaf.pointer, when, Reason(f"{key} is an expression that gives no item with the parameter values of now",
            f"Give the parameter a value, or put {key} under Fn::If with AWS::NoValue"),
        )  # fmt: skip
    if isinstance(leaf.value, list):
        return container.fault(
            leaf.pointer,
            when,
            Reason(f"{key} holds nothing but an empty text", f"Take {key} out, or name a program in it"),
        )
    return container.fault(leaf.pointer, when, Reason(f"{key} is not a list", f"Write {key} as a list of strings"))
