"""Fields to add to an instrumented task definition: members of ECS's API, with values that may undo the protection."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import botocore.session
from botocore.model import ListShape, MapShape, Shape, StructureShape

from oracle.selection import AGENT, WRAPPER
from oracle.values import Json

Addition = tuple[str, str, Json]
"""A member, what is special about its value, and the value."""

_COVERING_PATHS = (
    "/opt/draios",
    "/opt/draios/",
    "/opt/draios/bin",
    "/opt/draios/bin/instrument",
    "/opt/draios/lib",
    "/opt",
    "/",
    "//opt/draios",
    "/opt/./draios",
    "/opt/x/../draios",
    "/opt/draios/bin/../bin",
    " /opt/draios",
)
_OTHER_PATHS = ("/opt/draios2", "/opt/other", "/OPT/DRAIOS", "/var/opt/draios")


def _mounts() -> list[Addition]:
    found: list[Addition] = []
    for path in (*_COVERING_PATHS, *_OTHER_PATHS):
        found.append(("MountPoints", f"at {path}", [{"SourceVolume": "files", "ContainerPath": path}]))
        found.append(("LinuxParameters", f"Tmpfs at {path}", {"Tmpfs": [{"ContainerPath": path, "Size": 1}]}))
    found.append(("LinuxParameters", "device", {"Devices": [{"HostPath": "/dev/x", "ContainerPath": WRAPPER}]}))
    found.append(("MountPoints", "without a path", [{"SourceVolume": "files"}]))
    return found


def _dependencies() -> list[Addition]:
    conditions = ("START", "COMPLETE", "SUCCESS", "HEALTHY", "start", "", "Complete")
    found: list[Addition] = [("DependsOn", "agent without Condition", [{"ContainerName": AGENT}])]
    found.extend(("DependsOn", f"agent {each}", [{"ContainerName": AGENT, "Condition": each}]) for each in conditions)
    return found


_COMMON: list[Addition] = [
    ("EntryPoint", "true", ["/bin/true"]),
    ("EntryPoint", "shell", ["/bin/sh", "-c", f"exec /app # {WRAPPER}"]),
    ("EntryPoint", "empty", []),
    ("EntryPoint", "empty text", [""]),
    ("Command", "other", ["other"]),
    ("Command", "empty", []),
    ("Command", "wrapper", [WRAPPER, "/app"]),
    ("User", "other", "1001"),
    ("WorkingDirectory", "other", "/var"),
    ("FirelensConfiguration", "fluentbit", {"Type": "fluentbit"}),
    ("FirelensConfiguration", "null", None),
    ("EnvironmentFiles", "S3", [{"Type": "s3", "Value": "arn:aws:s3:::bucket/file.env"}]),
    ("Secrets", "LD_PRELOAD", [{"Name": "LD_PRELOAD", "ValueFrom": "parameter"}]),
    ("Secrets", "SYSDIG_SIDECAR", [{"Name": "SYSDIG_SIDECAR", "ValueFrom": "parameter"}]),
    ("Secrets", "SYSDIG_COLLECTOR", [{"Name": "SYSDIG_COLLECTOR", "ValueFrom": "parameter"}]),
    ("Environment", "LD_PRELOAD", [{"Name": "LD_PRELOAD", "Value": "/var/x.so"}]),
    ("Environment", "orchestrator", [{"Name": "SYSDIG_ORCHESTRATOR", "Value": "x"}]),
    ("Environment", "collector", [{"Name": "SYSDIG_COLLECTOR", "Value": "evil.example.com"}]),
    ("Environment", "mode", [{"Name": "SYSDIG_SIDECAR", "Value": ""}]),
    ("Environment", "wrapper", [{"Name": "__INSTRUMENTATION_WRAPPER", "Value": "/bin/true"}]),
    ("Environment", "plain key", [{"Name": "SYSDIG_ACCESS_KEY", "Value": "made-up"}]),
    ("entryPoint", "in lower case", ["/bin/true"]),
    ("command", "in lower case", ["/bin/true"]),
    ("environment", "in lower case", []),
]

WORKLOAD_ADDITIONS: list[Addition] = [
    *_COMMON,
    ("LinuxParameters", "Drop", {"Capabilities": {"Add": ["SYS_PTRACE"], "Drop": ["SYS_PTRACE"]}}),
    ("LinuxParameters", "other Add", {"Capabilities": {"Add": ["ALL"]}}),
    ("LinuxParameters", "InitProcessEnabled", {"InitProcessEnabled": True}),
    ("ReadonlyRootFilesystem", "true", True),
    ("Privileged", "true", True),
    ("DockerLabels", "some", {"team": "shop"}),
    *_mounts(),
    *_dependencies(),
    ("VolumesFrom", "agent again, writable", [{"SourceContainer": AGENT, "ReadOnly": False}]),
    ("VolumesFrom", "agent again", [{"SourceContainer": AGENT, "ReadOnly": True}]),
    ("VolumesFrom", "of no container", [{"ReadOnly": True}]),
]


@functools.cache
def _members() -> tuple[tuple[str, Shape], ...]:
    """Return the members of a ContainerDefinition in ECS's API, in CloudFormation's case."""
    shape = botocore.session.get_session().get_service_model("ecs").shape_for("ContainerDefinition")
    assert isinstance(shape, StructureShape)
    return tuple((key[:1].upper() + key[1:], member) for key, member in shape.members.items())


def _sample(shape: Shape, depth: int = 0) -> Json:
    """Return a small value of a shape of ECS's API."""
    if isinstance(shape, StructureShape):
        members = shape.members.items() if depth < 3 else ()
        return {key[:1].upper() + key[1:]: _sample(member, depth + 1) for key, member in members}
    if isinstance(shape, ListShape):
        return [_sample(shape.member, depth + 1)]
    if isinstance(shape, MapShape):
        return {"name": "value"}
    if shape.type_name == "boolean":
        return True
    if shape.type_name in ("integer", "long"):
        return 64
    return shape.enum[0] if shape.enum else "text"


_FILLED_BY_THE_MACRO = {"Name", "Image", "Environment", "Secrets"}

AGENT_ADDITIONS: list[Addition] = [
    *_COMMON,
    *((key, "of ECS's API", _sample(shape)) for key, shape in _members() if key not in _FILLED_BY_THE_MACRO),
    ("VolumesFrom", "its own", [{"SourceContainer": AGENT, "ReadOnly": True}]),
    ("MountPoints", "at the wrapper", [{"SourceVolume": "files", "ContainerPath": "/opt/draios"}]),
    ("Memory", "small", 6),
    ("Essential", "false", False),
    ("Privileged", "false", False),
    ("ExtraHosts", "collector", [{"Hostname": "ingest-us2.app.sysdig.com", "IpAddress": "127.0.0.1"}]),
    ("DnsServers", "own", ["127.0.0.1"]),
    ("HealthCheck", "kill", {"Command": ["CMD-SHELL", "kill 1"]}),
]


def _tags() -> Iterator[Addition]:
    for key, value in (
        ("sysdig-instrument", "false"),
        ("sysdig-instrument", "true"),
        ("sysdig-instrument", "no"),
        ("sysdig-instrument", "False"),
        ("Sysdig-Instrument", "false"),
        ("sysdig-instrument-exclude", "web"),
        ("sysdig-instrument-exclude", "nothing web"),
        ("sysdig-instrument-exclude", "w*"),
        ("sysdig-instrument-exclude", "w*b,other"),
        ("sysdig-instrument-exclude", "WEB"),
        ("sysdig-instrument-exclude", "nothing"),
        ("sysdig-instrument-exclude", ""),
        ("Sysdig-Instrument-Exclude", "web"),
        ("sysdig-instrument-reason", "because"),
        ("kilt-ignore", ""),
        ("kilt-include", "true"),
        ("kilt-ignore-containers", "web"),
        ("kilt-ignore-containers", "nothing"),
        ("other", "false"),
    ):
        yield "Tags", f"{key}={value}", [{"Key": key, "Value": value}]


TASK_ADDITIONS: list[Addition] = [
    ("PidMode", "host", "host"),
    ("PidMode", "upper case", "TASK"),
    ("IpcMode", "task", "task"),
    ("RequiresCompatibilities", "EC2", ["EC2"]),
    ("RequiresCompatibilities", "EC2 and FARGATE", ["EC2", "FARGATE"]),
    ("RequiresCompatibilities", "EXTERNAL", ["EXTERNAL"]),
    ("RequiresCompatibilities", "MANAGED_INSTANCES", ["MANAGED_INSTANCES"]),
    ("RequiresCompatibilities", "empty", []),
    ("RequiresCompatibilities", "text", "FARGATE"),
    ("RequiresCompatibilities", "lower case", ["fargate"]),
    ("RuntimePlatform", "Windows", {"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}),
    ("RuntimePlatform", "ARM64", {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}),
    ("NetworkMode", "bridge", "bridge"),
    ("ProxyConfiguration", "App Mesh", {"Type": "APPMESH", "ContainerName": "web"}),
    ("pidMode", "in lower case", "host"),
    ("containerDefinitions", "in lower case", []),
    *_tags(),
]
