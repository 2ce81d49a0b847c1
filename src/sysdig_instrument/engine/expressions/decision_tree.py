"""A value that depends on conditions, as a decision tree.

``Fn::If`` is read into a tree (:func:`parse_tree`), trees are combined (:func:`flat_map`), and a tree is written back as ``Fn::If``
(:func:`render_tree`). Assumptions, the conditions on the way to a leaf, are carried along: a condition that is already decided
on the way is not asked again, so contradictory paths do not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeAlias, TypeVar

from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.lazy_dataclasses import dataclass

A = TypeVar("A")
B = TypeVar("B")
A_co = TypeVar("A_co", covariant=True)

Assumptions: TypeAlias = Mapping[str, bool]
"""What is assumed of conditions, by their names. Never changed in place."""

NOVALUE: Final[Json] = {"Ref": "AWS::NoValue"}
_IF: Final = "Fn::If"
_MAX_LEAVES: Final = 1000


class TooManyConditionsError(Exception):
    """The ways through a list's conditions are too many to be written down. ``rewrite`` turns it into a problem."""


@dataclass(frozen=True, slots=True)
class Leaf(Generic[A_co]):
    """One value, whatever the conditions are."""

    value: A_co


@dataclass(frozen=True, slots=True)
class Branch(Generic[A_co]):
    """``yes`` where the condition holds, ``no`` where it does not."""

    condition: str
    yes: Tree[A_co]
    no: Tree[A_co]


Tree: TypeAlias = "Leaf[A_co] | Branch[A_co]"
"""One value, or a choice between two trees."""


TRUE: Final = Leaf(True)  # noqa: FBT003 - a leaf, not a switch
FALSE: Final = Leaf(False)  # noqa: FBT003 - a leaf, not a switch


@dataclass(frozen=True, slots=True)
class LocatedValue:
    """A value and its place. ``stored`` is what stands there literally, so that NoValue and a missing key differ."""

    pointer: Pointer
    value: Json | Absent
    stored: Json | Absent


def is_novalue(value: Json) -> bool:
    """Whether CloudFormation takes the key or item with this value away."""
    return isinstance(value, dict) and value == NOVALUE


def parse_if(value: Json) -> tuple[str, Json, Json] | None:
    """Condition and branches of a well-formed ``Fn::If``; nothing for any other value."""
    if not isinstance(value, dict) or len(value) != 1 or _IF not in value:
        return None
    match value[_IF]:
        case [str(condition), yes, no]:
            return condition, yes, no
    return None


def parse_tree(value: Json | Absent, pointer: Pointer) -> Tree[LocatedValue]:
    """The tree of the ``Fn::If`` that a value consists of; a single leaf where it is no ``Fn::If``."""
    if isinstance(value, dict) and len(value) == 1:
        if branches := parse_if(value):
            condition, yes, no = branches
            return Branch(condition, parse_tree(yes, (*pointer, _IF, 1)), parse_tree(no, (*pointer, _IF, 2)))
        if is_novalue(value):
            return Leaf(LocatedValue(pointer, ABSENT, value))
    return Leaf(LocatedValue(pointer, value, value))


def leaves(tree: Tree[A], assumptions: Assumptions) -> Iterator[tuple[A, Assumptions]]:
    """The leaves that can be reached under the assumptions, each with the assumptions that lead to it."""
    if isinstance(tree, Leaf):
        yield tree.value, assumptions
        return
    for holds, branch in ((True, tree.yes), (False, tree.no)):
        if assumptions.get(tree.condition, holds) is holds:
            yield from leaves(
                branch, assumptions if tree.condition in assumptions else {**assumptions, tree.condition: holds}
            )


def value_leaves(
    value: Json | Absent, pointer: Pointer, assumptions: Assumptions
) -> Iterable[tuple[LocatedValue, Assumptions]]:
    """The leaves of the ``Fn::If`` that a value consists of: what :func:`parse_tree` and :func:`leaves` give together."""
    if isinstance(value, dict) and len(value) == 1:
        return leaves(parse_tree(value, pointer), assumptions)
    return ((LocatedValue(pointer, value, value), assumptions),)  # nearly every value: no tree is grown for it


def flat_map(tree: Tree[A], assumptions: Assumptions, transform: Callable[[A, Assumptions], Tree[B]]) -> Tree[B]:
    """The tree in which each leaf is replaced by the tree that ``transform`` makes of it; equal branches become one."""
    if isinstance(tree, Leaf):
        return transform(tree.value, assumptions)
    if tree.condition in assumptions:
        return flat_map(tree.yes if assumptions[tree.condition] else tree.no, assumptions, transform)
    yes = flat_map(tree.yes, {**assumptions, tree.condition: True}, transform)
    no = flat_map(tree.no, {**assumptions, tree.condition: False}, transform)
    return yes if are_same(yes, no) else Branch(tree.condition, yes, no)


def are_same(left: Tree[A], right: Tree[A]) -> bool:
    """Whether two trees are equal as JSON is: Python also takes ``1`` for ``true``."""
    return left == right and repr(left) == repr(right)


def where(path: Assumptions, assumptions: Assumptions, yes: Tree[A], no: Tree[A]) -> Tree[A]:
    """``yes`` where all that a way assumes beyond ``assumptions`` holds, ``no`` elsewhere."""
    tree = yes
    for condition in reversed(list(path)):
        if condition not in assumptions:
            tree = Branch(condition, tree, no) if path[condition] else Branch(condition, no, tree)
    return tree


def any_of(paths: Iterable[Assumptions], assumptions: Assumptions) -> Tree[bool]:
    """Where at least one of several sets of assumptions holds, as a tree.

    Raises:
        TooManyConditionsError: As :func:`or_`.
    """
    found: Tree[bool] = FALSE
    for path in paths:
        if path.keys() <= assumptions.keys():  # it assumes nothing more, as nearly every way
            return TRUE
        found = or_(found, where(path, assumptions, TRUE, FALSE), assumptions)
    return found


def or_(left: Tree[bool], right: Tree[bool], assumptions: Assumptions) -> Tree[bool]:
    """Where the one or the other is so.

    Raises:
        TooManyConditionsError: The tree gets larger than anybody would read: it may double with each step.
    """
    found: Tree[bool] = flat_map(
        left,
        assumptions,
        lambda is_left, assumed: TRUE if is_left else flat_map(right, assumed, lambda is_right, _: Leaf(is_right)),
    )
    if isinstance(found, Branch) and sum(1 for _ in leaves(found, assumptions)) > _MAX_LEAVES:
        raise TooManyConditionsError
    return found


def render_tree(tree: Tree[Json | Absent]) -> Json:
    """The tree as CloudFormation writes it."""
    if isinstance(tree, Branch):
        return {_IF: [tree.condition, render_tree(tree.yes), render_tree(tree.no)]}
    return NOVALUE if tree.value is ABSENT else tree.value
