"""The handler: templates that hypothesis makes, out of the bytes that the fuzzer makes."""

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
from fuzz.documenting import answering
from oracle.verify import refusal_reasons, verify_output
from strategies import Scenario, malformed, scenarios
from sysdig_instrument.function import handler as module
from sysdig_instrument.function import telemetry

NEEDLE = "xyzzy-hunter2"
"""What stands in the values of variables, and must not be told."""

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
    """The handler's answer, which is JSON and of CloudFormation's shape, and what was printed has no secret."""
    printed = io.StringIO()
    for handler in telemetry.logger.handlers:
        cast("Any", handler).stream = printed
    with redirect_stdout(printed):
        answer: dict[str, Any] = module.handler(event, cast("Any", FakeLambdaContext()))
    told = printed.getvalue()
    json.dumps(answer)
    assert '"failed"' not in told, told
    assert NEEDLE not in told
    return answer


def _checked(event: Any) -> dict[str, Any]:
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
    """Put a secret into the value of every variable that is a text."""
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


def _deployed() -> None:
    """The handler as a deployment has it, in a world where every image runs something."""
    os.environ.update(environment_variables({"Collector": "us2", "AccessKeySecret": KEY}))
    cast("Any", module).asker = lambda *_: answering


def _target(test: Any) -> Callable[[bytes], None]:
    run = test.hypothesis.fuzz_one_input

    def one(data: bytes) -> None:
        _deployed()
        run(data)

    return one


def any_json(data: bytes) -> None:
    """Any JSON as an event, and as a fragment: success or failure, with a message that has nothing of it."""
    _ANY_JSON(data)


def json_text(data: bytes) -> None:
    """Any JSON text as an event."""
    try:
        event = json.loads(data)
    except (ValueError, RecursionError):
        return
    _deployed()
    for each in (event, {"fragment": event}, {"fragment": {"Resources": {"A": event}}}):
        _checked(each)


def broken_templates(data: bytes) -> None:
    """Templates with something broken in them: the same, and a second run over a success changes nothing."""
    _BROKEN(data)


def whole_templates(data: bytes) -> None:
    """Run well-formed templates: the oracle accepts the output or the refusal."""
    _WHOLE(data)


_ANY_JSON, _BROKEN, _WHOLE = map(_target, (_any_json, _broken_templates, _whole_templates))
