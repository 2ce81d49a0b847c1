"""Whether a task definition is protected, read from the contract alone (docs/security.md, docs/how-it-decides.md).

The form is positive: a task definition is protected if it is what the macro writes, and for no other reason. The definition
is literal, as ECS gets it; :mod:`oracle.template_protection` evaluates templates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase

from oracle.agent_protection import agent_complaints
from oracle.certainty import without_dynamic_references
from oracle.complaints import Complaint, Complaints, doubt, fault
from oracle.dependencies import agent_waits
from oracle.images import Images, architecture_of, look_up
from oracle.locks import locked_attempts
from oracle.mounts import covers_the_wrapper
from oracle.selection import (
    AGENT,
    container_is_selected,
    is_for_managed_instances,
    is_windows,
    task_is_selected,
)
from oracle.settings import Settings, merge_layers, tags
from oracle.values import Json, is_unknown, items, mapping, text_of
from oracle.workload_protection import workload_complaints

MAX_CONTAINERS = 10
FREE_FORM = {"dockerLabels", "driverOpts", "labels", "options"}


class Status(Enum):
    """The answers to whether a task definition is protected."""

    PROTECTED = "protected"
    NOT_PROTECTED = "not protected"
    LEFT_ALONE = "left alone"
    CANNOT_BE_PROTECTED = "cannot be protected"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Protection:
    """A status, with the faults that cause it and the doubts that do not."""

    status: Status
    faults: tuple[Complaint, ...] = ()
    doubts: tuple[Complaint, ...] = ()

    @property
    def passes(self) -> bool:
        """Return whether the task is let through: it is protected, left alone on purpose, or can never have the agent."""
        codes = {each.code for each in self.faults}
        can_never = self.status is Status.CANNOT_BE_PROTECTED and codes <= {"windows", "managed-instances"}
        return can_never or self.status in (Status.PROTECTED, Status.LEFT_ALONE)

    @property
    def is_certain(self) -> bool:
        """Return whether the contract allows this answer alone."""
        return bool(self.faults) or not self.doubts


def protection_of(
    resource: Mapping[str, Json],
    deployment: Mapping[str, Json],
    *,
    images: Images | None = None,
    template_metadata: Json = None,
    is_launched_on_fargate: bool = False,
) -> Protection:
    """Return whether a task definition is protected.

    `resource` has its Properties, and Metadata if it comes from a template. `deployment` are the settings of the macro's
    deployment. Without `images`, no image can be read. `is_launched_on_fargate` says that a launcher of the same template
    starts the task on Fargate.
    """
    resource = {key: without_dynamic_references(value) for key, value in resource.items()}
    settings = merge_layers(deployment, template_metadata, resource)
    properties = mapping(resource.get("Properties"))
    is_windows_task = is_windows(properties)
    if (is_windows_task or is_for_managed_instances(properties)) and not _is_disabled(settings):
        code = "windows" if is_windows_task else "managed-instances"
        return Protection(Status.CANNOT_BE_PROTECTED, (fault("", code),))
    attempts = (*locked_attempts(deployment, template_metadata, resource), *_secret_complaints(resource))
    if any(attempt.is_fault for attempt in attempts):
        return Protection(Status.NOT_PROTECTED, attempts)
    has_list = isinstance(properties.get("ContainerDefinitions"), list | None)
    if not task_is_selected(resource, settings, is_launched_on_fargate=is_launched_on_fargate):
        odd = () if has_list else (doubt("", "containers-are-not-a-list"),)  # ECS refuses it
        return _left_alone(resource, settings, (*attempts, *odd))
    if not has_list:
        return Protection(Status.NOT_PROTECTED, (fault("", "containers-are-not-a-list"),))
    containers = [mapping(container) for container in items(properties.get("ContainerDefinitions"))]
    workloads = [each for each in containers if container_is_selected(each, resource, settings)]
    if not workloads:
        return _left_alone(resource, settings, (*attempts, *_odd_containers(properties)))
    complaints = [*attempts, *_task_complaints(properties, settings), *_odd_containers(properties)]
    for workload in workloads:
        own = settings.for_container(text_of(workload.get("Name")))
        config = None if images is None else look_up(workload, architecture_of(properties), own, images, {})
        complaints += workload_complaints(workload, own, config)
    complaints += agent_waits(containers)
    complaints += _missing_targets(containers)
    complaints += _settings_of_no_container(resource, settings, containers)
    complaints += _foreign_volume_complaints(containers, workloads)
    complaints += agent_complaints([each for each in containers if each.get("Name") == AGENT], settings)
    return _protection(complaints)


def _settings_of_no_container(
    resource: Mapping[str, Json], settings: Settings, containers: Sequence[Mapping[str, Json]]
) -> Complaints:
    """Yield a doubt if settings are for a container that the task does not have: the macro may refuse them."""
    names = {text_of(each.get("Name")) for each in containers}
    own = Settings(mapping(mapping(resource.get("Metadata")).get("SysdigInstrument")))
    globs = (*own.string_list("ExcludeContainers"), *own.string_list("IncludeContainers"))
    if set(settings.object("Containers")) - names or not all(
        any(fnmatchcase(name, each) for name in names) for each in globs
    ):
        yield doubt("", "settings-of-no-container")


def _protection(complaints: Iterable[Complaint]) -> Protection:
    unique = tuple(dict.fromkeys(complaints))
    faults = tuple(each for each in unique if each.is_fault)
    doubts = tuple(each for each in unique if not each.is_fault)
    if not faults:
        return Protection(Status.PROTECTED, (), doubts)
    if all(each.code == "pid-mode-host" for each in faults):
        return Protection(Status.CANNOT_BE_PROTECTED, faults, doubts)
    unread = all(each.code == "image-not-read" for each in faults)
    return Protection(Status.UNKNOWN if unread else Status.NOT_PROTECTED, faults, doubts)


def _is_disabled(settings: Settings) -> bool:
    return settings.string("Mode") != "opt-in" and not settings.boolean("Enabled")


def _left_alone(resource: Mapping[str, Json], settings: Settings, complaints: tuple[Complaint, ...]) -> Protection:
    """Return the status of a task definition in which nothing is to be instrumented."""
    properties = mapping(resource.get("Properties"))
    could_be_protected = not is_windows(properties) and not is_for_managed_instances(properties)
    needs_reason = settings.boolean("RequireReason") and could_be_protected and _is_opt_out(resource, settings)
    if needs_reason and settings.string("Reason") is None:
        return Protection(Status.NOT_PROTECTED, (fault("", "opt-out-without-a-reason"),))
    return Protection(Status.LEFT_ALONE, (), complaints)


def _secret_complaints(resource: Mapping[str, Json]) -> Complaints:
    """Yield a doubt if Metadata names the secret by no ARN: an expression with that value passes, the value itself does not."""
    secret = mapping(mapping(resource.get("Metadata")).get("SysdigInstrument")).get("AccessKeySecret")
    if secret not in (None, "", "none") and not is_unknown(secret) and not text_of(secret).startswith("arn:aws"):
        yield doubt("", "secret-is-not-an-arn")


def _is_opt_out(resource: Mapping[str, Json], settings: Settings) -> bool:
    return not settings.boolean("Enabled") or "sysdig-instrument-exclude" in tags(resource)


def from_ecs_case(value: Json) -> Json:
    """Return a task definition of ECS's API in CloudFormation's case, except for the keys of free-form maps."""
    if isinstance(value, list):
        return [from_ecs_case(each) for each in value]
    return (
        {key[:1].upper() + key[1:]: each if key in FREE_FORM else from_ecs_case(each) for key, each in value.items()}
        if isinstance(value, dict)
        else value
    )


def _task_complaints(properties: Mapping[str, Json], settings: Settings) -> Complaints:
    match properties.get("PidMode"):
        case "task":
            pass
        case "host":
            yield fault("", "pid-mode-host")
        case _:
            yield fault("", "pid-mode")
    if is_unknown(properties.get("RuntimePlatform")):
        yield doubt("", "operating-system")
    platform = mapping(properties.get("RuntimePlatform"))
    family = platform.get("OperatingSystemFamily")
    if family not in (None, "LINUX"):
        yield doubt("", "operating-system")
    if platform.get("CpuArchitecture") == "ARM64" and settings.string("UnsupportedArchitecture") == "fail":
        yield fault("", "unsupported-architecture")
    elif platform.get("CpuArchitecture") not in (None, "X86_64"):
        yield doubt("", "architecture")
    if not isinstance(properties.get("ExecutionRoleArn"), str) or not properties.get("ExecutionRoleArn"):
        yield doubt("", "execution-role")  # ECS refuses the task definition
    if any(properties.get(key) in (None, "") for key in ("Cpu", "Memory")):
        yield doubt("", "task-size")


def _odd_containers(properties: Mapping[str, Json]) -> Complaints:
    containers = [mapping(each) for each in items(properties.get("ContainerDefinitions"))]
    if not containers:
        yield doubt("", "no-containers")  # ECS refuses it
    names = [text_of(each.get("Name")) for each in containers]
    if any(is_unknown(name) for name in names):
        yield doubt("", "name-unknown")  # it may be excluded by its name
    if any(is_unknown(each.get("FirelensConfiguration")) for each in containers):
        yield doubt("", "log-router-unknown")
    if not all(isinstance(each, dict) for each in items(properties.get("ContainerDefinitions"))):
        yield fault("", "container-is-not-an-object")
    if any(names.count(name) > 1 for name in names if name != AGENT):
        yield doubt("", "names-not-unique")  # ECS refuses the task definition
    yield from _refused_members(containers, names)


def _refused_members(containers: list[dict[str, Json]], names: list[str]) -> Complaints:
    """Yield doubts about members with which ECS refuses a task definition: the contract lets the macro refuse it, too."""
    if len(containers) > MAX_CONTAINERS:
        yield doubt("", "too-many-containers")
    for container in containers:
        name = text_of(container.get("Name"))
        for key, member in (("VolumesFrom", "SourceContainer"), ("DependsOn", "ContainerName")):
            targets = [mapping(entry).get(member) for entry in items(container.get(key))]
            if any(isinstance(target, str) and target not in names for target in targets):
                yield doubt(name, f"{key}-of-no-container")
        variables, secrets = (
            {text_of(mapping(entry).get("Name")) for entry in items(container.get(key))}
            for key in ("Environment", "Secrets")
        )
        if variables & secrets:
            yield doubt(name, "secret-and-variable-of-one-name")


def _missing_targets(containers: list[dict[str, Json]]) -> Complaints:
    """Yield a fault for each entry that names a container which does not exist: the macro refuses that in its own output."""
    names = [each.get("Name") for each in containers]
    if not all(isinstance(name, str) for name in names):
        return
    for container in containers:
        for key, member in (("VolumesFrom", "SourceContainer"), ("DependsOn", "ContainerName")):
            targets = [mapping(entry).get(member) for entry in items(container.get(key))]
            if any(isinstance(target, str) and not is_unknown(target) and target not in names for target in targets):
                yield fault(text_of(container.get("Name")), f"{key}-names-no-container")


def _foreign_volume_complaints(containers: list[dict[str, Json]], workloads: list[dict[str, Json]]) -> Complaints:
    """Yield complaints about containers that are left alone and reach the agent's volume.

    The contract has no rule for them. One that mounts the volume for writing can replace the wrapper.
    """
    for container in containers:
        if container in workloads or container.get("Name") == AGENT:
            continue
        for entry in items(container.get("VolumesFrom")):
            if mapping(entry).get("SourceContainer") == AGENT and mapping(entry).get("ReadOnly") is not True:
                yield doubt(text_of(container.get("Name")), "left-alone-and-writes-to-the-agents-volume")
    yield from _covered_by_other_volumes(containers, workloads)


def _covered_by_other_volumes(containers: list[dict[str, Json]], workloads: list[dict[str, Json]]) -> Complaints:
    """Yield a fault for each workload that takes its volumes from a container with a mount over the wrapper."""
    covering = {text_of(each.get("Name")) for each in containers if covers_the_wrapper(each)}
    for workload in workloads:
        for entry in items(workload.get("VolumesFrom")):
            if text_of(mapping(entry).get("SourceContainer")) in covering:
                yield fault(text_of(workload.get("Name")), "wrapper-covered-by-volumes-from")
