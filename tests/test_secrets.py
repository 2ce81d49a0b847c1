"""No secret leaks: the complete output of many runs is searched for planted secrets.

Messages contain names from the template, and no values. So the value of a variable, a parameter, a label or an output
must not appear in a log line, a metric, a message or the Metadata. The processed template has it in the same place as the
input, and nowhere else.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from case_folders import ACCOUNT, CASES, REGION, Case
from factories import SETTINGS, answer_lookups, container, plan_of, resource, template
from fixtures_handler import invoke, invoke_hook
from fixtures_telemetry import Recorder
from secret_guard import PLANTED, inspect_text, leaks
from sysdig_instrument.cli import lookups, main
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.errors import UsageError
from sysdig_instrument.function import hook, macro, telemetry
from sysdig_instrument.function.macro import TemplateRefusedError

PARAMETER: Final = f"{PLANTED}-parameter"

cases = pytest.mark.parametrize(
    "case", [case for case in CASES if case.input.suffix == ".yaml" or not case.is_plain], ids=lambda case: case.name
)


@pytest.fixture
def recorder(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Recorder:
    return Recorder(capsys, monkeypatch)


def results(template: Any) -> str:
    """Return the Results that the macro wrote into Metadata, as JSON."""
    resources = template.get("Resources", {}) if isinstance(template, dict) else {}
    found = [
        each["Metadata"]["SysdigInstrument"].get("Result")
        for each in resources.values()
        if isinstance(each, dict) and isinstance(each.get("Metadata"), dict) and "SysdigInstrument" in each["Metadata"]
    ]
    return json.dumps(found)


def event(fragment: Any, values: Mapping[str, Any] | None = None, params: Any = None) -> dict[str, Any]:
    return {
        "requestId": "r-1",
        "region": REGION,
        "accountId": ACCOUNT,
        "fragment": fragment,
        "params": params or {},
        "templateParameterValues": values or {},
    }


def planted(container_members: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    """Return a template with a secret in every place where people put secrets."""
    members: dict[str, Any] = {
        "Environment": [
            {"Name": "PASSWORD", "Value": PLANTED},
            {"Name": "SYSDIG_ACCESS_KEY", "Value": PLANTED},
            {"Name": "SYSDIG_SIDECAR", "Value": PLANTED},
            {"Name": "URL", "Value": {"Fn::Sub": f"https://user:{PLANTED}@db"}},
        ],
        "EntryPoint": ["run", f"--password={PLANTED}"],
        "Command": [PLANTED, {"Ref": "Password"}],
        "DockerLabels": {"token": PLANTED},
        "LogConfiguration": {"LogDriver": "splunk", "Options": {"splunk-token": PLANTED}},
        "HealthCheck": {"Command": ["CMD", PLANTED]},
        "Secrets": [{"Name": "OTHER", "ValueFrom": f"arn:aws:ssm:eu-west-1:111122223333:parameter/{PLANTED}"}],
    }
    web = {**container(), **members, **(container_members or {})}
    task_members = {"Tags": [{"Key": "k", "Value": PLANTED}], **properties}
    return {
        "Description": PLANTED,
        "Parameters": {"Password": {"Type": "String", "NoEcho": True}},
        "Mappings": {"Keys": {"live": {"Key": PLANTED}}},
        "Resources": {
            "Api": resource(web, {"Name": "db", "Image": "shop/db:1"}, **task_members),
            "Other": {"Type": "AWS::RDS::DBInstance", "Properties": {"MasterUserPassword": PLANTED}},
        },
        "Outputs": {"Key": {"Value": PLANTED}},
    }  # fmt: skip


BROKEN: Final[Mapping[str, dict[str, Any]]] = {
    "unchanged": {},
    "no image": {"container_members": {"Image": {"Ref": "Password"}, "EntryPoint": []}},
    "image is a secret in a Sub": {"container_members": {"Image": {"Fn::Sub": "${Password}:1"}, "EntryPoint": None}},
    "entry point is a string": {"container_members": {"EntryPoint": f"run --password={PLANTED}"}},
    "entry point is a Split": {"container_members": {"EntryPoint": {"Fn::Split": [",", PLANTED]}}},
    "environment is a string": {"container_members": {"Environment": PLANTED}},
    "environment is an expression": {"container_members": {"Environment": {"Fn::FindInMap": ["Keys", "live", "Key"]}}},
    "linux parameters are a string": {"container_members": {"LinuxParameters": PLANTED}},
    "capabilities are a string": {"container_members": {"LinuxParameters": {"Capabilities": {"Add": PLANTED}}}},
    "volumes are a string": {"container_members": {"VolumesFrom": PLANTED}},
    "secrets clash": {"container_members": {"Secrets": [{"Name": "PASSWORD", "ValueFrom": PLANTED}]}},
    "pid mode": {"PidMode": "host"},
    "pid mode is a secret": {"PidMode": {"Fn::Join": ["", [{"Ref": "Password"}]]}},
    "containers are a string": {"ContainerDefinitions": PLANTED},
    "memory is a secret": {"Memory": {"Ref": "Password"}, "Cpu": PLANTED},
    "role is a secret": {"ExecutionRoleArn": {"Ref": "Password"}},
    "tag value": {"Tags": [{"Key": "sysdig-instrument", "Value": PLANTED}]},
    "platform": {"RuntimePlatform": {"CpuArchitecture": PLANTED, "OperatingSystemFamily": PLANTED}},
}


@pytest.mark.parametrize("name", BROKEN)
def test_planted_secrets_do_not_leak(recorder: Recorder, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    template = planted(**BROKEN[name])
    before = copy.deepcopy(template)
    response = invoke(event(template, {"Password": PARAMETER}), SETTINGS, answer_lookups, monkeypatch)
    output = recorder.take().text + json.dumps({**response, "fragment": None})
    assert PLANTED not in output
    if "fragment" in response:
        assert PLANTED not in results(response["fragment"])
        assert PARAMETER not in json.dumps(response["fragment"])
        # Nothing is copied; the value of SYSDIG_SIDECAR, where there is one, is replaced.
        copies = json.dumps(response["fragment"]).count(PLANTED)
        assert copies == json.dumps(before).count(PLANTED) - json.dumps(before).count("SYSDIG_SIDECAR")


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"AgentEnvironment": {"A": PLANTED}}, id="AgentEnvironment"),
        pytest.param({"AgentEnvironment": f"A={PLANTED}"}, id="AgentEnvironment-as-string"),
        pytest.param({"WorkloadEnvironment": [PLANTED]}, id="WorkloadEnvironment"),
        pytest.param({"Priority": PLANTED}, id="Priority"),
        pytest.param({"CollectorPort": PLANTED}, id="CollectorPort"),
        pytest.param({"AccessKeySecret": PLANTED}, id="AccessKeySecret"),
        pytest.param({"ImageConfigs": {"a": PLANTED}}, id="ImageConfigs"),
        pytest.param({"ExtraConf": [PLANTED]}, id="ExtraConf"),
        pytest.param(
            {"AgentLogConfiguration": {"LogDriver": "splunk", "Options": {"splunk-token": PLANTED}}},
            id="AgentLogConfiguration",
        ),
    ],
)
def test_setting_values_are_not_printed(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    fragment = {"Resources": {"Api": resource()}}
    with_metadata = {**fragment, "Metadata": {"SysdigInstrument": settings}}
    for given in (event(fragment, params=settings), event(with_metadata)):
        response = invoke(given, SETTINGS, answer_lookups, monkeypatch)
        output = recorder.take().text + json.dumps({**response, "fragment": None}) + results(response.get("fragment"))
        assert PLANTED not in output


def test_the_hook_prints_no_value(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    for properties in (planted()["Resources"]["Api"]["Properties"], {"ContainerDefinitions": PLANTED, "Cpu": PLANTED}):
        hook_event = {
            "hookTypeName": "Sysdig::Instrument::Hook",
            "actionInvocationPoint": "CREATE_PRE_PROVISION",
            "clientRequestToken": "token",
            "requestData": {
                "targetName": "AWS::ECS::TaskDefinition", "targetModel": {"resourceProperties": properties},
            },
        }  # fmt: skip
        response = invoke_hook(hook_event, SETTINGS, monkeypatch)
        assert PLANTED not in recorder.take().text + json.dumps(response)


@cases
def test_no_case_prints_a_value(
    case: Case, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Plant a secret in each variable and tag whose value is a string, and in each description, and run the case."""
    marked = plant_secrets(case.document.value)
    response = invoke(event(marked, case.read("parameters.json")), case.settings, case.answers, monkeypatch)
    output = recorder.take().text + json.dumps({**response, "fragment": None}) + results(response.get("fragment"))
    assert PLANTED not in output
    monkeypatch.setattr(lookups, "make_lookup", lambda *_: case.answers)
    file = tmp_path / "template.json"
    file.write_text(json.dumps(marked))
    settings = [
        f"--set={name}={json.dumps(value) if not isinstance(value, str) else value}"
        for name, value in case.settings.items()
    ]
    code = main.run(["transform", str(file), "-o", str(tmp_path / "out.json"), "--region", REGION, *settings])
    assert code in (EXIT_OK, EXIT_REFUSED)
    assert PLANTED not in recorder.take().errors


def plant_secrets(value: Any) -> Any:
    """Return a copy with the secret in these places."""
    match value:
        case {"Name": _, "Value": str(text), **more} if not more:
            return {**value, "Value": f"{text}{PLANTED}"}
        case {"Key": str(key), "Value": str(text), **more} if not more and key.partition("-")[0] not in {
            "sysdig",
            "kilt",
        }:
            return {**value, "Value": f"{text}{PLANTED}"}
        case dict():
            return {
                key: f"{item}{PLANTED}" if key == "Description" and isinstance(item, str) else plant_secrets(item)
                for key, item in value.items()
            }
        case list():
            return [plant_secrets(item) for item in value]
    return value


def test_the_secret_guard_inspects_every_kind_of_text() -> None:
    """A planted secret in each kind of text must be found by secret_guard.py."""
    texts: list[Callable[[], object]] = [
        lambda: Notice(Location(), Reason(PLANTED, code=Code.NO_ANSWER)).text,
        lambda: Problem(Location(PLANTED), Reason("a", code=Code.NO_ANSWER)).stable_text,
        lambda: UsageError(PLANTED, code=Code.NO_ANSWER),
        lambda: TemplateRefusedError((Problem(Location(), Reason(PLANTED, code=Code.NO_ANSWER)),)),
        lambda: macro.failure_response("r-1", PLANTED),
        lambda: hook.failure_response({}, UsageError(PLANTED, code=Code.NO_ANSWER)),
        lambda: telemetry.logger.info("processed", extra={"notices": [PLANTED]}),
        lambda: plan_of(template(container(Name=PLANTED))),
    ]
    for make_text in texts:
        leaks.clear()
        make_text()
        assert leaks, make_text
    leaks.clear()
    inspect_text("no secret")
    assert not leaks
