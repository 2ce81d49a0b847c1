"""The report as SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sysdig_instrument import __version__
from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats.json import stream_json_array
from sysdig_instrument.cli.formats.model import RULES, FileReport, ReportItem, Rule
from sysdig_instrument.cli.harmless import sarif_text
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.help_page import help_page, help_uri

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_INDENT: Final = " " * 6


def render(reports: Iterable[FileReport], _console: Console) -> Iterator[str]:
    """Yield the report in chunks: one run with all files."""
    page = help_page()
    rules: list[Json] = [_rule(rule, page) for rule in RULES]
    tool: Json = {"driver": {"name": "sysdig-instrument", "version": __version__, "rules": rules}}
    head = {"$schema": _SCHEMA, "version": "2.1.0"}
    yield json.dumps(head, indent=2)[:-2] + ',\n  "runs": [\n    {\n'
    yield f'{_INDENT}"tool": {textwrap.indent(json.dumps(tool, indent=2), _INDENT).lstrip()},\n'
    yield f'{_INDENT}"columnKind": "unicodeCodePoints",\n{_INDENT}"results": '
    results = (_result(report, item) for report in reports for item in report.items)
    yield from stream_json_array(results, _INDENT)
    yield "\n    }\n  ]\n}\n"


def _rule(rule: Rule, page: str) -> Json:
    return {
        "id": rule.name,
        "shortDescription": {"text": f"{rule.title}."},
        "help": {"text": rule.help},
        **({"helpUri": page} if page else {}),
        "defaultConfiguration": {"level": rule.level},
    }


def _result(report: FileReport, item: ReportItem) -> Json:
    path = report.path
    result: dict[str, Json] = {
        "ruleId": item.rule.name,
        "ruleIndex": RULES.index(item.rule),
        "level": item.level,
        "message": {"text": sarif_text(item.full_text + item.text_to_paste)},
        "locations": [_location(path, item)],
        "partialFingerprints": {"place/v1": _fingerprint(path, item)},
        "properties": {
            "code": item.reason.code.value,
            **({"helpUri": uri} if (uri := help_uri(item.reason.code.value)) else {}),
            **({"paste": [each.as_json for each in item.snippets]} if item.snippets else {}),
            **({"macro": report.macro_line.as_json} if report.macro_line else {}),
        },
    }
    if item.level == "none":  # SARIF 2.1.0, section 3.27.10: only kind "fail" has a level other than "none"
        result["kind"] = "informational"
    return result


def _location(path: str, item: ReportItem) -> Json:
    location: dict[str, Json] = {}
    if path != STANDARD_INPUT:
        location["physicalLocation"] = {
            "artifactLocation": {"uri": _uri(path)},
            "region": _region(item),
        }
    if item.location:
        location["logicalLocations"] = [{"fullyQualifiedName": item.location, "kind": "member"}]
    return location


def _region(item: ReportItem) -> Json:
    """Return where an item is. Code scanning requires a line: rule GH1003 of the SARIF SDK."""
    if not item.places:
        return {"startLine": 1}
    place = item.places[0]
    width = place.end - place.start
    end: dict[str, Json] = {"endColumn": place.column + width} if width else {}
    return {"startLine": place.line, "startColumn": place.column, **end}


def _uri(path: str) -> str:
    """Return a path as a URI reference. A relative path stays relative to the current folder, usually the repository's root."""
    if Path(path).is_absolute():
        return Path(path).as_uri()
    text = quote(Path(path).as_posix())
    return f"./{text}" if ":" in text.partition("/")[0] else text


def _fingerprint(path: str, item: ReportItem) -> str:
    """Return a fingerprint that does not depend on the line: code scanning recognizes a result by it."""
    parts = (item.rule.name, path, item.location, item.task or "", item.container or "", item.reason.fact)
    return hashlib.sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:32]
