"""The settings in the tags of a task definition, which ECS shows and Metadata not: the hook and ``coverage`` read them too.

Two kinds of tags count: this macro's own and those of Sysdig's earlier macro, Kilt. ``sysdig-instrument`` is ``true`` or
``false``, ``sysdig-instrument-exclude`` has names or globs of containers, separated by spaces, and
``sysdig-instrument-reason`` says why. Kilt's tags have the meaning that Kilt gives them (agent-kilt,
``cfnpatcher/util.go``): ``kilt-ignore`` and ``kilt-include`` count whatever their value; ``kilt-ignore-containers`` and
``kilt-include-containers`` are names separated by colons; the two ``include`` tags count in opt-in mode only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import member_values
from sysdig_instrument.engine.expressions.decision_tree import Assumptions, LocatedValue, value_leaves
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active
from sysdig_instrument.engine.expressions.values import Evaluated, Known, Unknown
from sysdig_instrument.engine.findings import Finding, Location, Notice, Problem, Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings
from sysdig_instrument.engine.settings.table import BY_NAME, SettingScope
from sysdig_instrument.engine.suggestions import suggest
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.printable import Hidden, derived

INSTRUMENT_TAG: Final = "sysdig-instrument"
EXCLUDE_TAG: Final = "sysdig-instrument-exclude"
REASON_TAG: Final = "sysdig-instrument-reason"
OWN_TAGS: Final = frozenset({INSTRUMENT_TAG, EXCLUDE_TAG, REASON_TAG})
TAGS_LAYER: Final = "the tags"
"""The layer's name in messages."""
_ENABLED: Final = BY_NAME["Enabled"]
_FALSE: Final = ("false", "no", "0")
_KILT_TAGS: Final = frozenset({"kilt-ignore", "kilt-include", "kilt-ignore-containers", "kilt-include-containers"})

_NEAR_PREFIXES: Final = ("sysdi", "syd", "kil")
_MIN_SIMILARITY: Final = 0.85


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag that is a setting, and is present under the current conditions."""

    key: str
    value: Evaluated
    pointer: Pointer


def read_tags(task: TaskDefinition) -> tuple[list[Tag], list[Finding]]:
    """Return the tags that are settings, and the findings about them."""
    findings: list[Finding] = []
    tags = list(_relevant_tags(task, findings))
    for tag in tags:
        location = Location(task.name, None, tag.pointer)
        match tag.key, tag.value:
            case "kilt-ignore", _:
                findings += _false_is_ignored(tag, location)
            case "kilt-include", _:
                pass
            case "sysdig-instrument", Known(value) if value != "" and not _is_boolean(value):
                fact = f'Tag "{INSTRUMENT_TAG}" has an invalid value'
                to_paste = paste(PasteInto.PROPERTIES, {"Tags": [{"Key": INSTRUMENT_TAG, "Value": "false"}]})
                advice = f'Give tag "{INSTRUMENT_TAG}" the value {_ENABLED.value_type.expected}'
                reason = Reason(fact, advice, code=Code.SETTING_INVALID, paste=to_paste)
                findings.append(Problem(location, reason))
            case _, Unknown(why):
                fact = f'The value of tag "{tag.key}" cannot be resolved: {why.fact}'
                reason = Reason(fact, "Write a literal value", code=Code.TAG_UNRESOLVED, not_known_here=why.is_unknown)
                findings.append(Problem(location, reason))
    findings += _contradictions(tags, task)
    return tags, findings


def _contradictions(tags: Iterable[Tag], task: TaskDefinition) -> Iterator[Problem]:
    """Yield a problem for each tag that says something else than one before it: which of them counts would be a guess."""
    values: dict[str, Evaluated] = {}
    for tag in tags:
        location = Location(task.name, None, tag.pointer)
        if tag.key in values and values[tag.key] != tag.value:
            fact = f'Tag "{tag.key}" is there more than once, with different values'
            yield Problem(location, Reason(fact, "Keep one of them", code=Code.TAGS_CONTRADICT))
        values.setdefault(tag.key, tag.value)
        if (
            tag.key in ("kilt-ignore", INSTRUMENT_TAG)
            and "kilt-ignore" in values
            and _is_true(values.get(INSTRUMENT_TAG))
        ):
            fact = f'Tag "kilt-ignore" excludes the task, and tag "{INSTRUMENT_TAG}" does not'
            yield Problem(location, Reason(fact, "Remove one of them", code=Code.TAGS_CONTRADICT))


def _is_true(value: Evaluated | None) -> bool:
    match value:
        case Known(str(text)):
            return text.strip().lower() not in _FALSE
    return isinstance(value, Known)


def _is_boolean(value: Json) -> bool:
    try:
        _ENABLED.value_type.parse(value)
    except ValueError:
        return False
    return True


def tags_layer(tags: Iterable[Tag], resolved: ResolvedSettings) -> Layer:
    """Return the settings in tags. ``resolved`` are the settings below them: lists of names add to theirs."""
    values: dict[str, Json] = {}
    is_opt_in = resolved.values.mode == "opt-in"
    for tag in tags:
        match tag.key, tag.value:
            case "kilt-ignore", _:
                values["Enabled"] = False
            case "kilt-include", _:
                if is_opt_in:
                    values.setdefault("Enabled", True)
            case _, Known(value):
                _apply_tag(tag.key, value, values, resolved)
    return Layer(TAGS_LAYER, values, SettingScope.TASK)


def _apply_tag(key: str, value: Json, values: dict[str, Json], resolved: ResolvedSettings) -> None:
    excluded = cast("list[Json]", values.get("ExcludeContainers", resolved.values.exclude_containers))
    match key:
        case "sysdig-instrument":
            if _is_boolean(value):  # else read_tags reports it
                values["Enabled"] = value
        case "sysdig-instrument-reason":
            values["Reason"] = value
        case "sysdig-instrument-exclude":
            if names := [derived(name, value) for name in value.split()] if isinstance(value, str) else [value]:
                values["ExcludeContainers"] = [*excluded, *names]
        case "kilt-ignore-containers":
            values["ExcludeContainers"] = [*excluded, *_colon_separated(value)]
        case _ if resolved.values.mode == "opt-in":
            values["IncludeContainers"] = [*resolved.values.include_containers, *_colon_separated(value)]
            values.setdefault("Enabled", True)


def _colon_separated(value: Json) -> list[Json]:
    return [derived(name.strip(), value) for name in value.split(":")] if isinstance(value, str) else []


def _false_is_ignored(tag: Tag, location: Location) -> Iterator[Notice]:
    match tag.value:
        case Known(str(text)) if text.strip().lower() in _FALSE:
            yield Notice(
                location, Reason(f'Tag "{tag.key}" counts whatever its value, as in Kilt, so the task is not instrumented',
                "Remove the tag to have the task instrumented", code=Code.KILT_TAG_COUNTS),
            )  # fmt: skip


def _tag_list(
    task: TaskDefinition, tags: LocatedValue, assumptions: Assumptions, findings: list[Finding]
) -> list[Json]:
    """Return the tags of a list. If the list is an expression, it is evaluated; what is wrong with it goes to ``findings``."""
    if isinstance(tags.value, dict):
        match evaluate(tags.value, task.scope.assuming(assumptions)):
            case Known(list(items)):
                return items
            case Known(dict()):
                findings += _without_key(tags, Location(task.name, None, tags.pointer))
            case Unknown(Reason(why)):
                fact = f"The tags cannot be resolved, so a tag that excludes something would not be seen: {why}"
                findings.append(
                    Notice(
                        Location(task.name, None, tags.pointer),
                        Reason(fact, "Write the tags as a list", code=Code.TAGS_UNRESOLVED),
                    )
                )
    return tags.value if isinstance(tags.value, list) else []


def _relevant_tags(task: TaskDefinition, findings: list[Finding]) -> Iterator[Tag]:
    """Yield the tags that are settings and are present under the current conditions.

    A tag that may be present is a problem; it is added to ``findings``.
    """
    for tags, assumptions in member_values(task.properties_or_empty, "Tags", task.properties_pointer, task.assumptions):
        for index, item in enumerate(_tag_list(task, tags, assumptions, findings)):
            for leaf, assumed in value_leaves(item, (*tags.pointer, index), assumptions):
                name = tag_key(leaf.value, task)
                if not isinstance(leaf.value, dict) or name is None:
                    findings += _without_key(leaf, Location(task.name, None, leaf.pointer))
                    continue
                if name not in OWN_TAGS | _KILT_TAGS:
                    findings += _misspelt(name, Location(task.name, None, leaf.pointer))
                    continue
                is_present = is_active(
                    {name: value for name, value in assumed.items() if name not in task.assumptions}, task.scope
                )
                if is_present:
                    yield Tag(name, evaluate(leaf.value.get("Value", ABSENT), task.scope), leaf.pointer)
                elif is_present is None:
                    fact = f'Whether tag "{name}" is present depends on a condition that is not known here'
                    reason = Reason(fact, "Move the tag out of Fn::If", code=Code.TAG_UNRESOLVED, not_known_here=True)
                    findings.append(Problem(Location(task.name, None, leaf.pointer), reason))


def _without_key(tags: LocatedValue, location: Location) -> Iterator[Notice]:
    """Yield a notice about tags that are written as ``NAME: VALUE``, or ``NAME=VALUE``: none of them counts."""
    match tags.value:
        case {"Key": _}:
            return
        case dict(written):
            values: Mapping[str, Json] = written
        case str(text):
            values = {text.partition("=")[0]: text.partition("=")[2]}
        case _:
            return
    names = sorted(values.keys() & (OWN_TAGS | _KILT_TAGS))
    if names:
        listed = ", ".join(map(quote, names))
        texts = {name: str(values[name]).lower() for name in names}
        tags_to_paste: list[Json] = [
            {"Key": name, "Value": text if text in ("true", "false") else "VALUE"} for name, text in texts.items()
        ]
        reason = Reason(
            f"Tag {listed} has no effect without Key and Value",
            "Write Tags as a list of objects with Key and Value",
            code=Code.TAG_MISSPELT,
            paste=paste(PasteInto.PROPERTIES, {"Tags": tags_to_paste}),
        )
        yield Notice(location, reason)


def _misspelt(name: str, location: Location) -> Iterator[Notice]:
    """Yield a notice about a tag that is nearly one of these, such as one with capital letters: it does not count."""
    letters = re.sub(r"[\W_]+", "-", name.strip().casefold())
    if not letters.startswith(_NEAR_PREFIXES) or isinstance(name, Hidden):
        return
    if known := suggest(letters, sorted(OWN_TAGS | _KILT_TAGS), cutoff=_MIN_SIMILARITY):
        fact = f"Tag {quote(name)} has no effect, because no setting has a tag of this spelling"
        yield Notice(location, Reason(fact, f'Did you mean "{known}"?', code=Code.TAG_MISSPELT))


def tag_key(tag: Json | Absent, task: TaskDefinition) -> str | None:
    """Return the key of a tag, or None if it is not known."""
    match evaluate(tag.get("Key", ABSENT), task.scope) if isinstance(tag, dict) else ABSENT:
        case Known(str(key)):
            return key
    return None
