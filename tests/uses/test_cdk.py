"""The CDK synthesises its examples, and the tool instruments the templates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures_embedded_aws import TOOLS, skip_or_fail
from uses.conftest import USES

CDK = TOOLS / "cdk"
TRANSFORM = "SysdigInstrument"
WRAPPER = "/opt/draios/bin/instrument"

pytestmark = pytest.mark.xdist_group("cdk")  # so that each example is synthesised once


@dataclass(frozen=True)
class Output:
    """The CDK's output folder, and the templates in it by stack name."""

    folder: Path
    templates: dict[str, dict[str, Any]]

    def __getitem__(self, stack: str) -> dict[str, Any]:
        return self.templates[stack]


def synthesise(folder: Path, name: str, *commands: list[str]) -> Output:
    """Synthesise an example."""
    if not shutil.which("node") or not (CDK / ".done").exists():
        skip_or_fail("the CDK is not installed: it needs Node and `make dev`")
    app = folder / name
    shutil.copytree(USES / name, app, ignore=shutil.ignore_patterns("node_modules", "cdk.out", "*.js"))
    shutil.copytree(USES / "shop", folder / "shop")
    (app / "node_modules").symlink_to(CDK / "node_modules")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    variables = {"PATH": path, "HOME": str(folder), "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
                 "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1"}  # fmt: skip
    for command in commands:
        done = subprocess.run(command, cwd=app, env=variables, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
    output = app / "cdk.out"
    templates = {each.name.partition(".")[0]: json.loads(each.read_text()) for each in output.glob("*.template.json")}
    return Output(output, templates)


@pytest.fixture(scope="module")
def in_typescript(tmp_path_factory: pytest.TempPathFactory) -> Output:
    return synthesise(
        tmp_path_factory.mktemp("cdk"),
        "cdk-typescript",
        ["node", "node_modules/typescript/bin/tsc"],
        ["node", "app.js"],
    )


@pytest.fixture(scope="module")
def in_python(tmp_path_factory: pytest.TempPathFactory) -> Output:
    return synthesise(tmp_path_factory.mktemp("cdk"), "cdk-python", [str(CDK / "bin/python"), "app.py"])


def containers(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (task,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::ECS::TaskDefinition")
    return {each["Name"]: each for each in task["Properties"]["ContainerDefinitions"]}


def test_the_transform_in_typescript(in_typescript: Output) -> None:
    assert in_typescript["One"]["Transform"] == in_typescript["Two"]["Transform"] == TRANSFORM


def test_the_transform_in_python(in_python: Output) -> None:
    assert in_python["One"]["Transform"] == in_python["Two"]["Transform"] == TRANSFORM


def test_the_aspect_for_local_use(in_typescript: Output) -> None:
    template = in_typescript["Three"]
    assert "Transform" not in template
    assert containers(template)["web"]["EntryPoint"] == [WRAPPER, "python"]
    assert containers(template)["proxy"]["EntryPoint"] == [WRAPPER, "nginx"]
    assert "SysdigInstrumentation" in containers(template)
    (task,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::ECS::TaskDefinition")
    assert task["Properties"]["PidMode"] == "task"
    assert task["Metadata"]["SysdigInstrument"]["Result"]["Task"] == "instrumented"


@pytest.mark.parametrize("language", ["in_typescript", "in_python"])
def test_cdk_output_is_instrumented_with_its_asset(
    language: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    template = request.getfixturevalue(language)["One"]
    web = containers(template)["web"]
    asset = web["Image"]["Fn::Sub"]
    del web["EntryPoint"], web["Command"]  # so that the tool needs the configuration of the image
    known = {"AWS::AccountId": "111122223333", "AWS::Region": "eu-west-1", "AWS::URLSuffix": "amazonaws.com"}
    for name, value in known.items():
        asset = asset.replace(f"${{{name}}}", value)
    (tmp_path / "images.json").write_text(json.dumps({asset: {"Cmd": ["python", "/shop.py"]}}))
    (tmp_path / "template.json").write_text(json.dumps(template))
    tool = [
        str(Path(sys.executable).parent / "sysdig-instrument"), "transform", "template.json", "--set", "Collector=us2", "--set", "AccessKeySecret=none",
        "--region", "eu-west-1", "--account-id", "111122223333", "--images", "images.json", "--offline",
    ]  # fmt: skip
    done = subprocess.run(tool, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    processed = containers(json.loads(done.stdout))["web"]
    assert (processed["EntryPoint"], processed["Command"]) == ([WRAPPER], ["python", "/shop.py"])


@pytest.mark.parametrize("language", ["in_typescript", "in_python"])
def test_the_dockerfile_of_an_asset_is_found(language: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The Dockerfile of the example says CMD alone; written there as the reader of the page may, ENTRYPOINT makes it complete."""
    output = tmp_path / "cdk.out"
    shutil.copytree(request.getfixturevalue(language).folder, output)
    (dockerfile,) = {each.resolve() for each in output.glob("asset.*/Dockerfile")}
    file = output / "One.template.json"
    template = json.loads(file.read_text())
    web = containers(template)["web"]
    del web["EntryPoint"], web["Command"]
    file.write_text(json.dumps(template))
    tool = [
        str(Path(sys.executable).parent / "sysdig-instrument"), "transform", str(file), "--offline", "--set", "Collector=us2", "--set", "AccessKeySecret=none",
    ]  # fmt: skip
    done = subprocess.run(tool, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "decides on ENTRYPOINT" in done.stderr
    dockerfile.write_text(f"{dockerfile.read_text()}ENTRYPOINT []\n")
    done = subprocess.run(tool, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    processed = containers(json.loads(done.stdout))["web"]
    assert (processed["EntryPoint"], processed["Command"]) == ([WRAPPER], ["python", "/shop.py"])
