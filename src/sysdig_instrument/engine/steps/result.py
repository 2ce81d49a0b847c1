"""The Result: what was done and why, in the resource's Metadata under ``SysdigInstrument.Result``.

Owns: Metadata.SysdigInstrument.Result of the resource.

The Result has only the names of containers, reasons, and the keys of the tags that were added. It has no time and no version, so a new release of the macro
that changes nothing else does not appear in any change set. If nothing else changes, an existing Result stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.decision_tree import parse_if
from sysdig_instrument.engine.findings import Finding, Location, Notice, Reason
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.settings.template_layers import METADATA_KEY, RESULT_KEY, TAGS_KEY, UNDO_KEY
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import replace

_REASON: Final = "records what was done, and why"


def result_value(
    task: str, containers: Mapping[str, str], findings: Iterable[Finding], added_tags: Iterable[str]
) -> Json:
    """Return the Result: the outcomes of the task definition and of its containers, added tags, and notices."""
    value: dict[str, Json] = {"Task": task}
    if containers:
        value["Containers"] = {**containers}
    if tags := sorted(added_tags):
        value[TAGS_KEY] = list[Json](tags)
    if notices := [finding.stable_text for finding in findings if isinstance(finding, Notice)]:
        value["Notices"] = [*dict.fromkeys(notices)]
    return value


def result(task: TaskDefinition, value: Json, *, changed: bool) -> Iterator[Change | Notice]:
    """Yield the change that records the Result, unless the fragment contains only the task definition's Properties.

    ``changed`` is true if the task definition itself changes.
    """
    if task.pointer is None:
        return
    pointer: Pointer = (*task.pointer, "Metadata")
    metadata = task.resource.get("Metadata")
    if metadata is None:
        yield Change("add", pointer, _REASON, {METADATA_KEY: {RESULT_KEY: value}})
        return
    own = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or parse_if(metadata) or not isinstance(own, dict | None):
        yield Notice(
            Location(task.name, None, pointer),
            Reason("Metadata is not an object, so what was done is not recorded there", code=Code.RESULT_NOT_RECORDED),
        )
    elif own is None:
        yield Change("add", (*pointer, METADATA_KEY), _REASON, {RESULT_KEY: value})
    else:
        yield from _update(own, (*pointer, METADATA_KEY, RESULT_KEY), value, changed=changed)


def _update(own: Mapping[str, Json], pointer: Pointer, value: Json, *, changed: bool) -> Iterator[Change]:
    if RESULT_KEY not in own:
        yield Change("add", pointer, _REASON, value)
    elif changed and own[RESULT_KEY] != value:
        yield Change("replace", pointer, _REASON, value, was=own[RESULT_KEY])


def with_record(changes: tuple[Change, ...], record: list[str]) -> tuple[Change, ...]:
    """Return the changes with a record in the Result. Where there is no Result, there can be no record."""
    if not record:
        return changes
    return tuple(
        replace(each, value=_add_record(each.value, each.pointer[-1], record)) if each.step == "Metadata" else each
        for each in changes
    )


def _add_record(value: Json, key: str | int, record: list[str]) -> Json:
    inner = {"Metadata": METADATA_KEY, METADATA_KEY: RESULT_KEY}.get(str(key))
    if not isinstance(value, dict):
        return value
    return (
        {**value, inner: _add_record(value[inner], inner, record)} if inner else {**value, UNDO_KEY: list[Json](record)}
    )


def has_result(task: TaskDefinition) -> bool:
    """Return whether the macro has processed the task definition: its Metadata has a Result."""
    metadata = task.resource.get("Metadata")
    own = metadata.get(METADATA_KEY) if isinstance(metadata, dict) else None
    return isinstance(own, dict) and RESULT_KEY in own
