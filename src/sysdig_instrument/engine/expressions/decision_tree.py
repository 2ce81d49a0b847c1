"""A value that depends on conditions, as a decision tree.

:func:`parse_tree` reads ``Fn::If`` into a tree, :func:`flat_map` combines trees, and :func:`render_tree` writes a tree back
as ``Fn::If``. Assumptions are the conditions that are decided on the path to a leaf. No path branches on the same condition
twice, so there are no contradictory paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeAlias, TypeVar

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.work import count
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.lazy_dataclasses import dataclass

A = TypeVar("A")
B = TypeVar("B")
A_co = TypeVar("A_co", covariant=True)

Assumptions: TypeAlias = Mapping[str, bool]
"""The truth value that is assumed for each condition, by the condition's name. Never changed in place."""

NOVALUE: Final[Json] = {"Ref": "AWS::NoValue"}
_IF: Final = "Fn::If"
_PARTS: Final = 3
"""The parts of an ``Fn::If``: its condition and both branches."""
_MAX_LEAVES: Final = 1000
_MAX_PATH: Final = 100
_STEPS_PER_LEAF: Final = 5


class TooManyConditionsError(Exception):
    """Raised if a tree has too many leaves, or too long paths, to be written as ``Fn::If``.

    ``task_plan`` turns it into :data:`TOO_MANY_CONDITIONS`.
    """


TOO_MANY_CONDITIONS: Final = Reason(
    "The items of one of its lists are under too many different conditions",
    "Let several items share a condition",
    code=Code.TOO_MANY_CONDITIONS,
)


@dataclass(frozen=True, slots=True)
class Leaf(Generic[A_co]):
    """One value, independent of conditions."""

    value: A_co


@dataclass(frozen=True, slots=True)
class Branch(Generic[A_co]):
    """``yes`` if the condition is true, ``no`` if it is false."""

    condition: str
    yes: Tree[A_co]
    no: Tree[A_co]


Tree: TypeAlias = "Leaf[A_co] | Branch[A_co]"
"""One value, or a branch between two trees."""

TRUE: Final = Leaf(True)  # noqa: FBT003 - the value of a leaf, not a flag
FALSE: Final = Leaf(False)  # noqa: FBT003 - the value of a leaf, not a flag


@dataclass(frozen=True, slots=True)
class LocatedValue:
    """A value and its location.

    ``stored`` is what the template has at the pointer. It differs from ``value`` where that is ``ABSENT``: ``AWS::NoValue``
    is stored as such, a missing key is ``ABSENT`` here too.
    """

    pointer: Pointer
    value: Json | Absent
    stored: Json | Absent


def is_novalue(value: Json | Absent) -> bool:
    """Return whether a value is ``{"Ref": "AWS::NoValue"}``. CloudFormation removes the key or the item with this value."""
    return isinstance(value, dict) and value == NOVALUE


def with_default(value: Json, default: Json | Absent) -> Json:
    """Return an ``Fn::FindInMap`` with ``default`` wherever its DefaultValue is ``AWS::NoValue``, at any depth."""
    match value:
        case {"Fn::FindInMap": [name, first, second, {"DefaultValue": present}]}:
            new: Json = {"DefaultValue": _with_default(present, default)}
            return {"Fn::FindInMap": [name, first, second, new]}
    return value


def _with_default(value: Json, default: Json | Absent) -> Json:
    if is_novalue(value):
        return NOVALUE if default is ABSENT else default
    if branches := parse_if(value):
        condition, yes, no = branches
        return {_IF: [condition, _with_default(yes, default), _with_default(no, default)]}
    return with_default(value, default)


def may_be_absent(value: Json | Absent) -> bool:
    """Return whether an expression may be ``AWS::NoValue``, as an ``Fn::FindInMap`` is whose DefaultValue is that."""
    return isinstance(value, dict) and with_default(value, []) != value


def parse_if(value: Json | Absent) -> tuple[str, Json, Json] | None:
    """Return the condition and both branches of a well-formed ``Fn::If``, or None for any other value."""
    if not isinstance(value, dict) or len(value) != 1 or _IF not in value:
        return None
    return branches_of(value[_IF])


def branches_of(argument: Json) -> tuple[str, Json, Json] | None:
    """Return the condition and both branches of the argument of an ``Fn::If``, or None if it is malformed."""
    if isinstance(argument, list) and len(argument) == _PARTS and isinstance(argument[0], str):
        return argument[0], argument[1], argument[2]
    return None


def parse_tree(value: Json | Absent, pointer: Pointer) -> Tree[LocatedValue]:
    """Return the tree of a value that is an ``Fn::If``; a single leaf for any other value."""
    if branches := parse_if(value):
        condition, yes, no = branches
        return Branch(condition, parse_tree(yes, (*pointer, _IF, 1)), parse_tree(no, (*pointer, _IF, 2)))
    return Leaf(LocatedValue(pointer, ABSENT if is_novalue(value) else value, value))


def leaves(tree: Tree[A], assumptions: Assumptions) -> Iterator[tuple[A, Assumptions]]:
    """Yield the leaves that can be reached under the assumptions, each with the assumptions that lead to it."""
    if isinstance(tree, Leaf):
        yield tree.value, assumptions
        return
    for outcome, branch in ((True, tree.yes), (False, tree.no)):
        if assumptions.get(tree.condition, outcome) is outcome:
            yield from leaves(
                branch, assumptions if tree.condition in assumptions else {**assumptions, tree.condition: outcome}
            )


def value_leaves(
    value: Json | Absent, pointer: Pointer, assumptions: Assumptions
) -> Iterable[tuple[LocatedValue, Assumptions]]:
    """Return the :func:`leaves` of a value's :func:`parse_tree`, each with the assumptions that lead to it."""
    if isinstance(value, dict) and len(value) == 1:
        return leaves(parse_tree(value, pointer), assumptions)
    return ((LocatedValue(pointer, value, value), assumptions),)  # most values: no tree is needed


def flat_map(tree: Tree[A], assumptions: Assumptions, transform: Callable[[A, Assumptions], Tree[B]]) -> Tree[B]:
    """Return the tree with each leaf replaced by the tree that ``transform`` makes of it. Equal branches are merged.

    Raises:
        TooManyConditionsError: A path to a leaf depends on more than 100 conditions.
        WorkLimitError: The plan takes too many steps.
    """
    if isinstance(tree, Leaf):
        count(_STEPS_PER_LEAF)
        return transform(tree.value, assumptions)
    if len(assumptions) > _MAX_PATH:
        raise TooManyConditionsError
    if tree.condition in assumptions:
        return flat_map(tree.yes if assumptions[tree.condition] else tree.no, assumptions, transform)
    yes = flat_map(tree.yes, {**assumptions, tree.condition: True}, transform)
    no = flat_map(tree.no, {**assumptions, tree.condition: False}, transform)
    return yes if are_same(yes, no) else Branch(tree.condition, yes, no)


def are_same(left: Tree[A], right: Tree[A]) -> bool:
    """Return whether two trees are equal as JSON. Python's ``==`` alone does not distinguish ``1`` from ``true``."""
    return left == right and repr(left) == repr(right)


def branch_on(path: Assumptions, assumptions: Assumptions, yes: Tree[A], no: Tree[A]) -> Tree[A]:
    """Return a tree over the conditions of ``path``: ``yes`` if all are as ``path`` assumes, and ``no`` otherwise.

    Conditions in ``assumptions`` are not branched on.
    """
    tree = yes
    for condition in reversed(list(path)):
        if condition not in assumptions:
            tree = Branch(condition, tree, no) if path[condition] else Branch(condition, no, tree)
    return tree


def can_both_hold(left: Assumptions, right: Assumptions) -> bool:
    """Return whether two paths may be taken together: no condition is assumed to be true on one and false on the other."""
    return all(right.get(condition, truth) is truth for condition, truth in left.items())


def any_of(paths: Iterable[Assumptions], assumptions: Assumptions) -> Tree[bool]:
    """Return the tree that is true where all assumptions of at least one of the paths are true.

    Raises:
        TooManyConditionsError: As for :func:`or_`.
    """
    tree: Tree[bool] = FALSE
    for path in paths:
        if path.keys() <= assumptions.keys():  # as for most: it assumes nothing beyond the assumptions
            return TRUE
        tree = or_(tree, branch_on(path, assumptions, TRUE, FALSE), assumptions)
    return tree


def or_(left: Tree[bool], right: Tree[bool], assumptions: Assumptions) -> Tree[bool]:
    """Return the tree that is true where ``left`` or ``right`` is.

    Raises:
        TooManyConditionsError: The tree has more than 1,000 leaves; it may double with each call.
    """
    tree: Tree[bool] = flat_map(
        left,
        assumptions,
        lambda is_left, assumed: TRUE if is_left else flat_map(right, assumed, lambda is_right, _: Leaf(is_right)),
    )
    if isinstance(tree, Branch) and sum(1 for _ in leaves(tree, assumptions)) > _MAX_LEAVES:
        raise TooManyConditionsError
    return tree


def render_tree(tree: Tree[Json | Absent]) -> Json:
    """Return the tree as nested ``Fn::If``; an absent leaf becomes ``AWS::NoValue``."""
    if isinstance(tree, Branch):
        return {_IF: [tree.condition, render_tree(tree.yes), render_tree(tree.no)]}
    return NOVALUE if tree.value is ABSENT else tree.value
