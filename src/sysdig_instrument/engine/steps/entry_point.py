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

from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.container import Container, StepOutput, set_value
from sysdig_instrument.engine.expressions import dynamic_lists
from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    Branch,
    Leaf,
    LocatedValue,
    Tree,
    flat_map,
    leaves,
    render_tree,
)
from sysdig_instrument.engine.findings import Notice, Problem, Reason
from sysdig_instrument.engine.images import ConfigResult, NoConfig, image_config
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps.argv import Argv, ArgvForm, argv_forms, argv_items, form_of_items, invalid_argv
from sysdig_instrument.engine.steps.step import Output, Source, Unresolved
from sysdig_instrument.lazy_dataclasses import dataclass, field

_Value: TypeAlias = "Json | Absent"
"""A new value; ``ABSENT`` where what stands there, if anything, stays as it is."""

_UNCHANGED: Final[Tree[_Value]] = Leaf(ABSENT)
_MANUALLY_WRAPPED: Final = (ArgvForm.WRAPPED, ArgvForm.NESTED)
_REASON: Final = "the wrapper starts what the container runs"
_ENTRYPOINT_REASON: Final = "the wrapper starts the image's ENTRYPOINT"
_CMD_REASON: Final = "the image's CMD, which ECS drops once there is an EntryPoint"


class EntryPointSource(Enum):
    """Where the entry point came from, in the words of the Result; where branches differ, the first of these is told."""

    IMAGE = "entry point from the image"
    TEMPLATE = "entry point from the template"
    UNCHANGED = "entry point left as it was"
    WRAPPED = "already wrapped"


@dataclass(slots=True)
class Wrapping:
    """What wrapping a container takes.

    ``unresolved`` are images without config in branches that are, or may be, taken.
    """

    effects: list[StepOutput] = field(default_factory=list)
    unresolved: list[Notice | Problem] = field(default_factory=list)
    source: EntryPointSource = EntryPointSource.WRAPPED

    def record_source(self, origin: EntryPointSource) -> None:
        """Of a branch: where its entry point comes from."""
        self.source = next(each for each in EntryPointSource if each in (origin, self.source))


def entry_point(container: Container) -> Iterator[Output]:
    """The changes to EntryPoint and Command, where the entry point comes from, and the images that could not be read."""
    wrapping = wrap(container)
    yield from wrapping.effects
    yield from map(Unresolved, wrapping.unresolved)
    yield Source(wrapping.source.value)


def wrap(container: Container) -> Wrapping:
    """The changes to EntryPoint and Command, and what stands in their way."""
    wrapping = Wrapping()
    for leaf, assumptions in container.values("EntryPoint"):
        _wrap_entry_point(container, leaf, assumptions, wrapping)
    if wrapping.source is EntryPointSource.IMAGE:
        for leaf, assumptions in container.values("Command"):
            _restate_command(container, leaf, assumptions, wrapping)
    return wrapping


# EntryPoint


def _wrap_entry_point(container: Container, leaf: LocatedValue, assumptions: Assumptions, wrapping: Wrapping) -> None:
    tree = argv_forms(leaf.value, container, assumptions)
    for form, assumed in leaves(tree, assumptions):
        if form is ArgvForm.EMPTY:
            _report_images(container, assumed, wrapping)
        elif form is ArgvForm.LIST:
            wrapping.record_source(EntryPointSource.TEMPLATE)
        elif form in (ArgvForm.INVALID, ArgvForm.EMPTY_NOW):
            wrapping.record_source(EntryPointSource.UNCHANGED)
        if form is ArgvForm.EMPTY and isinstance(tree, Branch):
            _from_image(container, assumed, wrapping)
    wrapping.effects += _entry_point(container, leaf, assumptions, tree, wrapping)


def _entry_point(
    container: Container, leaf: LocatedValue, assumptions: Assumptions, tree: Tree[ArgvForm], wrapping: Wrapping
) -> Iterator[StepOutput]:
    if isinstance(tree, Branch):  # the conditions of its items decide whether there is a list: written anew
        yield set_value(leaf, render_tree(_rewrite_items(container, leaf, assumptions)), _REASON)
        yield from _invalid_branches(container, "EntryPoint", leaf, assumptions, tree)
        return
    match tree.value:
        case ArgvForm.LIST:
            yield Change("add", (*leaf.pointer, 0), _REASON, WRAPPER)
        case ArgvForm.DYNAMIC:
            yield _prepend_wrapper(container, leaf, assumptions, wrapping)
        case ArgvForm.EMPTY:
            new = _from_image(container, assumptions, wrapping)
            if new != _UNCHANGED:
                yield set_value(leaf, render_tree(new), _ENTRYPOINT_REASON)
        case ArgvForm.NESTED:
            yield _manual_wrapper_notice(container, "EntryPoint")
        case ArgvForm.INVALID | ArgvForm.EMPTY_NOW:
            yield invalid_argv(container, "EntryPoint", leaf, assumptions, tree.value)


def _from_image(container: Container, assumptions: Assumptions, wrapping: Wrapping) -> Tree[_Value]:
    """The EntryPoint that the image gives, noted as the origin where it gives one in some branch."""
    new = _image_entry_point(container, assumptions)
    if new != _UNCHANGED:
        wrapping.record_source(EntryPointSource.IMAGE)
    return new


def _rewrite_items(container: Container, leaf: LocatedValue, assumptions: Assumptions) -> Tree[_Value]:
    def new(items: Argv, assumed: Assumptions) -> Tree[_Value]:
        match form_of_items(items, container, assumed):
            case ArgvForm.EMPTY:
                return _image_entry_point(container, assumed)
            case ArgvForm.LIST:
                return Leaf([WRAPPER, *items])
        return Leaf(list(items))

    return flat_map(argv_items(cast("list[Json]", leaf.value), assumptions), assumptions, new)


def _invalid_branches(
    container: Container, key: str, leaf: LocatedValue, assumptions: Assumptions, tree: Tree[ArgvForm]
) -> Iterator[StepOutput]:
    """What is wrong with a list under some of the conditions that its items have."""
    for form, assumed in leaves(tree, assumptions):
        if form in (ArgvForm.INVALID, ArgvForm.EMPTY_NOW):
            yield invalid_argv(container, key, leaf, assumed, form)


def _prepend_wrapper(
    container: Container, leaf: LocatedValue, assumptions: Assumptions, wrapping: Wrapping
) -> StepOutput:
    expression = cast("dict[str, Json]", leaf.value)
    new = dynamic_lists.prepend(expression, WRAPPER, container.scope)
    if new is not None:
        wrapping.record_source(EntryPointSource.TEMPLATE)
        return set_value(leaf, new, f"{_REASON}; the list stays live")
    wrapping.record_source(EntryPointSource.UNCHANGED)
    return container.problem_or_notice(
        leaf.pointer, assumptions, Reason("EntryPoint is an expression that nothing can be put in front of",
        "Write EntryPoint as a list, or as Ref to a CommaDelimitedList"),
    )  # fmt: skip


def _manual_wrapper_notice(container: Container, key: str) -> StepOutput:
    return container.notice(
        (*container.pointer, key), Reason(f"{key} starts the wrapper itself, and is left as it is",
        "Take the wrapper out of it to have it put in front of the entry point"),
    )  # fmt: skip


def _image_entry_point(container: Container, assumptions: Assumptions) -> Tree[_Value]:
    """The wrapper before the image's ENTRYPOINT, under each combination of Command, Image and platform."""

    def of_command(form: ArgvForm, assumed: Assumptions) -> Tree[_Value]:
        if form in _MANUALLY_WRAPPED:
            return _UNCHANGED
        return flat_map(
            image_config(container, assumed), assumed, lambda config, _assumptions: Leaf(_wrapped_argv(config, form))
        )

    return flat_map(_command_forms(container, assumptions), assumptions, of_command)


def _wrapped_argv(config: ConfigResult, command: ArgvForm) -> _Value:
    """The EntryPoint that starts an image's ENTRYPOINT under the wrapper, where there is something to start."""
    if isinstance(config, NoConfig):
        return ABSENT
    argv = config.entrypoint or (config.cmd if command is ArgvForm.EMPTY else ())
    runs_nothing = command is ArgvForm.EMPTY and not argv
    return ABSENT if runs_nothing or argv[:1] == (WRAPPER,) else [WRAPPER, *config.entrypoint]


def _command_forms(container: Container, assumptions: Assumptions) -> Tree[ArgvForm]:
    return flat_map(
        container.tree("Command"), assumptions, lambda leaf, assumed: argv_forms(leaf.value, container, assumed)
    )


# Command, where EntryPoint comes from the image


def _restate_command(container: Container, leaf: LocatedValue, assumptions: Assumptions, wrapping: Wrapping) -> None:
    tree = argv_forms(leaf.value, container, assumptions)
    if isinstance(tree, Branch):
        before = argv_items(cast("list[Json]", leaf.value), assumptions)
        new = _replace_empty(before, assumptions, lambda assumed: _image_command(container, assumed))
        if new != _replace_empty(before, assumptions, lambda _under: _UNCHANGED):
            wrapping.effects.append(set_value(leaf, render_tree(new), _CMD_REASON))
        wrapping.effects += _invalid_branches(container, "Command", leaf, assumptions, tree)
    elif tree.value is ArgvForm.EMPTY:
        new = _image_command(container, assumptions)
        if new != _UNCHANGED:
            wrapping.effects.append(set_value(leaf, render_tree(new), _CMD_REASON))
    elif tree.value in (ArgvForm.INVALID, ArgvForm.EMPTY_NOW):
        wrapping.effects.append(invalid_argv(container, "Command", leaf, assumptions, tree.value))


def _replace_empty(
    before: Tree[Argv], assumptions: Assumptions, otherwise: Callable[[Assumptions], Tree[_Value]]
) -> Tree[_Value]:
    def value(items: Argv, assumed: Assumptions) -> Tree[_Value]:
        return Leaf(list(items)) if items else otherwise(assumed)

    return flat_map(before, assumptions, value)


def _image_command(container: Container, assumptions: Assumptions) -> Tree[_Value]:
    """The image's CMD where EntryPoint comes from the image; nothing where it does not."""

    def of_entry_point(leaf: LocatedValue, assumed: Assumptions) -> Tree[_Value]:
        return flat_map(argv_forms(leaf.value, container, assumed), assumed, of_form)

    def of_form(form: ArgvForm, assumed: Assumptions) -> Tree[_Value]:
        return flat_map(image_config(container, assumed), assumed, of_config) if form is ArgvForm.EMPTY else _UNCHANGED

    def of_config(config: ConfigResult, _assumptions: Assumptions) -> Tree[_Value]:
        if isinstance(config, NoConfig) or _wrapped_argv(config, ArgvForm.EMPTY) is ABSENT:
            return _UNCHANGED
        return Leaf(list(config.cmd) or ABSENT)

    return flat_map(container.tree("EntryPoint"), assumptions, of_entry_point)


# What stands in the way


def _report_images(container: Container, assumptions: Assumptions, wrapping: Wrapping) -> None:
    """The images that cannot be read, and those that run nothing, where EntryPoint would come from them."""
    for form, by_command in leaves(_command_forms(container, assumptions), assumptions):
        if form in _MANUALLY_WRAPPED:
            wrapping.effects.append(_manual_wrapper_notice(container, "Command"))
            continue
        for config, assumed in leaves(image_config(container, by_command), by_command):
            if isinstance(config, NoConfig):
                _unresolved(container, assumed, config, wrapping)
            elif form is ArgvForm.EMPTY and not config.entrypoint and not config.cmd:
                _unresolved(container, assumed, _NOTHING_TO_RUN, wrapping)


_NOTHING_TO_RUN: Final = NoConfig(
    Reason(
        "The image has neither ENTRYPOINT nor CMD, and the template gives no Command",
        "Give the container an EntryPoint or a Command",
    ),
)


def _unresolved(container: Container, assumptions: Assumptions, config: NoConfig, wrapping: Wrapping) -> None:
    pointer = (*container.pointer, "Image")
    fault = container.problem_or_notice(pointer, assumptions, config.reason)
    if isinstance(fault, Notice):  # in a branch that is not taken now
        wrapping.effects.append(fault)
        wrapping.record_source(EntryPointSource.UNCHANGED)
    else:
        wrapping.unresolved.append(fault)
