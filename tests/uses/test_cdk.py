"""The CDK package: its own tests, and its examples, which the CDK synthesises with the packages that npm and pip install."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from fixtures_embedded_aws import ROOT, TOOLS, skip_or_fail
from sysdig_instrument import __version__
from uses.conftest import USES

CDK = TOOLS / "cdk"
TRANSFORM = "SysdigInstrument"
STAMP = "SysdigInstrumentRelease"
LANGUAGES = ["in_typescript", "in_python"]
TOOL = [str(Path(sys.executable).parent / "sysdig-instrument")]
SET = ["--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline"]
WRAPPER = "/opt/draios/bin/instrument"

pytestmark = pytest.mark.xdist_group("cdk")  # so that each example is synthesised once


NAME = "sysdig-instrument-cdk"
VARIABLES = {
    "CDK_VALIDATION": "false",  # not the CDK's own, which takes seconds; what the app adds is still called
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
}
Templates: TypeAlias = dict[str, dict[str, Any]]


def run(*command: str, folder: Path, code: int = 0, **variables: str) -> str:
    """Run a command in a folder, with the tool on PATH, and return what it prints."""
    if not shutil.which("node") or not (CDK / ".done").exists():
        skip_or_fail("the CDK is not installed: it needs Node and `make dev`")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), **VARIABLES, **variables}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=180
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def fresh_app(folder: Path, name: str) -> Path:
    """Copy an example."""
    app = folder / name
    shutil.copytree(USES / name, app, ignore=shutil.ignore_patterns("node_modules", "cdk.out", "*.js"))
    shutil.copytree(USES / "shop", folder / "shop")
    (app / "node_modules").symlink_to(CDK / "node_modules")
    return app


def synthesise(app: Path, *command: str, release: str = "") -> Templates:
    """Synthesise an app, and return its templates by stack name. The CDK's command line tool passes context on like this."""
    context = json.dumps({"sysdigRelease": release} if release else {})
    shutil.rmtree(app / "cdk.out", ignore_errors=True)
    run(*command, folder=app, CDK_CONTEXT_JSON=context)
    files = (app / "cdk.out").rglob("*.template.json")
    return {file.name.removesuffix(".template.json")[:8]: json.loads(file.read_text()) for file in files}


@pytest.fixture(scope="module")
def typescript_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    app = fresh_app(tmp_path_factory.mktemp("cdk"), "cdk-typescript")
    run("node", "node_modules/typescript/bin/tsc", folder=app)
    return app


@pytest.fixture(scope="module")
def in_typescript(typescript_app: Path) -> Templates:
    return synthesise(typescript_app, "node", "app.js")


@pytest.fixture(scope="module")
def in_python(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    app = fresh_app(tmp_path_factory.mktemp("cdk"), "cdk-python")
    return synthesise(app, str(CDK / "bin/python"), "app.py")


def containers(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    (task,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::ECS::TaskDefinition")
    return {each["Name"]: each for each in task["Properties"]["ContainerDefinitions"]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_macro_is_listed(language: str, request: pytest.FixtureRequest) -> None:
    templates = request.getfixturevalue(language)
    assert {name: template.get("Transform") for name, template in templates.items()} == {
        "One": TRANSFORM, "Two": TRANSFORM, "Three": None, "ProdFour": TRANSFORM
    }  # fmt: skip
    assert templates["Two"]["Metadata"][STAMP] == templates["ProdFour"]["Metadata"][STAMP] == "1.0.0"


def test_both_languages_have_the_same_result(in_typescript: Templates, in_python: Templates) -> None:
    assert without_assets(in_typescript) == without_assets(in_python)


def test_another_release_changes_the_stamp_and_nothing_else(typescript_app: Path, in_typescript: Templates) -> None:
    updated = synthesise(typescript_app, "node", "app.js", release="1.1.0")
    for name in ("Two", "ProdFour"):
        assert updated[name]["Metadata"].pop(STAMP) == "1.1.0"
        updated[name]["Metadata"][STAMP] = "1.0.0"
    assert updated == in_typescript


def test_the_policy_stops_the_synthesis_of_a_stack_without_the_line(typescript_app: Path) -> None:
    program = (typescript_app / "app.js").read_text()
    (typescript_app / "unlisted.js").write_text(program.replace('one.addTransform("SysdigInstrument");', ""))
    printed = run("node", "unlisted.js", folder=typescript_app, code=1)
    assert "does not list the macro SysdigInstrument" in printed


def test_the_macro_accepts_the_stamp(in_typescript: Templates, tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text(json.dumps(in_typescript["Two"]))
    done = subprocess.run(
        [*TOOL, "transform", "template.json", *SET], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert STAMP not in done.stderr
    assert json.loads(done.stdout)["Metadata"] == {STAMP: "1.0.0"}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_aspect_for_local_use(language: str, request: pytest.FixtureRequest) -> None:
    template = request.getfixturevalue(language)["Three"]
    assert "Transform" not in template
    assert containers(template)["web"]["EntryPoint"] == [WRAPPER, "python"]
    assert containers(template)["proxy"]["EntryPoint"] == [WRAPPER, "nginx"]
    assert "SysdigInstrumentation" in containers(template)
    (task,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::ECS::TaskDefinition")
    assert task["Properties"]["PidMode"] == "task"
    assert task["Metadata"]["SysdigInstrument"]["Result"]["Task"] == "instrumented"


@pytest.mark.parametrize("language", LANGUAGES)
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
        *TOOL, "transform", "template.json", *SET, "--region", "eu-west-1", "--account-id", "111122223333", "--images", "images.json",
    ]  # fmt: skip
    done = subprocess.run(tool, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    processed = containers(json.loads(done.stdout))["web"]
    assert (processed["EntryPoint"], processed["Command"]) == ([WRAPPER], ["python", "/shop.py"])


@pytest.mark.usefixtures("in_typescript")
def test_the_dockerfile_of_an_asset_is_found(typescript_app: Path, tmp_path: Path) -> None:
    """The Dockerfile of the example says CMD alone; written there as the reader of the page may, ENTRYPOINT makes it complete."""
    output = tmp_path / "cdk.out"
    shutil.copytree(typescript_app / "cdk.out", output)
    (dockerfile,) = {each.resolve() for each in output.glob("asset.*/Dockerfile")}
    file = output / "One.template.json"
    template = json.loads(file.read_text())
    web = containers(template)["web"]
    del web["EntryPoint"], web["Command"]
    file.write_text(json.dumps(template))
    tool = [*TOOL, "transform", str(file), *SET]
    done = subprocess.run(tool, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "decides on ENTRYPOINT" in done.stderr
    dockerfile.write_text(f"{dockerfile.read_text()}ENTRYPOINT []\n")
    done = subprocess.run(tool, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    processed = containers(json.loads(done.stdout))["web"]
    assert (processed["EntryPoint"], processed["Command"]) == ([WRAPPER], ["python", "/shop.py"])


def without_assets(templates: Templates) -> str:
    """The templates, without the hash of the asset and without the CDK's note about its libraries."""
    for template in templates.values():
        template["Resources"].pop("CDKMetadata", None)
    return re.sub(r"[0-9a-f]{64}", "…", json.dumps(templates, sort_keys=True))


def test_the_package_passes_its_own_tests() -> None:
    run("npm", "test", folder=CDK / "package")


def test_the_package_has_the_release_and_the_address_of_the_project() -> None:
    package = json.loads((ROOT / "cdk/package.json").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lock = json.loads((ROOT / "cdk/package-lock.json").read_text("utf-8"))
    assert package["version"] == lock["version"] == lock["packages"][""]["version"] == __version__
    assert package["repository"]["url"] == project["urls"]["Repository"] + ".git"
    assert package["license"] == project["license"]


def test_the_package_and_its_example_are_tried_with_the_same_libraries() -> None:
    package = json.loads((ROOT / "cdk/package.json").read_text("utf-8"))
    example = json.loads((USES / "cdk-typescript/package.json").read_text("utf-8"))["dependencies"]
    assert {name: package["devDependencies"][name] for name in example} == example
    assert package["peerDependencies"] == {name: f"^{version}" for name, version in example.items()}
    assert f"aws-cdk-lib=={example['aws-cdk-lib']}" in (ROOT / "requirements/cdk.in").read_text("utf-8")


def test_both_packs_have_what_they_should() -> None:
    if not (CDK / ".done").exists():
        skip_or_fail("the CDK is not installed: it needs Node and `make dev`")
    dist = CDK / "package/dist"
    with tarfile.open(dist / f"{NAME}-{__version__}.tgz") as pack:
        names = {name.removeprefix("package/") for name in pack.getnames()}
    assert {"package.json", ".jsii", "LICENSE", "README.md", "lib/index.js", "lib/index.d.ts"} <= names
    assert not [name for name in names if name.startswith(("src/", "test/", "node_modules/", "dist/"))]
    (wheel,) = dist.glob("*.whl")
    assert any(name.endswith(".jsii.tgz") for name in zipfile.ZipFile(wheel).namelist())
