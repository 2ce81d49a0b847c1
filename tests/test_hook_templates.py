"""The Lambda Hook on stacks and change sets: the template behind a presigned URL, before and after macros, JSON and YAML."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import pytest
import yaml

from case_folders import FOLDER
from factories import container, processed, template
from fixtures_handler import invoke_hook
from readable_ids import readable_id
from sysdig_instrument.documents import load
from sysdig_instrument.engine import plan as plan_module
from sysdig_instrument.engine.expressions.work import WorkLimitError
from sysdig_instrument.function import hook_templates
from sysdig_instrument.lookup.errors import HttpError
from test_hook import checked_annotations

ROOT = Path(__file__).parent.parent
EVENTS: Final = {
    json.loads(path.read_text())["requestData"]["targetName"]: json.loads(path.read_text())
    for path in (ROOT / "events" / "hook-stack.json", ROOT / "events" / "hook-change-set.json")
}
SETTINGS = json.loads((FOLDER / "settings.json").read_text())
LINE: Final = "SysdigInstrument"
SYNTAXES: Final[dict[str, Callable[[Any], str]]] = {
    "json": json.dumps,
    "yaml": lambda value: yaml.safe_dump(value, sort_keys=False),
}


def run_hook(
    monkeypatch: pytest.MonkeyPatch, payload: Any, target: str = "STACK", settings: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return the hook's response to a payload: an object, or the bytes that S3 answers with."""
    event = copy.deepcopy(EVENTS[target])
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()

    def read(address: str, *, max_bytes: int, seconds: float) -> bytes:
        assert address == event["requestData"]["payload"]
        assert max_bytes >= 4_000_000
        assert seconds < 20
        return data

    monkeypatch.setattr(hook_templates, "read_presigned", read)
    response = invoke_hook(event, SETTINGS | (settings or {}), monkeypatch)
    assert response["clientRequestToken"] == event["clientRequestToken"]
    if "annotations" in response:
        checked_annotations(response)
    return response


def judged(monkeypatch: pytest.MonkeyPatch, value: Any, **settings: Any) -> dict[str, Any]:
    return run_hook(monkeypatch, {"template": json.dumps(value)}, settings=settings)


def bare(**sections: Any) -> dict[str, Any]:
    """Return a template with one task definition that the macro can instrument without a lookup."""
    return {**sections, **template(container())}


def statuses(response: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["annotationName"], each["status"]) for each in response["annotations"]}


FORMS: Final = {
    "without-the-line": (bare(), "FAILED"),
    "with-the-line": (bare(Transform=LINE), "SUCCESS"),
    "after-macros": (processed(bare()), "SUCCESS"),
    "after-macros-with-the-line": ({"Transform": LINE, **processed(bare())}, "SUCCESS"),
}


@pytest.mark.parametrize("target", EVENTS)
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("form", FORMS)
def test_a_template_before_and_after_macros(
    monkeypatch: pytest.MonkeyPatch, form: str, syntax: str, target: str
) -> None:
    value, status = FORMS[form]
    response = run_hook(monkeypatch, {"template": SYNTAXES[syntax](value), "previousTemplate": "{}"}, target)
    assert response["hookStatus"] == status, response
    assert ("SI000", "PASSED") in statuses(response) or status == "FAILED"


def test_a_missing_line_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    response = judged(monkeypatch, bare(), HelpText="Questions: https://wiki.example.com/agent.")
    assert response["errorCode"] == "NonCompliant"
    assert "(SI230)" in response["message"]
    line = next(each for each in response["annotations"] if each["annotationName"] == "SI230")
    assert line == {
        "annotationName": "SI230",
        "status": "FAILED",
        "statusMessage": "The template does not list the macro SysdigInstrument, so as it is it would be deployed without the agent",
        "remediationMessage": "Add the line Transform: SysdigInstrument at the top level. "
        'Paste into the template, at the top level: "Transform": "SysdigInstrument"',
        "severityLevel": "HIGH",
        "remediationLink": "https://wiki.example.com/agent",
    }
    wrapper = next(each for each in response["annotations"] if "wrapper" in each["statusMessage"])
    assert wrapper["statusMessage"].startswith('Task "Api": Container "web"')


@pytest.mark.parametrize(
    ("line", "code"),
    [("SysdigInstrumnt", "SI231"), ("AWS::Serverless-2016-10-31", "SI230"), (None, "SI240")],
)
def test_a_line_that_is_not_the_macros(monkeypatch: pytest.MonkeyPatch, line: Any, code: str) -> None:
    response = judged(monkeypatch, bare(Transform=line))
    assert (code, "FAILED") in statuses(response)


def test_the_second_of_two_lines_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    text = json.dumps(bare(Transform=LINE))[:-1] + ', "Transform": "AWS::Include"}'
    response = run_hook(monkeypatch, {"template": text})
    assert ("SI233", "FAILED") in statuses(response)


def with_metadata(**settings: Any) -> dict[str, Any]:
    value = bare()
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": settings}
    return value


def test_metadata_opts_out_with_the_line_only(monkeypatch: pytest.MonkeyPatch) -> None:
    opted_out = with_metadata(Enabled=False, Reason="SEC-1")
    response = judged(monkeypatch, {"Transform": LINE, **opted_out})
    assert response["hookStatus"] == "SUCCESS"
    assert "is left alone" in response["message"]
    assert "SEC-1" in response["message"]
    response = judged(monkeypatch, opted_out)
    assert response["hookStatus"] == "FAILED"
    assert ("SI053", "FAILED") in statuses(response)


def test_what_the_macro_would_refuse_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    response = judged(monkeypatch, {"Transform": LINE, **with_metadata(Prioritty="security")})
    assert response["hookStatus"] == "FAILED"
    assert '"Prioritty"' in response["message"]
    in_metadata = bare(Transform=LINE, Metadata={"SysdigInstrument": {"Prioritty": "x"}})
    in_metadata["Resources"] = {}
    assert judged(monkeypatch, in_metadata)["hookStatus"] == "FAILED"


def test_what_is_unknown_is_told_and_judged_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook reads no images: whether the macro can is not known, and that is not called protected."""
    value = {"Transform": LINE, **template({"Name": "web", "Image": "shop/web:1"})}
    response = judged(monkeypatch, value)
    assert response["hookStatus"] == "SUCCESS"
    assert 'Task "Api" may not be protected: ' in response["message"]
    assert response["message"].endswith("The hook on resources judges it before it is created.")
    assert "PASSED" not in {status for _, status in statuses(response)}


@pytest.mark.parametrize("default", [{}, {"Default": "true"}, {"Default": "false"}], ids=readable_id)
def test_the_default_of_a_parameter_is_no_value(monkeypatch: pytest.MonkeyPatch, default: dict[str, str]) -> None:
    """The event has no values of parameters: the deployment may give another one than Default."""
    value = with_metadata(Enabled={"Ref": "Agent"}) | {"Parameters": {"Agent": {"Type": "String", **default}}}
    response = judged(monkeypatch, {"Transform": LINE, **value})
    assert response["hookStatus"] == "SUCCESS"
    assert "may not be protected" in response["message"]


def resources(**given: Any) -> dict[str, Any]:
    return {"Resources": {name: {"Type": kind, "Properties": own} for name, (kind, own) in given.items()}}


OTHERS: Final = {
    "express": (("AWS::ECS::ExpressGatewayService", {"PrimaryContainer": {"Image": "a:1"}}), "SI033"),
    "batch": (("AWS::Batch::JobDefinition", {"PlatformCapabilities": ["FARGATE"]}), "SI034"),
}


@pytest.mark.parametrize("line", [{}, {"Transform": LINE}], ids=["without-the-line", "with-the-line"])
@pytest.mark.parametrize("kind", OTHERS)
def test_other_workloads(monkeypatch: pytest.MonkeyPatch, kind: str, line: dict[str, str]) -> None:
    resource, code = OTHERS[kind]
    value = line | resources(Web=resource)
    warned = judged(monkeypatch, value)
    assert (warned["hookStatus"], statuses(warned)) == ("SUCCESS", {(code, "SKIPPED")})
    assert '"Web" cannot be protected: ' in warned["message"]
    failed = judged(monkeypatch, value, OtherWorkloads="fail")
    assert (failed["hookStatus"], statuses(failed)) == ("FAILED", {(code, "FAILED")})


def test_an_express_service_that_the_macro_would_convert(monkeypatch: pytest.MonkeyPatch) -> None:
    value = cast("dict[str, Any]", load(str(FOLDER / "express-service-convert" / "template.yaml")).value)
    without_line = {key: each for key, each in value.items() if key != "Transform"}
    response = judged(monkeypatch, without_line, ExpressServices="convert")
    assert response["hookStatus"] == "FAILED", response
    assert judged(monkeypatch, {**value, "Transform": LINE}, ExpressServices="convert")["hookStatus"] == "SUCCESS"


HIDDEN: Final = {
    "nested-stack": (resources(Child=("AWS::CloudFormation::Stack", {"TemplateURL": "x"})), "SI"),
    "stack-set": (resources(Child=("AWS::CloudFormation::StackSet", {})), "SI"),
    "module": (resources(Child=("Shop::Web::Task::MODULE", {})), "SI"),
    "include": ({"Resources": {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": "x"}}}}, "SI"),
    "loop": ({"Resources": {"Fn::ForEach::Tasks": ["A", ["b"], "not visible"]}}, "SI"),
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_what_the_template_does_not_show_is_told(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    response = judged(monkeypatch, HIDDEN[kind][0])
    assert response["hookStatus"] == "SUCCESS"
    assert {status for _, status in statuses(response)} == {"SKIPPED"}, response


@pytest.mark.parametrize("made", [{"Services": ["web"]}, {"Resources": ["web"]}, {"Resources": "web"}], ids=readable_id)
def test_a_template_whose_resources_a_macro_makes_is_unknown(
    monkeypatch: pytest.MonkeyPatch, made: dict[str, Any]
) -> None:
    response = judged(monkeypatch, {"Transform": "OurMacro", **made})
    assert {status for _, status in statuses(response)} == {"SKIPPED"}
    assert "no Resources that are visible here" in response["message"]


@pytest.mark.parametrize(
    ("macros", "is_reported"),
    [
        (LINE, False),
        (["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31", LINE], False),
        ([f"{LINE}-canary", LINE], False),
        ([LINE, "OurMacro"], True),
        ([LINE, {"Name": "OurMacro", "Parameters": {}}], True),
        ([LINE, {"Name": "AWS::Include", "Parameters": {"Location": "x"}}], True),
        ([LINE, {"Ref": "Macro"}], True),
    ],
    ids=readable_id,
)
def test_other_macros_are_reported(monkeypatch: pytest.MonkeyPatch, macros: Any, *, is_reported: bool) -> None:
    response = judged(monkeypatch, bare(Transform=macros))
    assert response["hookStatus"] == "SUCCESS"
    assert (("SI206", "SKIPPED") in statuses(response)) is is_reported


@pytest.mark.parametrize("line", [{}, {"Transform": LINE}], ids=["without-the-line", "with-the-line"])
def test_a_template_that_takes_too_many_steps_fails(monkeypatch: pytest.MonkeyPatch, line: dict[str, str]) -> None:
    """There is no plan then, so no task definition is known."""

    def endless(*_: object) -> None:
        raise WorkLimitError

    monkeypatch.setattr(plan_module, "_plan_template", endless)
    response = judged(monkeypatch, line | bare())
    assert (response["hookStatus"], statuses(response)) == ("FAILED", {("SI218", "FAILED")})


def test_a_template_without_workloads_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    response = judged(monkeypatch, resources(Bucket=("AWS::S3::Bucket", {})))
    assert (response["hookStatus"], response["annotations"]) == ("SUCCESS", [])


# --- change sets


def change(value: dict[str, Any], action: str = "CREATE", name: str = "Api", **members: Any) -> dict[str, Any]:
    """Return a changed resource, as a change set's payload has it."""
    resource = value["Resources"][name]
    after = {"Properties": resource["Properties"], "Metadata": resource.get("Metadata", {})}
    return {
        "logicalResourceId": name, "resourceType": resource["Type"], "action": action, "lineNumber": 3,
        "beforeContext": None, "afterContext": json.dumps(after), **members,
    }  # fmt: skip


def changed(monkeypatch: pytest.MonkeyPatch, changes: Any, value: Any = None, **settings: Any) -> dict[str, Any]:
    payload = {"changedResources": changes} | ({} if value is None else {"template": json.dumps(value)})
    return run_hook(monkeypatch, payload, "CHANGE_SET", settings)


@pytest.mark.parametrize(
    "shown", [None, resources(Topic=("AWS::SNS::Topic", {})), {"Transform": "OurMacro"}], ids=readable_id
)
def test_changed_resources_that_the_template_does_not_show(monkeypatch: pytest.MonkeyPatch, shown: Any) -> None:
    """Another macro made them: they are judged as CloudFormation will create them."""
    failed = changed(monkeypatch, [change(bare())], shown)
    assert (failed["hookStatus"], failed["errorCode"]) == ("FAILED", "NonCompliant")
    assert 'Task "Api" is not protected' in failed["message"]
    assert changed(monkeypatch, [change(processed(bare()))], shown)["hookStatus"] == "SUCCESS"
    assert changed(monkeypatch, [change(bare(), "DELETE")], shown)["hookStatus"] == "SUCCESS"
    assert changed(monkeypatch, [change(bare(), "UPDATE")], shown)["hookStatus"] == "FAILED"


def test_a_changed_resource_of_the_template_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    value = bare(Transform=LINE)
    response = changed(monkeypatch, [change(value)], value)
    assert statuses(response) == {("SI000", "PASSED")}
    other_type = resources(Api=("AWS::SNS::Topic", {}))
    assert changed(monkeypatch, [change(value)], other_type)["hookStatus"] == "FAILED"


@pytest.mark.parametrize("kind", OTHERS)
def test_changed_workloads_without_a_task_definition(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    resource, code = OTHERS[kind]
    value = resources(Web=resource)
    assert code in changed(monkeypatch, [change(value, name="Web")])["message"]
    failed = changed(monkeypatch, [change(value, name="Web")], OtherWorkloads="fail")
    assert failed["hookStatus"] == "FAILED"


LATER: Final = "{{changeSet:KNOWN_AFTER_APPLY}}"


@pytest.mark.parametrize(
    "properties", [{"ContainerDefinitions": LATER}, {"ContainerDefinitions": [{"Image": LATER}]}], ids=readable_id
)
def test_values_that_are_known_later_are_told(monkeypatch: pytest.MonkeyPatch, properties: dict[str, Any]) -> None:
    value = resources(Api=("AWS::ECS::TaskDefinition", {"RequiresCompatibilities": ["FARGATE"]} | properties))
    response = changed(monkeypatch, [change(value)])
    assert (response["hookStatus"], statuses(response)) == ("SUCCESS", {("SI041", "SKIPPED")})
    assert "not known before the change set is executed" in response["message"]


@pytest.mark.parametrize(
    "after", [None, "", "{", "[]", "{}", '{"Properties": []}', {"Properties": {}}, 1], ids=readable_id
)
def test_changes_that_cannot_be_read_fail(monkeypatch: pytest.MonkeyPatch, after: Any) -> None:
    assert_not_inspected(changed(monkeypatch, [change(bare(), afterContext=after)]))


# --- what cannot be inspected


def assert_not_inspected(response: dict[str, Any]) -> None:
    assert (response["hookStatus"], response["errorCode"]) == ("FAILED", "InternalFailure"), response
    assert "Internal error" not in response["message"]


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{", b"\xff\xfe", b"[]", b'"text"', b"null", b"{}", b"<Error><Code>AccessDenied</Code></Error>",
        {"template": None}, {"template": ""}, {"template": "  \n"}, {"template": "- a"}, {"template": "text"},
        {"template": 1}, {"template": []}, {"template": "{"}, {"template": "a: [b"}, {"template": "a: *b"},
        {"template": "a: &x [*x]"}, {"template": "a: 1\n---\nb: 2"}, {"previousTemplate": "{}"}, {"template": "a\0b"},
        {"template": "\ud800"}, {"template": "[" * 5000}, {"template": "- " * 5000}, {"template": "a: !!python/object:x {}"},
        {"changedResources": {}}, {"changedResources": []}, {"changedResources": [1]}, {"template": None, "changedResources": []}, {"changedResources": "x", "template": '{"Resources": {}}'},
    ],
    ids=readable_id,
)  # fmt: skip
@pytest.mark.parametrize("target", EVENTS)
def test_payloads_that_are_no_template_fail(monkeypatch: pytest.MonkeyPatch, payload: Any, target: str) -> None:
    assert_not_inspected(run_hook(monkeypatch, payload, target))


def test_aliases_that_expand_to_billions_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{index}: &a{index} [{', '.join([f'*a{index - 1}'] * 10)}]" for index in range(1, 9)]
    response = run_hook(monkeypatch, {"template": "\n".join(lines)})
    assert_not_inspected(response)
    assert "1,000,000 values" in response["message"]


@pytest.mark.parametrize("address", [None, "", 1, {}, ["https://x.s3.amazonaws.com/"]], ids=readable_id)
@pytest.mark.parametrize("target", EVENTS)
def test_an_event_without_an_address_fails(monkeypatch: pytest.MonkeyPatch, target: str, address: Any) -> None:
    event = copy.deepcopy(EVENTS[target])
    event["requestData"]["payload"] = address
    assert_not_inspected(invoke_hook(event, SETTINGS, monkeypatch))


@pytest.mark.parametrize(
    "error", [HttpError("Amazon S3 answered with status 403"), OSError(), TimeoutError()], ids=readable_id
)
def test_a_template_that_cannot_be_read_fails(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(hook_templates, "read_presigned", broken)
    response = invoke_hook(copy.deepcopy(EVENTS["STACK"]), SETTINGS, monkeypatch)
    assert_not_inspected(response)
    assert "The hook could not read the template: " in response["message"]
    assert "X-Amz" not in response["message"]


def test_many_reasons_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    value = bare()
    value["Resources"] = {f"Api{index}": value["Resources"]["Api"] for index in range(60)}
    response = judged(monkeypatch, value)
    assert len(response["annotations"]) == 50
    assert len(response["message"]) <= 1000
    assert response["annotations"][0]["annotationName"] == "SI230"


def test_what_fails_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    value = processed(bare())
    value["Resources"] |= {"Other": bare()["Resources"]["Api"]}
    response = judged(monkeypatch, value)
    assert response["hookStatus"] == "FAILED"
    order = [each["status"] for each in response["annotations"]]
    assert order == sorted(order, key=["FAILED", "SKIPPED", "PASSED"].index)
    assert "PASSED" in order


def test_what_has_no_effect_is_an_annotation(monkeypatch: pytest.MonkeyPatch) -> None:
    value = bare(
        Transform={"Name": LINE, "Parameter": {"Priority": "security"}}, Parameters={"Role": {"Type": "String"}}
    )
    value["Resources"]["Api"]["Properties"]["TaskRoleArn"] = "Ref! Role"
    response = judged(monkeypatch, value)
    assert response["hookStatus"] == "SUCCESS"
    assert {("SI237", "SKIPPED"), ("SI238", "SKIPPED")} <= statuses(response)
    annotation = next(each for each in response["annotations"] if each["annotationName"] == "SI238")
    assert annotation["remediationMessage"].endswith(
        'Paste into Resources.Api.Properties: "TaskRoleArn": {"Ref": "Role"}'
    )


def test_a_line_that_is_written_twice_is_told_first(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f"Transform: {LINE}\nTransform: AWS::Include\n" + yaml.safe_dump(bare(), sort_keys=False)
    response = run_hook(monkeypatch, {"template": text})
    assert response["message"].startswith(
        "Transform is written twice (lines 1 and 2). The last one counts, and it does not list SysdigInstrument (SI233). "
        "Replace both with the line below."
    )
    annotation = next(each for each in response["annotations"] if each["annotationName"] == "SI233")
    assert annotation["remediationMessage"].endswith('"Transform": ["AWS::Include", "SysdigInstrument"]')
