"""The judge accepts what is right and rejects each broken output for its own reason."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from judge.evaluate import Surroundings
from judge.example import (
    AFTER,
    AUTO,
    BEFORE,
    IMAGES,
    NOTHING,
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
from judge.judge import judge, may_refuse
from judge.values import Json

PLACE = Surroundings({"Stage": "live", "Words": ["a", "b"]})
DEV, BIG = {"Dev": True, "Big": False}, {"Dev": False, "Big": True}
Break = Callable[[Any, list[Any]], object]  # the resources of the output, and the containers of Api


def findings(
    before: Json, after: Json, forced: dict[str, bool] | None = None, settings: dict[str, Json] | None = None
) -> list[str]:
    given = {**SETTINGS, **(settings or {})}
    found = judge(before, after, surroundings=PLACE, settings=given, images=IMAGES, forced=forced)
    return [str(finding) for finding in found]


@pytest.mark.parametrize("forced", [None, DEV, BIG])
def test_the_right_output_is_accepted_whatever_the_conditions(forced: dict[str, bool] | None) -> None:
    assert findings(BEFORE, AFTER, forced) == []


def _wrapped(**keys: Json) -> dict[str, Json]:
    return {"Name": "web", "Image": "example.com/web:1", **keys}


DONE: dict[str, Json] = {"Environment": [AUTO], "VolumesFrom": [VOLUME], "LinuxParameters": PTRACE}
KEY = "00000000-made-up"
KILT = fargate([
    _wrapped(
        EntryPoint=[WRAPPER], Command=["/start", "nginx"],
        Environment=variables(MODE="live", SYSDIG_ACCESS_KEY=KEY, SYSDIG_ORCHESTRATOR="", SYSDIG_SIDECAR="auto"),
        VolumesFrom=[VOLUME], LinuxParameters=PTRACE,
    ),
    {"Name": "SysdigInstrumentation", "Image": "quay.io/sysdig/workload-agent:5", "Essential": "false",
     "EntryPoint": ["/opt/draios/bin/sidecar"], "Environment": variables(SYSDIG_ACCESS_KEY=KEY)},
])  # fmt: skip

ACCEPTED: dict[str, tuple[Json, Json, dict[str, Json]]] = {
    "command only": (
        fargate([_wrapped(Command=["-y"])]),
        instrumented([_wrapped(Command=["-y"], EntryPoint=[WRAPPER, "/start"], **DONE)]),
        {},
    ),
    "the image of the task's architecture": (
        fargate([_wrapped()], RuntimePlatform={"CpuArchitecture": "ARM64"}),
        instrumented(
            [_wrapped(EntryPoint=[WRAPPER, "/start-arm"], Command=["nginx"], **DONE)],
            RuntimePlatform={"CpuArchitecture": "ARM64"},
        ),
        {},
    ),
    "a live list": (
        fargate([_wrapped(EntryPoint={"Ref": "Words"})]),
        instrumented([
            _wrapped(
                EntryPoint={"Fn::Split": ["\u241f", {"Fn::Join": ["\u241f", [WRAPPER, {"Fn::Join": ["\u241f", {"Ref": "Words"}]}]]}]},
                **DONE,
            )
        ]),
        {},
    ),
    "already wrapped": (
        fargate([_wrapped(EntryPoint=[WRAPPER, "/app"])]),
        instrumented([_wrapped(EntryPoint=[WRAPPER, "/app"], **DONE)]),
        {},
    ),
    "nothing at all for LinuxParameters": (
        fargate([_wrapped(EntryPoint=["/app"], LinuxParameters=NOTHING)]),
        instrumented([_wrapped(EntryPoint=[WRAPPER, "/app"], **DONE)]),
        {},
    ),
    "a variable that the user had set": (
        fargate([_wrapped(EntryPoint=["/app"], Environment=variables(SYSDIG_SIDECAR="force", B="b"))]),
        instrumented([_wrapped(EntryPoint=[WRAPPER, "/app"], Environment=[AUTO, *variables(B="b")], VolumesFrom=[VOLUME], LinuxParameters=PTRACE)]),
        {},
    ),
    "every container excluded": (
        fargate([_wrapped(EntryPoint=["/app"])]),
        fargate([_wrapped(EntryPoint=["/app"])]),
        {"ExcludeContainers": "w*"},
    ),
    "an image that may be skipped": (
        fargate([{"Name": "a", "Image": "example.com/gone:1"}]),
        fargate([{"Name": "a", "Image": "example.com/gone:1"}]),
        {"OnUnresolvedImage": "skip"},
    ),
    "Kilt's output brought up to date": (
        KILT,
        instrumented([
            _wrapped(
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
    """The output with the keys of each container in the order of the input, as the contract wants it."""
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


# What is broken, how, what the judge must say of it, and the conditions under which it shows.
BROKEN: dict[str, tuple[Break, str, dict[str, bool] | None]] = {
    "the wrapper is missing in the branch taken": (
        lambda _, c: _set(c[1]["EntryPoint"]["Fn::If"], 2, ["/app", STAGE]), "EntryPoint is", None),
    "the wrapper is missing in the other branch": (
        lambda _, c: _set(c[1]["EntryPoint"]["Fn::If"], 1, ["/app", "--big"]), "EntryPoint is", BIG),
    "the image's CMD is dropped": (lambda _, c: c[0].pop("Command"), "Command is []", None),
    "the image's CMD is dropped in the other branch": (
        lambda _, c: _set(c[0]["Command"]["Fn::If"], 1, NOTHING), "Command is []", DEV),
    "the image's ENTRYPOINT is dropped": (
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
    "the architecture's config is the wrong one": (
        lambda _, c: _set(c[0]["EntryPoint"]["Fn::If"], 2, [WRAPPER, "/start-arm"]), "EntryPoint is", None),
    "[] taken for an entry point": (
        lambda _, c: _set(c[3]["Fn::If"][1], "EntryPoint", [WRAPPER]), "EntryPoint is", DEV),
    "NoValue left as text beside new keys": (
        lambda _, c: _set(c[3]["Fn::If"], 2, {"Ref": "AWS::NoValue", "Environment": [AUTO]}), "changed its shape", None),
    "NoValue kept inside LinuxParameters": (
        lambda _, c: _set(c[1], "LinuxParameters", {"Ref": "AWS::NoValue", **c[1]["LinuxParameters"]}),
        "LinuxParameters: more than", None),
    "the volume is missing": (lambda _, c: c[0].pop("VolumesFrom"), "VolumesFrom", None),
    "the volume is not read-only": (
        lambda _, c: _set(c[0], "VolumesFrom", [{"SourceContainer": "SysdigInstrumentation"}]), "VolumesFrom", None),
    "ReadOnly is a string": (
        lambda _, c: _set(c[0], "VolumesFrom", [{**c[0]["VolumesFrom"][0], "ReadOnly": "true"}]), "VolumesFrom", None),
    "the user's volume is gone": (lambda _, c: c[1]["VolumesFrom"].pop(0), "VolumesFrom", None),
    "the volume comes before the user's": (lambda _, c: c[1]["VolumesFrom"].reverse(), "VolumesFrom", None),
    "the capability is doubled": (
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
    "the key in clear on the workload": (
        lambda _, c: _environment(c, 0).append({"Name": "SYSDIG_ACCESS_KEY", "Value": KEY}), "Environment", None),
    "the secret on the workload": (
        lambda _, c: _set(c[0], "Secrets", [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": "arn"}]), "Secrets", None),
    "the key in clear on the agent": (
        lambda _, c: c[-1]["Environment"].append({"Name": "SYSDIG_ACCESS_KEY", "Value": KEY}), "in the clear", None),
    "the workload's variables on the agent": (
        lambda _, c: c[-1]["Environment"].append(c[1]["Environment"][0]), "was not promised", None),
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
    "Essential is left to ECS": (lambda _, c: c[-1].pop("Essential"), "Essential is", None),
    "the agent without its secret": (lambda _, c: c[-1].pop("Secrets"), "Secrets is", None),
    "the agent with a key nobody asked for": (lambda _, c: _set(c[-1], "Cpu", 0), "Cpu was not promised", None),
    "another image": (lambda _, c: _set(c[-1], "Image", "agent:1"), "Image is", None),
    "a key of a container changed": (lambda _, c: _set(c[0]["PortMappings"][0], "ContainerPort", 81), "PortMappings", None),
    "a number turned to a string": (lambda _, c: _set(c[0], "Cpu", "64"), "Cpu changed", None),
    "a key of a container is gone": (lambda _, c: c[0].pop("Cpu"), "Cpu is gone", None),
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
    "Fn::If replaced by the branch taken": (
        lambda _, c: _set(c[0], "Image", "example.com/web:1"), "Image", None),
    "containers in another order": (lambda _, c: c.insert(0, c.pop(1)), "changed", None),
    "a conditional container is left out": (lambda _, c: c.pop(3), "became", None),
    "half-instrumented: the second container is as it was": (
        lambda _, c: _set(c, 1, copy.deepcopy(_containers(BEFORE)[1])), "EntryPoint is", None),
    "half-instrumented: a conditional container is as it was": (
        lambda _, c: _set(c, 3, copy.deepcopy(_containers(BEFORE)[3])), "EntryPoint is", DEV),
    "PidMode is missing": (lambda r, _: r["Api"]["Properties"].pop("PidMode"), "PidMode is None", None),
    "PidMode is host": (lambda r, _: _set(r["Api"]["Properties"], "PidMode", "host"), "PidMode is host", None),
    "the EC2 task is touched": (
        lambda r, _: _set(r["Host"]["Properties"], "PidMode", "task"), "nothing in it is to be", None),
    "the Windows task is touched": (
        lambda r, _: r["Windows"]["Properties"]["ContainerDefinitions"].append(agent()), "nothing in it is to be", None),
    "the FireLens router is wrapped": (
        lambda _, c: _set(c, 2, {**ROUTER, "EntryPoint": [WRAPPER, "x"]}), "is not to be instrumented", None),  # type: ignore[dict-item]
    "another resource is touched": (lambda r, _: r["Bucket"].pop("DeletionPolicy"), "Bucket", None),
    "a resource is gone": (lambda r, _: r.pop("Bucket"), "Bucket", None),
    "a resource is added": (lambda r, _: _set(r, "Extra", {"Type": "AWS::IAM::Policy"}), "Extra", None),
    "the resources in another order": (lambda r, _: _set(r, "Bucket", r.pop("Bucket")), "order of the keys", None),
    "a condition on the resource": (lambda r, _: _set(r["Api"], "Condition", "Dev"), "Condition", None),
    "foreign Metadata": (lambda r, _: _set(r["Api"]["Metadata"], "Time", "now"), "Metadata", None),
    "no report": (lambda r, _: r["Api"].pop("Metadata"), "Result is missing", None),
    "a value in the report": (
        lambda r, _: _set(r["Api"]["Metadata"]["SysdigInstrument"], "Result", "PASSWORD=hunter2-hunter2"),
        "holds the value", None),
}  # fmt: skip


def _containers(document: Any) -> list[Any]:
    containers: list[Any] = document["Resources"]["Api"]["Properties"]["ContainerDefinitions"]
    return containers


@pytest.mark.parametrize("name", BROKEN)
def test_rejects(name: str) -> None:
    change, complaint, forced = BROKEN[name]
    broken: Any = copy.deepcopy(AFTER)
    change(broken["Resources"], _containers(broken))
    assert any(complaint in finding for finding in findings(BEFORE, broken, forced)), findings(BEFORE, broken, forced)


def test_rejects_a_change_to_another_section() -> None:
    assert any("Outputs" in finding for finding in findings(BEFORE, {**AFTER, "Outputs": {}}))


def test_rejects_an_untouched_template() -> None:
    assert findings(BEFORE, BEFORE) != []


@pytest.mark.parametrize(
    ("containers", "more", "settings", "reason"),
    [
        ([_wrapped(Image="example.com/gone:1")], {}, {}, "image-unresolved"),
        ([_wrapped(EntryPoint=["/a"])], {"PidMode": "host"}, {}, "pid-mode-host"),
        ([_wrapped(EntryPoint=["/a"])], {}, {"Collector": ""}, "collector-missing"),
        ([_wrapped(EntryPoint=["/a"])], {"ExecutionRoleArn": NOTHING}, {}, "execution-role-missing"),
        ([_wrapped(EntryPoint=["/a"], Name=f"c{i}") for i in range(10)], {}, {}, "too-many-containers"),
        ([_wrapped(EntryPoint=["/a"]), _wrapped(EntryPoint=["/a"], Name="SysdigInstrumentation")], {}, {}, "agent-name-taken"),
        ([_wrapped(EntryPoint=["/a"], Memory=1000)], {}, {"AgentMemory": 64}, "memory-too-small"),
        ([_wrapped(EntryPoint=["/a"])], {"RuntimePlatform": {"CpuArchitecture": "ARM64"}},
         {"UnsupportedArchitecture": "fail"}, "unsupported-architecture"),
    ],
)  # fmt: skip
def test_what_must_be_refused(containers: Json, more: dict[str, Json], settings: dict[str, Json], reason: str) -> None:
    before = template(Api=fargate(containers, **more))
    given = {**SETTINGS, **settings}
    assert may_refuse(before, surroundings=PLACE, settings=given, images=IMAGES)[reason] is True
    assert any(reason in finding for finding in findings(before, before, settings=settings))


@pytest.mark.parametrize(
    "container",
    [
        _wrapped(EntryPoint=["/a"], Environment={"Ref": "Words"}),
        _wrapped(EntryPoint=["/a"], LinuxParameters={"Fn::FindInMap": ["A", "b", "c"]}),
        _wrapped(EntryPoint=["/a"], VolumesFrom={"Fn::If": ["Dev", {"Ref": "Words"}, []]}),
        {"Fn::If": ["Dev", {"Ref": "Words"}, _wrapped(EntryPoint=["/a"])]},
    ],
)
def test_what_may_be_refused(container: Json) -> None:
    before = template(Api=fargate([container]))
    assert may_refuse(before, surroundings=PLACE, settings=SETTINGS, images=IMAGES)


def test_a_needless_refusal_is_known() -> None:
    assert may_refuse(BEFORE, surroundings=PLACE, settings=SETTINGS, images=IMAGES) == {}


def test_an_image_of_a_branch_not_taken_is_no_reason() -> None:
    image: Json = {"Fn::If": ["Dev", "example.com/gone:1", "example.com/web:1"]}
    before = template(Api=fargate([_wrapped(Image=image)]))
    argv: dict[str, Json] = {
        "EntryPoint": {"Fn::If": ["Dev", NOTHING, [WRAPPER, "/start"]]},
        "Command": {"Fn::If": ["Dev", NOTHING, ["nginx"]]},
    }
    after = template(Api=instrumented([_wrapped(Image=image, **argv, **DONE)]))
    assert may_refuse(before, surroundings=PLACE, settings=SETTINGS, images=IMAGES) == {}
    assert findings(before, after) == findings(before, after, DEV) == []
