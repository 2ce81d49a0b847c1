"""`sysdig-instrument coverage` reports on the tasks of stacks on the embedded AWS."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from embedded_aws import stacks
from embedded_aws.aws import REGION, EmbeddedAws
from fixtures_deployment import run_task
from fixtures_embedded_aws import on_embedded_aws

pytestmark = on_embedded_aws

CLUSTER = "covered"


def template(family: str, **sections: object) -> str:
    """Return a template with a task definition."""
    resource = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "Family": family,
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "Cpu": "512",
            "Memory": "1024",
            "ExecutionRoleArn": "arn:aws:iam::111122223333:role/execution",
            "ContainerDefinitions": [{"Name": "web", "Image": "shop/web:1.4"}],
        },
    }
    return json.dumps({**sections, "Resources": {"Task": resource}})


def coverage(aws: EmbeddedAws, *arguments: str) -> tuple[int, dict[str, Any]]:
    command = [
        sys.executable,
        "-m",
        "sysdig_instrument",
        "coverage",
        "--cluster",
        CLUSTER,
        "--format",
        "json",
        *arguments,
    ]
    done = subprocess.run(command, env=aws.environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def test_only_tasks_of_stacks_with_the_macro_are_protected(aws: EmbeddedAws) -> None:
    aws.client("ecs").create_cluster(clusterName=CLUSTER)
    cloudformation = aws.client("cloudformation")
    stack = stacks.deploy(cloudformation, "with-macro", template("with-macro", Transform="SysdigInstrument"))
    assert stack.succeeded, stack
    run_task(aws.client, CLUSTER, "with-macro")
    # With the settings of the macro's deployment there are no remarks.
    code, found = coverage(aws, "--region", REGION, "--set", "Collector=us2")
    (group,) = found["groups"]
    assert (code, group["verdict"], group["reasons"], group["remarks"]) == (0, "protected", [], [])
    assert group["taskDefinition"] == "with-macro:1"
    assert group["agent"]["image"] == "quay.io/sysdig/workload-agent:latest"

    stack = stacks.deploy(cloudformation, "without-macro", template("without-macro"))
    assert stack.succeeded, stack
    run_task(aws.client, CLUSTER, "without-macro")
    code, found = coverage(aws, "--all-regions")
    assert code == 1
    assert found["summary"]["protectedPercent"] == 50.0
    assert found["groups"][0]["reasons"] == ['Container "web" is not started by the wrapper']
