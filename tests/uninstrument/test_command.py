"""``uninstrument`` takes out what was written, and asks where nothing says what was there before."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, run

WRAPPER = "/opt/draios/bin/instrument"
SETTINGS = ("--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline", "--images", "images.json")
TEMPLATE = """\
Resources:
  Api:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      ContainerDefinitions:
        - Name: web  # the shop
          Image: nginx
          LinuxParameters: {Capabilities: {Add: [SYS_PTRACE]}}
          VolumesFrom: []
"""
TASK: dict[str, Any] = {
    "family": "shop",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "executionRoleArn": "arn:aws:iam::111122223333:role/pull",
    "cpu": "256",
    "memory": "512",
    "containerDefinitions": [{"name": "web", "image": "nginx", "environment": []}],
}
KILT: dict[str, Any] = {
    **TASK,
    "containerDefinitions": [
        {
            "name": "web",
            "image": "nginx",
            "entryPoint": [WRAPPER],
            "command": ["/docker-entrypoint.sh", "nginx"],
            "environment": [
                {"name": "MODE", "value": "live"},
                {"name": "SYSDIG_ACCESS_KEY", "value": "00000000-made-up"},
                {"name": "SYSDIG_COLLECTOR", "value": "collector.sysdigcloud.com"},
                {"name": "SYSDIG_SIDECAR", "value": "auto"},
            ],
            "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE", "SYS_PTRACE"]}},
            "volumesFrom": [{"sourceContainer": "SysdigInstrumentation", "readOnly": True}],
        },
        {"name": "SysdigInstrumentation", "image": "quay.io/sysdig/workload-agent:5.3.0"},
    ],
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images.json").write_text('{"nginx": {"Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["nginx"]}}')
    return tmp_path


def transformed(capsys: pytest.CaptureFixture[str], name: str, text: str) -> Path:
    Path(name).write_text(text)
    assert run(capsys, "transform", name, *SETTINGS, "-o", name).code == 0
    assert WRAPPER in Path(name).read_text()
    return Path(name)


def task_after(capsys: pytest.CaptureFixture[str], task: object, *options: str) -> Ran:
    return run(capsys, "uninstrument", "-", *options, stdin=json.dumps(task).encode())


def web(ran: Ran) -> dict[str, Any]:
    (container,) = ran.value["containerDefinitions"]
    assert isinstance(container, dict)
    return container


def test_a_template_comes_back_with_the_capability_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    path = transformed(capsys, "a.yaml", TEMPLATE)
    ran = run(capsys, "uninstrument", "a.yaml", "--dry-run")
    assert ran.code == 0
    assert f"-          EntryPoint: [{WRAPPER}" in ran.out
    assert run(capsys, "uninstrument", "a.yaml").out == "a.yaml: has nothing of the agent any more\n"
    assert path.read_text() == TEMPLATE
    assert run(capsys, "uninstrument", "a.yaml").out == "a.yaml: has nothing of the agent\n"


def test_the_line_is_named_and_stays(capsys: pytest.CaptureFixture[str]) -> None:
    text = f"Transform: SysdigInstrument\n{TEMPLATE}"
    path = transformed(capsys, "a.yaml", text)
    assert "`disable` removes that line" in run(capsys, "uninstrument", "a.yaml").out
    assert path.read_text() == text


def test_a_second_run_with_other_settings_is_undone_too(capsys: pytest.CaptureFixture[str]) -> None:
    path = transformed(capsys, "a.yaml", TEMPLATE)
    again = (*SETTINGS, "--set", "Priority=security", "--set", "AgentImage=quay.io/sysdig/workload-agent:9")
    assert run(capsys, "transform", "a.yaml", *again, "-o", "a.yaml").code == 0
    assert run(capsys, "uninstrument", "a.yaml").code == 0
    assert path.read_text() == TEMPLATE


PLAIN: dict[str, object] = {
    "as it is registered": TASK,
    "as it is described": {"taskDefinition": {**TASK, "revision": 3, "status": "ACTIVE"}, "tags": []},
    "array": TASK["containerDefinitions"],
    "own PidMode": {**TASK, "pidMode": "task"},
    "own capability": {
        **TASK,
        "containerDefinitions": [
            {"name": "web", "image": "nginx", "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}}},
            {"name": "two", "image": "nginx", "command": ["x"]},
        ],
    },
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_task_definition_comes_back(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = json.dumps(PLAIN[name], indent=2) + "\n"
    path = transformed(capsys, "a.json", text)
    twice = path.read_text()
    assert run(capsys, "transform", "a.json", *SETTINGS, "-o", "a.json").code == 0
    assert path.read_text() == twice
    assert run(capsys, "uninstrument", "a.json").code == 0
    assert path.read_text() == text


def test_kilts_form_is_taken_out_once_the_caller_says_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    ran = task_after(capsys, {**KILT, "pidMode": "task"})
    assert ran.code == 1
    assert "Nothing says whether EntryPoint came with the agent" in ran.err
    assert "Nothing says whether PidMode came with the agent" in ran.err
    assert "SYS_PTRACE" not in ran.err
    assert ran.out == ""
    from_image = web(task_after(capsys, KILT, "--added", "EntryPoint,Command"))
    assert from_image == {
        "name": "web",
        "image": "nginx",
        "environment": [{"name": "MODE", "value": "live"}],
        "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}},  # Kilt adds one, whether there is one or not
    }
    command_only = web(task_after(capsys, KILT, "--added", "EntryPoint", "--kept", "web/Command"))
    assert ("entryPoint" in command_only, command_only["command"]) == (False, ["/docker-entrypoint.sh", "nginx"])
    own = web(task_after(capsys, KILT, "--kept", "EntryPoint"))
    assert (own["entryPoint"], "command" in own) == (["/docker-entrypoint.sh", "nginx"], False)


def test_the_form_of_the_terraform_data_source_is_an_array(capsys: pytest.CaptureFixture[str]) -> None:
    ran = task_after(capsys, KILT["containerDefinitions"], "--kept", "EntryPoint")
    assert [each["name"] for each in ran.value] == ["web"]


def by_hand() -> dict[str, Any]:
    """Return a task definition in our own form, but in an order that only a person would write."""
    task = copy.deepcopy(TASK)
    (container,) = task["containerDefinitions"]
    container.update(
        {
            "volumesFrom": [{"sourceContainer": "SysdigInstrumentation", "readOnly": True}],
            "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}},
            "entryPoint": [WRAPPER, "/app"],
            "environment": [{"name": "SYSDIG_SIDECAR", "value": "auto"}],
        }
    )
    task["containerDefinitions"].insert(0, {"name": "SysdigInstrumentation", "image": "x"})
    return {**task, "pidMode": "task"}


def test_what_a_person_wrote_is_never_guessed(capsys: pytest.CaptureFixture[str]) -> None:
    ran = task_after(capsys, by_hand())
    assert ran.code == 1
    assert [name for name in ("PidMode", "SYS_PTRACE", "EntryPoint") if f"whether {name} came" in ran.err] == [
        "PidMode",
        "SYS_PTRACE",
        "EntryPoint",
    ]
    kept = task_after(capsys, by_hand(), "--kept", "PidMode,SYS_PTRACE,EntryPoint")
    assert kept.value["pidMode"] == "task"
    assert web(kept) == {
        "name": "web",
        "image": "nginx",
        "entryPoint": ["/app"],
        "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"]}},
    }
    added = task_after(capsys, by_hand(), "--added", "PidMode", "--added", "SYS_PTRACE", "--kept", "EntryPoint")
    assert "pidMode" not in added.value
    assert web(added) == {"name": "web", "image": "nginx", "entryPoint": ["/app"]}


def test_a_container_that_only_has_the_agents_name_stays(capsys: pytest.CaptureFixture[str]) -> None:
    other = {"name": "SysdigInstrumentation", "image": "shop/metrics:1", "command": ["run"]}
    task = {**TASK, "pidMode": "task", "containerDefinitions": [*TASK["containerDefinitions"], other]}
    assert task_after(capsys, task).value == task
    for mark in (
        {"image": "quay.io/sysdig/workload-agent:5.3.0"},
        {
            "secrets": [
                {"name": "SYSDIG_ACCESS_KEY", "valueFrom": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x"}
            ]
        },
        {"environment": [{"name": "SYSDIG_COLLECTOR", "value": "collector.sysdigcloud.com"}]},
    ):
        agent = {**task, "containerDefinitions": [*TASK["containerDefinitions"], {**other, **mark}]}
        assert web(task_after(capsys, agent, "--kept", "PidMode"))["name"] == "web"


@pytest.mark.parametrize(
    "argv",
    [
        {"entryPoint": ["sh", "-c", f"exec {WRAPPER} /app"]},
        {"command": [WRAPPER, "/app"]},
        {"entryPoint": [WRAPPER, WRAPPER, "/app"]},
        {"entryPoint": [WRAPPER], "command": [WRAPPER, "/app"]},
    ],
    ids=["shell", "command", "twice", "both"],
)
def test_a_container_that_could_not_start_without_the_agent_is_refused(
    argv: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    task = by_hand()
    del task["containerDefinitions"][1]["entryPoint"]
    task["containerDefinitions"][1].update(argv)
    ran = task_after(capsys, task, "--kept", "PidMode,SYS_PTRACE,EntryPoint")
    assert (ran.code, ran.out) == (1, "")
    assert "(SI723)" in ran.err


def test_nothing_waits_for_the_agent_any_more(capsys: pytest.CaptureFixture[str]) -> None:
    waits = {"containerName": "SysdigInstrumentation", "condition": "START"}
    task = by_hand()
    task["containerDefinitions"][1]["dependsOn"] = [waits]
    other = {"containerName": "web", "condition": "START"}
    task["containerDefinitions"].append({"name": "side", "image": "x", "dependsOn": [other, waits]})
    found, side = task_after(capsys, task, "--kept", "PidMode,SYS_PTRACE,EntryPoint").value["containerDefinitions"]
    assert ("dependsOn" in found, side["dependsOn"]) == (False, [other])


def test_a_value_that_was_replaced_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    own = TEMPLATE + "          Environment: [{Name: SYSDIG_SIDECAR, Value: own}]\n"
    path = transformed(capsys, "a.yaml", own)
    before = path.read_text()
    ran = run(capsys, "uninstrument", "a.yaml")
    assert ran.code == 1
    assert (
        "ContainerDefinitions[0].Environment[0].Value): The value that was here before the agent was replaced"
        in ran.err
    )
    assert path.read_text() == before
    again = (*SETTINGS, "--set", "AgentImage=quay.io/sysdig/workload-agent:9")
    assert run(capsys, "transform", "a.yaml", *again, "-o", "a.yaml").code == 0
    assert "(SI721)" in run(capsys, "uninstrument", "a.yaml").err


def test_records_leave_room_in_the_template(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sysdig_instrument.engine.removal.records._MOST_CHARACTERS", 100)
    path = transformed(capsys, "a.yaml", TEMPLATE)
    assert len(path.read_text().split("Undo:")[1].split()) < 5
    ran = run(capsys, "uninstrument", "a.yaml")
    assert (ran.code, "(Resources.Api): The value that was here before" in ran.err) == (1, True)


def test_an_edit_beside_what_was_written_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """The record of this template is for what it has of its own; in the second task, only the form says what was written."""
    text = TEMPLATE.replace(
        "          LinuxParameters: {Capabilities: {Add: [SYS_PTRACE]}}\n          VolumesFrom: []\n", ""
    )
    path = transformed(capsys, "a.yaml", text)
    variable = "            - Name: SYSDIG_SIDECAR\n              Value: auto\n"
    own = "            - Name: MODE\n              Value: live\n"
    assert path.read_text().count(variable) == 2
    path.write_text(path.read_text().replace(variable, variable + own, 1))
    assert run(capsys, "uninstrument", "a.yaml").code == 0
    assert path.read_text() == f"{text}          Environment:\n{own}"


def test_what_is_left_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    text = TEMPLATE.replace(
        "          LinuxParameters: {Capabilities: {Add: [SYS_PTRACE]}}\n          VolumesFrom: []\n", ""
    )
    path = transformed(capsys, "a.yaml", text)
    path.write_text(path.read_text().replace("ReadOnly: true", "ReadOnly: false", 1))
    assert "(SI723)" in run(capsys, "uninstrument", "a.yaml").err


def test_a_record_for_another_document_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    path = transformed(capsys, "a.yaml", TEMPLATE)
    path.write_text(path.read_text().replace("Name: web ", "Name: renamed "))
    ran = run(capsys, "uninstrument", "a.yaml")
    assert ran.code == 1
    assert "has been changed since" in ran.err


@pytest.mark.parametrize("entry", ["", "set", "set [ x", "inner a", "remove Properties/ContainerDefinitions/9", "x y"])
def test_a_record_that_is_wrong_is_refused(entry: str, capsys: pytest.CaptureFixture[str]) -> None:
    resource = {
        "Type": "AWS::ECS::TaskDefinition",
        "Metadata": {"SysdigInstrument": {"Result": {"Undo": [entry]}}},
        "Properties": {"ContainerDefinitions": []},
    }
    ran = run(capsys, "uninstrument", "-", stdin=json.dumps({"Resources": {"A": resource}}).encode())
    assert (ran.code, "has been changed since" in ran.err) == (1, True)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--added", "PidMod"), '"PidMod" is none of'),
        (("--kept", "web/Sys"), '"web/Sys" is none of'),
        (("--added", "PidMode", "--kept", "PidMode"), "a name in common"),
    ],
)
def test_options_that_are_wrong(options: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = task_after(capsys, TASK, *options)
    assert ran.code == 2
    assert text in ran.err
