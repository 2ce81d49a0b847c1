"""Decision trees: properties that hold under every combination of conditions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.engine.expressions.decision_tree import (
    FALSE,
    TRUE,
    Assumptions,
    Branch,
    Leaf,
    LocatedValue,
    TooManyConditionsError,
    Tree,
    any_of,
    flat_map,
    leaves,
    or_,
    parse_if,
    parse_tree,
    render_tree,
)
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json

CONDITIONS = ("A", "B", "C")
ALL_ASSUMPTIONS = [dict(zip(CONDITIONS, holds, strict=True)) for holds in itertools.product((True, False), repeat=3)]
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
paths = st.lists(st.dictionaries(st.sampled_from(CONDITIONS), st.booleans()), max_size=4)


def value_under(value: Json, assumptions: Mapping[str, bool]) -> Json | Absent:
    """Return the value that CloudFormation uses under the assumptions."""
    if branches := parse_if(value):
        condition, yes, no = branches
        return value_under(yes if assumptions[condition] else no, assumptions)
    return ABSENT if value == NOVALUE else value


def exact(value: object) -> str:
    """Return a text that differs for ``1`` and ``true``, as in JSON; Python's ``==`` does not tell them apart."""
    return repr(value)


def value_of_leaf(leaf: LocatedValue, _assumptions: Assumptions) -> Tree[Json | Absent]:
    return Leaf(leaf.value)


def value_in(tree: Tree[bool], assumptions: Assumptions) -> bool:
    ((value, _),) = leaves(tree, assumptions)
    return value


def condition_paths(tree: Tree[object], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    if isinstance(tree, Leaf):
        yield before
    else:
        yield from condition_paths(tree.yes, (*before, tree.condition))
        yield from condition_paths(tree.no, (*before, tree.condition))


@given(values)
def test_rendering_keeps_the_value_under_all_conditions(value: Json) -> None:
    rendered = render_tree(flat_map(parse_tree(value, ()), {}, value_of_leaf))
    for assumptions in ALL_ASSUMPTIONS:
        assert exact(value_under(rendered, assumptions)) == exact(value_under(value, assumptions))


@given(values)
def test_conditions_lead_to_exactly_one_leaf(value: Json) -> None:
    for assumptions in ALL_ASSUMPTIONS:
        ((leaf, _),) = leaves(parse_tree(value, ()), assumptions)
        assert exact(leaf.value) == exact(value_under(value, assumptions))


@given(values)
def test_leaves_carry_the_assumptions_that_lead_to_them(value: Json) -> None:
    for leaf, assumptions in leaves(parse_tree(value, ()), {}):
        for complete in ALL_ASSUMPTIONS:
            if all(complete[condition] is outcome for condition, outcome in assumptions.items()):
                assert exact(value_under(value, complete)) == exact(leaf.value)


@given(values)
def test_a_leafs_pointer_resolves_to_its_value(value: Json) -> None:
    for leaf, _ in leaves(parse_tree(value, ()), {}):
        current = value
        for part in leaf.pointer:
            current = current[part]  # type: ignore[index]
        assert current is leaf.stored


@given(values)
def test_flat_map_tests_no_condition_twice_on_a_path(value: Json) -> None:
    for path in condition_paths(flat_map(parse_tree(value, ()), {}, value_of_leaf)):
        assert len(path) == len(set(path))


@given(values, st.sampled_from(CONDITIONS), st.booleans())
def test_flat_map_does_not_test_assumed_conditions(value: Json, condition: str, holds: bool) -> None:  # noqa: FBT001
    tree = flat_map(parse_tree(value, ()), {condition: holds}, value_of_leaf)
    assert all(condition not in path for path in condition_paths(tree))


@given(paths)
def test_any_of_is_true_if_one_assumption_set_is(several: list[dict[str, bool]]) -> None:
    tree = any_of(several, {})
    for assumptions in ALL_ASSUMPTIONS:
        assert value_in(tree, assumptions) is any(path.items() <= assumptions.items() for path in several)


@given(paths, paths)
def test_or_is_true_if_one_side_is(left: list[dict[str, bool]], right: list[dict[str, bool]]) -> None:
    both = or_(any_of(left, {}), any_of(right, {}), {})
    for assumptions in ALL_ASSUMPTIONS:
        assert value_in(both, assumptions) is (
            value_in(any_of(left, {}), assumptions) or value_in(any_of(right, {}), assumptions)
        )


def test_any_of_nothing_is_false() -> None:
    assert any_of([], {}) == FALSE


def test_any_of_omits_assumed_conditions() -> None:
    assert any_of([{"A": True}], {"A": True}) == TRUE


def test_too_many_conditions_raise_an_error() -> None:
    paths = [{f"A{number}": True, f"B{number}": True} for number in range(30)]
    with pytest.raises(TooManyConditionsError):
        any_of(paths, {})


def test_equal_branches_become_one() -> None:
    assert flat_map(Branch("A", Leaf("x"), Leaf("y")), {}, lambda _value, _assumptions: Leaf(1)) == Leaf(1)


def test_one_and_true_stay_separate_branches() -> None:
    value: Json = {"Fn::If": ["A", 1, True]}
    assert exact(render_tree(flat_map(parse_tree(value, ()), {}, value_of_leaf))) == exact(value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"Fn::If": ["A", "x"]}, id="two-items"),
        pytest.param({"Fn::If": [["A"], "x", "y"]}, id="condition-is-list"),
        pytest.param({"Fn::If": "A"}, id="string"),
        pytest.param({"Fn::If": ["A", "x", "y", "z"]}, id="four-items"),
        pytest.param({"Fn::If": ["A", "x", "y"], "More": 1}, id="other-key"),
        pytest.param({"Fn::If": None}, id="null"),
        pytest.param({}, id="empty-object"),
        pytest.param([], id="empty-list"),
        pytest.param("Fn::If", id="just-a-string"),
        pytest.param(None, id="just-null"),
    ],
)
def test_a_malformed_if_is_a_leaf(value: Json) -> None:
    assert parse_tree(value, ("x",)) == Leaf(LocatedValue(("x",), value, value))


def test_no_value_with_other_keys_is_an_object() -> None:
    value: Json = {"Ref": "AWS::NoValue", "More": 1}
    assert parse_tree(value, ()) == Leaf(LocatedValue((), value, value))


def test_a_missing_key_and_no_value_are_stored_differently() -> None:
    assert parse_tree(ABSENT, ()) == Leaf(LocatedValue((), ABSENT, ABSENT))
    assert parse_tree(NOVALUE, ()) == Leaf(LocatedValue((), ABSENT, NOVALUE))
