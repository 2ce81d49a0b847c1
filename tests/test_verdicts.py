"""The macro, the hook, ``check`` and ``coverage`` give the same verdict with the same codes on the same task definition."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import pytest

from case_folders import ACCOUNT, CASES, REGION, Case
from sysdig_instrument.cli import main
from sysdig_instrument.coverage.assess import TaskStatus, assess_definition, is_in_scope, out_of_scope
from sysdig_instrument.coverage.model import RegisteredTaskDefinition
from sysdig_instrument.ecs_documents import to_camel_case
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


@dataclass(frozen=True)
class ProcessedTask:
    """A task definition that the macro makes of a case, the macro's own verdict on it, and its notices."""

    task: TaskDefinition
    own: Protection
    notices: str

    @property
    def properties(self) -> Properties | None:
        """The Properties as ECS gets them, without expressions; None if they are not known."""
        return cast("Properties | None", self._without_expressions(self.task.properties))

    @property
    def metadata(self) -> dict[str, Json]:
        """The Metadata of the template and of the resource. Of the others, only ``check`` sees it."""
        whole, own = (cast("Properties", each) for each in (self.task.scope.template, self.task.resource))
        return {
            "template": self._without_expressions(whole.get("Metadata", {})),
            "resource": self._without_expressions(own.get("Metadata", {})),
        }

    def _without_expressions(self, value: Json) -> Json:
        found = evaluate(value, self.task.scope)
        return found.value if isinstance(found, Known) else None


NO_METADATA: Mapping[str, Json] = {"template": {}, "resource": {}}


def processed_tasks(case: Case) -> list[ProcessedTask]:
    """Return the task definitions that the macro makes of a case."""
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
    return [
        ProcessedTask(task.task, protection(before, applied=True), " ".join(each.text for each in before.findings))
        for before, task in zip(plan.tasks, after, strict=False)
    ]


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
    codes = {Code(code) for code in re.findall(r"\((SI\d{3})\)", message)} or {Code.PROTECTED}
    return {(code if code.is_verdict else Code.REFUSED).value for code in codes}  # the text has the code of the message


def check_codes(
    properties: Properties,
    settings: Mapping[str, Json],
    metadata: Mapping[str, Json],
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> tuple[bool, set[str]]:
    template, settings_file = folder / "template.json", folder / "settings.json"
    resource: Json = {"Type": TASK_DEFINITION, "Metadata": metadata["resource"], "Properties": properties}
    template.write_text(json.dumps({"Metadata": metadata["template"], "Resources": {"Api": resource}}))
    settings_file.write_text(json.dumps(settings))
    code = main.run(["check", str(template), "--settings", str(settings_file), "--format", "json"])
    ((task,),) = (each["taskDefinitions"] for each in json.loads(capsys.readouterr().out))
    return code == 0, set(task["codes"])


def launch_type_of(properties: Properties, settings: Mapping[str, Json]) -> str:
    """Return a launch type with which ECS may run the task, if no resource of the template starts it with another."""
    if properties.get("RequiresCompatibilities") == ["MANAGED_INSTANCES"]:
        return "MANAGED_INSTANCES"
    context = Context(deployment_settings=merge_layers(Layer("--set", settings)))
    task = plan_with_lookups(properties, context, look_up_nothing).tasks[0].task
    is_compatible = settings.get("LaunchTypes") == "FARGATE_COMPATIBLE" and {"Cpu", "Memory"} <= set(properties)
    return "FARGATE" if is_compatible or runs_on_fargate(task, task.scope) else "EC2"


def coverage_codes(properties: Properties, settings: Mapping[str, Json], launch_type: str) -> tuple[bool, set[str]]:
    resolved = merge_layers(Layer("--set", settings))
    if not is_in_scope(launch_type, resolved):
        return True, {code.value for code in out_of_scope(launch_type, resolved).codes}
    described = cast("dict[str, Json]", to_camel_case(properties))
    response: dict[str, Json] = {"taskDefinition": described, "tags": described.pop("tags", [])}
    assessment = assess_definition(RegisteredTaskDefinition(response), resolved).assessment
    passes = assessment.status in (TaskStatus.PROTECTED, TaskStatus.EXCLUDED) or assessment.is_let_through
    return passes, {code.value for code in assessment.codes}


Found: TypeAlias = dict[str, tuple[bool, set[str]]]
"""Whether the hook, ``check`` and ``coverage`` let a task definition pass, and their codes."""


@pytest.fixture
def verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Found]:
    def judge(
        properties: Properties,
        settings: Mapping[str, Json],
        metadata: Mapping[str, Json] = NO_METADATA,
        launch_type: str | None = None,
    ) -> Found:
        launched = launch_type or launch_type_of(properties, settings)
        return {
            "hook": hook_codes(copy.deepcopy(properties), settings),
            "check": check_codes(properties, settings, metadata, tmp_path, capsys),
            "coverage": coverage_codes(copy.deepcopy(properties), settings, launched),
        }

    return judge


TEMPLATES = [
    case
    for case in CASES
    if not case.is_plain
    and isinstance(case.document.value, dict)
    and isinstance(case.document.value.get("Resources"), dict)
]


NOT_VISIBLE = ("the hook and coverage do not see what is left alone",)  # tags cannot say it
"""Words of the notices on what the hook and ``coverage`` do not see. Then they must not let the task definition pass."""

STARTED_ON_FARGATE = "ec2-task-started-"
"""The beginning of the names of the cases in which another resource starts a task for EC2 on Fargate."""


def has_no_workload(properties: Properties) -> bool:
    """Return whether all workloads are in branches that are not active."""
    containers = properties.get("ContainerDefinitions", [])
    return all(each["Name"] == AGENT_NAME or "FirelensConfiguration" in each for each in containers)


def expected_of(own: Protection, properties: Properties, *, is_started: bool) -> Found:
    """Return the macro's own verdict for each of the others, with another code where they know less."""
    expected = dict.fromkeys(("hook", "check", "coverage"), (own.passes, {code.value for code in own.codes}))
    if Code.NOT_OPTED_IN in own.codes and properties.get("Tags"):  # the tag that the macro wrote is all that they see
        expected |= dict.fromkeys(("hook", "coverage"), (True, {Code.DISABLED.value}))
    if is_started:  # they see no launches, for which there is LaunchTypes=FARGATE_COMPATIBLE
        expected |= dict.fromkeys(("hook", "check"), (True, {Code.NOT_FARGATE.value}))
    return expected


@pytest.mark.parametrize("case", TEMPLATES, ids=lambda case: case.name)
def test_all_agree_on_what_the_macro_makes(case: Case, verdicts: Callable[..., Found]) -> None:
    for each in processed_tasks(case):
        properties = each.properties
        is_created = is_active(each.task.assumptions, each.task.scope) is not False
        if properties is None or not is_created or has_no_workload(properties):
            continue
        is_started = case.name.startswith(STARTED_ON_FARGATE) and each.own.verdict is Verdict.PROTECTED
        found = verdicts(properties, case.settings, each.metadata, "FARGATE" if is_started else None)
        if any(words in each.notices for words in NOT_VISIBLE):
            assert not found["hook"][0]
            assert not found["coverage"][0]
        else:
            assert found == expected_of(each.own, properties, is_started=is_started), each.task.name


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


def add_copy(properties: Properties) -> None:
    properties["ContainerDefinitions"].append(copy.deepcopy(workload(properties)))


def add_many(properties: Properties) -> None:
    copies = [{**copy.deepcopy(workload(properties)), "Name": f"copy{number}"} for number in range(10)]
    properties["ContainerDefinitions"] += copies


MUTATIONS = {
    "entry-point": (set_workload(EntryPoint=["/app"]), {"SI001"}),
    "by-command": (set_workload(EntryPoint=[], Command=["/opt/draios/bin/instrument", "/app"]), {"SI001"}),
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
    "containers-of-one-name": (lambda properties: properties["ContainerDefinitions"].insert(0, workload(properties)), {"SI015"}),
    "other-wrapper": (append("Environment", {"Name": "__INSTRUMENTATION_WRAPPER", "Value": "x"}), {"SI017"}),
    "volume-of-no-container": (append("VolumesFrom", {"SourceContainer": "missing", "ReadOnly": True}), {"SI015"}),
    "dependency-on-no-container": (append("DependsOn", {"ContainerName": "missing", "Condition": "START"}), {"SI015"}),
    "secret-and-variable": (
        set_workload(Secrets=[{"Name": "SAME", "ValueFrom": "arn"}], Environment=[
            {"Name": "SAME", "Value": "x"}, {"Name": "SYSDIG_SIDECAR", "Value": "auto"},
        ]),
        {"SI015"},
    ),
    "two-of-one-name": (add_copy, {"SI015"}),
    "eleven-containers": (add_many, {"SI015"}),
    "no-execution-role": (set_task(ExecutionRoleArn=None), {"SI015"}),
    "tag": (set_task(Tags=[{"Key": "sysdig-instrument", "Value": "false"}]), {"SI020"}),
    "ec2": (set_task(RequiresCompatibilities=["EC2"]), {"SI023"}),
    "windows": (set_task(RuntimePlatform={"OperatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}), {"SI030"}),
}  # fmt: skip
MUTATED_CASES = {"worked-example-template", "entry-point-literal", "mounts-beside-the-wrapper"}


@pytest.mark.parametrize("mutation", MUTATIONS)
@pytest.mark.parametrize("case", [each for each in TEMPLATES if each.name in MUTATED_CASES], ids=lambda case: case.name)
def test_all_agree_on_a_mutated_task_definition(case: Case, mutation: str, verdicts: Callable[..., Found]) -> None:
    (processed,) = processed_tasks(case)
    assert processed.own.verdict is Verdict.PROTECTED
    properties = copy.deepcopy(processed.properties)
    assert properties is not None
    mutate, codes = MUTATIONS[mutation]
    mutate(properties)
    found = verdicts(properties, case.settings)
    passes = all(Code(code).verdict in (Verdict.LEFT_ALONE, Verdict.CANNOT_BE_PROTECTED) for code in codes - {"SI031"})
    expected = (passes and codes != {"SI031"}, codes)
    assert found == dict.fromkeys(found, expected)
