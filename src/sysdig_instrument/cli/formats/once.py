"""The settings of a run, and items about them: reports for people print these once, as they are the same for many files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sysdig_instrument.cli.formats.model import FileReport, ReportItem, Rule, TaskReport
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.steps.task_findings import REQUIRED_SETTINGS_REASONS


class SaidOnce:
    """Collects the settings of a run, and the items about required settings."""

    def __init__(self) -> None:
        self._items: dict[tuple[Rule, Reason], list[ReportItem]] = {}
        self._settings: dict[tuple[str, str], None] = {}

    def keep(self, item: ReportItem) -> bool:
        """Keep an item for the end of the report if it is about required settings. Return whether it was kept."""
        if item.reason not in REQUIRED_SETTINGS_REASONS:
            return False
        self._items.setdefault((item.rule, item.reason), []).append(item)
        return True

    def settings_of(self, report: FileReport, task: TaskReport) -> str:
        """Return the settings that a task definition has from its template, by layer. Keep those of the run."""
        shared = report.run_settings
        self._settings |= dict.fromkeys(item for item in task.settings.items() if item in shared.items())
        return _by_layer({name: layer for name, layer in task.settings.items() if shared.get(name) != layer})

    def items(self) -> Iterator[tuple[ReportItem, str]]:
        """Yield an item for each thing that was kept, and the text for all task definitions that have it."""
        for items in self._items.values():
            text = items[0].full_text if len(items) == 1 else f"{len(items)} task definitions: {items[0].text}"
            yield items[0], text

    @property
    def settings(self) -> str:
        """The settings of the run, by layer."""
        layers: dict[str, dict[str, str]] = {}
        for name, layer in self._settings:
            layers.setdefault(layer, {})[name] = layer
        return "; ".join(map(_by_layer, layers.values()))


def _by_layer(settings: Mapping[str, str]) -> str:
    """Return the names of settings by layer: ``Collector, AccessKeySecret (--set); Mode (the template's Metadata)``."""
    layers: dict[str, list[str]] = {}
    for name, layer in settings.items():
        layers.setdefault(layer, []).append(name)
    return "; ".join(f"{', '.join(names)} ({layer})" for layer, names in layers.items())
