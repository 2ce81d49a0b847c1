"""The deployment hook: which deployments of a service go on, and which do not."""

from __future__ import annotations

import copy
import json
import re
import shlex
from pathlib import Path
from typing import Any, cast

import boto3
import pytest
from botocore.validate import ParamValidator

import release_templates
from sysdig_instrument.function import deployment_hook_handler as handler
from sysdig_instrument.function.deployment_hook import MAX_ATTEMPTS
from sysdig_instrument.lookup.aws import AwsClients
from watch.calls import ACCOUNT, FAULTS, REGION, Account, FakeContext, handle, registered

ROOT = Path(__file__).parents[2]
EVENT: dict[str, Any] = json.loads((ROOT / "events" / "deployment-hook.json").read_text())
PAGE = (ROOT / "docs" / "watch.md").read_text()
REVISION = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/shop/web/9313423515462893900"
EXPORT = "SysdigInstrument-function"
OTHER = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/shop/web/1920498462936580504"


class Hook:
    """Calls the hook for a service revision that runs a task definition. moto has no service revisions."""

    def __init__(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        self.account = account
        self.task_definition = ""
        self.launch_type = "FARGATE"
        clients = AwsClients(account.session, max_attempts=1)
        client = clients.client("ecs", REGION)
        monkeypatch.setattr(client, "describe_service_revisions", self.describe)
        monkeypatch.setattr(handler, "_clients", lambda: clients)
        monkeypatch.setenv("DEPLOYMENT_HOOK", "FAIL")

    def describe(self, **parameters: Any) -> dict[str, Any]:
        arn = parameters["serviceRevisionArns"][0]
        found = {"serviceRevisionArn": arn, "taskDefinition": self.task_definition, "launchType": self.launch_type}
        return {"serviceRevisions": [found]}

    def call(self, **changes: Any) -> dict[str, Any]:
        event = copy.deepcopy(EVENT)
        event["executionDetails"]["targetServiceRevisionArn"] = REVISION
        event["executionDetails"] |= changes.pop("executionDetails", {})
        return self.answer(event | changes)

    @staticmethod
    def answer(event: Any) -> dict[str, Any]:
        return cast("dict[str, Any]", handler.handler(event, cast("Any", FakeContext())))


@pytest.fixture
def hook(account: Account, monkeypatch: pytest.MonkeyPatch) -> Hook:
    return Hook(account, monkeypatch)


@pytest.mark.usefixtures("remediate")
def test_only_protected_and_left_alone_revisions_go_on(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    hook.task_definition = hook.account.register("web")
    assert hook.call() == {"hookStatus": "FAILED"}
    monkeypatch.setenv("DEPLOYMENT_HOOK", "WARN")
    assert hook.call() == {"hookStatus": "SUCCEEDED"}
    monkeypatch.setenv("DEPLOYMENT_HOOK", "FAIL")
    handle(registered(hook.task_definition))
    hook.task_definition = hook.account.described("web:2")["taskDefinition"]["taskDefinitionArn"]
    assert hook.call() == {"hookStatus": "SUCCEEDED"}
    hook.task_definition = hook.account.register("off", tags=[{"key": "sysdig-instrument", "value": "false"}])
    assert hook.call() == {"hookStatus": "SUCCEEDED"}
    monkeypatch.setenv("SYSDIG_INSTRUMENT_LOCKED_SETTINGS", "Enabled")
    assert hook.call() == {"hookStatus": "FAILED"}


def test_the_launch_type_of_the_service_counts(hook: Hook) -> None:
    hook.task_definition = hook.account.register("web", requiresCompatibilities=["EC2"])
    assert hook.call() == {"hookStatus": "FAILED"}
    hook.launch_type = "EC2"
    assert hook.call() == {"hookStatus": "SUCCEEDED"}


@pytest.mark.parametrize(
    ("stage", "target", "other", "status"),
    [
        ("PRODUCTION_TRAFFIC_SHIFT", 0, 100, "SUCCEEDED"),
        ("PRODUCTION_TRAFFIC_SHIFT", 10, 90, "FAILED"),
        ("PRODUCTION_TRAFFIC_SHIFT", 0, 0, "FAILED"),
        ("PRODUCTION_TRAFFIC_SHIFT", None, 100, "FAILED"),
        ("PRE_PRODUCTION_TRAFFIC_SHIFT", 0, 100, "FAILED"),
    ],
)
def test_a_rollback_is_never_prevented(hook: Hook, stage: str, target: int | None, other: int, status: str) -> None:
    hook.task_definition = hook.account.register("web")
    weights = {"productionTrafficWeights": {REVISION: target, OTHER: other}}
    assert hook.call(lifecycleStage=stage, executionDetails=weights)["hookStatus"] == status


@pytest.mark.parametrize("fault", FAULTS)
def test_it_asks_again_and_fails_in_the_end(hook: Hook, fault: str) -> None:
    hook.task_definition = hook.account.register("web")
    hook.account.faults.before["DescribeTaskDefinition"] = [FAULTS[fault]] * 100
    answers = [hook.call(hookDetails={"team": "a"})]
    while answers[-1]["hookStatus"] == "IN_PROGRESS":
        assert answers[-1]["callBackDelay"] == 30
        assert answers[-1]["hookDetails"]["team"] == "a"
        answers.append(hook.call(hookDetails=answers[-1]["hookDetails"]))
    assert answers[-1] == {"hookStatus": "FAILED"}
    assert len(answers) == (1 if fault == "denied" else MAX_ATTEMPTS)


@pytest.mark.parametrize("attempts", [-1, 5, "1", None, [], True, 10**30])
def test_whoever_writes_attempts_gets_none_beyond_the_limit(hook: Hook, attempts: Any) -> None:
    hook.account.faults.before["DescribeTaskDefinition"] = [FAULTS["throttled"]] * 100
    hook.task_definition = hook.account.register("web")
    answer = hook.call(hookDetails={"sysdigInstrumentAttempts": attempts})
    assert answer["hookStatus"] in ("FAILED", "IN_PROGRESS")
    assert answer["hookStatus"] == "FAILED" or answer["hookDetails"]["sysdigInstrumentAttempts"] == 2


def test_what_it_cannot_judge_fails(hook: Hook) -> None:
    hook.task_definition = hook.account.register("web")
    foreign = REVISION.replace(ACCOUNT, "999999999999")
    targets = [None, 1, "", "web", foreign, REVISION.replace("service-revision", "service")]
    answers = [hook.call(executionDetails={"targetServiceRevisionArn": target}) for target in targets]
    events: list[Any] = [None, [], {}, "text", {"executionDetails": []}]
    answers += [hook.answer(event) for event in events]
    assert answers == [{"hookStatus": "FAILED"}] * len(answers)


def test_the_page_deploys_it(account: Account) -> None:
    (command,) = re.findall(r"```sh\n(aws cloudformation deploy .*?)```", PAGE, re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    given = dict(each.split("=", 1) for each in words[words.index("--parameter-overrides") + 1 :])
    s3 = boto3.client("s3", "us-east-1")
    s3.create_bucket(Bucket=given["FunctionBucket"])
    s3.put_object(Bucket=given["FunctionBucket"], Key=f"{release_templates.PREFIX}/function.zip", Body=b"x")
    cloudformation = boto3.client("cloudformation", "us-east-1")
    exported = {"Value": "arn:aws:lambda:us-east-1:123456789012:function:macro", "Export": {"Name": EXPORT}}
    macro = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"Function": exported}}
    cloudformation.create_stack(StackName="macro", TemplateBody=json.dumps(macro))
    name = words[words.index("--stack-name") + 1]
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=release_templates.templates()[words[words.index("--template-file") + 1]],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    (function,) = boto3.client("lambda", "us-east-1").list_functions()["Functions"]
    assert outputs["HookTargetArn"] == function["FunctionArn"]
    assert function["Environment"]["Variables"]["DEPLOYMENT_HOOK"] == "WARN"
    assert function["Environment"]["Variables"]["MACRO_FUNCTION"] == exported["Value"]
    (hook,) = re.findall(r'"lifecycleHooks": (\[.*?\n    \])', PAGE, re.DOTALL)
    model = account.ecs.meta.service_model.shape_for("DeploymentLifecycleHook")
    report = ParamValidator().validate(json.loads(hook)[0], model)
    assert not report.has_errors(), report.generate_report()
    assert outputs["RoleArn"].startswith("arn:aws:iam::")


def test_invalid_settings_fail(hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    hook.task_definition = hook.account.register("web")
    monkeypatch.setenv("SYSDIG_INSTRUMENT_LOCKED_SETTINGS", "Prioritty")
    assert hook.call() == {"hookStatus": "FAILED"}
