"""Decision trees: what holds of them under every combination of conditions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.engine.choices import (
    EVERYWHERE,
    NOWHERE,
    Always,
    Choice,
    Leaf,
    TooManyConditionsError,
    Tree,
    When,
    any_of,
    as_if,
    bind,
    either,
    leaves,
    read,
    render,
)
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json

CONDITIONS = ("A", "B", "C")
WORLDS = [dict(zip(CONDITIONS, holds, strict=True)) for holds in itertools.product((True, False), repeat=3)]
NOVALUE: Json = {"Ref": "AWS::NoValue"}

plain: st.SearchStrategy[Json] = st.one_of(
    st.text("xy", max_size=2), st.booleans(), st.integers(0, 1), st.just([]), st.just({"a": "b"})
)
values: st.SearchStrategy[Json] = st.recursive(
    st.one_of(plain, st.just(NOVALUE)),
    lambda inner: st.builds(
        lambda condition, yes, no: {"Fn::If": [condition, yes, no]}, st.sampled_from(CONDITIONS), inner, inner
    ),
    max_leaves=8,
)
ways = st.lists(st.dictionaries(st.sampled_from(CONDITIONS), st.booleans()), max_size=4)


def worth(value: Json, world: Mapping[str, bool]) -> Json | Absent:
    """What CloudFormation makes of a value."""
    if branches := as_if(value):
        condition, yes, no = branches
        return worth(yes if world[condition] else no, world)
    return ABSENT if value == NOVALUE else value


def exact(value: object) -> str:
    """JSON knows ``1`` from ``true``, and Python's ``==`` does not."""
    return repr(value)


def the_value(leaf: Leaf, _when: When) -> Tree[Json | Absent]:
    return Always(leaf.value)


def value_in(tree: Tree[bool], world: When) -> bool:
    ((value, _),) = leaves(tree, world)
    return value


def paths(tree: Tree[object], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(tree, Always):
        yield before
    else:
        yield from paths(tree.yes, (*before, tree.condition))
        yield from paths(tree.no, (*before, tree.condition))


@given(values)
def test_what_is_read_and_rendered_is_worth_the_same_in_every_world(value: Json) -> None:
    rendered = render(bind(read(value, ()), {}, the_value))
    for world in WORLDS:
        assert exact(worth(rendered, world)) == exact(worth(value, world))


@given(values)
def test_exactly_one_leaf_is_reached_in_every_world(value: Json) -> None:
    for world in WORLDS:
        ((leaf, _),) = leaves(read(value, ()), world)
        assert exact(leaf.value) == exact(worth(value, world))


@given(values)
def test_leaves_carry_the_assumptions_that_lead_to_them(value: Json) -> None:
    for leaf, when in leaves(read(value, ()), {}):
        for world in WORLDS:
            if all(world[condition] is holds for condition, holds in when.items()):
                assert exact(worth(value, world)) == exact(leaf.value)


@given(values)
def test_a_leafs_pointer_leads_to_what_it_stores(value: Json) -> None:
    for leaf, _ in leaves(read(value, ()), {}):
        place = value
        for step in leaf.pointer:
            place = place[step]  # type: ignore[index]
        assert place is leaf.stored


@given(values)
def test_a_bound_tree_asks_no_condition_twice_on_a_path(value: Json) -> None:
    for path in paths(bind(read(value, ()), {}, the_value)):
        assert len(path) == len(set(path))


@given(values, st.sampled_from(CONDITIONS), st.booleans())
def test_a_bound_tree_does_not_ask_what_is_assumed(value: Json, condition: str, holds: bool) -> None:  # noqa: FBT001
    tree = bind(read(value, ()), {condition: holds}, the_value)
    assert all(condition not in path for path in paths(tree))


@given(ways)
def test_any_of_holds_where_one_of_the_ways_does(several: list[dict[str, bool]]) -> None:
    tree = any_of(several, {})
    for world in WORLDS:
        assert value_in(tree, world) is any(way.items() <= world.items() for way in several)


@given(ways, ways)
def test_either_holds_where_one_of_both_does(left: list[dict[str, bool]], right: list[dict[str, bool]]) -> None:
    both = either(any_of(left, {}), any_of(right, {}), {})
    for world in WORLDS:
        assert value_in(both, world) is (value_in(any_of(left, {}), world) or value_in(any_of(right, {}), world))


def test_any_of_nothing_is_nowhere() -> None:
    assert any_of([], {}) == NOWHERE


def test_any_of_leaves_out_what_is_assumed_already() -> None:
    assert any_of([{"A": True}], {"A": True}) == EVERYWHERE


def test_more_ways_than_anybody_reads_are_not_written_down() -> None:
    ways = [{f"A{number}": True, f"B{number}": True} for number in range(30)]
    with pytest.raises(TooManyConditionsError):
        any_of(ways, {})


def test_equal_branches_become_one() -> None:
    assert bind(Choice("A", Always("x"), Always("y")), {}, lambda _value, _when: Always(1)) == Always(1)


def test_branches_that_only_python_takes_for_equal_stay_two() -> None:
    value: Json = {"Fn::If": ["A", 1, True]}
    assert exact(render(bind(read(value, ()), {}, the_value))) == exact(value)


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::If": ["A", "x"]}, {"Fn::If": [["A"], "x", "y"]}, {"Fn::If": "A"}, {"Fn::If": ["A", "x", "y", "z"]},
        {"Fn::If": ["A", "x", "y"], "More": 1}, {"Fn::If": None}, {}, [], "Fn::If", None,
    ],
)  # fmt: skip
def test_what_is_no_well_formed_if_is_a_leaf(value: Json) -> None:
    assert read(value, ("x",)) == Always(Leaf(("x",), value, value))


def test_no_value_with_more_beside_it_is_an_object() -> None:
    odd: Json = {"Ref": "AWS::NoValue", "More": 1}
    assert read(odd, ()) == Always(Leaf((), odd, odd))


def test_a_missing_key_and_no_value_differ_in_what_is_stored() -> None:
    assert read(ABSENT, ()) == Always(Leaf((), ABSENT, ABSENT))
    assert read(NOVALUE, ()) == Always(Leaf((), ABSENT, NOVALUE))
