"""Write the generated files: from the settings table, from the locked packages, and from the argument parser.

From the table and the version: blocks of template.yaml, docs/settings.md and the Metadata's schema. From the packages: docs/licences.md.
From the parser: the help texts in docs/cli.md. From guard/protected.guard: templates/conformance-pack.yaml. ``make docs`` runs it; ``--check`` (a test) only lists what is stale.
A block of template.yaml is between the comments ``# >>> name`` and ``# <<< name``, a help text below
``<!-- help: COMMAND -->``; everything else is written manually.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

import config_rule
import editor_schemas
import help_texts
import licences
import metadata_schema
import published_settings
import setting_constraints
import settings_file_schema
from sysdig_instrument import __version__
from sysdig_instrument.engine.agent import COLLECTORS
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.layers import for_deployment
from sysdig_instrument.engine.settings.table import TABLE, Setting, SettingScope

ROOT: Final = Path(__file__).resolve().parent.parent
WIDTH: Final = 120

SCOPE_DESCRIPTIONS: Final = {
    SettingScope.DEPLOYMENT: "the macro's deployment",
    SettingScope.TASK: "everywhere, for task definitions",
    SettingScope.CONTAINER: "everywhere, also for one container",
    SettingScope.ONE_CONTAINER: "in the Metadata of a task definition, under `Containers`, for one container",
}


def parameters() -> Iterator[str]:
    """Yield a template parameter for each setting. All are strings; an empty one means "not set"."""
    for setting in for_deployment(TABLE):
        yield f"{setting.name}:"
        yield from _description(setting)
        yield "  Type: String"
        if setting.required:
            yield "  MinLength: 1"
        else:
            yield f"  Default: {_double_quoted(parameter_default(setting.default))}"
        constraint = setting_constraints.constraint(setting.value_type, required=setting.required)
        for key, value in constraint.items():
            yield f"  {key}: {_constraint_value(setting, value)}"
        if "AllowedValues" not in constraint:  # CloudFormation names these itself
            yield f"  ConstraintDescription: {_double_quoted(_plain_ascii(setting.value_type.expected) + '.')}"


def groups() -> Iterator[str]:
    """Yield the groups of the parameters in the console: first the parameters that have no default."""
    required = ", ".join(setting.name for setting in for_deployment(TABLE) if setting.required)
    yield from ("- Label: {default: Required}", f"  Parameters: [{required}]")
    optional = (setting for setting in for_deployment(TABLE) if not setting.required)
    for group, settings in groupby(optional, key=lambda setting: setting.group):
        yield f"- Label: {{default: {group}}}"
        names = textwrap.wrap(", ".join(setting.name for setting in settings), WIDTH - 12)
        yield "  Parameters:" if len(names) > 1 else f"  Parameters: [{names[0]}]"
        if len(names) > 1:
            yield "    ["
            yield from (f"      {line}" for line in names)
            yield "    ]"


def variables() -> Iterator[str]:
    """Yield the environment variables by which the parameters reach the macro's function, and the hook's."""
    for setting in for_deployment(TABLE):
        yield f"{setting.variable}: !Ref {setting.name}"


def semantic_version() -> Iterator[str]:
    """Yield the release as the Serverless Application Repository reads it."""
    yield f"SemanticVersion: {__version__}"


def release() -> Iterator[str]:
    """Yield the mapping that has the release for the rest of the template."""
    yield f"Release: {{Macro: {{Version: {_double_quoted(__version__)}}}}}"


def parameter_default(value: Json) -> str:
    """Return a default as the string that a template parameter holds."""
    match value:
        case None | {}:
            return ""
        case bool():
            return json.dumps(value)
        case list():
            return ",".join(map(str, value))
    return str(value)


def settings_page() -> Iterator[str]:
    """Yield the lines of docs/settings.md."""
    yield from (
        "# Settings",
        "",
        "<!-- `make docs` writes this page from src/sysdig_instrument/engine/settings/table.py. -->",
        "",
        "A setting has the same name everywhere: as a parameter of `template.yaml`, in `Metadata.SysdigInstrument` of a template,",
        "and with `--set` of the command line tool. The function reads the settings of its deployment from environment variables",
        "(`CollectorPort` is `SYSDIG_INSTRUMENT_COLLECTOR_PORT`). Booleans, numbers, lists and JSON may be given as strings; an",
        "empty string counts as not set.",
        "",
        "[metadata.schema.json](metadata.schema.json) is the JSON Schema of `Metadata.SysdigInstrument` of a resource, and under",
        "`#/$defs/template` that of a template. [Editors](integrations.md#editors) can use it.",
    )
    for group, settings in groupby(TABLE, key=lambda setting: setting.group):
        yield from ("", f"## {group}")
        for setting in settings:
            yield from _section(setting)
    yield from ("", "## Sysdig SaaS regions", "", "| Collector | host |", "| --- | --- |")
    yield from (f"| `{region}` | {host} |" for region, host in COLLECTORS.items())


def _section(setting: Setting) -> Iterator[str]:
    yield from ("", f"### {setting.name}", "", setting.description, "")
    yield f"- Value: {setting.value_type.expected}"
    if setting.required:
        yield "- Required to deploy the macro"
    elif (default := parameter_default(setting.default)) != "":
        yield f"- Default: `{default}`"
    yield f"- Can be set: {SCOPE_DESCRIPTIONS[setting.scope]}"


def _description(setting: Setting) -> Iterator[str]:
    text = _plain_ascii(setting.description)
    if len(text) < WIDTH - 20 and not re.search(r": |[\"'`#{}\[\]]", text):
        yield f"  Description: {text}"
        return
    yield "  Description: >-"
    yield from (
        f"    {line}" for line in textwrap.wrap(text, WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    )


def _plain_ascii(text: str) -> str:
    """Return the text without Markdown and in ASCII; CloudFormation shows all other characters as question marks."""
    return text.translate({ord("`"): "", ord("→"): "->", ord("…"): "..."})


def _constraint_value(setting: Setting, value: Json) -> str:
    if isinstance(value, list):
        words = [str(word) for word in value]
        if not setting.required and setting.default is None:
            words.insert(0, "")
        return "[" + ", ".join(map(_yaml_word, words)) + "]"
    return "'" + str(value).replace("'", "''") + "'"


def _yaml_word(text: str) -> str:
    return _double_quoted(text) if text in {"", "true", "false"} else text


def _double_quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def replace_block(text: str, name: str, lines: Sequence[str]) -> str:
    """Return the text with the block of that name replaced by the lines, indented like its marks."""
    begin, end = f"# >>> {name}\n", f"# <<< {name}\n"
    pattern = re.compile(rf"(?m)^(?P<indent> *){re.escape(begin)}(?:.*\n)*?(?P=indent){re.escape(end)}")

    def block(match: re.Match[str]) -> str:
        indent = match["indent"]
        return f"{indent}{begin}" + "".join(f"{indent}{line}\n" for line in lines) + f"{indent}{end}"

    result, count = pattern.subn(block, text)
    if count != 1:
        raise ValueError(f"template.yaml has {count} blocks named {name}")
    return result


def generated_files() -> dict[Path, str]:
    """Return the generated files with the text that each should have."""
    template = ROOT / "template.yaml"
    text = template.read_text("utf-8")
    blocks = {
        "semantic-version": semantic_version,
        "groups": groups,
        "parameters": parameters,
        "conditions": published_settings.conditions,
        "release": release,
        "variables": variables,
        "hook-variables": variables,
        "published settings": published_settings.parameter,
    }
    for name, lines in blocks.items():
        text = replace_block(text, name, list(lines()))
    return {
        template: text,
        ROOT / "docs" / "settings.md": "\n".join(settings_page()) + "\n",
        ROOT / "docs" / editor_schemas.METADATA: metadata_schema.schema(),
        ROOT / "docs" / editor_schemas.TEMPLATE: editor_schemas.template_schema(metadata_schema.schema()),
        ROOT / "docs" / editor_schemas.SETTINGS_FILE: settings_file_schema.schema(),
        ROOT / "docs" / editor_schemas.CATALOG: editor_schemas.catalog(),
        ROOT / "docs" / "licences.md": "\n".join(licences.page()) + "\n",
        help_texts.PAGE: help_texts.page(),
        config_rule.PACK: config_rule.conformance_pack(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or with ``--check`` name those that are stale."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is stale")
    options = parser.parse_args(arguments)
    stale = {
        path: text for path, text in generated_files().items() if not path.exists() or path.read_text("utf-8") != text
    }
    for path, text in stale.items():
        print(f"{path.relative_to(ROOT)} is {'out of date: run `make docs`' if options.check else 'written'}")
        if not options.check:
            path.write_text(text, "utf-8")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
