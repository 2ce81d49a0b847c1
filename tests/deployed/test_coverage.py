"""The coverage report as coverage.yaml deploys it: what exists, what starts it, and which permissions its calls need."""

from __future__ import annotations

from functools import partial
from typing import Any, Final, cast

import boto3
import pytest

from coverage_report.fake_ecs import FakeEcs, FakeEcsRegion
from coverage_report.tasks import ACCOUNT as OF_THE_TASKS
from coverage_report.tasks import AGENT, agent, instrumented, plain, registered, wrapped
from deployed.conftest import Deploy
from deployed.permissions import Calls, Parameters, denied, unused
from deployed.stack import ACCOUNT, MACRO_ARN, REGION, TOPIC, Stack, beside_the_macro, role_of_another_account
from sysdig_instrument.function import coverage_handler
from sysdig_instrument.function.coverage_handler import IncompleteReportError
from watch.calls import FakeContext

ALARMS: Final = {"CoverageAlarm", "ErrorsAlarm"}
OTHER: Final = OF_THE_TASKS
LOG_GROUP: Final = "/ecs/agents"
NOT_IN_MOTO: Final = ("ListDaemons", "DescribeDaemon", "DescribeDaemonRevisions", "DescribeDaemonTaskDefinition")


def coverage_stack(**parameters: str) -> Stack:
    return beside_the_macro("coverage.yaml", **parameters)


@pytest.fixture
def region() -> FakeEcsRegion:
    """Run tasks of each kind: on Fargate, with an agent whose log looks old, and on instances with daemons of both kinds."""
    provider = {"arn": "arn:p:capacity-provider/mine", "runningCount": 1, "withoutDaemonCount": 0}
    host_agent = {"name": "agent", "image": "quay.io/sysdig/agent:13", "privileged": True}
    found = FakeEcsRegion(
        daemon_services={"shop": ["agent"]},
        managed_daemons={"sysdig": {"cluster": "shop", "providers": [provider], "containers": [host_agent]}},
        log_streams={LOG_GROUP: {f"sysdig/{AGENT}/{0:032x}": 4_000_000_000_000}},
        listed_late={f"sysdig/{AGENT}/{0:032x}"},
    )
    options = {"awslogs-group": LOG_GROUP, "awslogs-stream-prefix": "sysdig"}
    log = {"logDriver": "awslogs", "options": options}
    found.run("shop", registered(wrapped(), agent(logConfiguration=log), pidMode="task"), startedAt=1.0)
    found.services["plain"] = {"serviceName": "plain", "status": "ACTIVE", "deployments": []}
    found.run("shop", registered(plain(), family="plain"), group="service:plain")
    found.run("shop", registered(plain(), family="host"), launchType="EC2")
    found.run(
        "shop", registered(plain(), family="managed"), launchType="MANAGED_INSTANCES", capacityProviderName="mine"
    )
    return found


def answer(region: FakeEcsRegion, operation: str, parameters: Parameters) -> dict[str, Any]:
    return region.respond(operation, dict(parameters))[1]


def run(region: FakeEcsRegion, calls: Calls, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the handler with what EventBridge sends on a schedule. The other services are moto's."""
    session = FakeEcs(region).account.clients._make_session()
    monkeypatch.setattr(coverage_handler, "aws_session", lambda _: session)
    calls.answers |= {f"ecs:{name}": partial(answer, region, name) for name in NOT_IN_MOTO}
    event = {
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "account": ACCOUNT,
        "region": REGION,
        "detail": {},
    }
    with calls.recorded():
        result: dict[str, Any] = coverage_handler.handler(event, cast("Any", FakeContext()))
    return result


@pytest.mark.parametrize("parameters", [{}, {"SecurityHub": "true"}, {"SilentAfter": "60"}, {"MacroName": "My_Macro"}])
def test_the_settings_are_those_of_the_macro_whose_name_is_given(parameters: dict[str, str]) -> None:
    stack = coverage_stack(**parameters)
    variables = stack.variables("Function")
    assert variables["MACRO_FUNCTION"] == MACRO_ARN
    assert variables["POWERTOOLS_SERVICE_NAME"] == parameters.get("MacroName", "SysdigInstrument")
    (statement,) = (each for each in stack.statements("Role") if each["Action"] == "lambda:GetFunctionConfiguration")
    assert statement["Resource"] == MACRO_ARN


@pytest.mark.parametrize("schedule", ["", "rate(1 day)", "cron(0 6 * * ? *)"])
@pytest.mark.parametrize("topic", ["", TOPIC])
def test_what_is_off_creates_nothing_and_nothing_refers_to_it(schedule: str, topic: str) -> None:
    stack = coverage_stack(CoverageSchedule=schedule, AlarmTopic=topic)
    expected = {"Function", "FailedRuns", "Role", "LogGroup"} | (ALARMS if topic else set())
    assert set(stack.resources) == expected | ({"Schedule", "SchedulePermission"} if schedule else set())
    assert stack.exported == {}


def test_the_schedule_starts_the_function_and_may_do_so() -> None:
    stack = coverage_stack()
    rule, permission = stack.resources["Schedule"], stack.resources["SchedulePermission"]
    assert rule["ScheduleExpression"] == "rate(1 day)"
    assert rule["Targets"] == [{"Id": "Coverage", "Arn": stack.attribute("Function", "Arn")}]
    assert permission["FunctionName"] == stack.reference("Function") == stack.resources["FailedRuns"]["FunctionName"]
    assert (permission["Principal"], permission["Action"]) == ("events.amazonaws.com", "lambda:InvokeFunction")
    assert permission["SourceArn"] == stack.attribute("Schedule", "Arn")


@pytest.mark.parametrize(
    "parameters",
    [{}, {"SilentAfter": "60"}, {"SecurityHub": "true"}, {"SilentAfter": "60", "SecurityHub": "true"}],
    ids=["plain", "logs", "findings", "both"],
)
def test_the_role_has_the_permissions_that_the_calls_need_and_no_others(
    parameters: dict[str, str], region: FakeEcsRegion, deploy: Deploy, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = coverage_stack(**parameters)
    deploy(stack, "Function")
    assert run(region, calls, monkeypatch)["expected"]
    statements = stack.statements("Role")
    assert denied(statements, calls.permissions) == set()
    assert unused(statements, calls.permissions) == set()
    if "SecurityHub" in parameters:
        findings = boto3.client("securityhub", REGION).get_findings()["Findings"]
        assert {each["Compliance"]["Status"] for each in findings} >= {"FAILED"}


def test_other_accounts_are_read_with_their_role_and_nothing_is_read_here(
    deploy: Deploy, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = coverage_stack(CoverageAccounts=OTHER, SecurityHub="true", SilentAfter="60")
    deploy(stack, "Function")
    run(FakeEcsRegion(), calls, monkeypatch)
    assert {action for action, _ in calls.made} == {"lambda:GetFunctionConfiguration", "sts:AssumeRole"}
    assert {action for action, _ in calls.by_other_roles} == {"ecs:ListClusters", "securityhub:GetFindings"}
    statements = stack.statements("Role")
    assert denied(statements, calls.permissions) == set() == unused(statements, calls.permissions)


@pytest.mark.parametrize(
    "options", [{}, {"ReadLogs": "true"}, {"SecurityHub": "true"}], ids=["plain", "logs", "findings"]
)
def test_the_role_of_another_account_has_the_permissions_that_the_calls_need_and_no_others(
    options: dict[str, str], region: FakeEcsRegion, deploy: Deploy, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = {"SecurityHub": options.get("SecurityHub", "false")}
    report = coverage_stack(CoverageAccounts=OTHER, SilentAfter="60" if "ReadLogs" in options else "0", **findings)
    role = role_of_another_account(ReportingRole=str(report.attribute("Role", "Arn")), **options)
    session = FakeEcs(region).account.clients._make_session()
    session._session.set_credentials("of-the-role", "testing", "token")
    monkeypatch.setattr("sysdig_instrument.lookup.aws._session_of_role", lambda *_: session)
    deploy(report, "Function")
    assert run(region, calls, monkeypatch)["expected"]
    statements = role.statements("Role")
    assert denied(statements, calls.permissions_of_other_roles) == set()
    assert unused(statements, calls.permissions_of_other_roles) == set()
    assert {action for action, _ in calls.made} == {"lambda:GetFunctionConfiguration", "sts:AssumeRole"}

    name = role.resources["Role"]["RoleName"]
    assumed = {each["RoleArn"] for action, each in calls.made if action == "sts:AssumeRole"}
    assert assumed == {f"arn:aws:iam::{OTHER}:role/{name}"}
    (trust,) = role.resources["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"AWS": report.resources["Function"]["Role"]}


def test_a_missing_permission_is_found(
    region: FakeEcsRegion, deploy: Deploy, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The role of a stack without Security Hub does not suffice for one with it, and its run fails for AWS Lambda."""
    deploy(coverage_stack(SecurityHub="true"), "Function")
    run(region, calls, monkeypatch)
    missing = denied(coverage_stack().statements("Role"), calls.permissions)
    assert {each.action for each in missing} == {"securityhub:BatchImportFindings", "securityhub:GetFindings"}
    calls.answers["securityhub:GetFindings"] = refuse
    with pytest.raises(IncompleteReportError):
        run(region, calls, monkeypatch)


def refuse(_: object) -> Any:
    raise boto3.client("sts", REGION).exceptions.ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": ""}}, "x"
    )


def test_protected_tasks_alone_are_a_complete_report(
    deploy: Deploy, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(coverage_stack(SecurityHub="true"), "Function")
    protected = FakeEcsRegion()
    protected.run("shop", instrumented(), 2)
    assert run(protected, calls, monkeypatch) == {"expected": 2, "protected": 2}
    (finding,) = boto3.client("securityhub", REGION).get_findings()["Findings"]
    assert finding["Compliance"]["Status"] == "PASSED"
