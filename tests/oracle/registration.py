"""What RegisterTaskDefinition refuses of a task definition in the format of the ECS API, as far as one can know.

Types, required members and the values of enumerations come from botocore's model of the API; the rest from its reference
(ContainerDefinition, LogConfiguration, Tag) and from the service quotas.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator

Members = Mapping[str, Any]

SHAPE = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
MAX_BYTES, MAX_CONTAINERS, MAX_TAGS = 64 * 1024, 10, 50
NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
TAG = re.compile(r"[\w\s.:/=+@-]*")  # \w is \p{L} and \p{N} and the underscore
MIN_MEMORY = 6
REQUIRED_OPTIONS = {"awslogs": {"awslogs-group", "awslogs-region"}}


def registration_errors(definition: Members) -> Counter[str]:
    """Return why ECS would refuse to register a task definition: each reason, and how often it applies."""
    found = ParamValidator().validate(definition, SHAPE)
    lines = found.generate_report().splitlines() if found.has_errors() else []
    containers = [each for each in definition.get("containerDefinitions", []) if isinstance(each, dict)]
    return Counter(
        [
            *lines,
            *_wrong_choices(definition, SHAPE),
            *_task_errors(definition, containers),
            *_reference_errors(containers),
            *(error for each in containers for error in _container_errors(each, definition, containers)),
        ]
    )


def _wrong_choices(value: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """Yield each string that is none of those that the model lists for its place."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for key, item in value.items():
            if key in shape.members:
                yield from _wrong_choices(item, shape.members[key], f"{path}.{key}")
    elif shape.type_name == "list" and isinstance(value, list):
        for item in value:
            yield from _wrong_choices(item, shape.member, f"{path}[]")
    elif isinstance(value, str) and shape.metadata.get("enum") and value not in shape.metadata["enum"]:
        yield f"{path} is none of the values that ECS knows"


def _task_errors(definition: Members, containers: Sequence[Members]) -> Iterator[str]:
    if len(json.dumps(definition, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")) > MAX_BYTES:
        yield "larger than 64 KiB"
    if len(containers) > MAX_CONTAINERS:
        yield "more than 10 containers"
    if containers and not any(each.get("essential", True) for each in containers):
        yield "no essential container"
    for key, members in (("cpu", ("cpu",)), ("memory", ("memoryReservation", "memory"))):
        size = str(definition.get(key) or "")
        reserved = sum(next((_number(each[name]) for name in members if each.get(name)), 0) for each in containers)
        if size.isdigit() and reserved > int(size):
            yield f"the containers reserve more {key} than the task has"
    tags = [each for each in definition.get("tags") or [] if isinstance(each, dict)]
    if len(tags) > MAX_TAGS:
        yield "more than 50 tags"
    if len({each.get("key") for each in tags}) < len(tags):
        yield "a tag twice"
    for tag in tags:
        value = str(tag.get("value", ""))
        if len(str(tag.get("key"))) > 128 or len(value) > 256 or not TAG.fullmatch(value):
            yield f"the tag {tag.get('key')} is too long or has other characters than ECS accepts"


def _number(value: Any) -> int:
    return int(value) if str(value).isdigit() else 0


def _reference_errors(containers: Sequence[Members]) -> Iterator[str]:
    names = Counter(each.get("name") for each in containers)
    yield from (f"{name} is the name of two containers" for name, count in names.items() if count > 1)
    for container in containers:
        for key, member in (("volumesFrom", "sourceContainer"), ("dependsOn", "containerName")):
            for target in [each.get(member) for each in container.get(key) or []]:
                if target not in names or target == container.get("name"):
                    yield f"{key} of {container.get('name')} names {target}"


def _container_errors(container: Members, definition: Members, containers: Sequence[Members]) -> Iterator[str]:
    name = str(container.get("name"))
    if not NAME.fullmatch(name):
        yield f"{name!r} is no name of a container"
    if not container.get("image"):
        yield f"{name} has no image"
    yield from (f"{name}: {error}" for error in _variable_errors(container))
    memory, reservation = _number(container.get("memory")), _number(container.get("memoryReservation"))
    if memory and reservation and memory < reservation:
        yield f"{name} reserves more memory than it may have"
    if not (memory or reservation or definition.get("memory")):
        yield f"{name} has no memory, and the task has none"
    if 0 < memory < MIN_MEMORY or 0 < reservation < MIN_MEMORY:
        yield f"{name} has too little memory"
    logs = container.get("logConfiguration") or {}
    driver, options = str(logs.get("logDriver")), logs.get("options") or {}
    if not REQUIRED_OPTIONS.get(driver, set()) <= set(options):
        yield f"{name} logs without the options that its driver needs"
    if driver == "awsfirelens" and not any(each.get("firelensConfiguration") for each in containers):
        yield f"{name} logs to a FireLens router, and there is none"
    if (container.get("secrets") or container.get("repositoryCredentials")) and not definition.get("executionRoleArn"):
        yield f"{name} needs an execution role"


def _variable_errors(container: Members) -> Iterator[str]:
    variables = [(each.get("name"), each.get("value")) for each in container.get("environment") or []]
    secrets = [each.get("name") for each in container.get("secrets") or []]
    if len(set(variables)) < len(variables):  # CloudFormation's schema: the items are unique
        yield "two equal entries in environment"
    if {name for name, _ in variables} & set(secrets):
        yield "a variable and a secret of one name"
    if len(set(secrets)) < len(secrets):
        yield "two secrets of one name"
    if "" in {*secrets, *(name for name, _ in variables)}:
        yield "a variable without a name"
