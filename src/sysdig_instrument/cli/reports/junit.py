"""The report as JUnit XML: a suite for each file, a case for each task definition and container."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from sysdig_instrument.cli.reports.model import UNUSABLE, FileReport, Mark, Remark, Row

# What is not good, not what is: a set that reaches over all of Unicode takes milliseconds to compile.
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def texts(reports: Iterable[FileReport]) -> Iterator[str]:
    """The report as pieces of text."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="sysdig-instrument">\n'
    for report in reports:
        yield from _suite(report)
    yield "</testsuites>\n"


def _suite(report: FileReport) -> Iterator[str]:
    count = Counter[str]()
    cases = [_case(report.path, name, row, remarks, count) for name, row, remarks in _cases(report)]
    numbers = " ".join(f'{each}="{count[each]}"' for each in ("failures", "errors", "skipped"))
    yield f'  <testsuite name={_attribute(report.path)} tests="{len(cases)}" {numbers} time="0">\n'
    yield from cases
    yield "  </testsuite>\n"


def _cases(report: FileReport) -> Iterator[tuple[str, Row | None, list[Remark]]]:
    """What is a case of its own: the name, what became of it, and the faults that are about it and nothing in it."""
    faults = [remark for remark in report.remarks if remark.rule.level == "error"]
    for task in report.tasks:
        for name, container, row in [
            (task.row.name, None, task.row),
            *((f"{task.row.name}: {each.name}", each.name, each) for each in task.containers),
        ]:
            here = [each for each in faults if (each.task or "", each.container) == (task.row.name, container)]
            faults = [each for each in faults if each not in here]
            yield name, row, here
    if faults:
        yield "the file", None, faults


def _case(path: str, name: str, row: Row | None, remarks: list[Remark], count: Counter[str]) -> str:
    inside = []
    if remarks:
        what = "error" if remarks[0].rule is UNUSABLE else "failure"
        count[f"{what}s"] += 1
        said = "\n".join(remark.text for remark in remarks)
        kind = _attribute(remarks[0].rule.name)
        inside.append(f"<{what} type={kind} message={_attribute(remarks[0].text)}>{escape(_clean(said))}</{what}>")
    elif row and row.mark is Mark.LEFT_ALONE:
        count["skipped"] += 1
        inside.append(f"<skipped message={_attribute(row.why)}/>")
    head = f"    <testcase classname={_attribute(path)} name={_attribute(name)} file={_attribute(path)}"
    line = next((each.line for each in remarks if each.line), row.line if row else None)
    head += f' line="{line}"' if line else ""
    return f"{head}>\n      {inside[0]}\n    </testcase>\n" if inside else f"{head}/>\n"


def _attribute(text: str) -> str:
    return quoteattr(_clean(text), {"\n": "&#10;"})


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
