"""Dataclasses whose methods are compiled at first use: the part of :mod:`dataclasses` that this package uses.

Importing these classes costs a fifteenth of what :mod:`dataclasses` costs. The standard library generates the methods
of each class as source text, compiles it, and imports ``inspect`` (and with it Python's parser) to do so. That was half
of the function's import time, which delays each cold start and each call of the command line tool. Here a method is
generated when it is first called, ``__init__`` a few calls later, and is then the same. ``slots`` is always on.
Construction, equality, hash and repr are those of ``dataclasses`` (tests/test_lazy_dataclasses.py compares them);
features that this package does not use are missing.

The type checker enforces ``frozen``, and so do the tests, by :data:`enforce_frozen`. Production does not, because that
makes construction three times as slow.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing itself takes longer to import than --help may
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Final, Literal, TypeVar

    T = TypeVar("T")

enforce_frozen = False
"""Whether values of frozen classes raise AttributeError when they are changed. It applies to classes defined later, so
tests/conftest.py sets it before it imports anything else of this package."""

_MISSING: Final = object()
_FIELDS: Final = "__fields__"
_SLOW_CALLS: Final = 4


class Field:
    """A field of a class: its name, its default, and its options."""

    __slots__ = ("default", "default_factory", "in_repr", "kw_only", "metadata", "name")

    def __init__(self, *, default: Any, default_factory: Any, in_repr: bool, metadata: Mapping[str, Any]) -> None:  # noqa: ANN401 - any value
        self.name = ""
        self.kw_only = False
        self.default, self.default_factory, self.in_repr, self.metadata = default, default_factory, in_repr, metadata

    @property
    def parameter_source(self) -> str:
        """Return the parameter of ``__init__`` as source text; the default is referenced by name."""
        return (
            self.name if self.default is _MISSING and self.default_factory is _MISSING else f"{self.name}=_{self.name}"
        )

    @property
    def value_source(self) -> str:
        """Return the expression for the field's value in ``__init__`` as source text."""
        if self.default_factory is _MISSING:
            return self.name
        return f"_{self.name}() if {self.name} is _{self.name} else {self.name}"


def _new_field(
    *,
    default: Any = _MISSING,  # noqa: ANN401 - any value
    default_factory: Callable[[], Any] | Any = _MISSING,  # noqa: ANN401 - or nothing
    repr: bool = True,  # noqa: A002 - the name in dataclasses.field
    metadata: Mapping[str, Any] | None = None,
) -> Any:  # noqa: ANN401 - assigned where a value of the field's type is declared
    """Return a field with options, as :func:`dataclasses.field` does."""
    return Field(default=default, default_factory=default_factory, in_repr=repr, metadata=metadata or {})


def _dataclass(
    *, slots: Literal[True], frozen: bool = False, eq: bool = True, kw_only: bool = False
) -> Callable[[type[T]], type[T]]:
    """Return a class decorator like :func:`dataclasses.dataclass`.

    ``slots`` must be given, so that classes work with both.
    """
    del slots

    def decorate(cls: type[T]) -> type[T]:
        fields = dict(getattr(cls, _FIELDS, {}))
        namespace = {key: value for key, value in vars(cls).items() if key not in ("__dict__", "__weakref__")}
        own_names = tuple(cls.__annotations__)
        for name in own_names:
            fields[name] = _bind_field(name, namespace.pop(name, _MISSING), keyword=kw_only)
        namespace["__slots__"] = own_names
        namespace[_FIELDS] = fields
        namespace["__match_args__"] = tuple(name for name, each in fields.items() if not each.kw_only)
        if eq and not frozen:
            namespace["__hash__"] = None
        metaclass: Any = type(cls)
        new_class: type[T] = metaclass(cls.__name__, cls.__bases__, namespace)
        new_class.__qualname__ = cls.__qualname__
        is_enforced = frozen and enforce_frozen
        if is_enforced:
            _forbid_changes(new_class)
        _define_lazily(new_class, "__init__", _frozen_init_source if is_enforced else _init_source, _set_fields)
        _define_lazily(new_class, "__repr__", _repr_source)
        if eq:
            _define_lazily(new_class, "__eq__", _eq_source)
        if eq and frozen:
            _define_lazily(new_class, "__hash__", _hash_source)
        return new_class

    return decorate


def _fields_of(cls: type) -> tuple[Field, ...]:
    """Return the fields of a class, inherited ones first."""
    return tuple(getattr(cls, _FIELDS).values())


def _replace(value: T, /, **changes: Any) -> T:  # noqa: ANN401 - values of any fields
    """Return a copy of the value with some fields changed."""
    return type(value)(**{name: getattr(value, name) for name in getattr(value, _FIELDS)} | changes)


def _bind_field(name: str, default: Any, *, keyword: bool) -> Field:  # noqa: ANN401 - any value
    bound: Field = default if isinstance(default, Field) else _new_field(default=default)
    bound.name, bound.kw_only = name, keyword
    return bound


def _define_lazily(
    cls: type,
    name: str,
    write_source: Callable[[tuple[Field, ...]], str],
    do_slowly: Callable[..., bool] | None = None,
) -> None:
    """Add a method to a class that compiles the real method and replaces itself with it.

    With ``do_slowly``, which does the same without compiling and returns whether it could, this happens only if the method
    is called more than a few times. Compiling takes as long as 30 such calls, and in a run for one template most classes
    have few values.
    """
    slow_calls = 0

    def compile_and_call(self: object, *args: object, **kwargs: object) -> Any:  # noqa: ANN401 - what the method returns
        nonlocal slow_calls
        if do_slowly and slow_calls < _SLOW_CALLS:
            slow_calls += 1
            if do_slowly(self, _fields_of(cls), args, kwargs):
                return None
        namespace: dict[str, Any] = {}
        for each in _fields_of(cls):
            namespace[f"_{each.name}"] = each.default if each.default_factory is _MISSING else each.default_factory
        exec(write_source(_fields_of(cls)), namespace)  # noqa: S102 - the source is made of this package's field names
        compiled = namespace[name]
        compiled.__qualname__ = f"{cls.__qualname__}.{name}"
        setattr(cls, name, compiled)
        return compiled(self, *args, **kwargs)

    setattr(cls, name, compile_and_call)


def _set_fields(value: object, fields: tuple[Field, ...], args: Sequence[object], kwargs: dict[str, object]) -> bool:
    """Do what ``__init__`` does, and return whether the arguments are right. If not, the compiled method raises the error."""
    given: dict[str, object] = (
        dict(zip([each.name for each in fields if not each.kw_only], args, strict=False)) | kwargs
    )
    if len(given) < len(args) + len(kwargs):  # there are too many, or one is given twice
        return False
    for each in fields:
        if each.name in given:
            content = given.pop(each.name)
        else:
            content = each.default if each.default_factory is _MISSING else each.default_factory()
        if content is _MISSING:
            return False
        object.__setattr__(value, each.name, content)
    return not given


def _forbid_changes(cls: type) -> None:
    def forbid(self: object, name: str, *_: object) -> None:
        raise AttributeError(f"{type(self).__qualname__} is frozen: {name} cannot be changed")

    def restore(self: object, state: tuple[None, dict[str, object]]) -> None:
        for name, value in state[1].items():
            object.__setattr__(self, name, value)

    for method in ("__setattr__", "__delattr__"):
        setattr(cls, method, forbid)
    setattr(cls, "__setstate__", restore)  # noqa: B010 - pickle sets no attribute itself then; mypy knows no such method


def _init_source(fields: tuple[Field, ...]) -> str:
    body = "".join(f"\n self.{each.name} = {each.value_source}" for each in fields)
    return f"def __init__({_parameters_source(fields)}):{body or ' pass'}"


def _frozen_init_source(fields: tuple[Field, ...]) -> str:
    body = "".join(f"\n object.__setattr__(self, '{each.name}', {each.value_source})" for each in fields)
    return f"def __init__({_parameters_source(fields)}):{body or ' pass'}"


def _parameters_source(fields: tuple[Field, ...]) -> str:
    positional = [each.parameter_source for each in fields if not each.kw_only]
    keyword_only = [each.parameter_source for each in fields if each.kw_only]
    return ", ".join(["self", *positional, *(["*"] if keyword_only else []), *keyword_only])


def _repr_source(fields: tuple[Field, ...]) -> str:
    items = ", ".join(f"{each.name}={{self.{each.name}!r}}" for each in fields if each.in_repr)
    return f"def __repr__(self):\n return f'{{self.__class__.__qualname__}}({items})'"


def _eq_source(fields: tuple[Field, ...]) -> str:
    return (
        "def __eq__(self, other):\n if other.__class__ is not self.__class__:\n  return NotImplemented\n"
        f" return {_tuple_source(fields, 'self')} == {_tuple_source(fields, 'other')}"
    )


def _hash_source(fields: tuple[Field, ...]) -> str:
    return f"def __hash__(self):\n return hash({_tuple_source(fields, 'self')})"


def _tuple_source(fields: tuple[Field, ...], owner: str) -> str:
    return f"({''.join(f'{owner}.{each.name}, ' for each in fields)})"


if TYPE_CHECKING:  # type checkers know dataclasses and check its arguments
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - exported
    from dataclasses import field as field  # noqa: PLC0414 - exported
    from dataclasses import fields as fields  # noqa: PLC0414 - exported
    from dataclasses import replace as replace  # noqa: PLC0414 - exported
else:
    dataclass, field, fields, replace = _dataclass, _new_field, _fields_of, _replace
