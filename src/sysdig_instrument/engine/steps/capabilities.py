"""The capability SYS_PTRACE, which the wrapper needs to trace the workload.

Owns: LinuxParameters.Capabilities.Add. Drop and everything else in LinuxParameters stay unchanged: Docker drops
capabilities first and adds them afterwards, so ``Drop: [ALL]`` does no harm. A Drop that names SYS_PTRACE itself is refused:
what it means beside Add is not documented, and depends on the version of Docker (moby, ``TweakCapabilities``).

Source: Sysdig documentation, «Serverless Agents»; the ECS API reference, KernelCapabilities: SYS_PTRACE is the only
capability that a task on Fargate can add.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import WRITE_OUT_RESULT, Container, member_values, set_value, why_opaque
from sysdig_instrument.engine.expressions import dynamic_lists
from sysdig_instrument.engine.expressions.decision_tree import Assumptions, LocatedValue, with_default
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_expression
from sysdig_instrument.engine.expressions.references import strings_in
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.paste import EXCLUDE_CONTAINER
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps.list_items import RequiredItem, require_items
from sysdig_instrument.engine.steps.step import ChangeOrFinding

SYS_PTRACE: Final = "SYS_PTRACE"
_REASON: Final = "the wrapper traces the workload"
_WHEN_ABSENT: Final[dict[str, Json]] = {
    "LinuxParameters": {"Capabilities": {"Add": [SYS_PTRACE]}},
    "Capabilities": {"Add": [SYS_PTRACE]},
}


def capabilities(container: Container) -> Iterator[ChangeOrFinding]:
    """Yield the changes that add SYS_PTRACE to the container's capabilities, unless it is there already."""
    if "LinuxParameters" not in container.value:  # as in most containers
        yield Change("add", (*container.pointer, "LinuxParameters"), _REASON, _WHEN_ABSENT["LinuxParameters"])
        return
    yield from _extend(container, "LinuxParameters", container.values("LinuxParameters"))


def _extend(
    container: Container, key: str, values: Iterable[tuple[LocatedValue, Assumptions]]
) -> Iterator[ChangeOrFinding]:
    """Yield the changes to LinuxParameters or, one level deeper, to Capabilities: ``values`` are those that ``key`` can have."""
    inner = "Capabilities" if key == "LinuxParameters" else "Add"
    for leaf, assumed in values:
        value = leaf.value
        if value is ABSENT or value is None:
            yield set_value(leaf, _WHEN_ABSENT[key], _REASON)
        elif not isinstance(value, dict):
            yield container.problem_or_notice(
                leaf.pointer,
                assumed,
                Reason(f"{key} is not an object", f"Write {key} as an object", code=Code.NOT_WRITTEN_OUT),
            )
        elif is_expression(value) or value.keys() == {"Fn::Transform"}:
            yield container.problem_or_notice(
                leaf.pointer, assumed, Reason(f"{key} is an expression, so nothing can be added to it",
                f"Write {key} as an object; its members may be expressions, and it may be inside Fn::If", code=Code.NOT_EXTENDABLE),
            )  # fmt: skip
        elif why := why_opaque(value, frozenset({inner}), container.scope):
            yield container.problem_or_notice(
                leaf.pointer,
                assumed,
                Reason(f"{key} {why}", WRITE_OUT_RESULT, code=Code.PART_UNKNOWN, not_known_here=True),
            )
        elif inner == "Add":
            yield from _dropped(container, value, leaf.pointer, assumed)
            yield from _extend_add(container, member_values(value, "Add", leaf.pointer, assumed))
        else:
            yield from _extend(container, inner, member_values(value, inner, leaf.pointer, assumed))


def _dropped(
    container: Container, value: Mapping[str, Json], pointer: Pointer, assumptions: Assumptions
) -> Iterator[ChangeOrFinding]:
    """Yield a finding if Drop names SYS_PTRACE, or may name it."""
    for leaf, assumed in member_values(value, "Drop", pointer, assumptions) if "Drop" in value else ():
        for dropped in container.evaluations(leaf.value, assumed):
            match dropped:
                case Known(names) if any(map(_is_named_sys_ptrace, strings_in(names))):
                    fact, code = "Drop contains SYS_PTRACE, which the wrapper needs", Code.CAPABILITY_DROPPED
                case Unknown(Reason(why)) as unknown:
                    fact = f"Drop cannot be resolved ({why}), so it may contain SYS_PTRACE, which the wrapper needs"
                    code = unknown.code
                case _:
                    continue
            advice = "Remove SYS_PTRACE from Drop, or exclude the container (ExcludeContainers)"
            reason = Reason(fact, advice, code=code, paste=EXCLUDE_CONTAINER)
            yield container.problem_or_notice(leaf.pointer, assumed, reason)
            break


def _is_named_sys_ptrace(name: str) -> bool:
    return name.strip().upper().removeprefix("CAP_") == SYS_PTRACE


def _is_sys_ptrace(container: Container, item: Json) -> bool:
    return evaluate(item, container.scope) == Known(SYS_PTRACE)


def _extend_add(container: Container, lists: Iterable[tuple[LocatedValue, Assumptions]]) -> Iterator[ChangeOrFinding]:
    for leaf, assumed in lists:
        if not isinstance(leaf.value, dict):
            yield from require_items(
                container, [(leaf, assumed)], [RequiredItem(SYS_PTRACE, _REASON, partial(_is_sys_ptrace, container))]
            )
            continue
        match evaluate(leaf.value, container.scope):
            case Known(list(items)) if SYS_PTRACE in items:
                continue
            case Absent():
                yield set_value(leaf, with_default(leaf.value, [SYS_PTRACE]), _REASON)
                continue
        extended = dynamic_lists.prepend(leaf.value, SYS_PTRACE, container.scope)
        if extended is not None:
            yield set_value(leaf, extended, _REASON)
        else:
            yield container.problem_or_notice(
                leaf.pointer,
                assumed,
                Reason("Add is an expression that cannot be extended", "Write Add as a list", code=Code.NOT_EXTENDABLE),
            )
