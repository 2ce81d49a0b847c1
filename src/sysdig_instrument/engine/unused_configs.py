"""Notices about image configs in a template that no container used: most likely, their image or their container is misspelt.

Nothing is said about ImageConfigs of the macro's deployment: one map serves many templates, and most of its entries are for
other ones. A task definition that is left alone needs no config, nor does one that an earlier run has instrumented.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.evaluate import is_expression
from sysdig_instrument.engine.expressions.scope import ConfigUse
from sysdig_instrument.engine.findings import Location, Notice, Reason, quote
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.settings.layers import Layer
from sysdig_instrument.engine.settings.table import SettingScope
from sysdig_instrument.engine.settings.template_layers import CONTAINERS_KEY, METADATA_KEY, TRANSFORM_LAYER
from sysdig_instrument.engine.steps.result import has_result
from sysdig_instrument.engine.task_plan import Status, TaskPlan

_OWN: Final = "ImageConfig"
_MAP: Final = "ImageConfigs"
_MAX_SHOWN: Final = 5
_OWN_UNUSED: Final = Reason(
    "The container does not use its ImageConfig: it is left alone, or the template gives its EntryPoint",
    f"Remove {_OWN}",
    code=Code.IMAGE_CONFIG_UNUSED,
)


def unused_configs(template: Json, plans: Iterable[TaskPlan], uses: Collection[ConfigUse]) -> Iterator[Notice]:
    """Yield the notices about a template's Metadata and the Transform's Parameters."""
    by_layer: dict[str, Layer] = {}
    uses_by_task: defaultdict[str | None, list[ConfigUse]] = defaultdict(list)
    for use in uses:
        uses_by_task[use.task].append(use)
    plans = list(plans)
    planned = [plan for plan in plans if plan.outcome.status is not Status.SKIPPED and not has_result(plan.task)]
    for plan in planned:
        layer = plan.settings.resolved.layer(_MAP)
        if layer is not plan.settings.inherited.layer(_MAP):
            used = _used_keys(uses_by_task[plan.task.name], layer)
            yield from _unused_entries(layer, used, _metadata_pointer(plan), template)
        elif layer.scope is SettingScope.TASK:
            by_layer[layer.name] = layer
        if plan.settings.containers:
            yield from _unused_own_configs(plan, uses_by_task[plan.task.name])
    if len(planned) != len(plans):
        return  # a config of the whole template may be for one of the others
    for layer in by_layer.values():
        pointer = () if layer.name == TRANSFORM_LAYER else ("Metadata", METADATA_KEY)
        yield from _unused_entries(layer, _used_keys(uses, layer), pointer, template)


def _unused_own_configs(plan: TaskPlan, uses: Collection[ConfigUse]) -> Iterator[Notice]:
    users = {use.container for use in uses if use.setting == _OWN}
    existing = {outcome.name for outcome in plan.containers}
    for name, resolved in plan.settings.containers.items():
        if resolved.values.image_config is not None and name in existing and name not in users:
            pointer = (*_metadata_pointer(plan), CONTAINERS_KEY, name, _OWN)
            yield Notice(Location(plan.task.name, name, pointer), _OWN_UNUSED)


def _used_keys(uses: Iterable[ConfigUse], layer: Layer) -> set[str]:
    return {use.key for use in uses if (use.setting, use.layer) == (_MAP, layer.name)}


def _unused_entries(layer: Layer, used: Collection[str], pointer: Pointer, template: Json) -> Iterator[Notice]:
    given = layer.values.get(_MAP)
    unused = [key for key in given if key not in used] if isinstance(given, dict) else []
    if not unused:
        return
    is_literal = bool(pointer) and _is_literal(template, (*pointer, _MAP))
    task = str(pointer[1]) if pointer[:1] == ("Resources",) else None
    location = Location(task, None, (*pointer, _MAP) if pointer else ())
    yield Notice(location, unused_entries_reason(unused if is_literal else (), len(unused), layer.name))


def unused_entries_reason(shown: Sequence[str], count: int, origin: str) -> Reason:
    """Return the reason for a notice about entries that no container uses, some of them by name."""
    names = ", ".join(map(quote, shown[:_MAX_SHOWN]))
    more = f" and {count - _MAX_SHOWN} more" if shown and count > _MAX_SHOWN else ""
    which = f": {names}{more}" if shown else ""
    entries = "an entry" if count == 1 else f"{count} entries"
    return Reason(
        f"{_MAP} in {origin} has {entries} that no container uses{which}",
        "Check the names of the images, or remove what is not needed",
        code=Code.IMAGE_CONFIG_UNUSED,
    )


def _is_literal(template: Json, pointer: Pointer) -> bool:
    """Return whether a value is written out in the template, and so holds nothing that messages must not show."""
    value = template
    for key in pointer:
        value = value.get(str(key)) if isinstance(value, dict) else None
    return isinstance(value, dict) and not is_expression(value)


def _metadata_pointer(plan: TaskPlan) -> Pointer:
    return (*(plan.task.pointer or ()), "Metadata", METADATA_KEY)
