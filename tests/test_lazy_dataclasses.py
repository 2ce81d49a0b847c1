"""Each class is defined with our dataclasses and with the standard library's; both must behave alike."""

from __future__ import annotations

import dataclasses
import itertools
import pickle
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from sysdig_instrument import lazy_dataclasses
from sysdig_instrument.engine.patch import Change


def classes(library: Any) -> dict[str, Any]:
    """Return the same classes, defined with the given library."""

    @library.dataclass(frozen=True, slots=True)
    class Location:
        """A docstring."""

        task: str
        container: str | None = None
        pointer: tuple[int, ...] = ()

        @property
        def text(self) -> str:
            return f"{self.task}/{self.container}"

    @library.dataclass(frozen=True, slots=True)
    class Nested(Location):
        """A subclass with one more field."""

        depth: int = 0

    @library.dataclass(frozen=True, slots=True)
    class Same(Location):
        """A subclass with the same fields."""

    @library.dataclass(frozen=True, slots=True)
    class Empty:
        """A class without fields."""

    @library.dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        """A class with keyword-only fields."""

        task: str
        container: str | None = None

    @library.dataclass(slots=True)
    class Mutable:
        """A class that is not frozen."""

        task: str
        container: list[str] = library.field(default_factory=list)
        hidden: str = library.field(default="secret", repr=False)

    @library.dataclass(frozen=True, slots=True, eq=False)
    class Node:
        """A class whose values are equal only to themselves."""

        task: str = ""

    return {each.__name__: each for each in (Location, Nested, Same, Empty, Named, Mutable, Node)}


OURS, THEIRS = classes(lazy_dataclasses), classes(dataclasses)
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    *((given, {}) for length in range(5) for given in itertools.product(["a", 1], repeat=length)),
    ((), {"task": "a"}),
    ((), {"task": "a", "container": ["b"]}),
    (("a",), {"container": "b"}),
    (("a",), {"task": "b"}),
    ((), {"other": 1}),
    (([],), {}),
]

every_class = pytest.mark.parametrize("name", sorted(OURS))


def made(kind: Any, calls: Sequence[Any] = CALLS) -> list[Any]:
    """Return the result of each call: an instance, or TypeError."""

    def tried(given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            return kind(*given, **named)
        except TypeError:
            return TypeError

    return [tried(*call) for call in calls]


def visible(value: Any) -> Any:
    """Return what can be observed of a value, apart from its class."""
    if value is TypeError:
        return TypeError
    try:
        hashable = isinstance(hash(value), int)
    except TypeError:
        hashable = False
    return repr(value), hashable, getattr(value, "text", None), type(value).__match_args__, type(value).__doc__


@every_class
def test_construction_and_repr_match_dataclasses(name: str) -> None:
    for _ in range(2):  # the first calls of a method compile it
        ours = [visible(each) for each in made(OURS[name])]
        assert ours == [visible(each) for each in made(THEIRS[name])]


@every_class
def test_the_first_construction_matches_dataclasses(name: str) -> None:
    for call in CALLS:
        ours, theirs = (visible(made(kind, [call])[0]) for kind in (classes(lazy_dataclasses)[name], THEIRS[name]))
        assert (call, ours) == (call, theirs)


def test_a_class_with_few_values_has_no_compiled_constructor() -> None:
    kind = classes(lazy_dataclasses)["Location"]
    compiled = "classes.<locals>.Location.__init__"
    values = [kind("a"), kind("a", container=None)]
    assert kind.__init__.__qualname__ != compiled
    values += [kind("a", None, ()) for _ in range(10)]
    assert kind.__init__.__qualname__ == compiled
    assert len(set(values)) == 1


@every_class
def test_equality_and_hash_match_dataclasses(name: str) -> None:
    def equal(kinds: dict[str, Any]) -> list[bool]:
        others = [each for kind in ("Location", "Same", "Named") for each in made(kinds[kind])]
        return [left == right for left, right in itertools.product(made(kinds[name]), [*made(kinds[name]), *others])]

    assert equal(OURS) == equal(THEIRS)
    for left, right in itertools.product(made(OURS[name]), repeat=2):
        if left == right and left is not TypeError and visible(left)[1]:
            assert hash(left) == hash(right)


@every_class
def test_a_value_has_only_its_fields(name: str) -> None:
    for library in (OURS, THEIRS):
        value = next(each for each in made(library[name]) if each is not TypeError)
        with pytest.raises((AttributeError, TypeError)):
            value.no_such_field = 1


FROZEN = sorted(OURS.keys() - {"Mutable", "Empty"})


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_values_cannot_be_changed_in_tests(name: str) -> None:
    for library in (OURS, THEIRS):
        value = library[name](task="a")
        with pytest.raises(AttributeError):
            value.task = "b"
        with pytest.raises(AttributeError):
            del value.task
        assert value.task == "a"


def test_frozen_is_enforced_for_the_whole_package() -> None:
    with pytest.raises(AttributeError, match="Change is frozen: reason cannot be changed"):
        Change("add", (), "a").reason = "b"  # type: ignore[misc] # as intended


def test_production_does_not_enforce_frozen() -> None:
    program = "from sysdig_instrument import lazy_dataclasses as module\nassert module.enforce_frozen is False"
    subprocess.run([sys.executable, "-c", program], check=True)


@every_class
def test_replace_and_fields_match_dataclasses(name: str) -> None:
    ours, theirs = made(OURS[name]), made(THEIRS[name])
    assert [each.name for each in lazy_dataclasses.fields(OURS[name])] == [
        each.name for each in dataclasses.fields(THEIRS[name])
    ]
    for mine, yours in zip(ours, theirs, strict=True):
        if mine is not TypeError and hasattr(mine, "task"):
            assert repr(lazy_dataclasses.replace(mine, task="z")) == repr(dataclasses.replace(yours, task="z"))
            with pytest.raises(TypeError):
                lazy_dataclasses.replace(mine, no_such_field=1)


def test_default_factories_make_new_values() -> None:
    first, second = OURS["Mutable"]("a"), OURS["Mutable"]("a")
    first.container.append("b")
    assert second.container == []


def test_metadata_of_a_field_is_kept() -> None:
    @lazy_dataclasses.dataclass(frozen=True, slots=True)
    class Row:
        name: str = lazy_dataclasses.field(default="a", metadata={"doc": "b"})

    (row,) = lazy_dataclasses.fields(Row)
    assert dict(row.metadata) == {"doc": "b"}


def test_methods_may_first_be_called_from_a_subclass() -> None:
    base: Any = classes(lazy_dataclasses)["Location"]

    class Fixed(base):  # type: ignore[misc] # Any
        def __init__(self) -> None:
            super().__init__("a", "b")

    assert (Fixed().task, Fixed().container, base("c").task) == ("a", "b", "c")


def test_a_value_can_be_sent_to_another_process() -> None:
    change = Change("remove", ("Resources", "Api"), "why")
    assert pickle.loads(pickle.dumps(change)) == change  # noqa: S301 - made above
