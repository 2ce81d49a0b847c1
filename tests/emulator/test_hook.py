"""The function as a CloudFormation Lambda Hook, under AWS's runtime emulator, with the events that AWS documents."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from case_folders import FOLDER
from embedded_aws.runtime import FunctionResponse
from fixtures_embedded_aws import ROOT, Start, on_embedded_aws

pytestmark = on_embedded_aws

EVENT: dict[str, Any] = json.loads((ROOT / "events" / "hook.json").read_text())


def event(properties: Any = None, **changes: Any) -> bytes:
    changed = copy.deepcopy(EVENT) | changes
    if properties is not None:
        changed["requestData"]["targetModel"]["resourceProperties"] = properties
    return json.dumps(changed).encode()


def answered(outcome: FunctionResponse) -> dict[str, Any]:
    assert not outcome.is_error, outcome.log
    answer: dict[str, Any] = json.loads(outcome.body)
    assert answer["clientRequestToken"] == EVENT["clientRequestToken"]
    assert set(answer) <= {"hookStatus", "errorCode", "message", "clientRequestToken", "annotations"}
    return answer


def instrumented() -> dict[str, Any]:
    template = json.loads((FOLDER / "entry-point-literal" / "expected.json").read_text())
    properties: dict[str, Any] = template["Resources"]["Api"]["Properties"]
    return properties


def test_only_instrumented_tasks_are_compliant(start_hook: Start) -> None:
    runtime = start_hook()
    bare = answered(runtime.invoke(event()))
    assert (bare["hookStatus"], bare["errorCode"]) == ("FAILED", "NonCompliant")
    assert 'Task "Api" is not protected' in bare["message"]
    passed = answered(runtime.invoke(event(instrumented())))
    assert passed["hookStatus"] == "SUCCESS", passed
    # and the first once more: nothing of the second is left
    assert answered(runtime.invoke(event())) == bare


@pytest.mark.parametrize("point", ["CREATE_PRE_PROVISION", "UPDATE_PRE_PROVISION"])
def test_a_tag_opts_out(start_hook: Start, point: str) -> None:
    properties = EVENT["requestData"]["targetModel"]["resourceProperties"]
    tagged = properties | {"Tags": [{"Key": "sysdig-instrument", "Value": "false"}]}
    answer = answered(start_hook().invoke(event(tagged, actionInvocationPoint=point)))
    assert answer["hookStatus"] == "SUCCESS"
    assert "left alone" in answer["message"]


def test_the_function_of_the_hook_answers_no_macro(start_hook: Start) -> None:
    """The permission to call one function gives nothing of the other."""
    answer = json.loads(start_hook().invoke((ROOT / "events" / "template.json").read_bytes()).body)
    assert answer["hookStatus"] == "FAILED"
    assert "fragment" not in answer


def test_events_that_cannot_be_inspected_fail(start_hook: Start) -> None:
    runtime = start_hook()
    for each in (b"{}", b"[]", b"null", b'"text"', event("text"), event({}), event(targetName="STACK", requestData={})):
        outcome = runtime.invoke(each)
        assert not outcome.is_error, outcome.log
        assert json.loads(outcome.body)["hookStatus"] == "FAILED"


def test_invalid_deployment_settings_are_reported(start_hook: Start) -> None:
    answer = answered(start_hook(LockedSettings="Prioritty").invoke(event()))
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "InternalFailure")
    assert "LockedSettings" in answer["message"]
