"""Fuzz targets for the handler. Hypothesis builds events and templates from the bytes of the fuzzer."""

from __future__ import annotations

import copy
import io
import json
import os
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.adapter import transform
from fixtures_handler import FakeLambdaContext, environment_variables
from fuzz.documenting import answer_lookups
from oracle.verify import refusal_reasons, verify_output
from strategies import Scenario, malformed, scenarios
from sysdig_instrument.function import handler as module
from sysdig_instrument.function import hook_handler, telemetry

NEEDLE = "xyzzy-hunter2"
"""The value of every variable. It must not appear in a log line or a message."""

KEY = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key-AbCdEf"
_KEYS = (
    "fragment Resources A Type Properties ContainerDefinitions Name Image EntryPoint Command Environment Value Key Tags "
    "Metadata SysdigInstrument Containers Enabled Fn::If Fn::Sub Fn::Join Fn::Split Fn::Select Fn::FindInMap Fn::Transform "
    "Fn::ForEach::X Fn::GetAtt Fn::ImportValue Ref Condition Conditions Fn::Equals Fn::Not Parameters Default Mappings "
    "Transform params templateParameterValues requestId region LinuxParameters Capabilities Add VolumesFrom SourceContainer "
    "Cpu Memory RuntimePlatform RequiresCompatibilities Secrets DependsOn ExecutionRoleArn LogConfiguration PidMode "
    "hookTypeName requestData targetModel resourceProperties targetName RepositoryCredentials FirelensConfiguration"
).split()
_WORDS = (
    "AWS::ECS::TaskDefinition FARGATE AWS::NoValue SysdigInstrumentation /opt/draios/bin/instrument {{resolve:ssm:/a}} ${A} "
    "A X true 256 1GB host task sysdig-instrument kilt-ignore nginx ARM64 inherit * / ~ ~1 -"
).split()

junk: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.sampled_from(_WORDS),
        st.sampled_from([10**400, -(10**30), "\ud800", "\x00", "\u2028", "\u202e", "x" * 2000]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=40,
)  # fmt: skip


def invoke(event: Any) -> dict[str, Any]:
    """Return the handler's response. Fail if it is not JSON, or if the log reports a failure or a secret."""
    printed = io.StringIO()
    for handler in telemetry.logger.handlers:
        cast("Any", handler).stream = printed
    with redirect_stdout(printed):
        is_hook = isinstance(event, dict) and "hookTypeName" in event
        handle = hook_handler.handler if is_hook else module.handler
        answer: dict[str, Any] = handle(event, cast("Any", FakeLambdaContext()))
    log = printed.getvalue()
    json.dumps(answer)
    assert '"failed"' not in log, log
    assert NEEDLE not in log
    return answer


def _checked(event: Any) -> dict[str, Any]:
    """Invoke the handler, and return its response if that has the shape that CloudFormation expects."""
    before = copy.deepcopy(event)
    answer = invoke(event)
    assert repr(event) == repr(before), "the event was changed"
    if "hookStatus" in answer:
        assert answer["hookStatus"] in {"SUCCESS", "FAILED"}
        assert answer["message"]
        return answer
    assert answer["status"] in {"success", "failure"}
    if answer["status"] == "failure":
        message = answer["errorMessage"]
        assert message
        assert NEEDLE not in message
        assert "Internal error" not in message
        assert all(line.isprintable() for line in message.split("\n"))
    return answer


_quiet = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


@_quiet
@given(junk)
def _any_json(value: Any) -> None:
    with_template = {"Type": "AWS::ECS::TaskDefinition", "Properties": value}
    for fragment in (value, {"Resources": {"A": with_template}}, {"Resources": value}):
        _checked({"fragment": fragment, "requestId": "r", "region": "eu-west-1", "accountId": "111122223333"})
    _checked(value)


@_quiet
@given(malformed())
def _broken_templates(scenario: Scenario) -> None:
    template: Any = copy.deepcopy(scenario.template)
    _plant(template)
    event = {"fragment": template, "requestId": "r", "region": "eu-west-1", "accountId": "111122223333"}
    answer = _checked({**event, "templateParameterValues": dict(scenario.stack.parameters)})
    if answer["status"] == "success":
        again = _checked(
            {**event, "fragment": answer["fragment"], "templateParameterValues": {**scenario.stack.parameters}}
        )
        assert json.dumps(again) == json.dumps(answer), "a second run changes the output"


def _plant(node: Any) -> None:
    """Put a secret into every variable whose value is a string."""
    if isinstance(node, dict):
        variables = node.get("Environment")
        for entry in variables if isinstance(variables, list) else ():
            if isinstance(entry, dict) and isinstance(entry.get("Value"), str) and isinstance(entry.get("Name"), str):
                entry["Value"] = NEEDLE
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        _plant(inner)


@_quiet
@given(scenarios())
def _whole_templates(scenario: Scenario) -> None:
    outcome = transform(scenario.template, scenario.stack, scenario.settings, scenario.images)
    inputs: dict[str, Any] = {
        "stack": scenario.stack, "settings": scenario.settings, "images": scenario.images,
    }  # fmt: skip
    if outcome.refused:
        assert refusal_reasons(scenario.template, **inputs), outcome.problems
        return
    findings = verify_output(scenario.template, outcome.output, **inputs)
    assert findings == [], [str(finding) for finding in findings]
    again = transform(outcome.output, scenario.stack, scenario.settings, scenario.images)
    assert again.changes == 0


def _deploy() -> None:
    """Configure the handler as a deployment does. Every image has an entry point."""
    os.environ.update(environment_variables({"Collector": "us2", "AccessKeySecret": KEY}))
    cast("Any", module).make_lookup = lambda *_: answer_lookups


def _target(test: Any) -> Callable[[bytes], None]:
    """Return a property of Hypothesis as a function that takes bytes."""
    run = test.hypothesis.fuzz_one_input

    def fuzz(data: bytes) -> None:
        _deploy()
        run(data)

    return fuzz


def any_json(data: bytes) -> None:
    """Send any JSON as an event and as a fragment: it succeeds, or fails with a message without values of the event."""
    _ANY_JSON(data)


def json_text(data: bytes) -> None:
    """Send any JSON document as an event."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return
    _deploy()
    for each in (event, {"fragment": event}, {"fragment": {"Resources": {"A": event}}}):
        _checked(each)


def broken_templates(data: bytes) -> None:
    """Send malformed templates: as with ``any_json``, and a second run over an output changes nothing."""
    _BROKEN(data)


def whole_templates(data: bytes) -> None:
    """Process well-formed templates: the oracle accepts the output or the refusal."""
    _WHOLE(data)


_ANY_JSON, _BROKEN, _WHOLE = map(_target, (_any_json, _broken_templates, _whole_templates))
