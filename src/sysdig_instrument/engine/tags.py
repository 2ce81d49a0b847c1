"""Tags of a task definition as settings: our own, and those of Sysdig's earlier macro (Kilt).

``sysdig-instrument`` is ``true`` or ``false``. Kilt's tags keep Kilt's meaning (agent-kilt, ``cfnpatcher/util.go``):
``kilt-ignore`` and ``kilt-include`` count by being there, whatever their value; ``kilt-ignore-containers`` and
``kilt-include-containers`` hold names with colons between them, and the ``include`` tags count in opt-in mode only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine import conditions, intrinsics
from sysdig_instrument.engine.choices import Leaf, When, branches
from sysdig_instrument.engine.container import member
from sysdig_instrument.engine.findings import Finding, Notice, Place, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.known import Known, Literal, Unknown
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.engine.settings.layers import Layer, Settled
from sysdig_instrument.engine.settings.table import Reach
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.values import dataclass

OWN: Final = "sysdig-instrument"
TAGS: Final = "the tags"
"""What messages call this layer."""
_KILT: Final = frozenset({"kilt-ignore", "kilt-include", "kilt-ignore-containers", "kilt-include-containers"})


@dataclass(frozen=True, slots=True)
class Tags:
    """What the tags of a task definition say."""

    layer: Layer
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Tag:
    key: str
    value: Known
    pointer: Pointer


def of_tags(task: TaskDefinition, settled: Settled) -> Tags:
    """The layer of settings that the tags are."""
    values: dict[str, Json] = {}
    findings: list[Finding] = []
    for tag in _tags(task, findings):
        place = Place(task.name, None, tag.pointer)
        if tag.key in ("kilt-ignore", "kilt-include"):
            if tag.key == "kilt-ignore":
                values["Enabled"] = False
                findings += _said_false(tag, place)
            elif settled.settings.mode == "opt-in":
                values.setdefault("Enabled", True)
            continue
        match tag.value:
            case Literal(value):
                _take(tag.key, value, values, settled)
            case Unknown(Reason(why)):
                fact = f'The value of tag "{tag.key}" cannot be worked out: {why}'
                findings.append(Problem(place, Reason(fact, "Write the value itself")))
    return Tags(Layer(TAGS, values, Reach.TASK), tuple(findings))


def _take(key: str, value: Json, values: dict[str, Json], settled: Settled) -> None:
    if key == OWN:
        values["Enabled"] = value
        return
    names: list[Json] = [name.strip() for name in value.split(":")] if isinstance(value, str) else []
    if key == "kilt-ignore-containers":
        values["ExcludeContainers"] = [*settled.settings.exclude_containers, *names]
    elif settled.settings.mode == "opt-in":
        values["IncludeContainers"] = [*settled.settings.include_containers, *names]
        values.setdefault("Enabled", True)


def _said_false(tag: _Tag, place: Place) -> Iterator[Notice]:
    match tag.value:
        case Literal(str(text)) if text.strip().lower() in ("false", "no", "0"):
            yield Notice(
                place, Reason(f'Tag "{tag.key}" counts whatever its value, as in Kilt, so the task is left alone',
                "Take the tag out to have it instrumented"),
            )  # fmt: skip


def _listed(task: TaskDefinition, tags: Leaf, when: When, findings: list[Finding]) -> list[Json]:
    """The tags of one list; of a list that is an expression, those that it is worth."""
    if isinstance(tags.value, dict):
        match intrinsics.resolve(tags.value, task.scope.assuming(when)):
            case Literal(list(items)):
                return items
            case Unknown(Reason(why)):
                fact = f"The tags cannot be worked out, so those that leave something alone are not seen: {why}"
                findings.append(Notice(Place(task.name, None, tags.pointer), Reason(fact, "Write the tags as a list")))
    return tags.value if isinstance(tags.value, list) else []


def _tags(task: TaskDefinition, findings: list[Finding]) -> Iterator[_Tag]:
    """The tags that mean something here and are there as things are now; those that may be there are problems."""
    properties = task.properties if isinstance(task.properties, dict) else {}
    for tags, when in member(properties, "Tags", task.properties_pointer, task.when):
        for index, item in enumerate(_listed(task, tags, when, findings)):
            for leaf, under in branches(item, (*tags.pointer, index), when):
                entry = leaf.value
                key = intrinsics.resolve(entry.get("Key", ABSENT), task.scope) if isinstance(entry, dict) else ABSENT
                match key:
                    case Literal(str(name)) if isinstance(entry, dict) and (name == OWN or name in _KILT):
                        pass
                    case _:
                        continue
                is_there = conditions.taken({c: h for c, h in under.items() if c not in task.when}, task.scope)
                if is_there:
                    yield _Tag(name, intrinsics.resolve(entry.get("Value", ABSENT), task.scope), leaf.pointer)
                elif is_there is None:
                    fact = f'Whether tag "{name}" is there depends on a condition that is not known here'
                    findings.append(
                        Problem(Place(task.name, None, leaf.pointer), Reason(fact, "Take the tag out of Fn::If"))
                    )
