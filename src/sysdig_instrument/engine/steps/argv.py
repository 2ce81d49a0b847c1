"""The forms that an EntryPoint or a Command can have.

Source: the ECS API reference, ContainerDefinition, ``entryPoint`` and ``command``; Docker's documentation of ENTRYPOINT.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final, TypeAlias, cast

from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container, is_empty
from sysdig_instrument.engine.expressions import dynamic_lists
from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    flat_map,
    leaves,
    may_be_absent,
    parse_tree,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.references import strings_in
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.findings import Notice, Problem, Reason
from sysdig_instrument.engine.images import image_config
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.engine.paste import ENTRY_POINT, EXCLUDE_CONTAINER, PasteInto, paste

Argv: TypeAlias = tuple[Json, ...]
"""The items of an EntryPoint or a Command, as written."""


class ArgvForm(Enum):
    """The form of an EntryPoint or Command, under given conditions."""

    EMPTY = "not given"
    WRAPPED = "begins with the wrapper"
    WRAPPER_ALONE = "is the wrapper, with nothing after it"
    ELSEWHERE = "names the wrapper, but does not begin with it, as in sh -c"
    LIST = "a list"
    DYNAMIC = "an expression that evaluates to a list"
    EMPTY_NOW = "an expression that evaluates to no item with the current parameter values"
    MAY_BE_EMPTY = "may be AWS::NoValue, which is not known here"
    EMPTY_STRING = "one empty string"
    INVALID = "not a list"


NAMES_WRAPPER: Final = (ArgvForm.WRAPPED, ArgvForm.WRAPPER_ALONE, ArgvForm.ELSEWHERE)
REFUSED_FORMS: Final = (
    ArgvForm.ELSEWHERE,
    ArgvForm.INVALID,
    ArgvForm.EMPTY_NOW,
    ArgvForm.MAY_BE_EMPTY,
    ArgvForm.EMPTY_STRING,
)
"""The forms that an EntryPoint must not have. A Command may be one empty string: it is an argument of EntryPoint."""


NO_PROGRAM: Final = (
    ArgvForm.EMPTY,
    ArgvForm.EMPTY_NOW,
    ArgvForm.MAY_BE_EMPTY,
    ArgvForm.EMPTY_STRING,
    ArgvForm.INVALID,
    ArgvForm.WRAPPER_ALONE,
)
WITH_CMD: Final = (ArgvForm.EMPTY, ArgvForm.MAY_BE_EMPTY)
"""The forms of a Command with which the image's CMD runs, or may run."""


def argv_forms(value: Json | Absent, container: Container, assumptions: Assumptions) -> Tree[ArgvForm]:
    """Return the form of a value; a tree with branches where the conditions of a list's items decide it."""
    if is_empty(value):
        return Leaf(ArgvForm.EMPTY)
    if isinstance(value, dict):
        return Leaf(_form_of_expression(value, container, assumptions))
    if not isinstance(value, list):
        return Leaf(ArgvForm.INVALID)
    if isinstance(value[0], str):
        return Leaf(form_of_items(tuple(value), container, assumptions))
    return flat_map(
        argv_items(value, assumptions),
        assumptions,
        lambda items, assumed: Leaf(form_of_items(items, container, assumed)),
    )


def argv_items(values: list[Json], assumptions: Assumptions) -> Tree[Argv]:
    """Return the items of a list under each combination of the conditions that decide its first item.

    The items after the first one that exists stay as written, so a list of n items that may all be missing gives n + 1
    leaves, and not 2 ** n. An item that parameters may take away is written before the first one that exists.
    """
    if not values:
        return Leaf(())
    first, rest = values[0], values[1:]

    def with_first(leaf: LocatedValue, assumed: Assumptions) -> Tree[Argv]:
        if isinstance(leaf.value, Absent):
            return argv_items(rest, assumed)
        item = leaf.value
        if not may_be_absent(item):
            return Leaf((item, *rest))
        return flat_map(argv_items(rest, assumed), assumed, lambda items, _assumed: Leaf((item, *items)))

    return flat_map(parse_tree(first, ()), assumptions, with_first)


def form_of_items(items: Argv, container: Container, assumptions: Assumptions) -> ArgvForm:
    """Return the form of a list with these items."""
    if not items:
        return ArgvForm.EMPTY
    current: list[Json | Absent] = [*items]
    if set(map(type, items)) != {str}:  # most lists have nothing but strings
        scope = container.task.scope.assuming(assumptions)
        evaluated = [item if isinstance(item, str) else _known_or_written(item, scope) for item in items]
        current = [item for item in evaluated if item is not ABSENT]
    if not current:
        return ArgvForm.EMPTY
    if all(map(may_be_absent, current)):  # what is not known is as written
        return ArgvForm.MAY_BE_EMPTY
    if current == [""]:  # resets an ENTRYPOINT in Docker, so the wrapper would have nothing to start
        return ArgvForm.EMPTY_STRING
    if current[0] == WRAPPER:
        return ArgvForm.WRAPPED if any(item != "" for item in current[1:]) else ArgvForm.WRAPPER_ALONE
    return ArgvForm.ELSEWHERE if any(map(names_wrapper, current)) else ArgvForm.LIST


def _known_or_written(item: Json, scope: EvaluationScope) -> Json | Absent:
    match evaluate(item, scope):
        case Known(value):
            return value
        case Unknown():
            return item
    return ABSENT


def names_wrapper(value: Json | Absent) -> bool:
    """Return whether a text, or a text in an expression, names the wrapper in any spelling, such as ``/opt/draios//bin/instrument``.

    This protects nothing. It tells a container that may be wrapped already, and must not be wrapped twice.
    """
    if isinstance(value, str):
        _, name, rest = value.lower().partition("draios")
        return bool(name) and "instrument" in rest
    return any(map(names_wrapper, strings_in(value)))


def argv_of_image(config: ImageConfig, command: ArgvForm) -> tuple[str, ...]:
    """Return what a container runs of its image's argv: a Command drops the image's CMD."""
    return (*config.entrypoint, *(config.cmd if command in WITH_CMD else ()))


def is_plain_argv(value: Json) -> bool:
    """Return whether a value is certainly of the form ``LIST``, as nearly every EntryPoint is: strings that do not name the wrapper."""
    if not isinstance(value, list) or set(map(type, value)) != {str} or value == [""]:
        return False
    return not argv_names_wrapper(cast("list[str]", value))


def argv_names_wrapper(argv: Sequence[str]) -> bool:
    """Return whether an argv of strings names the wrapper."""
    return names_wrapper("".join(argv)) and any(map(names_wrapper, argv))  # nearly no argv does


def runs_nothing(argv: tuple[str, ...], command: ArgvForm) -> bool:
    """Return whether an image's argv has no program: a Command of one empty string is an argument, and needs an ENTRYPOINT."""
    return not argv and command in (*WITH_CMD, ArgvForm.EMPTY_STRING)


def _form_of_expression(value: dict[str, Json], container: Container, assumptions: Assumptions) -> ArgvForm:
    if dynamic_lists.is_prepended(value, WRAPPER):
        return ArgvForm.WRAPPED
    match evaluate(value, container.task.scope.assuming(assumptions)):
        case Known([]) | Known([""]):
            return ArgvForm.EMPTY_NOW
        case Known([str(first), *rest]) if first == WRAPPER:
            return ArgvForm.WRAPPED if any(rest) else ArgvForm.WRAPPER_ALONE
        case Known(list(items)):
            return ArgvForm.ELSEWHERE if names_wrapper(items) else ArgvForm.DYNAMIC
        case Unknown():
            unknown = ArgvForm.MAY_BE_EMPTY if may_be_absent(value) else ArgvForm.DYNAMIC
            return ArgvForm.ELSEWHERE if names_wrapper(value) else unknown
        case found:
            return ArgvForm.EMPTY if found is ABSENT else ArgvForm.INVALID


def wrapper_elsewhere_reason(key: str) -> Reason:
    """Return the reason why a value is refused that names the wrapper and does not begin with it."""
    return Reason(
        f"{key} names the wrapper {WRAPPER}, and only as the first item of EntryPoint does it certainly start the container",
        f"Remove the wrapper from {key}, and the macro puts it in front; or exclude the container (ExcludeContainers)",
        code=Code.WRAPPER_ELSEWHERE,
        paste=EXCLUDE_CONTAINER,
    )


def invalid_argv_finding(
    container: Container, key: str, pointer: Pointer, assumptions: Assumptions, form: ArgvForm
) -> Notice | Problem:
    """Return the finding about a value in a form of ``REFUSED_FORMS``: a notice if its branch is not active."""
    if form is ArgvForm.ELSEWHERE:
        return container.problem_or_notice(pointer, assumptions, wrapper_elsewhere_reason(key))
    if form is ArgvForm.EMPTY_NOW:
        return container.problem_or_notice(
            pointer, assumptions, Reason(f"{key} is an expression that evaluates to an empty list with the current parameter values",
            f"Give the parameter a value, or put {key} inside Fn::If with AWS::NoValue", code=Code.EMPTY_NOW, paste=ENTRY_POINT),
        )  # fmt: skip
    if form is ArgvForm.MAY_BE_EMPTY:
        return container.problem_or_notice(
            pointer, assumptions, Reason(f"{key} may be AWS::NoValue, by the DefaultValue of an Fn::FindInMap whose value is not known here",
            "Give the parameters their values, or give the Fn::FindInMap a DefaultValue that is not AWS::NoValue",
            code=Code.MAY_BE_ABSENT, not_known_here=True),
        )  # fmt: skip
    if form is ArgvForm.EMPTY_STRING:
        return container.problem_or_notice(
            pointer,
            assumptions,
            Reason(
                f"{key} contains only an empty string",
                f"Remove {key}, or name a program in it",
                code=Code.EMPTY_PROGRAM,
                paste=ENTRY_POINT,
            ),
        )
    return container.problem_or_notice(
        pointer,
        assumptions,
        Reason(
            f"{key} is not a list",
            f"Write {key} as a list of strings",
            code=Code.NOT_A_LIST,
            paste=paste(PasteInto.CONTAINER, {key: ["PROGRAM", "ARGUMENT"]}),
        ),
    )


def expression_replaced(container: Container, key: str, leaf: LocatedValue) -> Iterator[Notice]:
    """Yield a notice if a value was an expression: with other parameter values, it is not what the image gives."""
    if not is_empty(leaf.value):
        yield container.notice(
            leaf.pointer, Reason(f"{key} is AWS::NoValue with the current parameter values, so the image's is written in its place",
            "Run the tool again for other values of the parameters; the macro does so at each deployment", code=Code.ABSENT_NOW),
        )  # fmt: skip


def moves_wrapper(container: Container, assumptions: Assumptions) -> bool:
    """Return whether the wrapper, with which Command begins, is what runs, and can be moved into EntryPoint.

    It is what runs if there is no EntryPoint under any condition, and the image certainly has no ENTRYPOINT. It can be moved if
    it is the first item of a list, and nothing else there names it.
    """
    return (
        all(
            argv_forms(leaf.value, container, assumed) == Leaf(ArgvForm.EMPTY)
            for leaf, assumed in container.values("EntryPoint")
        )
        and all(_is_movable(leaf, container, assumed) for leaf, assumed in container.values("Command"))
        and all(
            isinstance(config, ImageConfig) and not config.entrypoint
            for config, _ in leaves(image_config(container, assumptions, must_be_certain=True), assumptions)
        )
    )


def _is_movable(command: LocatedValue, container: Container, assumptions: Assumptions) -> bool:
    """Return whether a Command is without the wrapper, or has it only as the first item of a list."""
    tree = argv_forms(command.value, container, assumptions)
    if not any(form in NAMES_WRAPPER for form, _ in leaves(tree, assumptions)):
        return True
    return (
        isinstance(command.value, list)
        and tree == Leaf(ArgvForm.WRAPPED)
        and form_of_items(tuple(command.value[1:]), container, assumptions) not in NAMES_WRAPPER
    )
