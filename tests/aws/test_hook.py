"""The deployed hook, with the deployed macro before it: what stops a stack, and what passes.

The embedded CloudFormation has no hooks: see fixtures_hook.
"""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final, NamedTuple

import pytest

from embedded_aws import sam
from embedded_aws.aws import REGION, EmbeddedAws
from fixtures_deployment import WRAPPER, run_task, task
from fixtures_embedded_aws import SECRET, on_embedded_aws
from fixtures_hook import HookedDeployment, call_hook, call_stack_hook, deploy_with_hook, processed

pytestmark = on_embedded_aws

LOCKED: Final = "Collector,CollectorPort,AgentImage,AccessKeySecret,Priority"
WEB: Final[dict[str, Any]] = {"Name": "web", "Image": "shop/web:1.4", "EntryPoint": ["run"], "Memory": 256}
AGENT: Final = "SysdigInstrumentation"
numbers = count()


class Ring(NamedTuple):
    """A deployment of the macro and its hook under a name of its own."""

    aws: EmbeddedAws
    macro: str
    hook_function: str

    def deploy(self, *, macro: bool = True, **resources: Any) -> HookedDeployment:
        """Deploy a new stack with or without the macro's line."""
        template: dict[str, Any] = {"Resources": resources}
        if macro:
            template["Transform"] = self.macro
        return deploy_with_hook(self.aws, self.hook_function, f"hooked-{next(numbers)}", template)


@pytest.fixture(scope="module", params=["", LOCKED], ids=["nothing-locked", "locked"])
def ring(aws: EmbeddedAws, request: pytest.FixtureRequest) -> Iterator[Ring]:
    suffix = "locked" if request.param else "open"
    parameters = {
        "Collector": "us2", "AccessKeySecret": SECRET, "MacroName": f"SysdigInstrument-{suffix}", "HookMode": "FAIL",
        "StackHookMode": "FAIL" if request.param else "OFF",
        "HookAlias": f"Sysdig::Instrument::{suffix.title()}", "LockedSettings": request.param,
    }  # fmt: skip
    stack = f"hook-{suffix}"
    sam.deploy(aws, aws.workspace / "build" / "template.yaml", stack, parameters)
    found = aws.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    resources = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}
    yield Ring(aws, parameters["MacroName"], resources["HookFunction"])
    functions = aws.client("lambda")  # other tests expect a single function
    for name in ("MacroFunction", "HookFunction"):
        functions.delete_function(FunctionName=resources[name])


def test_the_hook_has_a_function_of_its_own(ring: Ring) -> None:
    function = ring.aws.client("lambda").get_function_configuration(FunctionName=ring.hook_function)
    has_stack_hook = ring.macro.endswith("locked")
    assert (function["MemorySize"], function["Timeout"]) == (1769 if has_stack_hook else 256, 20)
    iam, role = ring.aws.client("iam"), function["Role"].rpartition("/")[2]
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["WriteOwnLog"]
    (statement,) = iam.get_role_policy(RoleName=role, PolicyName="WriteOwnLog")["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert ":log-group:/aws/lambda/hook-" in statement["Resource"]
    assert "-hook:" in statement["Resource"]


def test_the_output_of_the_macro_passes(ring: Ring) -> None:
    deployment = ring.deploy(Task=task(WEB), Other=task(WEB, {**WEB, "Name": "side"}))
    assert {name: answer["hookStatus"] for name, answer in deployment.answers.items()} == {
        "Task": "SUCCESS", "Other": "SUCCESS",
    }, deployment  # fmt: skip
    assert deployment.stack
    assert deployment.stack.succeeded


def test_a_task_without_the_macro_stops_the_stack(ring: Ring) -> None:
    deployment = ring.deploy(macro=False, Task=task(WEB))
    assert deployment.stack is None
    assert deployment.answers["Task"]["errorCode"] == "NonCompliant"
    assert 'Container "web" is not started by the wrapper' in deployment.answers["Task"]["message"]


def instrumented(ring: Ring) -> dict[str, Any]:
    """Return the properties that the macro makes of a task definition."""
    template = {"Transform": ring.macro, "Resources": {"Task": task(WEB)}}
    properties: dict[str, Any] = processed(ring.aws, f"hooked-{next(numbers)}", template)["Resources"]["Task"][
        "Properties"
    ]
    return properties


Change = Callable[[dict[str, Any]], dict[str, Any]]
FAKES: Final[dict[str, Change]] = {
    "busybox": lambda _agent: {"Name": AGENT, "Image": "busybox", "Essential": False},
    "busybox-that-sleeps": lambda _agent: {
        "Name": AGENT, "Image": "busybox:1", "EntryPoint": ["sleep"], "Command": ["infinity"]
    },
    "busybox-with-the-variables-of-the-agent": lambda agent: {**agent, "Image": "busybox"},
    "agent-of-another-registry": lambda agent: {**agent, "Image": "evil.example/workload-agent"},
    "agent-whose-repository-is-a-tag": lambda agent: {**agent, "Image": "evil.example/x:quay.io-sysdig-workload-agent"},
    "agent-that-sleeps": lambda agent: {**agent, "EntryPoint": ["sleep"], "Command": ["infinity"]},
}  # fmt: skip


@pytest.mark.parametrize("fake", FAKES)
def test_a_fake_agent_stops_the_stack(ring: Ring, fake: str) -> None:
    """Everything but the agent's container is as the macro makes it."""
    properties = copy.deepcopy(instrumented(ring))
    agent = properties["ContainerDefinitions"][-1]
    assert agent["Name"] == AGENT
    properties["ContainerDefinitions"][-1] = FAKES[fake](agent)
    resource = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
    deployment = ring.deploy(macro=False, Task=resource)
    assert deployment.stack is None, deployment
    assert deployment.answers["Task"]["errorCode"] == "NonCompliant"


def test_no_agent_stops_the_stack(ring: Ring) -> None:
    properties = copy.deepcopy(instrumented(ring))
    assert properties["ContainerDefinitions"][0]["EntryPoint"][0] == WRAPPER
    del properties["ContainerDefinitions"][-1]
    deployment = ring.deploy(macro=False, Task={"Type": "AWS::ECS::TaskDefinition", "Properties": properties})
    assert deployment.stack is None, deployment


def test_a_tag_opts_out(ring: Ring) -> None:
    tags = [{"Key": "sysdig-instrument", "Value": "false"}]
    deployment = ring.deploy(Task=task(WEB, Tags=tags))
    assert deployment.answers["Task"]["hookStatus"] == "SUCCESS"
    assert "left alone" in deployment.answers["Task"]["message"]


OPT_OUTS: Final[dict[str, dict[str, Any]]] = {
    "whole-task": {"Enabled": False},
    "one-container": {"ExcludeContainers": ["side"]},
    "settings-of-a-container": {"Containers": {"side": {"Enabled": False}}},
}


@pytest.mark.parametrize("settings", OPT_OUTS)
def test_an_opt_out_by_metadata_passes_hook_and_coverage(ring: Ring, settings: str) -> None:
    """Neither sees Metadata: the macro writes what it leaves alone into tags."""
    family = f"opted-out-{next(numbers)}"
    resource = task(WEB, {**WEB, "Name": "side"}, Family=family)
    resource["Metadata"] = {"SysdigInstrument": {**OPT_OUTS[settings], "AgentMemory": 256}}
    deployment = ring.deploy(Task=resource)
    assert deployment.answers["Task"]["hookStatus"] == "SUCCESS", deployment
    assert deployment.stack
    assert deployment.stack.succeeded
    ring.aws.client("ecs").create_cluster(clusterName=family)
    run_task(ring.aws.client, family, family)
    command = [sys.executable, "-m", "sysdig_instrument", "coverage", "--region", REGION, "--cluster", family]
    done = subprocess.run(
        [*command, "--format", "json", "--set", "Collector=us2", "--set", f"AccessKeySecret={SECRET}"],
        env=ring.aws.environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("target", ["STACK", "CHANGE_SET"])
def test_a_template_that_is_not_in_s3_itself_fails(ring: Ring, target: str) -> None:
    """The presigned URLs of the embedded AWS lead to this machine, as those of an attacker may."""
    s3, bucket = ring.aws.client("s3"), f"templates-{next(numbers)}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="payload", Body=b'{"template": "{}"}')
    address = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "payload"})
    answer = call_stack_hook(ring.aws, ring.hook_function, target, address)
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "InternalFailure")
    assert "not https to an endpoint of Amazon S3" in answer["message"]


def test_what_cannot_be_inspected_fails(ring: Ring) -> None:
    unreadable: tuple[dict[str, Any], ...] = ({}, {"ContainerDefinitions": "text"}, {"ContainerDefinitions": []})
    for properties in unreadable:
        answer = call_hook(ring.aws, ring.hook_function, "Task", properties)
        assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "InternalFailure")
