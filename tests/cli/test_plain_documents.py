"""Task definitions outside of a template: messages speak of no template, and settings may have no intrinsic functions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from sysdig_instrument.cli.documents import Preview, input_document, preview_document
from sysdig_instrument.documents import read
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup, Unavailable
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.lookup.errors import unreadable_image

KEY = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig-AbCdEf"
SETTINGS: Mapping[str, Json] = {"Collector": "us2", "AccessKeySecret": KEY}
OF_A_TEMPLATE = re.compile(
    r"\btemplate\b|Fn::|AWS::|\bRef\b|CommaDelimitedList|Metadata|intrinsic|CloudFormation|\bstack"
)
FUNCTION: Json = {"Ref": "Secret"}


def web(**members: Json) -> dict[str, Json]:
    return {"name": "web", "image": "shop/web:1", "entryPoint": ["run"], **members}


def task(*containers: Any, **members: Json) -> dict[str, Json]:
    return {
        "family": "shop",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "512",
        "memory": "1024",
        "executionRoleArn": "arn:aws:iam::111122223333:role/pull",
        "containerDefinitions": list(containers),
        **members,
    }


def look_up(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    def answer(lookup: Lookup) -> Answer:
        match lookup:
            case ImageLookup("shop/nothing:1"):
                return ImageConfig()
            case ImageLookup("shop/wrapped:1"):
                return ImageConfig(("sh", "-c", f"exec {WRAPPER} run"))
            case ImageLookup(image):
                return unreadable_image(image, "there is none").unavailable
        return Unavailable(Reason("It is not there", code=Code.NO_ANSWER))

    return {lookup: answer(lookup) for lookup in lookups}


def preview(value: Json, **settings: Json) -> Preview:
    layer = Layer("the settings", {**SETTINGS, **settings})
    context = Context(deployment_settings=merge_layers(layer), region="eu-west-1", account="111122223333")
    return preview_document(input_document(read(json.dumps(value).encode(), "task.json")), context, look_up)


def texts(found: Preview) -> Iterator[str]:
    yield from (finding.reason.text for finding in (*found.problems, *found.notices))
    yield from (finding.reason.stable_text for finding in (*found.problems, *found.notices))
    for planned in found.plan.tasks:
        yield from (outcome.why for outcome in (planned.outcome, *planned.containers))


DOCUMENTS: dict[str, tuple[Json, dict[str, Json]]] = {
    "instrumented": (task(web()), {}),
    "array": ([web()], {}),
    "array with reservation": ([web()], {"AgentMemoryReservation": 100, "TaskSize": "raise"}),
    "containers not a list": (task(containerDefinitions={"a": 1}), {}),
    "container not an object": (task(5), {}),
    "containers of a name only": (task({"name": "web"}), {}),
    "entry point not a list": (task(web(entryPoint="run")), {}),
    "entry point an object": (task(web(entryPoint={"a": "b"})), {}),
    "command an object": (task(web(entryPoint=None, command={"a": "b"})), {}),
    "entry point a function": (task(web(entryPoint={"Ref": "X"})), {}),
    "entry point an empty string": (task(web(entryPoint=[""])), {}),
    "wrapper alone": (task(web(entryPoint=[WRAPPER])), {}),
    "wrapper elsewhere": (task(web(entryPoint=["sh", "-c", WRAPPER])), {}),
    "wrapper in the image": (task(web(entryPoint=None, image="shop/wrapped:1")), {}),
    "wrapper in the command": (task(web(command=[WRAPPER])), {}),
    "image without argv": (task(web(entryPoint=None, image="shop/nothing:1")), {}),
    "image without entrypoint": (task(web(entryPoint=None, command=[""], image="shop/nothing:1")), {}),
    "image unread": (task(web(entryPoint=None)), {}),
    "image unread and skipped": (task(web(entryPoint=None)), {"OnUnresolvedImage": "skip"}),
    "image a number": (task(web(entryPoint=None, image=1.27)), {}),
    "image a function": (task(web(entryPoint=None, image=FUNCTION)), {}),
    "image missing": (task({"name": "web"}), {}),
    "architecture a function": (task(web(entryPoint=None), runtimePlatform={"cpuArchitecture": FUNCTION}), {}),
    "environment an object": (task(web(environment={"A": "b"})), {}),
    "environment odd": (task(web(environment=[5, {"name": FUNCTION}])), {}),
    "environment with the variable": (task(web(environment=[{"name": "SYSDIG_SIDECAR", "value": "off"}])), {}),
    "environment with the key": (task(web(environment=[{"name": "SYSDIG_ACCESS_KEY", "value": "x"}])), {}),
    "linux parameters": (task(web(linuxParameters=5)), {}),
    "capabilities": (task(web(linuxParameters={"capabilities": 5})), {}),
    "capabilities added": (task(web(linuxParameters={"capabilities": {"add": {"a": 1}}})), {}),
    "capabilities dropped": (task(web(linuxParameters={"capabilities": {"drop": ["SYS_PTRACE"]}})), {}),
    "volumes from": (task(web(volumesFrom={"a": 1})), {}),
    "volumes from a function": (task(web(volumesFrom=[FUNCTION])), {}),
    "mount points": (task(web(mountPoints=FUNCTION)), {}),
    "mount points odd": (task(web(mountPoints=[5])), {}),
    "depends on": (task(web(dependsOn=FUNCTION)), {}),
    "secrets": (task(web(secrets=FUNCTION)), {}),
    "tags": (task(web(), tags={"a": 1}), {"ExcludeContainers": "web", "RequireReason": "true"}),
    "tags odd": (task(web(), tags=[5, {"key": FUNCTION, "value": "x"}]), {}),
    "opt-out tag a function": (task(web(), tags=[{"key": "sysdig-instrument", "value": FUNCTION}]), {}),
    "opt-out without a reason": (
        task(web(), web(name="b"), tags=[{"key": "sysdig-instrument-exclude", "value": "b"}]), {"RequireReason": "true"}
    ),
    "excluded": (task(web(), web(name="b")), {"ExcludeContainers": "b", "RequireReason": "true"}),
    "no role": (task(web(), executionRoleArn=None), {}),
    "sizes": (task(web(cpu=512), cpu="512"), {"AgentCpu": 100}),
    "sizes not known": (task(web(), cpu=FUNCTION, memory=FUNCTION), {"AgentCpu": 100, "AgentMemory": 200, "TaskSize": "raise"}),
    "memory reserved": (task(web(memory=1024)), {}),
    "pid mode": (task(web(), pidMode="host"), {}),
    "pid mode a function": (task(web(), pidMode=FUNCTION), {}),
    "windows": (task(web(), runtimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}), {}),
    "arm": (task(web(), runtimePlatform={"cpuArchitecture": "ARM64"}), {"UnsupportedArchitecture": "fail"}),
    "platform a function": (task(web(), runtimePlatform={"operatingSystemFamily": FUNCTION}), {}),
    "launch type a function": (task(web(), requiresCompatibilities=FUNCTION), {}),
    "ec2": (task(web(), requiresCompatibilities=["EC2"]), {}),
    "managed instances": (task(web(), requiresCompatibilities=["MANAGED_INSTANCES"]), {"OtherWorkloads": "fail"}),
    "agent's name": (task(web(name="SysdigInstrumentation")), {}),
    "agent's name beside others": (task(web(), web(name="SysdigInstrumentation")), {}),
    "log router": (task(web(), web(name="log", firelensConfiguration={"type": "fluentbit"})), {}),
    "no containers": (task(), {}),
    "ten containers": (task(*(web(name=f"c{n}") for n in range(10))), {}),
    "names twice": (task(web(), web()), {}),
    "name a function": (task(web(name=FUNCTION)), {"ExcludeContainers": "web"}),
    "opt-in": (task(web()), {"Mode": "opt-in"}),
    "disabled": (task(web()), {"Enabled": "false"}),
    "no key": (task(web()), {"AccessKeySecret": "none"}),
    "too much": (task(*(web(name=f"c{n}", entryPoint=["a" * 9_000]) for n in range(40))), {}),
}  # fmt: skip


@pytest.mark.parametrize(("value", "settings"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_no_message_speaks_of_a_template(value: Json, settings: dict[str, Json]) -> None:
    found = list(texts(preview(value, **settings)))
    assert [text for text in found if OF_A_TEMPLATE.search(text)] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("AccessKeySecret", FUNCTION, id="key"),
        pytest.param("AccessKeySecret", {"Fn::Sub": "${Secret}:key::"}, id="key by sub"),
        pytest.param("DefaultExecutionRoleArn", {"Fn::GetAtt": ["Role", "Arn"]}, id="role"),
        pytest.param("AgentEnvironment", {"A": FUNCTION}, id="agent's variable"),
        pytest.param("WorkloadEnvironment", {"A": {"ref": "x"}}, id="workload's variable"),
        pytest.param("WorkloadEnvironment", {"A": "{{resolve:ssm:/a}}"}, id="dynamic reference"),
        pytest.param(
            "AgentLogConfiguration",
            {"LogDriver": "awslogs", "Options": {"awslogs-group": {"Ref": "Logs"}}},
            id="log group",
        ),
    ],
)
@pytest.mark.parametrize("document", [task(web()), [web()], {"taskDefinition": task(web())}])
def test_an_intrinsic_setting_is_refused_outside_of_a_template(document: Json, name: str, value: Json) -> None:
    found = preview(document, **{name: value})
    assert f'Setting "{name}" in the settings has an intrinsic function' in found.problems[-1].text
    assert found.changes == ()


def test_an_intrinsic_setting_does_no_harm_where_nothing_is_instrumented() -> None:
    left_alone = task(web(), requiresCompatibilities=["EC2"])
    assert preview(left_alone, AccessKeySecret=FUNCTION).problems == ()


def test_a_template_keeps_an_intrinsic_setting() -> None:
    value: Json = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {"ContainerDefinitions": [{**_template_container()}]},
    }
    found = preview(
        {"Resources": {"Secret": {"Type": "AWS::SecretsManager::Secret"}, "Api": value}}, AccessKeySecret=FUNCTION
    )
    assert all("intrinsic" not in problem.text for problem in found.problems)


def _template_container() -> dict[str, Json]:
    return {"Name": "web", "Image": "shop/web:1", "EntryPoint": ["run"]}
