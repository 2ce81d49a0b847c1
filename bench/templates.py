"""Templates with any number of task definitions, and macro events with them."""

from __future__ import annotations

import json
from typing import Any, Final

VARIABLES_PER_TASK: Final = 10
"""Environment variables of the first container of each task definition."""

MAPPED_VALUES: Final = 60
"""Values of each mapping beside the EntryPoint."""

SECRET: Final = "arn:aws:secretsmanager:us-east-1:111122223333:secret:sysdig"  # noqa: S105 - its name

SETTINGS: Final = {"SYSDIG_INSTRUMENT_COLLECTOR": "us2", "SYSDIG_INSTRUMENT_ACCESS_KEY_SECRET": SECRET}
"""The required settings of the function, as environment variables."""

IMAGE_CONFIG: Final = {"Entrypoint": ["gunicorn", "shop.wsgi"], "Cmd": ["--workers", "2"]}
"""The config of each image."""

_ROLE: Final = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
    },
}


def plain(tasks: int) -> dict[str, Any]:
    """Return a template of task definitions with two containers each, all with an EntryPoint, so no image is looked up."""
    resources = {f"Task{number}": _resource(number) for number in range(tasks)}
    return {"Resources": {"ExecutionRole": _ROLE, **resources}}


def looked_up(tasks: int) -> dict[str, Any]:
    """Return the same template without EntryPoints, so that the config of each image is needed."""
    template = plain(tasks)
    for name in template["Resources"].keys() - {"ExecutionRole"}:
        for container in template["Resources"][name]["Properties"]["ContainerDefinitions"]:
            del container["EntryPoint"]
    return template


def configured(tasks: int) -> dict[str, Any]:
    """Return the same template without EntryPoints, with the config of each image in its Metadata."""
    template = looked_up(tasks)
    images = {
        container["Image"]
        for resource in template["Resources"].values()
        for container in resource["Properties"].get("ContainerDefinitions", [])
    }
    configs = dict.fromkeys(sorted(images), IMAGE_CONFIG)
    return {"Metadata": {"SysdigInstrument": {"ImageConfigs": configs}}, **template}


def conditional(tasks: int) -> dict[str, Any]:
    """Return the same template with every value under an ``Fn::If`` whose condition depends on a parameter."""
    template = plain(tasks)
    for name in template["Resources"].keys() - {"ExecutionRole"}:
        template["Resources"][name]["Properties"] = _under_if(template["Resources"][name]["Properties"])
    parameters = {"Stage": {"Type": "String", "Default": "test"}}
    return {
        "Parameters": parameters,
        "Conditions": {"IsProduction": {"Fn::Equals": [{"Ref": "Stage"}, "production"]}},
        **template,
    }


def chain_of_conditions(tasks: int) -> dict[str, Any]:
    """Return the plain template with each task definition under a condition that refers to that of the one before."""
    template = plain(tasks)
    conditions: dict[str, Any] = {"Condition0": {"Fn::Equals": [{"Ref": "Stage"}, "test"]}}
    for number in range(tasks):
        conditions[f"Condition{number + 1}"] = {"Fn::Not": [{"Condition": f"Condition{number}"}]}
        template["Resources"][f"Task{number}"]["Condition"] = f"Condition{number + 1}"
    return {"Parameters": {"Stage": {"Type": "String", "Default": "test"}}, "Conditions": conditions, **template}


def condition_at_the_end_of_a_chain(conditions: int) -> dict[str, Any]:
    """Return one task definition whose condition refers to another, which refers to another, and so on."""
    template = chain_of_conditions(conditions)
    last = template["Resources"][f"Task{conditions - 1}"]
    return {**template, "Resources": {"ExecutionRole": _ROLE, "Task": last}}


def image_of_conditions(conditions: int) -> dict[str, Any]:
    """Return one task definition without EntryPoint whose image is joined of values, each under a condition of its own."""
    template, names = _with_conditions(looked_up(1), conditions)
    parts = [{"Fn::If": [name, "a", "b"]} for name in names]
    template["Resources"]["Task0"]["Properties"]["ContainerDefinitions"] = [
        {"Name": "web", "Image": {"Fn::Join": ["", ["shop/", *parts, ":1"]]}}
    ]
    return template


def raised_size(containers: int) -> dict[str, Any]:
    """Return one task definition to be raised, whose containers reserve CPU and memory under conditions of their own."""
    template, names = _with_conditions(plain(1), 2 * containers)
    template["Metadata"] = {"SysdigInstrument": {"TaskSize": "raise", "AgentMemoryReservation": "512"}}
    template["Resources"]["Task0"]["Properties"]["ContainerDefinitions"] = [
        {
            "Name": f"container{number}",
            "Image": "shop:1",
            "EntryPoint": ["/shop"],
            "Cpu": {"Fn::If": [names[2 * number], 64, 128]},
            "Memory": {"Fn::If": [names[2 * number + 1], 128, 256]},
        }
        for number in range(containers)
    ]
    return template


def nested_containers(depth: int) -> dict[str, Any]:
    """Return one task definition whose list of containers is inside so many Fn::If."""
    template, names = _with_conditions(plain(1), depth)
    properties = template["Resources"]["Task0"]["Properties"]
    for name in names:
        properties["ContainerDefinitions"] = {
            "Fn::If": [
                name,
                properties["ContainerDefinitions"],
                [{"Name": name, "Image": "shop:1", "EntryPoint": ["/shop"]}],
            ]
        }
    return template


def found_in_mappings(tasks: int) -> dict[str, Any]:
    """Return task definitions whose EntryPoints are in Mappings that grow with their number."""
    template = plain(tasks)
    for number in range(tasks):
        containers = template["Resources"][f"Task{number}"]["Properties"]["ContainerDefinitions"]
        containers[0]["EntryPoint"] = {"Fn::FindInMap": [f"Map{number}", "all", "EntryPoint"]}
    values = {f"Value{number}": f"value {number}" for number in range(MAPPED_VALUES)}
    entry = {"all": {"EntryPoint": ["gunicorn", "shop.wsgi"], **values}}
    return {"Mappings": {f"Map{number}": entry for number in range(tasks)}, **template}


def _with_conditions(template: dict[str, Any], count: int) -> tuple[dict[str, Any], list[str]]:
    names = [f"Condition{number}" for number in range(count)]
    parameters = {f"Parameter{number}": {"Type": "String", "Default": "no"} for number in range(count)}
    conditions = {
        name: {"Fn::Equals": [{"Ref": parameter}, "yes"]} for name, parameter in zip(names, parameters, strict=True)
    }
    return {"Parameters": parameters, "Conditions": conditions, **template}, names


def event(template: dict[str, Any]) -> dict[str, Any]:
    """Return the event that CloudFormation sends to a macro for a template."""
    parameters = {name: each["Default"] for name, each in template.get("Parameters", {}).items()}
    return {
        "region": "us-east-1",
        "accountId": "111122223333",
        "transformId": "111122223333::SysdigInstrument",
        "requestId": "e1d7cf9d-9b7d-4c2b-a3b1-4c2e0dd7a0f5",
        "fragment": json.loads(json.dumps(template)),
        "params": {},
        "templateParameterValues": parameters,
    }


def _resource(number: int) -> dict[str, Any]:
    variables = [
        {"Name": f"VARIABLE_{each}", "Value": f"value {each} of {number:04}"} for each in range(VARIABLES_PER_TASK)
    ]
    image = f"111122223333.dkr.ecr.us-east-1.amazonaws.com/web-{number}:1.4"
    web = {"Name": "web", "Image": image, "EntryPoint": ["gunicorn", "shop.wsgi"], "Environment": variables}
    log = {"Name": "log", "Image": "fluent-bit:3.2", "EntryPoint": ["/fluent-bit/bin/fluent-bit"]}
    properties = {
        "Family": f"shop-{number}",
        "Cpu": "1024",
        "Memory": "2048",
        "NetworkMode": "awsvpc",
        "RequiresCompatibilities": ["FARGATE"],
        "ExecutionRoleArn": {"Fn::GetAtt": ["ExecutionRole", "Arn"]},
        "ContainerDefinitions": [web, log],
    }
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}


def _under_if(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict) and "Fn::GetAtt" not in value:
        return {key: _under_if(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_under_if(item) for item in value]
    return {"Fn::If": ["IsProduction", value, value]}
