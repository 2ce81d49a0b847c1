"""The oracle accepts correct outputs, and rejects each broken output for the right reason."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from oracle.evaluate import StackInputs
from oracle.example import (
    AFTER,
    AUTO,
    BEFORE,
    IMAGES,
    NOVALUE,
    PTRACE,
    ROUTER,
    SETTINGS,
    STAGE,
    VOLUME,
    WRAPPER,
    agent,
    fargate,
    instrumented,
    template,
    variables,
)
from oracle.values import Json
from oracle.verify import refusal_reasons, verify_output

STACK = StackInputs({"Stage": "live", "Words": ["a", "b"]})
DEV, BIG = {"Dev": True, "Big": False}, {"Dev": False, "Big": True}
Break = Callable[[Any, list[Any]], object]  # gets the resources of the output, and the containers of Api


def findings(
    before: Json,
    after: Json,
    condition_overrides: dict[str, bool] | None = None,
    settings: dict[str, Json] | None = None,
) -> list[str]:
    given = {**SETTINGS, **(settings or {})}
    found = verify_output(
        before, after, stack=STACK, settings=given, images=IMAGES, condition_overrides=condition_overrides
    )
    return [str(finding) for finding in found]


@pytest.mark.parametrize(
    "condition_overrides",
    [
        pytest.param(None, id="conditions-of-the-run"),
        pytest.param(DEV, id="dev"),
        pytest.param(BIG, id="big"),
    ],
)
def test_accepts_the_correct_output_under_all_conditions(condition_overrides: dict[str, bool] | None) -> None:
    assert findings(BEFORE, AFTER, condition_overrides) == []


def _container(**keys: Json) -> dict[str, Json]:
    return {"Name": "web", "Image": "example.com/web:1", **keys}


INSTRUMENTED: dict[str, Json] = {"Environment": [AUTO], "VolumesFrom": [VOLUME], "LinuxParameters": PTRACE}
KEY = "00000000-made-up"
KILT = fargate([
    _container(
        EntryPoint=[WRAPPER], Command=["/start", "nginx"],
        Environment=variables(MODE="live", SYSDIG_ACCESS_KEY=KEY, SYSDIG_ORCHESTRATOR="", SYSDIG_SIDECAR="auto"),
        VolumesFrom=[VOLUME], LinuxParameters=PTRACE,
    ),
    {"Name": "SysdigInstrumentation", "Image": "quay.io/sysdig/workload-agent:5", "Essential": "false",
     "EntryPoint": ["/opt/draios/bin/sidecar"], "Environment": variables(SYSDIG_ACCESS_KEY=KEY)},
])  # fmt: skip

ACCEPTED: dict[str, tuple[Json, Json, dict[str, Json]]] = {
    "command only": (
        fargate([_container(Command=["-y"])]),
        instrumented([_container(Command=["-y"], EntryPoint=[WRAPPER, "/start"], **INSTRUMENTED)]),
        {},
    ),
    "the image of the task's architecture": (
        fargate([_container()], RuntimePlatform={"CpuArchitecture": "ARM64"}),
        instrumented(
            [_container(EntryPoint=[WRAPPER, "/start-arm"], Command=["nginx"], **INSTRUMENTED)],
            RuntimePlatform={"CpuArchitecture": "ARM64"},
        ),
        {},
    ),
    "a dynamic list": (
        fargate([_container(EntryPoint={"Ref": "Words"})]),
        instrumented([
            _container(
                EntryPoint={"Fn::Split": ["\u241f", {"Fn::Join": ["\u241f", [WRAPPER, {"Fn::Join": ["\u241f", {"Ref": "Words"}]}]]}]},
                **INSTRUMENTED,
            )
        ]),
        {},
    ),
    "already wrapped": (
        fargate([_container(EntryPoint=[WRAPPER, "/app"])]),
        instrumented([_container(EntryPoint=[WRAPPER, "/app"], **INSTRUMENTED)]),
        {},
    ),
    "AWS::NoValue for LinuxParameters": (
        fargate([_container(EntryPoint=["/app"], LinuxParameters=NOVALUE)]),
        instrumented([_container(EntryPoint=[WRAPPER, "/app"], **INSTRUMENTED)]),
        {},
    ),
    "a variable that the input sets": (
        fargate([_container(EntryPoint=["/app"], Environment=variables(SYSDIG_SIDECAR="force", B="b"))]),
        instrumented([_container(EntryPoint=[WRAPPER, "/app"], Environment=[AUTO, *variables(B="b")], VolumesFrom=[VOLUME], LinuxParameters=PTRACE)]),
        {},
    ),
    "every container excluded": (
        fargate([_container(EntryPoint=["/app"])]),
        fargate([_container(EntryPoint=["/app"])]),
        {"ExcludeContainers": "w*"},
    ),
    "an image that may be skipped": (
        fargate([{"Name": "a", "Image": "example.com/gone:1"}]),
        fargate([{"Name": "a", "Image": "example.com/gone:1"}]),
        {"OnUnresolvedImage": "skip"},
    ),
    "an image that may be skipped, without an execution role": (
        fargate([{"Name": "a", "Image": "example.com/gone:1"}], ExecutionRoleArn=NOVALUE),
        fargate([{"Name": "a", "Image": "example.com/gone:1"}], ExecutionRoleArn=NOVALUE),
        {"OnUnresolvedImage": "skip"},
    ),
    "Kilt's output updated": (
        KILT,
        instrumented([
            _container(
                EntryPoint=[WRAPPER], Command=["/start", "nginx"], Environment=[*variables(MODE="live"), AUTO],
                VolumesFrom=[VOLUME], LinuxParameters=PTRACE,
            )
        ]),
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepts(name: str) -> None:
    before, after, settings = ACCEPTED[name]
    assert findings(template(Api=before), template(Api=_in_order(before, after)), settings=settings) == []


def _in_order(before: Any, after: Any) -> Any:
    """Return the output with the keys of each container in the order of the input, which must stay."""
    result = copy.deepcopy(after)
    old, new = before["Properties"]["ContainerDefinitions"], result["Properties"]["ContainerDefinitions"]
    for index, container in enumerate(old[: len(new) - 1]):
        new[index] = {**{key: new[index][key] for key in container if key in new[index]}, **new[index]}
    return result


def _set(target: Any, key: Any, value: Any) -> None:
    target[key] = value


def _environment(containers: list[Any], index: int) -> list[Any]:
    environment: list[Any] = containers[index]["Environment"]
    return environment


# What is broken, how, part of the expected finding, and the conditions under which it shows.
BROKEN: dict[str, tuple[Break, str, dict[str, bool] | None]] = {
    "the wrapper is missing in the active branch": (
        lambda _, c: _set(c[1]["EntryPoint"]["Fn::If"], 2, ["/app", STAGE]), "EntryPoint is", None),
    "the wrapper is missing in the other branch": (
        lambda _, c: _set(c[1]["EntryPoint"]["Fn::If"], 1, ["/app", "--big"]), "EntryPoint is", BIG),
    "the image's CMD is lost": (lambda _, c: c[0].pop("Command"), "Command is []", None),
    "the image's CMD is lost in the other branch": (
        lambda _, c: _set(c[0]["Command"]["Fn::If"], 1, NOVALUE), "Command is []", DEV),
    "the image's ENTRYPOINT is lost": (
        lambda _, c: _set(c[0]["EntryPoint"]["Fn::If"], 2, [WRAPPER]), "EntryPoint is", None),
    "the ENTRYPOINT of the other image": (
        lambda _, c: _set(c[0], "EntryPoint", [WRAPPER, "/start"]), "EntryPoint is", DEV),
    "Kilt's shape: the entry point moved into Command": (
        lambda _, c: c[1].update(EntryPoint=[WRAPPER], Command=["/app", STAGE, {"Ref": "Words"}, 8080]),
        "EntryPoint is", None),
    "Command moved into EntryPoint": (
        lambda _, c: c[0].update(EntryPoint=[WRAPPER, "/start", "nginx"], Command=[]), "EntryPoint is", None),
    "wrapped twice": (
        lambda _, c: _set(c[1]["EntryPoint"]["Fn::If"], 2, [WRAPPER, WRAPPER, "/app", STAGE]), "EntryPoint is", None),
    "a number of argv made a string": (lambda _, c: _set(c[1]["Command"], 1, "8080"), "Command is", None),
    "the config of the wrong architecture": (
        lambda _, c: _set(c[0]["EntryPoint"]["Fn::If"], 2, [WRAPPER, "/start-arm"]), "EntryPoint is", None),
    "an empty list treated as an entry point": (
        lambda _, c: _set(c[3]["Fn::If"][1], "EntryPoint", [WRAPPER]), "EntryPoint is", DEV),
    "AWS::NoValue kept beside new keys": (
        lambda _, c: _set(c[3]["Fn::If"], 2, {"Ref": "AWS::NoValue", "Environment": [AUTO]}), "its structure changed", None),
    "AWS::NoValue kept inside LinuxParameters": (
        lambda _, c: _set(c[1], "LinuxParameters", {"Ref": "AWS::NoValue", **c[1]["LinuxParameters"]}),
        "LinuxParameters: more than", None),
    "the volume is missing": (lambda _, c: c[0].pop("VolumesFrom"), "VolumesFrom", None),
    "the volume is not read-only": (
        lambda _, c: _set(c[0], "VolumesFrom", [{"SourceContainer": "SysdigInstrumentation"}]), "VolumesFrom", None),
    "ReadOnly is a string": (
        lambda _, c: _set(c[0], "VolumesFrom", [{**c[0]["VolumesFrom"][0], "ReadOnly": "true"}]), "VolumesFrom", None),
    "the user's volume is missing": (lambda _, c: c[1]["VolumesFrom"].pop(0), "VolumesFrom", None),
    "the volume comes before the user's": (lambda _, c: c[1]["VolumesFrom"].reverse(), "VolumesFrom", None),
    "the capability is there twice": (
        lambda _, c: c[1]["LinuxParameters"]["Capabilities"]["Add"].append("SYS_PTRACE"), "Capabilities.Add", None),
    "the capability is missing": (
        lambda _, c: c[0]["LinuxParameters"]["Capabilities"].pop("Add"), "Capabilities.Add", None),
    "Drop is lost": (
        lambda _, c: c[0]["LinuxParameters"]["Capabilities"].pop("Drop"), "more than Add changed", None),
    "InitProcessEnabled is lost": (
        lambda _, c: c[0]["LinuxParameters"].pop("InitProcessEnabled"), "more than Capabilities changed", None),
    "Environment is sorted": (lambda _, c: _environment(c, 0).sort(key=str), "Environment", None),
    "Environment loses an entry": (lambda _, c: _environment(c, 0).pop(0), "Environment", None),
    "SYSDIG_SIDECAR is missing": (lambda _, c: _environment(c, 0).pop(), "Environment", None),
    "SYSDIG_SIDECAR is there twice": (lambda _, c: _environment(c, 0).append(AUTO), "Environment", None),
    "the collector on the workload": (
        lambda _, c: _environment(c, 0).append({"Name": "SYSDIG_COLLECTOR", "Value": "x"}), "Environment", None),
    "the key in plain text on the workload": (
        lambda _, c: _environment(c, 0).append({"Name": "SYSDIG_ACCESS_KEY", "Value": KEY}), "Environment", None),
    "the secret on the workload": (
        lambda _, c: _set(c[0], "Secrets", [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": "arn"}]), "Secrets", None),
    "the key in plain text on the agent": (
        lambda _, c: c[-1]["Environment"].append({"Name": "SYSDIG_ACCESS_KEY", "Value": KEY}), "in plain text", None),
    "the workload's variables on the agent": (
        lambda _, c: c[-1]["Environment"].append(c[1]["Environment"][0]), "is not expected", None),
    "an ORCHESTRATOR variable": (
        lambda _, c: c[-1]["Environment"].append({"Name": "SYSDIG_ORCHESTRATOR", "Value": ""}), "ORCHESTRATOR", None),
    "the agent's variables in another order": (
        lambda _, c: c[-1]["Environment"].reverse(), "Environment starts with", None),
    "the region code in place of the host": (
        lambda _, c: _set(c[-1]["Environment"], 0, {"Name": "SYSDIG_COLLECTOR", "Value": "us2"}), "SYSDIG_COLLECTOR", None),
    "the port as a number": (
        lambda _, c: _set(c[-1]["Environment"], 1, {"Name": "SYSDIG_COLLECTOR_PORT", "Value": 6443}), "_PORT", None),
    "the agent comes first": (lambda _, c: c.insert(0, c.pop()), "not the last container", None),
    "the agent is there twice": (lambda _, c: c.append(c[-1]), "2 containers are called", None),
    "the agent is missing": (lambda _, c: c.pop(), "0 containers are called", None),
    "the agent has an entry point": (
        lambda _, c: _set(c[-1], "EntryPoint", ["/opt/draios/bin/sidecar"]), "the image decides", None),
    "Essential as a string": (lambda _, c: _set(c[-1], "Essential", "false"), "Essential is", None),
    "Essential is missing": (lambda _, c: c[-1].pop("Essential"), "Essential is", None),
    "the agent without its secret": (lambda _, c: c[-1].pop("Secrets"), "Secrets is", None),
    "the agent with an unexpected key": (lambda _, c: _set(c[-1], "Cpu", 0), "Cpu is not expected", None),
    "another image": (lambda _, c: _set(c[-1], "Image", "agent:1"), "Image is", None),
    "a key of a container changed": (lambda _, c: _set(c[0]["PortMappings"][0], "ContainerPort", 81), "PortMappings", None),
    "a number turned to a string": (lambda _, c: _set(c[0], "Cpu", "64"), "Cpu changed", None),
    "a key of a container is missing": (lambda _, c: c[0].pop("Cpu"), "Cpu is missing", None),
    "the keys of a container in another order": (
        lambda _, c: _set(c, 0, dict(sorted(c[0].items()))), "order of the keys", None),
    "a task-level number turned to a string": (
        lambda r, _: _set(r["Api"]["Properties"], "Cpu", "512"), "Cpu", None),
    "the properties in another order": (
        lambda r, _: _set(r["Api"], "Properties", dict(sorted(r["Api"]["Properties"].items()))), "order of", None),
    "Ref replaced by its value": (
        lambda _, c: _set(c[1]["EntryPoint"]["Fn::If"][2], 2, "live"), "the expression", None),
    "Ref replaced by its value in Environment": (
        lambda _, c: _set(_environment(c, 1)[1]["Fn::If"][1], "Value", "live"), "the expression", None),
    "Fn::If replaced by the active branch": (
        lambda _, c: _set(c[0], "Image", "example.com/web:1"), "Image", None),
    "containers in another order": (lambda _, c: c.insert(0, c.pop(1)), "changed", None),
    "a conditional container is missing": (lambda _, c: c.pop(3), "became", None),
    "half-instrumented: the second container is unchanged": (
        lambda _, c: _set(c, 1, copy.deepcopy(_containers(BEFORE)[1])), "EntryPoint is", None),
    "half-instrumented: a conditional container is unchanged": (
        lambda _, c: _set(c, 3, copy.deepcopy(_containers(BEFORE)[3])), "EntryPoint is", DEV),
    "PidMode is missing": (lambda r, _: r["Api"]["Properties"].pop("PidMode"), "PidMode is None", None),
    "PidMode is host": (lambda r, _: _set(r["Api"]["Properties"], "PidMode", "host"), "PidMode is host", None),
    "the EC2 task is changed": (
        lambda r, _: _set(r["Host"]["Properties"], "PidMode", "task"), "nothing in it is to be", None),
    "the Windows task is changed": (
        lambda r, _: r["Windows"]["Properties"]["ContainerDefinitions"].append(agent()), "nothing in it is to be", None),
    "the FireLens router is wrapped": (
        lambda _, c: _set(c, 2, {**ROUTER, "EntryPoint": [WRAPPER, "x"]}), "is not to be instrumented", None),  # type: ignore[dict-item]
    "another resource is changed": (lambda r, _: r["Bucket"].pop("DeletionPolicy"), "Bucket", None),
    "a resource is missing": (lambda r, _: r.pop("Bucket"), "Bucket", None),
    "a resource is added": (lambda r, _: _set(r, "Extra", {"Type": "AWS::IAM::Policy"}), "Extra", None),
    "the resources in another order": (lambda r, _: _set(r, "Bucket", r.pop("Bucket")), "order of the keys", None),
    "a condition on the resource": (lambda r, _: _set(r["Api"], "Condition", "Dev"), "Condition", None),
    "foreign Metadata": (lambda r, _: _set(r["Api"]["Metadata"], "Time", "now"), "Metadata", None),
    "no Result": (lambda r, _: r["Api"].pop("Metadata"), "Result is missing", None),
    "a value in the Result": (
        lambda r, _: _set(r["Api"]["Metadata"]["SysdigInstrument"], "Result", "PASSWORD=hunter2-hunter2"),
        "holds the value", None),
}  # fmt: skip


def _containers(document: Any) -> list[Any]:
    containers: list[Any] = document["Resources"]["Api"]["Properties"]["ContainerDefinitions"]
    return containers


@pytest.mark.parametrize("name", BROKEN)
def test_rejects(name: str) -> None:
    change, complaint, condition_overrides = BROKEN[name]
    broken: Any = copy.deepcopy(AFTER)
    change(broken["Resources"], _containers(broken))
    assert any(complaint in finding for finding in findings(BEFORE, broken, condition_overrides)), findings(
        BEFORE, broken, condition_overrides
    )


def test_rejects_a_change_to_another_section() -> None:
    assert any("Outputs" in finding for finding in findings(BEFORE, {**AFTER, "Outputs": {}}))


def test_rejects_an_untouched_template() -> None:
    assert findings(BEFORE, BEFORE) != []


@pytest.mark.parametrize(
    ("containers", "more", "settings", "reason"),
    [
        pytest.param([_container(Image="example.com/gone:1")], {}, {}, "image-unresolved", id="image-unresolved"),
        pytest.param([_container(EntryPoint=["/a"])], {"PidMode": "host"}, {}, "pid-mode-host", id="pid-mode-host"),
        pytest.param(
            [_container(EntryPoint=["/a"])], {}, {"Collector": ""}, "collector-missing", id="collector-missing"
        ),
        pytest.param(
            [_container(EntryPoint=["/a"])],
            {"ExecutionRoleArn": NOVALUE},
            {},
            "execution-role-missing",
            id="execution-role-missing",
        ),
        pytest.param(
            [_container(EntryPoint=["/a"], Name=f"c{i}") for i in range(10)],
            {},
            {},
            "too-many-containers",
            id="too-many-containers",
        ),
        pytest.param(
            [_container(EntryPoint=["/a"]), _container(EntryPoint=["/a"], Name="SysdigInstrumentation")],
            {},
            {},
            "agent-name-taken",
            id="agent-name-taken",
        ),
        pytest.param(
            [_container(EntryPoint=["/a"], Memory=1000)],
            {},
            {"AgentMemory": 64},
            "memory-too-small",
            id="memory-too-small",
        ),
        pytest.param(
            [_container(EntryPoint=["/a"])],
            {"RuntimePlatform": {"CpuArchitecture": "ARM64"}},
            {"UnsupportedArchitecture": "fail"},
            "unsupported-architecture",
            id="unsupported-architecture",
        ),
    ],
)
def test_what_must_be_refused(containers: Json, more: dict[str, Json], settings: dict[str, Json], reason: str) -> None:
    before = template(Api=fargate(containers, **more))
    given = {**SETTINGS, **settings}
    assert refusal_reasons(before, stack=STACK, settings=given, images=IMAGES)[reason] is True
    assert any(reason in finding for finding in findings(before, before, settings=settings))


@pytest.mark.parametrize(
    "container",
    [
        pytest.param(_container(EntryPoint=["/a"], Environment={"Ref": "Words"}), id="environment"),
        pytest.param(
            _container(EntryPoint=["/a"], LinuxParameters={"Fn::FindInMap": ["A", "b", "c"]}), id="linux-parameters"
        ),
        pytest.param(
            _container(EntryPoint=["/a"], VolumesFrom={"Fn::If": ["Dev", {"Ref": "Words"}, []]}),
            id="volumes-in-one-branch",
        ),
        pytest.param(
            {"Fn::If": ["Dev", {"Ref": "Words"}, _container(EntryPoint=["/a"])]}, id="container-in-one-branch"
        ),
    ],
)
def test_what_may_be_refused(container: Json) -> None:
    before = template(Api=fargate([container]))
    assert refusal_reasons(before, stack=STACK, settings=SETTINGS, images=IMAGES)


def test_the_agent_inherits_no_log_of_a_skipped_container() -> None:
    log: Json = {"LogDriver": "awslogs", "Options": {"awslogs-stream-prefix": "app"}}
    skipped: Json = {"Name": "a", "Image": "example.com/gone:1", "LogConfiguration": log}
    before = template(Api=fargate([skipped, _container(EntryPoint=["/a"])]))
    after = template(Api=instrumented([skipped, _container(EntryPoint=[WRAPPER, "/a"], **INSTRUMENTED)]))
    settings: dict[str, Json] = {"OnUnresolvedImage": "skip", "AgentLogConfiguration": "inherit"}
    assert findings(before, after, settings=settings) == findings(before, after, DEV, settings) == []


def test_an_input_without_faults_must_not_be_refused() -> None:
    assert refusal_reasons(BEFORE, stack=STACK, settings=SETTINGS, images=IMAGES) == {}


def test_an_image_of_an_inactive_branch_is_not_a_reason() -> None:
    image: Json = {"Fn::If": ["Dev", "example.com/gone:1", "example.com/web:1"]}
    before = template(Api=fargate([_container(Image=image)]))
    argv: dict[str, Json] = {
        "EntryPoint": {"Fn::If": ["Dev", NOVALUE, [WRAPPER, "/start"]]},
        "Command": {"Fn::If": ["Dev", NOVALUE, ["nginx"]]},
    }
    after = template(Api=instrumented([_container(Image=image, **argv, **INSTRUMENTED)]))
    assert refusal_reasons(before, stack=STACK, settings=SETTINGS, images=IMAGES) == {}
    assert findings(before, after) == findings(before, after, DEV) == []
