"""The Lambda Hook: events of the CloudFormation Hooks user guide, and the responses that it expects."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any, cast

import botocore.session
import pytest
from botocore.validate import ParamValidator

from case_folders import FOLDER
from factories import container, processed, properties_of, template
from fixtures_handler import FakeLambdaContext, environment_variables, invoke_hook
from sysdig_instrument.function import hook_handler

ROOT = Path(__file__).parent.parent
EVENT = json.loads((ROOT / "events" / "hook.json").read_text())
SETTINGS = json.loads((FOLDER / "settings.json").read_text())


def run_hook(
    monkeypatch: pytest.MonkeyPatch, properties: Any = None, settings: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    event = copy.deepcopy(EVENT) | changes
    if properties is not None:
        event["requestData"]["targetModel"]["resourceProperties"] = properties
    return invoke_hook(event, SETTINGS | (settings or {}), monkeypatch)


def instrumented_properties(case: str) -> dict[str, Any]:
    template = json.loads((FOLDER / case / "expected.json").read_text())
    return cast("dict[str, Any]", next(iter(template["Resources"].values()))["Properties"])


def test_an_uninstrumented_task_fails_with_each_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    response = run_hook(monkeypatch)
    assert response["hookStatus"] == "FAILED"
    assert response["errorCode"] == "NonCompliant"
    assert response["clientRequestToken"] == EVENT["clientRequestToken"]
    assert response["message"] == (
        'Task "Api" is not protected. Write this at the template\'s top level: Transform: SysdigInstrument (if Transform is '
        'already there, add it as the last item). Found: Container "web" is not started by the wrapper (SI001).'
    )


def test_the_advice_has_the_macros_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    message = run_hook(monkeypatch, settings={"MacroName": "OurAgent"})["message"]
    assert "top level: Transform: OurAgent (if" in message


def test_an_instrumented_task_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    response = run_hook(monkeypatch, instrumented_properties("worked-example-template"))
    assert response["hookStatus"] == "SUCCESS"
    assert "errorCode" not in response


def test_one_uninstrumented_container_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = instrumented_properties("worked-example-template")
    properties["ContainerDefinitions"].insert(0, {"Name": "late", "Image": "late:1", "EntryPoint": ["/late"]})
    response = run_hook(monkeypatch, properties)
    assert response["hookStatus"] == "FAILED"
    assert '"late"' in response["message"]
    assert "name it in the tag sysdig-instrument-exclude. Found: Container" in response["message"]
    assert "securitiy-playground" not in response["message"]


MIRROR = "mirror.example.com/sysdig/workload-agent:6.2.1"


def with_agent(**members: Any) -> dict[str, Any]:
    properties = instrumented_properties("worked-example-template")
    properties["ContainerDefinitions"][-1].update(members)
    return properties


def test_another_tag_of_the_agents_image_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring may have another release of the agent."""
    properties = with_agent(Image="quay.io/sysdig/workload-agent:6.2.1")
    assert run_hook(monkeypatch, properties)["hookStatus"] == "SUCCESS"


def test_an_agent_from_another_repository_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    response = run_hook(monkeypatch, with_agent(Image=MIRROR))
    assert response["hookStatus"] == "FAILED"
    assert "TrustedAgentImages" in response["message"]


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"TrustedAgentImages": "mirror.example.com/*"}, "SUCCESS"),
        ({"TrustedAgentImages": "mirror.example.com/*", "LockedSettings": "AgentImage"}, "FAILED"),
        ({"AgentImage": MIRROR, "LockedSettings": "*"}, "SUCCESS"),
    ],
)
def test_a_mirror_of_the_agent(monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], status: str) -> None:
    assert run_hook(monkeypatch, with_agent(Image=MIRROR), settings)["hookStatus"] == status


@pytest.mark.parametrize(
    "members",
    [{"EntryPoint": ["/bin/true"]}, {"Secrets": []}, {"Image": "busybox"}, {"Environment": []}, {"User": "nobody"}],
    ids=lambda members: next(iter(members)),
)
def test_a_fake_agent_fails(monkeypatch: pytest.MonkeyPatch, members: dict[str, Any]) -> None:
    assert run_hook(monkeypatch, with_agent(**members))["hookStatus"] == "FAILED"


def test_what_is_locked_must_be_as_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = instrumented_properties("worked-example-template")
    properties["ContainerDefinitions"][-1]["Environment"][0]["Value"] = "elsewhere.example.com"
    assert run_hook(monkeypatch, properties)["hookStatus"] == "SUCCESS"
    response = run_hook(monkeypatch, properties, {"LockedSettings": "Collector,AgentCpu"})
    assert response["hookStatus"] == "FAILED"
    assert 'differs from the locked setting "Collector"' in response["message"]


@pytest.mark.parametrize("locks", ["", "*", "*,!AgentCpu"], ids=["none", "all", "all-but-one"])
def test_the_macros_own_output_passes_whatever_is_locked(monkeypatch: pytest.MonkeyPatch, locks: str) -> None:
    properties = instrumented_properties("worked-example-template")
    assert run_hook(monkeypatch, properties, {"LockedSettings": locks})["hookStatus"] == "SUCCESS"


def test_a_tag_excludes_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = EVENT["requestData"]["targetModel"]["resourceProperties"] | {
        "Tags": [{"Key": "sysdig-instrument", "Value": "false"}]
    }
    response = run_hook(monkeypatch, properties)
    assert response["hookStatus"] == "SUCCESS"
    assert "left alone" in response["message"]


@pytest.mark.parametrize("target", ["AWS::ECS::TaskDefinition", "AWS::S3::Bucket", "STACK", None])
def test_deletions_pass(monkeypatch: pytest.MonkeyPatch, target: Any) -> None:
    response = run_hook(monkeypatch, actionInvocationPoint="DELETE_PRE_PROVISION", requestData={"targetName": target})
    assert response["hookStatus"] == "SUCCESS"


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"Enabled": False, "Reason": "SEC-1"}, "is left alone: Enabled is false in the tags (Reason: SEC-1)"),
        ({"Containers": {"web": {"Enabled": False, "Reason": "SEC-1"}}}, "is protected"),
    ],
    ids=["task", "container"],
)
def test_what_metadata_leaves_alone_passes_by_the_macros_tags(
    monkeypatch: pytest.MonkeyPatch, own: dict[str, Any], message: str
) -> None:
    value = template(container(), container(Name="helper"))
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": own}
    before = run_hook(monkeypatch, value["Resources"]["Api"]["Properties"])
    assert (before["hookStatus"], before["errorCode"]) == ("FAILED", "NonCompliant")
    response = run_hook(monkeypatch, properties_of(processed(value)))
    assert response["hookStatus"] == "SUCCESS"
    assert message in response["message"]


@pytest.mark.parametrize(
    "target",
    ["AWS::S3::Bucket", "AWS::ECS::Service", "AWS::ECS::taskdefinition", "Stack", "CHANGE-SET", "", None, {}, 1],
)
def test_targets_that_the_hook_cannot_judge_fail(monkeypatch: pytest.MonkeyPatch, target: Any) -> None:
    data = EVENT["requestData"] | {"targetName": target}
    response = run_hook(monkeypatch, requestData=data)
    assert_not_inspected(response)
    assert "The hook is set to targets that it cannot judge" in response["message"]
    assert "TargetFilters" in response["message"]


def assert_not_inspected(response: dict[str, Any]) -> None:
    assert (response["hookStatus"], response["errorCode"]) == ("FAILED", "InternalFailure"), response
    assert response["message"]
    assert "Internal error" not in response["message"]


@pytest.mark.parametrize("point", ["CREATE_POST_PROVISION", "create_pre_provision", "DELETE", "", None, [], 1])
def test_unknown_invocation_points_fail(monkeypatch: pytest.MonkeyPatch, point: Any) -> None:
    for properties in (None, instrumented_properties("worked-example-template")):
        response = run_hook(monkeypatch, properties, actionInvocationPoint=point)
        assert_not_inspected(response)
        assert "an invocation point that it does not know" in response["message"]


def test_a_missing_invocation_point_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    event = copy.deepcopy(EVENT)
    del event["actionInvocationPoint"]
    assert_not_inspected(invoke_hook(event, SETTINGS, monkeypatch))


@pytest.mark.parametrize(
    "properties",
    ["", "text", [], [{}], 1, False, json.dumps({"ContainerDefinitions": []})],
    ids=["empty-text", "text", "empty-list", "list", "number", "boolean", "json-text"],
)
def test_properties_that_are_not_an_object_fail(monkeypatch: pytest.MonkeyPatch, properties: Any) -> None:
    response = run_hook(monkeypatch, properties)
    assert_not_inspected(response)
    assert "no properties of the resource" in response["message"]


@pytest.mark.parametrize("model", [None, "x", [], {}, {"resourceProperties": None}, {"previousResourceProperties": {}}])
def test_missing_properties_fail(monkeypatch: pytest.MonkeyPatch, model: Any) -> None:
    assert_not_inspected(run_hook(monkeypatch, requestData=EVENT["requestData"] | {"targetModel": model}))


@pytest.mark.parametrize(
    "containers", [None, [], {}, "text", [None], ["web"], [[]], {"Fn::If": ["A", [], []]}, [{"Name": "web"}, "x"]]
)
@pytest.mark.parametrize("launch", [["FARGATE"], ["EC2"], None])
def test_containers_that_cannot_be_inspected_fail(
    monkeypatch: pytest.MonkeyPatch, containers: Any, launch: Any
) -> None:
    properties = {"ContainerDefinitions": containers, "RequiresCompatibilities": launch}
    response = run_hook(monkeypatch, {key: value for key, value in properties.items() if value is not None})
    assert_not_inspected(response)
    assert "no list of containers" in response["message"]


@pytest.mark.parametrize("event", [None, [], "x", 1, {}, {"requestData": None}, {"requestData": []}, {"fragment": {}}])
def test_other_events_fail(monkeypatch: pytest.MonkeyPatch, event: Any) -> None:
    response = invoke_hook(event, SETTINGS, monkeypatch)
    assert_not_inspected(response)
    assert response["clientRequestToken"] == ""


def test_the_cloud_control_api_is_answered_as_cloudformation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its events have no stack and no logical ID."""
    for properties, status in ((None, "FAILED"), (instrumented_properties("worked-example-template"), "SUCCESS")):
        event = {name: value for name, value in EVENT.items() if name not in {"stackId", "changeSetId"}}
        data = copy.deepcopy(EVENT["requestData"]) | {"targetLogicalId": None}
        if properties:
            data["targetModel"] = {"resourceProperties": properties}
        response = invoke_hook(event | {"requestData": data}, SETTINGS, monkeypatch)
        assert response["hookStatus"] == status
        assert 'Task "TaskDefinition"' in response["message"]


@pytest.mark.parametrize(
    "name",
    ["Fn::ForEach::X", "Fn::Transform", "", "a\nb", "x" * 5000, {}, 1],
    ids=["loop", "transform", "empty", "two-lines", "long-text", "object", "number"],
)
def test_logical_ids_that_are_not_change_nothing(monkeypatch: pytest.MonkeyPatch, name: Any) -> None:
    response = run_hook(monkeypatch, requestData=copy.deepcopy(EVENT["requestData"]) | {"targetLogicalId": name})
    assert (response["hookStatus"], response["errorCode"]) == ("FAILED", "NonCompliant")
    assert response["message"].startswith('Task "TaskDefinition" is not protected')


@pytest.mark.parametrize(
    "token", [None, {}, ["x"], 1, "x" * 129], ids=["null", "object", "list", "number", "long-text"]
)
def test_a_token_that_is_not_one_is_not_sent_back(monkeypatch: pytest.MonkeyPatch, token: Any) -> None:
    assert run_hook(monkeypatch, clientRequestToken=token)["clientRequestToken"] == ""


def test_the_message_is_short_and_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    container = {"Name": "\x1b[2J\n::stop-commands::x\u202e", "Image": "a:1"}
    many = [container | {"Name": f"{container['Name']}{number}"} for number in range(100)]
    response = run_hook(monkeypatch, {"RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": many})
    assert response["hookStatus"] == "FAILED"
    assert response["message"].isprintable()
    assert len(response["message"]) <= 1000


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "needs more memory than the hook has"),
        (RecursionError(), "nested too deeply to be inspected"),
        (ValueError("the event's own text"), "Internal error in the hook (ValueError)"),
    ],
)
def test_an_exception_fails(monkeypatch: pytest.MonkeyPatch, error: Exception, words: str) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr("sysdig_instrument.function.hook.plan_definition", broken)
    response = run_hook(monkeypatch)
    assert (response["hookStatus"], response["errorCode"]) == ("FAILED", "InternalFailure")
    assert words in response["message"]
    assert "own text" not in response["message"]


class HurriedContext(FakeLambdaContext):
    """A context with a little time left."""

    def get_remaining_time_in_millis(self) -> int:
        return 2_200


def test_the_deadline_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> None:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            sum(range(100))

    monkeypatch.setattr("sysdig_instrument.function.hook.plan_definition", slow)
    for name, value in environment_variables(SETTINGS).items():
        monkeypatch.setenv(name, value)
    response = hook_handler.handler(copy.deepcopy(EVENT), cast("Any", HurriedContext()))
    assert (response["hookStatus"], response["errorCode"]) == ("FAILED", "InternalFailure")
    assert "longer than the hook may run" in str(response["message"])


def test_the_hook_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysdig_instrument.lookup.session.make_lookup", lambda *_: pytest.fail("a lookup"))
    container = {"Name": "web", "Image": "{{resolve:ssm:/shop/image}}"}
    response = run_hook(monkeypatch, {"RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": [container]})
    assert response["hookStatus"] == "FAILED"


EXPRESS = "AWS::ECS::ExpressGatewayService"
JOB = "AWS::Batch::JobDefinition"


@pytest.mark.parametrize("policy", ["warn", "fail"])
@pytest.mark.parametrize(
    ("target", "properties", "code"),
    [
        pytest.param(EXPRESS, {"PrimaryContainer": {"Image": "nginx"}}, "SI033", id="express"),
        pytest.param(EXPRESS, {"TaskDefinitionArn": "arn:aws:ecs:…:task-definition/x:1"}, "", id="express-with-task"),
        pytest.param(JOB, {"PlatformCapabilities": ["FARGATE"]}, "SI034", id="job-on-fargate"),
        pytest.param(JOB, {"PlatformCapabilities": ["EC2"]}, "", id="job-on-ec2"),
        pytest.param(JOB, {"PlatformCapabilities": [5]}, "SI034", id="job-of-odd-form"),
        pytest.param(JOB, {}, "", id="job"),
    ],
)
def test_workloads_that_cannot_carry_the_agent(
    monkeypatch: pytest.MonkeyPatch, target: str, properties: dict[str, Any], code: str, policy: str
) -> None:
    data = EVENT["requestData"] | {"targetName": target, "targetModel": {"resourceProperties": properties}}
    response = run_hook(monkeypatch, settings={"OtherWorkloads": policy}, requestData=data)
    assert response["hookStatus"] == ("FAILED" if code and policy == "fail" else "SUCCESS")
    assert code in response["message"]


CONVERTIBLE = {
    "Cpu": "512",
    "Memory": "1024",
    "ExecutionRoleArn": "arn:aws:iam::111122223333:role/execution",
    "PrimaryContainer": {"Image": "nginx", "AwsLogsConfiguration": {"LogGroup": "web", "LogStreamPrefix": "web"}},
}
OPTED_OUT: dict[str, Any] = CONVERTIBLE | {"Tags": [{"Key": "sysdig-instrument", "Value": "false"}]}


@pytest.mark.parametrize(
    ("properties", "policy", "status", "words"),
    [
        pytest.param(CONVERTIBLE, "warn", "FAILED", "is not protected", id="not-converted"),
        pytest.param({"PrimaryContainer": {"Image": "nginx"}}, "warn", "FAILED", "cannot be converted", id="refused"),
        pytest.param({"TaskDefinitionArn": "arn:aws:ecs:…:task-definition/x:1"}, "fail", "SUCCESS", "", id="converted"),
        pytest.param(
            OPTED_OUT,
            "warn",
            "SUCCESS",
            "SI033",
            id="tag",
        ),
        pytest.param(
            OPTED_OUT,
            "fail",
            "FAILED",
            "SI033",
            id="tag-fail",
        ),
    ],
)
def test_a_service_that_the_macro_would_convert(
    monkeypatch: pytest.MonkeyPatch, properties: dict[str, Any], policy: str, status: str, words: str
) -> None:
    data = EVENT["requestData"] | {"targetName": EXPRESS, "targetModel": {"resourceProperties": properties}}
    settings = {"ExpressServices": "convert", "OtherWorkloads": policy}
    response = run_hook(monkeypatch, settings=settings, requestData=data)
    assert response["hookStatus"] == status
    assert words in response["message"]


HELP = "Questions: #platform-security"


@pytest.mark.parametrize(
    "changes", [{}, {"requestData": None}, {"actionInvocationPoint": "ELSE"}], ids=["task", "event", "point"]
)
def test_what_fails_ends_with_the_help_text(changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    failed = run_hook(monkeypatch, settings={"HelpText": HELP}, **changes)
    assert failed["hookStatus"] == "FAILED"
    assert failed["message"].endswith(f". {HELP}") or failed["message"].endswith(f") {HELP}")
    assert failed["message"].count(HELP) == 1


def test_a_long_message_keeps_the_help_text(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = instrumented_properties("worked-example-template")
    properties["ContainerDefinitions"] = [container(Name=f"container-{number}" * 5) for number in range(30)]
    failed = run_hook(monkeypatch, properties, settings={"HelpText": "x" * 200})
    assert failed["message"].endswith("… " + "x" * 200)
    assert len(failed["message"]) <= 1000


def test_what_passes_has_no_help_text(monkeypatch: pytest.MonkeyPatch) -> None:
    passed = run_hook(monkeypatch, instrumented_properties("worked-example-template"), settings={"HelpText": HELP})
    assert passed["hookStatus"] == "SUCCESS"
    assert HELP not in passed["message"]


HOOK_MODEL = botocore.session.get_session().get_service_model("cloudformation")


def checked_annotations(response: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the annotations of a response, after botocore has found them to be as GetHookResult gives them."""
    annotations: list[dict[str, Any]] = response["annotations"]
    shape = HOOK_MODEL.operation_model("GetHookResult").output_shape.members["Annotations"]
    as_in_api = [{name[0].upper() + name[1:]: value for name, value in each.items()} for each in annotations]
    report = ParamValidator().validate(as_in_api, shape)
    assert not report.has_errors(), report.generate_report()
    statuses = shape.member.members["Status"].enum
    severities = shape.member.members["SeverityLevel"].enum
    assert {each["status"] for each in annotations} <= set(statuses)
    assert {each.get("severityLevel", "LOW") for each in annotations} <= set(severities)
    return annotations


def test_each_reason_is_an_annotation_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    response = run_hook(monkeypatch)
    annotations = checked_annotations(response)
    assert {each["status"] for each in annotations} == {"FAILED"}
    assert all(f"({each['annotationName']})" in response["message"] for each in annotations[:2])
    wrapped = next(each for each in annotations if "is not started by the wrapper" in each["statusMessage"])
    assert wrapped["severityLevel"] == "HIGH"


def test_what_passes_has_annotations_too(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = instrumented_properties("worked-example-template")
    (passed,) = checked_annotations(run_hook(monkeypatch, properties))
    assert passed == {
        "annotationName": "SI000", "status": "PASSED", "statusMessage": "Each container that has to be protected is protected",
    }  # fmt: skip
    properties["Tags"] = [{"Key": "sysdig-instrument", "Value": "false"}]
    (skipped,) = checked_annotations(run_hook(monkeypatch, properties))
    assert skipped["status"] == "SKIPPED"


def test_a_response_has_a_limited_number_of_annotations(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [{"Name": f"c{index}", "Image": "a:1", "EntryPoint": ["/a"]} for index in range(60)]
    properties = EVENT["requestData"]["targetModel"]["resourceProperties"] | {"ContainerDefinitions": many}
    assert len(checked_annotations(run_hook(monkeypatch, properties))) == 50


def test_what_to_do_is_never_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten containers have fifty reasons: the message has what to do before them, and each annotation has it, too."""
    ten = [{"Name": f"container-{index}", "Image": "a:1", "EntryPoint": ["/a"]} for index in range(9)]
    properties = EVENT["requestData"]["targetModel"]["resourceProperties"] | {"ContainerDefinitions": ten}
    properties["ExecutionRoleArn"] = "arn:aws:iam::111122223333:role/shop"
    response = run_hook(monkeypatch, properties, settings={"HelpText": "Questions: #platform-security"})
    assert len(response["message"]) <= 1000
    assert response["message"].startswith(
        'Task "Api" is not protected. Write this at the template\'s top level: Transform: '
    )
    assert response["message"].endswith("… Questions: #platform-security")
    assert {each["remediationMessage"] for each in checked_annotations(response)} == {
        "Write this at the template's top level: Transform: SysdigInstrument (if Transform is already there, add it as the last item)."
    }


def test_what_cannot_be_inspected_is_an_annotation(monkeypatch: pytest.MonkeyPatch) -> None:
    express = copy.deepcopy(EVENT["requestData"]) | {"targetName": "AWS::ECS::ExpressGatewayService"}
    express["targetModel"]["resourceProperties"] = {"PrimaryContainer": {"Image": "a:1"}}
    (skipped,) = checked_annotations(run_hook(monkeypatch, requestData=express))
    assert skipped["status"] == "SKIPPED"
    (failed,) = checked_annotations(run_hook(monkeypatch, settings={"OtherWorkloads": "fail"}, requestData=express))
    assert failed["status"] == "FAILED"
    assert failed["remediationMessage"]
