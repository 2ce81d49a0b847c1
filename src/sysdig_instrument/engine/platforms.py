"""The members of a task's RuntimePlatform. Each is evaluated alone, so that an unknown one leaves the other known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine.expressions.decision_tree import (
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    flat_map,
    leaves,
    parse_tree,
    render_tree,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate, evaluate_by_condition, is_expression
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Evaluated, Known, Unknown
from sysdig_instrument.engine.json_types import Absent, Json
from sysdig_instrument.engine.template import FOR_EACH, TRANSFORM, TaskDefinition


def platform_member(properties: Mapping[str, Json], key: str, scope: EvaluationScope) -> str | Unknown:
    """Return a member of the RuntimePlatform in upper case, or an empty string if it is not given.

    A member that depends on an unknown condition is known if it is the same in both branches.
    """
    if "RuntimePlatform" not in properties:  # as in most task definitions
        return ""
    value = _with_single_member(properties.get("RuntimePlatform"), key)
    known = evaluate(value, scope)
    if not isinstance(known, Unknown):
        return _upper_member(known, key)
    outcomes = (outcome for outcome, _ in leaves(evaluate_by_condition(value, scope, {}), {}))
    members = {outcome if isinstance(outcome, Unknown) else _upper_member(outcome, key) for outcome in outcomes}
    return members.pop() if len(members) == 1 else known


def architecture(task: TaskDefinition, scope: EvaluationScope, assumptions: Assumptions) -> Tree[str | Unknown]:
    """Return OCI's name for RuntimePlatform.CpuArchitecture: ``arm64`` for ARM64, else ``amd64`` (the default is X86_64)."""
    if "RuntimePlatform" not in task.properties_or_empty:  # as in most task definitions
        return Leaf("amd64")
    cpu = _with_single_member(task.properties_or_empty.get("RuntimePlatform"), "CpuArchitecture")

    def oci_name(known: Evaluated, _assumptions: Assumptions) -> Tree[str | Unknown]:
        if isinstance(known, Unknown):
            return Leaf(known)
        return Leaf("arm64" if _upper_member(known, "CpuArchitecture") == "ARM64" else "amd64")

    return flat_map(evaluate_by_condition(cpu, scope, assumptions), assumptions, oci_name)


def _with_single_member(value: Json, key: str) -> Json:
    """Return the RuntimePlatform without its other members, in each of its branches."""

    def without_other_members(leaf: LocatedValue, _assumptions: Assumptions) -> Tree[Json | Absent]:
        if not isinstance(leaf.value, dict) or is_expression(leaf.value):
            return Leaf(leaf.value)
        kept = {
            name: member for name, member in leaf.value.items() if name == key or name.startswith((TRANSFORM, FOR_EACH))
        }
        return Leaf(kept)

    return render_tree(flat_map(parse_tree(value, ()), {}, without_other_members))


def _upper_member(known: Evaluated, key: str) -> str:
    match known:
        case Known(dict(members)) if isinstance(value := members.get(key), str):
            return value.upper()
    return ""


_PLATFORM_VERSION: Final = r"([0-9]{1,4})\.([0-9]{1,4})(\.[0-9]{1,4})?"
_MIN_PLATFORM_VERSION: Final = (1, 4)


def is_platform_too_old(version: str) -> bool:
    """Return whether a Fargate platform version is too old for the agent. ``LATEST`` and an empty string are not.

    Tasks need 1.4.0 or later for ``pidMode`` (ECS API reference, RegisterTaskDefinition) and for the capability
    SYS_PTRACE (Amazon ECS Developer Guide, «Fargate platform versions»).
    """
    match = re.fullmatch(_PLATFORM_VERSION, version)
    return match is not None and (int(match[1]), int(match[2])) < _MIN_PLATFORM_VERSION
