"""The report as JUnit XML: a test suite per file, a test case per task definition and container."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.formats.model import REFUSED, UNUSABLE, FileReport, ReportItem, ReportRow, RowResult
from sysdig_instrument.cli.harmless import xml_text
from sysdig_instrument.help_page import help_uri

_SKIPPED: Final = (RowResult.SKIPPED, RowResult.UNKNOWN)
_WOULD_BE: Final = (RowResult.NOT_APPLIED, RowResult.WITHOUT_LINE)


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
    """Yield each test case: its name, its row, and the errors about itself, without those about its containers.

    What is left is about the file. So are errors that the caller takes for warnings, as a missing line may be.
    """
    items = [item for item in report.items if item.level == "error"]
    for task in report.tasks:
        for name, container, row in [
            (task.row.name, None, task.row),
            *((f"{task.row.name}: {each.name}", each.name, each) for each in task.containers),
        ]:
            own_items = [each for each in items if (each.task or "", each.container) == (task.row.name, container)]
            items = [each for each in items if each not in own_items]
            yield name, row, own_items
    items += [item for item in report.items if item.level == "warning" and item.task is None]
    if items:
        yield "the file", None, items


def _test_case(path: str, name: str, row: ReportRow | None, items: list[ReportItem], counts: Counter[str]) -> str:
    child = _result(row, items, counts)
    head = f"    <testcase classname={_attribute(path)} name={_attribute(name)} file={_attribute(path)}"
    line = next((each.line for each in items if each.line), row.line if row else None)
    head += f' line="{line}"' if line else ""
    return f"{head}>\n      {child}\n    </testcase>\n" if child else f"{head}/>\n"


def _result(row: ReportRow | None, items: list[ReportItem], counts: Counter[str]) -> str:
    """Return the element of a test that has not passed, and count it."""
    if items and items[0].level == "error":
        uris = (help_uri(item.reason.code.value) for item in items)
        parts = ((item.text, uri, item.text_to_paste[1:]) for item, uri in zip(items, uris, strict=True))
        text = "\n".join(part for each in parts for part in each if part)
        is_failure = items[0].rule is not UNUSABLE
        return _failure(items[0].rule.name, items[0].text, text, counts, is_failure=is_failure)
    if row and row.result is RowResult.FAILED:  # its containers, or the file, have the errors
        return _failure(REFUSED.name, row.why or row.outcome, "", counts)
    message = items[0].text if items else _not_run(row) if row else ""
    if not message:
        return ""
    counts["skipped"] += 1
    return f"<skipped message={_attribute(message)}/>"


def _failure(kind: str, message: str, text: str, counts: Counter[str], *, is_failure: bool = True) -> str:
    tag = "failure" if is_failure else "error"
    counts[f"{tag}s"] += 1
    return f"<{tag} type={_attribute(kind)} message={_attribute(message)}>{escape(xml_text(text))}</{tag}>"


def _not_run(row: ReportRow) -> str:
    """Return why a row counts as a test that was not run; an empty string if it has passed."""
    if row.result in _WOULD_BE:
        return f"{row.outcome}: {row.why}" if row.why else row.outcome
    return (row.why or row.outcome) if row.result in _SKIPPED else ""


def _attribute(text: str) -> str:
    return quoteattr(xml_text(text), {"\n": "&#10;"})
