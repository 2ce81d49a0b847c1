"""The task's RuntimePlatform, each member read by itself: what is not known of the one says nothing about the other."""

from __future__ import annotations

from collections.abc import Mapping

from sysdig_instrument.engine import intrinsics
from sysdig_instrument.engine.choices import Always, Leaf, Tree, When, bind, leaves, read, render
from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.engine.known import Known, Literal, Unknown
from sysdig_instrument.engine.scope import Scope
from sysdig_instrument.engine.template import FOR_EACH, TRANSFORM, TaskDefinition


def platform(properties: Mapping[str, Json], key: str, scope: Scope) -> str | Unknown:
    """A member of the RuntimePlatform as it is now, in capitals; an empty text where there is none.

    Under a condition that is not known it is known all the same where its branches agree.
    """
    if "RuntimePlatform" not in properties:  # as in most
        return ""
    value = _only(properties.get("RuntimePlatform"), key)
    known = intrinsics.resolve(value, scope)
    if not isinstance(known, Unknown):
        return _member(known, key)
    ways = leaves(intrinsics.cases(value, scope, {}), {})
    members = {way if isinstance(way, Unknown) else _member(way, key) for way, _ in ways}
    return members.pop() if len(members) == 1 else known


def architectures(task: TaskDefinition, scope: Scope, when: When) -> Tree[str | Unknown]:
    """OCI's architecture of the task's platform: RuntimePlatform.CpuArchitecture, X86_64 where it says none."""
    properties = task.properties if isinstance(task.properties, dict) else {}
    cpu = _only(properties.get("RuntimePlatform"), "CpuArchitecture")

    def of(known: Known, _when: When) -> Tree[str | Unknown]:
        if isinstance(known, Unknown):
            return Always(known)
        return Always("arm64" if _member(known, "CpuArchitecture") == "ARM64" else "amd64")

    return bind(intrinsics.cases(cpu, scope, when), when, of)


def _only(value: Json, key: str) -> Json:
    """The RuntimePlatform with one of its members, in each branch that it has."""
    if not isinstance(value, dict):  # most have none
        return value

    def of(leaf: Leaf, _when: When) -> Tree[Json | Absent]:
        if not isinstance(leaf.value, dict) or intrinsics.is_expression(leaf.value):
            return Always(leaf.value)
        kept = {
            name: each for name, each in leaf.value.items() if name == key or name.startswith((TRANSFORM, FOR_EACH))
        }
        return Always(kept)

    return render(bind(read(value, ()), {}, of))


def _member(known: Known, key: str) -> str:
    match known:
        case Literal(dict(members)) if isinstance(value := members.get(key), str):
            return value.upper()
    return ""
