"""Run everything that depends on the steps, and print what it makes of a template. Run as a script, on a copy of the package.

    PYTHONPATH=<copy>:tests python observe_added_steps.py FOLDER

The first file of the folder, ``source.json``, is a template. ``test_added_steps.py`` reads the JSON that is printed.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import sys
from pathlib import Path
from typing import Any, cast

from coverage_report.tasks import definition
from factories import SETTINGS, plan_of, properties_of
from sysdig_instrument.cli.main import run
from sysdig_instrument.coverage.assess import assess_definition
from sysdig_instrument.ecs_documents import to_camel_case
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.function.hook import inspect
from sysdig_instrument.function.telemetry import refusal_reason

ADDED_KEYS = ("ReadonlyRootFilesystem", "EphemeralStorage")


def command(*arguments: str) -> dict[str, Any]:
    """Return the exit code and the output of a command."""
    stdout, stderr = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        settings = [f"--set={name}={value}" for name, value in SETTINGS.items()]
        exit_code = run([*arguments, "--no-config", "--offline", *settings])
    for stream in (stdout, stderr):
        stream.flush()
        stream.seek(0)
    return {"exit_code": exit_code, "stdout": stdout.read(), "stderr": stderr.read()}


def without_added_keys(template: dict[str, Any]) -> dict[str, Any]:
    """Return a processed template as a release without the added steps would have left it."""
    older = copy.deepcopy(template)
    properties = properties_of(older)
    for node in (properties, *properties["ContainerDefinitions"]):
        for key in ADDED_KEYS:
            node.pop(key, None)
    return older


def hook(template: dict[str, Any]) -> dict[str, Any]:
    """Return the hook's answer for the task definition of a template."""
    request = {
        "targetName": "AWS::ECS::TaskDefinition",
        "targetLogicalId": "Api",
        "targetModel": {"resourceProperties": properties_of(template)},
    }
    event: dict[str, Any] = {"actionInvocationPoint": "CREATE_PRE_PROVISION", "requestData": request}
    return inspect(event, Layer("the macro's deployment", dict(SETTINGS)))


def coverage(template: dict[str, Any]) -> dict[str, Any]:
    """Return the assessment of the task definition of a template, as ECS describes it."""
    described = cast("dict[str, Any]", to_camel_case(properties_of(template)))
    resolved = merge_layers(Layer("--set", dict(SETTINGS)))
    assessment = assess_definition(definition(described), resolved).assessment
    return {"status": assessment.status.value, "reasons": assessment.reasons}


def malformed(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template that both added steps refuse."""
    value = copy.deepcopy(template)
    properties = properties_of(value)
    properties["EphemeralStorage"] = "large"
    properties["ContainerDefinitions"][0]["ReadonlyRootFilesystem"] = "maybe"
    return value


def main(folder: Path) -> None:
    """Print the observations as JSON."""
    source, processed, older = (str(folder / f"{name}.json") for name in ("source", "processed", "older"))
    template = json.loads(Path(source).read_text())
    seen: dict[str, Any] = {"transform": command("transform", source, "-o", processed)}
    result = json.loads(Path(processed).read_text())
    Path(older).write_text(json.dumps(without_added_keys(result)))
    seen["processed"] = result
    seen["changes"] = [[each.step, each.owner.container] for each in plan_of(template).changes]
    seen["changes_of_second_run"] = len(list(plan_of(result).changes))
    for name in ("explain", "diff", "check"):
        seen[name] = command(name, source)
    for name, file in (("processed", processed), ("older", older)):
        document = json.loads(Path(file).read_text())
        seen[f"check_{name}"] = command("check", file)
        seen[f"hook_{name}"] = hook(document)
        seen[f"coverage_{name}"] = coverage(document)
    seen["refusal_reasons"] = [refusal_reason(problem) for problem in plan_of(malformed(template)).problems]
    json.dump(seen, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
