"""The wrapper in front of what the container runs (contract, section 2).

Owns: EntryPoint, Command.

ECS follows Docker: an EntryPoint in the task definition drops the image's CMD, a Command alone keeps the image's
ENTRYPOINT. So the image's own ENTRYPOINT is restated where the template gives none, and its CMD where neither is given.
Command is never moved into EntryPoint: ``containerOverrides.command`` of RunTask must keep its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final, TypeAlias, cast

from sysdig_instrument.engine import lists_live
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.choices import Always, Choice, Leaf, Tree, When, bind, leaves, render
from sysdig_instrument.engine.container import Container, Effect, put
from sysdig_instrument.engine.findings import Notice, Problem, Reason
from sysdig_instrument.engine.images import Config, NoConfig, image_config
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps.forms import Form, Items, forms, items_of, of_items, unusable
from sysdig_instrument.engine.steps.step import Output, Source, Unresolved
from sysdig_instrument.values import dataclass, field

_Value: TypeAlias = "Json | Absent"
"""A new value; ``ABSENT`` where what stands there, if anything, stays as it is."""

_STAY: Final[Tree[_Value]] = Always(ABSENT)
_BY_HAND: Final = (Form.WRAPPED, Form.INSIDE)
_REASON: Final = "the wrapper starts what the container runs"
_ENTRYPOINT: Final = "the wrapper starts the image's ENTRYPOINT"
_CMD: Final = "the image's CMD, which ECS drops once there is an EntryPoint"


class Origin(Enum):
    """Where the entry point came from, in the words of the Result; where branches differ, the first of these is told."""

    IMAGE = "entry point from the image"
    TEMPLATE = "entry point from the template"
    LEFT = "entry point left as it was"
    WRAPPED = "already wrapped"


@dataclass(slots=True)
class Wrapping:
    """What wrapping a container takes.

    ``unresolved`` are images without config in branches that are, or may be, taken.
    """

    effects: list[Effect] = field(default_factory=list)
    unresolved: list[Notice | Problem] = field(default_factory=list)
    origin: Origin = Origin.WRAPPED

    def note(self, origin: Origin) -> None:
        """Of a branch: where its entry point comes from."""
        self.origin = next(each for each in Origin if each in (origin, self.origin))


def entry_point(container: Container) -> Iterator[Output]:
    """The changes to EntryPoint and Command, where the entry point comes from, and the images that could not be read."""
    wrapping = wrap(container)
    yield from wrapping.effects
    yield from map(Unresolved, wrapping.unresolved)
    yield Source(wrapping.origin.value)


def wrap(container: Container) -> Wrapping:
    """The changes to EntryPoint and Command, and what stands in their way."""
    wrapping = Wrapping()
    for leaf, when in container.branches("EntryPoint"):
        _wrap_entry_point(container, leaf, when, wrapping)
    if wrapping.origin is Origin.IMAGE:
        for leaf, when in container.branches("Command"):
            _restate_command(container, leaf, when, wrapping)
    return wrapping


# EntryPoint


def _wrap_entry_point(container: Container, leaf: Leaf, when: When, wrapping: Wrapping) -> None:
    tree = forms(leaf.value, container, when)
    for form, under in leaves(tree, when):
        if form is Form.EMPTY:
            _report_images(container, under, wrapping)
        elif form is Form.GIVEN:
            wrapping.note(Origin.TEMPLATE)
        elif form in (Form.BAD, Form.EMPTY_NOW):
            wrapping.note(Origin.LEFT)
        if form is Form.EMPTY and isinstance(tree, Choice):
            _from_image(container, under, wrapping)
    wrapping.effects += _entry_point(container, leaf, when, tree, wrapping)


def _entry_point(
    container: Container, leaf: Leaf, when: When, tree: Tree[Form], wrapping: Wrapping
) -> Iterator[Effect]:
    if isinstance(tree, Choice):  # the conditions of its items decide whether there is a list: written anew
        yield put(leaf, render(_rewritten(container, leaf, when)), _REASON)
        yield from _unusable_among(container, "EntryPoint", leaf, when, tree)
        return
    match tree.value:
        case Form.GIVEN:
            yield Change("add", (*leaf.pointer, 0), _REASON, WRAPPER)
        case Form.LIVE:
            yield _prefix(container, leaf, when, wrapping)
        case Form.EMPTY:
            new = _from_image(container, when, wrapping)
            if new != _STAY:
                yield put(leaf, render(new), _ENTRYPOINT)
        case Form.INSIDE:
            yield _by_hand(container, "EntryPoint")
        case Form.BAD | Form.EMPTY_NOW:
            yield unusable(container, "EntryPoint", leaf, when, tree.value)


def _from_image(container: Container, when: When, wrapping: Wrapping) -> Tree[_Value]:
    """The EntryPoint that the image gives, noted as the origin where it gives one in some branch."""
    new = _image_entry_point(container, when)
    if new != _STAY:
        wrapping.note(Origin.IMAGE)
    return new


def _rewritten(container: Container, leaf: Leaf, when: When) -> Tree[_Value]:
    def new(items: Items, under: When) -> Tree[_Value]:
        match of_items(items, container, under):
            case Form.EMPTY:
                return _image_entry_point(container, under)
            case Form.GIVEN:
                return Always([WRAPPER, *items])
        return Always(list(items))

    return bind(items_of(cast("list[Json]", leaf.value), when), when, new)


def _unusable_among(container: Container, key: str, leaf: Leaf, when: When, tree: Tree[Form]) -> Iterator[Effect]:
    """What is wrong with a list under some of the conditions that its items have."""
    for form, under in leaves(tree, when):
        if form in (Form.BAD, Form.EMPTY_NOW):
            yield unusable(container, key, leaf, under, form)


def _prefix(container: Container, leaf: Leaf, when: When, wrapping: Wrapping) -> Effect:
    expression = cast("dict[str, Json]", leaf.value)
    new = lists_live.prefixed(expression, WRAPPER, container.scope)
    if new is not None:
        wrapping.note(Origin.TEMPLATE)
        return put(leaf, new, f"{_REASON}; the list stays live")
    wrapping.note(Origin.LEFT)
    return container.fault(
        leaf.pointer, when, Reason("EntryPoint is an expression that nothing can be put in front of",
        "Write EntryPoint as a list, or as Ref to a CommaDelimitedList"),
    )  # fmt: skip


def _by_hand(container: Container, key: str) -> Effect:
    return container.notice(
        (*container.pointer, key), Reason(f"{key} starts the wrapper itself, and is left as it is",
        "Take the wrapper out of it to have it put in front of the entry point"),
    )  # fmt: skip


def _image_entry_point(container: Container, when: When) -> Tree[_Value]:
    """The wrapper before the image's ENTRYPOINT, under each combination of Command, Image and platform."""

    def of_command(form: Form, under: When) -> Tree[_Value]:
        if form in _BY_HAND:
            return _STAY
        return bind(image_config(container, under), under, lambda config, _when: Always(_wrapped(config, form)))

    return bind(_command_forms(container, when), when, of_command)


def _wrapped(config: Config, command: Form) -> _Value:
    """The EntryPoint that starts an image's ENTRYPOINT under the wrapper, where there is something to start."""
    if isinstance(config, NoConfig):
        return ABSENT
    argv = config.entrypoint or (config.cmd if command is Form.EMPTY else ())
    runs_nothing = command is Form.EMPTY and not argv
    return ABSENT if runs_nothing or argv[:1] == (WRAPPER,) else [WRAPPER, *config.entrypoint]


def _command_forms(container: Container, when: When) -> Tree[Form]:
    return bind(container.member("Command"), when, lambda leaf, under: forms(leaf.value, container, under))


# Command, where EntryPoint comes from the image


def _restate_command(container: Container, leaf: Leaf, when: When, wrapping: Wrapping) -> None:
    tree = forms(leaf.value, container, when)
    if isinstance(tree, Choice):
        before = items_of(cast("list[Json]", leaf.value), when)
        new = _where_empty(before, when, lambda under: _image_command(container, under))
        if new != _where_empty(before, when, lambda _under: _STAY):
            wrapping.effects.append(put(leaf, render(new), _CMD))
        wrapping.effects += _unusable_among(container, "Command", leaf, when, tree)
    elif tree.value is Form.EMPTY:
        new = _image_command(container, when)
        if new != _STAY:
            wrapping.effects.append(put(leaf, render(new), _CMD))
    elif tree.value in (Form.BAD, Form.EMPTY_NOW):
        wrapping.effects.append(unusable(container, "Command", leaf, when, tree.value))


def _where_empty(before: Tree[Items], when: When, otherwise: Callable[[When], Tree[_Value]]) -> Tree[_Value]:
    def value(items: Items, under: When) -> Tree[_Value]:
        return Always(list(items)) if items else otherwise(under)

    return bind(before, when, value)


def _image_command(container: Container, when: When) -> Tree[_Value]:
    """The image's CMD where EntryPoint comes from the image; nothing where it does not."""

    def of_entry_point(leaf: Leaf, under: When) -> Tree[_Value]:
        return bind(forms(leaf.value, container, under), under, of_form)

    def of_form(form: Form, under: When) -> Tree[_Value]:
        return bind(image_config(container, under), under, of_config) if form is Form.EMPTY else _STAY

    def of_config(config: Config, _when: When) -> Tree[_Value]:
        if isinstance(config, NoConfig) or _wrapped(config, Form.EMPTY) is ABSENT:
            return _STAY
        return Always(list(config.cmd) or ABSENT)

    return bind(container.member("EntryPoint"), when, of_entry_point)


# What stands in the way


def _report_images(container: Container, when: When, wrapping: Wrapping) -> None:
    """The images that cannot be read, and those that run nothing, where EntryPoint would come from them."""
    for form, by_command in leaves(_command_forms(container, when), when):
        if form in _BY_HAND:
            wrapping.effects.append(_by_hand(container, "Command"))
            continue
        for config, under in leaves(image_config(container, by_command), by_command):
            if isinstance(config, NoConfig):
                _unresolved(container, under, config, wrapping)
            elif form is Form.EMPTY and not config.entrypoint and not config.cmd:
                _unresolved(container, under, _NOTHING_TO_RUN, wrapping)


_NOTHING_TO_RUN: Final = NoConfig(
    Reason(
        "The image has neither ENTRYPOINT nor CMD, and the template gives no Command",
        "Give the container an EntryPoint or a Command",
    ),
)


def _unresolved(container: Container, when: When, config: NoConfig, wrapping: Wrapping) -> None:
    pointer = (*container.pointer, "Image")
    fault = container.fault(pointer, when, config.reason)
    if isinstance(fault, Notice):  # in a branch that is not taken now
        wrapping.effects.append(fault)
        wrapping.note(Origin.LEFT)
    else:
        wrapping.unresolved.append(fault)
