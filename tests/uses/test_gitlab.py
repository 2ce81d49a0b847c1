"""The component for GitLab: its layout, GitLab's schema, and the job's script with the inputs of the example."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from fixtures_embedded_aws import ROOT
from sysdig_instrument import __version__
from uses.conftest import USES, Shell

COMPONENT = ROOT / "templates/sysdig-instrument.yml"
EXAMPLE = USES / "gitlab/.gitlab-ci.yml"
INPUT = re.compile(r"\$\[\[ inputs\.(\w+) \]\]")
SET = "--set Collector=us2 --set AccessKeySecret=none --offline"


def parts() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the inputs of the component, and the jobs with their placeholders."""
    header, jobs = yaml.safe_load_all(COMPONENT.read_text())
    return header["spec"]["inputs"], jobs


def interpolated(value: Any, inputs: dict[str, str]) -> Any:
    """Return the jobs as GitLab makes them: it replaces each placeholder in the values that it has parsed."""
    match value:
        case str():
            return INPUT.sub(lambda found: inputs[found[1]], value)
        case list():
            return [interpolated(each, inputs) for each in value]
        case dict():
            return {interpolated(key, inputs): interpolated(each, inputs) for key, each in value.items()}
    return value


def jobs_with(**inputs: str) -> dict[str, Any]:
    defaults = {name: str(each.get("default", "")) for name, each in parts()[0].items()}
    found: dict[str, Any] = interpolated(parts()[1], defaults | inputs)
    return found


@pytest.fixture
def gitlab(here: Path, shell: Shell) -> Any:
    """Return a function that runs the job's script with inputs."""
    programs = here / ".sysdig-instrument/bin"
    programs.mkdir(parents=True)
    for name in ("python", "sysdig-instrument"):
        (programs / name).symlink_to(Path(sys.executable).parent / name)
    template = here / "templates/web.yaml"
    template.write_text(f"Transform: SysdigInstrument\n{template.read_text()}")

    def run(**inputs: str) -> subprocess.CompletedProcess[str]:
        (job,) = jobs_with(**{"files": "templates", "arguments": SET} | inputs).values()
        variables = {name: each["value"] for name, each in job["variables"].items()}
        return shell("\n".join(job["script"]), **variables)

    return run


def test_the_layout_is_that_of_a_component() -> None:
    """GitLab takes templates/NAME.yml, and no other file there has its suffix."""
    assert [path.name for path in (ROOT / "templates").glob("**/*.yml")] == [COMPONENT.name]
    inputs, jobs = parts()
    assert all(each["description"] for each in inputs.values())
    assert set(INPUT.findall(yaml.safe_dump(jobs))) == set(inputs)
    assert inputs["package"]["default"] == f"sysdig-instrument=={__version__}"


def test_the_example_gives_the_inputs() -> None:
    (include,) = yaml.safe_load(EXAMPLE.read_text())["include"]
    assert include["component"].endswith(f"/{COMPONENT.stem}@COMMIT")
    inputs = parts()[0]
    required = {name for name, each in inputs.items() if "default" not in each}
    assert required <= set(include["inputs"]) <= set(inputs)


def test_gitlabs_schema_accepts_all(tmp_path: Path) -> None:
    (tmp_path / "header.json").write_text(json.dumps({"spec": {"inputs": parts()[0]}}))
    (tmp_path / "jobs.json").write_text(json.dumps(jobs_with(files="templates")))
    line = ["-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", "header.json", "jobs.json", str(EXAMPLE)]
    done = subprocess.run([sys.executable, *line], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_job_passes_and_reports(gitlab: Any, here: Path) -> None:
    done = gitlab()
    assert done.returncode == 0, done.stderr
    assert "instrumented" in done.stdout
    (job,) = jobs_with().values()
    report = ET.parse(here / job["artifacts"]["reports"]["junit"])  # noqa: S314 - the tool wrote it
    assert list(report.getroot().iter("testcase"))


@pytest.mark.parametrize("command", ["explain", "diff", "check"])
def test_the_job_fails_for_what_is_refused_or_does_not_list_the_macro(gitlab: Any, here: Path, command: str) -> None:
    template = here / "templates/web.yaml"
    text = template.read_text()
    assert gitlab(command=command).returncode == 0
    template.write_text(text.replace("Transform: SysdigInstrument\n", ""))
    assert gitlab(command=command).returncode == 1
    template.write_text("Resources: {T: {Type: AWS::ECS::TaskDefinition, Properties: 5}}")
    assert gitlab(command=command).returncode == 1


def test_the_job_takes_quoted_arguments_and_files(gitlab: Any, here: Path) -> None:
    (here / "my templates").mkdir()
    (here / "templates/web.yaml").rename(here / "my templates/web.yaml")
    done = gitlab(files="'my templates'", arguments=f'{SET} --set "HelpText=Ask us: $HOME `id`"')
    assert done.returncode == 0, done.stderr
    assert "my templates/web.yaml" in done.stdout


def test_a_settings_file_counts_only_if_it_is_named(gitlab: Any, here: Path) -> None:
    (here / ".sysdig-instrument.yaml").write_text("Enabled: false\n")
    assert "Enabled is false" not in gitlab().stdout
    assert "Enabled is false" in gitlab(settings=".sysdig-instrument.yaml").stdout


@pytest.mark.parametrize("name", ["files", "arguments", "settings", "command", "package"])
def test_no_input_becomes_a_command(gitlab: Any, here: Path, name: str) -> None:
    gitlab(**{name: "$(touch hacked) `touch hacked`; touch hacked"})
    assert not (here / "hacked").exists()
    (job,) = parts()[1].values()
    assert not INPUT.search("\n".join([*job["script"], *job["before_script"]]))
    assert all(each["expand"] is False for each in job["variables"].values())
