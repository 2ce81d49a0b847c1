"""`make package` makes a template and a function for all Regions of an organisation. A separate ring is deployed from them."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Final

import pytest

from embedded_aws import stacks
from embedded_aws.aws import EmbeddedAws
from fixtures_embedded_aws import ROOT, SECRET, on_embedded_aws
from sysdig_instrument import __version__

pytestmark = on_embedded_aws

REGIONS = ("us-east-1", "eu-west-1")
MAX_BODY: Final = 51_200
"""The largest template that CloudFormation takes in a request, in bytes (CloudFormation user guide, «Quotas»)."""

RING = "SysdigInstrument-canary"
TOPIC = "arn:aws:sns:us-east-1:000000000000:operations"
TASK: Final[dict[str, Any]] = {
    "Type": "AWS::ECS::TaskDefinition",
    "Properties": {
        "RequiresCompatibilities": ["FARGATE"], "NetworkMode": "awsvpc", "Cpu": "512", "Memory": "1024",
        "ExecutionRoleArn": "arn:aws:iam::111122223333:role/execution",
        "ContainerDefinitions": [{"Name": "web", "Image": "shop/web:1", "EntryPoint": ["run"]}],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def packaged(aws: EmbeddedAws, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run `make package`, and return the template that it writes."""
    folder = tmp_path_factory.mktemp("package")
    for region in REGIONS:
        aws.client("s3").create_bucket(Bucket=f"packages-{region}")
    built = aws.workspace / "build" / "template.yaml"
    make = ["make", "--silent", "--old-file=build", "package", f"BUILT={built}", f"DIST={folder}"]
    subprocess.run(
        [*make, "BUCKET=packages", f"REGIONS={' '.join(REGIONS)}"],
        cwd=ROOT, env=aws.environment() | {"HOME": str(folder)}, check=True, timeout=120, capture_output=True,
    )  # fmt: skip
    return (folder / "template.yaml").read_text()


@pytest.fixture(scope="module")
def canary(aws: EmbeddedAws, packaged: str) -> stacks.Stack:
    """Deploy the macro a second time, under another name and without AWS SAM, as a stack set does."""
    cloudformation = aws.client("cloudformation")
    parameters = {"Collector": "us2", "AccessKeySecret": SECRET, "MacroName": RING}
    parameters |= {"Priority": "security", "LockedSettings": "Priority", "AlarmTopic": TOPIC}
    return stacks.deploy(cloudformation, "canary", packaged, parameters)


def test_every_region_has_the_function_under_one_name(aws: EmbeddedAws, packaged: str) -> None:
    names = [
        {each["Key"] for each in aws.client("s3").list_objects_v2(Bucket=f"packages-{region}")["Contents"]}
        for region in REGIONS
    ]
    assert names[0] == names[1]
    code = json.loads(packaged)["Resources"]["MacroFunction"]["Properties"]["Code"]
    assert code["S3Bucket"] == {"Fn::Sub": "packages-${AWS::Region}"}
    assert code["S3Key"] in names[0]
    assert len(packaged) < MAX_BODY


def test_the_package_has_what_publishing_requires(packaged: str) -> None:
    application = json.loads(packaged)["Metadata"]["AWS::ServerlessRepo::Application"]
    assert application["SemanticVersion"] == __version__
    assert application["LicenseUrl"].startswith("s3://packages-")
    assert application["ReadmeUrl"].startswith("s3://packages-")


def test_the_package_has_no_transform(packaged: str) -> None:
    """Stack sets with service-managed permissions refuse a template with a transform."""
    assert "\nTransform:" not in packaged
    assert "Fn::Transform" not in packaged


def test_a_ring_has_settings_of_its_own(aws: EmbeddedAws, canary: stacks.Stack) -> None:
    assert canary.succeeded, canary
    essential = {}
    for number, name in enumerate(("SysdigInstrument", RING)):
        template = json.dumps({"Transform": name, "Resources": {"Task": TASK}})
        stack = stacks.deploy(aws.client("cloudformation"), f"ring-{number}", template)
        assert stack.succeeded, stack
        answer = aws.client("ecs").describe_task_definition(taskDefinition=stack.resources["Task"])
        essential[name] = answer["taskDefinition"]["containerDefinitions"][-1]["essential"]
    assert essential == {"SysdigInstrument": False, RING: True}


def test_a_locked_setting_cannot_be_changed(aws: EmbeddedAws, canary: stacks.Stack) -> None:
    assert canary.succeeded, canary
    task = {**TASK, "Metadata": {"SysdigInstrument": {"Priority": "availability"}}}
    template = json.dumps({"Transform": RING, "Resources": {"Task": task}})
    stack = stacks.deploy(aws.client("cloudformation"), "locked", template)
    assert stack.status == "CREATE_FAILED"
    assert "Setting \"Priority\" in the resource's Metadata is locked by the macro's deployment" in stack.reason


def test_a_ring_has_alarms_of_its_own(aws: EmbeddedAws, canary: stacks.Stack) -> None:
    alarms = aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    own = {alarm["MetricName"]: alarm for alarm in alarms if alarm["AlarmActions"] == [TOPIC]}
    assert set(own) == {"Failed", "Errors", "Throttles", "Duration"}
    assert own["Failed"]["Dimensions"] == [{"Name": "service", "Value": RING}]
    function = canary.resources["MacroFunction"]
    assert own["Duration"]["Dimensions"] == [{"Name": "FunctionName", "Value": function}]
