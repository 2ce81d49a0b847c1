"""The layout of text for a terminal, of names and reasons in wide characters, too."""

from __future__ import annotations

import io
import os
import sys

import pytest

from sysdig_instrument.cli.columns import Columns
from sysdig_instrument.cli.console import Console, display_width, pad, wrap, wrap_words, write_stderr
from sysdig_instrument.cli.formats import table
from sysdig_instrument.cli.formats.model import FileReport, LineReport, ReportRow, RowResult, TaskReport
from sysdig_instrument.engine.macro_line import find_line

LATIN = "the task definition has a container that no image configuration describes"
JAPANESE = "タスク定義 コンテナー イメージ エージェント 設定 インストルメント 保護 されていない"
COMBINING = "caf" + "e\u0301 " * 40

widths = pytest.mark.parametrize("width", [60, 80, 120])
texts = pytest.mark.parametrize("text", [LATIN * 3, JAPANESE * 3, COMBINING], ids=["Latin", "Japanese", "combining"])


@widths
@texts
def test_a_paragraph_fits_the_width(text: str, width: int) -> None:
    lines = "".join(Console(width).paragraph(text, "  ", "    ")).splitlines()
    assert max(map(display_width, lines)) <= width
    assert " ".join(line.strip() for line in lines) == text.strip()


@widths
@texts
def test_a_table_fits_the_width(text: str, width: int) -> None:
    name = text.split(" ", maxsplit=1)[0]
    row = ReportRow(name, RowResult.PASSED, "instrumented", text)
    report = FileReport("app.yaml", (TaskReport(row, (row, ReportRow("web", RowResult.SKIPPED, "skipped", text))),))
    lines = "".join(table.render([report], Console(width))).splitlines()
    assert max(map(display_width, lines)) <= width
    starts = {display_width(line[: line.index("instrumented")]) for line in lines if "instrumented" in line}
    assert len(starts) == 1, "the second column is not aligned"


@pytest.mark.parametrize("width", [45, 60, 80])
def test_columns_without_room_go_below(width: int) -> None:
    rows = [("templates/api.yaml:3:3", "Api", "listed before AWS::LanguageExtensions", "protected")]
    heading = ("FILE", "RESOURCE", "MACRO LINE", "STATE")
    columns = Columns.of([heading, *rows], Console(width), shrinkable=(0, 1))
    lines = [*columns.heading(heading, "WHY"), *columns.row(rows[0], LATIN, {3: "good"})]
    assert max(display_width(line.rstrip("\n")) for line in lines) <= width
    assert [cell for cell in heading if not any(cell in line for line in lines)] == []
    assert [cell for cell in rows[0][1:] if not any(cell in line for line in lines)] == []


def test_the_line_of_a_template_goes_below_its_path_if_there_is_no_room() -> None:
    found = find_line({"Transform": "A"}, "Sysdig", ["Sysdig"])
    row = ReportRow("Api", RowResult.WITHOUT_LINE, "would be instrumented")
    report = FileReport("templates/app.yaml", (TaskReport(row),), macro_line=LineReport(found, is_needed=True, line=1))
    text = "does not list Sysdig: lost to a duplicate key"
    assert next(iter(table.render([report], Console(80)))) == f"templates/app.yaml: {text}\n"
    assert list(table.render([report], Console(60)))[:2] == ["templates/app.yaml:\n", f"  {text}\n"]


def test_warnings_can_be_read_on_a_dark_and_on_a_light_terminal() -> None:
    """Index 166 of the 256 colours is #d75f00 in each terminal. WCAG 2.2 has this contrast, and wants 3 for large text."""
    assert Console(colours=True).paint("warn", "unknown") == "\x1b[38;5;166munknown\x1b[0m"
    red, green = (((value / 255 + 0.055) / 1.055) ** 2.4 for value in (0xD7, 0x5F))
    luminance = 0.2126 * red + 0.7152 * green
    assert min(1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05) > 3.5


def test_a_file_or_a_pipe_gets_whole_lines() -> None:
    assert list(Console().paragraph(LATIN * 9, "  ", "    ")) == [f"  {LATIN * 9}\n"]


def test_a_long_word_stays_whole_between_words() -> None:
    arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key"
    assert wrap_words(f"read {arn} now", 20) == ["read", arn, "now"]


def test_a_long_word_is_cut_between_characters() -> None:
    assert wrap("設定abc", 4) == ["設定", "abc"]
    assert wrap("", 4) == [""]
    assert pad("設定", 6) == "設定  "


def test_messages_fit_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

        def fileno(self) -> int:
            return 2

    text = 'notice: No template has the parameter "Enviroment" given with -p. Did you mean "Environment"? (SI702)\n\nSee --help'
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((60, 24)))
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    write_stderr(text)
    assert terminal.getvalue() == text.replace("given with", "given\n  with") + "\n"
    monkeypatch.setattr(sys, "stderr", file := io.StringIO())
    write_stderr(text)
    assert file.getvalue() == text + "\n"
