"""The part of :mod:`dataclasses` that this package uses, for a fifteenth of what it costs at import.

The standard library writes the methods of each class as text and compiles it, and imports ``inspect`` (and with it the
parser of Python) to do so: that was half of the function's import, which a cold start waits for, as each call of the
command line tool does. Here a method is written at its first use; then it is the same as there. ``slots`` is always on.
What is made, equal, hashed and shown is as with ``dataclasses`` (tests/test_values.py compares the two); what this package
does not use is not here. That nobody changes a value that is ``frozen`` is seen to by the type checker alone: to refuse it
at run time makes each such value three times as slow to make.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself takes longer to import than --help may
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final, Literal, TypeVar

    T = TypeVar("T")

_MISSING: Final = object()
_FIELDS: Final = "__fields__"


class Field:
    """A field of a class: its name, what it is when nothing is given, and what else its class says of it."""

    __slots__ = ("default", "factory", "keyword", "metadata", "name", "shown")

    def __init__(self, *, default: Any, factory: Any, shown: bool, metadata: Mapping[str, Any]) -> None:  # noqa: ANN401 - any value
        self.name = ""
        self.keyword = False
        self.default, self.factory, self.shown, self.metadata = default, factory, shown, metadata

    @property
    def parameter(self) -> str:
        """How ``__init__`` declares it; its default is looked up by its name."""
        return self.name if self.default is _MISSING and self.factory is _MISSING else f"{self.name}=_{self.name}"

    @property
    def given(self) -> str:
        """The expression for its value within ``__init__``."""
        if self.factory is _MISSING:
            return self.name
        return f"_{self.name}() if {self.name} is _{self.name} else {self.name}"


def _made_field(
    *,
    default: Any = _MISSING,  # noqa: ANN401 - any value
    default_factory: Callable[[], Any] | Any = _MISSING,  # noqa: ANN401 - or nothing
    repr: bool = True,  # noqa: A002 - as the standard library has it
    metadata: Mapping[str, Any] | None = None,
) -> Any:  # noqa: ANN401 - stands where a value of the field's type does
    """A field that needs more than a default: as :func:`dataclasses.field`."""
    return Field(default=default, factory=default_factory, shown=repr, metadata=metadata or {})


def _made_dataclass(
    *, slots: Literal[True], frozen: bool = False, eq: bool = True, kw_only: bool = False
) -> Callable[[type[T]], type[T]]:
    """As :func:`dataclasses.dataclass`; ``slots`` is to be given, so that a class reads the same there and here."""
    del slots

    def made(cls: type[T]) -> type[T]:
        fields = dict(getattr(cls, _FIELDS, {}))
        namespace = {key: value for key, value in vars(cls).items() if key not in ("__dict__", "__weakref__")}
        own = tuple(cls.__annotations__)
        for name in own:
            fields[name] = _field(name, namespace.pop(name, _MISSING), keyword=kw_only)
        namespace["__slots__"] = own
        namespace[_FIELDS] = fields
        namespace["__match_args__"] = tuple(name for name, each in fields.items() if not each.keyword)
        if eq and not frozen:
            namespace["__hash__"] = None
        kind: Any = type(cls)
        new: type[T] = kind(cls.__name__, cls.__bases__, namespace)
        new.__qualname__ = cls.__qualname__
        _write_late(new, "__init__", _init)
        _write_late(new, "__repr__", _repr)
        if eq:
            _write_late(new, "__eq__", _eq)
        if eq and frozen:
            _write_late(new, "__hash__", _hash)
        return new

    return made


def _made_fields(cls: type) -> tuple[Field, ...]:
    """The fields of a class, those that it inherits first."""
    return tuple(getattr(cls, _FIELDS).values())


def _replaced(value: T, /, **changes: Any) -> T:  # noqa: ANN401 - values of any fields
    """The value with some fields changed."""
    return type(value)(**{name: getattr(value, name) for name in getattr(value, _FIELDS)} | changes)


def _field(name: str, default: Any, *, keyword: bool) -> Field:  # noqa: ANN401 - any value
    made: Field = default if isinstance(default, Field) else _made_field(default=default)
    made.name, made.keyword = name, keyword
    return made


def _write_late(cls: type, name: str, write: Callable[[tuple[Field, ...]], str]) -> None:
    """Give a class a method that is written and compiled when it is called first, and takes its own place then."""

    def method(self: object, *given: object, **named: object) -> Any:  # noqa: ANN401 - what the method returns
        world: dict[str, Any] = {}
        for each in _made_fields(cls):
            world[f"_{each.name}"] = each.default if each.factory is _MISSING else each.factory
        exec(write(_made_fields(cls)), world)  # noqa: S102 - made of the names of fields in this package
        made = world[name]
        made.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, made)
        return made(self, *given, **named)

    setattr(cls, name, method)


def _init(fields: tuple[Field, ...]) -> str:
    positional = [each.parameter for each in fields if not each.keyword]
    keywords = [each.parameter for each in fields if each.keyword]
    parameters = ", ".join(["self", *positional, *(["*"] if keywords else []), *keywords])
    body = "".join(f"\n self.{each.name} = {each.given}" for each in fields)
    return f"def __init__({parameters}):{body or ' pass'}"


def _repr(fields: tuple[Field, ...]) -> str:
    shown = ", ".join(f"{each.name}={{self.{each.name}!r}}" for each in fields if each.shown)
    return f"def __repr__(self):\n return f'{{self.__class__.__qualname__}}({shown})'"


def _eq(fields: tuple[Field, ...]) -> str:
    return (
        "def __eq__(self, other):\n if other.__class__ is not self.__class__:\n  return NotImplemented\n"
        f" return {_all(fields, 'self')} == {_all(fields, 'other')}"
    )


def _hash(fields: tuple[Field, ...]) -> str:
    return f"def __hash__(self):\n return hash({_all(fields, 'self')})"


def _all(fields: tuple[Field, ...], of: str) -> str:
    return f"({''.join(f'{of}.{each.name}, ' for each in fields)})"


if TYPE_CHECKING:  # a type checker knows those of the standard library, and what they are given
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
    from dataclasses import field as field  # noqa: PLC0414 - exported
    from dataclasses import fields as fields  # noqa: PLC0414 - exported
    from dataclasses import replace as replace  # noqa: PLC0414 - exported
else:
    dataclass, field, fields, replace = _made_dataclass, _made_field, _made_fields, _replaced
