"""The GitHub Action, the GitLab job, the pre-commit check hook and the shell script: the tests run the scripts that users get."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from fixtures_embedded_aws import ROOT, skip_or_fail
from uses.conftest import USES, Shell

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS: dict[str, dict[str, Any]] = {
    each["id"]: each for each in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
}
SET = "--set Collector=us2"


@pytest.fixture
def act(here: Path, shell: Shell) -> Any:
    """Return a function that runs the last step of the action with inputs."""
    (here / "sysdig-instrument/bin").mkdir(parents=True)
    (here / "sysdig-instrument/bin/sysdig-instrument").symlink_to(Path(sys.executable).parent / "sysdig-instrument")
    step = ACTION["runs"]["steps"][-1]

    def run(**inputs: str) -> Any:
        given = {name: str(each.get("default", "")) for name, each in ACTION["inputs"].items()} | inputs
        variables = {name: given[text.split("inputs.")[1].rstrip(" }")] for name, text in step["env"].items()}
        return shell(step["run"], RUNNER_TEMP=str(here), GITHUB_STEP_SUMMARY=str(here / "summary.md"), **variables)

    return run


def test_the_action_annotates_and_summarises(act: Any, here: Path) -> None:
    done = act(files="templates", arguments=f"{SET}\n--offline")
    assert done.returncode == 0, done.stderr
    assert "::notice file=templates/web.yaml,line=1," in done.stdout
    assert "instrumented" in (here / "summary.md").read_text()


def test_the_action_fails_where_the_macro_would_refuse(act: Any, here: Path) -> None:
    shutil.copy(ROOT / "docs/examples/app.yaml", here / "templates")  # the image of its worker must be looked up
    done = act(files="templates", arguments=f"{SET} --offline")
    assert done.returncode == 1
    assert "::error file=templates/app.yaml,line=" in done.stdout


@pytest.mark.parametrize(("command", "code"), [("diff", 0), ("check", 1)])
def test_the_action_runs_the_other_commands(act: Any, command: str, code: int) -> None:
    done = act(files="templates", command=command, arguments=f"{SET} --offline", summary="false")
    assert done.returncode == code, done.stderr
    assert done.stdout


@pytest.mark.parametrize("name", ["files", "arguments", "command"])
def test_no_input_of_the_action_becomes_a_command(act: Any, here: Path, name: str) -> None:
    act(**{"files": "templates", "arguments": SET, name: "$(touch hacked) `touch hacked`; touch hacked"})
    assert not (here / "hacked").exists()
    assert all("${{" not in step.get("run", "") for step in ACTION["runs"]["steps"])


def test_the_action_installs_what_is_locked() -> None:
    (script,) = (step["run"] for step in ACTION["runs"]["steps"] if "pip" in step.get("run", ""))
    assert "--require-hashes" in script
    assert (ROOT / "requirements/cli.txt").exists()
    example = yaml.safe_load((USES / "github/templates.yml").read_text())
    (step,) = (each for each in example["jobs"]["sysdig"]["steps"] if "with" in each)
    assert set(step["with"]) <= set(ACTION["inputs"])


def test_the_gitlab_job(here: Path, shell: Shell) -> None:
    job = yaml.safe_load((USES / "gitlab/.gitlab-ci.yml").read_text())["sysdig"]
    done = shell("\n".join(job["script"]))
    assert done.returncode == 0, done.stderr
    report = ET.parse(here / job["artifacts"]["reports"]["junit"])  # noqa: S314 - the tool wrote it
    assert list(report.getroot().iter("testcase"))
    (here / "templates/web.yaml").write_text("Resources: {T: {Type: AWS::ECS::TaskDefinition, Properties: 5}}")
    assert shell("\n".join(job["script"])).returncode == 1


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
    for script in [*scripts, (USES / "shell/deploy.sh").read_text()]:
        done = shell("shellcheck --shell=bash --exclude=SC2153 -", given=script)  # the inputs are upper-case variables
        assert done.returncode == 0, done.stdout


def test_the_sam_template(shell: Shell) -> None:
    done = shell(f"sysdig-instrument transform {USES}/sam/template.yaml {SET} --format json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    containers = made["Resources"]["Task"]["Properties"]["ContainerDefinitions"]
    assert containers[0]["EntryPoint"] == ["/opt/draios/bin/instrument", "/worker"]
    assert "SysdigInstrument" in made["Transform"]
