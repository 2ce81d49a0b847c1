"""Thirty small repositories of five kinds, as forty teams have them, and what the tool must say of them.

Each has one template with one workload, and a line for the macro or none. The templates can be deployed. The expectations are
written down here by hand: nothing of the tool is used.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

MACRO: Final = "SysdigInstrument"
SAM: Final = "AWS::Serverless-2016-10-31"
LANGUAGE_EXTENSIONS: Final = "AWS::LanguageExtensions"
ROLE: Final = "arn:aws:iam::111122223333:role/execution"
PRIVATE_IMAGE: Final = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/shop/api"
OTHERS_IMAGE: Final = "444455556666.dkr.ecr.eu-central-1.amazonaws.com/shop/api"
"""Two repositories of Amazon ECR: one that the macro knows, and one of an account that does not allow it."""
BOOTSTRAP_VERSION: Final = "/cdk-bootstrap/hnb659fds/version"
"""The SSM parameter that each stack of the CDK reads."""

Json = Any
Pairs = list[tuple[str, Json]]

# --- what a template has

TASK: Final[Mapping[str, Json]] = {
    "Type": "AWS::ECS::TaskDefinition",
    "Properties": {
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": "256",
        "Memory": "1024",
        "ExecutionRoleArn": ROLE,
        "ContainerDefinitions": [
            {"Name": "web", "Image": "public.ecr.aws/nginx/nginx:1.27", "EntryPoint": ["nginx"], "Command": ["-v"]}
        ],
    },
}
SIDECAR: Final = {"Name": "side", "Image": "public.ecr.aws/docker/library/busybox:1.37", "EntryPoint": ["sleep", "60"]}
EXPRESS: Final[Mapping[str, Json]] = {
    "Type": "AWS::ECS::ExpressGatewayService",
    "Properties": {
        "ExecutionRoleArn": ROLE,
        "InfrastructureRoleArn": "arn:aws:iam::111122223333:role/infrastructure",
        "PrimaryContainer": {"Image": "public.ecr.aws/nginx/nginx:1.27"},
    },
}
CONVERTIBLE: Final = {
    **EXPRESS,
    "Properties": {
        **EXPRESS["Properties"],
        "Cpu": "1024",
        "Memory": "2048",
        "PrimaryContainer": {
            "Image": "public.ecr.aws/nginx/nginx:1.27",
            "ContainerPort": 80,
            "AwsLogsConfiguration": {"LogGroup": "web", "LogStreamPrefix": "web"},
        },
    },
}
"""An Express Mode service that the macro converts with the setting ExpressServices."""
BATCH: Final = {
    "Type": "AWS::Batch::JobDefinition",
    "Properties": {
        "Type": "container",
        "PlatformCapabilities": ["FARGATE"],
        "ContainerProperties": {"Image": "public.ecr.aws/docker/library/busybox:1.37", "ExecutionRoleArn": ROLE},
    },
}


def _task(metadata: Json = None, **properties: Json) -> Json:
    made = copy.deepcopy(dict(TASK))
    made["Properties"] |= properties
    return {**made, "Metadata": {MACRO: metadata}} if metadata else made


def _with_image(repository: str) -> Json:
    return _task(ContainerDefinitions=[{"Name": "web", "Image": f"{repository}:1"}])


def _with_sidecar() -> Json:
    containers = [*TASK["Properties"]["ContainerDefinitions"], SIDECAR]
    metadata = {"Containers": {"side": {"Enabled": False, "Reason": "Debug only"}}}
    return _task(metadata, ContainerDefinitions=containers)


WORKLOADS: Final[Mapping[str, Json]] = {
    "task": _task(),
    "opt-out with a reason": _task({"Enabled": False, "Reason": "Moves to EC2 in May"}),
    "opt-out": _task({"Enabled": False}),
    "opt-out of a container": _with_sidecar(),
    "EC2": _task(RequiresCompatibilities=["EC2"], NetworkMode="bridge"),
    "Windows": _task(RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}),
    "host PID mode": _task(PidMode="host"),
    "private image": _with_image(PRIVATE_IMAGE),
    "image of another account": _with_image(OTHERS_IMAGE),
    "name of the agent": _task(
        ContainerDefinitions=[{"Name": "SysdigInstrumentation", "Image": "busybox", "EntryPoint": ["sh"]}]
    ),
    "Express": EXPRESS,
    "Batch": BATCH,
    "none": {"Type": "AWS::SNS::Topic"},
}

LINES: Final = {
    "listed": "listed",
    "absent": "absent",
    "misspelt": "misspelt",
    "wrong key": "in the wrong key",
    "duplicate key": "lost to a duplicate key",
    "early": "listed before AWS::LanguageExtensions",
    "twice": "listed twice",
}
"""What the template has, and what the report says."""


def transform_pairs(line: str, others: list[str]) -> Pairs:
    """Return the keys above the resources, for a template that also lists ``others``."""
    rest: Pairs = [("Transform", others if len(others) > 1 else others[0])] if others else []
    listing = {
        "listed": [MACRO],
        "misspelt": ["SysdigInstrumnet"],
        "early": [MACRO, LANGUAGE_EXTENSIONS],
        "twice": [MACRO, MACRO],
    }
    if line in listing:
        names = [*others, *listing[line]]
        return [("Transform", names if len(names) > 1 else names[0])]
    if line == "wrong key":
        return [("Transforms", MACRO), *rest]
    if line == "duplicate key":
        return [("Transform", MACRO), ("Transform", [*others, LANGUAGE_EXTENSIONS])]
    return rest


_IS_LISTED: Final = ("listed", "early", "twice")


def expected_state(line: str, workload: str) -> str:
    """Return what an inventory says of a workload in a template with this line."""
    always = {
        "EC2": "needs none",
        "Windows": "cannot be protected",
        "host PID mode": "cannot be protected",
        "Express": "cannot be protected",
        "Batch": "cannot be protected",
        "none": "needs none",
    }
    if workload in always:
        return always[workload]
    if line not in _IS_LISTED:
        return "without the line"
    return {
        "opt-out with a reason": "left alone",
        "opt-out": "left alone",
        "private image": "unknown",
        "image of another account": "unknown",
        "name of the agent": "refused",
    }.get(workload, "protected")


def expected_verdict(line: str, workload: str, *, with_credentials: bool = False) -> str:
    """Return what ``check`` says of a workload in a template with this line, without credentials or with them."""
    always = {
        "EC2": "left alone",
        "Windows": "cannot be protected",
        "Express": "cannot be protected",
        "Batch": "cannot be protected",
        "none": "",
    }
    if workload in always:
        return always[workload]
    if line not in _IS_LISTED or workload == "name of the agent":
        return "NOT protected"
    return {
        "host PID mode": "cannot be protected",
        "opt-out with a reason": "left alone",
        "opt-out": "left alone",
        "private image": "protected" if with_credentials else "unknown",
        "image of another account": "unknown",
    }.get(workload, "protected")


def expected_exit_code(line: str, workload: str, *, with_credentials: bool = False) -> int:
    """Return the exit code of ``check``: 1 for what should be protected and is not, or may not be."""
    if workload == "none":
        return 2
    verdict = expected_verdict(line, workload, with_credentials=with_credentials)
    return int(verdict in ("NOT protected", "unknown") or workload == "host PID mode")


def expected_status(line: str, workload: str) -> str:
    """Return what ``coverage`` says of the task that runs after the deployment. It is empty if none does.

    Nothing runs if the template is refused: by CloudFormation, because there is no macro of that name; by the macro; or by
    ECS, because there is no PidMode host on Fargate. CloudFormation also refuses a wrong key, which LocalStack ignores.
    """
    is_refused = line in _IS_LISTED and workload in ("name of the agent", "image of another account")
    if line == "misspelt" or is_refused or workload in ("host PID mode", "none"):
        return ""
    always = {
        "EC2": "out of scope",
        "Windows": "cannot be protected",
        "Express": "unprotected",
        "Batch": "cannot be protected",
    }
    if workload in always:
        return always[workload]
    if line not in _IS_LISTED:
        return "unprotected"
    return "excluded" if workload.startswith("opt-out") and workload != "opt-out of a container" else "protected"


def expected_patch(line: str, workload: str) -> str:
    """Return what ``enable`` does with a template: ``patch``, or the words of the reason why there is none."""
    if line in _IS_LISTED:
        return "lists SysdigInstrument already"
    if workload == "none":
        return "No template or task definition found"
    if workload in ("Express", "Batch"):
        return "has no task definitions"
    return {"wrong key": "named at Transforms", "duplicate key": "is written twice"}.get(line, "patch")


# --- the kinds of repositories


@dataclass(frozen=True)
class Repository:
    """A repository: its files, and the template with the workload among them."""

    name: str
    kind: str
    line: str
    workload: str
    template: str
    resource: str
    files: Mapping[str, str]

    @classmethod
    def of(cls, name: str, kind: str, line: str, workload: str) -> Repository:
        """Return the repository of a kind with this line and this workload."""
        template, resource, files = _KINDS[kind][0](line, WORKLOADS[workload])
        return cls(name, kind, line, workload, template, resource, files)

    def with_line(self, line: str) -> Repository:
        """Return the same repository with another line."""
        return Repository.of(self.name, self.kind, line, self.workload)

    @property
    def text(self) -> str:
        """The text of the template."""
        return self.files[self.template]

    @property
    def properties(self) -> Json:
        """The properties of the workload."""
        return WORKLOADS[self.workload].get("Properties", {})

    @property
    def expected(self) -> tuple[str, str, str | None, str, str]:
        """The row of the workload: repository, file, resource, macro line, state."""
        resource = None if self.workload == "none" else self.resource
        return self.name, self.template, resource, LINES[self.line], expected_state(self.line, self.workload)


def _yaml(pairs: Pairs) -> str:
    return "# Kept by the team\n" + "".join(yaml.safe_dump({key: value}, sort_keys=False) for key, value in pairs)


def _json(pairs: Pairs) -> str:
    members = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in pairs)
    return f"{{\n{members}\n}}\n"


def _yaml_repository(line: str, workload: Json) -> tuple[str, str, dict[str, str]]:
    pairs = [("AWSTemplateFormatVersion", "2010-09-09"), *transform_pairs(line, [])]
    return "templates/app.yaml", "Api", {"templates/app.yaml": _yaml([*pairs, ("Resources", {"Api": workload})])}


def _json_repository(line: str, workload: Json) -> tuple[str, str, dict[str, str]]:
    text = _json([*transform_pairs(line, []), ("Resources", {"Api": workload})])
    return "cloudformation/app.json", "Api", {"cloudformation/app.json": text, "package.json": '{"name": "app"}\n'}


def _sam_repository(line: str, workload: Json) -> tuple[str, str, dict[str, str]]:
    function = {
        "Type": "AWS::Serverless::Function",
        "Properties": {"Runtime": "python3.13", "Handler": "app.handler", "InlineCode": "def handler(*_): pass"},
    }
    resources = {"Function": function, "Api": workload}
    return "template.yaml", "Api", {"template.yaml": _yaml([*transform_pairs(line, [SAM]), ("Resources", resources)])}


def _cdk_repository(line: str, workload: Json) -> tuple[str, str, dict[str, str]]:
    """A repository that keeps the CDK's output."""
    metadata = {"aws:cdk:path": "App/Api/Resource", **workload.get("Metadata", {})}
    resources = {
        "ApiTaskDefCB0575BA": {**workload, "Metadata": metadata},
        "CDKMetadata": {"Type": "AWS::CDK::Metadata", "Properties": {"Analytics": "v2:deflate64:H4sIAAAA"}},
    }
    bootstrap = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": BOOTSTRAP_VERSION}
    pairs = [*transform_pairs(line, []), ("Resources", resources), ("Parameters", {"BootstrapVersion": bootstrap})]
    files = {"synthesized/App.template.json": _json(pairs), "cdk.json": '{"app": "python3 app.py"}\n'}
    return "synthesized/App.template.json", "ApiTaskDefCB0575BA", files


def _nested_repository(line: str, workload: Json) -> tuple[str, str, dict[str, str]]:
    child = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "templates/child.yaml"}}
    files = {
        "parent.yaml": _yaml([("Resources", {"Child": child})]),
        "templates/child.yaml": _yaml([*transform_pairs(line, []), ("Resources", {"Api": workload})]),
    }
    return "templates/child.yaml", "Api", files


_KINDS: Final = {
    "yaml": (
        _yaml_repository,
        [
            ("listed", "task"),
            ("absent", "task"),
            ("misspelt", "task"),
            ("duplicate key", "task"),
            ("listed", "opt-out with a reason"),
            ("absent", "EC2"),
        ],
    ),
    "json": (
        _json_repository,
        [
            ("listed", "task"),
            ("absent", "opt-out"),
            ("duplicate key", "task"),
            ("wrong key", "task"),
            ("listed", "name of the agent"),
            ("listed", "Express"),
        ],
    ),
    "sam": (
        _sam_repository,
        [
            ("listed", "task"),
            ("absent", "private image"),
            ("early", "task"),
            ("misspelt", "task"),
            ("listed", "private image"),
            ("absent", "opt-out with a reason"),
        ],
    ),
    "cdk": (
        _cdk_repository,
        [
            ("listed", "task"),
            ("absent", "task"),
            ("listed", "opt-out of a container"),
            ("listed", "image of another account"),
            ("absent", "Windows"),
            ("absent", "Express"),
        ],
    ),
    "nested": (
        _nested_repository,
        [
            ("listed", "task"),
            ("twice", "task"),
            ("wrong key", "host PID mode"),
            ("early", "opt-out of a container"),
            ("listed", "Batch"),
            ("absent", "none"),
        ],
    ),
}


def repositories(line: str = "") -> Iterator[Repository]:
    """Yield the thirty repositories, each with its own line, or all with the same one."""
    for kind, (_, pairs) in _KINDS.items():
        for number, (own_line, workload) in enumerate(pairs, start=1):
            yield Repository.of(f"{kind}-{number}", kind, line or own_line, workload)


def write_repositories(folder: Path, line: str = "") -> list[Repository]:
    """Write the repositories as Git checkouts below a folder."""
    made = list(repositories(line))
    for repository in made:
        root = folder / repository.name
        (root / ".git").mkdir(parents=True)
        for name, text in repository.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
    return made
