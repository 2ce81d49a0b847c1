"""The function that reports on a schedule: what it reads, what it tells, and what it imports into Security Hub."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest

from coverage_report.fake_ecs import FakeEcs, FakeEcsRegion
from coverage_report.security_hub_api import errors_in
from coverage_report.tasks import ACCOUNT, PLANTED, REGION, instrumented, plain, registered
from sysdig_instrument.coverage import asff, security_hub
from sysdig_instrument.coverage.ecs import AwsAccount
from sysdig_instrument.coverage.report import Report
from sysdig_instrument.coverage.survey import Scope, survey
from sysdig_instrument.documents import load
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.errors import UsageError
from sysdig_instrument.function import coverage_handler, telemetry
from sysdig_instrument.function.coverage_handler import IncompleteReportError, scope_of
from sysdig_instrument.lookup.aws import AwsError

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
OTHER = "444455556666"
CONTEXT: Any = SimpleNamespace(
    invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:coverage",
    function_name="coverage",
    memory_limit_in_mb=1024,
    aws_request_id="1",
)
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs the handler on a region, and returns its log line."""

    def run_handler(region: FakeEcsRegion, *, fails: bool = False, **environment: str) -> dict[str, Any]:
        log = io.StringIO()
        monkeypatch.setattr(telemetry.logger._logger.handlers[0], "stream", log)
        for name, value in {"AWS_REGION": REGION, **environment}.items():
            monkeypatch.setenv(name, value)
        account = FakeEcs(region).account
        monkeypatch.setattr(AwsAccount, "from_session", lambda *_: account)
        monkeypatch.setattr(coverage_handler, "settings_of_macro", lambda *_: Layer("test", {}))
        if fails:
            with pytest.raises(IncompleteReportError):
                coverage_handler.handler({}, CONTEXT)
        else:
            coverage_handler.handler({}, CONTEXT)
        assert PLANTED not in log.getvalue()
        (line,) = (json.loads(each) for each in log.getvalue().splitlines())
        found: dict[str, Any] = line
        return found

    return run_handler


def metrics_of(printed: str) -> dict[tuple[str, str], float]:
    """Return the metrics in the embedded metric format, by name and reason."""
    found = {}
    for line in printed.splitlines():
        blob = json.loads(line)
        for metric in blob["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            value = blob[metric["Name"]]
            found[metric["Name"], blob.get("Reason", "")] = value[0] if isinstance(value, list) else value
    return found


def test_a_report_has_metrics_and_names(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    region = FakeEcsRegion()
    region.run("shop", instrumented(family="web"), 3, group="service:web")
    region.run("shop", registered(plain(), family="batch"))
    log = run(region)
    found = metrics_of(capsys.readouterr().out)
    assert found["CoveragePercent", ""] == 75.0
    assert (found["CoverageExpected", ""], found["CoverageUncovered", ""], found["CoverageUnread", ""]) == (4, 1, 0)
    assert (found["CoverageTasks", "protected"], found["CoverageTasks", "unprotected"]) == (3, 1)
    assert found["CoverageTasks", "agent silent"] == 0
    assert (log["message"], log["level"], log["percent"]) == ("coverage", "WARNING", 75.0)
    (uncovered,) = log["uncovered"]
    assert uncovered["taskDefinition"] == "batch:1"
    assert "SI001" in uncovered["codes"]


def test_a_report_that_is_not_complete_fails_after_it_is_made(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    region = FakeEcsRegion(error_codes={"ListClusters": "AccessDeniedException"})
    log = run(region, fails=True)
    assert log["unread"] == [
        f"{REGION}: ListClusters: Amazon ECS returned AccessDeniedException. Allow ecs:ListClusters. (SI606)"
    ]
    found = metrics_of(capsys.readouterr().out)
    assert found["CoverageUnread", ""] == 1
    assert ("CoveragePercent", "") not in found  # nothing is known, so nothing is 100 %


def test_few_tasks_are_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage_handler, "_MAX_LOGGED", 1)
    region = FakeEcsRegion()
    for number in range(3):
        region.run("shop", registered(plain(), family=f"web-{number}"))
    log = run(region)
    assert (len(log["uncovered"]), log["more"]) == (1, 2)


def test_an_account_without_clusters_is_told(run: Run) -> None:
    assert run(FakeEcsRegion())["level"] == "WARNING"


def test_settings_that_cannot_be_read_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> Layer:
        raise AwsError("AccessDeniedException")

    monkeypatch.setenv("AWS_REGION", REGION)
    account = FakeEcs().account
    monkeypatch.setattr(AwsAccount, "from_session", lambda *_: account)
    monkeypatch.setattr(coverage_handler, "settings_of_macro", denied)
    with pytest.raises(IncompleteReportError):
        coverage_handler.handler({}, CONTEXT)


def test_the_scope_is_that_of_the_parameters() -> None:
    assert scope_of({"ROLE_NAME": "coverage", "SILENT_AFTER": "0"}, REGION) == Scope((REGION,))
    environment = {
        "REGIONS": "us-east-1, eu-west-1", "ACCOUNTS": f"{ACCOUNT},{OTHER}", "ROLE_NAME": "coverage", "SILENT_AFTER": "60",
        "REQUIRE_DAEMON": "true",
    }  # fmt: skip
    found = scope_of(environment, REGION)
    assert (found.regions, [role.account for role in found.roles]) == (("us-east-1", "eu-west-1"), [ACCOUNT, OTHER])
    assert (found.demands.silent_after, found.demands.require_daemon) == (60, True)
    with pytest.raises(UsageError):
        scope_of({"ACCOUNTS": ACCOUNT, "ROLE_NAME": ""}, REGION)


# --- Security Hub


class FakeSecurityHub:
    """Security Hub in one account and Region, whose answers have the form of botocore's."""

    def __init__(self) -> None:
        self.findings: dict[str, Any] = {}
        self.failures = 0
        self.batches: list[int] = []

    def client(self, service: str, region: str) -> FakeSecurityHub:
        assert (service, region) == ("securityhub", REGION)
        return self

    def can_paginate(self, name: str) -> bool:
        assert name in ("batch_import_findings", "get_findings")
        return False

    def batch_import_findings(self, **parameters: Any) -> dict[str, Any]:
        assert errors_in("BatchImportFindings", parameters) == []
        assert 0 < len(parameters["Findings"]) <= 100
        self.batches.append(len(parameters["Findings"]))
        for each in parameters["Findings"]:
            self.findings[each["Id"]] = {**self.findings.get(each["Id"], {}), **each}
        failed = [{"Id": "x", "ErrorCode": "InvalidInput", "ErrorMessage": "secret text"}] * self.failures
        return {"FailedCount": self.failures, "SuccessCount": 1, "FailedFindings": failed}

    def get_findings(self, **parameters: Any) -> dict[str, Any]:
        assert errors_in("GetFindings", parameters) == []
        return {"Findings": [each for each in self.findings.values() if each["RecordState"] == "ACTIVE"]}

    def states(self) -> dict[str, tuple[str, str]]:
        return {
            each["Resources"][0]["Id"].rsplit("/", 1)[-1]: (each["Compliance"]["Status"], each["RecordState"])
            for each in self.findings.values()
        }


def report_on(*tasks: tuple[dict[str, Any], int], **error_codes: str) -> Report:
    region = FakeEcsRegion(error_codes=error_codes)
    region.clusters.setdefault("shop", [])
    for definition, revision in tasks:
        region.run("shop", definition, revision=revision, group=f"service:{definition['family']}")
    return survey(FakeEcs(region).account, Scope((REGION,)), merge_layers(), NOW)


def imported(hub: FakeSecurityHub, report: Report, reporter: str = "a") -> security_hub.Import:
    return security_hub.import_findings(report, [(ACCOUNT, REGION)], lambda _: cast("Any", hub), NOW, reporter)


def test_findings_are_updated_resolved_and_archived() -> None:
    hub = FakeSecurityHub()
    web, gone = registered(plain()), registered(plain(), family="gone")
    assert imported(hub, report_on((web, 1), (gone, 1))) == security_hub.Import(2, 0, ())
    assert hub.states() == {"web": ("FAILED", "ACTIVE"), "gone": ("FAILED", "ACTIVE")}
    assert imported(hub, report_on((instrumented(family="web"), 2))) == security_hub.Import(1, 1, ())
    assert hub.states() == {"web": ("PASSED", "ACTIVE"), "gone": ("NOT_AVAILABLE", "ARCHIVED")}
    # The last service of the Region goes, too.
    assert imported(hub, report_on()) == security_hub.Import(0, 1, ())
    assert hub.states()["web"] == ("NOT_AVAILABLE", "ARCHIVED")


def test_two_stacks_and_the_command_have_findings_of_their_own() -> None:
    hub = FakeSecurityHub()
    web, protected = report_on((registered(plain()), 1)), report_on((instrumented(family="web"), 1))
    by_command = list(asff.findings(web, NOW, ""))
    hub.batch_import_findings(Findings=by_command)
    assert imported(hub, protected, "a") == imported(hub, web, "b") == security_hub.Import(1, 0, ())
    assert sorted(each["Compliance"]["Status"] for each in hub.findings.values()) == ["FAILED", "FAILED", "PASSED"]
    assert imported(hub, report_on(), "a") == security_hub.Import(0, 1, ())  # only its own
    assert sorted(each["RecordState"] for each in hub.findings.values()) == ["ACTIVE", "ACTIVE", "ARCHIVED"]
    assert hub.findings[cast("str", by_command[0]["Id"])]["RecordState"] == "ACTIVE"


def test_a_finding_of_an_earlier_release_does_not_stay_open() -> None:
    """It names no reporter, and its identifier is that of the command."""
    hub = FakeSecurityHub()
    (earlier,) = asff.findings(report_on((registered(plain()), 1)), NOW, "")
    del cast("dict[str, Any]", earlier["ProductFields"])["sysdig-instrument/reporter"]
    hub.batch_import_findings(Findings=[earlier])
    assert imported(hub, report_on((instrumented(family="web"), 2))) == security_hub.Import(1, 1, ())
    assert hub.findings[cast("str", earlier["Id"])]["RecordState"] == "ARCHIVED"


def test_the_stack_names_itself(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = FakeSecurityHub()
    monkeypatch.setattr(coverage_handler, "_clients_of", lambda *_: hub)
    region = FakeEcsRegion()
    region.run("shop", registered(plain()))
    name = RESOURCES["Function"]["Properties"]["Environment"]["Variables"]["STACK_NAME"]
    assert name == {"Ref": "AWS::StackName"}
    assert run(region, SECURITY_HUB="true", STACK_NAME="coverage")["imported"] == 1
    (found,) = hub.findings.values()
    assert found["ProductFields"]["sysdig-instrument/reporter"] == f"{ACCOUNT}/{REGION}/coverage"


def test_nothing_is_archived_where_something_was_not_read() -> None:
    hub = FakeSecurityHub()
    imported(hub, report_on((registered(plain()), 1)))
    assert imported(hub, report_on(ListTasks="ServerException")).archived == 0
    assert hub.states() == {"web": ("FAILED", "ACTIVE")}


def test_findings_come_a_hundred_at_a_time() -> None:
    hub = FakeSecurityHub()
    assert (
        imported(hub, report_on(*((registered(plain(), family=f"f{each}"), 1) for each in range(150)))).imported == 150
    )
    assert hub.batches == [100, 50]


def test_findings_that_are_not_taken_are_told() -> None:
    hub = FakeSecurityHub()
    hub.failures = 1
    found = imported(hub, report_on((registered(plain()), 1)))
    (error,) = found.errors
    assert error.text.startswith(
        f"account {ACCOUNT}, {REGION}: BatchImportFindings: AWS Security Hub returned InvalidInput"
    )
    assert "secret" not in error.text

    several = FakeSecurityHub()
    several.failures = 1
    assert imported(several, report_on(*((registered(plain(), family=f"f{each}"), 1) for each in range(150)))).errors
    assert several.batches == [100, 50]  # the second batch comes, too

    def denied(_: str) -> Any:
        raise AwsError("AccessDenied")

    (error,) = security_hub.import_findings(report_on(), [(OTHER, REGION)], denied, NOW, "a").errors
    assert error.account == OTHER


# --- the template

ROOT: Final = Path(__file__).parents[2]
TEMPLATE: Final = cast("dict[str, Any]", load(str(ROOT / "templates" / "coverage.yaml")).value)
RESOURCES: Final = TEMPLATE["Resources"]


def actions() -> set[str]:
    text = json.dumps(RESOURCES["Role"])
    return {word for word in text.replace('"', " ").replace(",", " ").split() if word.split(":")[0] in SERVICES}


SERVICES = {"ecs", "logs", "sts", "securityhub", "lambda"}


def test_the_role_reads_and_changes_nothing() -> None:
    changing = {each for each in actions() if not each.split(":")[1].startswith(("List", "Describe", "Get", "Filter"))}
    assert changing == {
        "logs:CreateLogStream", "logs:PutLogEvents", "sts:AssumeRole", "securityhub:BatchImportFindings",
    }  # fmt: skip
    page = (ROOT / "docs" / "coverage.md").read_text()
    policy = json.loads(page.split("```json\n")[1].split("```")[0])
    documented = {each for statement in policy["Statement"][:3] for each in statement["Action"]}
    assert documented <= actions()


def test_the_schedule_can_be_off_and_the_function_is_that_of_the_bundle() -> None:
    assert RESOURCES["Schedule"]["Condition"] == RESOURCES["SchedulePermission"]["Condition"] == "HasSchedule"
    properties = RESOURCES["Function"]["Properties"]
    assert properties["Handler"] == "sysdig_instrument.function.coverage_handler.handler"
    assert properties["Timeout"] == 900
    macro = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)["Resources"]["MacroFunction"]["Properties"]
    assert (properties["Runtime"], properties["Architectures"]) == (macro["Runtime"], macro["Architectures"])
    alarm = RESOURCES["CoverageAlarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Namespace"]) == ("CoveragePercent", telemetry.NAMESPACE)
    assert alarm["Dimensions"][0]["Value"] == properties["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
