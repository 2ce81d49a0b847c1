"""Task definitions that say EC2 alone, and that the same template starts on Fargate."""

from __future__ import annotations

from typing import Any

import pytest

from factories import (
    CONDITIONS,
    NOVALUE,
    container,
    containers_of,
    if_,
    plan_of,
    processed,
    resource,
    template,
)
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.selection import SkipReason
from sysdig_instrument.engine.task_plan import Status

TASK: Json = {"Ref": "Api"}
FARGATE_STRATEGY: Json = [{"CapacityProvider": "FARGATE_SPOT", "Weight": 1}]
EC2_STRATEGY: Json = [{"CapacityProvider": {"Ref": "Provider"}}, {"CapacityProvider": "my-hosts"}]
SECTIONS: dict[str, Json] = {
    **CONDITIONS,
    "Parameters": {
        "Where": {"Type": "String", "Default": "FARGATE"},
        "Hosts": {"Type": "String", "Default": "EC2"},
        "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/launch-type"},
    },
}


def launched(launcher_type: str, properties: Json, **more: Json) -> dict[str, Any]:
    """Return a template with a task definition for EC2, and one resource that launches it."""
    value = template(RequiresCompatibilities=["EC2"], Family="shop-api", sections=SECTIONS)
    value["Resources"]["Launcher"] = {"Type": launcher_type, "Properties": properties}
    value["Resources"]["Provider"] = {"Type": "AWS::ECS::CapacityProvider", "Properties": {}}
    value["Resources"].update(more)
    return value


def is_instrumented(value: dict[str, Any], **settings: Json) -> bool:
    return "VolumesFrom" in containers_of(processed(value, settings))[0]


def service(**properties: Json) -> dict[str, Any]:
    return launched("AWS::ECS::Service", {"TaskDefinition": TASK, **properties})


ECS_TARGET: dict[str, Json] = {"TaskDefinitionArn": TASK, "LaunchType": "FARGATE"}
STATE: Json = {
    "States": {"Run": {"Type": "Task", "Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": {
        "LaunchType": "FARGATE", "TaskDefinition": "${Task}"}}},
}  # fmt: skip
TEXT = '{"Resource": "arn:aws:states:::ecs:runTask.sync", "Parameters": {"LaunchType": "FARGATE", "TaskDefinition": '

ON_FARGATE = {
    "service": service(LaunchType="FARGATE"),
    "lower case": service(LaunchType="Fargate"),
    "strategy": service(CapacityProviderStrategy=FARGATE_STRATEGY),
    "mixed strategy": service(CapacityProviderStrategy=[*EC2_STRATEGY, *FARGATE_STRATEGY]),  # type: ignore[misc]
    "parameter": service(LaunchType={"Ref": "Where"}),
    "condition": service(LaunchType=if_("Active", "FARGATE", "EC2")),
    "not known": service(LaunchType={"Fn::GetAtt": ["X", "Y"]}),
    "by an SSM parameter": service(LaunchType={"Ref": "Stored"}),
    "by a dynamic reference": service(LaunchType="{{resolve:ssm:/launch-type}}"),
    "provider not known": service(CapacityProviderStrategy=[{"CapacityProvider": {"Fn::ImportValue": "X"}}]),
    "strategy not known": service(CapacityProviderStrategy={"Fn::GetAtt": ["X", "Y"]}),
    "optional launch type": service(LaunchType=NOVALUE, CapacityProviderStrategy=FARGATE_STRATEGY),
    "default of a cluster": launched(
        "AWS::ECS::Service", {"TaskDefinition": TASK},
        Cluster={"Type": "AWS::ECS::Cluster", "Properties": {"DefaultCapacityProviderStrategy": FARGATE_STRATEGY}},
    ),
    "default by association": launched(
        "AWS::ECS::Service", {"TaskDefinition": TASK}, Defaults={
            "Type": "AWS::ECS::ClusterCapacityProviderAssociations",
            "Properties": {"Cluster": "shop", "DefaultCapacityProviderStrategy": FARGATE_STRATEGY}},
    ),
    "task set": launched("AWS::ECS::TaskSet", {"TaskDefinition": TASK, "LaunchType": "FARGATE"}),
    "rule": launched("AWS::Events::Rule", {"Targets": [{"EcsParameters": ECS_TARGET}]}),
    "schedule": launched("AWS::Scheduler::Schedule", {"Target": {"EcsParameters": ECS_TARGET}}),
    "pipe": launched("AWS::Pipes::Pipe", {"TargetParameters": {"EcsTaskParameters": ECS_TARGET}}),
    "by family": service(TaskDefinition="shop-api", LaunchType="FARGATE"),
    "by family and revision": service(TaskDefinition="shop-api:3", LaunchType="FARGATE"),
    "by ARN": service(TaskDefinition={"Fn::Sub": "arn:${AWS::Partition}:ecs:eu-west-1:1:task-definition/shop-api"}, LaunchType="FARGATE"),
    "by Fn::Sub": service(TaskDefinition={"Fn::Sub": "${Api}"}, LaunchType="FARGATE"),
    "state machine": launched("AWS::StepFunctions::StateMachine", {"Definition": {"Parameters": {"TaskDefinition": TASK, "LaunchType": "FARGATE"}}}),
    "state machine with a substitution": launched("AWS::StepFunctions::StateMachine", {"Definition": STATE, "DefinitionSubstitutions": {"Task": TASK}}),
    "state machine with a path": launched("AWS::StepFunctions::StateMachine", {"Definition": {"Parameters": {"TaskDefinition": TASK, "LaunchType.$": "$.where"}}}),
    "state machine as text": launched("AWS::StepFunctions::StateMachine", {"DefinitionString": {"Fn::Sub": TEXT + '"${Api}"}}'}}),
    "state machine as joined text": launched("AWS::StepFunctions::StateMachine", {"DefinitionString": {"Fn::Join": ["", [TEXT, TASK, "}}"]]}}),
    "state machine by family": launched("AWS::StepFunctions::StateMachine", {"DefinitionString": TEXT + '"shop-api:1"}}'}),
    "state machine with a parameter": launched("AWS::StepFunctions::StateMachine", {"DefinitionString": {"Fn::Sub": '{"LaunchType": "${Where}", "TaskDefinition": "${Api}"}'}}),
    "state machine with a parameter to substitute": launched("AWS::StepFunctions::StateMachine", {"DefinitionUri": "x.json", "DefinitionSubstitutions": {"Task": TASK, "Where": {"Ref": "Where"}}}),
    "state machine in pieces": launched("AWS::StepFunctions::StateMachine", {"DefinitionString": {"Fn::Join": ["", ['{"LaunchType": "FAR', 'GATE", "TaskDefinition": "', TASK, '"}']]}}),
    "custom resource": launched("Custom::RunTask", {"TaskDefinition": TASK, "launchType": "FARGATE"}),
    "function": launched("AWS::Lambda::Function", {"Environment": {"Variables": {"TASK": TASK, "LAUNCH_TYPE": "FARGATE"}}}),
}  # fmt: skip
ELSEWHERE = {
    "service": service(LaunchType="EC2"),
    "parameter": service(LaunchType={"Ref": "Hosts"}),
    "condition": service(LaunchType=if_("Inactive", "FARGATE", "EC2")),
    "strategy": service(CapacityProviderStrategy=EC2_STRATEGY),
    "nothing said": service(),
    "empty strategy": service(CapacityProviderStrategy=[]),
    "inactive": launched("AWS::ECS::Service", {}, Late={"Type": "AWS::ECS::Service", "Condition": "Inactive", "Properties": {"TaskDefinition": TASK, "LaunchType": "FARGATE"}}),
    "another task": service(TaskDefinition="shop-web", LaunchType="FARGATE"),
    "permission": launched("AWS::IAM::Policy", {"PolicyDocument": {"Statement": [{"Action": "ecs:RunTask", "Resource": TASK}]}}),
    "states on EC2": launched("AWS::StepFunctions::StateMachine", {"Definition": {"Parameters": {"TaskDefinition": TASK, "LaunchType": "EC2"}}}),
    "state machine with another parameter": launched("AWS::StepFunctions::StateMachine", {"DefinitionString": {"Fn::Sub": '{"LaunchType": "${Hosts}", "TaskDefinition": "${Api}"}'}}),
    "service with Fargate in its name": service(ServiceName="not-fargate"),
    "two tasks in one": launched("AWS::Events::Rule", {"Targets": [
        {"EcsParameters": {"TaskDefinitionArn": TASK, "LaunchType": "EC2"}},
        {"EcsParameters": {"TaskDefinitionArn": {"Ref": "Other"}, "LaunchType": "FARGATE"}}]}),
}  # fmt: skip


@pytest.mark.parametrize("value", ON_FARGATE.values(), ids=ON_FARGATE)
def test_a_task_that_is_started_on_fargate_is_instrumented(value: dict[str, Any]) -> None:
    assert is_instrumented(value)
    assert processed(processed(value)) == processed(value)


@pytest.mark.parametrize("value", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_task_that_is_started_elsewhere_is_left_alone(value: dict[str, Any]) -> None:
    (task,) = plan_of(value).tasks
    assert task.outcome.skip_reason is SkipReason.NOT_FARGATE


def test_a_task_that_cannot_run_on_fargate_is_left_alone() -> None:
    value = service(LaunchType="FARGATE")
    value["Resources"]["Api"]["Properties"]["NetworkMode"] = "bridge"
    assert not is_instrumented(value)


def test_a_family_that_is_an_expression_is_compared_as_such() -> None:
    family: Json = {"Fn::Sub": "${AWS::StackName}-api"}
    value = service(TaskDefinition=family, LaunchType="FARGATE")
    value["Resources"]["Api"]["Properties"]["Family"] = family
    assert is_instrumented(value)
    value["Resources"]["Api"]["Properties"]["Family"] = {"Fn::Sub": "${AWS::StackName}-web"}
    assert not is_instrumented(value)


def test_a_launcher_in_a_loop_counts() -> None:
    loop: Json = {
        "Fn::ForEach::Tasks": ["X", ["A", "B"], {"T${X}": resource(RequiresCompatibilities=["EC2"])}],
        "Fn::ForEach::Services": ["X", ["A", "B"], {"S${X}": {
            "Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "T${X}"}, "LaunchType": "FARGATE"}}}],
    }  # fmt: skip
    (task,) = plan_of({"Resources": loop}).tasks
    assert task.outcome.text == "instrumented"


@pytest.mark.parametrize(
    "reference", [{"Ref": {"Fn::Sub": "T${X}"}}, {"Ref": "TA"}, {"Fn::GetAtt": [{"Fn::Sub": "T${X}"}, "Arn"]}]
)
def test_a_launcher_of_a_task_in_a_loop_counts(reference: Json) -> None:
    started: Json = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": reference, "LaunchType": "FARGATE"}}
    loop: Json = ["X", ["A"], {"T${X}": resource(RequiresCompatibilities=["EC2"]), "S${X}": started}]
    (task,) = plan_of({"Resources": {"Fn::ForEach::Tasks": loop}}).tasks
    assert task.outcome.text == "instrumented"


def test_compatible_tasks_are_instrumented_by_a_setting() -> None:
    """For the hook, and for tasks that something outside of the template starts."""
    for name in ("EC2", "EXTERNAL", "MANAGED_INSTANCES"):
        value = template(RequiresCompatibilities=[name])
        assert not is_instrumented(value)
        assert is_instrumented(value, LaunchTypes="FARGATE_COMPATIBLE")
    cannot = template(RequiresCompatibilities=["EC2"], Memory=NOVALUE)
    assert not is_instrumented(cannot, LaunchTypes="FARGATE_COMPATIBLE")


@pytest.mark.parametrize("names", [["MANAGED_INSTANCES"], ["EC2", "MANAGED_INSTANCES"], "managed_instances"])
def test_managed_instances_are_not_covered_by_the_host_agent(names: Json) -> None:
    (task,) = plan_of(template(RequiresCompatibilities=names)).tasks
    assert task.outcome.skip_reason is SkipReason.MANAGED_INSTANCES
    assert task.outcome.why.startswith("for managed instances, which this macro does not cover")
    everywhere = plan_of(template(RequiresCompatibilities=names), {"LaunchTypes": "ALL"}).tasks[0].outcome
    assert (everywhere.skip_reason is SkipReason.MANAGED_INSTANCES) is (names != ["EC2", "MANAGED_INSTANCES"])
    with_fargate = plan_of(template(container(), RequiresCompatibilities=["MANAGED_INSTANCES", "FARGATE"]))
    assert with_fargate.tasks[0].outcome.text == "instrumented"


@pytest.mark.parametrize("resource_type", [["AWS::ECS::Service"], {"Ref": "Type"}, None, 1])
def test_a_resource_whose_type_is_no_string_is_no_launcher_of_a_known_kind(resource_type: Json) -> None:
    value = launched("AWS::ECS::Service", {"LaunchType": "FARGATE", "TaskDefinition": TASK})
    value["Resources"]["Launcher"]["Type"] = resource_type
    (planned,) = plan_of(value).tasks
    assert planned.outcome.status is Status.INSTRUMENTED
