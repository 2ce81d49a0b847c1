"""The removal of what Kilt, Sysdig's Terraform data source, another tool or a person wrote.

What bears Sysdig's own names is certain. Whether PidMode, SYS_PTRACE, EntryPoint and Command were there before is not, and
the caller has to say it. Two things are certain in Kilt's form, which the Terraform data source shares: it adds SYS_PTRACE
without looking whether it is there, and it moves the whole argv into Command.

Sources: agent-kilt, ``pkg/cfnpatcher``; terraform-provider-sysdig, ``data_source_sysdig_fargate_workload_agent.go``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.agent import (
    ACCESS_KEY_VARIABLE,
    AGENT_NAME,
    REPLACED_WRAPPER_VARIABLE,
    SIDECAR_VARIABLE,
    WRAPPER,
)
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Finding, Location, Problem, Reason
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.removal.definitions import Definition
from sysdig_instrument.engine.removal.entries import REASON
from sysdig_instrument.engine.removal.usual_form import added_capabilities, remove
from sysdig_instrument.engine.settings.agent_images import is_from_sysdig_or_a_mirror
from sysdig_instrument.engine.steps.capabilities import SYS_PTRACE
from sysdig_instrument.lazy_dataclasses import dataclass

QUESTIONS: Final = ("PidMode", "SYS_PTRACE", "EntryPoint", "Command")
"""What may have been there before the agent."""

_KILT_MARKS: Final = (ACCESS_KEY_VARIABLE, "SYSDIG_COLLECTOR", "SYSDIG_ORCHESTRATOR")
"""Variables that Kilt gives to each workload, and this software gives to the agent alone."""
_KILT_VARIABLES: Final = (
    *_KILT_MARKS, SIDECAR_VARIABLE, "SYSDIG_COLLECTOR_PORT", "SYSDIG_ORCHESTRATOR_PORT", "SYSDIG_LOGGING", "SYSDIG_PRIORITY",
    "SYSDIG_AGENT_NICE_VALUE_INCREMENT", REPLACED_WRAPPER_VARIABLE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Workload:
    """A container with the wrapper, or with its volume."""

    definition: Definition
    container: dict[str, Json]
    pointer: Pointer
    added: Mapping[str, bool]

    @property
    def name(self) -> str:
        return str(self.container.get("Name", ""))

    @property
    def is_in_kilts_form(self) -> bool:
        names = _names(self.container.get("Environment"), "Name")
        return self.container.get("EntryPoint") == [WRAPPER] and any(mark in names for mark in _KILT_MARKS)

    def answer(self, question: str) -> bool | None:
        """Return whether something came with the agent; None if the caller does not say."""
        return self.added.get(f"{self.name}/{question}", self.added.get(question))

    def ask(self, question: str) -> Problem:
        """Return the problem that nothing says it."""
        location = Location(self.definition.name, self.name, (*self.pointer, _KEYS.get(question, question)))
        return Problem(location, _not_known(question))


_KEYS: Final = {SYS_PTRACE: "LinuxParameters"}


def _not_known(question: str) -> Reason:
    return Reason(
        f"Nothing says whether {question} came with the agent, or was there before",
        f"Add --added {question} or --kept {question}; for one container, put its name and a slash before it",
        code=Code.REMOVAL_NOT_KNOWN,
    )


_WRAPPER_IN_TEXT: Final = rf"(?<![\w.-]){re.escape(WRAPPER)}(?![\w.-])"
"""Matches the wrapper in a shell's text, and no other program whose path only begins or ends like it."""
_WRAPPER_INSIDE: Final = Reason(
    "The wrapper is started from here, and without the agent there is no such program",
    "Write this without /opt/draios/bin/instrument, and run the command again",
    code=Code.REMOVAL_LEFTOVER,
)


def has_traces(definition: Definition) -> bool:
    """Return whether something in a task definition bears the agent's names."""
    return any(is_trace(each) for _, each in definition.containers())


def is_trace(container: Mapping[str, Json]) -> bool:
    """Return whether a container bears the agent's name, or has the wrapper or its volume."""
    return container.get("Name") == AGENT_NAME or _is_workload(container)


def _is_workload(container: Mapping[str, Json]) -> bool:
    entry_point = container.get("EntryPoint")
    is_wrapped = isinstance(entry_point, list) and entry_point[:1] == [WRAPPER]
    return is_wrapped or AGENT_NAME in _names(container.get("VolumesFrom"), "SourceContainer")


def _is_agent(container: Mapping[str, Json]) -> bool:
    """Return whether a container of the agent's name is the agent, by its image or by its variables."""
    image = container.get("Image")
    names = (*_names(container.get("Environment"), "Name"), *_names(container.get("Secrets"), "Name"))
    return (isinstance(image, str) and is_from_sysdig_or_a_mirror(image)) or any(mark in names for mark in _KILT_MARKS)


def _names(items: Json, key: str) -> list[Json]:
    return [each.get(key) for each in items if isinstance(each, dict)] if isinstance(items, list) else []


def remove_other_form(definition: Definition, added: Mapping[str, bool]) -> Iterator[Change | Finding]:
    """Yield the changes that take out what is known to come with the agent, and a problem for each thing that is not known."""
    workloads = [
        each for each in definition.containers() if each[1].get("Name") != AGENT_NAME and _is_workload(each[1])
    ]
    agents = [each for each in definition.agents if workloads or _is_agent(each[1])]
    if not workloads and not agents:
        return
    for pointer, container in workloads:
        workload = _Workload(definition, container, pointer, added)
        yield from _remove_argv(workload)
        names = _KILT_VARIABLES if workload.is_in_kilts_form else (SIDECAR_VARIABLE,)
        yield from _remove_items(workload, "Environment", "Name", names)
        yield from _remove_items(workload, "VolumesFrom", "SourceContainer", (AGENT_NAME,))
        yield from _remove_capability(workload)
        yield from _wrapper_inside(workload)
    for pointer, container in definition.containers():
        if container.get("Name") != AGENT_NAME:
            workload = _Workload(definition, container, pointer, added)
            yield from _remove_items(workload, "DependsOn", "ContainerName", (AGENT_NAME,))
    yield from (remove(pointer, agent) for pointer, agent in reversed(agents))
    properties = definition.properties if isinstance(definition.properties, dict) else {}
    if properties.get("PidMode") == "task":
        pointer = (*definition.properties_pointer, "PidMode")
        if added.get("PidMode"):
            yield remove(pointer, "task")
        elif "PidMode" not in added:
            yield Problem(Location(definition.name, None, pointer), _not_known("PidMode"))


def _remove_argv(workload: _Workload) -> Iterator[Change | Finding]:
    entry_point, command = workload.container.get("EntryPoint"), workload.container.get("Command")
    if not isinstance(entry_point, list) or entry_point[:1] != [WRAPPER]:
        return
    pointer = (*workload.pointer, "EntryPoint")
    match workload.answer("EntryPoint"):
        case None:
            yield workload.ask("EntryPoint")
        case False if workload.is_in_kilts_form and isinstance(command, list):
            yield Change("replace", pointer, REASON, command, was=entry_point)
            yield remove((*workload.pointer, "Command"), command)
        case False:
            yield remove((*pointer, 0), WRAPPER)
        case _:
            yield remove(pointer, entry_point)
            if isinstance(command, list) and command:
                yield from _remove_command(workload, command)


def _remove_command(workload: _Workload, command: Json) -> Iterator[Change | Finding]:
    match workload.answer("Command"):
        case None:
            yield workload.ask("Command")
        case True:
            yield remove((*workload.pointer, "Command"), command)


def _wrapper_inside(workload: _Workload) -> Iterator[Problem]:
    """Yield a problem for an argv with the wrapper where it is not the first: without the agent, there is no such program."""
    for key in ("EntryPoint", "Command"):
        items = workload.container.get(key)
        first, *others = items if isinstance(items, list) and items else [None]
        inside = others if key == "EntryPoint" and first == WRAPPER else [first, *others]
        if any(isinstance(each, str) and re.search(_WRAPPER_IN_TEXT, each) for each in inside):
            location = Location(workload.definition.name, workload.name, (*workload.pointer, key))
            yield Problem(location, _WRAPPER_INSIDE)


def _remove_items(workload: _Workload, key: str, name_key: str, names: tuple[str, ...]) -> Iterator[Change]:
    items = workload.container.get(key)
    if not isinstance(items, list):
        return
    own = [index for index, each in enumerate(items) if isinstance(each, dict) and each.get(name_key) in names]
    if own and len(own) == len(items):
        yield remove((*workload.pointer, key), items)
    else:
        yield from (remove((*workload.pointer, key, index), items[index]) for index in reversed(own))


def _remove_capability(workload: _Workload) -> Iterator[Change | Finding]:
    found = added_capabilities(workload.container.get("LinuxParameters"))
    if found is None:
        return
    parameters, capabilities, add = found
    answer = True if workload.is_in_kilts_form else workload.answer(SYS_PTRACE)
    pointer = (*workload.pointer, "LinuxParameters")
    if answer is None:
        yield workload.ask(SYS_PTRACE)
    elif not answer:
        return
    elif len(add) > 1:
        index = len(add) - 1 - add[::-1].index(SYS_PTRACE)
        yield remove((*pointer, "Capabilities", "Add", index), SYS_PTRACE)
    elif len(capabilities) > 1:
        yield remove((*pointer, "Capabilities", "Add"), add)
    elif len(parameters) > 1:
        yield remove((*pointer, "Capabilities"), capabilities)
    else:
        yield remove(pointer, parameters)
