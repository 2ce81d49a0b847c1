"""The layout of text for a terminal, of names and reasons in wide characters, too."""

from __future__ import annotations

import io
import os
import sys

import pytest

from sysdig_instrument.cli.console import Console, display_width, pad, wrap, wrap_words, write_stderr
from sysdig_instrument.cli.formats import table
from sysdig_instrument.cli.formats.model import FileReport, ReportRow, RowResult, TaskReport

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
