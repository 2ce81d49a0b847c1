"""Options of the call in a settings file: they count as on the command line, and a found file widens nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from cli.running import Ran, run
from sysdig_instrument.cli.file_options import FILE_OPTIONS

SETTINGS: Final = {"Collector": "us2", "AccessKeySecret": "none"}
SCHEMA: Final = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs" / "settings-file.schema.json").read_text())
)


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    folder = tmp_path / "repository" / "team"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)


def write(options: object, path: str = ".sysdig-instrument.yaml", **settings: object) -> None:
    Path(path).write_text(json.dumps({**SETTINGS, **settings, "Options": options}))


def template(image: object, **sections: Any) -> str:
    """Write a template with a container without an EntryPoint, and return its name."""
    fargate = {"RequiresCompatibilities": ["FARGATE"], "ExecutionRoleArn": "arn:aws:iam::111122223333:role/x"}
    properties = {**fargate, "ContainerDefinitions": [{"Name": "web", "Image": image}]}
    resources = {"Api": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}
    Path("app.json").write_text(json.dumps({**sections, "Resources": resources}))
    return "app.json"


def transform(capsys: pytest.CaptureFixture[str], *arguments: str) -> Ran:
    return run(capsys, "transform", "app.json", *arguments)


def entry_point(ran: Ran) -> Any:
    assert ran.code == 0, ran.err
    return ran.value["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]["EntryPoint"][1:]


IMAGE: Final = {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/${Name}:${Tag}"}
NAMES: Final = {
    "Name": {"Type": "String"},
    "Tag": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/web/tag"},
}
OPTIONS: Final = {
    "Region": "eu-west-1",
    "AccountId": "111122223333",
    "Parameters": {"Name": "web"},
    "Ssm": {"/web/tag": "7"},
    "Images": "images.json",
    "Offline": True,
}


def images(path: str = "images.json", *, tag: str = "7", entry: str = "/web") -> None:
    name = f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:{tag}"
    Path(path).write_text(json.dumps({name: {"Entrypoint": [entry]}}))


@pytest.mark.parametrize(
    "named", [[], ["--no-config", "--settings", ".sysdig-instrument.yaml"]], ids=["found", "named"]
)
def test_a_call_without_options(named: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    template(IMAGE, Parameters=NAMES)
    images()
    write(OPTIONS)
    assert entry_point(transform(capsys, *named)) == ["/web"]
    assert (
        transform(capsys, "--no-config", "--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline").code
        == 1
    )


def test_every_command_that_plans_has_them(capsys: pytest.CaptureFixture[str]) -> None:
    template(IMAGE, Parameters=NAMES, Transform="SysdigInstrument")
    images()
    write(OPTIONS)
    for command in ("explain", "diff", "check", "images", "settings"):
        ran = run(capsys, command, "app.json")
        assert ran.code == 0, ran


def test_each_folder_has_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        Path(name).mkdir()
        images(f"{name}/images.json", entry=f"/{name}")
        write(OPTIONS, f"{name}/.sysdig-instrument.yaml")
        template(IMAGE, Parameters=NAMES)
        Path("app.json").rename(f"{name}/app.json")
    ran = run(capsys, "diff", "a", "b")
    assert ran.code == 0
    assert '"/a"' in ran.out
    assert '"/b"' in ran.out


def test_the_command_line_wins(capsys: pytest.CaptureFixture[str]) -> None:
    template(IMAGE, Parameters=NAMES)
    images()
    images("others.json", tag="8", entry="/other")
    wrong = {**OPTIONS, "Region": "us-east-1", "AccountId": "999988887777", "Parameters": {"Name": "x"}}
    write({**wrong, "Ssm": {"/web/tag": "9"}})
    own = ["--region", "eu-west-1", "--account-id", "111122223333", "-p", "Name=web", "--ssm", "/web/tag=8"]
    assert entry_point(transform(capsys, *own, "--images", "others.json")) == ["/other"]


def test_files_of_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    template(IMAGE, Parameters=NAMES)
    images()
    Path("one.json").write_text('{"Name": "x"}')
    Path("two.json").write_text('[{"ParameterKey": "Name", "ParameterValue": "web"}]')
    write({**OPTIONS, "Parameters": ["one.json", "two.json"]})
    assert entry_point(transform(capsys)) == ["/web"]
    write({**OPTIONS, "Parameters": {"Name": {"a": "b"}}})
    assert "neither a string nor a list of strings" in transform(capsys).err


def test_offline_cannot_be_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    template("shop/web:1")
    write({"Offline": False})
    assert "--offline prevents the lookup" in transform(capsys, "--offline").err
    write({"Offline": True})
    assert "--offline prevents the lookup" in transform(capsys).err


# --- a found file widens nothing


@pytest.mark.parametrize("name", ["Docker", "FromMacro", "Profile", "profile", "from-macro", "NoConfig", "Settings"])
def test_what_only_the_caller_may_ask_for(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    template("shop/web:1")
    write({name: True})
    ran = transform(capsys)
    assert ran.code == 2
    assert "can only be given on the command line" in ran.err


@pytest.mark.parametrize("option", ["Images", "Parameters"])
@pytest.mark.parametrize(
    "path",
    [
        pytest.param("../images.json", id="above"),
        pytest.param("{root}/images.json", id="absolute"),
        pytest.param("link.json", id="link"),
        pytest.param("folder/images.json", id="link to a folder"),
        pytest.param(".git/x.json", id="hidden"),
    ],
)
def test_a_found_file_names_only_files_below_it(
    option: str, path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template("shop/web:1")
    outside = tmp_path / "repository"
    (outside / "images.json").write_text('{"password": {"Entrypoint": ["planted"]}}')
    Path("link.json").symlink_to(outside / "images.json")
    Path("folder").symlink_to(outside)
    Path(".git").mkdir()
    Path(".git/x.json").write_text("{}")
    write({option: [path.format(root=outside)], "Offline": True})
    ran = transform(capsys)
    assert ran.code == 2
    assert "names a hidden file or one outside of its folder" in ran.err
    ran = transform(capsys, "--no-config", "--settings", ".sysdig-instrument.yaml")
    assert "names a hidden file" not in ran.err  # the caller vouches for it


def test_the_callers_locks_bind_the_images_of_a_found_file(capsys: pytest.CaptureFixture[str]) -> None:
    template(IMAGE, Parameters=NAMES)
    images()
    write(OPTIONS)
    ran = transform(capsys, "--set", "LockedSettings=ImageConfigs")
    assert ran.code == 2
    assert '"ImageConfigs"' in ran.err
    assert "is locked by --set" in ran.err


# --- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "Options in .sysdig-instrument.yaml is not an object"),
        (
            {"Regoin": "eu-west-1"},
            'Unknown option "Regoin" in Options of .sysdig-instrument.yaml. Did you mean Region?',
        ),
        ({"account-id": "1"}, "Did you mean AccountId?"),
        ({"Xyzzy": 1}, "Use Region, AccountId, Parameters, Images, Ssm, Unknown, Offline."),
        ({"Collector": "us2"}, "It is a setting: write it beside Options"),
        ({"Region": "eu west"}, "Option Region in .sysdig-instrument.yaml has an invalid value"),
        ({"AccountId": 111122223333}, "Use twelve digits in quotes"),
        ({"Offline": "yes"}, "Use true or false"),
        ({"Ssm": {"/a": 1}}, "Use an object of names and strings"),
        ({"Ssm": ["/a=b"]}, "Use an object of names and strings"),
        ({"Images": {"a": 1}}, "Use a path, or a list of paths"),
        ({"Images": [1]}, "Use a path, or a list of paths"),
        ({"Parameters": 1}, "Use a path, or a list of paths"),
    ],
    ids=[
        *("list", "misspelt", "as an option", "unlike any", "setting", "region", "account", "offline"),
        *("ssm number", "ssm list", "images object", "images number", "parameters number"),
    ],
)
def test_mistakes(options: object, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    template("shop/web:1")
    write(options)
    ran = transform(capsys, "--offline")
    assert ran.code == 2
    assert message in " ".join(ran.err.split())
    assert not SCHEMA.is_valid({**SETTINGS, "Options": options})


@pytest.mark.parametrize("name", ["region", "images", "Region", "account-id", "offline"])
def test_an_option_beside_options(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    template("shop/web:1")
    write({}, **{name: "x"})
    ran = transform(capsys, "--offline")
    assert ran.code == 2
    assert "is not a setting but an option. Write it under Options, as " in ran.err


def test_no_value_and_an_empty_one_count_as_not_set(capsys: pytest.CaptureFixture[str]) -> None:
    template("shop/web:1")
    empty: list[dict[str, Any] | None] = [None, {}, {"Region": "", "Images": None, "Parameters": {}}]
    for options in empty:
        write(options)
        assert transform(capsys, "--offline").code == 1


def test_coverage_ignores_them(capsys: pytest.CaptureFixture[str]) -> None:
    write(OPTIONS)
    assert "Unknown setting" not in run(capsys, "coverage").err


# --- the schema


def test_the_schema_accepts_what_the_tool_accepts() -> None:
    SCHEMA.validate({**SETTINGS, "LockedSettings": "*", "Options": OPTIONS})
    SCHEMA.validate({**SETTINGS, "Options": {"Parameters": ["a.json"], "Images": ["a.json", "b.json"]}})
    SCHEMA.validate({"Options": None})
    assert not SCHEMA.is_valid({"Colector": "us2"})
    assert not SCHEMA.is_valid({"Collector": {"Ref": "Collector"}})
    assert not SCHEMA.is_valid({"ImageConfig": {"Cmd": ["x"]}})
    assert set(SCHEMA.schema["properties"]["Options"]["properties"]) == set(FILE_OPTIONS)
