"""Our dataclasses are the standard library's, as far as they go: every class is made by both and must behave alike."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest

from sysdig_instrument import lazy_dataclasses


def classes(library: Any) -> dict[str, Any]:
    """The same classes, made by one library or the other."""

    @library.dataclass(frozen=True, slots=True)
    class Place:
        """A docstring."""

        task: str
        container: str | None = None
        pointer: tuple[int, ...] = ()

        @property
        def text(self) -> str:
            return f"{self.task}/{self.container}"

    @library.dataclass(frozen=True, slots=True)
    class Deeper(Place):
        """With one field more."""

        depth: int = 0

    @library.dataclass(frozen=True, slots=True)
    class Same(Place):
        """With no field more."""

    @library.dataclass(frozen=True, slots=True)
    class Empty:
        """With no field at all."""

    @library.dataclass(frozen=True, slots=True, kw_only=True)
    class Named:
        """Given by keyword."""

        task: str
        container: str | None = None

    @library.dataclass(slots=True)
    class Open:
        """May be changed."""

        task: str
        container: list[str] = library.field(default_factory=list)
        hidden: str = library.field(default="secret", repr=False)

    @library.dataclass(frozen=True, slots=True, eq=False)
    class Node:
        """Equal to itself only."""

        task: str = ""

    return {each.__name__: each for each in (Place, Deeper, Same, Empty, Named, Open, Node)}


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


def made(kind: Any) -> list[Any]:
    """What each call gives: an instance, or the type of what it raises."""

    def tried(given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            return kind(*given, **named)
        except TypeError:
            return TypeError

    return [tried(*call) for call in CALLS]


def told(value: Any) -> Any:
    """What can be seen of a value, apart from what it is."""
    if value is TypeError:
        return TypeError
    try:
        hashable = isinstance(hash(value), int)
    except TypeError:
        hashable = False
    return repr(value), hashable, getattr(value, "text", None), type(value).__match_args__, type(value).__doc__


@every_class
def test_construction_and_repr_match_dataclasses(name: str) -> None:
    for _ in range(2):  # a method's first call, which writes it, and the next
        ours = [told(each) for each in made(OURS[name])]
        assert ours == [told(each) for each in made(THEIRS[name])]


@every_class
def test_equality_and_hash_match_dataclasses(name: str) -> None:
    def equal(kinds: dict[str, Any]) -> list[bool]:
        others = [each for kind in ("Place", "Same", "Named") for each in made(kinds[kind])]
        return [left == right for left, right in itertools.product(made(kinds[name]), [*made(kinds[name]), *others])]

    assert equal(OURS) == equal(THEIRS)
    for left, right in itertools.product(made(OURS[name]), repeat=2):
        if left == right and left is not TypeError and told(left)[1]:
            assert hash(left) == hash(right)


@every_class
def test_a_value_has_only_its_fields(name: str) -> None:
    for library in (OURS, THEIRS):
        value = next(each for each in made(library[name]) if each is not TypeError)
        with pytest.raises((AttributeError, TypeError)):
            value.no_such_field = 1


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
    first, second = OURS["Open"]("a"), OURS["Open"]("a")
    first.container.append("b")
    assert second.container == []


def test_metadata_of_a_field_is_kept() -> None:
    @lazy_dataclasses.dataclass(frozen=True, slots=True)
    class Row:
        name: str = lazy_dataclasses.field(default="a", metadata={"doc": "b"})

    (row,) = lazy_dataclasses.fields(Row)
    assert dict(row.metadata) == {"doc": "b"}


def test_methods_may_first_be_called_from_a_subclass() -> None:
    base: Any = classes(lazy_dataclasses)["Place"]

    class Odd(base):  # type: ignore[misc] # Any
        def __init__(self) -> None:
            super().__init__("a", "b")

    assert (Odd().task, Odd().container, base("c").task) == ("a", "b", "c")
