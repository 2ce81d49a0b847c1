"""Opt-outs as tags, so that the hook and ``coverage``, which see no Metadata, leave alone what the template leaves alone.

Owns: Tags.

A change of Tags does not replace a task definition. A tag of the template stays, unless it says something else than the
settings do: then its value is corrected. What a tag cannot say is a notice.

Source: the ECS API reference, Tag, for the characters and the length of a value, and TagResource for the number of tags.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import WRITE_OUT_RESULT, Container, member_values, set_value, why_opaque
from sysdig_instrument.engine.expressions.decision_tree import Assumptions, LocatedValue, value_leaves
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active
from sysdig_instrument.engine.expressions.values import Known, Unknown, to_string
from sysdig_instrument.engine.findings import Location, Notice, Reason, quote
from sysdig_instrument.engine.globs import matches_any
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.opt_outs import OptOut
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.settings.layers import Layer, with_layer
from sysdig_instrument.engine.settings.patterns import MAX_TAG_VALUE
from sysdig_instrument.engine.settings.table import SettingScope
from sysdig_instrument.engine.settings.tags import EXCLUDE_TAG, INSTRUMENT_TAG, REASON_TAG, TAGS_LAYER, tag_key
from sysdig_instrument.engine.settings.template_layers import TRANSFORM_LAYER
from sysdig_instrument.engine.steps.list_items import RequiredItem, require_item
from sysdig_instrument.engine.steps.step import AddedTags, ChangeOrFinding, DecidedTask, HiddenOptOut
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass, replace

_REASON: Final = "tells the hook and coverage what is left alone"
_NOT_SEEN: Final = "so the hook and coverage do not see what is left alone"
_UNSAID: Final = frozenset(
    {Code.TAGS_NOT_EXTENDABLE, Code.TAGS_FULL, Code.TAG_TOO_LONG, Code.TAG_NAME_UNRESOLVED, Code.TAG_LOCKED}
)
"""The codes of the notices that say so."""
_MAX_TAGS: Final = 50
_NAME: Final = r"[A-Za-z0-9_-]{1,255}"  # of a container, in ECS


@dataclass(frozen=True, slots=True)
class _Tag:
    """The content that a tag must have.

    ``value`` returns its value in place of an existing one, or of the empty text; or the reason why it cannot be said.
    ``is_required`` is false if the tag is only corrected where it exists.
    """

    key: str
    value: Callable[[str], Json | Reason]
    is_required: bool = True


def tags(decided: DecidedTask) -> Iterator[ChangeOrFinding | AddedTags | HiddenOptOut]:
    """Yield the changes that make each opt-out of the template visible in the tags, and notices where that is not possible."""
    hidden = _hidden(decided)
    yield from map(_hidden_opt_out, hidden)
    for output in _tag_outputs(decided):
        yield output
        if hidden and isinstance(output, Notice) and output.reason.code in _UNSAID:
            yield HiddenOptOut(replace(output.reason, code=Code.OPT_OUT_HIDDEN), remains=True)


def _tag_outputs(decided: DecidedTask) -> Iterator[ChangeOrFinding | AddedTags]:
    wanted: list[_Tag] = []
    for each in (*_opt_out_tags(decided), *_reason_tag(decided)):
        if isinstance(each, _Tag):
            wanted.append(each)
        else:
            yield each
    if wanted:
        yield from _write(decided, wanted)


# --- What the tags have to say


def _hidden(decided: DecidedTask) -> list[OptOut]:
    return [each for each in decided.opt_outs if not each.is_visible]


def _hidden_opt_out(opt_out: OptOut) -> HiddenOptOut:
    what, tag = "it", f'{INSTRUMENT_TAG}: "false"'
    if opt_out.container:
        label = str(opt_out.container.label)
        what, tag = f"container {quote(label)}", f"{EXCLUDE_TAG}: {quote(label)[1:-1]}"
    to_paste = (
        () if opt_out.container else paste(PasteInto.PROPERTIES, {"Tags": [{"Key": INSTRUMENT_TAG, "Value": "false"}]})
    )
    return HiddenOptOut(Reason(f"Only the template says that {what} is left alone ({opt_out.why}), and the hook and coverage do not see that",
    f"Let the macro process the template: it writes a tag for them. Or write the tag yourself: {tag}", code=Code.OPT_OUT_HIDDEN, paste=to_paste))  # fmt: skip


def _opt_out_tags(decided: DecidedTask) -> Iterator[_Tag | Notice]:
    hidden = _hidden(decided)
    if decided.is_whole and hidden and _may_set(decided, "Enabled", value=False):
        yield _Tag(INSTRUMENT_TAG, lambda _old: "false")
        return
    names: dict[str, Json] = {}
    for opt_out in hidden:
        container = opt_out.container
        if container and not re.fullmatch(_NAME, container.name or ""):
            yield _notice(decided.task, container, Reason(f"The container's name cannot be resolved, or is none that ECS accepts, {_NOT_SEEN}",
            "Give it a literal name of letters, digits, - and _", code=Code.TAG_NAME_UNRESOLVED))  # fmt: skip
        elif container and _may_set(decided, "ExcludeContainers", value=[container.name]):
            names.setdefault(container.label, container.value["Name"])
        else:
            locked = "ExcludeContainers" if container else "Enabled"
            yield _notice(decided.task, container, Reason(f"It cannot be excluded by a tag, because {locked} is locked, {_NOT_SEEN}",
            "Ask the platform team to exclude it in the macro's deployment", code=Code.TAG_LOCKED))  # fmt: skip
    if decided.instrumented:
        yield _Tag(INSTRUMENT_TAG, lambda old: "true" if old.strip().lower() == "false" else old, is_required=False)
    if decided.instrumented or names:
        yield _Tag(EXCLUDE_TAG, partial(_exclude, decided, names), is_required=bool(names))


def _may_set(decided: DecidedTask, setting: str, *, value: Json) -> bool:
    """Return whether a tag may set this setting: the hook would refuse a locked one, or a value that is not valid."""
    layer = Layer(TAGS_LAYER, {setting: value}, SettingScope.TASK)
    return not with_layer(decided.settings.deployment, layer)[1]


def _exclude(decided: DecidedTask, hidden: dict[str, Json], old: str) -> Json | Reason:
    """Return the names and globs in a tag, without those of instrumented containers, and with those that are hidden."""
    state = decided.task.scope.state
    wrong = [
        word for word in old.split() if any(matches_any(each.label, (word,), state) for each in decided.instrumented)
    ]
    if not hidden and not wrong:
        return old
    words: dict[str, Json] = {word: word for word in old.split() if word not in wrong}
    for container in [each.container for each in decided.opt_outs if each.container]:
        if container.label in hidden or matches_any(container.label, wrong, state):
            words.setdefault(container.label, container.value["Name"])
    if len(" ".join(words)) > MAX_TAG_VALUE:
        fact = f'The names of the containers that are left alone do not fit into the {MAX_TAG_VALUE} characters of tag "{EXCLUDE_TAG}", {_NOT_SEEN}'
        return Reason(
            fact,
            "Ask the platform team to exclude them in the macro's deployment, or give them shorter names",
            code=Code.TAG_TOO_LONG,
        )
    if list(words) == old.split():
        return old
    names = list(words.values())
    is_literal = all(isinstance(name, str) for name in names)
    return " ".join(words) if is_literal else {"Fn::Join": [" ", names]}


def _reason_tag(decided: DecidedTask) -> Iterator[_Tag]:
    """Yield the tag with the reasons that Metadata or the Transform's Parameters give."""
    reasons = {
        each.container.label if each.container else "": each.reason
        for each in decided.opt_outs
        if each.reason and each.resolved.layer_name("Reason") != TAGS_LAYER
    }
    distinct = list(dict.fromkeys(reasons.values()))
    text = distinct[0] if len(distinct) == 1 else " / ".join(f"{name}: {reason}" for name, reason in reasons.items())
    if distinct and text != decided.settings.visible.values.reason:
        too_long = Reason(f'The reasons do not fit into the {MAX_TAG_VALUE} characters of tag "{REASON_TAG}", so the hook and coverage do not see them',
        "Give one Reason for the whole task definition, or shorter ones", code=Code.TAG_REASON_TOO_LONG)  # fmt: skip
        yield _Tag(REASON_TAG, lambda _old: text if len(text) <= MAX_TAG_VALUE else too_long)


# --- Writing them


def _write(decided: DecidedTask, wanted: list[_Tag]) -> Iterator[ChangeOrFinding | AddedTags]:
    task = decided.task
    required = [each for each in wanted if each.is_required]
    if why := why_opaque(task.properties_or_empty, frozenset({"Tags"}), task.scope, is_snippet_place=True):
        if required:
            yield _notice(
                task,
                None,
                Reason(f"The task definition {why}, {_NOT_SEEN}", WRITE_OUT_RESULT, code=Code.TAGS_NOT_EXTENDABLE),
            )
        return
    in_template: set[str | None] = set()
    added: set[str] = set()
    for leaf, assumptions in member_values(task.properties_or_empty, "Tags", task.properties_pointer, task.assumptions):
        in_template |= {tag_key(each.value, task) for each, _ in _existing_tags(leaf, assumptions)}
        for output in _write_leaf(task, leaf, assumptions, wanted):
            if isinstance(output, AddedTags):
                added |= output.keys
            else:
                yield output
    # The output has no Parameters of the Transform, and a tag that excluded the task definition may be corrected in it:
    # then it is only known from the added tags what is left alone.
    resolved = decided.settings.resolved
    is_from_transform = any(layer.name == TRANSFORM_LAYER for layer in resolved.layers.values())
    if not is_from_transform and resolved.layer_name("Enabled") != TAGS_LAYER:
        yield AddedTags(frozenset(added - in_template))


def _write_leaf(
    task: TaskDefinition, leaf: LocatedValue, assumptions: Assumptions, wanted: list[_Tag]
) -> Iterator[ChangeOrFinding | AddedTags]:
    required = [each for each in wanted if each.is_required]
    if leaf.value is ABSENT or leaf.value is None:
        yield from _write_list(task, leaf, required)
    elif isinstance(leaf.value, list):
        for tag in wanted:
            for each, assumed in _existing_tags(leaf, assumptions):
                if tag_key(each.value, task) == tag.key and is_active(assumed, task.scope) is not False:
                    yield from _correct(task, tag, each)
        yield from _extend_list(task, leaf, leaf.value, assumptions, required)
    elif required and is_active(assumptions, task.scope) is not False:
        yield Notice(Location(task.name, None, leaf.pointer), Reason(f"Tags is not written as a list, {_NOT_SEEN}",
        "Write Tags as a list of objects with Key and Value; the list and its items may be inside Fn::If", code=Code.TAGS_NOT_EXTENDABLE))  # fmt: skip


def _existing_tags(leaf: LocatedValue, assumptions: Assumptions) -> Iterator[tuple[LocatedValue, Assumptions]]:
    for index, item in enumerate(leaf.value if isinstance(leaf.value, list) else []):
        yield from value_leaves(item, (*leaf.pointer, index), assumptions)


def _correct(task: TaskDefinition, tag: _Tag, leaf: LocatedValue) -> Iterator[ChangeOrFinding]:
    """Yield the change to a tag that says something else. A tag whose value is not known is reported elsewhere."""
    entry = leaf.value if isinstance(leaf.value, dict) else {}
    match evaluate(entry.get("Value", ABSENT), task.scope):
        case Unknown():
            return
        case Known(str() | bool() | int() | float() as scalar):
            old = to_string(scalar)
        case _:
            old = ""
    value = tag.value(old)
    if isinstance(value, Reason):
        yield _notice(task, None, value)
    elif value != old:
        stored = LocatedValue((*leaf.pointer, "Value"), ABSENT, entry.get("Value", ABSENT))
        yield set_value(stored, value, _REASON, protects=False)


def _write_list(
    task: TaskDefinition, leaf: LocatedValue, required: list[_Tag]
) -> Iterator[ChangeOrFinding | AddedTags]:
    items: list[dict[str, Json]] = []
    for each in _items(task, required):
        if isinstance(each, Notice):
            yield each
        else:
            items.append(each)
    if items:
        yield set_value(leaf, list[Json](items), _REASON, protects=False)
        yield AddedTags(frozenset(str(item["Key"]) for item in items))


def _extend_list(
    task: TaskDefinition, leaf: LocatedValue, items: list[Json], assumptions: Assumptions, required: list[_Tag]
) -> Iterator[ChangeOrFinding | AddedTags]:
    keys = {tag_key(item, task) for item in items}
    new = [each for each in required if each.key not in keys]
    excess = len(items) + len(new) - _MAX_TAGS
    if new and excess > 0:
        yield Notice(Location(task.name, None, leaf.pointer), Reason(f"A task definition can have {_MAX_TAGS} tags, and there is no room for another, {_NOT_SEEN}",
        f"Remove {excess} of them", code=Code.TAGS_FULL))  # fmt: skip
        return
    for item in _items(task, new):
        if isinstance(item, Notice):
            yield item
        else:
            has_key = partial(_has_key, task, item["Key"])
            yield from require_item(
                leaf, enumerate(items), assumptions, RequiredItem(item, _REASON, has_key, protects=False)
            )
            yield AddedTags(frozenset({str(item["Key"])}))


def _items(task: TaskDefinition, tags_to_add: list[_Tag]) -> Iterator[dict[str, Json] | Notice]:
    for tag in tags_to_add:
        value = tag.value("")
        yield _notice(task, None, value) if isinstance(value, Reason) else {"Key": tag.key, "Value": value}


def _has_key(task: TaskDefinition, key: Json, tag: Json | Absent) -> bool:
    return tag_key(tag, task) == key


def _notice(task: TaskDefinition, container: Container | None, reason: Reason) -> Notice:
    if container:
        return container.notice(container.pointer, reason)
    return Notice(Location(task.name, None, (*task.properties_pointer, "Tags")), reason)
