"""The rule of AWS Config, run by Guard over task definitions as Config records them: never compliant if not protected."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import botocore.session
import pytest
from botocore.validate import validate_parameters

import config_rule
from bypasses.definitions import definitions
from bypasses.judges import Answer, engine_answer
from bypasses.sampling import literal_mutations
from case_folders import ACCOUNT, CASES, REGION
from cloudformation_guard import NOT_JUDGED, run, run_guard_2
from oracle.evaluate import TASK_DEFINITION, Evaluator, StackInputs
from oracle.values import Json, items, mapping
from readable_ids import readable_id
from sysdig_instrument.documents import load
from sysdig_instrument.ecs_documents import to_pascal_case

TEMPLATE = cast("dict[str, Any]", load(str(config_rule.PACK)).value)
DEFAULTS = {name: parameter["Default"] for name, parameter in TEMPLATE["Parameters"].items()}
(RULE,) = TEMPLATE["Resources"].values()
CONFIG = botocore.session.get_session().get_service_model("config")
PLAIN = definitions()[0]
EMPTY = ("MountPoints", "PortMappings", "SystemControls", "VolumesFrom")
"""Members of a container that ECS returns as empty lists."""


def policy(**parameters: str) -> str:
    """Return the policy's text, for a stack or a conformance pack with these parameters."""
    stack = StackInputs({**DEFAULTS, **parameters})
    source = mapping(Evaluator({}, stack, cast("Json", TEMPLATE)).value(RULE["Properties"]["Source"]))
    return cast("str", mapping(source["CustomPolicyDetails"])["PolicyText"])


def recorded(properties: Mapping[str, Json]) -> dict[str, Json]:
    """Return a task definition as Config records it (awslabs/aws-config-resource-schema, AWS::ECS::TaskDefinition)."""
    tags = {str(mapping(tag)["Key"]): mapping(tag)["Value"] for tag in items(properties.get("Tags"))}
    containers: list[Json] = [
        {**dict.fromkeys(EMPTY, cast("Json", [])), **mapping(container)}
        for container in items(properties.get("ContainerDefinitions"))
    ]
    others = {key: value for key, value in properties.items() if key not in ("ContainerDefinitions", "Tags")}
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/web:7"
    return {
        "version": "1.3",
        "configurationItemStatus": "ResourceDiscovered",
        "resourceType": TASK_DEFINITION,
        "resourceId": arn,
        "awsRegion": REGION,
        "accountId": ACCOUNT,
        "tags": tags,
        "configuration": {
            "TaskDefinitionArn": arn, "Status": "ACTIVE", "ContainerDefinitions": containers, **others
        },
        "supplementaryConfiguration": {},
    }  # fmt: skip


def item(**more: Json) -> dict[str, Json]:
    """Return the item of a protected task definition, and other properties for it."""
    return recorded({**PLAIN.properties, **more})


def with_agent(**more: Json) -> dict[str, Json]:
    *others, agent = items(PLAIN.properties["ContainerDefinitions"])
    return item(ContainerDefinitions=[*others, {**mapping(agent), **more}])


@dataclass(frozen=True)
class Judged:
    """A literal task definition, with the engine's answer."""

    name: str
    properties: Mapping[str, Json]
    answer: Answer


@functools.cache
def judged() -> Sequence[Judged]:
    """Return the task definitions of cases, before and after, those that were made for mutations, and mutated ones."""
    found = [
        Judged(f"{case.name} {when}", properties, engine_answer(properties, case.settings))
        for number, case in enumerate(CASES)
        if case.is_plain or number % 2 == 0
        if (case.folder / "expected.json").exists()
        for when, document in (("before", case.document.value), ("after", case.read("expected.json")))
        for properties in literal_definitions(document, is_plain=case.is_plain)
    ]
    found += [
        Judged(each.name, each.properties, engine_answer(each.properties, each.settings)) for each in definitions()
    ]
    for name in ("plain", "log-router"):
        (definition,) = (each for each in definitions() if each.name == name)
        found += [
            Judged(f"{name} {each.kind}", each.properties, engine_answer(each.properties, definition.settings))
            for each in [each for each in literal_mutations()[name] if not NOT_JUDGED.match(each.kind)][4::16]
        ]
    return found


def literal_definitions(document: Json, *, is_plain: bool) -> list[dict[str, Json]]:
    """Return the task definitions of a document in which nothing is an expression, as in what is registered."""
    if is_plain:
        return [mapping(to_pascal_case(mapping(document)))]
    resources = [mapping(each) for each in mapping(mapping(document).get("Resources")).values()]
    tasks = [mapping(each.get("Properties")) for each in resources if each.get("Type") == TASK_DEFINITION]
    return [task for task in tasks if not re.search(r'"(Ref|Fn::\w+)"|\{\{resolve:', json.dumps(task))]


@pytest.fixture(scope="module")
def statuses() -> Sequence[str]:
    return run(policy(), [recorded(each.properties) for each in judged()])


def test_what_the_engine_calls_unprotected_is_never_compliant(statuses: Sequence[str]) -> None:
    wrong = [
        each.name
        for each, status in zip(judged(), statuses, strict=True)
        if each.answer is Answer.NOT_PROTECTED and status != "FAIL"
    ]
    assert wrong == []


def test_what_the_macro_makes_is_compliant(statuses: Sequence[str]) -> None:
    """Except for what docs/guard.md lists; the two rules have the same clauses."""
    protected = [status for each, status in zip(judged(), statuses, strict=True) if each.answer is Answer.PROTECTED]
    assert protected.count("SKIP") == 0
    assert protected.count("PASS") > 2 / 3 * len(protected) > 20
    plain = {case.name for case in CASES if case.is_plain}  # `apply` and watch register what is made like these
    registered = {
        each.name: status
        for each, status in zip(judged(), statuses, strict=True)
        if each.answer is Answer.PROTECTED and each.name.split()[0] in plain
    }
    assert len(registered) > 2
    failed = {name for name, status in registered.items() if status == "FAIL"}
    assert failed == {"plain-opt-out-by-tag after"}  # a container that a tag leaves alone


def test_guard_2_says_the_same(statuses: Sequence[str], tmp_path: Path) -> None:
    """AWS Config runs Guard 2; the statuses are those of Guard 3."""
    sample = slice(None, None, 2)
    documents = [recorded(each.properties) for each in judged()[sample]]
    assert run_guard_2(policy(), documents, tmp_path) == list(statuses[sample])


WINDOWS = {"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}
ITEMS = {
    "protected": (item(), "PASS"),
    "without its empty lists": ({**item(), "configuration": dict(PLAIN.properties)}, "PASS"),
    "not protected": (item(PidMode="host"), "FAIL"),
    "no PidMode": (item(PidMode=None), "FAIL"),
    "EC2": (item(PidMode="host", RequiresCompatibilities=["EC2"]), "SKIP"),
    "EC2 and Fargate": (item(PidMode="host", RequiresCompatibilities=["EC2", "FARGATE"]), "FAIL"),
    "no launch type": (item(PidMode="host", RequiresCompatibilities=[]), "FAIL"),
    "managed instances": (item(PidMode="host", RequiresCompatibilities=["MANAGED_INSTANCES"]), "FAIL"),
    "Windows": (item(PidMode="host", RuntimePlatform=cast("Json", WINDOWS)), "SKIP"),
    "like Windows": (item(PidMode="host", RuntimePlatform={"OperatingSystemFamily": "WINDOWSX"}), "FAIL"),
    "the record of `apply`": (with_agent(DockerLabels={"sysdig-instrument.undo": "{}"}), "PASS"),
    "another spelling": (item(PidMode=None, pidMode="task"), "FAIL"),
    "an opt-out": (item(PidMode="host", Tags=[{"Key": "sysdig-instrument", "Value": "false"}]), "FAIL"),
    "no containers": (item(ContainerDefinitions=[]), "FAIL"),
    "no configuration": ({"resourceType": TASK_DEFINITION}, "FAIL"),
    "an empty configuration": ({"resourceType": TASK_DEFINITION, "configuration": {}}, "FAIL"),
    "another type": ({"resourceType": "AWS::ECS::Service", "configuration": {}}, "SKIP"),
    "an agent with a mount": (with_agent(MountPoints=[{"ContainerPath": "/opt/draios", "SourceVolume": "x"}]), "FAIL"),
    "an agent with volumes": (with_agent(VolumesFrom=[{"SourceContainer": "web"}]), "FAIL"),
    "an agent with a program": (with_agent(EntryPoint=["/bin/sh"]), "FAIL"),
    "an agent of somebody else": (with_agent(Image="quay.io/sysdigx/workload-agent:1"), "FAIL"),
    "an image like the agent's": (with_agent(Image="quayxio/sysdig/workload-agent:1"), "FAIL"),
    "the agent's image in a path": (with_agent(Image="evil.example/quay.io/sysdig/workload-agent:1"), "FAIL"),
}  # fmt: skip


def test_which_items_are_judged_and_how(tmp_path: Path) -> None:
    documents = [document for document, _ in ITEMS.values()]
    expected = {name: status for name, (_, status) in ITEMS.items()}
    assert dict(zip(ITEMS, run(policy(), documents), strict=True)) == expected
    assert dict(zip(ITEMS, run_guard_2(policy(), documents, tmp_path), strict=True)) == expected


def test_the_parameters() -> None:
    mirror = policy(AgentRepository="mirror.example.com:5000/sysdig/workload-agent")
    images = {
        "mirror.example.com:5000/sysdig/workload-agent:6.2.1": "PASS",
        "mirror-example.com:5000/sysdig/workload-agent:6.2.1": "FAIL",
        "quay.io/sysdig/workload-agent:6.2.1": "FAIL",
    }
    assert run(mirror, [with_agent(Image=image) for image in images]) == list(images.values())
    (router,) = (each for each in definitions() if each.name == "log-router")
    item_of_router = recorded(router.properties)
    assert run(policy(), [item_of_router]) == ["PASS"]
    assert run(policy(LogRouters="instrumented"), [item_of_router]) == ["FAIL"]


@pytest.mark.parametrize(
    ("repository", "is_accepted"),
    [
        ("quay.io/sysdig/workload-agent", True),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/sysdig/workload-agent", True),
        ("mirror.example.com:5000/agent", True),
        ("", False),
        ("workload-agent", False),
        ("quay.io/sysdig/workload-agent:latest", False),
        ("quay.io/sysdig/workload-agent@sha256:00", False),
        ("quay.io/.*", False),
        ("quay.io/a|b", False),
        ("a/b/ or Image exists", False),
        ("a/${AWS::Region}", False),
    ],
    ids=readable_id,
)
def test_which_repositories_are_accepted(repository: str, *, is_accepted: bool) -> None:
    pattern = TEMPLATE["Parameters"]["AgentRepository"]["AllowedPattern"]
    assert (re.fullmatch(pattern, repository, re.ASCII) is not None) is is_accepted


def test_aws_config_accepts_the_rule() -> None:
    """By AWS's own model. It does not check patterns, enumerations and longest lengths; Config does."""
    repository = f"{'a' * 100}.example.com/{'b' * 255}"
    source = {**RULE["Properties"]["Source"]}
    details = {**source["CustomPolicyDetails"], "PolicyText": policy(AgentRepository=repository)}
    request = {"ConfigRule": {**RULE["Properties"], "Source": {**source, "CustomPolicyDetails": details}}}
    validate_parameters(request, CONFIG.operation_model("PutConfigRule").input_shape)
    assert source["Owner"] in CONFIG.shape_for("Owner").enum
    assert {each["MessageType"] for each in source["SourceDetails"]} <= set(CONFIG.shape_for("MessageType").enum)
    members = CONFIG.shape_for("CustomPolicyDetails").members
    assert re.fullmatch(members["PolicyRuntime"].metadata["pattern"], details["PolicyRuntime"])
    assert len(details["PolicyText"]) <= members["PolicyText"].metadata["max"]


def test_the_file_is_a_conformance_pack() -> None:
    """Config takes these two types of resources in a pack only, and 51,200 characters."""
    text = config_rule.PACK.read_text("utf-8")
    assert len(text) <= CONFIG.shape_for("TemplateBody").metadata["max"]
    assert {each["Type"] for each in TEMPLATE["Resources"].values()} <= {
        "AWS::Config::ConfigRule",
        "AWS::Config::RemediationConfiguration",
    }
    assert set(TEMPLATE) == {"Parameters", "Resources"}
    for operation in ("PutConformancePack", "PutOrganizationConformancePack"):
        name = f"{operation.removeprefix('Put')}Name"
        request = {name: "sysdig-instrument", "TemplateBody": text}
        validate_parameters(request, CONFIG.operation_model(operation).input_shape)


def test_its_clauses_are_those_of_the_rule_for_templates() -> None:
    """Nothing is left out on the way: a clause that begins with a line that is missing would join the next one."""
    source = config_rule.SOURCE.read_text("utf-8")
    body = source[source.index("rule protected(tasks) {\n") :].split("\n}\n")[0].split("\n", 1)[1]
    assert body.replace("%tasks.Properties", "configuration") in policy()
    assert "Properties" not in policy().replace("'Fn::Transform'", "")
    assert r"/^quay\.io\/sysdig\/workload-agent(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/" in policy()
    for changed in (
        source.replace("let for_fargate", "let for_ec2"),
        source.replace("rule protected(", "rule other("),
        source.replace("quay", "other"),
    ):
        with pytest.raises(ValueError, match=r"protected\.guard"):
            config_rule._policy(changed)
