"""The one table of settings.

It is the source of the template's Parameters, the Lambda's environment variables, the command line, the schema of
``Metadata.SysdigInstrument`` and docs/settings.md (``make docs`` writes what is generated; a test finds it stale).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.kinds import (
    Arguments,
    Choice,
    Flag,
    Kind,
    LogConfiguration,
    Map,
    Names,
    Text,
    Whole,
)
from sysdig_instrument.values import dataclass, field, fields

COLLECTORS: Final[Mapping[str, str]] = {
    "us1": "collector.sysdigcloud.com",
    "us2": "ingest-us2.app.sysdig.com",
    "us3": "ingest.us3.sysdig.com",
    "us4": "ingest.us4.sysdig.com",
    "eu1": "ingest-eu1.app.sysdig.com",
    "au1": "ingest.au1.sysdig.com",
    "in1": "ingest.in1.sysdig.com",
    "me2": "ingest.me2.sysdig.com",
}
"""Sysdig SaaS regions and their collectors (sysdiglabs' Helm chart). A table: the hosts follow no pattern."""

ENVIRONMENT_PREFIX: Final = "SYSDIG_INSTRUMENT_"

_ARN = r"arn:aws[a-z-]*"
SECRET_PATTERN: Final = (
    rf"{_ARN}:secretsmanager:[a-z0-9-]+:[0-9]{{12}}:secret:[^:\s]+(:[^:\s]*){{0,3}}"
    rf"|{_ARN}:ssm:[a-z0-9-]+:[0-9]{{12}}:parameter/\S+"
)
"""Secrets Manager's ARN, also with ECS's ``:json-key:version-stage:version-id``, or that of an SSM parameter."""

_SECRETS_MANAGER = rf"{_ARN}:secretsmanager:[a-z0-9-]+:[0-9]{{12}}:secret:[^:\s]+"
_ROLE = rf"{_ARN}:iam::[0-9]{{12}}:role/\S+"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_.-]*"


class Reach(Enum):
    """The layers that may hold a setting."""

    DEPLOYMENT = "deployment"
    """Only the macro's own deployment: what guards the account is not for templates to change."""
    TASK = "task"
    """Every layer, for whole task definitions."""
    CONTAINER = "container"
    """Every layer, and single containers in the resource's Metadata."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. ``name`` is CloudFormation's spelling; ``attribute`` is the field of :class:`Settings`."""

    name: str
    attribute: str
    kind: Kind
    default: Json
    group: str
    doc: str
    reach: Reach
    required: bool

    @property
    def variable(self) -> str:
        """The Lambda's environment variable: ``CollectorPort`` is ``SYSDIG_INSTRUMENT_COLLECTOR_PORT``."""
        return ENVIRONMENT_PREFIX + self.attribute.upper()


def _setting(  # noqa: PLR0913 - a row of the table, always called by keyword
    kind: Kind, *, group: str, doc: str, default: Json = None, reach: Reach = Reach.TASK, required: bool = False
) -> Any:  # noqa: ANN401 - what dataclasses.field returns, too
    row = {"kind": kind, "group": group, "doc": doc, "reach": reach, "required": required}
    return field(default_factory=lambda: default, metadata={**row, "default": default})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values of all settings for one task definition or container. Lists and maps in it are never changed."""

    collector: str | None = _setting(
        Text(
            "a collector's host name, or a region: " + ", ".join(COLLECTORS), r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?"
        ),
        group="Sysdig",
        required=True,
        doc="Sysdig's collector: a host name, or a Sysdig SaaS region (" + ", ".join(COLLECTORS) + ").",
    )
    collector_port: int = _setting(
        Whole(1, 65535),
        group="Sysdig",
        default=6443,
        doc="TCP port of the collector.",
    )
    access_key_secret: Json = _setting(
        Text(
            "the ARN of a Secrets Manager secret (also with :json-key::) or of an SSM parameter",
            SECRET_PATTERN,
            live=True,
        ),
        group="Sysdig",
        required=True,
        doc="ARN of the Secrets Manager secret (also with `:json-key::`) or SSM parameter that holds Sysdig's access key. "
        "The agent gets it through ECS Secrets; it never stands in the template. An intrinsic function in Metadata passes through.",
    )
    agent_image: str = _setting(
        Text("an image reference", r"[^\s]{1,512}"),
        group="Agent",
        default="quay.io/sysdig/workload-agent:latest",
        doc="Image of the agent's container. Pin a tag or a digest in production.",
    )
    agent_image_credentials: str | None = _setting(
        Text("the ARN of a Secrets Manager secret", _SECRETS_MANAGER),
        group="Agent",
        doc="ARN of the secret with the credentials of the agent image's registry (RepositoryCredentials).",
    )
    priority: str = _setting(
        Choice(("availability", "security")),
        group="Agent",
        default="availability",
        doc="`availability`: the workload comes first, and starts without policies. `security`: the workload waits for policies.",
    )
    sidecar_mode: str = _setting(
        Choice(("auto", "force")),
        group="Agent",
        default="auto",
        doc="Value of SYSDIG_SIDECAR in all containers.",
    )
    log_level: str | None = _setting(
        Choice(("silent", "fatal", "critical", "error", "warning", "info", "debug", "trace")),
        group="Agent",
        doc="The agent's log level (SYSDIG_LOGGING).",
    )
    extra_conf: str | None = _setting(
        Text("YAML or JSON text", r"[\s\S]+"),
        group="Agent",
        doc="More configuration for the agent, YAML or JSON text (SYSDIG_EXTRA_CONF).",
    )
    agent_environment: dict[str, Json] = _setting(
        Map("a JSON object of variable names and values", "text or intrinsic", _VARIABLE),
        group="Agent",
        default={},
        doc="More environment variables for the agent's container.",
    )
    agent_essential: str = _setting(
        Choice(("auto", "true", "false")),
        group="Agent",
        default="auto",
        doc="Whether the task stops when the agent stops. `auto`: only with Priority `security`.",
    )
    agent_cpu: int | None = _setting(
        Whole(1, 196608, "CPU units"),
        group="Agent",
        doc="CPU units reserved for the agent's container (1024 are one vCPU).",
    )
    agent_memory: int | None = _setting(
        Whole(6, 2097152, "MiB"),
        group="Agent",
        doc="Hard memory limit of the agent's container, in MiB.",
    )
    agent_memory_reservation: int | None = _setting(
        Whole(6, 2097152, "MiB"),
        group="Agent",
        doc="Memory reserved for the agent's container, in MiB.",
    )
    task_size: str = _setting(
        Choice(("keep", "raise")),
        group="Agent",
        default="keep",
        doc="Where AgentCpu and AgentMemoryReservation (or AgentMemory) are more than the task has left. `keep`: refuse, and say which size "
        "would do. `raise`: give the task that size, the next one that Fargate has.",
    )
    agent_log_configuration: Json = _setting(
        LogConfiguration(),
        group="Agent",
        doc="LogConfiguration of the agent's container as JSON, any driver; or `inherit`: the first instrumented container's, "
        "with a stream prefix of its own.",
    )
    agent_entry_point: list[str] | None = _setting(
        Arguments(),
        group="Agent",
        doc="EntryPoint of the agent's container. Not set: the image's own, which is right for every release known.",
    )
    agent_command: list[str] | None = _setting(
        Arguments(),
        group="Agent",
        doc="Command of the agent's container. Not set: the image's own.",
    )
    enabled: bool = _setting(
        Flag(),
        group="Selection",
        default=True,
        reach=Reach.CONTAINER,
        doc="`false` leaves this task definition, or this container, alone.",
    )
    mode: str = _setting(
        Choice(("opt-out", "opt-in")),
        group="Selection",
        default="opt-out",
        doc="`opt-in`: only what says `Enabled: true` itself is instrumented.",
    )
    exclude_containers: list[str] = _setting(
        Names(),
        group="Selection",
        default=[],
        doc="Names (globs) of containers to leave alone.",
    )
    include_containers: list[str] = _setting(
        Names(),
        group="Selection",
        default=[],
        doc="Names (globs) of the only containers to instrument; empty means all.",
    )
    instrument_log_routers: bool = _setting(
        Flag(),
        group="Selection",
        default=False,
        reach=Reach.CONTAINER,
        doc="Instrument FireLens log routers too (containers with a FirelensConfiguration).",
    )
    launch_types: str = _setting(
        Choice(("FARGATE", "ALL")),
        group="Selection",
        default="FARGATE",
        doc="`ALL`: task definitions for EC2 and EXTERNAL too, where the host agent is not used.",
    )
    unsupported_architecture: str = _setting(
        Choice(("warn", "fail")),
        group="Selection",
        default="warn",
        doc="What to do with ARM64 tasks: instrument them with a notice, or refuse. Sysdig documents x86-64 only.",
    )
    workload_environment: dict[str, Json] = _setting(
        Map("a JSON object of variable names and values", "text or intrinsic", _VARIABLE),
        group="Workload",
        default={},
        reach=Reach.CONTAINER,
        doc="More environment variables for the instrumented containers.",
    )
    on_unresolved_image: str = _setting(
        Choice(("fail", "skip")),
        group="Images",
        default="fail",
        reach=Reach.CONTAINER,
        doc="When an image's ENTRYPOINT and CMD are needed and cannot be read: refuse the template, or leave the container alone with a notice.",
    )
    image_configs: dict[str, Json] = _setting(
        Map('a JSON object: image → {"Entrypoint": […], "Cmd": […]}', "image config"),
        group="Images",
        default={},
        doc='ENTRYPOINT and CMD of images that cannot be looked up, as a JSON object: image → `{"Entrypoint": […], "Cmd": […]}`. '
        "Wins over the registry.",
    )
    allowed_registries: list[str] = _setting(
        Names(),
        group="Images",
        default=["*"],
        reach=Reach.DEPLOYMENT,
        doc="Registry hosts (globs) that may be asked for images.",
    )
    internal_registries: list[str] = _setting(
        Names(
            "a list of hosts, with their port if it is not 443, or http://host:port",
            r"(http://)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?",
        ),
        group="Images",
        default=[],
        reach=Reach.DEPLOYMENT,
        doc="Registry hosts that may be asked although they resolve to private addresses, with their port if it is not 443. "
        "A host written as `http://host:port` is asked without TLS.",
    )
    registry_credentials: dict[str, Json] = _setting(
        Map("a JSON object: registry host → ARN of a Secrets Manager secret", "text"),
        group="Images",
        default={},
        reach=Reach.DEPLOYMENT,
        doc="Secrets with the credentials of registries, as a JSON object: registry host → ARN of a Secrets Manager secret that holds "
        '`{"username": …, "password": …}`.',
    )
    token_services: dict[str, Json] = _setting(
        Map("a JSON object: registry host → host of its token service", "text"),
        group="Images",
        default={},
        reach=Reach.DEPLOYMENT,
        doc="Token services at hosts of another name than their registry's, as a JSON object: registry host → the host that may be "
        "shown its credentials. Docker Hub's is known.",
    )
    lookup_seconds: int = _setting(
        Whole(1, 600, "seconds"),
        group="Images",
        default=20,
        reach=Reach.DEPLOYMENT,
        doc="Time for all image look-ups of one template together, in seconds.",
    )
    tag_cache_seconds: int = _setting(
        Whole(0, 86400, "seconds"),
        group="Images",
        default=60,
        reach=Reach.DEPLOYMENT,
        doc="How long the macro trusts what it read for a tag, in seconds. Digests are trusted for ever.",
    )
    access_key_kms_key: str | None = _setting(
        Text("the ARN of a KMS key", rf"{_ARN}:kms:[a-z0-9-]+:[0-9]{{12}}:key/[A-Za-z0-9-]+"),
        group="Roles",
        doc="ARN of the KMS key that the access key's secret is encrypted with, where it is not AWS's own. Needed for the permission only.",
    )
    grant_access_key_read: str = _setting(
        Choice(("auto", "never")),
        group="Roles",
        default="auto",
        doc="`auto`: where the execution role is a resource of the template, it gets the permission to read the access key.",
    )
    default_execution_role_arn: Json = _setting(
        Text("the ARN of an IAM role", _ROLE, live=True),
        group="Roles",
        doc="Execution role for task definitions that have none; the agent's secret needs one.",
    )
    locked_settings: list[str] = _setting(
        Names(),
        group="Governance",
        default=[],
        reach=Reach.DEPLOYMENT,
        doc="Names of settings that templates may not change.",
    )

    @property
    def collector_host(self) -> str | None:
        """The collector's host name, where ``Collector`` may be a region code."""
        return self.collector and COLLECTORS.get(self.collector, self.collector)


def _table() -> tuple[Setting, ...]:
    """The rows, in the order of the fields of :class:`Settings`."""
    return tuple(
        Setting(name="".join(word.title() for word in row.name.split("_")), attribute=row.name, **row.metadata)
        for row in fields(Settings)
    )


TABLE: Final[tuple[Setting, ...]] = _table()
BY_NAME: Final[Mapping[str, Setting]] = {setting.name: setting for setting in TABLE}
