"""Many files and folders in one run, and the settings file beside them."""

from __future__ import annotations

import json
import os
import pty
import sys
from pathlib import Path

import pytest

from cli.running import SETTINGS, run, with_examples
from factories import template
from sysdig_instrument.cli import console

GOOD = json.dumps(template())
OTHER_ARRAYS: list[list[dict[str, object]]] = [
    [{"name": "T-shirt", "image": "shirt.png", "price": 9.9}, {"name": "Mug", "image": "mug.png", "price": 5}],
    [{"name": "T-shirt", "image": "shirt.png"}],
    [{"Name": "Alice", "Image": "alice.png", "User": "alice", "Links": ["https://example.com"]}],
    [{"name": "Laptop", "image": "laptop.png", "cpu": "i7", "memory": "16 GB"}],
    [{"name": "Crib", "image": "crib.png", "essential": True, "price": 90}],
    [{"name": "Frog", "image": "frog.png", "environment": ["pond", "forest"], "id": 1}],
    [{"name": "bot", "image": "bot.png", "command": "!help"}],
    [{"name": "web", "image": "nginx", "command": ["run"], "env": [{"name": "A", "value": "1"}]}],
]
CONTAINER_ARRAYS: list[list[dict[str, object]]] = [
    [{"name": "web", "image": "x", "essential": True}],
    [{"name": "web", "image": "x", "memory": 512, "cpu": 256}],
    [{"name": "web", "image": "x", "command": ["run"]}],
    [{"Name": "web", "Image": "x", "PortMappings": [{"ContainerPort": 80}], "Comment": "ours"}],
    [{"name": "web", "image": "x", "environment": [{"name": "A", "value": "1"}], "misspelt": 1}],
    [{"name": "web", "image": "x", "logConfiguration": None}, {"name": "worker"}],
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return with_examples(tmp_path, monkeypatch)


def write_file(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def files(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    shown = run(capsys, "explain", *arguments, *SETTINGS, "--format", "json")
    return [each["file"] for each in shown.value]


def test_folders_are_walked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("b/two.json", "b/one.yaml", "b/deep/three.template", "a/four.yml"):
        write_file(here / "them" / name, GOOD)
    for name in (".git/x.json", "node_modules/x.json", ".hidden.json", "x.txt"):
        write_file(here / "them" / name, GOOD)
    write_file(here / "them/package.json", '{"name": "x", "image": "y"}')
    write_file(here / "them/menu.json", '[{"name": "soup", "image\\"": 1}, {"name": "mage"}]')
    write_file(here / "them/broken.json", "{")
    write_file(here / "them/compose.yaml", "services: {web: {image: x}}\n")
    write_file(here / "them/prose.yaml", "text: containerDefinitions and AWS::ECS::TaskDefinition are words\n")
    write_file(here / "them/list.json", json.dumps([{"name": "web", "image": "x", "entryPoint": ["run"]}]))
    assert files(capsys, "them", "app.yaml") == [
        "them/list.json", "them/a/four.yml", "them/b/one.yaml", "them/b/two.json", "them/b/deep/three.template", "app.yaml",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        pytest.param("x.json", "AWS::ECS", "AWS\\u003a\\u003AECS", id="JSON"),
        pytest.param("x.yaml", "ECS", "\\x45CS", id="YAML"),
        pytest.param("x.yaml", "TaskD", "Task\\U00000044", id="YAML, 32 bits"),
        pytest.param("x.yaml", "TaskD", "Task\\\n      D", id="line break"),
        pytest.param("x.yaml", "TaskD", "Task\\\r\n\tD", id="CRLF"),
        pytest.param("x.yaml", "TaskD", "Task\\\u2028  D", id="line separator"),
        pytest.param("X.JSON", "x", "x", id="suffix in capitals"),
        pytest.param("x.Template", "x", "x", id="suffix in mixed case"),
    ],
)
def test_escape_sequences_hide_no_template(
    here: Path, capsys: pytest.CaptureFixture[str], name: str, before: str, after: str
) -> None:
    text = GOOD.replace(before, after).replace("ontainerDefinitions", "\\u006fntainerDefinitions")
    for encoding in ("utf-8", "utf-16"):
        write_file(here / encoding / name, "")
        (here / encoding / name).write_bytes(text.encode(encoding))
        assert files(capsys, encoding) == [f"{encoding}/{name}"]


def test_nothing_before_an_array_hides_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    array = json.dumps(CONTAINER_ARRAYS[0])
    for number, before in enumerate(["%YAML 1.1\n---\n", "# x\r--- \r", "&a ", "--- # x\n", "!!seq "]):
        write_file(here / f"them/{number}.yaml", before + array)
    assert files(capsys, "them", "--offline") == [f"them/{number}.yaml" for number in range(5)]


def test_arrays_of_other_things_are_passed_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A catalogue has names and images, too, and no registry may be asked for a picture of it."""
    for number, other in enumerate(OTHER_ARRAYS):
        write_file(here / f"them/other-{number}.json", json.dumps(other))
    write_file(here / "them/play.yaml", "- name: build\n  image: x\n  hosts: all\n")
    write_file(here / "them/one.json", GOOD)
    assert files(capsys, "them") == ["them/one.json"]


def test_arrays_of_containers_are_found(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, containers in enumerate(CONTAINER_ARRAYS):
        write_file(here / f"them/{number}.json", json.dumps(containers))
    write_file(here / "them/bom.json", "\ufeff" + json.dumps(CONTAINER_ARRAYS[0]))
    write_file(here / "them/list.yaml", "# ours\n---\n- name: web\n  image: x\n  entryPoint: [run]\n")
    expected = [*(f"them/{number}.json" for number in range(len(CONTAINER_ARRAYS))), "them/bom.json", "them/list.yaml"]
    assert files(capsys, "them", "--offline") == expected


def test_objects_of_other_things_are_passed_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    others: list[object] = [
        {"containerDefinitions": {"type": "array"}, "type": "object"},
        {"containerDefinitions": "see the page about containerDefinitions"},
        {"taskDefinition": {"description": "its containerDefinitions"}},
        {"Resources": ["AWS::ECS::TaskDefinition"]},
    ]
    for number, other in enumerate(others):
        write_file(here / f"them/other-{number}.json", json.dumps(other))
    write_file(here / "them/broken.json", json.dumps({"family": "x", "containerDefinitions": "not a list"}))
    write_file(here / "them/empty.json", json.dumps({"containerDefinitions": []}))
    assert files(capsys, "them") == ["them/broken.json", "them/empty.json"]


def test_the_folders_of_workflows_are_searched(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(here / "them/.aws/task-definition.json", GOOD)
    write_file(here / "them/.github/ecs/task-definition.json", GOOD)
    write_file(here / "them/.github/workflows/deploy.yml", "on: push\n")
    assert files(capsys, "them") == ["them/.aws/task-definition.json", "them/.github/ecs/task-definition.json"]
    assert run(capsys, "check", "them", *SETTINGS).code == 1


def test_what_is_passed_over_is_told_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (".deploy/deep/x.json", "cdk.out/x.template.json", ".serverless/x.json", "app/.hidden.json"):
        write_file(here / "them" / name, GOOD)
    for name in (".git/x.json", "node_modules/x.json", ".venv/x.json"):  # nobody deploys these
        write_file(here / "them" / name, GOOD)
    write_file(here / "them/.vscode/settings.json", "{}")
    write_file(here / "them/.pre-commit-config.yaml", "repos: [{image: x}]\n")
    write_file(here / "them/one.json", GOOD)
    write_file(here / "them/two.json", GOOD)
    write_file(here / "other/three.json", GOOD)
    (here / "them/outside").symlink_to(here / "other")
    (here / "them/inside").symlink_to("app")
    for command in ("explain", "check", "diff", "settings"):
        told = [line for line in run(capsys, command, "them", *SETTINGS).err.splitlines() if "Not searched" in line]
        names = "them/.deploy, them/.serverless, them/cdk.out, them/app/.hidden.json, them/outside"
        assert told == [
            f"notice: Not searched, because they are hidden, generated or links: {names}. Name them to have them read. (SI724)"
        ]
    assert files(capsys, "them/.deploy", "them/app/.hidden.json", "them/outside") == [
        "them/.deploy/deep/x.json", "them/app/.hidden.json", "them/outside/three.json",
    ]  # fmt: skip


def test_folders_in_which_everything_is_passed_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        write_file(here / f"them/.{number:02}/x.json", GOOD)
    shown = run(capsys, "check", "them", *SETTINGS)
    assert shown.code == 2
    assert "them/.09 and 2 more. " in shown.err
    assert "No template" in shown.err


def test_a_folder_that_cannot_be_read_is_an_error(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(here / "them/one.json", GOOD)
    (here / "them/secret").mkdir()
    scan = os.scandir

    def scan_others(path: str) -> object:
        if path.endswith("secret"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scan_others)
    shown = run(capsys, "explain", "them", *SETTINGS)
    assert shown.code == 2
    assert "them/secret cannot be read" in shown.err
    assert "them/one.json" in shown.out


def test_an_agent_image_without_a_version_is_told_once_in_a_run(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one.json", "two.json"):
        write_file(here / "them" / name, GOOD)
    for command in ("explain", "diff"):
        assert run(capsys, command, "them", *SETTINGS).err.count("AgentImage is") == 1
        pinned = ("--set", "AgentImage=quay.io/sysdig/workload-agent:6.3.0")
        assert "AgentImage is" not in run(capsys, command, "them", *SETTINGS, *pinned).err
    shown = run(capsys, "transform", "them/one.json", *SETTINGS)
    assert shown.err.count("AgentImage is") == 1
    assert "AgentImage is" not in shown.out
    assert "AgentImage is" not in run(capsys, "transform", "them/one.json", *SETTINGS, "--set", "Enabled=false").err


def test_pipes_and_links_in_a_circle_are_passed_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(here / "them/one.json", GOOD)
    os.mkfifo(here / "them/pipe.yaml")
    (here / "them/circle.yaml").symlink_to("circle.yaml")
    os.mkfifo(here / "them/.pipe.yaml")
    (here / "them/above").symlink_to("..")
    (here / "them/self").symlink_to(".")
    (here / "them/a").symlink_to("b")
    (here / "them/b").symlink_to("a")
    (here / "them/device.json").symlink_to("/dev/zero")
    (here / "them/.hidden").mkdir()
    (here / "them/.hidden/circle").symlink_to("..")
    os.mkfifo(here / "them/.hidden/pipe.json")
    assert files(capsys, "them") == ["them/one.json"]


def test_an_unreadable_template_is_reported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(here / "them/one.yaml", "Resources:\n  Task:\n    Type: AWS::ECS::TaskDefinition\n\t: x\n")
    write_file(here / "them/two.json", GOOD)
    shown = run(capsys, "explain", "them", *SETTINGS)
    assert shown.code == 2
    assert "them/one.yaml:4:" in shown.err
    assert shown.out.startswith("them/two.json: does not list SysdigInstrument\n")


def test_one_bad_file_does_not_stop_the_others(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(here / "no.json", '{"name": "x"}')
    for command in ("diff", "explain", "check", "settings"):
        shown = run(capsys, command, "no.json", "none.json", "app.yaml", *SETTINGS)
        assert shown.code == 2
        assert "app.yaml" in shown.out
        assert "no.json is neither" in shown.err
        assert "none.json cannot be read" in shown.err


def test_folders_without_templates(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "empty").mkdir()
    shown = run(capsys, "explain", "empty", *SETTINGS)
    assert (shown.code, shown.out) == (2, "")
    assert "No template" in shown.err


def test_progress_is_for_terminals_only(capsys: pytest.CaptureFixture[str]) -> None:
    bar = console.Progress(3, started=-10)
    bar.show(1, "x.yaml")
    bar.clear()
    assert capsys.readouterr().err == ""


def test_progress_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, child = pty.openpty()
    with os.fdopen(child, "w", encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        bar = console.Progress(4, started=-10)
        bar.show(2, "x.yaml")
        bar.clear()
        shown = os.read(parent, 1000)
        while not shown.endswith(b"\r\x1b[K"):
            shown += os.read(parent, 1000)
    os.close(parent)
    assert "━" * 10 + " " * 10 + " 2/4 x.yaml\r\x1b[K" in shown.decode()


def test_a_settings_file_is_found_up_to_the_repository(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(here / "repository/.sysdig-instrument.yaml", "Collector: us4\n")
    write_file(here / "repository/deep/er/it.json", GOOD)
    call = ["settings", "repository/deep/er/it.json", "--format", "json", "--all"]

    def collector() -> object:
        return run(capsys, *call).value[0]["taskDefinitions"][0]["settings"]["Collector"]

    assert collector() == {"value": "not set", "layer": "default"}  # outside of a repository: beside the file only
    (here / "repository/.git").mkdir()
    assert collector() == {"value": "us4", "layer": "repository/.sysdig-instrument.yaml"}
    write_file(here / "repository/deep/.sysdig-instrument.json", '{"Collector": "eu1"}')
    assert collector() == {"value": "eu1", "layer": "repository/deep/.sysdig-instrument.json"}
    call.append("--no-config")
    assert collector() == {"value": "not set", "layer": "default"}
    call[-1:] = ["--settings", "settings.yaml"]
    assert collector() == {"value": "us2", "layer": "settings.yaml"}


def test_the_settings_file_counts_for_every_command(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(here / ".sysdig-instrument.yaml", (here / "settings.yaml").read_text())
    plain = ["app.yaml", "--images", "images.json", "--offline"]
    for command in ("transform", "diff", "explain"):
        assert run(capsys, command, *plain).code == 0
        assert run(capsys, command, *plain, "--no-config").code == 1
    write_file(here / ".sysdig-instrument.yaml", "Colector: us2\n")
    shown = run(capsys, "diff", *plain)
    assert shown.code == 2
    assert ".sysdig-instrument.yaml" in shown.err
    assert '"Collector"' in shown.err


@pytest.mark.parametrize("command", ["explain", "check", "diff"])
def test_named_files_that_are_something_else_are_ignored_if_that_is_asked_for(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_examples(tmp_path, monkeypatch)
    for name, text in {"package.json": "{}", "broken.yaml": "{", "list.json": "[1]", "bucket.yaml": "a: 1"}.items():
        Path(name).write_text(text)
    others = ["package.json", "broken.yaml", "list.json", "bucket.yaml"]
    assert run(capsys, command, *others, *SETTINGS).code == 2
    nothing = run(capsys, command, *others, *SETTINGS, "--ignore-other-files")
    assert (nothing.code, nothing.err) == (0, "")
    Path("a.template").write_text(GOOD)
    Path("broken.json").write_text('{"Type": "AWS::ECS::TaskDefinition"')
    assert run(capsys, command, *others, "a.template", *SETTINGS, "--ignore-other-files").out.count("a.template") >= 1
    assert (
        run(capsys, command, *others, "broken.json", *SETTINGS, "--ignore-other-files").code == 2
    )  # it may be a template
    assert run(capsys, command, "no-such-file.yaml", *SETTINGS, "--ignore-other-files").code == 2
