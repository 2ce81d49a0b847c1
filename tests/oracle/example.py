"""A template and its correct output, written manually. Each test of the oracle breaks the output in one place."""

from __future__ import annotations

from oracle.values import Json

WRAPPER = "/opt/draios/bin/instrument"
KEY_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key-AbCdEf"
SETTINGS: dict[str, Json] = {"Collector": "us2", "AccessKeySecret": KEY_ARN}
IMAGES: dict[str | tuple[str, str], dict[str, Json] | None] = {
    ("example.com/web:1", "X86_64"): {"Entrypoint": ["/start"], "Cmd": ["nginx"]},
    ("example.com/web:1", "ARM64"): {"Entrypoint": ["/start-arm"], "Cmd": ["nginx"]},
    "example.com/web:2": {"Entrypoint": None, "Cmd": ["caddy", "run"]},
    "example.com/tool:1": {"Entrypoint": ["tool"], "Cmd": None},
}
NOVALUE: Json = {"Ref": "AWS::NoValue"}
STAGE: Json = {"Ref": "Stage"}


def fargate(containers: Json, **more: Json) -> dict[str, Json]:
    """Return a task definition for Fargate."""
    return {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "Cpu": 512,
            "Memory": "1024",
            "ExecutionRoleArn": "arn:aws:iam::111122223333:role/pull",
            **more,
            "ContainerDefinitions": containers,
        },
    }


def template(**resources: Json) -> dict[str, Json]:
    """Return a template with two parameters, two conditions and these resources."""
    return {
        "Parameters": {"Stage": {"Type": "String", "Default": "live"}, "Words": {"Type": "CommaDelimitedList"}},
        "Conditions": {"Dev": {"Fn::Equals": [STAGE, "dev"]}, "Big": {"Fn::Equals": [STAGE, "big"]}},
        "Resources": resources,
        "Outputs": {"Stage": {"Value": STAGE}},
    }


def variables(**values: Json) -> list[Json]:
    """Return an Environment with these variables."""
    return [{"Name": name, "Value": value} for name, value in values.items()]


ROUTER: Json = {"Name": "router", "Image": "example.com/router:1", "FirelensConfiguration": {"Type": "fluentbit"}}
BUCKET: Json = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}
HOST: Json = {
    "Type": "AWS::ECS::TaskDefinition",
    "Properties": {"RequiresCompatibilities": ["EC2"], "ContainerDefinitions": [{"Name": "a", "Image": "a"}]},
}
WINDOWS: Json = fargate(
    [{"Name": "a", "Image": "a"}], RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}
)

BEFORE = template(
    Bucket=BUCKET,
    Api=fargate([
        {
            "Name": "web",
            "Image": {"Fn::If": ["Dev", "example.com/web:2", "example.com/web:1"]},
            "Cpu": 64,
            "Environment": variables(ZED="z", ALPHA="a"),
            "LinuxParameters": {"InitProcessEnabled": True, "Capabilities": {"Drop": ["ALL"]}},
            "PortMappings": [{"ContainerPort": 80}],
        },
        {
            "Name": "worker",
            "Image": "example.com/unknown:1",
            "EntryPoint": {"Fn::If": ["Big", ["/app", "--big"], ["/app", STAGE]]},
            "Command": [{"Ref": "Words"}, 8080],
            "Environment": [
                {"Name": "PASSWORD", "Value": "hunter2-hunter2"},
                {"Fn::If": ["Dev", {"Name": "DEBUG", "Value": STAGE}, NOVALUE]},
            ],
            "VolumesFrom": [{"SourceContainer": "web"}],
            "LinuxParameters": {"Capabilities": {"Add": ["SYS_PTRACE"]}},
        },
        ROUTER,
        {"Fn::If": ["Dev", {"Name": "debug", "Image": "example.com/tool:1", "EntryPoint": [], "Command": ["x"]}, NOVALUE]},
    ]),
    Host=HOST,
    Windows=WINDOWS,
)  # fmt: skip

VOLUME: Json = {"SourceContainer": "SysdigInstrumentation", "ReadOnly": True}
AUTO: Json = {"Name": "SYSDIG_SIDECAR", "Value": "auto"}
PTRACE: Json = {"Capabilities": {"Add": ["SYS_PTRACE"]}}
RESULT: Json = {"SysdigInstrument": {"Result": {"web": "instrumented"}}}


def agent(image: str = "quay.io/sysdig/workload-agent:latest") -> Json:
    """Return the agent's container that the default settings give."""
    return {
        "Name": "SysdigInstrumentation",
        "Image": image,
        "Essential": False,
        "Environment": variables(
            SYSDIG_COLLECTOR="ingest-us2.app.sysdig.com",
            SYSDIG_COLLECTOR_PORT="6443",
            SYSDIG_PRIORITY="availability",
            SYSDIG_SIDECAR="auto",
        ),
        "Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": KEY_ARN}],
    }


def instrumented(containers: list[Json], **more: Json) -> dict[str, Json]:
    """Return a task definition with the agent and a Result."""
    return {**fargate([*containers, agent()], **more, PidMode="task"), "Metadata": RESULT}


AFTER = template(
    Bucket=BUCKET,
    Api=instrumented([
        {
            "Name": "web",
            "Image": {"Fn::If": ["Dev", "example.com/web:2", "example.com/web:1"]},
            "Cpu": 64,
            "Environment": [*variables(ZED="z", ALPHA="a"), AUTO],
            "LinuxParameters": {"InitProcessEnabled": True, "Capabilities": {"Drop": ["ALL"], "Add": ["SYS_PTRACE"]}},
            "PortMappings": [{"ContainerPort": 80}],
            "EntryPoint": {"Fn::If": ["Dev", [WRAPPER], [WRAPPER, "/start"]]},
            "Command": {"Fn::If": ["Dev", ["caddy", "run"], ["nginx"]]},
            "VolumesFrom": [VOLUME],
        },
        {
            "Name": "worker",
            "Image": "example.com/unknown:1",
            "EntryPoint": {"Fn::If": ["Big", [WRAPPER, "/app", "--big"], [WRAPPER, "/app", STAGE]]},
            "Command": [{"Ref": "Words"}, 8080],
            "Environment": [
                {"Name": "PASSWORD", "Value": "hunter2-hunter2"},
                {"Fn::If": ["Dev", {"Name": "DEBUG", "Value": STAGE}, NOVALUE]},
                AUTO,
            ],
            "VolumesFrom": [{"SourceContainer": "web"}, VOLUME],
            "LinuxParameters": {"Capabilities": {"Add": ["SYS_PTRACE"]}},
        },
        ROUTER,
        {"Fn::If": ["Dev", {
            "Name": "debug",
            "Image": "example.com/tool:1",
            "EntryPoint": [WRAPPER, "tool"],
            "Command": ["x"],
            "Environment": [AUTO],
            "VolumesFrom": [VOLUME],
            "LinuxParameters": PTRACE,
        }, NOVALUE]},
    ]),
    Host=HOST,
    Windows=WINDOWS,
)  # fmt: skip
