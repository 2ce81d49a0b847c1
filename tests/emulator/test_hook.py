"""The function as a CloudFormation Lambda Hook, under AWS's runtime emulator, with the events that AWS documents."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from case_folders import FOLDER
from embedded_aws.runtime import FunctionResponse
from fixtures_embedded_aws import ROOT, SECRET, Start, on_embedded_aws, run_make

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


STACK_EVENT: dict[str, Any] = json.loads((ROOT / "events" / "hook-stack.json").read_text())


@pytest.mark.parametrize("target", ["STACK", "CHANGE_SET"])
@pytest.mark.parametrize(
    "address",
    [
        "http://bucket.s3.us-east-1.amazonaws.com/key",
        "https://169.254.169.254/latest/meta-data",
        "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
        "https://bucket.s3.us-east-1.amazonaws.com.example.com/key",
        "",
        None,
    ],
)
def test_only_objects_in_s3_are_read(start_hook: Start, target: str, address: Any) -> None:
    changed = copy.deepcopy(STACK_EVENT)
    changed["requestData"] |= {"targetName": target, "targetType": target, "payload": address}
    answer = answered(start_hook().invoke(json.dumps(changed).encode()))
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "InternalFailure")
    assert "(SI607)" in answer["message"]
    assert "Internal error" not in answer["message"]


READ: Final = """
import json, sys
sys.path.insert(0, sys.argv[1])
import sysdig_instrument.function.hook_handler
assert "yaml" not in sys.modules and "urllib3" not in sys.modules
from sysdig_instrument.engine.settings.layers import from_environment
from sysdig_instrument.function import hook, hook_templates
hook_templates.read_presigned = lambda *_, **__: json.dumps({"template": sys.stdin.read()}).encode()
print(json.dumps(hook.inspect(json.loads(sys.argv[2]), from_environment(json.loads(sys.argv[3])))))
import yaml
assert yaml.__file__.startswith(sys.argv[1]) and not yaml.__with_libyaml__
"""


def test_the_bundle_reads_yaml(bundle: Path) -> None:
    """The function has PyYAML without its compiled parser. The other tests have that."""
    python = run_make("python").strip() or sys.executable
    variables = {"SYSDIG_INSTRUMENT_COLLECTOR": "us2", "SYSDIG_INSTRUMENT_ACCESS_KEY_SECRET": SECRET}
    source = (FOLDER / "worked-example-template" / "template.yaml").read_text()
    command = [python, "-I", "-c", READ, str(bundle), json.dumps(STACK_EVENT), json.dumps(variables)]
    done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=60, check=True)
    answer = json.loads(done.stdout.splitlines()[-1])
    assert (answer["hookStatus"], answer["annotations"][0]["annotationName"]) == ("SUCCESS", "SI000"), answer


def test_invalid_deployment_settings_are_reported(start_hook: Start) -> None:
    answer = answered(start_hook(LockedSettings="Prioritty").invoke(event()))
    assert (answer["hookStatus"], answer["errorCode"]) == ("FAILED", "InternalFailure")
    assert "LockedSettings" in answer["message"]
