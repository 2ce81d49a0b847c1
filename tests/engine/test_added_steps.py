"""A step is one file and one line: everything that depends on the steps works with two that are added to a copy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from factories import container, containers_of, properties_of, template

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "src" / "sysdig_instrument"

CONTAINER_STEP = '''
"""A read-only root filesystem for each workload. Owns: ReadonlyRootFilesystem."""

from sysdig_instrument.engine.container import set_value
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason


def read_only_root(container):
    """Yield the changes to ``ReadonlyRootFilesystem: true``."""
    for leaf, assumptions in container.values("ReadonlyRootFilesystem"):
        if isinstance(leaf.value, str):
            yield container.problem_or_notice(leaf.pointer, assumptions, Reason("It is a string", "Write a boolean", code=Code.NO_ANSWER))
        elif leaf.value is not True:
            yield set_value(leaf, True, "workloads write to volumes only")
'''
TASK_STEP = '''
"""A larger disk for each task. Owns: EphemeralStorage."""

from sysdig_instrument.engine.container import member_values, set_value
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT


def disk(instrumented):
    """Yield the change to ``EphemeralStorage: 30 GiB`` where the template gives none."""
    task = instrumented.task
    for leaf, _ in member_values(task.properties, "EphemeralStorage", task.properties_pointer, task.assumptions):
        if isinstance(leaf.value, str):
            yield Problem(Location(task.name, None, leaf.pointer), Reason("It is a string", "Write an object", code=Code.NO_ANSWER))
        elif leaf.value is ABSENT:
            yield set_value(leaf, {"SizeInGiB": 30}, "the agent writes to the disk")
'''
CAN_WRITE = 'Container "web" can write to its root filesystem'
SMALL_DISK = "The task's disk is too small"


def add_step(package: Path, name: str, source: str, steps: str, line: str) -> None:
    """Add a step to a copy of the package: a file, and a line with its import, at the beginning of one of the tuples."""
    folder = package / "engine" / "steps"
    (folder / f"{name}.py").write_text(source)
    tuples = (folder / "__init__.py").read_text()
    first_line = next(each for each in tuples.splitlines() if each.startswith(f"{steps}:"))
    import_line = f"from sysdig_instrument.engine.steps.{name} import {name}"
    with_step = tuples.replace(first_line, f"{import_line}\n{first_line}\n    {line},", 1)
    (folder / "__init__.py").write_text(with_step)


@pytest.fixture(scope="module", params=[True, False], ids=["protection-depends-on-it", "protection-does-not"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a copy with the added steps makes of a template, and whether protection depends on the steps."""
    folder = tmp_path_factory.mktemp("added-steps")
    package = folder / "copy" / "sysdig_instrument"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    container_reason = ', Reason("can write to its root filesystem", code=Code.REFUSED)'
    reasons = (container_reason, f', Reason("{SMALL_DISK}", code=Code.REFUSED)') if request.param else ("", "")
    container_line = f'Step(("ReadonlyRootFilesystem",), read_only_root{reasons[0]})'
    task_line = f'Step(("EphemeralStorage",), disk{reasons[1]})'
    add_step(package, "read_only_root", CONTAINER_STEP, "CONTAINER_STEPS", container_line)
    add_step(package, "disk", TASK_STEP, "TASK_STEPS", task_line)
    (folder / "source.json").write_text(json.dumps(template(container(), container(Name="side"))))
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("observe_added_steps.py")), str(folder)],
        env={**os.environ, "PYTHONPATH": f"{package.parent}{os.pathsep}{TESTS}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {"depends": request.param, **cast("dict[str, Any]", json.loads(done.stdout))}


def test_the_plan_has_their_changes_with_step_and_owner(seen: dict[str, Any]) -> None:
    assert seen["changes"][0] == ["EphemeralStorage", None]
    for name in ("web", "side"):
        assert ["ReadonlyRootFilesystem", name] in seen["changes"]
    assert seen["changes_of_second_run"] == 0


def test_transform_makes_their_changes(seen: dict[str, Any]) -> None:
    assert seen["transform"]["exit_code"] == 0, seen["transform"]["stderr"]
    processed = seen["processed"]
    assert properties_of(processed)["EphemeralStorage"] == {"SizeInGiB": 30}
    assert [each["ReadonlyRootFilesystem"] for each in containers_of(processed)] == [True, True]
    assert "ReadonlyRootFilesystem" not in properties_of(processed)["ContainerDefinitions"][-1]


def test_diff_gives_their_reasons(seen: dict[str, Any]) -> None:
    assert seen["diff"]["exit_code"] == 0
    for line in (
        "ReadonlyRootFilesystem: workloads write to volumes only",
        "EphemeralStorage: the agent writes to the disk",
    ):
        assert line in seen["diff"]["stdout"]


def test_explain_reports_an_instrumented_template(seen: dict[str, Any]) -> None:
    assert seen["explain"]["exit_code"] == 0
    assert "instrumented" in seen["explain"]["stdout"]


def test_check_names_them_if_protection_depends_on_them(seen: dict[str, Any]) -> None:
    assert seen["check"]["exit_code"] == 1
    for reason in (CAN_WRITE, SMALL_DISK):
        assert (reason in joined(seen["check"]["stdout"])) is seen["depends"]
    assert 'Container "web" is not started by the wrapper' in joined(seen["check"]["stdout"])
    assert seen["check_processed"]["exit_code"] == 0
    assert seen["check_older"]["exit_code"] == (1 if seen["depends"] else 0)


def joined(text: str) -> str:
    """Return a report with its wrapped lines joined."""
    return " ".join(text.split())


def test_the_hook_names_them_if_protection_depends_on_them(seen: dict[str, Any]) -> None:
    assert seen["hook_processed"]["hookStatus"] == "SUCCESS"
    assert seen["hook_older"]["hookStatus"] == ("FAILED" if seen["depends"] else "SUCCESS")
    assert (f'{SMALL_DISK} (SI015); {CAN_WRITE} (SI015); Container "side"' in seen["hook_older"]["message"]) is seen[
        "depends"
    ]


def test_coverage_names_them_if_protection_depends_on_them(seen: dict[str, Any]) -> None:
    assert seen["coverage_processed"] == {"status": "protected", "reasons": []}
    side = CAN_WRITE.replace("web", "side")
    reasons = [SMALL_DISK, CAN_WRITE, side] if seen["depends"] else []
    assert seen["coverage_older"] == {"status": "unprotected" if reasons else "protected", "reasons": reasons}


def test_metrics_count_their_problems_by_their_keys(seen: dict[str, Any]) -> None:
    assert sorted(seen["refusal_reasons"]) == ["EphemeralStorage", "ReadonlyRootFilesystem"]
