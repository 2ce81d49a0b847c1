"""The wrapper in front of what the container runs.

Owns: EntryPoint, Command.

ECS follows Docker: an EntryPoint in the task definition drops the image's CMD, and a Command alone keeps the image's
ENTRYPOINT. So where the template gives no EntryPoint, the image's ENTRYPOINT is written into it, and where it gives no
Command either, the image's CMD is written into Command. A Command is never moved into EntryPoint:
``containerOverrides.command`` of RunTask must keep its meaning. Only the wrapper is, where the hook and ``coverage`` see it.

Source: the ECS API reference, ContainerDefinition, ``entryPoint`` and ``command``; Docker's documentation, «Understand how
CMD and ENTRYPOINT interact»; Sysdig documentation, «Serverless Agents», for the wrapper.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias, cast

from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container, explaining_if, set_value
from sysdig_instrument.engine.expressions import dynamic_lists
from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    Branch,
    Leaf,
    LocatedValue,
    Tree,
    flat_map,
    leaves,
    may_be_absent,
    render_tree,
    with_default,
)
from sysdig_instrument.engine.expressions.evaluate import is_active
from sysdig_instrument.engine.findings import Notice, Problem, Reason
from sysdig_instrument.engine.images import ConfigResult, NoConfig, image_config
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.paste import ENTRY_POINT, EXCLUDE_CONTAINER, PasteInto, paste, with_image_config
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps.argv import (
    NAMES_WRAPPER,
    NO_PROGRAM,
    REFUSED_FORMS,
    WITH_CMD,
    Argv,
    ArgvForm,
    argv_forms,
    argv_items,
    argv_names_wrapper,
    argv_of_image,
    expression_replaced,
    form_of_items,
    invalid_argv_finding,
    moves_wrapper,
    runs_nothing,
    wrapper_elsewhere_reason,
)
from sysdig_instrument.engine.steps.process_one import first_program_of_command, init_program_notices
from sysdig_instrument.engine.steps.step import ChangeOrFinding, EntryPointSource, Output, UnresolvedImage
from sysdig_instrument.engine.steps.usual_entry_point import CMD_REASON, ENTRYPOINT_REASON, REASON, usual_entry_point
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace

_Value: TypeAlias = "Json | Absent"
"""A new value; ``ABSENT`` where the present value, if any, stays."""

_UNCHANGED: Final[Tree[_Value]] = Leaf(ABSENT)
_MOVED_REASON: Final = "the wrapper is in EntryPoint"
_SOURCES: Final = tuple(EntryPointSource)


@dataclass(slots=True)
class _Wrapping:
    """All that the step yields for a container, collected branch by branch.

    ``unresolved`` are the problems with images whose config is not available, in branches that are or may be active.
    """

    outputs: list[ChangeOrFinding] = field(default_factory=list)
    unresolved: list[UnresolvedImage] = field(default_factory=list)
    source: EntryPointSource = EntryPointSource.WRAPPED

    def record_source(self, source: EntryPointSource) -> None:
        """Record the source of the entry point in one branch."""
        self.source = source if _SOURCES.index(source) < _SOURCES.index(self.source) else self.source


def entry_point(container: Container) -> Iterator[Output]:
    """Yield the changes to EntryPoint and Command with the findings about them, the unresolved images, and the source."""
    usual = usual_entry_point(container)
    if usual is not None:
        yield from usual
        return
    wrapping = _Wrapping()
    for leaf, assumptions in container.values("EntryPoint"):
        _wrap_entry_point(container, leaf, assumptions, wrapping)
    if wrapping.source is EntryPointSource.IMAGE:
        for leaf, assumptions in container.values("Command"):
            _write_image_command(container, leaf, assumptions, wrapping)
    yield from wrapping.outputs
    yield from wrapping.unresolved
    yield wrapping.source


# --- EntryPoint


def _wrap_entry_point(container: Container, leaf: LocatedValue, assumptions: Assumptions, wrapping: _Wrapping) -> None:
    tree = argv_forms(leaf.value, container, assumptions)
    for form, assumed in leaves(tree, assumptions):
        if form is ArgvForm.EMPTY:
            _record_unusable_images(container, assumed, wrapping)
            if isinstance(tree, Branch):  # otherwise, _entry_point_changes does this
                _from_image(container, assumed, wrapping)
        elif form in (ArgvForm.LIST, ArgvForm.DYNAMIC, ArgvForm.WRAPPED):
            if "Command" in container.value:
                wrapping.outputs += _unusable_command(container, assumed, is_wrapped=form is ArgvForm.WRAPPED)
            if form is ArgvForm.LIST:
                wrapping.record_source(EntryPointSource.TEMPLATE)
        elif form is ArgvForm.WRAPPER_ALONE:
            wrapping.outputs += _without_program(container, assumed)
        elif form in REFUSED_FORMS:
            wrapping.record_source(EntryPointSource.UNCHANGED)
    if not container.scope.state.lookups:  # otherwise all of this is planned again
        wrapping.outputs += _entry_point_changes(container, leaf, assumptions, tree, wrapping)


def _entry_point_changes(
    container: Container, leaf: LocatedValue, assumptions: Assumptions, tree: Tree[ArgvForm], wrapping: _Wrapping
) -> Iterator[ChangeOrFinding]:
    if isinstance(tree, Branch):  # the conditions of its items decide the list's form, so it is rewritten as Fn::If
        yield set_value(leaf, render_tree(_rewrite_items(container, leaf, assumptions)), REASON)
        yield from _invalid_branches(container, "EntryPoint", leaf, assumptions, tree)
        return
    match tree.value:
        case ArgvForm.LIST:
            yield Change("add", (*leaf.pointer, 0), REASON, WRAPPER)
        case ArgvForm.DYNAMIC:
            yield _prepend_wrapper(container, leaf, assumptions, wrapping)
        case ArgvForm.EMPTY:
            new = _from_image(container, assumptions, wrapping)
            if new != _UNCHANGED:
                yield set_value(leaf, render_tree(new), ENTRYPOINT_REASON)
                yield from expression_replaced(container, "EntryPoint", leaf)
        case form if form in REFUSED_FORMS:
            yield invalid_argv_finding(container, "EntryPoint", leaf.pointer, assumptions, form)


def _from_image(container: Container, assumptions: Assumptions, wrapping: _Wrapping) -> Tree[_Value]:
    """Return the EntryPoint that the image gives. If it gives one in any branch, record the image as the source."""
    new = _image_entry_point(container, assumptions)
    if new != _UNCHANGED:
        wrapping.record_source(EntryPointSource.IMAGE)
    return new


def _rewrite_items(container: Container, leaf: LocatedValue, assumptions: Assumptions) -> Tree[_Value]:
    """Return a list whose form depends on conditions, as a tree with the wrapper in front wherever it belongs."""

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
) -> Iterator[ChangeOrFinding]:
    """Yield the problems with a list under some of the conditions that decide its items."""
    for form, assumed in leaves(tree, assumptions):
        if form in REFUSED_FORMS and (key == "EntryPoint" or form is not ArgvForm.EMPTY_STRING):
            yield invalid_argv_finding(container, key, leaf.pointer, assumed, form)


def _prepend_wrapper(
    container: Container, leaf: LocatedValue, assumptions: Assumptions, wrapping: _Wrapping
) -> ChangeOrFinding:
    expression = cast("dict[str, Json]", leaf.value)
    new = dynamic_lists.prepend(expression, WRAPPER, container.scope)
    if new is not None:
        wrapping.record_source(EntryPointSource.TEMPLATE)
        return set_value(leaf, new, f"{REASON}; the list stays an expression")
    wrapping.record_source(EntryPointSource.UNCHANGED)
    reason = Reason(
        "EntryPoint is an expression, and nothing can be put in front of its items",
        "Write EntryPoint as a list, or as a Ref to a CommaDelimitedList",
        code=Code.ENTRY_POINT_NOT_EXTENDABLE,
        paste=ENTRY_POINT,
    )
    return container.problem_or_notice(leaf.pointer, assumptions, explaining_if(reason, expression))


def _without_program(container: Container, assumptions: Assumptions) -> Iterator[Notice | Problem]:
    """Yield a finding where an EntryPoint is the wrapper alone, and Command has no program that it could start."""
    for form, assumed in leaves(_command_forms(container, assumptions), assumptions):
        if form in NO_PROGRAM:
            yield container.problem_or_notice((*container.pointer, "EntryPoint"), assumed, _NOTHING_TO_START)


_NOTHING_TO_START: Final = Reason(
    "There is only the wrapper, and no program that it could start",
    "Add the program to Command, or remove the wrapper: then the image's ENTRYPOINT and CMD are written into the template",
    code=Code.NOT_WRAPPED,
)


def _unusable_command(
    container: Container, assumptions: Assumptions, *, is_wrapped: bool
) -> Iterator[Notice | Problem]:
    """Yield a finding if Command, whose items are arguments of EntryPoint, is not a list, or names a wrapper that EntryPoint lacks."""
    for form, assumed in leaves(_command_forms(container, assumptions), assumptions):
        if form in NAMES_WRAPPER and not is_wrapped:
            yield _wrapper_elsewhere(container, "Command", assumed)
        elif form is ArgvForm.INVALID:
            yield invalid_argv_finding(container, "Command", (*container.pointer, "Command"), assumed, form)


def _wrapper_elsewhere(container: Container, key: str, assumptions: Assumptions) -> Notice | Problem:
    return container.problem_or_notice((*container.pointer, key), assumptions, wrapper_elsewhere_reason(key))


def _image_entry_point(container: Container, assumptions: Assumptions) -> Tree[_Value]:
    """Return the image's ENTRYPOINT with the wrapper in front, under each combination of Command, Image and platform."""

    def of_command(form: ArgvForm, assumed: Assumptions) -> Tree[_Value]:
        if form is ArgvForm.WRAPPED and moves_wrapper(container, assumed):
            return Leaf([WRAPPER])
        if form in NAMES_WRAPPER:
            return _UNCHANGED
        return flat_map(
            image_config(container, assumed), assumed, lambda config, _assumptions: Leaf(_wrapped_argv(config, form))
        )

    if "Command" not in container.value:  # as in most containers
        return of_command(ArgvForm.EMPTY, assumptions)
    return flat_map(_command_forms(container, assumptions), assumptions, of_command)


def _wrapped_argv(config: ConfigResult, command: ArgvForm) -> _Value:
    """Return the EntryPoint that starts an image's ENTRYPOINT with the wrapper; ``ABSENT`` if there is nothing to start."""
    if isinstance(config, NoConfig):
        return ABSENT
    argv = argv_of_image(config, command)
    return ABSENT if runs_nothing(argv, command) or argv_names_wrapper(argv) else [WRAPPER, *config.entrypoint]


def _command_forms(container: Container, assumptions: Assumptions) -> Tree[ArgvForm]:
    command = container.value.get("Command", ABSENT)
    if not isinstance(command, dict):  # as in most containers: it has no branches
        return argv_forms(command, container, assumptions)
    return flat_map(
        container.tree("Command"), assumptions, lambda leaf, assumed: argv_forms(leaf.value, container, assumed)
    )


# --- Command, where EntryPoint comes from the image


def _write_image_command(
    container: Container, leaf: LocatedValue, assumptions: Assumptions, wrapping: _Wrapping
) -> None:
    tree = argv_forms(leaf.value, container, assumptions)
    if isinstance(tree, Branch):
        before = argv_items(cast("list[Json]", leaf.value), assumptions)
        new = _replace_empty(container, before, assumptions, lambda assumed: _image_command(container, assumed))
        if new != _replace_empty(container, before, assumptions, lambda _assumed: _UNCHANGED):
            wrapping.outputs.append(set_value(leaf, render_tree(new), CMD_REASON))
        wrapping.outputs += _invalid_branches(container, "Command", leaf, assumptions, tree)
    elif tree.value in WITH_CMD and (tree.value is ArgvForm.EMPTY or isinstance(leaf.value, dict)):
        new = _image_command(container, assumptions)
        if new != _UNCHANGED:
            wrapping.outputs += _write_command(container, leaf, assumptions, new)
    elif tree.value is ArgvForm.WRAPPED and moves_wrapper(container, assumptions):
        first = cast("list[Json]", leaf.value)[0]
        wrapping.outputs.append(Change("remove", (*leaf.pointer, 0), _MOVED_REASON, was=first))
    elif tree.value in (*WITH_CMD, ArgvForm.INVALID, ArgvForm.EMPTY_NOW):  # others are reported with the images
        wrapping.outputs.append(invalid_argv_finding(container, "Command", leaf.pointer, assumptions, tree.value))


def _write_command(
    container: Container, leaf: LocatedValue, assumptions: Assumptions, cmd: Tree[_Value]
) -> Iterator[ChangeOrFinding]:
    """Yield the change that writes the image's CMD. An ``Fn::FindInMap`` stays, and gets it as its DefaultValue."""
    value = leaf.value
    if not isinstance(value, dict) or not may_be_absent(value):
        yield set_value(leaf, render_tree(cmd), CMD_REASON)
        yield from expression_replaced(container, "Command", leaf)
        return
    new = flat_map(cmd, assumptions, lambda default, _assumed: Leaf(with_default(value, default)))
    yield set_value(leaf, render_tree(new), CMD_REASON)


def _replace_empty(
    container: Container,
    before: Tree[Argv],
    assumptions: Assumptions,
    replacement: Callable[[Assumptions], Tree[_Value]],
) -> Tree[_Value]:
    """Return the lists of a tree, with a replacement for each empty one."""

    def value(items: Argv, assumed: Assumptions) -> Tree[_Value]:
        is_empty_now = form_of_items(items, container, assumed) is ArgvForm.EMPTY
        return replacement(assumed) if is_empty_now else Leaf(list(items))

    return flat_map(before, assumptions, value)


def _image_command(container: Container, assumptions: Assumptions) -> Tree[_Value]:
    """Return the image's CMD where EntryPoint comes from the image, otherwise ``ABSENT``."""

    def of_entry_point(leaf: LocatedValue, assumed: Assumptions) -> Tree[_Value]:
        return flat_map(argv_forms(leaf.value, container, assumed), assumed, of_form)

    def of_form(form: ArgvForm, assumed: Assumptions) -> Tree[_Value]:
        return flat_map(image_config(container, assumed), assumed, of_config) if form is ArgvForm.EMPTY else _UNCHANGED

    def of_config(config: ConfigResult, _assumptions: Assumptions) -> Tree[_Value]:
        if isinstance(config, NoConfig) or _wrapped_argv(config, ArgvForm.EMPTY) is ABSENT:
            return _UNCHANGED
        return Leaf(list(config.cmd) or ABSENT)

    if "EntryPoint" not in container.value:  # as in most containers that get the image's
        return of_form(ArgvForm.EMPTY, assumptions)
    return flat_map(container.tree("EntryPoint"), assumptions, of_entry_point)


# --- Images without a config, or with nothing to run


def _record_unusable_images(container: Container, assumptions: Assumptions, wrapping: _Wrapping) -> None:
    """Record the images without a config, and those with nothing to run, where EntryPoint would come from the image."""
    for form, by_command in leaves(_command_forms(container, assumptions), assumptions):
        if form is ArgvForm.ELSEWHERE:
            wrapping.outputs.append(_wrapper_elsewhere(container, "Command", by_command))
            continue
        if form is ArgvForm.WRAPPER_ALONE:
            pointer = (*container.pointer, "Command")
            wrapping.outputs.append(container.problem_or_notice(pointer, by_command, _NOTHING_TO_START))
            continue
        is_wrapped = form is ArgvForm.WRAPPED
        configs = image_config(container, by_command, must_be_certain=is_wrapped)
        for config, assumed in leaves(configs, by_command):
            if isinstance(config, NoConfig):
                _record_unresolved(container, assumed, config, wrapping)
                continue
            argv = argv_of_image(config, form)
            if is_wrapped:
                wrapping.outputs.append(
                    _wrapped_by_command(container, assumed, moves=moves_wrapper(container, by_command))
                )
            elif runs_nothing(argv, form):
                nothing = _EMPTY_COMMAND if form is ArgvForm.EMPTY_STRING else _NOTHING_TO_RUN
                _record_unresolved(container, assumed, nothing, wrapping)
            elif argv_names_wrapper(argv):
                pointer = (*container.pointer, "Image")
                wrapping.outputs.append(container.problem_or_notice(pointer, assumed, _WRAPPER_IN_IMAGE))
            else:
                program = argv[0] if argv else first_program_of_command(container, container.scope.assuming(assumed))
                wrapping.outputs += init_program_notices(container, "Image", program)


def _wrapped_by_command(container: Container, assumptions: Assumptions, *, moves: bool) -> Notice | Problem:
    """Return the finding about a Command that begins with the wrapper."""
    if not moves:
        return _wrapper_elsewhere(container, "Command", assumptions)
    return container.notice(
        (*container.pointer, "Command"), Reason("The wrapper is moved from Command into EntryPoint, where a command that is given at launch does not replace it",
        "If commands that are given at launch begin with the wrapper, remove it there, too", code=Code.WRAPPER_MOVED),
    )  # fmt: skip


_WRAPPER_IN_IMAGE: Final = Reason(
    f"The image's ENTRYPOINT or CMD names the wrapper {WRAPPER}, and does not begin with it",
    "Give the container an EntryPoint that starts the program itself, or exclude the container (ExcludeContainers)",
    code=Code.WRAPPER_ELSEWHERE,
    paste=EXCLUDE_CONTAINER,
)
_NOTHING_TO_RUN: Final = NoConfig(
    Reason(
        "The image has neither ENTRYPOINT nor CMD, and the template gives no Command",
        "Give the container an EntryPoint or a Command",
        code=Code.NOTHING_TO_RUN,
        paste=paste(PasteInto.CONTAINER, {"Command": ["PROGRAM", "ARGUMENT"]}),
    ),
    "its image has nothing to run",
)
_EMPTY_COMMAND: Final = NoConfig(
    Reason(
        "The image has no ENTRYPOINT, and Command contains only an empty string",
        "Remove Command, or name a program in it",
        code=Code.EMPTY_PROGRAM,
        paste=ENTRY_POINT,
    ),
    "its image has nothing to run",
)


def _record_unresolved(container: Container, assumptions: Assumptions, config: NoConfig, wrapping: _Wrapping) -> None:
    if container.scope.state.lookups:  # it is planned again
        return
    pointer = (*container.pointer, "Image")
    reason = config.reason
    if reason.code is not Code.LOOP_ITEMS_DIFFER:  # no config is that of all items
        reason = replace(reason, paste=with_image_config(reason.paste))
    finding = container.problem_or_notice(pointer, assumptions, reason)
    if config.is_empty and is_active(assumptions, container.task.scope) is not True:
        wrapping.record_source(EntryPointSource.UNCHANGED)  # ECS accepts no such branch, so nothing runs unprotected
        return
    if isinstance(finding, Notice):  # the branch is not active
        wrapping.outputs.append(finding)
        wrapping.record_source(EntryPointSource.UNCHANGED)
    else:
        wrapping.unresolved.append(UnresolvedImage(finding, config.why))
