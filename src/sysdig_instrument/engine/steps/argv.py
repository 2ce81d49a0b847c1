"""What an EntryPoint or a Command is, as ECS and this macro see it."""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.container import Container, StepOutput, is_empty
from sysdig_instrument.engine.expressions import dynamic_lists
from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    flat_map,
    parse_tree,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.values import Literal, Unknown
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Absent, Json

Argv: TypeAlias = tuple[Json, ...]


class ArgvForm(Enum):
    """What an EntryPoint or Command is, under given conditions."""

    EMPTY = "not given"
    WRAPPED = "begins with the wrapper"
    NESTED = "holds the wrapper further in, as in sh -c"
    LIST = "a list"
    DYNAMIC = "an expression that gives a list"
    EMPTY_NOW = "an expression that gives no item now"
    INVALID = "no list at all"


def argv_forms(value: Json | Absent, container: Container, assumptions: Assumptions) -> Tree[ArgvForm]:
    """What a value is; a choice where the conditions of a list's items decide it."""
    if is_empty(value):
        return Leaf(ArgvForm.EMPTY)
    if isinstance(value, dict):
        return Leaf(_form_of_expression(value, container, assumptions))
    if not isinstance(value, list):
        return Leaf(ArgvForm.INVALID)
    if isinstance(value[0], str):
        return Leaf(form_of_items(tuple(value), container, assumptions))
    return flat_map(
        argv_items(value, assumptions),
        assumptions,
        lambda items, assumed: Leaf(form_of_items(items, container, assumed)),
    )


def argv_items(values: list[Json], assumptions: Assumptions) -> Tree[Argv]:
    """The items of a list under each combination of the conditions that decide its beginning.

    Only as far as the first item that is there: the rest is taken as it stands, so that a list of n items that may all
    be missing has n + 1 beginnings, and not 2 ** n.
    """
    if not values:
        return Leaf(())
    first, rest = values[0], values[1:]

    def with_first(leaf: LocatedValue, assumed: Assumptions) -> Tree[Argv]:
        return argv_items(rest, assumed) if isinstance(leaf.value, Absent) else Leaf((leaf.value, *rest))

    return flat_map(parse_tree(first, ()), assumptions, with_first)


def form_of_items(items: Argv, container: Container, assumptions: Assumptions) -> ArgvForm:
    """What a list with these items is."""
    if not items:
        return ArgvForm.EMPTY
    first = items[0]
    if isinstance(first, dict):
        match evaluate(first, container.task.scope.assuming(assumptions)):
            case Literal(str(text)):
                first = text
    if first == WRAPPER:
        return ArgvForm.WRAPPED
    if items == ("",):  # Docker's way to reset an ENTRYPOINT; nothing that the wrapper could start
        return ArgvForm.INVALID
    return ArgvForm.NESTED if any(isinstance(item, str) and WRAPPER in item for item in items) else ArgvForm.LIST


def _form_of_expression(value: dict[str, Json], container: Container, assumptions: Assumptions) -> ArgvForm:
    if dynamic_lists.is_prepended(value, WRAPPER):
        return ArgvForm.WRAPPED
    match evaluate(value, container.task.scope.assuming(assumptions)):
        case Literal([]) | Literal([""]):
            return ArgvForm.EMPTY_NOW
        case Literal([str(first), *_]) if first == WRAPPER:
            return ArgvForm.WRAPPED
        case Literal(list()) | Unknown():
            return ArgvForm.DYNAMIC
    return ArgvForm.INVALID


def invalid_argv(
    container: Container, key: str, leaf: LocatedValue, assumptions: Assumptions, form: ArgvForm
) -> StepOutput:
    """The problem with a value of the form BAD or EMPTY_NOW."""
    if form is ArgvForm.EMPTY_NOW:
        return container.problem_or_notice(
            leaf.pointer, assumptions, Reason(f"{key} is an expression that gives no item with the parameter values of now",
            f"Give the parameter a value, or put {key} under Fn::If with AWS::NoValue"),
        )  # fmt: skip
    if isinstance(leaf.value, list):
        return container.problem_or_notice(
            leaf.pointer,
            assumptions,
            Reason(f"{key} holds nothing but an empty text", f"Take {key} out, or name a program in it"),
        )
    return container.problem_or_notice(
        leaf.pointer, assumptions, Reason(f"{key} is not a list", f"Write {key} as a list of strings")
    )
