"""The Terraform module and its examples. Terraform is not installed: python-hcl2 parses the files, and the program is run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from cli.test_terraform_plan import after, change, plan
from fixtures_embedded_aws import ROOT
from uses.conftest import USES, Shell

MODULE = ROOT / "terraform"
SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig-AbCdEf"  # noqa: S105 - its name
CONTAINERS = [{"name": "web", "image": "shop/web:1.4", "entryPoint": ["gunicorn"], "command": ["shop:app"]}]


def parsed(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = hcl2.loads(path.read_text())
    return found


def named(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the blocks of a kind by name."""
    return {name.strip('"'): block for entry in entries for name, block in entry.items()}


def query(task: Any = None, command: str = "sysdig-instrument", *arguments: str) -> str:
    """Return what Terraform writes to the program for the module's data source."""
    settings = ["--set", "Collector=us2", "--set", f"AccessKeySecret={SECRET}", *arguments]
    task = {"containerDefinitions": CONTAINERS} if task is None else task
    return json.dumps({"command": command, "arguments": json.dumps(settings), "task_definition": json.dumps(task)})


def test_each_variable_is_described_and_used() -> None:
    text = (MODULE / "main.tf").read_text()
    variables = named(parsed(MODULE / "variables.tf")["variable"])
    assert all(block["description"] for block in variables.values())
    assert set(re.findall(r"var\.(\w+)", text)) == set(variables)


def test_the_program_reads_what_the_module_writes() -> None:
    (source,) = parsed(MODULE / "main.tf")["data"]
    block = named([named([source])["external"]])["instrument"]
    assert set(block["query"]) - {"__is_block__"} == set(json.loads(query()))
    read = set(re.findall(r'query\["(\w+)"\]', (MODULE / "instrument.py").read_text()))
    assert read == set(json.loads(query()))


def test_the_outputs_are_what_the_program_prints(shell: Shell) -> None:
    done = shell(f"python3 {MODULE}/instrument.py", given=query())
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert all(isinstance(value, str) for value in result.values())
    outputs = named(parsed(MODULE / "outputs.tf")["output"])
    assert set(outputs) == set(result)
    assert all(f"data.external.instrument.result.{name}" in block["value"] for name, block in outputs.items())
    assert result["pid_mode"] == "task"
    web, agent = json.loads(result["container_definitions"])
    assert web["entryPoint"] == ["/opt/draios/bin/instrument", "gunicorn"]
    assert {"name": "SYSDIG_ACCESS_KEY", "valueFrom": SECRET} in agent["secrets"]


def test_the_example_gives_the_variables_and_uses_the_outputs() -> None:
    example = parsed(USES / "terraform/main.tf")
    module = named(example["module"])["sysdig"]
    given = set(module) - {"source", "__is_block__"}
    variables = named(parsed(MODULE / "variables.tf")["variable"])
    assert {name for name, block in variables.items() if "default" not in block} <= given <= set(variables)
    resource = named([named(example["resource"])["aws_ecs_task_definition"]])["shop"]
    for name in named(parsed(MODULE / "outputs.tf")["output"]):
        assert resource[name] == f"${{module.sysdig.{name}}}"


def test_check_accepts_a_plan_with_what_the_module_returns(shell: Shell, here: Path) -> None:
    """The image is given, and with the role of the plan all is known."""
    result = json.loads(shell(f"python3 {MODULE}/instrument.py", given=query()).stdout)
    (here / "plan.json").write_text(plan(change(after(**result))))
    line = f"sysdig-instrument check plan.json --no-config --offline --set Collector=us2 --set AccessKeySecret={SECRET}"
    done = shell(line)
    assert done.returncode == 0, done.stdout
    (here / "plan.json").write_text(plan(change(after(**{**result, "pid_mode": None}))))
    assert shell(line).returncode == 1


@pytest.mark.parametrize(("values", "code"), [("protected", 0), ("unprotected", 1)])
def test_the_script_applies_only_what_is_protected(shell: Shell, here: Path, values: str, code: int) -> None:
    result = json.loads(shell(f"python3 {MODULE}/instrument.py", given=query()).stdout)
    (here / "shown.json").write_text(plan(change(after(**result) if values == "protected" else after())))
    (here / "bin").mkdir()
    terraform = here / "bin/terraform"
    terraform.write_text('#!/bin/sh\necho "$1" >> called\n[ "$1" != show ] || cat shown.json\n')
    terraform.chmod(0o755)
    options = f"--no-config --offline --set Collector=us2 --set AccessKeySecret={SECRET}"
    done = shell(f"{USES}/terraform/check.sh {options}")
    assert done.returncode == code, done.stdout + done.stderr
    assert ("apply" in (here / "called").read_text().split()) is (code == 0)


def test_a_refusal_fails_terraform_plan_with_the_message(shell: Shell) -> None:
    task = {"requiresCompatibilities": ["FARGATE"], "containerDefinitions": 5}
    done = shell(f"python3 {MODULE}/instrument.py", given=query(task))
    assert done.returncode != 0
    assert "containerDefinitions" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_machine_without_the_tool_fails_terraform_plan_with_what_to_do(shell: Shell) -> None:
    done = shell(f"python3 {MODULE}/instrument.py", given=query(None, "no-such-tool"))
    assert done.returncode != 0
    assert "Install sysdig-instrument" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_settings_file_in_the_folder_does_not_count(shell: Shell, here: Path) -> None:
    (here / ".sysdig-instrument.yaml").write_text("Enabled: false\n")
    done = shell(f"python3 {MODULE}/instrument.py", given=query())
    assert json.loads(done.stdout)["pid_mode"] == "task"
