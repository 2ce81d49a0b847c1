"""What the caller gives in place of a lookup: --docker, --ssm and the file of --images; and keys that occur twice in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, run
from factories import container, template
from lookup.docker_daemon import daemon_with, image

SET = (
    "--set",
    "Collector=us2",
    "--set",
    "AccessKeySecret=none",
    "--region",
    "eu-west-1",
    "--account-id",
    "111122223333",
)
WRAPPER = "/opt/draios/bin/instrument"
Run = Callable[..., Ran]


@pytest.fixture
def tool(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Write a template with some images to a file, and run a command on it, offline."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DOCKER_HOST", raising=False)

    def run_on(command: str, *arguments: str, images: list[Any] | None = None, **sections: Any) -> Ran:
        containers = [
            container(Name=f"c{n}", EntryPoint=None, Image=each) for n, each in enumerate(images or ["web:1"])
        ]
        Path("t.json").write_text(json.dumps({**template(*containers), "Transform": "SysdigInstrument", **sections}))
        return run(capsys, command, "t.json", *SET, *arguments)

    return run_on


@pytest.fixture
def requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: Run) -> Iterator[list[tuple[str, Any]]]:
    """Run a Docker daemon that has ``web:1``, and return what it is asked."""
    del tool
    with daemon_with({"docker.io/library/web:1": image(["/entry"], ["serve"])}, tmp_path) as (host, asked):
        monkeypatch.setenv("DOCKER_HOST", host)
        yield asked


def entry_points(ran: Ran) -> list[Any]:
    containers = ran.value["Resources"]["Api"]["Properties"]["ContainerDefinitions"]
    return [each["EntryPoint"] for each in containers[:-1]]


# --- --docker


def test_transform_reads_images_from_docker(tool: Run, requests: list[Any]) -> None:
    ran = tool("transform", "--docker", "--offline")
    assert (ran.code, entry_points(ran)) == (0, [[WRAPPER, "/entry"]])
    assert requests == [("docker.io/library/web:1", {"os": "linux", "architecture": "amd64"})]


@pytest.mark.parametrize("command", ["explain", "diff", "images"])
def test_other_commands_read_images_from_docker(tool: Run, requests: list[Any], command: str) -> None:
    assert tool(command, "--offline").code == 1
    assert requests == []  # it is off by default
    assert tool(command, "--docker", "--offline").code == 0
    assert len(requests) == 1


def test_check_knows_what_the_macro_would_make_of_an_image_from_docker(tool: Run, requests: list[Any]) -> None:
    assert "unknown" in tool("check").out
    assert "unknown" not in tool("check", "--docker").out
    assert len(requests) == 1


def test_an_image_that_docker_does_not_have_is_looked_up_elsewhere(tool: Run, requests: list[Any]) -> None:
    ran = tool("transform", "--docker", "--offline", images=["other:1"])
    assert (ran.code, "--offline prevents the lookup" in ran.err) == (1, True)
    assert len(requests) == 1


def test_an_image_of_another_platform_does_not_count(tool: Run, requests: list[Any]) -> None:
    del requests
    value = template(container(EntryPoint=None, Image="web:1"), RuntimePlatform={"CpuArchitecture": "ARM64"})
    assert tool("transform", "--docker", "--offline", Resources=value["Resources"]).code == 1


def test_neither_a_document_nor_a_found_file_turns_docker_on(tool: Run, requests: list[Any]) -> None:
    ran = tool("transform", "--offline", Metadata={"SysdigInstrument": {"Docker": True}})
    assert 'Unknown setting "Docker"' in ran.err
    Path(".sysdig-instrument.yaml").write_text("Docker: true\n")
    assert tool("transform", "--offline").code == 2
    assert requests == []


def test_docker_on_another_machine_is_not_asked(tool: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://planted.example:2375")
    ran = tool("transform", "--docker", "--offline")
    assert (ran.code, "planted" in ran.err) == (2, False)
    assert "DOCKER_HOST does not name a Unix socket" in ran.err


def test_without_a_daemon_there_is_a_message(tool: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    ran = tool("transform", "--docker", "--offline")
    assert (ran.code, "There is no Docker daemon at" in ran.err) == (2, True)


def test_docker_answers_for_an_image_whose_name_depends_on_a_value(tool: Run, requests: list[Any]) -> None:
    """It is not sent to a registry, and Docker is none."""
    ran = tool("transform", "--docker", "--ssm", "/image=web:1", images=["{{resolve:ssm:/image}}"])
    assert (ran.code, entry_points(ran)) == (0, [[WRAPPER, "/entry"]])
    assert len(requests) == 1


# --- --ssm


@pytest.mark.parametrize("name", ["/shop/image", "image:3", "arn:aws:ssm:eu-west-1:111122223333:parameter/shop/image"])
def test_the_caller_gives_the_value_of_an_ssm_parameter(tool: Run, requests: list[Any], name: str) -> None:
    del requests
    parameter = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": name}
    ran = tool(
        *("transform", "--ssm", f"{name}=web:1", "--docker", "--offline"),
        images=[{"Ref": "P"}, f"{{{{resolve:ssm:{name}}}}}"], Parameters={"P": parameter},
    )  # fmt: skip
    assert (ran.code, entry_points(ran)) == (0, [[WRAPPER, "/entry"]] * 2)


def test_a_value_of_an_ssm_parameter_is_not_shown_and_goes_to_no_registry(tool: Run) -> None:
    ran = tool("transform", "--ssm", "/image=planted.example/app:1", images=["{{resolve:ssm:/image}}"])
    assert ran.code == 1
    assert "planted" not in ran.err
    assert "It was not looked up, because its name" in ran.err


def test_offline_an_ssm_parameter_is_asked_for(tool: Run) -> None:
    assert (
        "or give the value with --ssm NAME=VALUE" in tool("transform", "--offline", images=["{{resolve:ssm:/i}}"]).err
    )


def test_a_value_without_a_name_is_an_error(tool: Run) -> None:
    assert tool("transform", "--ssm", "web:1").code == 2


def test_settings_know_the_value_too(tool: Run) -> None:
    parameter = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/level"}
    metadata = {"SysdigInstrument": {"LogLevel": {"Ref": "P"}}}
    ran = tool("settings", "--ssm", "/level=debug", Metadata=metadata, Parameters={"P": parameter})
    assert (ran.code, "debug" in ran.out) == (0, True)


# --- entries of --images that no container uses


@pytest.mark.parametrize("command", ["transform", "explain", "diff", "images", "check"])
def test_an_entry_of_the_file_that_no_container_uses_gets_one_notice(tool: Run, command: str) -> None:
    Path("i.json").write_text('{"web": {"Cmd": ["/x"]}, "wbe:1": {"Cmd": ["/x"]}}')
    ran = tool(command, "--images", "i.json", "--offline")
    text = 'notice: ImageConfigs in i.json has an entry that no container uses: "wbe:1". '
    assert ran.err.count(text) == 1
    assert "no container uses" not in tool(command, "--offline", "--set", 'ImageConfigs={"x": {"Cmd": ["/x"]}}').err


def test_an_entry_that_one_of_several_files_needs_is_used(tool: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("i.json").write_text('{"web": {"Cmd": ["/x"]}, "other": {"Cmd": ["/x"]}, "third": {}}')
    tool("transform")
    Path("u.json").write_text(Path("t.json").read_text().replace("web:1", "other:1"))
    ran = run(capsys, "explain", ".", *SET, "--offline", "--images", "i.json")
    assert ran.err.count("no container uses") == 1
    assert 'an entry that no container uses: "third"' in ran.err


# --- containers whose image has no name


@pytest.mark.parametrize("on_unresolved", ["fail", "skip"])
def test_images_reports_a_container_whose_image_is_not_known(tool: Run, on_unresolved: str) -> None:
    repository = {"Repo": {"Type": "AWS::ECR::Repository"}}
    value = template(container(EntryPoint=None, Image={"Fn::GetAtt": ["Repo", "RepositoryUri"]}), container(Name="ok"))
    Path("i.json").write_text("{}")
    ran = tool(
        *("images", "--offline", "-o", "i.json", "--set", f"OnUnresolvedImage={on_unresolved}"),
        Resources={**value["Resources"], **repository},
    )
    assert (ran.code, Path("i.json").read_text()) == (1, "{}\n")
    assert 'container "web"' in ran.out
    assert 'Image cannot be resolved: it refers to "Repo", which is known only after deployment' in ran.out
    assert "Containers whose image is not known: 1." in ran.err
    assert "No image has to be read" not in ran.err


def test_images_reports_a_container_without_an_image_and_a_task_whose_containers_are_not_known(tool: Run) -> None:
    value = template(container(EntryPoint=None))
    del value["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]["Image"]
    ran = tool("images", "--offline", Resources=value["Resources"])
    assert (ran.code, "The container has no Image" in ran.out) == (1, True)
    value = template(ContainerDefinitions={"Ref": "List"})
    ran = tool("images", "--offline", Resources=value["Resources"])
    assert (ran.code, "ContainerDefinitions is not written as a list" in ran.out) == (1, True)


def test_images_of_a_template_that_is_refused_for_another_reason_are_listed(tool: Run, requests: list[Any]) -> None:
    del requests
    value = template(container(EntryPoint=None, Image="web:1"))
    del value["Resources"]["Api"]["Properties"]["ExecutionRoleArn"]
    assert tool("images", "--offline", "--docker", Resources=value["Resources"]).code == 0


# --- keys that occur twice


@pytest.mark.parametrize(
    ("option", "name", "text", "key"),
    [
        pytest.param("--settings", "s.yaml", "Priority: security\nPriority: availability\n", "Priority", id="settings"),
        pytest.param(
            "--settings", "s.json", '{"Priority": "security",\n"Priority": "availability"}', "Priority", id="json"
        ),
        pytest.param(None, ".sysdig-instrument.yaml", "Mode: opt-in\nMode: opt-out\n", "Mode", id="found"),
        pytest.param(
            "--images", "i.json", '{"web:1": {"Cmd": ["/x"]},\n"web:1": {"Cmd": ["/y"]}}', "web:1", id="images"
        ),
        pytest.param("--images", "i.json", '{"web:1": {"Cmd": ["/x"],\n"Cmd": ["/y"]}}', "Cmd", id="inner"),
        pytest.param("--parameters", "p.json", '{"A": "1",\n"A": "2"}', "A", id="parameters"),
    ],
)
def test_a_key_that_occurs_twice_gets_a_warning(tool: Run, option: str | None, name: str, text: str, key: str) -> None:
    Path(name).write_text(text)
    ran = tool("transform", *((option, name) if option else ()), images=["web:1"])
    warning = f'warning: {name}:2:1: Duplicate key "{key}", first used on line 1; the last one counts. Remove the other. (SI808)'
    assert ran.err.count(warning) == 1


@pytest.mark.parametrize(
    "text", ['[{"ParameterKey": "A", "ParameterValue": "1"}, {"ParameterKey": "A", "UsePreviousValue": true}]', '["A=1", "A=2"]']
)  # fmt: skip
def test_a_parameter_that_is_given_twice_gets_a_warning(tool: Run, text: str) -> None:
    Path("p.json").write_text(text)
    ran = tool("transform", "--offline", "--parameters", "p.json")
    assert 'warning: p.json: Parameter "A" is given twice; the last one counts.' in ran.err


def test_a_settings_file_for_many_documents_gets_one_warning(tool: Run, capsys: pytest.CaptureFixture[str]) -> None:
    tool("transform", "--offline")
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "t.json").write_text(Path("t.json").read_text())
        Path(folder, ".sysdig-instrument.yaml").write_text("Mode: opt-out\n")
    Path("s.yaml").write_text("Priority: security\nPriority: availability\n")
    ran = run(capsys, "explain", "a", "b", *SET, "--offline", "--settings", "s.yaml")
    assert ran.err.count("Duplicate key") == 1


def test_yaml_that_only_cloudformation_rejects_gets_none(tool: Run) -> None:
    Path("s.yaml").write_text("WorkloadEnvironment: &env {A: x}\nAgentEnvironment: *env\n")
    assert "warning" not in tool("transform", "--offline", "--settings", "s.yaml").err


@pytest.mark.parametrize(
    ("name", "notice"),
    [
        ("/web/image", ""),
        ("/web/imgae", 'no template needs it. Did you mean "/web/image"? (SI726)'),
        ("Tag", "no template needs it. Give the parameter's name as the template has it. (SI726)"),
    ],
)
def test_a_value_of_ssm_that_no_template_needs_has_a_notice(name: str, notice: str, tool: Run) -> None:
    parameters = {"Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/web/image"}}
    for command in ("explain", "check", "inventory"):
        ran = tool(command, "--offline", "--ssm", f"{name}=web:1", images=[{"Ref": "Image"}], Parameters=parameters)
        assert ("SI726" in ran.err) is bool(notice)
        assert notice in ran.err
