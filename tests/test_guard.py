"""The rule files for CloudFormation Guard, run by Guard: they never pass what `check` fails, within what they look at."""

from __future__ import annotations

from typing import Any

import pytest

from bypasses.definitions import definitions
from bypasses.judges import Answer, engine_answer, engine_answers, one_task
from bypasses.sampling import literal_mutations
from case_folders import ACCOUNT, CASES, REGION
from cloudformation_guard import NOT_JUDGED, run
from fixtures_embedded_aws import ROOT
from oracle.evaluate import StackInputs
from oracle.values import items, mapping
from readable_ids import readable_id
from sysdig_instrument.engine.agent import AGENT_NAME, WRAPPER

PROTECTED = (ROOT / "guard/protected.guard").read_text()
SOURCE = (ROOT / "guard/source.guard").read_text()
PLAIN = definitions()[0]


def task(**more: Any) -> dict[str, Any]:
    """Return a template with a protected task definition, and other properties for it."""
    return {"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {**PLAIN.properties, **more}}}}


def with_resource(template: dict[str, Any], type_: str, **properties: Any) -> dict[str, Any]:
    return {"Resources": {**template["Resources"], "Other": {"Type": type_, "Properties": properties}}}


UNPROTECTED = task(PidMode="host")
EC2 = task(PidMode="host", RequiresCompatibilities=["EC2"])


def test_cases_pass_only_if_the_engine_passes_them() -> None:
    cases = [case for case in CASES if not case.is_plain and (case.folder / "expected.json").exists()][::5]
    documents = [(case, document) for case in cases for document in (case.document.value, case.read("expected.json"))]
    passed = 0
    for (case, document), status in zip(documents, run(PROTECTED, [each for _, each in documents]), strict=True):
        stack = StackInputs(case.read("parameters.json"), REGION, ACCOUNT)
        answers = engine_answers(document, stack, case.settings).values()
        assert status == "FAIL" or Answer.NOT_PROTECTED not in answers, case.name
        passed += status != "FAIL"
    assert passed > len(cases) / 2


def test_a_mount_of_a_log_router_may_be_over_the_wrapper_of_another_container() -> None:
    def routed(path: str) -> dict[str, Any]:
        containers = [mapping(each) for each in items(PLAIN.properties["ContainerDefinitions"])]
        workloads = [each for each in containers if each["Name"] != AGENT_NAME]
        agents = [each for each in containers if each not in workloads]
        mounts = [{"SourceVolume": "logs", "ContainerPath": path}]
        router = {"Name": "log", "Image": "log", "FirelensConfiguration": {"Type": "fluentbit"}, "MountPoints": mounts}
        using = [
            {**each, "VolumesFrom": [*items(each["VolumesFrom"]), {"SourceContainer": "log"}]} for each in workloads
        ]
        return task(Volumes=[{"Name": "logs"}], ContainerDefinitions=[*using, router, *agents])

    documents = [routed("/data"), routed("/opt/draios"), routed("/opt/draios/bin")]
    answers = [engine_answer(each["Resources"]["Task"]["Properties"], PLAIN.settings) for each in documents]
    assert answers == [Answer.PROTECTED, Answer.NOT_PROTECTED, Answer.NOT_PROTECTED]
    assert run(PROTECTED, documents) == ["PASS", "FAIL", "FAIL"]


@pytest.mark.parametrize(
    "changed",
    [
        {"EntryPoint": [WRAPPER], "Command": [""]},
        {"MountPoints": [{"SourceVolume": "data", "ContainerPath": "/opt/draios "}]},
    ],
    ids=readable_id,
)
def test_blanks_do_not_hide_what_is_there(changed: dict[str, Any]) -> None:
    containers = [mapping(each) for each in items(PLAIN.properties["ContainerDefinitions"])]
    containers = [each if each["Name"] == AGENT_NAME else {**each, **changed} for each in containers]
    document = task(Volumes=[{"Name": "data"}], ContainerDefinitions=containers)
    answer = engine_answer(document["Resources"]["Task"]["Properties"], PLAIN.settings)
    assert answer is Answer.NOT_PROTECTED
    assert run(PROTECTED, [document]) == ["FAIL"]


@pytest.mark.parametrize("name", ["plain", "log-router"])
def test_mutations_pass_only_if_the_engine_fails_none(name: str) -> None:
    [definition] = [each for each in definitions() if each.name == name]
    judged = [each for each in literal_mutations()[name] if not NOT_JUDGED.match(each.kind)][::8]
    first, *statuses = run(
        PROTECTED, [one_task(each) for each in (definition.properties, *(each.properties for each in judged))]
    )
    assert first == "PASS"
    failed = [each for each, status in zip(judged, statuses, strict=True) if status == "FAIL"]
    wrong = [
        each.kind
        for each in judged
        if each not in failed and engine_answer(each.properties, definition.settings) is Answer.NOT_PROTECTED
    ]
    assert wrong == []
    assert 0 < len(failed) < len(judged)


@pytest.mark.parametrize(
    ("document", "status"),
    [
        pytest.param(task(), "PASS", id="protected"),
        pytest.param(UNPROTECTED, "FAIL", id="not protected"),
        pytest.param(EC2, "PASS", id="EC2"),
        pytest.param(task(PidMode="host", RequiresCompatibilities=["EC2", "FARGATE"]), "FAIL", id="EC2 and Fargate"),
        pytest.param(task(PidMode="host", RequiresCompatibilities=[{"Ref": "Type"}]), "FAIL", id="a parameter"),
        pytest.param(task(PidMode="host", RequiresCompatibilities={"Ref": "Types"}), "FAIL", id="a list by a parameter"),
        pytest.param(task(PidMode="host", RequiresCompatibilities=[]), "FAIL", id="no launch type"),
        pytest.param(with_resource(EC2, "AWS::ECS::Service", LaunchType="EC2"), "PASS", id="a service on EC2"),
        pytest.param(with_resource(EC2, "AWS::ECS::Service", LaunchType="FARGATE"), "FAIL", id="a service on Fargate"),
        pytest.param(with_resource(EC2, "AWS::ECS::Service"), "FAIL", id="a service that does not say"),
        pytest.param(with_resource(EC2, "AWS::StepFunctions::StateMachine"), "FAIL", id="a state machine"),
        pytest.param(with_resource(EC2, "AWS::IAM::Role"), "PASS", id="a role"),
        pytest.param(task(PidMode="host", RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}), "PASS", id="Windows"),
        pytest.param(task(PidMode="host", RuntimePlatform={"OperatingSystemFamily": "WINDOWSX"}), "FAIL", id="not Windows"),
        pytest.param(task(RuntimePlatform={"OperatingSystemFamily": "LINUX"}), "PASS", id="Linux"),
        pytest.param(task(RuntimePlatform={"OperatingSystemFamily": {"Ref": "System"}}), "FAIL", id="a system by a parameter"),
        pytest.param(task(RuntimePlatform={"OperatingSystemFamily": "{{resolve:ssm:system}}"}), "FAIL", id="a system by a reference"),
        pytest.param(task(PidMode="host", RuntimePlatform={"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}), "FAIL", id="another spelling"),
        pytest.param(task(PidMode="host", RuntimePlatform={"Fn::If": ["A", {}, {}]}), "FAIL", id="a condition"),
        pytest.param(task(PidMode="host", Tags=[{"Key": "sysdig-instrument", "Value": "false"}]), "FAIL", id="an opt-out"),
        pytest.param({"Resources": {"Fn::ForEach::Each": ["A", ["x"], UNPROTECTED["Resources"]]}}, "FAIL", id="a loop"),
        pytest.param({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}, "PASS", id="no task definition"),
    ],
)  # fmt: skip
def test_which_task_definitions_are_judged(document: Any, status: str) -> None:
    assert run(PROTECTED, [document]) == [status]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"PidMode": "host"}, id="PidMode"),
        pytest.param({"ContainerDefinitions": []}, id="no containers"),
        pytest.param({"ContainerDefinitions": items(PLAIN.properties["ContainerDefinitions"])[:-1]}, id="no agent"),
        pytest.param({"RuntimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, id="spelling"),
    ],
)
def test_each_task_definition_is_judged(other: dict[str, Any]) -> None:
    good, bad = task()["Resources"]["Task"], task(**other)["Resources"]["Task"]
    windows = task(RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"})["Resources"]["Task"]
    templates = [{"A": good, "B": bad}, {"A": bad, "B": good}, {"A": windows, "B": bad}, {"A": good, "B": windows}]
    assert run(PROTECTED, [{"Resources": each} for each in templates]) == ["FAIL", "FAIL", "FAIL", "PASS"]
    assert run(PROTECTED, [{"Resources": {"A": good, "B": {"Type": good["Type"]}}}]) == ["FAIL"]


def test_opt_outs_by_tag_can_be_allowed() -> None:
    rules = PROTECTED.replace("let opt_outs = 'refused'", "let opt_outs = 'allowed'")
    opted_out = task(PidMode="host", Tags=[{"Key": "sysdig-instrument", "Value": "false"}])
    others = [
        task(PidMode="host", Tags=[{"Key": "sysdig-instrument", "Value": value}]) for value in ("true", {"Ref": "V"})
    ]
    assert run(rules, [opted_out, *others, UNPROTECTED]) == ["PASS", "FAIL", "FAIL", "FAIL"]


@pytest.mark.parametrize(
    ("section", "status"),
    [
        ("SysdigInstrument", "PASS"),
        ("SysdigInstrument-canary", "PASS"),
        (["AWS::LanguageExtensions", "SysdigInstrument"], "PASS"),
        (["A::B", {"Name": "SysdigInstrument", "Parameters": {}}], "PASS"),
        ({"Name": "SysdigInstrument"}, "PASS"),
        ("SysdigInstrumnet", "FAIL"),
        ("xSysdigInstrument", "FAIL"),
        (["AWS::Serverless-2016-10-31"], "FAIL"),
        ({"Ref": "SysdigInstrument"}, "FAIL"),
        ([["SysdigInstrument"]], "FAIL"),
        ([], "FAIL"),
        (None, "FAIL"),
    ],
)
def test_the_line(section: Any, status: str) -> None:
    assert run(SOURCE, [{**UNPROTECTED, "Transform": section}]) == [status]


def test_templates_without_the_line() -> None:
    loop = {"Resources": {"Fn::ForEach::Each": ["A", ["x"], UNPROTECTED["Resources"]]}}
    no_task: dict[str, Any] = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    wrong_keys = [{**UNPROTECTED, key: "SysdigInstrument"} for key in ("transform", "TRANSFORM", "Transform ", "Macro")]
    statuses = run(SOURCE, [no_task, UNPROTECTED, loop, *wrong_keys])
    assert statuses == ["SKIP", *["FAIL"] * 6]
