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


def test_pipes_and_links_in_a_circle_are_passed_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(here / "them/one.json", GOOD)
    os.mkfifo(here / "them/pipe.yaml")
    (here / "them/circle.yaml").symlink_to("circle.yaml")
    (here / "them/above").symlink_to("..")
    assert files(capsys, "them") == ["them/one.json"]


def test_an_unreadable_template_is_reported(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(here / "them/one.yaml", "Resources:\n  Task:\n    Type: AWS::ECS::TaskDefinition\n\t: x\n")
    write_file(here / "them/two.json", GOOD)
    shown = run(capsys, "explain", "them", *SETTINGS)
    assert shown.code == 2
    assert "them/one.yaml, line 4" in shown.err
    assert shown.out.startswith("them/two.json\n")


def test_one_bad_file_does_not_stop_the_others(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_file(here / "no.json", '{"name": "x"}')
    for command in ("diff", "explain", "check", "settings"):
        shown = run(capsys, command, "no.json", "none.json", "app.yaml", *SETTINGS)
        assert shown.code == 2
        assert "app.yaml\n" in shown.out
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
