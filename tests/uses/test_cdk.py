"""The CDK synthesises its examples, and the tool instruments the templates."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures_embedded_aws import TOOLS, skip_or_fail
from uses.conftest import USES

CDK = TOOLS / "cdk"
TRANSFORM = "SysdigInstrument"
WRAPPER = "/opt/draios/bin/instrument"

pytestmark = pytest.mark.xdist_group("cdk")  # so that each example is synthesised once


def synthesise(folder: Path, name: str, *commands: list[str]) -> dict[str, dict[str, Any]]:
    """Synthesise an example, and return its templates by stack name."""
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
    return {
        file.name.partition(".")[0]: json.loads(file.read_text()) for file in (app / "cdk.out").glob("*.template.json")
    }


@pytest.fixture(scope="module")
def in_typescript(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return synthesise(
        tmp_path_factory.mktemp("cdk"),
        "cdk-typescript",
        ["node", "node_modules/typescript/bin/tsc"],
        ["node", "app.js"],
    )


@pytest.fixture(scope="module")
def in_python(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return synthesise(tmp_path_factory.mktemp("cdk"), "cdk-python", [str(CDK / "bin/python"), "app.py"])


def containers(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (task,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::ECS::TaskDefinition")
    return {each["Name"]: each for each in task["Properties"]["ContainerDefinitions"]}


def test_the_transform_in_typescript(in_typescript: dict[str, dict[str, Any]]) -> None:
    assert in_typescript["One"]["Transform"] == in_typescript["Two"]["Transform"] == TRANSFORM


def test_the_transform_in_python(in_python: dict[str, dict[str, Any]]) -> None:
    assert in_python["One"]["Transform"] == in_python["Two"]["Transform"] == TRANSFORM


def test_the_aspect_for_local_use(in_typescript: dict[str, dict[str, Any]]) -> None:
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
