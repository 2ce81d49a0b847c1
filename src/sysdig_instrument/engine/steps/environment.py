"""The environment variables of a workload: SYSDIG_SIDECAR, and those of the setting WorkloadEnvironment.

Owns: Environment.

A variable in Environment wins over one of the same name in EnvironmentFiles, and of two entries in Environment the later
one wins (ECS API reference, ContainerDefinition, ``environmentFiles``; Docker's handling of ``--env``).

Source: Sysdig documentation, «Serverless Agents», for SYSDIG_SIDECAR.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from sysdig_instrument.engine.agent import (
    ACCESS_KEY_VARIABLE,
    REPLACED_WRAPPER_VARIABLE,
    SIDECAR_VARIABLE,
    variable_of,
)
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container, entry_name, is_empty
from sysdig_instrument.engine.expressions.decision_tree import Assumptions, LocatedValue, value_leaves
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.expressions.work import steps_of
from sysdig_instrument.engine.findings import Notice, Problem, Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.settings.locks import is_locked
from sysdig_instrument.engine.steps.list_items import RequiredItem, require_items
from sysdig_instrument.engine.steps.step import ChangeOrFinding

_SIDECAR_REASON: Final = "tells the wrapper that the agent runs beside it"


def environment(container: Container) -> Iterator[ChangeOrFinding]:
    """Yield the changes that append the variables. If the template gives one another value, it is replaced, with a notice."""
    settings = container.settings
    variables: Mapping[str, Json] = {SIDECAR_VARIABLE: settings.sidecar_mode, **settings.workload_environment}
    if "Environment" in container.value:
        yield from _extend(container, variables)
    else:
        if settings.workload_environment:
            container.scope.state.work.spend(steps_of(dict(settings.workload_environment)))
        items: list[Json] = [{"Name": name, "Value": value} for name, value in variables.items()]
        yield Change("add", (*container.pointer, "Environment"), _SIDECAR_REASON, items)
    if "Secrets" in container.value:
        yield from _replacing_secrets(container)
    if "EnvironmentFiles" in container.value:
        yield from _environment_files(container)


def _extend(container: Container, variables: Mapping[str, Json]) -> Iterator[ChangeOrFinding]:
    """Yield the changes to lists of variables, and the findings about them."""
    added = container.settings.workload_environment
    lists = tuple(container.values("Environment"))
    if added:
        container.scope.state.work.spend(len(lists) * steps_of(dict(added)))
    required = [_required_variable(container, name, value) for name, value in variables.items()]
    names = variables.keys() | {ACCESS_KEY_VARIABLE, REPLACED_WRAPPER_VARIABLE}
    candidates = [_candidates(names, leaf.value, container.scope) for leaf, _ in lists]
    yield from require_items(container, lists, required, candidates)
    if any(candidates):
        entries = [list(_entries_of(*each, of_list)) for each, of_list in zip(lists, candidates, strict=True)]
        yield from _plaintext_key_notices(container, entries)
        yield from _replacing_variables(container, entries)


def _required_variable(container: Container, name: str, value: Json) -> RequiredItem:
    def correct(leaf: LocatedValue) -> Iterator[ChangeOrFinding]:
        entry = leaf.value
        if not isinstance(entry, dict) or entry.get("Value", ABSENT) == value:
            return
        pointer = (*leaf.pointer, "Value")
        reason = f"{name} is set by this macro"
        protects = name == SIDECAR_VARIABLE and not _is_other_mode(container, entry.get("Value", ABSENT))
        why = Reason(
            f"Variable {quote(name)} of container {quote(container.label)} has another value than the wrapper needs",
            code=Code.VARIABLES_MISSING,
        )
        if "Value" in entry:
            yield Change(
                "replace", pointer, reason, value, was=entry["Value"], protects=protects, unprotected_reason=why
            )
        else:
            yield Change("add", pointer, reason, value, protects=protects, unprotected_reason=why)
        yield container.notice(
            pointer, Reason(f"The template's value for {quote(name)} is replaced", code=Code.VARIABLE_REPLACED)
        )

    return RequiredItem(
        {"Name": name, "Value": value},
        _SIDECAR_REASON if name == SIDECAR_VARIABLE else "WorkloadEnvironment",
        lambda item: entry_name(item, container.scope) == name,
        correct,
        protects=name == SIDECAR_VARIABLE,
        name=name,
    )


def _is_other_mode(container: Container, value: Json | Absent) -> bool:
    """Return whether a value is another mode of the setting SidecarMode, with which the container is protected as well.

    If the setting is locked, only its own value counts.
    """
    if is_locked("SidecarMode", container.settings):
        return False
    return evaluate(value, container.scope) in (Known("auto"), Known("force"))


def _candidates(names: AbstractSet[str], entries: Json | Absent, scope: EvaluationScope) -> list[tuple[int, Json]]:
    """Return the entries that may have one of these names, or that are another variable than their name, each with its index.

    Nearly every entry has another name, written as a string, so the common case is decided with one set operation.
    """
    if not isinstance(entries, list):
        return []
    try:
        written = [entry["Name"] for entry in entries]  # type: ignore[call-overload, index]
        if names.isdisjoint(written) and "=" not in "".join(written):  # type: ignore[arg-type]
            return []
    except (LookupError, TypeError):  # an entry, or its name, is an expression or malformed
        pass
    return [
        (index, entry)
        for index, entry in enumerate(entries)
        if (name := entry_name(entry, scope)) is None or name in names or "=" in name
    ]


def _entries_of(
    leaf: LocatedValue, assumptions: Assumptions, candidates: Iterable[tuple[int, Json]]
) -> Iterator[tuple[LocatedValue, Assumptions]]:
    """Yield the candidates of a list, each with the assumptions that lead to it."""
    for index, item in candidates:
        for entry, assumed in value_leaves(item, (*leaf.pointer, index), assumptions):
            if entry.value is not ABSENT:
                yield entry, assumed


def _plaintext_key_notices(
    container: Container, lists: Iterable[Iterable[tuple[LocatedValue, Assumptions]]]
) -> Iterator[Notice]:
    """Yield a notice for each variable that has the name of the access key: its value is in the template."""
    for entries in lists:
        for entry, _ in entries:
            if entry_name(entry.value, container.scope) == ACCESS_KEY_VARIABLE:
                yield container.notice(
                    entry.pointer, Reason(f"{ACCESS_KEY_VARIABLE} is in plain text in the template",
                    "Remove it, and replace the key with a new one: the agent's container gets it from AccessKeySecret", code=Code.KEY_IN_PLAIN_TEXT),
                )  # fmt: skip


def _replacing_variables(
    container: Container, lists: Iterable[Iterable[tuple[LocatedValue, Assumptions]]]
) -> Iterator[Notice | Problem]:
    """Yield a finding for each variable that replaces the wrapper's program or SYSDIG_SIDECAR, or may do so."""
    replacing = _replacing(container)
    for entries in lists:
        has_mode = False
        for entry, assumed in entries:
            name = entry_name(entry.value, container.scope)
            has_mode = has_mode or name == SIDECAR_VARIABLE
            if name is None:
                if has_mode:
                    fact = f"The name of the variable cannot be resolved, so it may replace {SIDECAR_VARIABLE}"
                    advice = f"Write the name as a literal value, or move the entry in front of {SIDECAR_VARIABLE}"
                    reason = Reason(fact, advice, code=Code.VALUE_UNKNOWN)
                    yield container.problem_or_notice(entry.pointer, assumed, reason)
            elif name != SIDECAR_VARIABLE and variable_of(name) in replacing | {SIDECAR_VARIABLE}:
                yield container.problem_or_notice(entry.pointer, assumed, _replaces(name))


def _replacing(container: Container) -> AbstractSet[str]:
    """Return the variables besides SYSDIG_SIDECAR that must not be set, unless the settings do it."""
    return {REPLACED_WRAPPER_VARIABLE} - container.settings.workload_environment.keys()


def _replacing_secrets(container: Container) -> Iterator[Notice | Problem]:
    """Yield a finding for each secret that replaces the wrapper's program or SYSDIG_SIDECAR."""
    names = _replacing(container) | {SIDECAR_VARIABLE}
    for leaf, assumptions in container.values("Secrets"):
        for entry, assumed in _entries_of(leaf, assumptions, _candidates(names, leaf.value, container.scope)):
            name = entry_name(entry.value, container.scope)
            if name is not None and variable_of(name) in names:
                yield container.problem_or_notice(entry.pointer, assumed, _replaces(name))


def _environment_files(container: Container) -> Iterator[Notice]:
    """Yield a notice for each list of files: only ECS reads them, and what protects may depend on them."""
    for leaf, _ in container.values("EnvironmentFiles"):
        if not is_empty(leaf.value):
            yield container.notice(leaf.pointer, _FILES)


_FILES: Final = Reason(
    f"A file in EnvironmentFiles, which is not read here, can set {REPLACED_WRAPPER_VARIABLE}, and that replaces the program "
    "that the wrapper runs",
    "Make sure that no file sets it",
    code=Code.ENVIRONMENT_FILE,
)


def _replaces(name: str) -> Reason:
    variable = variable_of(name)
    what = "the mode of the wrapper" if variable == SIDECAR_VARIABLE else "the program that the wrapper runs"
    return Reason(f"{quote(name)} replaces {what}", "Remove it", code=Code.WRAPPER_OVERRIDDEN)
