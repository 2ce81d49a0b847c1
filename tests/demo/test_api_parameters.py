"""The embedded ECS accepts task definitions in CloudFormation's PascalCase."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from embedded_aws.api_parameters import to_api_parameters

SHAPE = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"Family": "shop", "Cpu": 512}, {"family": "shop", "cpu": "512"}),
        ({"EphemeralStorage": {"SizeInGiB": "30"}}, {"ephemeralStorage": {"sizeInGiB": 30}}),
        ({"Tags": [{"Key": "Team", "Value": "Shop"}]}, {"tags": [{"key": "Team", "value": "Shop"}]}),
        (
            {
                "Volumes": [
                    {"EFSVolumeConfiguration": {"FilesystemId": "fs-1", "AuthorizationConfig": {"IAM": "ENABLED"}}}
                ]
            },
            {
                "volumes": [
                    {"efsVolumeConfiguration": {"fileSystemId": "fs-1", "authorizationConfig": {"iam": "ENABLED"}}}
                ]
            },
        ),
        (
            {"ProxyConfiguration": {"ProxyConfigurationProperties": [{"Name": "AppPorts", "Value": 80}]}},
            {"proxyConfiguration": {"properties": [{"name": "AppPorts", "value": "80"}]}},
        ),
        (
            {"ContainerDefinitions": [{"Essential": "false", "DockerLabels": {"Key": "V"}, "PortMappings": []}]},
            {"containerDefinitions": [{"essential": False, "dockerLabels": {"Key": "V"}, "portMappings": []}]},
        ),
        (
            {"ContainerDefinitions": [{"LogConfiguration": {"LogDriver": "awslogs", "Options": {"Mode": "x"}}}]},
            {"containerDefinitions": [{"logConfiguration": {"logDriver": "awslogs", "options": {"Mode": "x"}}}]},
        ),
        ({"Mispelt": 1}, {"Mispelt": 1}),
    ],
)
def test_names_and_types(written: dict[str, Any], read: dict[str, Any]) -> None:
    assert to_api_parameters(written, SHAPE) == read
