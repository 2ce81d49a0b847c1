"""The Terraform example. Terraform is not installed, so the test evaluates what the module passes to the program."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import hcl2
import pytest

from uses.conftest import USES, Shell

FOLDER = USES / "terraform"
SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig"  # noqa: S105 - its name
VARIABLES = {"${path.module}": str(FOLDER), "${var.access_key_secret}": SECRET}
JSON_ENCODED = re.compile(r"\$\{jsonencode\((.*)\)\}", re.DOTALL)


def evaluate(value: Any) -> Any:
    """Return a value of the module with its references replaced, and strings without quotes."""
    match value:
        case dict():
            return {evaluate(name): evaluate(each) for name, each in value.items() if name != "__is_block__"}
        case list():
            return [evaluate(each) for each in value]
        case str(text):
            for name, replacement in VARIABLES.items():
                text = text.replace(name, replacement)
            return json.loads(text) if text.startswith('"') else text
    return value


@pytest.fixture(scope="module")
def module() -> dict[str, Any]:
    return {name: evaluate(each) for name, each in hcl2.loads((FOLDER / "main.tf").read_text()).items()}


@pytest.fixture(scope="module")
def task(module: dict[str, Any]) -> dict[str, Any]:
    (local,) = module["locals"]
    found: dict[str, Any] = local["task"]
    return found


def test_the_module_receives_the_program_output(module: dict[str, Any], task: dict[str, Any], shell: Shell) -> None:
    source = module["data"][0]["external"]["sysdig"]
    resource = module["resource"][0]["aws_ecs_task_definition"]["shop"]
    encoded = {name: JSON_ENCODED.fullmatch(text) for name, text in source["query"].items()}
    assert encoded["task_definition"]
    assert encoded["task_definition"][1] == "local.task"
    assert encoded["arguments"]
    query = {"task_definition": json.dumps(task), "arguments": encoded["arguments"][1]}
    done = shell(shlex.join(source["program"]), given=json.dumps(query))
    assert done.returncode == 0, done.stderr

    result = json.loads(done.stdout)
    assert all(isinstance(value, str) for value in result.values())
    known = {f"${{local.task.{name}}}" for name in task} | {
        f"${{data.external.sysdig.result.{name}}}" for name in result
    }
    assert set(resource.values()) <= known
    assert result["pid_mode"] == "task"
    web, agent = json.loads(result["container_definitions"])
    assert web["entryPoint"] == ["/opt/draios/bin/instrument", "gunicorn"]
    assert {"name": "SYSDIG_ACCESS_KEY", "valueFrom": SECRET} in agent["secrets"]


def test_a_refusal_fails_terraform_plan_with_the_message(shell: Shell) -> None:
    query = {"task_definition": json.dumps({"requiresCompatibilities": ["FARGATE"], "containerDefinitions": 5})}
    done = shell(f"python3 {FOLDER}/instrument.py", given=json.dumps(query))
    assert done.returncode != 0
    assert "containerDefinitions" in done.stderr
    assert "Traceback" not in done.stderr
