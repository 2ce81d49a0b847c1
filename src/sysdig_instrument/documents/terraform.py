"""Read the task definitions of a Terraform plan (``terraform show -json PLAN``), in the format of the ECS API.

Source: Terraform's "JSON Output Format", format version 1, which OpenTofu writes, too, and the resources of the AWS provider.
``resource_changes`` has each resource with all values that it will have; ``after_unknown`` says which of them are known only
after apply.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.other_workloads import JOB_REASON
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

_VERSIONS: Final = ("0", "1")
"""What is before the dot in a version. Version 0 is that of Terraform before 1.1, with the same keys."""
_REMOVALS: Final[tuple[Json, ...]] = (["delete"], ["forget"])
TASK_DEFINITION: Final = "aws_ecs_task_definition"
_OF_ANOTHER_PROVIDER: Final = "awscc_ecs_task_definition"

NOT_KNOWN: Final[Json] = {"Ref": "a value known after apply"}
"""What stands for a value that is known only after apply: for the engine, an expression that cannot be resolved."""

_ATTRIBUTES: Final[Mapping[str, str]] = {
    "family": "family",
    "requires_compatibilities": "requiresCompatibilities",
    "network_mode": "networkMode",
    "cpu": "cpu",
    "memory": "memory",
    "pid_mode": "pidMode",
    "ipc_mode": "ipcMode",
    "execution_role_arn": "executionRoleArn",
    "task_role_arn": "taskRoleArn",
}
_ALL_UNKNOWN: Final[Mapping[str, Json]] = {"container_definitions": True, "platform_capabilities": True}
"""What stands for the values of a resource that stays and has none."""
_EXPRESS_REASON: Final = Reason(
    "An Express Mode service runs its PrimaryContainer on Fargate, and that cannot carry the agent",
    "Run it as an ECS service with a task definition",
    code=Code.EXPRESS_SERVICE,
)
_CONTAINERS_NOT_KNOWN: Final = Reason(
    "container_definitions is known only after apply",
    "Plan again once the resources that it refers to exist, such as a repository or a log group",
    code=Code.TERRAFORM_PLAN,
    not_known_here=True,
)
_DEFERRED: Final = Reason(
    "The plan defers the task definition, so it is not known",
    "Plan again after this plan is applied",
    code=Code.TERRAFORM_PLAN,
    not_known_here=True,
)
_NOT_READ: Final = Reason(
    "Task definitions of the provider awscc are not read",
    "Use aws_ecs_task_definition of the provider aws, or look at the running tasks with `sysdig-instrument coverage`",
    code=Code.TERRAFORM_PLAN,
    not_known_here=True,
)


@dataclass(frozen=True, slots=True)
class PlannedResource:
    """A resource of a plan by its address: a task definition, or the reason why it cannot be judged as one.

    ``is_sensitive`` is true if Terraform itself would not show all of its values.
    """

    address: str
    task: dict[str, Json]
    reason: Reason | None = None
    is_sensitive: bool = False


def why_unusable(plan: Json) -> str:
    """Return why a plan cannot be judged, or an empty string."""
    values = _object(plan)
    if values.get("errored") not in (None, False):
        return "is not complete, because planning ended with an error. Correct the error, and plan again"
    version = values.get("format_version")
    lists = (values.get("resource_changes", []), values.get("deferred_changes", []))
    if not isinstance(version, str) or version.partition(".")[0] not in _VERSIONS or not all(map(_is_list, lists)):
        return "is not in format version 1 of Terraform's plans. Use the output of `terraform show -json`"
    return ""


def planned_resources(plan: Json) -> Iterator[PlannedResource]:
    """Yield each task definition of a plan, and each other resource that starts containers on Fargate, also those of modules.

    What the plan deletes, and what it only reads, is left out.
    """
    for change in _objects(_object(plan).get("resource_changes")):
        if resource := _planned_resource(change):
            yield resource
    for deferred in _objects(_object(plan).get("deferred_changes")):
        change = _object(deferred.get("resource_change"))
        if change.get("type") in (TASK_DEFINITION, _OF_ANOTHER_PROVIDER):
            yield PlannedResource(_address(change), {}, _DEFERRED)


def _planned_resource(change: Mapping[str, Json]) -> PlannedResource | None:
    values = _object(change.get("change"))
    after = values.get("after")
    unknown = _object(values.get("after_unknown"))
    if change.get("mode") == "data" or (after is None and values.get("actions") in _REMOVALS):
        return None
    if not isinstance(after, dict):
        after, unknown = {}, _ALL_UNKNOWN
    match change.get("type"):
        case "aws_ecs_task_definition":
            is_unknown = unknown.get("container_definitions") is True
            reason = _CONTAINERS_NOT_KNOWN if is_unknown else None
            is_sensitive = _has_mark(values.get("after_sensitive"))
            return PlannedResource(_address(change), _task_definition(after, unknown), reason, is_sensitive)
        case "awscc_ecs_task_definition":
            return PlannedResource(_address(change), {}, _NOT_READ)
        case "aws_ecs_express_gateway_service":
            return PlannedResource(_address(change), {}, _EXPRESS_REASON)
        case "aws_batch_job_definition" if _may_run_on_fargate(after, unknown):
            return PlannedResource(_address(change), {}, JOB_REASON)
    return None


def _task_definition(after: Mapping[str, Json], unknown: Mapping[str, Json]) -> dict[str, Json]:
    """Return the values of ``aws_ecs_task_definition`` as ``aws ecs register-task-definition`` takes them."""
    values: dict[str, Json] = {
        key: NOT_KNOWN if unknown.get(attribute) is True else after.get(attribute)
        for attribute, key in _ATTRIBUTES.items()
    }
    values |= {
        "runtimePlatform": _runtime_platform(after, unknown),
        "volumes": _volumes(after, unknown),
        "tags": _tags(after, unknown),
    }
    given = {key: value for key, value in values.items() if value not in (None, "", [], {})}
    return {**given, "containerDefinitions": _container_definitions(after, unknown)}


def _container_definitions(after: Mapping[str, Json], unknown: Mapping[str, Json]) -> Json:
    """Return the array. A value that is not the JSON of one stays as it is, and the engine refuses it."""
    text = after.get("container_definitions")
    if unknown.get("container_definitions") is True:
        return NOT_KNOWN
    if not isinstance(text, str):
        return text
    try:
        containers: Json = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return containers


def _runtime_platform(after: Mapping[str, Json], unknown: Mapping[str, Json]) -> Json:
    if unknown.get("runtime_platform") is True:
        return NOT_KNOWN
    names = (("cpu_architecture", "cpuArchitecture"), ("operating_system_family", "operatingSystemFamily"))
    for platform, not_known in _blocks(after, unknown, "runtime_platform"):
        found = {key: NOT_KNOWN if not_known.get(name) is True else platform.get(name) for name, key in names}
        return {key: value for key, value in found.items() if value not in (None, "")}
    return None


def _volumes(after: Mapping[str, Json], unknown: Mapping[str, Json]) -> Json:
    if unknown.get("volume") is True:
        return NOT_KNOWN
    volumes: list[Json] = []
    for volume, not_known in _blocks(after, unknown, "volume"):
        name = NOT_KNOWN if not_known.get("name") is True else volume.get("name")
        path = NOT_KNOWN if not_known.get("host_path") is True else volume.get("host_path")
        volumes.append({"name": name, "host": {"sourcePath": path}} if path not in (None, "") else {"name": name})
    return volumes


def _tags(after: Mapping[str, Json], unknown: Mapping[str, Json]) -> Json:
    """Return the tags with those of the provider (``tags_all``), which the plan may not know; then, the resource's own."""
    name = "tags" if unknown.get("tags_all") is True or not isinstance(after.get("tags_all"), dict) else "tags_all"
    if unknown.get(name) is True:
        return NOT_KNOWN
    not_known = _object(unknown.get(name))
    values = {**_object(after.get(name)), **{key: NOT_KNOWN for key, value in not_known.items() if value is True}}
    return [{"key": key, "value": value} for key, value in values.items()]


def _may_run_on_fargate(after: Mapping[str, Json], unknown: Mapping[str, Json]) -> bool:
    not_known = unknown.get("platform_capabilities")
    names = after.get("platform_capabilities")
    return bool(not_known) or (isinstance(names, list) and any(name != "EC2" for name in names))


def _blocks(
    after: Mapping[str, Json], unknown: Mapping[str, Json], name: str
) -> Iterator[tuple[Mapping[str, Json], Mapping[str, Json]]]:
    """Yield the blocks of a name with what is not known of each. The provider may hold them as a set: then in any order."""
    blocks, not_known = _objects(after.get(name)), unknown.get(name)
    entries = _objects(not_known)
    for number, block in enumerate(blocks):
        yield block, entries[number] if number < len(entries) else {}


def _has_mark(sensitive: Json) -> bool:
    """Return whether something is marked in ``after_sensitive``, which has the form of the values: true where one is sensitive."""
    waiting = [sensitive]
    while waiting:
        value = waiting.pop()
        if value is True:
            return True
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return False


def _address(change: Mapping[str, Json]) -> str:
    address = change.get("address")
    return address if isinstance(address, str) else str(change.get("type"))


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _is_list(value: Json) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _objects(value: Json) -> list[Mapping[str, Json]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
