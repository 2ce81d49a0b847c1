"""Every command in the documentation runs as printed, here or in a test named here, and its options exist."""

from __future__ import annotations

import functools
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from jsonschema import Draft202012Validator

from cli.running import ROOT
from fixtures_documentation import (
    PAGES,
    PAGES_ON_AWS,
    PAGES_ON_MOTO,
    PAGES_WITHOUT_A_FAKE,
    PROGRAM,
    RUNBOOKS,
    command_blocks,
    create_folder,
    run_block,
    run_shell,
    tool_commands,
)
from fixtures_embedded_aws import TOOLS, require_tools
from sysdig_instrument.cli import main
from sysdig_instrument.documents import load

TESTED_ELSEWHERE = {"cli.md": "tests/cli/test_docs.py", "tutorial.md": "tests/docs/test_tutorial.py"}
"""Pages whose blocks build on one another, and the test of each."""

PAGES_OF_FILES = {"integrations.md"}
"""Pages that print files of `examples/`, which tests/uses runs."""

MAKE_BLOCK = "make demo   # "
"""The beginning of the one block that no test runs, because a test cannot run all tests. CI runs the same commands."""

CONTINUED = re.compile(r"\\\n\s*")
INLINE = re.compile(rf"`((?:{PROGRAM}|aws|sam|make) [^`]+)`")
DATA = re.compile(r"```(?P<syntax>yaml|json)\n(?P<text>.*?)```", re.DOTALL)
GLOBAL_AWS_OPTIONS = {"--query", "--output", "--region", "--profile"}
DEPLOY_OPTIONS = {
    "--template-file",
    "--stack-name",
    "--parameter-overrides",
    "--capabilities",
    "--no-execute-changeset",
}
"""Options of `aws cloudformation deploy`, from its reference."""
OPTIONS_OF_THE_CLI = {
    ("cloudformation", "deploy"): DEPLOY_OPTIONS,
    ("cloudformation", "package"): set[str](),
    ("s3", "cp"): {"--recursive"},
    ("s3", "sync"): set[str](),
}
"""Options of commands that only the AWS CLI has: no service model has them."""
NAMES_OF_SERVICES = {"configservice": "config"}
"""Services that have another name in the AWS CLI than in botocore."""

SCHEMA = json.loads((ROOT / "docs" / "metadata.schema.json").read_text())

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@each_page
def test_every_code_block_runs_or_says_why_not(page: Path, tmp_path: Path) -> None:
    if page.name in {*TESTED_ELSEWHERE, *PAGES_OF_FILES}:
        pytest.skip("another test runs this page")
    here = create_folder(tmp_path)
    (here / "containers.json").write_text('[{"name": "web", "image": "shop/web:1.4", "entryPoint": ["gunicorn"]}]')
    for text in command_blocks(page):
        if tool_commands(text):
            list(run_block(text, here))
        else:
            assert page in (*PAGES_ON_AWS, *PAGES_ON_MOTO, *PAGES_WITHOUT_A_FAKE, *RUNBOOKS), text


def test_the_first_commands_of_the_readme_run_in_an_empty_folder(tmp_path: Path) -> None:
    """Before them, the README installs the tool with the command that the tutorial's test runs."""
    installing, trying, *_ = command_blocks(ROOT / "README.md")
    assert installing in (ROOT / "docs" / "tutorial.md").read_text()
    here = create_folder(tmp_path)
    for path in here.iterdir():
        path.unlink()
    done = run_shell(f"set -e\n{trying}", here)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in here.iterdir()} == {"service.yaml", ".sysdig-instrument.yaml"}
    assert '+          EntryPoint: [/opt/draios/bin/instrument, gunicorn, "shop:app"]\n' in done.stdout
    assert done.stdout.endswith("  Task  protected\n")


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    (block,) = (text for page in PAGES for text in command_blocks(page) if text.startswith(MAKE_BLOCK))
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"(?m)^pr: (.*) ##", makefile)
    assert targets
    assert set(re.findall(r"(?m)^make (\w+)", block)) == {"demo", "test"} <= set(re.findall(r"\w+", targets[1]))
    assert (ROOT / ".ci" / "run").read_text().endswith("exec make pr\n")


def test_there_is_a_test_for_each_page() -> None:
    assert all(
        name in {page.name for page in PAGES} and (ROOT / test).exists() for name, test in TESTED_ELSEWHERE.items()
    )


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the arguments of each command of a page, in code blocks and in sentences."""
    text = page.read_text("utf-8")
    lines = [line for block in command_blocks(page) for line in CONTINUED.sub(" ", block).splitlines()]
    for line in [*lines, *(found[1] for found in INLINE.finditer(re.sub(r"```.*?```", "", text, flags=re.DOTALL)))]:
        for part in re.split(r"\||&&|;| > | < |\$\(", line):
            words = split_words(part.strip().rstrip(")"))
            while words and re.fullmatch(r"\{|do|[A-Z]+=\S*", words[0]):
                words = words[1:]
            if words and words[0] in {PROGRAM, "aws", "sam", "make"}:
                yield words


def split_words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # part of a quoted string with a | in it, and so not one of these commands
        return text.split()


@each_page
def test_every_option_is_documented(page: Path) -> None:
    for words in commands(page):
        options = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
        assert options <= known_options(tuple(words)), words


def known_options(words: tuple[str, ...]) -> set[str]:
    """Return the options that a command has."""
    program, *rest = words
    names = [word for word in rest if not word.startswith("-")]
    if program == "make":
        targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
        assert {name for name in names if "=" not in name} <= targets, words
        return set()
    if program == "aws" and len(names) == 1:  # a sentence about a service
        return GLOBAL_AWS_OPTIONS
    if program == "aws":
        return {*GLOBAL_AWS_OPTIONS, *aws_options(names[0], names[1], names[2] if len(names) > 2 else "")}
    if program == "sam":
        return sam_options(names[0])
    return tool_options(names[0] if names else "")


def tool_options(command: str) -> set[str]:
    parser = main.build_parser()
    (commands,) = (action for action in parser._actions if action.dest == "command")
    choices: Any = commands.choices
    assert command in {*choices, "", "COMMAND"}, command
    return set(choices.get(command, parser).with_options()._option_string_actions)


@functools.cache
def aws_options(service: str, operation: str, waiter: str) -> set[str]:
    if (service, operation) in OPTIONS_OF_THE_CLI:
        return OPTIONS_OF_THE_CLI[service, operation]
    client = botocore.session.Session().create_client(
        NAMES_OF_SERVICES.get(service, service), "us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing"  # noqa: S106 - a made-up password
    )  # fmt: skip
    method = operation.replace("-", "_")
    if operation == "wait":
        method = {"stack-delete-complete": "describe_stacks"}[waiter]
        assert waiter.replace("-", "_") in client.waiter_names
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    shape = model.input_shape
    flags = {f"--{botocore.xform_name(name, '-')}" for name in (shape.members if shape else ())}
    return {*flags, *(f"--no-{flag[2:]}" for flag in flags), "--cli-input-json"}


@functools.cache
def sam_options(command: str) -> set[str]:
    require_tools()
    shown = subprocess.run(
        [TOOLS / "sam" / "bin" / "sam", command, "--help"], capture_output=True, text=True, check=True,
        env={"SAM_CLI_TELEMETRY": "0", "HOME": "/nonexistent", "COLUMNS": "200", "LC_ALL": "C.UTF-8"},
    ).stdout  # fmt: skip
    return set(re.findall(r"--[a-z0-9-]+", shown))


def test_every_option_of_the_tool_is_used() -> None:
    """It is used in an example that a test runs, or in a test."""
    used = "\n".join([text for page in PAGES for text in command_blocks(page) if tool_commands(text)])
    for folder in ("cli", "coverage_report", "services", "stacks", "uninstrument"):
        used += "".join(path.read_text("utf-8") for path in (ROOT / "tests" / folder).glob("*.py"))
    for command in main.build_parser()._actions[-1].choices or ():
        for option in tool_options(str(command)) - {"-h"}:
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", used), option


@each_page
def test_data_blocks_parse_and_name_existing_settings(page: Path, tmp_path: Path) -> None:
    for found in DATA.finditer(page.read_text("utf-8")):
        file = tmp_path / f"block.{found['syntax']}"
        file.write_text(found["text"])
        value = load(str(file)).value
        for settings, is_template in metadata(value):
            schema = {**SCHEMA, "$ref": "#/$defs/template"} if is_template else SCHEMA
            Draft202012Validator(schema).validate(settings)


def metadata(value: Any, *, is_template: bool = True) -> Iterator[tuple[Any, bool]]:
    """Yield each value of Metadata.SysdigInstrument in a block, and whether it is in the Metadata of the template."""
    if isinstance(value, dict):
        if isinstance(own := value.get("Metadata"), dict) and "SysdigInstrument" in own:
            yield own["SysdigInstrument"], is_template and "Type" not in value
        for each in value.values():
            yield from metadata(each, is_template=False)


def test_the_settings_file_on_the_page_matches_the_example() -> None:
    """docs/cli.md prints the settings file that its examples use."""
    shown = re.search(r"```yaml\n(Collector: .*?)```", (ROOT / "docs" / "cli.md").read_text(), re.DOTALL)
    assert shown
    assert yaml.safe_load(shown[1]) == yaml.safe_load((ROOT / "docs" / "examples" / "settings.yaml").read_text())
