"""Express Mode services that are converted, beyond the case folders."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from factories import context_of
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.expressions.decision_tree import NOVALUE
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.engine.plan import Plan, process
from sysdig_instrument.engine.protection import protection
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

CONFIG = ImageConfig(("/web",), ())
OWN = "arn:aws:ecs:eu-west-1:111122223333:task-definition/own:1"


def service(primary: dict[str, Json] | None = None, **properties: Json) -> dict[str, Any]:
    logs: Json = {"LogGroup": "web", "LogStreamPrefix": "web"}
    return {
        "Type": "AWS::ECS::ExpressGatewayService",
        "Properties": {
            "InfrastructureRoleArn": "arn:aws:iam::111122223333:role/infrastructure",
            "ExecutionRoleArn": "arn:aws:iam::111122223333:role/execution",
            "Cpu": "512",
            "Memory": "1024",
            "PrimaryContainer": {"Image": "shop/web:1", "AwsLogsConfiguration": logs, **(primary or {})},
            **properties,
        },
    }


def template(resource: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    return {**sections, "Resources": {"Web": resource or service(), **sections.get("Resources", {})}}


def planned(value: Json, **settings: Json) -> Plan:
    context = context_of({"ExpressServices": "convert", **settings})
    return plan_with_lookups(value, context, lambda lookups: dict.fromkeys(lookups, CONFIG))


def test_a_second_run_changes_nothing_and_the_verdict_agrees() -> None:
    given = template()
    before = copy.deepcopy(given)
    plan = planned(given)
    output, problems = process(given, plan)
    assert problems == ()
    assert given == before
    again = planned(output)
    assert list(again.changes) == []
    assert [protection(task).verdict for task in again.tasks] == [Verdict.PROTECTED]
    assert [protection(task).passes for task in plan.tasks] == [False]


def test_the_image_is_looked_up_with_the_credentials_of_the_service() -> None:
    secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:registry-AbCdEf"  # noqa: S105 - the ARN of no secret
    seen: list[ImageLookup] = []

    def look_up(lookups: Any) -> Any:
        seen.extend(lookups)
        return dict.fromkeys(lookups, CONFIG)

    primary: dict[str, Json] = {"RepositoryCredentials": {"CredentialsParameter": secret}}
    plan_with_lookups(template(service(primary)), context_of({"ExpressServices": "convert"}), look_up)
    assert [(each.image, each.secret_id) for each in seen] == [("shop/web:1", secret)]


@pytest.mark.parametrize(
    "sections",
    [
        pytest.param({"Resources": {"WebSysdigTaskDefinition": {"Type": "AWS::SNS::Topic"}}}, id="resource"),
        pytest.param({"Parameters": {"WebSysdigTaskDefinition": {"Type": "String"}}}, id="parameter"),
        pytest.param({"Resources": {"Fn::ForEach::WebSysdigTaskDefinition": ["X", ["a"], {}]}}, id="loop"),
        pytest.param(
            {
                "Resources": {
                    "Fn::ForEach::L": ["X", ["Web"], {"${X}SysdigTaskDefinition": {"Type": "AWS::SNS::Topic"}}]
                }
            },
            id="item-of-a-loop",
        ),
        pytest.param(
            {"Resources": {"Fn::ForEach::L": ["X", {"Ref": "P"}, {"Web&{X}": {"Type": "AWS::SNS::Topic"}}]}},
            id="item-of-a-loop-without-punctuation",
        ),
    ],
)
def test_the_logical_id_of_the_task_definition_must_be_free(sections: dict[str, Any]) -> None:
    (problem,) = planned(template(**sections)).problems
    assert 'the template has another "WebSysdigTaskDefinition"' in problem.reason.fact
    assert problem.location.pointer == ("Resources", "Web")


def test_a_logical_id_that_would_be_too_long_is_refused() -> None:
    (problem,) = planned({"Resources": {"W" * 236: service()}}).problems
    assert "too long" in problem.reason.fact
    assert planned({"Resources": {"W" * 235: service()}}).problems == ()


def test_a_problem_of_the_task_definition_is_located_in_the_service() -> None:
    unread = Unavailable(Reason("The registry said no", code=Code.NO_ANSWER))
    context = context_of({"ExpressServices": "convert"})
    (problem,) = plan_with_lookups(template(), context, lambda lookups: dict.fromkeys(lookups, unread)).problems
    assert problem.location.pointer == ("Resources", "Web", "Properties", "PrimaryContainer", "Image")


def test_a_service_that_stays_is_a_workload_without_the_agent() -> None:
    disabled = {**service(), "Metadata": {"SysdigInstrument": {"Enabled": False}}}
    plan = planned(template(disabled), OtherWorkloads="fail")
    assert list(plan.changes) == []
    assert plan.tasks == ()
    assert [each.reason.code for each in plan.problems] == [Code.EXPRESS_SERVICE]


def test_without_an_image_config_the_verdict_is_not_left_to_chance() -> None:
    context = context_of({"ExpressServices": "convert", "OnUnresolvedImage": "skip"})
    (task,) = plan_with_lookups(template(), context, look_up_nothing).tasks
    assert protection(task).passes is False


@pytest.mark.parametrize(
    ("arn", "is_reported"),
    [
        pytest.param(OWN, False, id="literal"),
        pytest.param({"Ref": "Other"}, False, id="reference"),
        pytest.param(NOVALUE, True, id="no-value"),
        pytest.param({"Fn::If": ["Unknown", OWN, NOVALUE]}, True, id="absent-under-an-unknown-condition"),
        pytest.param({"Fn::If": ["Unknown", OWN, {"Ref": "Other"}]}, False, id="given-in-each-branch"),
        pytest.param({"Fn::If": ["Always", OWN, NOVALUE]}, False, id="absent-in-a-branch-that-is-not-taken"),
        pytest.param(
            {"Fn::FindInMap": ["M", {"Ref": "P"}, "K", {"DefaultValue": NOVALUE}]}, True, id="default-that-is-no-value"
        ),
    ],
)
def test_a_task_definition_of_ones_own_must_be_certain(arn: Json, is_reported: bool) -> None:  # noqa: FBT001 - a row of the table
    conditions: Json = {"Unknown": {"Fn::Equals": [{"Ref": "P"}, "x"]}, "Always": {"Fn::Equals": ["a", "a"]}}
    parameters: Json = {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/p"}}
    value = template(service(TaskDefinitionArn=arn), Conditions=conditions, Parameters=parameters, Mappings={"M": {}})
    found = [
        each for each in planned(value, ExpressServices="leave").notices if each.reason.code is Code.EXPRESS_SERVICE
    ]
    assert bool(found) is is_reported


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param({"Type": "AWS::ECS::ExpressGatewayService"}, id="no-properties"),
        pytest.param({"Type": "AWS::ECS::ExpressGatewayService", "Properties": {"Ref": "X"}}, id="expression"),
        pytest.param({"Type": "AWS::ECS::ExpressGatewayService", "Properties": {}}, id="empty"),
        pytest.param(service(None, PrimaryContainer=None), id="no-container"),
        pytest.param({**service(), "Fn::Transform": {"Name": "Other"}}, id="hidden-beside-the-type"),
        pytest.param(service({"Fn::Transform": {"Name": "Other"}}), id="hidden-in-container"),
        pytest.param(service({"AwsLogsConfiguration": {"LogGroup": "web"}}), id="no-stream-prefix"),
        pytest.param(service({"AwsLogsConfiguration": {"Fn::If": ["C", {}, {}]}}), id="logs-under-a-condition"),
    ],
)
def test_odd_services_are_refused_and_crash_nothing(resource: dict[str, Any]) -> None:
    plan = planned(template(resource))
    assert plan.problems
    assert all(each.reason.code is Code.EXPRESS_SERVICE for each in plan.problems)
    assert list(plan.changes) == []


@pytest.mark.parametrize(
    ("job", "is_reported"),
    [
        pytest.param({}, False, id="EC2-by-default"),
        pytest.param({"Properties": {"PlatformCapabilities": ["EC2"]}}, False, id="EC2"),
        pytest.param({"Properties": {"Fn::Transform": {"Name": "Other"}}}, True, id="transform-in-the-properties"),
        pytest.param({"Fn::Transform": {"Name": "Other"}}, True, id="transform-beside-the-type"),
        pytest.param(
            {"Properties": {"Fn::ForEach::K": ["X", ["PlatformCapabilities"], {"${X}": ["FARGATE"]}]}}, True, id="loop"
        ),
        pytest.param({"Properties": {"Fn::If": ["C", {}, {}]}}, True, id="expression"),
        pytest.param({"Properties": {"PlatformCapabilities": {"Ref": "P"}}}, True, id="unknown"),
    ],
)
def test_a_job_counts_as_one_for_fargate_if_something_hides_what_it_is(job: dict[str, Any], is_reported: bool) -> None:  # noqa: FBT001 - a row of the table
    parameters: Json = {"P": {"Type": "AWS::SSM::Parameter::Value<List<String>>"}}
    value: Json = {"Parameters": parameters, "Resources": {"Job": {"Type": "AWS::Batch::JobDefinition", **job}}}
    assert any(each.reason.code is Code.BATCH_JOB for each in planned(value).notices) is is_reported
