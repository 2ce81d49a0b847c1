"""A value that depends on conditions, as a decision tree.

``Fn::If`` is read into a tree (:func:`read`), trees are combined (:func:`bind`), and a tree is written back as ``Fn::If``
(:func:`render`). Assumptions, the conditions on the way to a leaf, are carried along: a condition that is already decided
on the way is not asked again, so contradictory paths do not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeAlias, TypeVar

from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.values import dataclass

A = TypeVar("A")
B = TypeVar("B")
A_co = TypeVar("A_co", covariant=True)

When: TypeAlias = Mapping[str, bool]
"""What is assumed of conditions, by their names. Never changed in place."""

NOVALUE: Final[Json] = {"Ref": "AWS::NoValue"}
_IF: Final = "Fn::If"
_MOST_LEAVES: Final = 1000


class TooManyConditionsError(Exception):
    """The ways through a list's conditions are too many to be written down. ``rewrite`` turns it into a problem."""


@dataclass(frozen=True, slots=True)
class Always(Generic[A_co]):
    """One value, whatever the conditions are."""

    value: A_co


@dataclass(frozen=True, slots=True)
class Choice(Generic[A_co]):
    """``yes`` where the condition holds, ``no`` where it does not."""

    condition: str
    yes: Tree[A_co]
    no: Tree[A_co]


Tree: TypeAlias = "Always[A_co] | Choice[A_co]"
"""One value, or a choice between two trees."""


EVERYWHERE: Final = Always(True)  # noqa: FBT003 - a leaf, not a switch
NOWHERE: Final = Always(False)  # noqa: FBT003 - a leaf, not a switch


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value and its place. ``stored`` is what stands there literally, so that NoValue and a missing key differ."""

    pointer: Pointer
    value: Json | Absent
    stored: Json | Absent


def is_novalue(value: Json) -> bool:
    """Whether CloudFormation takes the key or item with this value away."""
    return isinstance(value, dict) and value == NOVALUE


def as_if(value: Json) -> tuple[str, Json, Json] | None:
    """Condition and branches of a well-formed ``Fn::If``; nothing for any other value."""
    if not isinstance(value, dict) or len(value) != 1 or _IF not in value:
        return None
    match value[_IF]:
        case [str(condition), yes, no]:
            return condition, yes, no
    return None


def read(value: Json | Absent, pointer: Pointer) -> Tree[Leaf]:
    """The tree of the ``Fn::If`` that a value consists of; a single leaf where it is no ``Fn::If``."""
    if isinstance(value, dict) and len(value) == 1:
        if branches := as_if(value):
            condition, yes, no = branches
            return Choice(condition, read(yes, (*pointer, _IF, 1)), read(no, (*pointer, _IF, 2)))
        if is_novalue(value):
            return Always(Leaf(pointer, ABSENT, value))
    return Always(Leaf(pointer, value, value))


def leaves(tree: Tree[A], when: When) -> Iterator[tuple[A, When]]:
    """The leaves that can be reached under the assumptions, each with the assumptions that lead to it."""
    if isinstance(tree, Always):
        yield tree.value, when
        return
    for holds, branch in ((True, tree.yes), (False, tree.no)):
        if when.get(tree.condition, holds) is holds:
            yield from leaves(branch, when if tree.condition in when else {**when, tree.condition: holds})


def branches(value: Json | Absent, pointer: Pointer, when: When) -> Iterable[tuple[Leaf, When]]:
    """The leaves of the ``Fn::If`` that a value consists of: what :func:`read` and :func:`leaves` give together."""
    if isinstance(value, dict) and len(value) == 1:
        return leaves(read(value, pointer), when)
    return ((Leaf(pointer, value, value), when),)  # nearly every value: no tree is grown for it


def bind(tree: Tree[A], when: When, then: Callable[[A, When], Tree[B]]) -> Tree[B]:
    """The tree in which each leaf is replaced by the tree that ``then`` makes of it; equal branches become one."""
    if isinstance(tree, Always):
        return then(tree.value, when)
    if tree.condition in when:
        return bind(tree.yes if when[tree.condition] else tree.no, when, then)
    yes = bind(tree.yes, {**when, tree.condition: True}, then)
    no = bind(tree.no, {**when, tree.condition: False}, then)
    return yes if same(yes, no) else Choice(tree.condition, yes, no)


def same(left: Tree[A], right: Tree[A]) -> bool:
    """Whether two trees are equal as JSON is: Python also takes ``1`` for ``true``."""
    return left == right and repr(left) == repr(right)


def where(way: When, when: When, yes: Tree[A], no: Tree[A]) -> Tree[A]:
    """``yes`` where all that a way assumes beyond ``when`` holds, ``no`` elsewhere."""
    tree = yes
    for condition in reversed(list(way)):
        if condition not in when:
            tree = Choice(condition, tree, no) if way[condition] else Choice(condition, no, tree)
    return tree


def any_of(ways: Iterable[When], when: When) -> Tree[bool]:
    """Where at least one of several sets of assumptions holds, as a tree.

    Raises:
        TooManyConditionsError: As :func:`either`.
    """
    found: Tree[bool] = NOWHERE
    for way in ways:
        if way.keys() <= when.keys():  # it assumes nothing more, as nearly every way
            return EVERYWHERE
        found = either(found, where(way, when, EVERYWHERE, NOWHERE), when)
    return found


def either(left: Tree[bool], right: Tree[bool], when: When) -> Tree[bool]:
    """Where the one or the other is so.

    Raises:
        TooManyConditionsError: The tree gets larger than anybody would read: it may double with each step.
    """
    found: Tree[bool] = bind(
        left,
        when,
        lambda is_left, under: EVERYWHERE if is_left else bind(right, under, lambda is_right, _: Always(is_right)),
    )
    if isinstance(found, Choice) and sum(1 for _ in leaves(found, when)) > _MOST_LEAVES:
        raise TooManyConditionsError
    return found


def render(tree: Tree[Json | Absent]) -> Json:
    """The tree as CloudFormation writes it."""
    if isinstance(tree, Choice):
        return {_IF: [tree.condition, render(tree.yes), render(tree.no)]}
    return NOVALUE if tree.value is ABSENT else tree.value
