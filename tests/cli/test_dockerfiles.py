"""The Docker image assets of the AWS CDK: the tool reads ENTRYPOINT and CMD from their Dockerfiles, in every command."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, run
from factories import container, template
from lookup.docker_daemon import daemon_with
from lookup.docker_daemon import image as image_of_daemon
from sysdig_instrument.cli import cdk_assets, lookups
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup, Unavailable

WRAPPER = "/opt/draios/bin/instrument"
TAG = "2b5a63a5d7bfea405a8cad0851ef43cb34ecc738a35dd888e75475391b444e49"
REPOSITORY = "cdk-hnb659fds-container-assets-${AWS::AccountId}-${AWS::Region}"
IMAGE = {"Fn::Sub": f"${{AWS::AccountId}}.dkr.ecr.${{AWS::Region}}.${{AWS::URLSuffix}}/{REPOSITORY}:{TAG}"}
RESOLVED = f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/cdk-hnb659fds-container-assets-111122223333-eu-west-1:{TAG}"
HERE = ("--region", "eu-west-1", "--account-id", "111122223333")
SET = ("--set", "Collector=us2", "--set", "AccessKeySecret=none")
COMPLETE = 'FROM python:3.13\nENTRYPOINT ["python"]\nCMD ["/shop.py"]\n'


@dataclass
class Registries:
    """What all registries have, and which images were asked for."""

    images: dict[str, ImageConfig] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def look_up(self, given: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        images = [each for each in given if isinstance(each, ImageLookup)]
        self.asked += [(each.image, each.architecture) for each in images]
        missing = Unavailable(Reason("It does not exist", code=Code.IMAGE_UNREADABLE))
        return {each: self.images.get(each.image, missing) for each in images}


@dataclass
class App:
    """The output of ``cdk synth``, as aws-cdk-lib 2.275 writes it, and the tool."""

    capsys: pytest.CaptureFixture[str]
    folder: Path = Path("cdk.out")

    def write(self, dockerfile: str | bytes = COMPLETE, *, file: str = "Dockerfile", **source: Any) -> None:
        """Write the asset and its manifest."""
        asset = self.folder / f"asset.{TAG}"
        (asset / file).parent.mkdir(parents=True, exist_ok=True)
        (asset / file).write_bytes(dockerfile.encode() if isinstance(dockerfile, str) else dockerfile)
        self.write_manifest("Shop.assets.json", {"directory": asset.name, **source})
        self.write_template("Shop.template.json")

    def write_template(self, name: str, image: Any = IMAGE, **properties: Any) -> None:
        value = template(container(EntryPoint=None, Image=image), **properties)
        (self.folder / name).write_text(json.dumps({**value, "Transform": "SysdigInstrument"}))

    def write_manifest(self, name: str, source: Any, *, repository: str = REPOSITORY, tag: str = TAG) -> None:
        destination = {"repositoryName": repository, "imageTag": tag, "assumeRoleArn": "arn:aws:iam::1:role/x"}
        asset = {"displayName": "Task/web/AssetImage", "source": source, "destinations": {"here-1": destination}}
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(json.dumps({"version": "55.0.0", "dockerImages": {TAG: asset}}))

    def run(self, command: str, *arguments: str, file: str = "Shop.template.json") -> Ran:
        return run(self.capsys, command, self.folder / file, *SET, *arguments)

    def argv(self, *arguments: str, file: str = "Shop.template.json") -> tuple[Any, Any]:
        ran = self.run("transform", *(arguments or ("--offline",)), file=file)
        assert ran.code == 0, ran.err
        web = ran.value["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]
        return web["EntryPoint"], web.get("Command")

    def why(self, *arguments: str, file: str = "Shop.template.json") -> str:
        ran = self.run("explain", *(arguments or ("--offline",)), file=file)
        assert ran.code == 1, ran.out
        return " ".join(ran.out.split())


@pytest.fixture
def app(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.chdir(tmp_path)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "DOCKER_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    return App(capsys)


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> Registries:
    found = Registries()
    monkeypatch.setattr(lookups, "make_lookup", lambda *_: found.look_up)
    return found


# --- what the Dockerfile says


def test_a_dockerfile_that_says_everything_needs_neither_network_nor_account(app: App, registries: Registries) -> None:
    app.write()
    assert (
        app.argv("--offline")
        == app.argv("--region", "eu-west-1")
        == app.argv(*HERE)
        == ([WRAPPER, "python"], ["/shop.py"])
    )
    assert registries.asked == []


@pytest.mark.parametrize("arguments", [(), HERE], ids=["nothing-known", "account-and-region-known"])
@pytest.mark.parametrize("command", ["transform", "diff", "explain", "check", "inventory", "images", "settings"])
def test_every_command_knows_it(app: App, command: str, arguments: tuple[str, ...]) -> None:
    app.write()
    ran = app.run(command, "--offline", *arguments)
    assert ran.code == 0, ran.out + ran.err
    assert "unknown" not in ran.out


@pytest.mark.parametrize("command", ["explain", "check", "diff"])
def test_without_the_manifest_it_is_unknown(app: App, command: str) -> None:
    app.write()
    (app.folder / "Shop.assets.json").unlink()
    assert app.run(command, "--offline").code == 1


def test_check_knows_it_without_the_line(app: App) -> None:
    app.write()
    value = json.loads((app.folder / "Shop.template.json").read_text())
    del value["Transform"]
    (app.folder / "Shop.template.json").write_text(json.dumps(value))
    assert "config of its image" not in app.run("check").out


def test_explain_and_images_say_where_it_comes_from(app: App) -> None:
    app.write()
    source = f'the Dockerfile "asset.{TAG}/Dockerfile" of asset "Task/web/AssetImage"'
    assert f"ENTRYPOINT and CMD of an image are read from {source}" in " ".join(
        app.run("explain", "--offline").out.split()
    )
    assert f"from       {source}" in app.run("images", "--offline").out


def test_images_writes_only_images_with_a_name(app: App) -> None:
    app.write()
    assert app.run("images", "--offline", "-o", "-").value == {}
    assert app.run("images", "--offline", *HERE, "-o", "-").value == {
        RESOLVED: {"Entrypoint": ["python"], "Cmd": ["/shop.py"]}
    }


def test_the_options_of_the_build(app: App) -> None:
    dockerfile = 'ARG BASE=scratch\nFROM ${BASE} AS web\nCMD ["a"]\nFROM scratch\nCMD ["b"]\n'
    app.write(
        dockerfile,
        file="docker/web.Dockerfile",
        dockerFile="docker/web.Dockerfile",
        dockerBuildTarget="web",
        dockerBuildArgs={"BASE": "scratch"},
        platform="linux/amd64",
    )
    assert app.argv() == ([WRAPPER], ["a"])


@pytest.mark.parametrize(
    "image",
    [
        pytest.param({"Fn::Join": ["", [{"Ref": "AWS::AccountId"}, ".dkr.ecr.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"},
                      "/cdk-hnb659fds-container-assets-", {"Ref": "AWS::AccountId"}, "-", {"Ref": "AWS::Region"}, f":{TAG}"]]}, id="join"),
        pytest.param({"Fn::Sub": RESOLVED.replace("amazonaws.com", "${AWS::URLSuffix}")}, id="suffix-alone"),
        pytest.param(RESOLVED, id="literal"),
    ],
)  # fmt: skip
def test_other_forms_of_the_image(app: App, image: Any) -> None:
    repository = (
        REPOSITORY if isinstance(image, dict) and "Fn::Join" in image else RESOLVED.partition("/")[2].partition(":")[0]
    )
    app.write()
    app.write_manifest("Shop.assets.json", {"directory": f"asset.{TAG}"}, repository=repository)
    app.write_template("Shop.template.json", image)
    assert app.argv() == ([WRAPPER, "python"], ["/shop.py"])


@pytest.mark.parametrize(
    "image",
    [
        pytest.param({"Fn::Sub": str(IMAGE["Fn::Sub"]).replace(TAG, "latest")}, id="another-tag"),
        pytest.param({"Fn::Sub": str(IMAGE["Fn::Sub"]).replace("/cdk-", "/other/cdk-")}, id="another-repository"),
        pytest.param({"Fn::Sub": f"registry.example.com/{REPOSITORY}:{TAG}"}, id="another-registry"),
        pytest.param({"Fn::Sub": f"{IMAGE['Fn::Sub']}${{Suffix}}"}, id="another-parameter"),
        pytest.param({"Fn::Sub": f"{IMAGE['Fn::Sub']}{{{{resolve:ssm:/x}}}}"}, id="a-dynamic-reference"),
        pytest.param({"Fn::Sub": f"{IMAGE['Fn::Sub']}@sha256:{TAG}"}, id="a-digest"),
    ],
)
def test_what_is_not_the_asset(app: App, image: Any) -> None:
    app.write()
    app.write_template("Shop.template.json", image)
    for arguments in ((), HERE):
        assert "Dockerfile" not in app.why("--offline", *arguments)


def test_a_stage_has_its_assets_in_the_folder_of_the_app(app: App) -> None:
    app.write()
    (app.folder / "manifest.json").write_text('{"version": "55.0.0", "artifacts": {}}')
    app.write_manifest("assembly-Prod/Prod.assets.json", {"directory": f"../asset.{TAG}"})
    app.write_template("assembly-Prod/Prod.template.json")
    assert app.argv(file="assembly-Prod/Prod.template.json") == ([WRAPPER, "python"], ["/shop.py"])
    (app.folder / "manifest.json").unlink()
    assert "outside of the CDK's output folder" in app.why(file="assembly-Prod/Prod.template.json")


def test_a_nested_stack_has_its_assets_in_the_manifest_of_its_parent(app: App) -> None:
    app.write()
    app.write_template("ShopNested1234.nested.template.json")
    assert app.argv(file="ShopNested1234.nested.template.json") == ([WRAPPER, "python"], ["/shop.py"])
    app.write_manifest("Other.assets.json", {"directory": "asset.other"})
    assert "they do not agree on how it is built" in app.why(file="ShopNested1234.nested.template.json")
    assert app.argv() == ([WRAPPER, "python"], ["/shop.py"])  # its own manifest comes first


# --- the base image


def test_the_base_image_gives_what_the_dockerfile_does_not_say(app: App, registries: Registries) -> None:
    registries.images["python:3.13"] = ImageConfig(("/entry",), ("python3",))
    app.write('FROM python:3.13\nCMD ["/shop.py"]\n')
    assert app.argv(*HERE) == ([WRAPPER, "/entry"], ["/shop.py"])
    assert registries.asked == [(RESOLVED, "amd64"), ("python:3.13", "amd64")]
    source = " ".join(app.run("explain", *HERE).out.split())
    assert 'of asset "Task/web/AssetImage" and its base image "python:3.13"' in source


def test_the_base_image_has_the_platform_of_the_task(app: App, registries: Registries) -> None:
    registries.images["python:3.13"] = ImageConfig((), ("python3",))
    app.write("FROM python:3.13\n")
    app.write_template("Shop.template.json", RuntimePlatform={"CpuArchitecture": "ARM64"})
    assert app.argv("--region", "eu-west-1") == ([WRAPPER], ["python3"])
    assert ("python:3.13", "arm64") in registries.asked


def test_an_image_that_is_pushed_comes_before_its_base_image(app: App, registries: Registries) -> None:
    registries.images |= {RESOLVED: ImageConfig(("/pushed",)), "python:3.13": ImageConfig(("/base",))}
    app.write("FROM python:3.13\n")
    assert app.argv(*HERE) == ([WRAPPER, "/pushed"], None)
    assert registries.asked == [(RESOLVED, "amd64")]


def test_a_pushed_image_is_read_where_its_dockerfile_cannot_be(app: App, registries: Registries) -> None:
    registries.images[RESOLVED] = ImageConfig(("/pushed",))
    app.write("# syntax=example.com/other\nFROM scratch\n")
    assert app.argv(*HERE) == ([WRAPPER, "/pushed"], None)


def test_without_the_base_image_it_is_unknown(app: App, registries: Registries) -> None:
    app.write('FROM python:3.13\nCMD ["/shop.py"]\n')
    assert 'its base image "python:3.13" decides on ENTRYPOINT, and could not be read. It does not exist' in app.why(
        *HERE
    )
    assert "--offline prevents the lookup" in app.why("--offline")
    assert app.run("check", "--offline").code == 1
    assert app.run("check", "--offline", "--unknown", "warn").code == 0
    assert ("python:3.13", "amd64") in registries.asked


@pytest.mark.parametrize("line", ['ENTRYPOINT ["/entry"]', 'CMD ["/shop.py"]'])
def test_triggers_of_the_base_image_make_it_unknown(app: App, registries: Registries, line: str) -> None:
    registries.images["python:3.13"] = ImageConfig(("/base",), has_triggers=True)
    app.write(f"FROM python:3.13\n{line}\n")
    assert "its base image has ONBUILD instructions" in app.why(*HERE)


def test_an_entry_point_resets_the_cmd_of_a_base_image_that_cannot_be_read(app: App) -> None:
    app.write('FROM registry.example.com/private:1\nENTRYPOINT ["/entry"]\n')
    assert app.argv() == ([WRAPPER, "/entry"], None)


def test_the_base_image_from_docker(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app.write("FROM python:3.13\n")
    with daemon_with({"docker.io/library/python:3.13": image_of_daemon(["/entry"], ["serve"])}, tmp_path) as (host, _):
        monkeypatch.setenv("DOCKER_HOST", host)
        assert app.argv("--offline", "--docker") == ([WRAPPER, "/entry"], ["serve"])


def test_images_in_a_file_come_first(app: App) -> None:
    app.write()
    Path("images.json").write_text(json.dumps({RESOLVED: {"Entrypoint": ["/file"]}}))
    assert app.argv("--offline", "--images", "images.json", *HERE) == ([WRAPPER, "/file"], None)


def test_the_base_image_in_a_file_of_images(app: App) -> None:
    app.write('FROM registry.example.com/base:1\nCMD ["/shop.py"]\n')
    Path("images.json").write_text(json.dumps({"registry.example.com/base": {"Entrypoint": ["/base"], "Cmd": ["x"]}}))
    for arguments in ((), HERE):
        assert app.argv("--offline", "--images", "images.json", *arguments) == ([WRAPPER, "/base"], ["/shop.py"])
    ran = app.run("explain", "--offline", "--images", "images.json")
    assert 'whose config is given under "registry.example.com/base"' in " ".join(ran.out.split())
    assert "no container uses" not in ran.err


def test_a_file_of_images_does_not_give_the_shell_of_a_base_image(app: App) -> None:
    app.write("FROM registry.example.com/base:1\nCMD /shop.py\n")
    Path("images.json").write_text(json.dumps({"registry.example.com/base": {"Entrypoint": ["/base"]}}))
    assert "decides on ENTRYPOINT and the shell" in app.why("--offline", "--images", "images.json")


def test_a_wrapper_in_a_dockerfile_does_not_pass_for_one_in_the_image(app: App) -> None:
    """Command counts as wrapped only if the image certainly has no ENTRYPOINT, and a Dockerfile is no image."""
    app.write('FROM scratch\nCMD ["/shop.py"]\n')
    app.write_template("Shop.template.json")
    value = json.loads((app.folder / "Shop.template.json").read_text())
    value["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]["Command"] = [WRAPPER, "/shop.py"]
    (app.folder / "Shop.template.json").write_text(json.dumps(value))
    for arguments in ((), HERE):
        assert app.run("check", "--offline", *arguments).code == 1


# --- what cannot be read


@pytest.mark.parametrize(
    ("source", "why"),
    [
        pytest.param({"platform": "linux/arm64"}, "another platform than the task's, linux/amd64", id="platform"),
        pytest.param({"platform": "windows/amd64"}, "another platform than the task's", id="windows"),
        pytest.param({"executable": ["build"]}, "a program builds the image", id="program"),
        pytest.param({"directory": ""}, "a program builds the image", id="no-folder"),
        pytest.param({"dockerBuildTarget": "x"}, "no stage with the name", id="target"),
        pytest.param({"dockerBuildTarget": ["x"]}, "its asset manifest is not valid", id="not-valid"),
        pytest.param({"dockerBuildContexts": {"python:3.13": "."}}, "a build context replaces", id="context"),
        pytest.param({"dockerBuildArgs": {"BUILDKIT_SYNTAX": "x"}}, "another frontend than Docker's", id="frontend"),
        pytest.param({"dockerFile": "none"}, "it is not there", id="missing"),
        pytest.param({"dockerFile": "."}, "it is not there", id="folder"),
        pytest.param({"dockerFile": "a\0b"}, "outside of the CDK's output folder", id="null-character"),
        pytest.param({"dockerFile": "a" * 5000}, "it is", id="long-name"),
        pytest.param({"dockerFile": "../../outside"}, "outside of the CDK's output folder", id="outside"),
        pytest.param({"directory": "/"}, "outside of the CDK's output folder", id="root"),
        pytest.param({"dockerFile": "/etc/hostname"}, "outside of the CDK's output folder", id="absolute"),
        pytest.param({"directory": ".", "dockerFile": ".git/config"}, "it is hidden", id="hidden"),
        pytest.param({"dockerFile": "link"}, "outside of the CDK's output folder", id="link"),
        pytest.param({"directory": "linked"}, "outside of the CDK's output folder", id="linked-folder"),
        pytest.param({"dockerFile": "loop"}, "outside of the CDK's output folder", id="loop"),
        pytest.param({"dockerFile": "pipe"}, "not a readable file", id="pipe"),
        pytest.param({"dockerFile": "large"}, "larger than 1 MiB", id="large"),
        pytest.param({"dockerFile": "binary"}, "not in UTF-8", id="binary"),
        pytest.param({"dockerFile": "reference"}, "contains a dynamic reference", id="dynamic-reference"),
        pytest.param({"dockerFile": "argv"}, "exceed the limit of 64 KiB", id="long-argv"),
    ],
)
def test_what_is_not_read(app: App, source: dict[str, Any], why: str) -> None:
    app.write(**source)
    outside, asset = Path("outside"), app.folder / f"asset.{TAG}"
    outside.write_text(COMPLETE)
    (app.folder / ".git").mkdir()
    (app.folder / ".git/config").write_text(COMPLETE)
    (asset / "link").symlink_to(outside.resolve())
    (app.folder / "linked").symlink_to(Path.cwd())
    (asset / "loop").symlink_to("loop")
    os.mkfifo(asset / "pipe")
    (asset / "large").write_text(COMPLETE + "#" * (1 << 20))
    (asset / "binary").write_bytes(COMPLETE.encode() + b"# \xff\n")
    (asset / "reference").write_text('FROM scratch\nCMD ["{{resolve:secretsmanager:db}}"]\n')
    (asset / "argv").write_text(f'FROM scratch\nCMD ["{"x" * (64 << 10)}"]\n')
    found = app.why()
    assert why in found
    assert "does not tell what its image runs" in found
    assert "SI423" in found


@pytest.mark.parametrize(
    "manifest",
    [b"", b"[]", b"{", b'{"dockerImages": []}', b'{"dockerImages": {"a": {"source": {}, "destinations": {"b": null}}}}', b"[" * 100_000, b"\xff"],
    ids=["empty", "list", "not-json", "images-a-list", "no-destination", "deep", "not-text"],
)  # fmt: skip
def test_a_manifest_that_is_none(app: App, manifest: bytes) -> None:
    app.write()
    (app.folder / "Shop.assets.json").write_bytes(manifest)
    assert "SI423" not in app.why()


def test_a_manifest_that_is_a_link_is_not_read(app: App) -> None:
    app.write()
    manifest = app.folder / "Shop.assets.json"
    manifest.rename("elsewhere.json")
    manifest.symlink_to(Path("elsewhere.json").resolve())
    assert "SI423" not in app.why()


def test_manifests_are_read_up_to_a_limit(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.write()
    monkeypatch.setattr(cdk_assets, "_MAX_MANIFEST_BYTES", 100)
    assert "SI423" not in app.why()


def test_a_name_in_a_message_is_harmless(app: App) -> None:
    app.write(dockerFile="a\x1b[31m\n::error::b")
    assert "\x1b" not in app.run("explain", "--offline").out


def test_standard_input_has_no_manifest(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.write()
    monkeypatch.chdir(app.folder)
    content = Path("Shop.template.json").read_bytes()
    assert run(app.capsys, "explain", "-", *SET, "--offline", stdin=content).code == 1
