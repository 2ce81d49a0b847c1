"""The log line and the metrics of each run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from case_folders import ACCOUNT, REGION
from factories import ROLE, SETTINGS, answer_lookups, container, resource, template
from fixtures_handler import invoke, invoke_hook
from fixtures_telemetry import Recorded, Recorder
from sysdig_instrument import __version__
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Problem, Reason
from sysdig_instrument.engine.lookups import Answer, Lookup, Unavailable
from sysdig_instrument.engine.selection import SkipReason
from sysdig_instrument.function import telemetry


@pytest.fixture
def recorder(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(capsys, monkeypatch)


@pytest.fixture
def run(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Any:
    def running(fragment: Any, answers: Any = answer_lookups, **settings: Any) -> Recorded:
        event = {"requestId": "r-1", "region": REGION, "accountId": ACCOUNT, "fragment": fragment}
        invoke(event, {**SETTINGS, **settings}, answers, monkeypatch)
        return recorder.take()

    return running


@pytest.mark.parametrize("module", ["handler", "hook_handler"])
def test_the_release_is_logged_once_for_each_cold_start(module: str) -> None:
    start = f"from sysdig_instrument.function import {module}, telemetry"
    done = subprocess.run([sys.executable, "-c", start], check=True, capture_output=True, text=True)
    (line,) = done.stdout.splitlines()
    assert {"message": "started", "release": __version__}.items() <= json.loads(line).items()


def silent(requests: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    return dict.fromkeys(requests, Unavailable(Reason("There was no answer", "Try again", code=Code.NO_ANSWER)))


def test_processed_tasks_and_containers_are_counted(run: Any) -> None:
    fragment = template(container(), {"Name": "db", "Image": "shop/db:1"})
    fragment["Resources"]["Windows"] = resource(
        container(), RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}
    )
    recorded = run(fragment)
    metrics = dict(recorded.metrics)
    assert metrics.pop(("LookupMilliseconds", "")) >= 0
    assert metrics == {
        ("TasksInstrumented", ""): 1,
        ("TasksSkipped", ""): 1,
        ("TasksSkipped", "Windows"): 1,
        ("ContainersInstrumented", ""): 2,
        ("ContainersSkipped", ""): 0,
        ("Lookups", ""): 1,
        ("LookupFailures", ""): 0,
    }
    log = recorded.log
    assert (log["message"], log["level"], log["macro_request_id"]) == ("processed", "INFO", "r-1")
    assert log["containers_instrumented"] == 2
    assert log["lookups"] == 1


def with_other(**other: Any) -> dict[str, Any]:
    """Return properties with a second container."""
    return {"ContainerDefinitions": [container(), {"Name": "other", "Image": "shop/other:1", **other}]}


SKIPPED: Final[Mapping[SkipReason, tuple[dict[str, Any], dict[str, Any]]]] = {
    SkipReason.DISABLED: ({"Enabled": "false"}, {}),
    SkipReason.EXCLUDED: ({"ExcludeContainers": "other"}, with_other(EntryPoint=["run"])),
    SkipReason.IMAGE_UNREAD: ({"OnUnresolvedImage": "skip"}, with_other()),
    SkipReason.LOG_ROUTER: ({}, with_other(FirelensConfiguration={"Type": "fluentbit"})),
    SkipReason.MANAGED_INSTANCES: ({}, {"RequiresCompatibilities": ["MANAGED_INSTANCES"]}),
    SkipReason.NOTHING_TO_INSTRUMENT: ({"ExcludeContainers": "*"}, {}),
    SkipReason.NOT_CREATED: ({}, {"PidMode": "host"}),
    SkipReason.NOT_FARGATE: ({}, {"RequiresCompatibilities": ["EC2"]}),
    SkipReason.NOT_INCLUDED: ({"IncludeContainers": "web"}, with_other(EntryPoint=["run"])),
    SkipReason.NOT_OPTED_IN: ({"Mode": "opt-in"}, {}),
    SkipReason.WINDOWS: ({}, {"RuntimePlatform": {"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}),
}
"""Settings and properties for each reason why something is skipped."""


@pytest.mark.parametrize("reason", SkipReason)
def test_skipped_items_are_counted_by_reason(run: Any, reason: SkipReason) -> None:
    settings, properties = SKIPPED[reason]
    fragment = template(**properties) | {"Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}}
    if reason is SkipReason.NOT_CREATED:
        fragment["Resources"]["Api"]["Condition"] = "Never"
    metrics = run(fragment, silent, **settings).metrics
    names = {name for name, why in metrics if why == reason.value}
    if "TasksSkipped" in names:
        assert metrics["ContainersInstrumented", ""] == 0
    assert names in ({"TasksSkipped"}, {"ContainersSkipped"})


def test_a_refusal_is_counted_once_and_for_each_reason(run: Any) -> None:
    fragment = template(
        {"Name": "web", "Image": "a:1"}, {"Name": "db", "Image": "b:1"}, container(Name="run"), PidMode="host"
    )
    recorded = run(fragment, silent)
    assert recorded.metrics == {
        ("Refused", ""): 1,
        ("Refused", "Image"): 1,
        ("Refused", "PidMode"): 1,
        ("Lookups", ""): 2,
        ("LookupFailures", ""): 2,
        ("LookupMilliseconds", ""): 0,
    }
    assert recorded.log["level"] == "WARNING"
    assert sorted(recorded.log["reasons"]) == ["Image", "PidMode"]
    assert "PidMode is host" in recorded.log["reason"]


@pytest.mark.parametrize(
    ("fragment", "settings", "reason"),
    [
        (template(), {"Priority": "urgent"}, "Deployment"),
        (template() | {"Metadata": {"Much": "x" * 1_000_001}}, {}, "Size"),
        ([], {}, "Template"),
        (template() | {"Metadata": {"SysdigInstrument": {"Colector": "us2"}}}, {}, "Metadata"),
    ],
)
def test_other_refusals_have_reasons_too(run: Any, fragment: Any, settings: dict[str, Any], reason: str) -> None:
    assert run(fragment, **settings).metrics == {("Refused", ""): 1, ("Refused", reason): 1}


def test_deep_nesting_is_counted_as_refused(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(*_: object, **__: object) -> None:
        raise RecursionError

    monkeypatch.setattr("sysdig_instrument.function.macro.process", deep)
    assert run(template()).metrics == {("Refused", ""): 1, ("Refused", "Nesting"): 1}


def test_running_out_of_memory_is_counted_as_refused(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def huge(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("sysdig_instrument.function.macro.process", huge)
    recorded = run(template())
    assert recorded.metrics == {("Refused", ""): 1, ("Refused", "Memory"): 1}
    assert "more memory than the function has" in recorded.log["reason"]


def test_an_internal_error_is_logged_without_its_text(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("the template's own text")

    monkeypatch.setattr("sysdig_instrument.function.macro.process", broken)
    recorded = run(template())
    assert recorded.metrics == {("Failed", ""): 1}
    assert (recorded.log["error"], recorded.log["level"]) == ("KeyError", "ERROR")
    assert any("broken" in where for where in recorded.log["where"])
    assert "own text" not in recorded.text


def test_a_template_without_task_definitions_counts_nothing(run: Any) -> None:
    recorded = run({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    assert set(recorded.metrics.values()) == {0}
    assert recorded.log["lookups"] == 0


def test_metrics_are_not_carried_into_the_next_run(run: Any) -> None:
    first = dict(run(template()).metrics)
    run(template(PidMode="host"))
    assert dict(run(template()).metrics) == first


def test_reasons_of_refusals_come_from_a_fixed_list() -> None:
    """CloudWatch bills each metric, so a name from a template must never become one."""
    for pointer in [(), ("Resources", "Api"), ("Resources", "Api", "Properties", "Whatever", 0)]:
        problem = Problem(Location("Api", "web", pointer), Reason("A fact", code=Code.NO_ANSWER))
        assert telemetry.refusal_reason(problem) in telemetry.REFUSAL_MEMBERS | {"Template"}


def test_a_hook_is_counted(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    properties = resource(ExecutionRoleArn=ROLE)["Properties"]
    event = {
        "hookTypeName": "Sysdig::Instrument::Hook",
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {"targetName": "AWS::ECS::TaskDefinition", "targetModel": {"resourceProperties": properties}},
    }
    invoke_hook(event, SETTINGS, monkeypatch)
    recorded = recorder.take()
    assert recorded.metrics == {("HookFailed", ""): 1}
    assert recorded.log["status"] == "FAILED"
    assert json.loads(recorded.text.splitlines()[0])["function_name"]


def test_an_agent_image_without_a_version_is_logged_once(run: Any) -> None:
    fragment = template(container())
    fragment["Resources"]["Other"] = resource(container())

    def about_agent(**settings: Any) -> list[str]:
        return [each for each in run(fragment, **settings).log["notices"] if each.startswith("AgentImage")]

    assert len(about_agent()) == 1
    assert about_agent(AgentImage="quay.io/sysdig/workload-agent:6.3.0") == []
