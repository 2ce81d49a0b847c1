"""Record the log lines and metrics that the function writes for CloudWatch."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from sysdig_instrument.function import telemetry


@dataclass(frozen=True)
class Recorded:
    """Everything that one run wrote to standard output and, for the command line tool, to standard error."""

    text: str
    errors: str = ""

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def log(self) -> dict[str, Any]:
        """Return the only log line."""
        (line,) = (each for each in self.lines if "_aws" not in each)
        return line

    @property
    def metrics(self) -> Mapping[tuple[str, str], float]:
        """Return the metrics by name and Reason."""
        found: dict[tuple[str, str], float] = {}
        for record in self.lines:
            for directive in record.get("_aws", {}).get("CloudWatchMetrics", ()):
                assert directive["Namespace"] == "SysdigInstrument"
                assert directive["Dimensions"] in ([["service"]], [["service", "Reason"]])
                for metric in directive["Metrics"]:
                    value = record[metric["Name"]]
                    found[metric["Name"], record.get("Reason", "")] = sum(value) if isinstance(value, list) else value
        return found


class Recorder:
    """Records standard output, to which both the logger and the metrics write."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._log = capsys, io.StringIO()
        for handler in telemetry.logger.handlers:
            monkeypatch.setattr(handler, "stream", self._log)  # it keeps the stream that existed when it was created

    def take(self) -> Recorded:
        """Return what was written since the last call."""
        captured = self._capsys.readouterr()
        written = self._log.getvalue() + captured.out
        self._log.seek(0)
        self._log.truncate()
        return Recorded(written, captured.err)
