"""The GitHub Action, the GitLab job, the pre-commit check hook and the shell script: the tests run the scripts that users get."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

import licences
from cli.test_line import TASK, TEMPLATES
from fixtures_embedded_aws import ROOT, skip_or_fail
from uses.conftest import USES, Shell

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS: dict[str, dict[str, Any]] = {
    each["id"]: each for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
}
SET = "--set Collector=us2 --set AccessKeySecret=none"


@pytest.fixture
def act(here: Path, shell: Shell) -> Any:
    """Return a function that runs the last step of the action with inputs."""
    (here / "runner/sysdig-instrument/bin").mkdir(parents=True)
    (here / "runner/sysdig-instrument/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (here / "runner/sysdig-instrument/bin/python").chmod(0o755)
    list_macro(here)
    return action_runner(here, shell, ROOT)


def list_macro(here: Path) -> None:
    """Let the template list the macro."""
    template = here / "templates/web.yaml"
    template.write_text(f"Transform: SysdigInstrument\n{template.read_text()}")


def action_runner(here: Path, shell: Shell, action: Path) -> Any:
    """Return a function that runs the last step of the action in a folder with inputs."""
    step = ACTION["runs"]["steps"][-1]

    def run(**inputs: str) -> Any:
        given = {f"inputs.{name}": str(each.get("default", "")) for name, each in ACTION["inputs"].items()}
        given |= {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": str(action)}
        variables = {name: given[text.strip("${ }")] for name, text in step["env"].items()}
        summary = str(here / "summary.md")
        files = {"GITHUB_STEP_SUMMARY": summary, "GITHUB_OUTPUT": str(here / "outputs")}
        return shell(step["run"], RUNNER_TEMP=str(here / "runner"), **files, **variables)

    return run


def test_the_action_annotates_and_summarises(act: Any, here: Path) -> None:
    done = act(files="templates", arguments=f"{SET}\n--offline")
    assert done.returncode == 0, done.stderr
    assert "::notice file=templates/web.yaml,line=6,col=3," in done.stdout
    assert "instrumented" in (here / "summary.md").read_text()


def test_the_action_fails_where_the_macro_would_refuse(act: Any, here: Path) -> None:
    shutil.copy(ROOT / "docs/examples/app.yaml", here / "templates")  # the image of its worker must be looked up
    done = act(files="templates", arguments=f"{SET} --offline")
    assert done.returncode == 1
    assert "::error file=templates/app.yaml,line=" in done.stdout


def test_the_action_only_warns_of_what_is_unknown_if_that_is_asked_for(act: Any, here: Path) -> None:
    (here / "templates/web.yaml").unlink()
    (here / "templates/a.yaml").write_text(f"Transform: SysdigInstrument\n{TASK}".replace("EntryPoint: [nginx]", ""))
    for command in ("explain", "check", "diff"):
        codes = [
            act(files="templates", command=command, arguments=f"{SET} --offline", unknown=level).returncode
            for level in ("fail", "warn")
        ]
        assert codes == [1, 0]
    assert "✅" not in (here / "summary.md").read_text()


@pytest.mark.parametrize(("command", "code"), [("diff", 0), ("check", 0)])
def test_the_action_runs_the_other_commands(act: Any, command: str, code: int) -> None:
    done = act(files="templates", command=command, arguments=f"{SET} --offline", summary="false")
    assert done.returncode == code, done.stderr
    assert bool(done.stdout) is (command == "diff")  # there is nothing to annotate


@pytest.mark.parametrize("command", ["explain", "diff", "check"])
def test_the_action_fails_where_the_line_is_missing(act: Any, here: Path, command: str) -> None:
    (here / "templates/web.yaml").unlink()
    for name, (line, _, _) in TEMPLATES.items():
        (here / f"{name}.yaml").write_text(line + TASK)
        done = act(files=f"{name}.yaml", command=command, arguments=f"{SET} --offline", summary="false")
        assert done.returncode == (0 if name in ("listed", "early") else 1), done.stderr
        report, status = (here / "runner/sysdig-instrument.md").read_text(), TEMPLATES[name][1]
        if command == "diff":
            assert ("would be instrumented" in report) is (done.returncode == 1)
            assert ("(SI234)" in report) is (name == "early")
        else:
            assert f"The template {status}." in report
            assert ("✅" in report) is (done.returncode == 0)


def test_the_action_transforms_without_the_line_and_tells(act: Any, here: Path) -> None:
    """What it makes has the agent and needs no macro."""
    for name, (line, _, _) in TEMPLATES.items():
        (here / f"{name}.yaml").write_text(line + TASK)
        done = act(
            files=f"{name}.yaml", command="transform", arguments=f"{SET} --offline", output="made.yaml", summary="false"
        )
        assert done.returncode == 0, done.stderr
        assert "SysdigInstrumentation" in (here / "made.yaml").read_text()
        assert ("This command does not need it" in done.stderr) is (name not in ("listed", "early"))


def test_the_action_only_tells_if_that_is_asked_for(act: Any, here: Path) -> None:
    (here / "a.yaml").write_text(TASK)
    done = act(files="a.yaml", arguments=f"{SET} --offline --line warn")
    assert done.returncode == 0, done.stderr
    assert "::warning file=a.yaml,line=1,col=1,title=The template does not list the macro::" in done.stdout
    assert "would be instrumented" in (here / "summary.md").read_text()
    assert "✅" not in (here / "summary.md").read_text()


def test_a_settings_file_counts_in_the_action_only_if_it_is_named(act: Any, here: Path) -> None:
    (here / ".sysdig-instrument.yaml").write_text("Enabled: false\n")
    done = act(files="templates", command="diff", arguments=f"{SET} --offline")
    assert "Enabled is false" not in done.stdout
    assert done.returncode == 0, done.stderr
    named = act(files="templates", command="diff", settings=".sysdig-instrument.yaml", arguments=f"{SET} --offline")
    assert "Enabled is false" in named.stdout


RENDERED = {
    "family": "shop",
    "requiresCompatibilities": ["FARGATE"],
    "networkMode": "awsvpc",
    "cpu": "512",
    "memory": "1024",
    "executionRoleArn": "arn:aws:iam::111122223333:role/execution",
    "containerDefinitions": [{"name": "web", "image": "web:1", "entryPoint": ["/web"]}],
}


def outputs(here: Path) -> dict[str, str]:
    """Return the outputs of the action's last run."""
    lines = [line.split("=", 1) for line in (here / "outputs").read_text().splitlines()]
    return dict(lines)


@pytest.mark.parametrize("command", ["explain", "check", "diff", "transform"])
def test_the_action_has_a_summary_and_outputs_for_each_command(act: Any, here: Path, command: str) -> None:
    done = act(files="templates/web.yaml", command=command, arguments=f"{SET} --offline")
    assert done.returncode == 0, done.stderr
    found = outputs(here)
    assert found["result"] == "passed"
    report = Path(found["report"]).read_text()
    assert report == (here / "summary.md").read_text()
    assert "Web" in report
    assert ("task-definition" in found) is (command == "transform")
    if command == "diff":
        assert "\n```diff\n" in report
        assert "/opt/draios/bin/instrument" in report


def test_the_summary_of_a_diff_says_what_is_refused(act: Any, here: Path) -> None:
    shutil.copy(ROOT / "docs/examples/app.yaml", here / "templates")
    assert act(files="templates/app.yaml", command="diff", arguments=f"{SET} --offline").returncode == 1
    assert "worker" in (here / "summary.md").read_text()


def test_the_outputs_say_what_failed(act: Any, here: Path) -> None:
    shutil.copy(ROOT / "docs/examples/app.yaml", here / "templates")
    assert act(files="templates/app.yaml", arguments=f"{SET} --offline").returncode == 1
    assert outputs(here)["result"] == "failed"
    assert act(files="no-such-file.yaml", arguments=f"{SET} --offline").returncode == 2
    assert outputs(here)["result"] == "unusable"


def test_the_action_transforms_between_render_and_deploy(act: Any, here: Path) -> None:
    """The file that amazon-ecs-render-task-definition writes has no suffix."""
    rendered = here / "runner/task-definition--1-a b"
    rendered.write_text(json.dumps(RENDERED))
    done = act(files=f'"{rendered}"', command="transform", arguments=f"{SET} --offline")
    assert done.returncode == 0, done.stderr
    path = Path(outputs(here)["task-definition"])
    assert path.parent == here / "runner"
    made = json.loads(path.read_text())
    assert made["pidMode"] == "task"
    assert made["containerDefinitions"][0]["entryPoint"] == ["/opt/draios/bin/instrument", "/web"]
    assert (
        act(files=f'"{rendered}"', command="transform", arguments=f"{SET} --offline", output="made.json").returncode
        == 0
    )
    assert json.loads((here / "made.json").read_text()) == made


def test_a_refused_task_definition_has_no_output(act: Any, here: Path) -> None:
    (here / "task.json").write_text(json.dumps({"requiresCompatibilities": ["FARGATE"], "containerDefinitions": 5}))
    done = act(files="task.json", command="transform", arguments=f"{SET} --offline")
    assert done.returncode == 1
    assert "containerDefinitions" in done.stderr
    assert "task-definition" not in outputs(here)


def test_quoted_arguments_and_files_are_one_word(act: Any, here: Path) -> None:
    (here / "my templates").mkdir()
    (here / "templates/web.yaml").rename(here / "my templates/web.yaml")
    help_text = "Questions: #platform-security"
    done = act(files="'my templates'", arguments=f'{SET} --offline\n--set "HelpText={help_text}"')
    assert done.returncode == 0, done.stderr
    (here / "my templates/web.yaml").write_text("Resources: {T: {Type: AWS::ECS::TaskDefinition, Properties: 5}}")
    done = act(files="'my templates'", arguments=f'{SET} --offline --set "HelpText={help_text}"')
    assert done.returncode == 1
    assert help_text in done.stdout + done.stderr


def test_a_quote_that_is_not_closed_is_told(act: Any) -> None:
    done = act(files="templates", arguments=f'{SET} "--offline')
    assert done.returncode == 2
    assert (
        "The input arguments cannot be split into words: no closing quotation. Close the quote. (SI719)" in done.stderr
    )


def test_the_report_fits_into_a_comment(act: Any, here: Path) -> None:
    containers = [{"name": f"c{n}", "image": "web:1", "entryPoint": ["`" * 9 + "x" * 9000]} for n in range(5)]
    task = {**RENDERED, "containerDefinitions": containers}
    for name in ("a.json", "b.json"):
        (here / name).write_text(json.dumps(task, indent=1))
    act(files="a.json b.json", command="diff", arguments=f"{SET} --offline")
    report = Path(outputs(here)["report"]).read_text()
    assert 60_000 < len(report) < 65_536
    fence = "`" * 10
    assert report.count(f"\n{fence}") == 2  # what the file contains does not end the block
    assert "too long" in report


@pytest.mark.parametrize("name", ["files", "arguments", "command", "settings", "output"])
def test_no_input_of_the_action_becomes_a_command(act: Any, here: Path, name: str) -> None:
    act(**{"files": "templates", "arguments": SET, name: "$(touch hacked) `touch hacked`; touch hacked"})
    assert not (here / "hacked").exists()
    assert all("${{" not in step.get("run", "") for step in ACTION["runs"]["steps"])


def wheel_of(name: str, folder: Path) -> Path:
    """Pack an installed package into a wheel. The tests run with the locked versions."""
    installed = distribution(name)
    path = folder / f"{name.replace('-', '_')}-{installed.version}-py3-none-any.whl"
    with ZipFile(path, "w") as wheel:
        for file in installed.files or ():
            if ".." not in file.parts and file.suffix != ".pyc" and file.name != "RECORD":
                wheel.write(str(file.locate()), str(file))
        record = next(file for file in installed.files or () if file.name == "RECORD")
        wheel.writestr(str(record), "".join(f"{each},,\n" for each in wheel.namelist()))
    return path


@pytest.fixture
def locked_action(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a copy of the action, and a package index that has the packages of its lock file and nothing else."""
    action, index = tmp_path_factory.mktemp("action"), tmp_path_factory.mktemp("index")
    for name in ("src", "action"):
        shutil.copytree(ROOT / name, action / name, ignore=shutil.ignore_patterns("__pycache__"))
    (action / "requirements").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, action)
    locked = [(name, wheel_of(name, index)) for name, _ in licences.requirements(ROOT / "requirements/cli.txt")]
    lines = [f"{name}=={distribution(name).version} --hash=sha256:{digest(wheel)}\n" for name, wheel in locked]
    (action / "requirements/cli.txt").write_text("".join(lines))
    return action, index


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def install(here: Path, shell: Shell, locked_action: tuple[Path, Path]) -> Any:
    """Return a function that runs the step of the action that installs packages, with only that index."""
    (step,) = (each for each in ACTION["runs"]["steps"] if "pip" in each.get("run", ""))
    action, index = locked_action
    return lambda: shell(
        step["run"], ACTION=str(action), RUNNER_TEMP=str(here / "runner"),
        PIP_NO_INDEX="1", PIP_FIND_LINKS=str(index), PIP_CONFIG_FILE=os.devnull,
    )  # fmt: skip


def test_the_action_needs_nothing_but_the_locked_wheels(
    here: Path, shell: Shell, install: Any, locked_action: tuple[Path, Path]
) -> None:
    for name in ("venv", "pip", "yaml", "boto3", "sysdig_instrument", "sitecustomize"):  # the repository to be checked
        (here / f"{name}.py").write_text("open('hacked', 'w')")
    done = install()
    assert done.returncode == 0, done.stderr
    list_macro(here)
    done = action_runner(here, shell, locked_action[0])(files="templates", arguments=f"{SET} --offline")
    assert done.returncode == 0, done.stderr
    assert "::notice file=templates/web.yaml,line=6,col=3," in done.stdout
    assert "instrumented" in (here / "summary.md").read_text()
    assert not (here / "hacked").exists()


def test_the_action_does_not_install_another_file(install: Any, locked_action: tuple[Path, Path]) -> None:
    wheel = next(locked_action[1].glob("pyyaml-*.whl"))
    with ZipFile(wheel, "a") as changed:
        changed.writestr("yaml/more.py", "")
    done = install()
    assert done.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr


def test_the_action_builds_no_package(install: Any, locked_action: tuple[Path, Path]) -> None:
    """Building a source distribution would install build tools without hashes."""
    action, index = locked_action
    wheel = next(index.glob("shtab-*.whl"))
    source = wheel.with_name(wheel.name.replace("-py3-none-any.whl", ".tar.gz"))
    wheel.rename(source)
    done = install()
    assert done.returncode != 0
    assert "No matching distribution found for shtab" in done.stderr
    assert "shtab" in (action / "requirements/cli.txt").read_text()


WORKFLOWS = sorted((USES / "github").glob("*.yml"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_example_of_the_action_gives_existing_inputs_and_uses_existing_outputs(path: Path) -> None:
    (job,) = yaml.safe_load(path.read_text())["jobs"].values()
    (step,) = (each for each in job["steps"] if "sysdig-instrument@" in each.get("uses", ""))
    assert set(step["with"]) <= set(ACTION["inputs"])
    used = set(re.findall(rf"steps\.{step.get('id', '-')}\.outputs\.([\w-]+)", path.read_text()))
    assert used <= set(ACTION["outputs"])
    assert bool(used) is ("id" in step)


def test_githubs_schemas_accept_the_action_and_the_examples() -> None:
    for schema, paths in (("github-actions", [ROOT / "action.yml"]), ("github-workflows", WORKFLOWS)):
        line = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", *map(str, paths)]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_no_example_gives_credentials_to_a_pull_request_of_a_stranger() -> None:
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        (job,) = workflow["jobs"].values()
        assert "pull_request_target" not in path.read_text()
        if "pull_request" in str(workflow[True]) and set(job["permissions"].values()) != {"read"}:
            assert "github.event.pull_request.head.repo.full_name == github.repository" in path.read_text()


def test_the_pre_commit_check_hook(shell: Shell) -> None:
    line = f"{HOOKS['sysdig-instrument-check']['entry']} {SET}"
    assert shell(f"{line} templates/web.yaml").returncode == 1
    assert shell(f"sysdig-instrument transform templates/web.yaml {SET} -o done.yaml").returncode == 0
    assert shell(f"{line} done.yaml").returncode == 0


def test_the_script_deploys_the_transformed_template(here: Path, shell: Shell) -> None:
    (here / "bin").mkdir()
    (here / "bin/aws").write_text(
        '#!/bin/sh\necho "$@" > called\nwhile [ "$1" != --template-file ]; do shift; done\ncp "$2" deployed\n'
    )
    (here / "bin/aws").chmod(0o755)
    done = shell(f"{USES}/shell/deploy.sh shop templates/web.yaml {SET}")
    assert done.returncode == 0, done.stderr
    assert "cloudformation deploy --stack-name shop" in (here / "called").read_text()
    assert "/opt/draios/bin/instrument" in (here / "deployed").read_text()


def test_the_script_deploys_nothing_that_is_refused(here: Path, shell: Shell) -> None:
    (here / "bin").mkdir()
    (here / "bin/aws").write_text("#!/bin/sh\ntouch called\n")
    (here / "bin/aws").chmod(0o755)
    (here / "templates/web.yaml").write_text("Resources: {T: {Type: AWS::ECS::TaskDefinition, Properties: 5}}")
    assert shell(f"{USES}/shell/deploy.sh shop templates/web.yaml {SET}").returncode == 1
    assert not (here / "called").exists()


def test_shellcheck_reports_nothing(shell: Shell) -> None:
    if not shutil.which("shellcheck"):
        skip_or_fail("shellcheck is not installed")
    scripts = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    for script in [*scripts, *(path.read_text() for path in USES.glob("*/*.sh"))]:
        done = shell("shellcheck --shell=bash --exclude=SC2153 -", given=script)  # the inputs are upper-case variables
        assert done.returncode == 0, done.stdout


def test_the_sam_template(shell: Shell) -> None:
    done = shell(f"sysdig-instrument transform {USES}/sam/template.yaml {SET} --format json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    containers = made["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    assert containers[0]["EntryPoint"] == ["/opt/draios/bin/instrument", "/worker"]
    assert "SysdigInstrument" in made["Transform"]
