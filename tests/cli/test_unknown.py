"""What is not known here is neither refused nor green: the verdict is unknown, and ``--unknown`` decides the exit code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.running import run
from sysdig_instrument.cli.formats import FORMATS

SET = ["--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline"]
PRIVATE = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/web:1"
COMMANDS = ("explain", "check", "diff")


def container(name: str = "web", **members: Any) -> dict[str, Any]:
    return {"Name": name, "Image": PRIVATE, "EntryPoint": ["/app"], **members}


def task(*containers: Any, **members: Any) -> dict[str, Any]:
    properties = {
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": "256",
        "Memory": "1024",
        "ExecutionRoleArn": "arn:aws:iam::111122223333:role/execution",
        "ContainerDefinitions": list(containers),
        **members,
    }
    return {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}


def from_image(image: Any) -> dict[str, Any]:
    return task({"Name": "web", "Image": image})


def with_tag(value: Any) -> dict[str, Any]:
    return task(container(), Tags=[{"Key": "sysdig-instrument", "Value": value}])


UNKNOWN: dict[str, dict[str, Any]] = {
    "no credentials": from_image(PRIVATE),
    "public image offline": from_image("nginx:1.27"),
    "parameter without a value": from_image({"Ref": "Image"}),
    "attribute of a resource": from_image({"Fn::GetAtt": ["Repository", "RepositoryUri"]}),
    "import": from_image({"Fn::ImportValue": "image"}),
    "output of a stack": from_image({"Fn::GetStackOutput": {"StackName": "s", "OutputName": "o"}}),
    "ssm reference": from_image("{{resolve:ssm:/image}}"),
    "secret reference": from_image("{{resolve:secretsmanager:image}}"),
    "ssm parameter": from_image({"Ref": "Stored"}),
    "account id": from_image({"Fn::Sub": "${AWS::AccountId}.dkr.ecr.eu-central-1.amazonaws.com/web:1"}),
    "transform in an image": from_image({"Fn::Transform": {"Name": "AWS::Include"}}),
    "function at deployment": from_image({"Fn::Select": [0, {"Fn::GetAZs": ""}]}),
    "condition": task(container(Image={"Fn::Join": ["", [{"Fn::If": ["C", "a", "b"]}, ":1"]]}, EntryPoint=[])),
    "platform": task({"Name": "web", "Image": "nginx"}, RuntimePlatform={"CpuArchitecture": {"Ref": "Image"}}),
    "pid mode": task(container(), PidMode={"Ref": "Image"}),
    "mount": task(container(MountPoints=[{"ContainerPath": {"Ref": "Image"}, "SourceVolume": "v"}])),
    "tag": with_tag({"Ref": "Image"}),
    "setting": task(container()) | {"Metadata": {"SysdigInstrument": {"Mode": {"Ref": "Image"}}}},
    "transform in a container": task(container() | {"Fn::Transform": {"Name": "AWS::Include"}}),
    "transform for a list": task()
    | {"Properties": {**task()["Properties"], "ContainerDefinitions": {"Fn::Transform": {}}}},
}
REFUSED: dict[str, dict[str, Any]] = {
    "image reference": from_image("Not An Image"),
    "no image": task({"Name": "web"}),
    "image is a number": from_image(1),
    "malformed function": from_image({"Fn::Select": ["x"]}),
    "no such function": from_image({"Fn::Subb": "nginx"}),
    "entry point": task(container(EntryPoint="/app")),
    "pid mode": task(container(), PidMode="host"),
    "malformed pid mode": task(container(), PidMode={"Fn::Select": ["x"]}),
    "malformed mount": task(container(MountPoints=[{"ContainerPath": {"Fn::Select": []}, "SourceVolume": "v"}])),
    "path is a list": task(container(MountPoints=[{"ContainerPath": ["/a"], "SourceVolume": "v"}])),
    "mount": task(container(MountPoints=[{"ContainerPath": "/opt/draios", "SourceVolume": "v"}])),
    "tag": with_tag("perhaps"),
    "setting": task(container()) | {"Metadata": {"SysdigInstrument": {"Mode": "perhaps"}}},
    "one of each": task({"Name": "web", "Image": PRIVATE}, container("other", EntryPoint="/app")),
}
each_unknown = pytest.mark.parametrize("name", UNKNOWN)
each_refused = pytest.mark.parametrize("name", REFUSED)
each_command = pytest.mark.parametrize("command", COMMANDS)


def write(**resources: Any) -> None:
    template = {
        "Transform": "SysdigInstrument",
        "Parameters": {
            "Image": {"Type": "String"},
            "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/image"},
        },
        "Conditions": {"C": {"Fn::Equals": [{"Ref": "Image"}, "x"]}},
        "Resources": {"Repository": {"Type": "AWS::ECR::Repository"}, **resources},
    }
    Path("t.json").write_text(json.dumps(template))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)


def outcomes(capsys: pytest.CaptureFixture[str], command: str, *options: str) -> tuple[int, dict[str, str], Any]:
    ran = run(capsys, command, "t.json", *SET, "--format", "json", *options)
    (file,) = ran.value
    return ran.code, {each["name"]: each["outcome"] for each in file["taskDefinitions"]}, file


@each_unknown
def test_what_is_not_known_here_is_unknown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(Api=UNKNOWN[name])
    for command in ("explain", "check"):
        code, found, file = outcomes(capsys, command)
        assert (code, found) == (1, {"Api": "unknown"}), command
        assert {each["level"] for each in file["remarks"] if each["rule"] == "unknown"} == {"error"}
        code, found, file = outcomes(capsys, command, "--unknown", "warn")
        assert (code, found) == (0, {"Api": "unknown"}), command
        assert {each["level"] for each in file["remarks"] if each["rule"] == "unknown"} == {"warning"}
        assert not any(each["rule"] == "refused" for each in file["remarks"])
    assert [run(capsys, "diff", "t.json", *SET, *option).code for option in ([], ["--unknown", "warn"])] == [1, 0]


@each_refused
def test_a_mistake_is_refused_whatever_else_is_unknown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(Api=REFUSED[name])
    code, found, _ = outcomes(capsys, "explain", "--unknown", "warn")
    assert (code, found) == (1, {"Api": "refused"})
    code, found, _ = outcomes(capsys, "check", "--unknown", "warn")
    assert code == 1
    assert found["Api"] in ("NOT protected", "cannot be protected")
    assert run(capsys, "diff", "t.json", *SET, "--unknown", "warn").code == 1


@pytest.mark.parametrize(("api", "word"), [(UNKNOWN["import"], "unknown"), (REFUSED["entry point"], "refused")])
def test_no_row_of_such_a_template_is_green(api: Any, word: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(Api=api, Other=task(container(), {"Name": "log", "Image": "nginx", "EntryPoint": ["/log"]}))
    _, found, file = outcomes(capsys, "explain")
    assert found == {"Api": word, "Other": "would be instrumented"}
    other = file["taskDefinitions"][1]
    assert {each["outcome"] for each in other["containers"]} == {"would be instrumented"}
    _, found, _ = outcomes(capsys, "check")
    assert found["Other"] == ("unknown" if word == "unknown" else "NOT protected")
    shown = run(capsys, "explain", "t.json", *SET, "--format", "markdown").out
    assert "✅" not in shown
    assert "instrumented" not in {
        line.split(maxsplit=1)[-1] for line in run(capsys, "explain", "t.json", *SET).out.splitlines()
    }


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("command", ["explain", "check"])
def test_each_format_has_it(command: str, output: str, capsys: pytest.CaptureFixture[str]) -> None:
    write(Api=UNKNOWN["no credentials"])
    failed = run(capsys, command, "t.json", *SET, "--format", output)
    warned = run(capsys, command, "t.json", *SET, "--format", output, "--unknown", "warn")
    assert (failed.code, warned.code) == (1, 0)
    assert "unknown" in failed.out
    assert "refused" not in failed.out.replace('"refused"', "").replace("is refused", "")
    if output != "junit":
        assert "unknown" in warned.out
    if output == "github":
        assert [failed.out.split(" ")[0], warned.out.split(" ")[0]] == ["::error", "::warning"]
    if output == "sarif":
        (result,) = json.loads(warned.out)["runs"][0]["results"]
        assert (result["ruleId"], result["level"]) == ("unknown", "warning")
    if output == "junit":
        assert "<failure" in failed.out
        assert "<failure" not in warned.out
        assert "<skipped" in warned.out


def test_diff_says_which_of_both_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    write(Api=UNKNOWN["import"])
    ran = run(capsys, "diff", "t.json", *SET)
    assert ran.err.startswith("unknown: ")
    assert "\n  --> t.json:1:" in ran.err
    assert run(capsys, "diff", "t.json", *SET, "--format", "json").value[0]["verdict"] == "unknown"
    write(Api=REFUSED["entry point"])
    assert run(capsys, "diff", "t.json", *SET, "--format", "json").value[0]["verdict"] == "refused"
    assert run(capsys, "diff", "t.json", *SET).err.startswith("refused: ")


@each_command
def test_a_file_that_cannot_be_read_stays_an_error(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("t.json").write_text("{")
    assert run(capsys, command, "t.json", *SET, "--unknown", "warn").code == 2


def test_transform_writes_nothing_that_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    write(Api=UNKNOWN["import"])
    ran = run(capsys, "transform", "t.json", *SET)
    assert (ran.code, ran.out) == (1, "")
