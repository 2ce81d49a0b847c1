"""Convert Express Mode services: write a task definition from the PrimaryContainer, and name it in the service.

The setting ExpressServices decides. The new task definition is instrumented like any other. What has no certain place in it
is refused: the service would not run as before.

Sources: the schema of ``AWS::ECS::ExpressGatewayService``, and the ECS API reference, CreateExpressGatewayService:
``taskDefinitionArn`` names a task definition for Fargate with a container named Main that has one named TCP port, and excludes
primaryContainer, executionRoleArn, taskRoleArn, cpu, memory and cpuArchitecture. An Express Mode service runs on LINUX.
The documents disagree on the default size (256 and 512, or 1024 and 2048), and none says which log group ECS chooses.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import WRITE_OUT_RESULT, is_empty, is_written_out, why_opaque
from sysdig_instrument.engine.expressions.decision_tree import TOO_MANY_CONDITIONS, TooManyConditionsError
from sysdig_instrument.engine.expressions.evaluate import is_active
from sysdig_instrument.engine.expressions.scope import EXPAND_LOOPS, EvaluationScope, section
from sysdig_instrument.engine.findings import Finding, Location, Problem, Reason, as_notice, quote
from sysdig_instrument.engine.globs import matches_any
from sysdig_instrument.engine.json_types import ABSENT, Json, Pointer
from sysdig_instrument.engine.other_workloads import EXPRESS_SERVICE, has_own_definition, may_be_absent
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.patch import Change, Owner
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.template_layers import METADATA_KEY, RESULT_KEY, task_settings
from sysdig_instrument.engine.template import (
    FOR_EACH,
    TASK_DEFINITION,
    TaskDefinition,
    resource_as_task,
    resources_of_types,
)
from sysdig_instrument.lazy_dataclasses import dataclass

_STEP: Final = "ExpressServices"
_ID_SUFFIX: Final = "SysdigTaskDefinition"
_MAX_ID_LENGTH: Final = 255
_CONTAINER: Final = "Main"
_PORT_NAME: Final = "main"
_DEFAULT_PORT: Final = 80

_MOVED: Final = ("ExecutionRoleArn", "TaskRoleArn", "Cpu", "Memory", "CpuArchitecture")
"""The members of the service that TaskDefinitionArn excludes, beside PrimaryContainer."""
_KEPT: Final = (
    "Cluster",
    "HealthCheckPath",
    "InfrastructureRoleArn",
    "NetworkConfiguration",
    "ScalingTarget",
    "ServiceName",
)
_SERVICE_KEYS: Final = frozenset({*_MOVED, *_KEPT, "PrimaryContainer", "Tags", "TaskDefinitionArn"})
_SAME_IN_CONTAINER: Final = ("Image", "RepositoryCredentials", "Command", "Environment", "Secrets")
"""The members that a container definition has in the same form."""
_CONTAINER_KEYS: Final = frozenset({*_SAME_IN_CONTAINER, "ContainerPort", "AwsLogsConfiguration"})
_SHARED_ATTRIBUTES: Final = ("Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy")
"""What the task definition takes over from the resource: it exists exactly as long as the service."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """The changes that convert one service. ``service`` and ``task_definition`` are the pointers of both resources."""

    service: Pointer
    task_definition: Pointer
    changes: tuple[Change, ...]

    def in_template(self, pointer: Pointer) -> Pointer:
        """Return where the template has what is at a pointer in the new task definition."""
        inner = pointer[len(self.task_definition) :]
        in_container = ("Properties", "ContainerDefinitions", 0)
        if inner[:3] == in_container:
            inner = ("Properties", "PrimaryContainer", *inner[3:])
        elif inner[:2] == in_container[:2]:
            inner = inner[:1]
        return (*self.service, *inner)


def conversions(
    template: Json, inherited: ResolvedSettings, deployment: ResolvedSettings, scope: EvaluationScope
) -> Iterator[Conversion | Finding]:
    """Yield the conversion of each Express Mode service that is to be converted, or what is wrong with it.

    ``inherited`` are the settings of the whole template; the resource's Metadata and Tags come on top.
    """
    services = list(resources_of_types(template, {EXPRESS_SERVICE}))
    taken = _LogicalIds.of(template) if services else _LogicalIds(frozenset(), ())
    for pointer, resource in services:
        service = resource_as_task(pointer, resource, scope)
        if has_own_definition(service.properties_or_empty, service.scope):
            continue
        try:
            yield from _conversion(service, taken, inherited, deployment)
        except TooManyConditionsError:
            yield Problem(Location(None, None, pointer), TOO_MANY_CONDITIONS)


def _conversion(
    service: TaskDefinition, taken: _LogicalIds, inherited: ResolvedSettings, deployment: ResolvedSettings
) -> Iterator[Conversion | Finding]:
    settings = task_settings(service, inherited, deployment)
    pointer = service.pointer or ()
    if settings.resolved.values.express_services != "convert":
        yield from settings.findings
        return
    name = f"{service.name}{_ID_SUFFIX}"
    reasons = [*_obstacles(service), *_name_obstacles(name, taken, service.scope)]
    if not reasons:
        yield Conversion(pointer, ("Resources", name), tuple(_changes(service, name)))
    for why, advice in reasons:
        size = _DEFAULT_SIZES.get(advice)
        to_paste = paste(PasteInto.PROPERTIES, size) if size else ()
        fact = f"The Express Mode service cannot be converted: {why}"
        problem = Problem(
            Location(None, None, pointer), Reason(fact, advice, code=Code.EXPRESS_SERVICE, paste=to_paste)
        )
        is_created = is_active(service.assumptions, service.scope) is not False
        yield problem if is_created else as_notice(problem, "it is not created with the current parameters")


# --- what cannot be converted

_DEFAULT_SIZES: Final[Mapping[str, Mapping[str, Json]]] = {
    "Write Cpu in the service": {"Cpu": "512"},
    "Write Memory in the service": {"Memory": "1024"},
}
"""What to paste for an advice, if that can be said."""


@dataclass(frozen=True, slots=True)
class _LogicalIds:
    """The logical IDs of a template's parameters and resources. ``globs`` are those that a loop makes of its items."""

    names: frozenset[str]
    globs: tuple[str, ...]

    @classmethod
    def of(cls, template: Json) -> _LogicalIds:
        keys = {*section(template, "Parameters"), *section(template, "Resources")}
        keys |= {str(pointer[-1]) for pointer, _ in resources_of_types(template, None)}
        names = {key.removeprefix(FOR_EACH) for key in keys}
        globs = {re.sub(r"[$&]\{[^}]*\}", "*", name) for name in names if "{" in name}
        return cls(frozenset(names), tuple(sorted(globs)))


def _name_obstacles(name: str, taken: _LogicalIds, scope: EvaluationScope) -> Iterator[tuple[str, str]]:
    if len(name) > _MAX_ID_LENGTH:
        yield "its logical ID is too long for that of its task definition", "Give the service a shorter one"
    if name in taken.names or matches_any(name, taken.globs, scope.state):
        yield f"the template has another {quote(name)}, the logical ID of its task definition", "Rename that one"


def _obstacles(service: TaskDefinition) -> Iterator[tuple[str, str]]:
    """Yield why a service cannot be converted, each with what to do."""
    properties = service.properties
    if any(str(part).startswith(FOR_EACH) for part in service.pointer or ()):
        yield "it is in an Fn::ForEach", EXPAND_LOOPS
    elif why := why_opaque(service.resource, frozenset({"Properties"}), service.scope):
        yield f"it {why}", WRITE_OUT_RESULT
    elif not isinstance(properties, dict) or not is_written_out(properties):
        yield "its Properties are not written as an object", "Write them as an object; its members may be expressions"
    elif not is_empty(properties.get("TaskDefinitionArn", ABSENT)):
        yield "its TaskDefinitionArn depends on a condition", "Give it in every case, or remove it"
    else:
        yield from _unknown_members("the service", properties, _SERVICE_KEYS)
        for key in ("Cpu", "Memory"):
            if may_be_absent(properties.get(key, ABSENT)):
                yield (
                    f"its {key} is not given in every case, and AWS documents different defaults",
                    f"Write {key} in the service",
                )
        yield from _container_obstacles(properties.get("PrimaryContainer"))


def _container_obstacles(container: Json) -> Iterator[tuple[str, str]]:
    if not isinstance(container, dict) or not is_written_out(container):
        yield (
            "its PrimaryContainer is not written as an object",
            "Write it as an object; its members may be expressions",
        )
        return
    yield from _unknown_members("PrimaryContainer", container, _CONTAINER_KEYS)
    if may_be_absent(container.get("Image", ABSENT)):
        yield "its PrimaryContainer has no Image in every case", "Write the Image"
    if not is_empty(container.get("ContainerPort")) and may_be_absent(container.get("ContainerPort", ABSENT)):
        yield "its ContainerPort is not given in every case", "Write the port in each branch"
    logs = container.get("AwsLogsConfiguration")
    if not isinstance(logs, dict) or not is_written_out(logs) or any(
        may_be_absent(logs.get(key, ABSENT)) for key in ("LogGroup", "LogStreamPrefix")
    ):  # fmt: skip
        yield (
            "its PrimaryContainer has no AwsLogsConfiguration that is written as an object, and the log group that ECS would choose is not known",
            "Write an AwsLogsConfiguration with LogGroup and LogStreamPrefix",
        )
    else:
        yield from _unknown_members("AwsLogsConfiguration", logs, {"LogGroup", "LogStreamPrefix"})


def _unknown_members(owner: str, value: Mapping[str, Json], known: Container[str]) -> Iterator[tuple[str, str]]:
    if unknown := [quote(key) for key in value if key not in known]:
        fact = f"{owner} has members for which no place in a task definition is known: {', '.join(unknown)}"
        yield fact, "Remove them, or write the task definition yourself and set the service's TaskDefinitionArn"


# --- the changes


def _changes(service: TaskDefinition, name: str) -> Iterator[Change]:
    properties = service.properties_or_empty
    pointer = service.properties_pointer
    owner = Owner(name, None, service.pointer or ())
    added = Change(
        "add",
        ("Resources", name),
        "the task definition that PrimaryContainer stands for",
        _definition(service),
        protects=False,
    )
    yield added.owned_by(Owner(name, None, ("Resources",)), _STEP)
    for key in ("PrimaryContainer", *_MOVED):
        if key in properties:
            why = "the task definition has it"
            yield Change("remove", (*pointer, key), why, was=properties[key], protects=False).owned_by(owner, _STEP)
    why = "its task definition carries the agent"
    operation = Change("add", (*pointer, "TaskDefinitionArn"), why, {"Ref": name}, protects=False)
    yield operation.owned_by(owner, _STEP)


def _definition(service: TaskDefinition) -> Json:
    properties = service.properties_or_empty
    definition: dict[str, Json] = {"Type": TASK_DEFINITION}
    definition |= {key: service.resource[key] for key in _SHARED_ATTRIBUTES if key in service.resource}
    own = section(dict(section(dict(service.resource), "Metadata")), METADATA_KEY)
    if own:
        definition["Metadata"] = {METADATA_KEY: {key: value for key, value in own.items() if key != RESULT_KEY}}
    task: dict[str, Json] = {"RequiresCompatibilities": ["FARGATE"], "NetworkMode": "awsvpc"}
    task |= {key: properties[key] for key in ("Cpu", "Memory", "ExecutionRoleArn", "TaskRoleArn") if key in properties}
    if "CpuArchitecture" in properties:
        task["RuntimePlatform"] = {"CpuArchitecture": properties["CpuArchitecture"], "OperatingSystemFamily": "LINUX"}
    task["ContainerDefinitions"] = [_container(section(dict(properties), "PrimaryContainer"))]
    if "Tags" in properties:
        task["Tags"] = properties["Tags"]
    return {**definition, "Properties": task}


def _container(primary: Mapping[str, Json]) -> Json:
    port = primary.get("ContainerPort")
    logs = section(dict(primary), "AwsLogsConfiguration")
    return {
        "Name": _CONTAINER,
        "Essential": True,
        **{key: primary[key] for key in _SAME_IN_CONTAINER if key in primary},
        "PortMappings": [
            {"Name": _PORT_NAME, "ContainerPort": _DEFAULT_PORT if port is None else port, "Protocol": "tcp"}
        ],
        "LogConfiguration": {
            "LogDriver": "awslogs",
            "Options": {
                "awslogs-group": logs["LogGroup"],
                "awslogs-region": {"Ref": "AWS::Region"},
                "awslogs-stream-prefix": logs["LogStreamPrefix"],
            },
        },
    }
