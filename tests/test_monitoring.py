"""The dashboard and the alarms of template.yaml use metrics that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import pytest

from sysdig_instrument.documents import load
from sysdig_instrument.engine.selection import SkipReason
from sysdig_instrument.function import telemetry

ROOT = Path(__file__).parent.parent
TEMPLATE: Final = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)
RESOURCES: Final[Mapping[str, Any]] = TEMPLATE["Resources"]
ALARMS: Final = [name for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"]
LAMBDA_METRICS: Final = {"Errors", "Throttles", "Duration"}
"""AWS Lambda developer guide, «Types of metrics for Lambda functions»."""

SOURCE: Final = Path(telemetry.__file__).read_text()
METRIC_NAMES: Final = set(re.findall(r'"([A-Z][A-Za-z]+)"', SOURCE)) | {
    f"{what}{became}" for what in ("Tasks", "Containers") for became in ("Instrumented", "Skipped")
}


def fill_placeholders(body: str) -> str:
    """Return a Fn::Sub with a value for each name."""
    return re.sub(r"\$\{[A-Za-z:]+\}", "x", body)


def widgets() -> list[dict[str, Any]]:
    body = RESOURCES["MacroDashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return cast("list[dict[str, Any]]", json.loads(fill_placeholders(body))["widgets"])


@pytest.mark.parametrize("name", ALARMS)
def test_alarms_use_existing_metrics_and_are_off_by_default(name: str) -> None:
    properties = RESOURCES[name]["Properties"]
    if name == "WatchAlarm":
        assert RESOURCES[name]["Condition"] == "HasWatchAlarms"
        assert properties["MetricName"] == "ApproximateNumberOfMessagesVisible"
        return
    of_the_hook = properties["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "HookFunction"}}]
    assert RESOURCES[name]["Condition"] == ("HasHookAlarms" if of_the_hook else "HasAlarms")
    assert properties["TreatMissingData"] == "notBreaching"
    assert properties["MetricName"] in (LAMBDA_METRICS if properties["Namespace"] == "AWS/Lambda" else METRIC_NAMES)


def test_both_functions_have_the_same_alarms() -> None:
    alarmed = {
        (str(each["Dimensions"]), each["MetricName"]) for each in (RESOURCES[name]["Properties"] for name in ALARMS)
    }
    for function in ("MacroFunction", "HookFunction"):
        dimensions = str([{"Name": "FunctionName", "Value": {"Ref": function}}])
        assert {metric for name, metric in alarmed if name == dimensions} == LAMBDA_METRICS
    hook = RESOURCES["HookDurationAlarm"]["Properties"]["Threshold"]
    assert hook == RESOURCES["HookFunction"]["Properties"]["Timeout"] * 800


def test_the_duration_alarm_is_between_lookups_and_timeout() -> None:
    milliseconds = RESOURCES["DurationAlarm"]["Properties"]["Threshold"]
    assert 20_000 * 2 <= milliseconds == RESOURCES["MacroFunction"]["Properties"]["Timeout"] * 800


def test_the_dashboard_shows_existing_metrics() -> None:
    assert RESOURCES["MacroDashboard"]["Condition"] == "HasDashboard"
    for widget in widgets():
        for metric in widget["properties"].get("metrics", ()):
            if isinstance(metric[0], dict):
                (name,) = re.findall(r'MetricName="(\w+)"', metric[0]["expression"])
                assert "{SysdigInstrument,service,Reason}" in metric[0]["expression"]
                assert name in METRIC_NAMES
            elif metric[0] != "...":
                assert metric[1] in (LAMBDA_METRICS if metric[0] == "AWS/Lambda" else METRIC_NAMES)


def test_the_widgets_do_not_overlap() -> None:
    cells = [
        (x, y)
        for widget in widgets()
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_each_ring_has_metrics_of_its_own() -> None:
    for function in ("MacroFunction", "HookFunction", "WatchFunction"):
        variables = RESOURCES[function]["Properties"]["Environment"]["Variables"]
        assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "MacroName"}


def test_the_documentation_lists_all_metrics_and_reasons() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    shown = set(re.findall(r"`([A-Z][A-Za-z]+)`", page))
    counted = set(re.findall(r'add_metric\(\s*"(\w+)"|"((?:Deployment)?Hook\w+|Watch\w+)"', SOURCE))
    assert {name for pair in counted for name in pair if name} <= shown
    assert {reason.value for reason in SkipReason} <= shown
    assert {"Deployment", "Memory", "Nesting", "Size", "Template"} <= shown
    most = 2 * len(SkipReason) + len(telemetry.REFUSAL_MEMBERS) + 5
    assert f"at most {most} with one" in page
