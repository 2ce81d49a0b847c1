"""The report as JUnit XML: a test suite per file, a test case per task definition and container."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats.model import UNUSABLE, FileReport, ReportItem, ReportRow, RowResult
from sysdig_instrument.cli.harmless import xml_text
from sysdig_instrument.help_page import help_uri

_SKIPPED: Final = (RowResult.SKIPPED, RowResult.NOT_APPLIED, RowResult.UNKNOWN)


def render(reports: Iterable[FileReport], _console: Console) -> Iterator[str]:
    """Yield the report in chunks."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="sysdig-instrument">\n'
    for report in reports:
        yield from _test_suite(report)
    yield "</testsuites>\n"


def _test_suite(report: FileReport) -> Iterator[str]:
    counts = Counter[str]()
    cases = [_test_case(report.path, name, row, items, counts) for name, row, items in _test_cases(report)]
    count_attributes = " ".join(f'{each}="{counts[each]}"' for each in ("failures", "errors", "skipped"))
    yield f'  <testsuite name={_attribute(report.path)} tests="{len(cases)}" {count_attributes} time="0">\n'
    yield from cases
    yield "  </testsuite>\n"


def _test_cases(report: FileReport) -> Iterator[tuple[str, ReportRow | None, list[ReportItem]]]:
    """Yield each test case: its name, its row, and the errors about itself, without those about its containers."""
    errors = [item for item in report.items if item.level == "error"]
    for task in report.tasks:
        for name, container, row in [
            (task.row.name, None, task.row),
            *((f"{task.row.name}: {each.name}", each.name, each) for each in task.containers),
        ]:
            own_errors = [each for each in errors if (each.task or "", each.container) == (task.row.name, container)]
            errors = [each for each in errors if each not in own_errors]
            yield name, row, own_errors
    if errors:
        yield "the file", None, errors


def _test_case(path: str, name: str, row: ReportRow | None, items: list[ReportItem], counts: Counter[str]) -> str:
    children = []
    if items:
        tag = "error" if items[0].rule is UNUSABLE else "failure"
        counts[f"{tag}s"] += 1
        uris = (help_uri(item.reason.code.value) for item in items)
        parts = ((item.text, uri, item.text_to_paste[1:]) for item, uri in zip(items, uris, strict=True))
        text = "\n".join(part for each in parts for part in each if part)
        kind = _attribute(items[0].rule.name)
        children.append(f"<{tag} type={kind} message={_attribute(items[0].text)}>{escape(xml_text(text))}</{tag}>")
    elif row and row.result in _SKIPPED:
        counts["skipped"] += 1
        children.append(f"<skipped message={_attribute(row.why or row.outcome)}/>")
    head = f"    <testcase classname={_attribute(path)} name={_attribute(name)} file={_attribute(path)}"
    line = next((each.line for each in items if each.line), row.line if row else None)
    head += f' line="{line}"' if line else ""
    return f"{head}>\n      {children[0]}\n    </testcase>\n" if children else f"{head}/>\n"


def _attribute(text: str) -> str:
    return quoteattr(xml_text(text), {"\n": "&#10;"})
