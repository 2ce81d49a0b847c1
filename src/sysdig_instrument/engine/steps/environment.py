"""Environment of the workload: SYSDIG_SIDECAR, and what WorkloadEnvironment says.

Owns: Environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine import intrinsics
from sysdig_instrument.engine.choices import Leaf, as_if, leaves, read
from sysdig_instrument.engine.container import Container, Effect
from sysdig_instrument.engine.findings import quoted
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.scope import Scope
from sysdig_instrument.engine.steps.lists import Wanted, ensure

SIDECAR: Final = "SYSDIG_SIDECAR"
ACCESS_KEY: Final = "SYSDIG_ACCESS_KEY"


def environment(container: Container) -> Iterator[Effect]:
    """The variables, appended; a value that the user gave one of them is replaced, with a notice."""
    variables: Mapping[str, Json] = {
        SIDECAR: container.settings.sidecar_mode,
        **container.settings.workload_environment,
    }
    wanted = [_variable(container, name, value) for name, value in variables.items()]
    yield from ensure(container, container.member("Environment"), container.when, wanted)
    yield from _key_in_the_clear(container)


def _variable(container: Container, name: str, value: Json) -> Wanted:
    def mend(leaf: Leaf) -> Iterator[Effect]:
        entry = leaf.value
        if not isinstance(entry, dict) or entry.get("Value", ABSENT) == value:
            return
        pointer = (*leaf.pointer, "Value")
        reason = f"{name} is set by this macro"
        if "Value" in entry:
            yield Change("replace", pointer, reason, value, was=entry["Value"])
        else:
            yield Change("add", pointer, reason, value)
        yield container.notice(pointer, f"The value that the template gives {quoted(name)} is replaced")

    why = "tells the wrapper that the agent runs beside it" if name == SIDECAR else "WorkloadEnvironment"
    return Wanted({"Name": name, "Value": value}, why, lambda item: variable_name(item, container.scope) == name, mend)


def variable_name(entry: Json, scope: Scope) -> str | None:
    """The Name of an entry of Environment or Secrets, where it is known."""
    name = entry.get("Name") if isinstance(entry, dict) else None
    if isinstance(name, dict):
        match intrinsics.resolve(name, scope):
            case intrinsics.Literal(str(text)):
                return text
    return name if isinstance(name, str) else None


def _key_in_the_clear(container: Container) -> Iterator[Effect]:
    for leaf, when in leaves(container.member("Environment"), container.when):
        for index, item in enumerate(leaf.value if isinstance(leaf.value, list) else ()):
            if as_if(item) is None and variable_name(item, container.scope) != ACCESS_KEY:  # nearly every item
                continue
            for entry, _ in leaves(read(item, (*leaf.pointer, index)), when):
                if entry.value is not ABSENT and variable_name(entry.value, container.scope) == ACCESS_KEY:
                    yield container.notice(
                        entry.pointer, f"{ACCESS_KEY} stands in the clear in the template",
                        "Take it out, and give the key a new value: the agent's container gets it from AccessKeySecret",
                    )  # fmt: skip
