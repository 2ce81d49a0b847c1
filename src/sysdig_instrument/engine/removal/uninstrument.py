"""Take out what was written, of a whole document: :func:`remove_all`.

What was written is known by the record of a plan, or by its Result and the usual form, or, outside of a template, where all
of it has the form and the order in which a plan writes it. Of anything else, only what bears Sysdig's own names is known;
the caller has to say whether the rest was there before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.agent import SIDECAR_VARIABLE
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.engine.removal.definitions import LABELS, Definition, definitions
from sysdig_instrument.engine.removal.entries import ChangedSinceError, Lost, from_entries, is_same, opposites
from sysdig_instrument.engine.removal.other_forms import has_traces, remove_other_form
from sysdig_instrument.engine.removal.usual_form import remove_policy, remove_result, remove_usual_form
from sysdig_instrument.engine.steps.execution_role import ROLE_TYPE
from sysdig_instrument.engine.template import resources_of_types
from sysdig_instrument.lazy_dataclasses import dataclass, replace

_AGENT_KEYS: Final = (
    "Name", "Image", "EntryPoint", "Command", "Essential", "Cpu", "Memory", "MemoryReservation", "Environment", "Secrets",
    "LogConfiguration", "RepositoryCredentials", LABELS,
)  # fmt: skip
"""The keys of the agent's container, in the order in which a plan writes them."""
_AGENT_VARIABLES: Final = ["SYSDIG_COLLECTOR", "SYSDIG_COLLECTOR_PORT", "SYSDIG_PRIORITY", SIDECAR_VARIABLE]


OTHER_FORM: Final = "other form"
"""A record that says: what was there before the plan was in another tool's form already, so the caller has to say what is not known."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A document after what was written is taken out, and the changes that do it. With problems, nothing may be changed.

    ``removed_from`` are the names of the task definitions that change.
    """

    document: Json
    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()
    removed_from: tuple[str, ...] = ()


def remove_all(document: Json, added: Mapping[str, bool] | None = None) -> Removal:
    """Return the removal of everything that was written with the agent, with notices about what is left.

    ``added`` says of ``PidMode``, ``SYS_PTRACE``, ``EntryPoint`` and ``Command``, or of one container's as in
    ``web/SYS_PTRACE``, whether it came with the agent.
    """
    removal = removal_of(document, added)
    return replace(removal, notices=tuple(_leftovers(removal))) if removal.changes else removal


def removal_of(document: Json, added: Mapping[str, bool] | None = None) -> Removal:
    """Return the same without notices: a plan tries the removal, and shows none."""
    found: list[Change | Finding] = []
    removed_from: list[str] = []
    is_recorded = False
    for definition in definitions(document):
        found_here = list(_of_definition(document, definition, added or {}))
        if any(isinstance(each, Change) for each in found_here):
            removed_from.append(definition.name)
            is_recorded = is_recorded or definition.result is not None
        found += found_here
    changes = tuple(each for each in found if isinstance(each, Change))
    removal = Removal(
        apply(document, changes) if changes else document,
        changes,
        tuple(each for each in found if isinstance(each, Problem)),
        (),
        tuple(removed_from),
    )
    return _without_policies(removal) if is_recorded else removal


def _leftovers(removal: Removal) -> Iterator[Notice]:
    """Yield a notice for each task definition that still bears the agent's names."""
    for definition in definitions(removal.document):
        if definition.name in removal.removed_from and has_traces(definition):
            yield Notice(Location(definition.name, None, definition.properties_pointer), _LEFT)


def _without_policies(removal: Removal) -> Removal:
    """Return the removal with that of the policies which let roles read the access key."""
    changes = tuple(
        change
        for pointer, role in resources_of_types(removal.document, {ROLE_TYPE})
        for change in remove_policy(role, pointer)
    )
    if not changes:
        return removal
    return replace(removal, document=apply(removal.document, changes), changes=(*removal.changes, *changes))


def _of_definition(document: Json, definition: Definition, added: Mapping[str, bool]) -> Iterator[Change | Finding]:
    record = definition.record
    if record == [OTHER_FORM]:
        yield from remove_other_form(definition, added)
        yield from remove_result(definition)
    elif record is not None:
        yield from _by_record(document, definition, record)
    elif definition.result is not None or _is_as_written(definition):
        yield from remove_usual_form(definition)
    elif has_traces(definition):
        yield from remove_other_form(definition, added)


def _by_record(document: Json, definition: Definition, record: list[str]) -> Iterator[Change | Finding]:
    changes: list[Change] = []
    lost: list[Pointer] = []
    try:
        for each in from_entries(document, record, definition.base):
            if isinstance(each, Lost):
                lost.append(each.pointer)
            else:
                changes.append(each)
    except ChangedSinceError:
        pointer = definition.properties_pointer
        yield Problem(Location(definition.name, None, pointer), _CHANGED_SINCE)
        return
    yield from (Problem(Location(definition.name, None, pointer), _LOST) for pointer in lost)
    yield from changes


_CHANGED_SINCE: Final = Reason(
    "What was written has been changed since, so it cannot be told apart any more",
    "Take the earlier version of the file, or edit the file yourself",
    code=Code.REMOVAL_CHANGED_SINCE,
)
_LEFT: Final = Reason(
    "Something still bears the agent's names: it was there before, or was changed since",
    "Look at the EntryPoint and the VolumesFrom of each container",
    code=Code.REMOVAL_LEFTOVER,
)
_LOST: Final = Reason(
    "The value that was here before the agent was replaced, and is not known",
    "Take the earlier version of the file, or write the value yourself and remove the rest",
    code=Code.REMOVAL_VALUE_LOST,
)


def _is_as_written(definition: Definition) -> bool:
    """Return whether a task definition outside of a template has the agent in exactly the form that a plan writes.

    Then putting everything back gives the same, with each key and item in its place. A person would hardly write that.
    """
    if definition.pointer is not None or not isinstance(definition.properties, dict):
        return False
    agents = definition.agents
    if len(agents) != 1 or agents[0] != definition.containers()[-1] or not _is_agent_as_written(agents[0][1]):
        return False
    changes = list(remove_usual_form(definition))
    restored = apply(definition.properties, changes)
    if has_traces(replace(definition, properties=restored)):
        return False
    return is_same(apply(restored, opposites(definition.properties, changes)), definition.properties)


def _is_agent_as_written(agent: Mapping[str, Json]) -> bool:
    variables = agent.get("Environment")
    names = [each.get("Name") for each in variables if isinstance(each, dict)] if isinstance(variables, list) else []
    is_in_order = [key for key in _AGENT_KEYS if key in agent] == list(agent)
    return is_in_order and names[: len(_AGENT_VARIABLES)] == _AGENT_VARIABLES
