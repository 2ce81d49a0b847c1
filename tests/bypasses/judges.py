"""All that say whether a task definition is protected: the engine, the hook, `check`, `coverage`, and the oracle.

This is the only module here that calls the package. All answers are reduced to three: protected, left alone, or not.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path

from oracle.evaluate import TASK_DEFINITION, StackInputs
from oracle.protection import Protection as OracleProtection
from oracle.protection import Status, protection_of
from oracle.values import Json, mapping
from sysdig_instrument.cli.main import run as run_command
from sysdig_instrument.coverage.assess import TaskStatus, assess_definition
from sysdig_instrument.coverage.model import RegisteredTaskDefinition
from sysdig_instrument.ecs_documents import to_camel_case, to_pascal_case
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.protection import Protection, protection
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.function.hook import failure_response, inspect
from sysdig_instrument.function.hook_response import NotInspectedError
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

PASSES_UNPROTECTED = {Code.WINDOWS.value, Code.MANAGED_INSTANCES.value}
BATCH = 100  # a template has 1 MB at most


class Answer(Enum):
    """The answers that matter: the task is protected, it is let through without protection, or it is stopped."""

    PROTECTED = "protected"
    LEFT_ALONE = "left alone"
    NOT_PROTECTED = "not protected"


def oracle_answer(properties: Mapping[str, Json], settings: Mapping[str, Json]) -> tuple[Answer, bool]:
    """Return the oracle's answer, and whether the contract allows no other."""
    found = protection_of({"Properties": dict(properties)}, settings)
    return answer_of(found), found.is_certain


def answer_of(found: OracleProtection) -> Answer:
    """Return the answer for a protection that the oracle found."""
    if found.status is Status.PROTECTED:
        return Answer.PROTECTED
    return Answer.LEFT_ALONE if found.passes else Answer.NOT_PROTECTED


def _answer(found: Protection) -> Answer:
    if found.verdict is Verdict.PROTECTED:
        return Answer.PROTECTED
    return Answer.LEFT_ALONE if found.passes else Answer.NOT_PROTECTED


def engine_answer(properties: Mapping[str, Json], settings: Mapping[str, Json]) -> Answer:
    """Return the engine's answer for a literal task definition."""
    return engine_answers(one_task(properties), StackInputs({}), settings)["Task"]


def engine_answers(template: Json, stack: StackInputs, settings: Mapping[str, Json]) -> dict[str, Answer]:
    """Return the engine's answer for each task definition of a template, which it judges as `check` does: without lookups."""
    context = Context(
        deployment_settings=merge_layers(Layer("test", dict(settings))),
        parameter_values=stack.parameters,
        region=stack.region,
        account=stack.account,
    )
    tasks = plan_with_lookups(template, context, look_up_nothing).tasks
    return {str(task.task.name): _answer(protection(task)) for task in tasks}


def one_task(properties: Mapping[str, Json]) -> Json:
    """Return a template with this task definition."""
    return {"Resources": {"Task": {"Type": TASK_DEFINITION, "Properties": dict(properties)}}}


def hook_answer(properties: Mapping[str, Json], settings: Mapping[str, Json]) -> Answer:
    """Return the hook's answer."""
    event: Json = {
        "clientRequestToken": "token",
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {
            "targetName": TASK_DEFINITION,
            "targetLogicalId": "Task",
            "targetModel": {"resourceProperties": dict(properties)},
        },
    }
    try:
        response = inspect(event, Layer("test", dict(settings)))
    except NotInspectedError as error:
        response = failure_response(event, error)
    if response["hookStatus"] != "SUCCESS":
        return Answer.NOT_PROTECTED
    return Answer.PROTECTED if '"Task" is protected' in str(response["message"]) else Answer.LEFT_ALONE


def coverage_answer(properties: Mapping[str, Json], settings: Mapping[str, Json]) -> Answer | None:
    """Return the answer of `coverage` for a registered task definition; None if ECS's API cannot return such a one."""
    response = mapping(to_camel_case(dict(properties)))
    if to_pascal_case(dict(response)) != properties:
        return None  # a key in an unusual case
    tags = response.pop("tags", None)
    described: dict[str, Json] = {"taskDefinition": response}
    if tags is not None:
        described["tags"] = tags
    assessed = assess_definition(RegisteredTaskDefinition(described), merge_layers(Layer("test", dict(settings))))
    if assessed.assessment.is_let_through:
        return Answer.LEFT_ALONE
    answers = {TaskStatus.PROTECTED: Answer.PROTECTED, TaskStatus.EXCLUDED: Answer.LEFT_ALONE}
    return answers.get(assessed.assessment.status, Answer.NOT_PROTECTED)


def check_answers(task_definitions: Sequence[Mapping[str, Json]], settings: Mapping[str, Json]) -> list[Answer]:
    """Return the answers of `check`, which reads many of them from one template."""
    batches = (task_definitions[start : start + BATCH] for start in range(0, len(task_definitions), BATCH))
    return [answer for batch in batches for answer in _check_template(batch, settings)]


def _check_template(task_definitions: Sequence[Mapping[str, Json]], settings: Mapping[str, Json]) -> list[Answer]:
    template = {
        "Resources": {
            f"Task{index}": {"Type": TASK_DEFINITION, "Properties": dict(properties)}
            for index, properties in enumerate(task_definitions)
        }
    }
    output = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(output):
        (Path(folder) / "settings.json").write_text(json.dumps(settings))
        file = Path(folder) / "template.json"
        file.write_text(json.dumps(template))
        run_command(
            ["check", str(file), "--settings", str(Path(folder) / "settings.json"), "--no-config", "--format", "json"]
        )
    [report] = json.loads(output.getvalue())
    assert len(report["taskDefinitions"]) == len(task_definitions), report["remarks"]
    left_alone = {code.value for code in Code if code.verdict is Verdict.LEFT_ALONE} | PASSES_UNPROTECTED
    answers = {Verdict.PROTECTED.value: Answer.PROTECTED}
    return [
        Answer.LEFT_ALONE if set(each["codes"]) <= left_alone else answers.get(each["outcome"], Answer.NOT_PROTECTED)
        for each in report["taskDefinitions"]
    ]
