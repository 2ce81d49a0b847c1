"""The Lambda Hook: events of the CloudFormation Hooks user guide, and the responses that it expects."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, cast

import pytest

from case_folders import FOLDER
from factories import container, processed, properties_of, template
from fixtures_handler import invoke
from sysdig_instrument.documents import load

ROOT = Path(__file__).parent.parent
EVENT = json.loads((ROOT / "events" / "hook.json").read_text())
SETTINGS = json.loads((FOLDER / "settings.json").read_text())


def run_hook(
    monkeypatch: pytest.MonkeyPatch, properties: Any = None, settings: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    event = copy.deepcopy(EVENT) | changes
    if properties is not None:
        event["requestData"]["targetModel"]["resourceProperties"] = properties
    return invoke(event, SETTINGS | (settings or {}), lambda _: pytest.fail("the hook makes no lookups"), monkeypatch)


def instrumented_properties(case: str) -> dict[str, Any]:
    template = json.loads((FOLDER / case / "expected.json").read_text())
    return cast("dict[str, Any]", next(iter(template["Resources"].values()))["Properties"])


def test_an_uninstrumented_task_fails_with_each_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    response = run_hook(monkeypatch)
    assert response["hookStatus"] == "FAILED"
    assert response["errorCode"] == "NonCompliant"
    assert response["clientRequestToken"] == EVENT["clientRequestToken"]
    assert 'Task "Api" is not protected: ' in response["message"]
    assert 'Container "web" is not started by the wrapper' in response["message"]


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


@pytest.mark.parametrize("locks", ["", "*", "*,!AgentCpu"])
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


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"Enabled": False, "Reason": "SEC-1"}, "is left alone: Enabled is false in the tags (Reason: SEC-1)"),
        ({"Containers": {"web": {"Enabled": False, "Reason": "SEC-1"}}}, "is instrumented"),
    ],
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
    "changes", [{"actionInvocationPoint": "DELETE_PRE_PROVISION"}, {"requestData": {"targetName": "AWS::S3::Bucket"}}]
)
def test_other_resources_and_deletions_pass(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    assert run_hook(monkeypatch, **changes)["hookStatus"] == "SUCCESS"


@pytest.mark.parametrize("data", [None, [], "x", {}])
def test_a_malformed_event_gets_a_response(monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    response = run_hook(monkeypatch, requestData=data)
    assert response["hookStatus"] in {"SUCCESS", "FAILED"}
    assert response["message"]


def test_template_yaml_creates_the_hook_only_on_request() -> None:
    """CloudFormation decides, by the FailureMode, whether a non-compliant task definition fails its stack."""
    template = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)
    mode, hook = template["Parameters"]["HookMode"], template["Resources"]["Hook"]
    assert (mode["Default"], mode["AllowedValues"]) == ("OFF", ["OFF", "WARN", "FAIL"])
    assert template["Conditions"][hook["Condition"]] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "HookMode"}, "OFF"]}]}
    assert hook["Properties"]["FailureMode"] == {"Ref": "HookMode"}
    filters = hook["Properties"]["TargetFilters"]
    assert (filters["TargetNames"], filters["Actions"]) == (["AWS::ECS::TaskDefinition"], ["CREATE", "UPDATE"])
