"""The macro, the hook, ``check`` and ``coverage`` give the same verdict with the same codes on the same task definition."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from case_folders import ACCOUNT, CASES, REGION, Case
from sysdig_instrument.cli import main
from sysdig_instrument.coverage.assess import TaskStatus, assess_definition, is_in_scope
from sysdig_instrument.coverage.model import RegisteredTaskDefinition
from sysdig_instrument.documents.ecs import to_camel_case
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_active
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context, process
from sysdig_instrument.engine.protection import Protection, protection
from sysdig_instrument.engine.selection import runs_on_fargate
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.engine.template import TASK_DEFINITION, TaskDefinition
from sysdig_instrument.function.hook import inspect
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

Properties = dict[str, Any]


def processed_tasks(case: Case) -> list[tuple[TaskDefinition, Protection]]:
    """Return the task definitions that the macro makes of a case, each with the macro's own verdict on it."""
    context = Context(
        deployment_settings=merge_layers(Layer("the macro's deployment", case.settings)),
        parameter_values=case.read("parameters.json"),
        region=REGION,
        account=ACCOUNT,
    )
    template = case.document.value
    plan = plan_with_lookups(template, context, case.answers)
    processed, problems = process(template, plan)
    after = [] if problems else plan_with_lookups(processed, context, look_up_nothing).tasks
    return [(task.task, protection(before, applied=True)) for before, task in zip(plan.tasks, after, strict=False)]


def as_ecs_gets_it(task: TaskDefinition) -> Properties | None:
    """Return the Properties without expressions, or None if they are not known, or if Metadata has settings for the task."""
    metadata = cast("dict[str, Any]", task.resource.get("Metadata") or {}).get("SysdigInstrument") or {}
    evaluated = evaluate(task.properties, task.scope)
    if not set(metadata) <= {"Result"} or "Metadata" in cast("dict[str, Any]", task.scope.template):
        return None
    return cast("Properties", evaluated.value) if isinstance(evaluated, Known) else None


def hook_codes(properties: Properties, settings: Mapping[str, Json]) -> tuple[bool, set[str]]:
    request: Json = {
        "targetName": TASK_DEFINITION,
        "targetLogicalId": "Api",
        "targetModel": {"resourceProperties": properties},
    }
    event: Json = {"actionInvocationPoint": "CREATE_PRE_PROVISION", "requestData": request}
    response = inspect(event, Layer("the macro's deployment", settings))
    return response["hookStatus"] == "SUCCESS", codes_in(str(response["message"]))


def codes_in(message: str) -> set[str]:
    return set(re.findall(r"\((SI\d{3})\)", message)) or {"SI000"}


def check_codes(
    properties: Properties, settings: Mapping[str, Json], folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[bool, set[str]]:
    template, settings_file = folder / "template.json", folder / "settings.json"
    template.write_text(json.dumps({"Resources": {"Api": {"Type": TASK_DEFINITION, "Properties": properties}}}))
    settings_file.write_text(json.dumps(settings))
    code = main.run(["check", str(template), "--settings", str(settings_file), "--format", "json"])
    ((task,),) = (each["taskDefinitions"] for each in json.loads(capsys.readouterr().out))
    return code == 0, set(task["codes"])


def coverage_codes(properties: Properties, settings: Mapping[str, Json]) -> tuple[bool, set[str]]:
    resolved = merge_layers(Layer("--set", settings))
    task = plan_with_lookups(properties, Context(deployment_settings=resolved), look_up_nothing).tasks[0].task
    launch_type = "FARGATE" if runs_on_fargate(task, task.scope) else "EC2"
    if not is_in_scope(launch_type, resolved):
        return True, {Code.NOT_FARGATE.value}
    described = cast("dict[str, Json]", to_camel_case(properties))
    response: dict[str, Json] = {"taskDefinition": described, "tags": described.pop("tags", [])}
    assessment = assess_definition(RegisteredTaskDefinition(response), resolved).assessment
    passes = assessment.status in (TaskStatus.PROTECTED, TaskStatus.EXCLUDED)
    return passes, {code.value for code in assessment.codes}


def verdicts(
    properties: Properties, settings: Mapping[str, Json], folder: Path, capsys: pytest.CaptureFixture[str]
) -> dict[str, tuple[bool, set[str]]]:
    return {
        "hook": hook_codes(copy.deepcopy(properties), settings),
        "check": check_codes(properties, settings, folder, capsys),
        "coverage": coverage_codes(copy.deepcopy(properties), settings),
    }


TEMPLATES = [
    case
    for case in CASES
    if not case.is_plain
    and isinstance(case.document.value, dict)
    and isinstance(case.document.value.get("Resources"), dict)
]


@pytest.mark.parametrize("case", TEMPLATES, ids=lambda case: case.name)
def test_all_agree_on_what_the_macro_makes(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for task, own in processed_tasks(case):
        properties = as_ecs_gets_it(task)
        if properties is None or is_active(task.assumptions, task.scope) is False:
            continue
        containers = properties.get("ContainerDefinitions", [])
        if all(each["Name"] == AGENT_NAME or "FirelensConfiguration" in each for each in containers):
            continue  # all workloads are in branches that are not active
        expected = (own.passes, {code.value for code in own.codes})
        for judge, found in verdicts(properties, case.settings, tmp_path, capsys).items():
            assert found == expected, (task.name, judge)


# --- mutated


def workload(properties: Properties) -> Properties:
    return next(each for each in properties["ContainerDefinitions"] if each["Name"] != AGENT_NAME)


def set_workload(**members: Json) -> Callable[[Properties], None]:
    return lambda properties: workload(properties).update(members)


def set_task(**members: Json) -> Callable[[Properties], None]:
    return lambda properties: properties.update(members)


def append(key: str, entry: Json) -> Callable[[Properties], None]:
    return lambda properties: workload(properties).setdefault(key, []).append(entry)


def remove_agent(properties: Properties) -> None:
    properties["ContainerDefinitions"] = [
        each for each in properties["ContainerDefinitions"] if each["Name"] != AGENT_NAME
    ]


MUTATIONS = {
    "entry-point": (set_workload(EntryPoint=["/app"]), {"SI001"}),
    "no-entry-point": (set_workload(EntryPoint=[]), {"SI001"}),
    "variables": (set_workload(Environment=[]), {"SI002"}),
    "variable-off": (append("Environment", {"Name": "SYSDIG_SIDECAR", "Value": ""}), {"SI002"}),
    "volume": (set_workload(VolumesFrom=[]), {"SI003"}),
    "volume-writable": (set_workload(VolumesFrom=[{"SourceContainer": AGENT_NAME}]), {"SI016"}),
    "capability": (set_workload(LinuxParameters={}), {"SI004"}),
    "capability-dropped": (
        set_workload(LinuxParameters={"Capabilities": {"Add": ["SYS_PTRACE"], "Drop": ["SYS_PTRACE"]}}),
        {"SI018"},
    ),
    "pid-mode": (set_task(PidMode=None), {"SI005"}),
    "pid-mode-host": (set_task(PidMode="host"), {"SI031"}),
    "agent": (remove_agent, {"SI006"}),
    "mount": (append("MountPoints", {"SourceVolume": "x", "ContainerPath": "/opt/draios"}), {"SI012"}),
    "dependency": (append("DependsOn", {"ContainerName": AGENT_NAME, "Condition": "COMPLETE"}), {"SI013"}),
    "other-wrapper": (append("Environment", {"Name": "__INSTRUMENTATION_WRAPPER", "Value": "x"}), {"SI017"}),
    "tag": (set_task(Tags=[{"Key": "sysdig-instrument", "Value": "false"}]), {"SI020"}),
    "ec2": (set_task(RequiresCompatibilities=["EC2"]), {"SI023"}),
    "windows": (set_task(RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}), {"SI030"}),
}  # fmt: skip
MUTATED_CASES = {"worked-example-template", "entry-point-literal", "mounts-beside-the-wrapper"}


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("case", [each for each in TEMPLATES if each.name in MUTATED_CASES], ids=lambda case: case.name)
def test_all_agree_on_a_mutated_task_definition(
    case: Case, mutation: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ((task, own),) = processed_tasks(case)
    assert own.verdict is Verdict.PROTECTED
    properties = copy.deepcopy(as_ecs_gets_it(task))
    assert properties is not None
    mutate, codes = MUTATIONS[mutation]
    mutate(properties)
    found = verdicts(properties, case.settings, tmp_path, capsys)
    passes = all(Code(code).verdict in (Verdict.LEFT_ALONE, Verdict.CANNOT_BE_PROTECTED) for code in codes - {"SI031"})
    expected = (passes and codes != {"SI031"}, codes)
    assert found == dict.fromkeys(found, expected)
