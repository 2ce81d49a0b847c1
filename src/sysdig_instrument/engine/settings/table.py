"""The table of settings.

It is the only source of the template's Parameters, the Lambda's environment variables, the command line, the schema of
``Metadata.SysdigInstrument`` and docs/settings.md (``make docs`` writes these files; a test fails if one is out of date).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from sysdig_instrument.engine.agent import COLLECTORS
from sysdig_instrument.engine.image_reference import REPOSITORY_GLOB
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings import patterns
from sysdig_instrument.engine.settings.types import (
    ArgumentList,
    Boolean,
    ImageConfigObject,
    Integer,
    LogConfiguration,
    Object,
    OneOf,
    SettingType,
    String,
    StringList,
)
from sysdig_instrument.lazy_dataclasses import dataclass, field, fields

ENVIRONMENT_PREFIX: Final = "SYSDIG_INSTRUMENT_"

ALL_SETTINGS: Final = "*"
"""The item of ``LockedSettings`` that locks all settings."""


class SettingScope(Enum):
    """The layers that may set a setting."""

    DEPLOYMENT = "deployment"
    """Only the macro's deployment: a template must not change what protects the account."""
    TASK = "task"
    """Every layer, for whole task definitions."""
    CONTAINER = "container"
    """Every layer, and single containers in the resource's Metadata."""
    ONE_CONTAINER = "one container"
    """Single containers in the resource's Metadata only: it says something about one container."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. ``name`` is in CloudFormation's PascalCase, ``attribute`` is the field of :class:`Settings`."""

    name: str
    attribute: str
    value_type: SettingType
    default: Json
    group: str
    description: str
    scope: SettingScope
    required: bool

    @property
    def variable(self) -> str:
        """The Lambda's environment variable: ``SYSDIG_INSTRUMENT_COLLECTOR_PORT`` for ``CollectorPort``."""
        return ENVIRONMENT_PREFIX + self.attribute.upper()


def _setting(  # noqa: PLR0913 - one argument for each column of the table, all by keyword
    value_type: SettingType,
    *,
    group: str,
    description: str,
    default: Json = None,
    scope: SettingScope = SettingScope.TASK,
    required: bool = False,
) -> Any:  # noqa: ANN401 - as dataclasses.field
    row = {"value_type": value_type, "group": group, "description": description, "scope": scope, "required": required}
    return field(default_factory=lambda: default, metadata={**row, "default": default})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values of all settings for one task definition or container. Its lists and objects are never changed in place."""

    collector: str | None = _setting(
        String(
            "a collector's host name, without https:// and port, or a region: " + ", ".join(COLLECTORS),
            r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?",
        ),
        group="Sysdig",
        required=True,
        description="Sysdig's collector: a host name, or a Sysdig SaaS region (" + ", ".join(COLLECTORS) + ").",
    )
    collector_port: int = _setting(
        Integer(1, 65535), group="Sysdig", default=6443, description="TCP port of the collector."
    )
    access_key_secret: Json = _setting(
        String(
            f"{patterns.ACCESS_KEY_FORMS}; or {patterns.NO_ACCESS_KEY}",
            f"{patterns.NO_ACCESS_KEY}|{patterns.SECRET_PATTERN}",
            allows_intrinsic=True,
        ),
        group="Sysdig",
        required=True,
        description="ARN of the Secrets Manager secret (also with `:json-key::`) or SSM parameter that holds Sysdig's access key. ECS passes the key to the agent through Secrets; it never appears in the template. An intrinsic function in Metadata is kept as it is. `none`: the key comes in another way.",
    )
    agent_image: str = _setting(
        String("an image reference, without https://", patterns.IMAGE_PATTERN),
        group="Agent",
        default="quay.io/sysdig/workload-agent:latest",
        description="Image of the agent's container. Pin a tag or a digest in production.",
    )
    trusted_agent_images: list[str] = _setting(
        StringList("a list of repositories (globs) without tags, such as quay.io/sysdig/*", REPOSITORY_GLOB),
        group="Agent",
        default=[],
        scope=SettingScope.DEPLOYMENT,
        description="Repositories (globs) whose images count as the agent, with their registry and without a tag, such as `quay.io/sysdig/*`. Default: AgentImage's repository. A template can set AgentImage only to an image of these repositories.",
    )
    agent_image_credentials: str | None = _setting(
        String("the ARN of a Secrets Manager secret", patterns.SECRETS_MANAGER_PATTERN),
        group="Agent",
        description="ARN of the secret with the credentials of the agent image's registry (RepositoryCredentials).",
    )
    priority: str = _setting(
        OneOf(("availability", "security")),
        group="Agent",
        default="availability",
        description="`availability`: the workload has priority, and starts without policies. `security`: the workload waits for policies.",
    )
    sidecar_mode: str = _setting(
        OneOf(("auto", "force")),
        group="Agent",
        default="auto",
        description="Value of SYSDIG_SIDECAR in all containers.",
    )
    log_level: str | None = _setting(
        OneOf(("silent", "fatal", "critical", "error", "warning", "info", "debug", "trace")),
        group="Agent",
        description="The agent's log level (SYSDIG_LOGGING).",
    )
    extra_conf: str | None = _setting(
        String("YAML or JSON text", r"[\s\S]+"),
        group="Agent",
        description="More configuration for the agent, YAML or JSON text (SYSDIG_EXTRA_CONF).",
    )
    agent_environment: dict[str, Json] = _setting(
        Object("a JSON object of variable names and values", "string or intrinsic", patterns.VARIABLE_PATTERN),
        group="Agent",
        default={},
        description="More environment variables for the agent's container.",
    )
    agent_essential: str = _setting(
        OneOf(("auto", "true", "false")),
        group="Agent",
        default="auto",
        description="Whether the task stops when the agent stops. `auto`: only with Priority `security`.",
    )
    agent_cpu: int | None = _setting(
        Integer(1, 196608, "CPU units"),
        group="Agent",
        description="CPU units reserved for the agent's container (1024 units are one vCPU).",
    )
    agent_memory: int | None = _setting(
        Integer(6, 2097152, "MiB"), group="Agent", description="Hard memory limit of the agent's container, in MiB."
    )
    agent_memory_reservation: int | None = _setting(
        Integer(6, 2097152, "MiB"), group="Agent", description="Memory reserved for the agent's container, in MiB."
    )
    task_size: str = _setting(
        OneOf(("keep", "raise")),
        group="Agent",
        default="keep",
        description="What to do if AgentCpu and AgentMemoryReservation (or AgentMemory) are more than the task has left. `keep`: refuse, and name the size that fits. `raise`: give the task that size, the next larger Fargate size.",
    )
    agent_log_configuration: Json = _setting(
        LogConfiguration(),
        group="Agent",
        description="LogConfiguration of the agent's container as JSON, any driver; or `inherit`: the first instrumented container's, with its own stream prefix.",
    )
    agent_entry_point: list[str] | None = _setting(
        ArgumentList(),
        group="Agent",
        scope=SettingScope.DEPLOYMENT,
        description="EntryPoint of the agent's container. Default: the image's own, which is right for every known release.",
    )
    agent_command: list[str] | None = _setting(
        ArgumentList(),
        group="Agent",
        scope=SettingScope.DEPLOYMENT,
        description="Command of the agent's container. Default: the image's own.",
    )
    enabled: bool = _setting(
        Boolean(),
        group="Selection",
        default=True,
        scope=SettingScope.CONTAINER,
        description="`false`: do not instrument this task definition, or this container.",
    )
    mode: str = _setting(
        OneOf(("opt-out", "opt-in")),
        group="Selection",
        default="opt-out",
        description="`opt-in`: instrument only what sets `Enabled: true` itself.",
    )
    exclude_containers: list[str] = _setting(
        StringList(),
        group="Selection",
        default=[],
        description="Names (globs) of containers that are not to be instrumented.",
    )
    include_containers: list[str] = _setting(
        StringList(),
        group="Selection",
        default=[],
        description="Names (globs) of the only containers to instrument; empty means all.",
    )
    reason: str | None = _setting(
        String(patterns.REASON_FORM, patterns.REASON_PATTERN),
        group="Selection",
        scope=SettingScope.CONTAINER,
        description="Why this task definition or container is left alone, for example `no ptrace in this image: SEC-123`. The Result, the hook and `coverage` show it.",
    )
    instrument_log_routers: bool = _setting(
        Boolean(),
        group="Selection",
        default=False,
        scope=SettingScope.CONTAINER,
        description="Instrument FireLens log routers too (containers with a FirelensConfiguration). ECS may then start them after the containers that log to them.",
    )
    launch_types: str = _setting(
        OneOf(("FARGATE", "FARGATE_COMPATIBLE", "ALL")),
        group="Selection",
        default="FARGATE",
        description="Which task definitions to instrument. `FARGATE_COMPATIBLE`: also those for EC2 that could run on Fargate (awsvpc, Cpu and Memory), as something outside of the template may start them there. `ALL`: also those for EC2 and EXTERNAL, for hosts without the host agent.",
    )
    other_workloads: str = _setting(
        OneOf(("warn", "fail")), group="Selection", default="warn", scope=SettingScope.DEPLOYMENT,
        description="What to do with workloads that cannot carry the agent: Express Mode services without a task definition of their own, AWS Batch jobs on Fargate, tasks for managed instances alone. `warn`: a notice. `fail`: refuse the template.",
    )  # fmt: skip
    express_services: str = _setting(
        OneOf(("leave", "convert")), group="Selection", default="leave",
        description="What to do with Express Mode services that have a PrimaryContainer. `leave` (the default): leave them as they are, so that `OtherWorkloads` decides. `convert`: write a task definition from it, instrument that, and set the service's TaskDefinitionArn.",
    )  # fmt: skip
    unsupported_architecture: str = _setting(
        OneOf(("warn", "fail")), group="Selection", default="warn",
        description="What to do with ARM64 tasks: instrument them with a notice, or refuse. Sysdig documents x86-64 only.",
    )  # fmt: skip
    workload_environment: dict[str, Json] = _setting(
        Object("a JSON object of variable names and values", "string or intrinsic", patterns.VARIABLE_PATTERN),
        group="Workload",
        default={},
        scope=SettingScope.CONTAINER,
        description="More environment variables for the instrumented containers.",
    )
    on_unresolved_image: str = _setting(
        OneOf(("fail", "skip")),
        group="Images",
        default="fail",
        scope=SettingScope.CONTAINER,
        description="What to do if an image's ENTRYPOINT and CMD are needed and cannot be read: refuse the template, or skip the container with a notice.",
    )
    image_configs: dict[str, Json] = _setting(
        Object('a JSON object: image → {"Entrypoint": […], "Cmd": […]}, each of 64 KiB at most', "image config"),
        group="Images",
        default={},
        description='ENTRYPOINT and CMD of images that cannot be looked up, as a JSON object: image → `{"Entrypoint": […], "Cmd": […]}`. An image is a reference as the template has it, a repository without tag, or a glob; the most exact one counts. Takes precedence over the registry.',
    )
    image_config: dict[str, Json] | None = _setting(
        ImageConfigObject(),
        group="Images",
        scope=SettingScope.ONE_CONTAINER,
        description='ENTRYPOINT and CMD of the image of one container: `{"Entrypoint": […], "Cmd": […]}`. For an image whose name is known only after deployment, such as one in an Amazon ECR repository of the same template without a RepositoryName. Takes precedence over ImageConfigs and over the registry. LockedSettings with ImageConfigs locks it, too.',
    )
    allowed_registries: list[str] = _setting(
        StringList(),
        group="Images",
        default=["*"],
        scope=SettingScope.DEPLOYMENT,
        description="Registry hosts (globs) from which image configurations may be read.",
    )
    internal_registries: list[str] = _setting(
        StringList(
            "a list of hosts, with their port if it is not 443, or http://host:port",
            r"(http://)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?",
        ),
        group="Images",
        default=[],
        scope=SettingScope.DEPLOYMENT,
        description="Registry hosts that may be contacted although they resolve to private addresses, with their port if it is not 443. A host written as `http://host:port` is contacted without TLS.",
    )
    registry_credentials: dict[str, Json] = _setting(
        Object("a JSON object: registry host → ARN of a Secrets Manager secret", "string"),
        group="Images",
        default={},
        scope=SettingScope.DEPLOYMENT,
        description="Secrets with the credentials of registries, as a JSON object: registry host → ARN of a Secrets Manager secret that holds "
        '`{"username": …, "password": …}`.',
    )
    token_services: dict[str, Json] = _setting(
        Object("a JSON object: registry host → host of its token service", "string"),
        group="Images",
        default={},
        scope=SettingScope.DEPLOYMENT,
        description="Token services whose host is not their registry's, as a JSON object: registry host → the host that may receive the registry's credentials. Docker Hub's is built in.",
    )
    stack_output_roles: list[str] = _setting(
        StringList("a list of ARNs of IAM roles", r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=.@/-]+"),
        group="Images",
        default=[],
        scope=SettingScope.DEPLOYMENT,
        description="ARNs of the roles that may be assumed to read outputs of stacks in other accounts, where an `Fn::GetStackOutput` names one of them (RoleArn).",
    )
    lookup_seconds: int = _setting(
        Integer(1, 600, "seconds"),
        group="Images",
        default=20,
        scope=SettingScope.DEPLOYMENT,
        description="Time limit for all lookups of one template together, in seconds.",
    )
    tag_cache_seconds: int = _setting(
        Integer(0, 86400, "seconds"),
        group="Images",
        default=60,
        scope=SettingScope.DEPLOYMENT,
        description="How long the macro caches what it read for a tag, in seconds. What it read for a digest does not expire.",
    )
    access_key_kms_key: str | None = _setting(
        String("the ARN of a KMS key", patterns.KMS_KEY_PATTERN),
        group="Roles",
        description="ARN of the KMS key that encrypts the access key's secret, if it is not AWS's own. Needed only for the permission to read the secret.",
    )
    grant_access_key_read: str = _setting(
        OneOf(("auto", "never")),
        group="Roles",
        default="auto",
        description="`auto`: if the execution role is a resource of the template, grant it the permissions that the agent's container needs: to read the access key, AgentImageCredentials and an AgentImage in a private repository of Amazon ECR, and to write to the log group of AgentLogConfiguration.",
    )
    default_execution_role_arn: Json = _setting(
        String("the ARN of an IAM role", patterns.ROLE_PATTERN, allows_intrinsic=True),
        group="Roles",
        description="Execution role for task definitions without one: ECS needs it to read the agent's secret.",
    )
    require_reason: bool = _setting(
        Boolean(),
        group="Governance",
        default=False,
        scope=SettingScope.DEPLOYMENT,
        description="`true`: refuse a template that leaves something alone without a `Reason`. It does not apply to what the deployment's own settings leave alone.",
    )
    locked_settings: list[str] = _setting(
        StringList("names of settings, * for all of them, and !Name for each exception", r"\*|!?[A-Za-z]+"),
        group="Governance",
        default=[],
        scope=SettingScope.DEPLOYMENT,
        description="Names of settings that templates may not change. `*` locks all, and `*,!AgentCpu,!AgentMemory` all but these two.",
    )
    macro_name: str = _setting(
        String('letters, digits, "-" and "_"', r"[A-Za-z0-9_-]{1,128}"),
        group="Macro",
        default="SysdigInstrument",
        scope=SettingScope.DEPLOYMENT,
        description="Name of the macro, as templates write it in Transform, unique in an account and Region. The tool also takes a name that continues it with a hyphen.",
    )

    help_text: str = _setting(
        String("at most 200 printable ASCII characters", r"[ -~]{0,200}"),
        group="Macro",
        default="",
        scope=SettingScope.DEPLOYMENT,
        description="Whom to ask: the end of each refusal by the macro, the hook and the tool, such as `Questions: #platform-security, https://wiki.example.com/sysdig`.",
    )

    @property
    def access_key_value_from(self) -> Json:
        """The ``ValueFrom`` of the agent's secret: ``AccessKeySecret``, or None if that is ``none`` or has no value."""
        return None if self.access_key_secret == patterns.NO_ACCESS_KEY else self.access_key_secret

    @property
    def collector_host(self) -> str | None:
        """The collector's host name, even if ``Collector`` is a region."""
        return self.collector and COLLECTORS.get(self.collector, self.collector)


def _table() -> tuple[Setting, ...]:
    """Return the rows, in the order of the fields of :class:`Settings`."""
    return tuple(
        Setting(name="".join(word.title() for word in row.name.split("_")), attribute=row.name, **row.metadata)
        for row in fields(Settings)
    )


TABLE: Final[tuple[Setting, ...]] = _table()
BY_NAME: Final[Mapping[str, Setting]] = {setting.name: setting for setting in TABLE}
