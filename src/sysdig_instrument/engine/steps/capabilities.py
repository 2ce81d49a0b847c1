"""The capability that the wrapper needs to trace the workload: the only one that Fargate lets a task add.

Owns: LinuxParameters.Capabilities.Add; Drop and all else in LinuxParameters stay as they are (Docker drops first and adds
after, so ``Drop: [ALL]`` does no harm).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from sysdig_instrument.engine import intrinsics, lists_live
from sysdig_instrument.engine.choices import Leaf, When
from sysdig_instrument.engine.container import EXPAND_FIRST, Container, Effect, hidden, member, put
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.known import Literal
from sysdig_instrument.engine.steps.lists import Wanted, ensure

SYS_PTRACE: Final = "SYS_PTRACE"
_REASON: Final = "the wrapper traces the workload"
_BELOW: Final[dict[str, Json]] = {
    "LinuxParameters": {"Capabilities": {"Add": [SYS_PTRACE]}},
    "Capabilities": {"Add": [SYS_PTRACE]},
}


def capabilities(container: Container) -> Iterator[Effect]:
    """SYS_PTRACE among the added capabilities, once."""
    yield from _inside(container, "LinuxParameters", container.branches("LinuxParameters"))


def _inside(container: Container, key: str, found: Iterable[tuple[Leaf, When]]) -> Iterator[Effect]:
    inner = "Capabilities" if key == "LinuxParameters" else "Add"
    for leaf, under in found:
        value = leaf.value
        if value is ABSENT or value is None:
            yield put(leaf, _BELOW[key], _REASON)
        elif not isinstance(value, dict):
            yield container.fault(leaf.pointer, under, Reason(f"{key} is not an object", f"Write {key} as an object"))
        elif intrinsics.is_expression(value) or value.keys() == {"Fn::Transform"}:
            yield container.fault(
                leaf.pointer, under, Reason(f"{key} is an expression, and what is not in sight cannot be extended",
                f"Write {key} as an object; its members, and the object under Fn::If, may be expressions"),
            )  # fmt: skip
        elif why := hidden(value, frozenset({inner}), container.scope):
            yield container.fault(leaf.pointer, under, Reason(f"{key} {why}", EXPAND_FIRST))
        elif inner == "Add":
            yield from _add(container, member(value, "Add", leaf.pointer, under))
        else:
            yield from _inside(container, inner, member(value, inner, leaf.pointer, under))


def _is_it(container: Container, item: Json) -> bool:
    return intrinsics.resolve(item, container.scope) == Literal(SYS_PTRACE)


def _add(container: Container, lists: Iterable[tuple[Leaf, When]]) -> Iterator[Effect]:
    for leaf, under in lists:
        if not isinstance(leaf.value, dict):
            yield from ensure(container, [(leaf, under)], [Wanted(SYS_PTRACE, _REASON, partial(_is_it, container))])
            continue
        match intrinsics.resolve(leaf.value, container.scope):
            case Literal(list(items)) if SYS_PTRACE in items:
                continue
        extended = lists_live.prefixed(leaf.value, SYS_PTRACE, container.scope)
        if extended is not None:
            yield put(leaf, extended, _REASON)
        else:
            yield container.fault(
                leaf.pointer, under, Reason("Add is an expression that cannot be extended", "Write Add as a list")
            )
