"""``sysdig-instrument settings``: print the value of each setting, and the layer that it comes from.

The values of settings that may hold a secret are not printed, only their names.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.cli.attribution import task_label
from sysdig_instrument.cli.batch import process_files
from sysdig_instrument.cli.console import (
    GAP,
    Console,
    detect_console,
    display_width,
    pad,
    wrap,
    write_stderr,
    write_stdout,
)
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.excerpts import write_error
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED, exit_code
from sysdig_instrument.cli.formats.json import stream_json_array
from sysdig_instrument.cli.formats.model import LineLocator, LineReport
from sysdig_instrument.cli.formats.table import heading_lines
from sysdig_instrument.cli.harmless import sanitize
from sysdig_instrument.cli.line_report import line_report
from sysdig_instrument.cli.lookups import look_up_only_here
from sysdig_instrument.engine.findings import Problem
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.macro_line import tasks_without_line
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.table import TABLE, SettingScope
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.errors import UserError
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.planning import plan_with_lookups
from sysdig_instrument.printable import shown

_ENVIRONMENT_SETTINGS: Final = frozenset({"AgentEnvironment", "WorkloadEnvironment"})
_SETTINGS_SHOWN_AS_KEYS: Final = frozenset({"ImageConfig", "ImageConfigs", "RegistryCredentials"})


def _display_value(name: str, value: Json) -> str:
    """Return a short form of a value: variables without their values, a log driver without its options."""
    if value is None:
        return "not set"
    if name == "ExtraConf":
        return f"a text of {len(str(value))} characters"
    if isinstance(value, dict):
        return _display_object(name, value)
    if isinstance(value, list):
        return ", ".join(shown(item) if isinstance(item, str) else str(item) for item in value) or "none"
    return value if isinstance(value, str) else json.dumps(value)


def _display_object(name: str, value: dict[str, Json]) -> str:
    if name == "AgentLogConfiguration":
        return f"LogDriver {value.get('LogDriver', 'not set')}"
    if name in _ENVIRONMENT_SETTINGS:
        return ", ".join(f"{key}=…" for key in value) or "none"
    if name in _SETTINGS_SHOWN_AS_KEYS:
        return ", ".join(value) or "none"
    return json.dumps(value, ensure_ascii=False)  # an expression, or an object with a value per host


_INDENT: Final = " " * 6
_MIN_VALUE_WIDTH: Final = 16


@dataclass(frozen=True, slots=True)
class SettingValue:
    """A setting: its value as it may be printed, and the layer that it comes from."""

    name: str
    value: str
    layer: str


@dataclass(frozen=True, slots=True)
class SettingsSection:
    """The settings of a task definition, or those that a container has of its own."""

    task: str
    container: str | None
    values: tuple[SettingValue, ...]


@dataclass(frozen=True, slots=True)
class SettingsReport:
    """The settings in one file, the errors in them, and whether the template lists the macro, which is to use them."""

    sections: list[SettingsSection]
    errors: list[str]
    line: LineReport | None


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the settings of the task definitions in each file. Return 1 if a setting is invalid.

    Raises:
        UsageError: An option is wrong.
    """
    look_up = look_up_only_here(options, environment)

    def read_settings(document: InputDocument, context: Context) -> SettingsReport:
        plan = plan_with_lookups(
            document.fragment, document.with_transform_parameters(context), look_up(document, context)
        )
        errors = [problem.coded_text for problem in plan.problems if problem.location.pointer[:1] == ("Metadata",)]
        errors += [
            finding.coded_text
            for task in plan.tasks
            for finding in task.settings.findings
            if isinstance(finding, Problem)
        ]
        sections = [section for task in plan.tasks for section in _sections(task, include_defaults=options.all)]
        line = document.macro_line(context)
        without_line = tasks_without_line(line, plan.tasks) if line else ()
        return SettingsReport(sections, errors, line_report(line, without_line, LineLocator(document), document)[0])

    codes = [EXIT_OK]
    results = _report_errors(process_files(options, environment, read_settings), codes, environment)
    if options.format == "json":
        for text in stream_json_array(
            {
                "file": path,
                "taskDefinitions": _to_json(report.sections),
                "macro": report.line.as_json if report.line else None,
            }
            for path, report in results
        ):
            write_stdout(text)
        write_stdout("\n")
    else:
        console = detect_console(options.color, environment)
        for path, report in results:
            for text in _render(path, report, console):
                write_stdout(text, console)
    return max(codes)


def _report_errors(
    results: Iterable[tuple[str, SettingsReport | UserError]], codes: list[int], environment: Mapping[str, str]
) -> Iterator[tuple[str, SettingsReport]]:
    """Yield the reports. Write the errors to standard error, and add the exit codes to ``codes``."""
    for path, result in results:
        sys.stdout.flush()  # keep both streams in order on a terminal
        if isinstance(result, UserError):
            codes.append(exit_code(result))
            write_error(result, environment)
            continue
        codes.append(EXIT_REFUSED if result.errors else EXIT_OK)
        for error in result.errors:
            write_stderr(f"sysdig-instrument: {sanitize(path)}: {error}")
        yield path, result


def _sections(plan: TaskPlan, *, include_defaults: bool) -> Iterator[SettingsSection]:
    resolved = plan.settings.resolved
    yield SettingsSection(
        task_label(plan.task.name), None, tuple(_setting_values(resolved, include_defaults=include_defaults))
    )
    for name, container_resolved in plan.settings.containers.items():
        values = [
            value
            for value in _setting_values(container_resolved, include_defaults=True)
            if container_resolved.layer(value.name) is not resolved.layer(value.name)
        ]
        yield SettingsSection(task_label(plan.task.name), name, tuple(values))


def _setting_values(resolved: ResolvedSettings, *, include_defaults: bool) -> Iterator[SettingValue]:
    for setting in TABLE:
        if setting.scope is SettingScope.ONE_CONTAINER and setting.name not in resolved.layers:
            continue  # it means nothing to a whole task definition
        value = getattr(resolved.values, setting.attribute)
        if include_defaults or setting.name in resolved.layers or setting.required:
            yield SettingValue(setting.name, _display_value(setting.name, value), resolved.layer_name(setting.name))


def _render(path: str, report: SettingsReport, console: Console) -> Iterator[str]:
    sections = report.sections
    yield from heading_lines(path, report.line, console, has_tasks=bool(sections))
    rows = [row for section in sections for row in section.values]
    name_width = max((len(row.name) for row in rows), default=0)
    layer_width = max((display_width(row.layer) for row in rows), default=0)
    available_width = (console.width or 0) - len(_INDENT) - name_width - layer_width - 2 * len(GAP)
    value_width = max((display_width(row.value) for row in rows), default=0)
    width = value_width if console.width is None else min(value_width, max(_MIN_VALUE_WIDTH, available_width))
    for section in sections:
        yield console.line(f"    {section.container}" if section.container else f"  {section.task}")
        for row in section.values:
            first, *other_lines = wrap(sanitize(row.value), width)
            lines = [f"{pad(first, width)}{GAP}{console.paint('faint', sanitize(row.layer))}", *other_lines]
            yield from console.row([f"{_INDENT}{row.name.ljust(name_width)}"], lines)


def _to_json(sections: Sequence[SettingsSection]) -> list[Json]:
    return [
        {
            "taskDefinition": section.task,
            "container": section.container,
            "settings": {row.name: {"value": row.value, "layer": row.layer} for row in section.values},
        }
        for section in sections
    ]
