"""`make release`: the same bytes each time, nothing of the machine that made them, and a tool that runs from one file."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, Final, cast

import pytest

import release
import release_archives
import release_provenance
import release_templates
from fixtures_embedded_aws import skip_or_fail
from sysdig_instrument import __version__
from sysdig_instrument.documents import load, read

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE_DATE: Final = "1764370000"
ENVIRONMENT: Final = {**os.environ, "SOURCE_DATE_EPOCH": SOURCE_DATE, "PYTHONDONTWRITEBYTECODE": "1"}
TEMPLATE: Final = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)
EXAMPLES: Final = ROOT / "docs" / "examples"


def parsed(text: str) -> Any:
    return read(text.encode(), "template.yaml").value


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


MANY: Final = {"Fn::Sub": "${FunctionBucket}-${AWS::Region}"}
FUNCTIONS = ("MacroFunction", "HookFunction", "WatchFunction")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the packages for pip."""
    folder = tmp_path_factory.mktemp("packages")
    release_archives.build_packages(folder, ENVIRONMENT)
    return folder


def test_the_packages_are_reproducible(packages: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        release_archives.build_packages(tmp_path, ENVIRONMENT)
    finally:
        os.umask(before)
    assert contents(tmp_path) == contents(packages)
    assert sorted(contents(packages)) == [
        f"sysdig_instrument-{__version__}-py3-none-any.whl",
        f"sysdig_instrument-{__version__}.tar.gz",
    ]


def test_a_zip_depends_on_names_and_contents_only(tmp_path: Path) -> None:
    archives = []
    for number, names in enumerate((("a.py", "b/c.py"), ("b/c.py", "a.py"))):
        folder = tmp_path / str(number)
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            path.chmod(0o600 + number * 0o044)
            os.utime(path, (number, number))
        archives.append(tmp_path / f"{number}.zip")
        release_archives.write_zip(archives[-1], folder, int(SOURCE_DATE))
    assert archives[0].read_bytes() == archives[1].read_bytes()
    with zipfile.ZipFile(archives[0]) as archive:
        assert archive.namelist() == ["a.py", "b/c.py"]
        assert {each.external_attr >> 16 for each in archive.infolist()} == {0o100644}


@pytest.fixture(scope="module")
def tool(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the tool as one file."""
    if not release_archives.SHIV.exists():
        skip_or_fail("`make release` has not been run")
    folder = tmp_path_factory.mktemp("tool")
    (wheel,) = packages.glob("*.whl")
    target = folder / "sysdig-instrument.pyz"
    release_archives.build_zipapp(target, wheel, folder, ENVIRONMENT)
    return target


def run_tool(tool: Path, *arguments: str, python: str = sys.executable) -> subprocess.CompletedProcess[bytes]:
    """Run the one file with nothing but Python's own library."""
    alone = {"HOME": str(tool.parent), "PATH": "/usr/bin:/bin"}
    return subprocess.run([python, "-I", tool, *arguments], cwd=EXAMPLES, env=alone, capture_output=True, check=False)


def test_the_one_file_gives_the_same_result_as_the_package(tool: Path) -> None:
    assert run_tool(tool, "--version").stdout.decode() == f"sysdig-instrument {__version__}\n"
    settings = ("--set", "Collector=us2", "--set", "AccessKeySecret=none")
    arguments = ("transform", "app.yaml", "--offline", "--images", "images.json", *settings)
    done = run_tool(tool, *arguments)
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "sysdig_instrument", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    expected = subprocess.run(command, cwd=EXAMPLES, env=environment, capture_output=True, check=True).stdout
    assert done.stdout == expected


def test_the_one_file_has_no_compiled_code_and_no_path_of_this_machine(tool: Path) -> None:
    with zipfile.ZipFile(tool) as archive:
        names = archive.namelist()
        assert "site-packages/shiv.LICENSE" in names
        assert not [name for name in names if name.endswith((".so", ".pyd", ".pyc", "RECORD", "direct_url.json"))]
        text = b"".join(archive.read(name) for name in names)
    assert str(ROOT).encode() not in text
    assert str(tool.parent).encode() not in text


def test_an_older_python_is_told_what_it_needs() -> None:
    script = release_archives.PREAMBLE.replace("sys.version_info", "(3, 9, 18)")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "sysdig-instrument needs Python 3.11 or later; this is Python 3.9.\n")


def test_the_one_file_knows_every_service_that_the_tool_calls() -> None:
    called = set[object]()
    for path in (ROOT / "src").rglob("*.py"):
        if path.parent.name == "function" or path.name == "security_hub.py":
            continue  # the functions have the runtime's botocore
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "client":
                called.update(each.value for each in node.args[:1] if isinstance(each, ast.Constant))
    assert {"ecr", "ecs", "ssm"} <= called
    assert called <= set(release_archives.AWS_SERVICES)


@pytest.mark.parametrize(
    ("name", "bucket"),
    [
        (release_templates.ONE_REGION, {"Ref": "FunctionBucket"}),
        (release_templates.MANY_REGIONS, MANY),
    ],
)
def test_a_template_differs_from_template_yaml_in_the_place_of_the_code_only(name: str, bucket: object) -> None:
    text = release_templates.templates()[name]
    made: Any = parsed(text)
    required = [key for key, value in made["Parameters"].items() if "Default" not in value]
    assert required == ["FunctionBucket", "Collector", "AccessKeySecret"]
    for function in FUNCTIONS:
        code = made["Resources"][function]["Properties"].pop("Code")
        assert code == {"S3Bucket": bucket, "S3Key": f"sysdig-instrument/{__version__}/function.zip"}
    expected = json.loads(json.dumps(TEMPLATE))
    for function in FUNCTIONS:
        del expected["Resources"][function]["Properties"]["Code"]
        del expected["Resources"][function]["Metadata"]
    del made["Parameters"]["FunctionBucket"]
    del expected["Metadata"]["AWS::ServerlessRepo::Application"]
    groups = made["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert groups.pop(0)["Parameters"] == ["FunctionBucket"]
    assert made == expected
    assert "Transform:" not in re.sub(r'".*"|`.*`', "", text).replace("  Transform:", "")


def test_a_release_for_a_known_bucket_asks_for_two_parameters() -> None:
    made: Any = parsed(release_templates.templates("acme-macros")[release_templates.ONE_REGION])
    assert made["Parameters"]["FunctionBucket"]["Default"] == "acme-macros"


@pytest.mark.parametrize("name", release_templates.BESIDE_THE_MACRO)
def test_a_template_beside_the_macro_differs_in_the_place_of_the_code_only(name: str) -> None:
    texts = release_templates.templates("acme-macros")
    for suffix, bucket in ((".yaml", {"Ref": "FunctionBucket"}), ("-regions.yaml", MANY)):
        made: Any = parsed(texts[name.replace(".yaml", suffix)])
        expected: Any = load(str(ROOT / "templates" / name)).value
        code = made["Resources"]["Function"]["Properties"].pop("Code")
        assert code == {"S3Bucket": bucket, "S3Key": f"{release_templates.PREFIX}/function.zip"}
        del expected["Resources"]["Function"]["Properties"]["Code"]
        del expected["Parameters"]["FunctionKey"], expected["Parameters"]["FunctionBucket"]
        assert made["Parameters"].pop("FunctionBucket")["Default"] == "acme-macros"
        assert made == expected
        assert [key for key, value in made["Parameters"].items() if "Default" not in value] == []


def test_every_template_of_the_release_is_valid_alone_and_has_its_code_in_the_bucket(tmp_path: Path) -> None:
    """A folder with the files of the release and nothing else, which the bucket has under the prefix."""
    for name, text in release_templates.templates().items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "function.zip").touch()
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *tmp_path.glob("*.yaml")],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    keys = set(re.findall(r"S3Key: (\S+?)\}", "".join(path.read_text() for path in tmp_path.glob("*.yaml"))))
    assert keys == {f"{release_templates.PREFIX}/function.zip"}
    for each in re.findall(rf"{release_templates.PREFIX}/([\w.-]+)", (tmp_path / "stack-set.yaml").read_text()):
        assert (tmp_path / each).exists(), each


def test_the_stack_set_gives_the_macro_what_it_requires() -> None:
    texts = release_templates.templates()
    stack_set: Any = parsed(texts[release_templates.STACK_SET])["Resources"]["StackSet"]["Properties"]
    macro: Any = parsed(texts[release_templates.MANY_REGIONS])
    given = {each["ParameterKey"] for each in stack_set["Parameters"]}
    assert given == {name for name, each in macro["Parameters"].items() if "Default" not in each}
    assert stack_set["TemplateURL"]["Fn::Sub"].endswith(f"/{release_templates.PREFIX}/{release_templates.MANY_REGIONS}")
    assert stack_set["PermissionModel"] == "SERVICE_MANAGED"
    assert "@" not in texts[release_templates.STACK_SET]


def test_the_execution_role_has_the_name_that_stack_sets_require_and_calls_the_macro_only() -> None:
    role: Any = parsed(release_templates.templates()[release_templates.EXECUTION_ROLE])["Resources"]["Role"]
    assert role["Properties"]["RoleName"].startswith("stacksets-exec-custom-")
    statements = [each for policy in role["Properties"]["Policies"] for each in policy["PolicyDocument"]["Statement"]]
    (invoking,) = [each for each in statements if each["Action"] == "lambda:InvokeFunction"]
    assert all("sysdig-instrument-*" in arn["Fn::Sub"] for arn in invoking["Resource"])
    open_to_all = [each["Action"] for each in statements if each["Resource"] == "*"]
    assert open_to_all == [["cloudformation:GetTemplateSummary", "cloudformation:ValidateTemplate"]]


def test_the_statement_names_every_file_and_where_it_was_made(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}")
    release_provenance.write(tmp_path, SOURCE_DATE)
    text = (tmp_path / release_provenance.PROVENANCE).read_text()
    statement = json.loads(text)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    (subject,) = statement["subject"]
    digest = hashlib.sha256(b"Resources: {}").hexdigest()
    assert subject == {"name": "template.yaml", "digest": {"sha256": digest}}
    definition = statement["predicate"]["buildDefinition"]
    assert definition["internalParameters"]["signed"] is False
    assert definition["externalParameters"] == {"version": __version__, "SOURCE_DATE_EPOCH": SOURCE_DATE}
    assert str(ROOT) not in text
    assert f"{digest}  template.yaml\n" in (tmp_path / release_provenance.CHECKSUMS).read_text()


@pytest.mark.parametrize(("variables", "builder"), [({}, "local"), ({"GITHUB_ACTIONS": "true"}, "release.yml")])
def test_only_the_workflow_names_itself_as_the_builder(tmp_path: Path, variables: dict[str, str], builder: str) -> None:
    statement = release_provenance.statement(tmp_path, SOURCE_DATE, variables)
    assert statement["predicate"]["runDetails"]["builder"]["id"].endswith(builder)


def test_the_date_is_the_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setattr(release_archives, "git", lambda *_: "1764370000")
    assert release_archives.source_date() == "1764370000"
    monkeypatch.setattr(release_archives, "git", lambda *_: "")
    assert release_archives.source_date() == str(release_archives.FIRST_ZIP_TIME)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    assert release_archives.source_date() == "1"


def test_the_project_has_one_address() -> None:
    """Examples have the reader's own copy of the repository, which is a placeholder in them for good.

    The JSON Schemas are generated, and a test compares the CDK package with pyproject.toml.
    """
    address = release_provenance.repository().encode()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.decode()
    names = [name for name in listed.split("\0") if (ROOT / name).is_file() and address in (ROOT / name).read_bytes()]
    with_copies = ("docs/integrations.md", "examples/", "tests/uses/")
    generated = ("cdk/package.json", *(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.json")))
    others = [name for name in names if not name.startswith(with_copies) and name not in generated]
    assert not listed or others == ["pyproject.toml"]


def test_everything_is_made_into_one_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The archives and bills have tests of their own."""
    monkeypatch.setattr(release_archives, "build_packages", lambda folder, _: folder / "tool.whl")
    monkeypatch.setattr(release_archives, "build_zipapp", lambda target, *_: target.write_text(""))
    monkeypatch.setattr(release_archives, "build_function", lambda target, *_: target.write_text(""))
    monkeypatch.setattr(release_archives, "run", lambda *_: None)  # the bills
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "older.whl").touch()
    assert release.main(["--folder", str(folder)]) == 0
    assert set(contents(folder)) == {
        *("sysdig-instrument.pyz", "function.zip", "template.yaml", "template-regions.yaml", "stack-set.yaml"),
        *(
            "coverage-role.yaml",
            "coverage.yaml",
            "coverage-regions.yaml",
            "deployment-hook.yaml",
            "deployment-hook-regions.yaml",
        ),
        *(
            "stack-set-execution-role.yaml",
            "conformance-pack.yaml",
            "service-control-policy.yaml",
            "provenance.json",
            "SHA256SUMS",
        ),
    }
    shutil.rmtree(folder)
