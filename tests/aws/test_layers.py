"""Settings in all layers, the policy for the access key and the Result, from a template to the deployed resources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from embedded_aws import stacks
from embedded_aws.aws import EmbeddedAws
from fixtures_embedded_aws import SECRET, on_embedded_aws
from sysdig_instrument.cli import main
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED

pytestmark = on_embedded_aws

NAME: Final = "layers"
WRAPPER: Final = "/opt/draios/bin/instrument"
SETTINGS: Final = ["--set=Collector=us2", f"--set=AccessKeySecret={SECRET}"]

TEMPLATE: Final = """
Transform:
  - Name: SysdigInstrument
    Parameters: {LogLevel: debug}
Metadata:
  SysdigInstrument: {Priority: security, AgentMemoryReservation: 128}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ecs-tasks.amazonaws.com}, Action: sts:AssumeRole}]
  Api:
    Type: AWS::ECS::TaskDefinition
    Metadata:
      SysdigInstrument:
        AgentMemoryReservation: 256
        Containers:
          helper: {Enabled: false}
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: "512"
      Memory: "1024"
      ExecutionRoleArn: !GetAtt Role.Arn
      ContainerDefinitions:
        - {Name: web, Image: "shop/web:1.4", EntryPoint: [serve]}
        - {Name: helper, Image: "shop/web:1.4", EntryPoint: [help]}
  Ignored:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Tags: [{Key: sysdig-instrument, Value: "false"}]
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: "512"
      Memory: "1024"
      ContainerDefinitions:
        - {Name: web, Image: "shop/web:1.4", EntryPoint: [serve]}
"""


@pytest.fixture(scope="module")
def stack(aws: EmbeddedAws) -> stacks.Stack:
    deployed = stacks.deploy(aws.client("cloudformation"), NAME, TEMPLATE)
    assert deployed.succeeded, deployed
    return deployed


@pytest.fixture(scope="module")
def processed(aws: EmbeddedAws, stack: stacks.Stack) -> dict[str, Any]:
    body = aws.client("cloudformation").get_template(StackName=stack.name, TemplateStage="Processed")["TemplateBody"]
    template: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return template


def described(aws: EmbeddedAws, stack: stacks.Stack, name: str) -> dict[str, Any]:
    answer = aws.client("ecs").describe_task_definition(taskDefinition=stack.resources[name])
    task: dict[str, Any] = answer["taskDefinition"]
    return task


def test_later_layers_win(aws: EmbeddedAws, stack: stacks.Stack) -> None:
    agent = described(aws, stack, "Api")["containerDefinitions"][-1]
    environment = {each["name"]: each["value"] for each in agent["environment"]}
    assert environment["SYSDIG_COLLECTOR"] == "ingest-us2.app.sysdig.com"  # the deployment
    assert environment["SYSDIG_PRIORITY"] == "security"  # the template's Metadata
    assert agent["essential"] is True
    assert environment["SYSDIG_LOGGING"] == "debug"  # the Transform's parameters
    assert agent["memoryReservation"] == 256  # the resource's Metadata


def test_containers_and_tasks_can_opt_out(aws: EmbeddedAws, stack: stacks.Stack) -> None:
    web, helper, _ = described(aws, stack, "Api")["containerDefinitions"]
    assert web["entryPoint"] == [WRAPPER, "serve"]
    assert helper["entryPoint"] == ["help"]
    assert "pidMode" not in described(aws, stack, "Ignored")


def test_the_execution_role_may_read_the_access_key(aws: EmbeddedAws, stack: stacks.Stack) -> None:
    iam, role = aws.client("iam"), stack.resources["Role"]
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["SysdigInstrumentAccessKey"]
    policy = iam.get_role_policy(RoleName=role, PolicyName="SysdigInstrumentAccessKey")["PolicyDocument"]
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "secretsmanager:GetSecretValue")
    assert statement["Resource"] == [SECRET, f"{SECRET}-??????"]


def test_the_result_records_what_was_done_and_why(processed: dict[str, Any]) -> None:
    results = {
        name: resource["Metadata"]["SysdigInstrument"]["Result"]
        for name, resource in processed["Resources"].items()
        if resource["Type"] == "AWS::ECS::TaskDefinition"
    }
    assert results == {
        "Api": {
            "Task": "instrumented",
            "Containers": {
                "web": "instrumented: entry point from the template",
                "helper": "skipped: Enabled is false in the resource's Metadata",
            },
            "Undo": [  # as the Transform has Parameters, the Result does not say which tags are new
                "remove Metadata/SysdigInstrument/Result",
                "remove Properties/Tags",
                "remove Properties/ContainerDefinitions/=SysdigInstrumentation",
                "remove Properties/ContainerDefinitions/=web/LinuxParameters",
                "remove Properties/ContainerDefinitions/=web/VolumesFrom",
                "remove Properties/ContainerDefinitions/=web/Environment",
                "remove Properties/ContainerDefinitions/=web/EntryPoint/0",
                "remove Properties/PidMode",
            ],
        },
        "Ignored": {"Task": "skipped: Enabled is false in the tags"},
    }


def test_check_passes_processed_templates_and_those_with_the_line(processed: dict[str, Any], tmp_path: Path) -> None:
    after, before = tmp_path / "processed.json", tmp_path / "template.yaml"
    after.write_text(json.dumps(processed))
    before.write_text(TEMPLATE)
    assert main.run(["check", str(after), *SETTINGS]) == EXIT_OK
    assert main.run(["check", str(before), *SETTINGS]) == EXIT_OK
    before.write_text(
        TEMPLATE.replace("SysdigInstrument-canary", "Other").replace("Name: SysdigInstrument", "Name: Other")
    )
    assert main.run(["check", str(before), *SETTINGS]) == EXIT_REFUSED


def test_processing_a_processed_template_changes_nothing(processed: dict[str, Any], tmp_path: Path) -> None:
    file, output = tmp_path / "processed.json", tmp_path / "again.json"
    file.write_text(json.dumps(processed))
    assert main.run(["transform", str(file), "-o", str(output), "--set=LogLevel=debug", *SETTINGS]) == EXIT_OK
    assert json.loads(output.read_text()) == processed
