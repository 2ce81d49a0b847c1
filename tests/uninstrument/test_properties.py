"""What a plan writes can be taken out again: from random templates, as values and as texts."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.adapter import answer_of, transform
from oracle.values import Json
from strategies import Scenario, malformed, scenarios
from sysdig_instrument.documents import read
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.removal.entries import is_same
from sysdig_instrument.engine.removal.uninstrument import remove_all
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from uninstrument.round_trip import round_trip

thorough = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
REFUSED = {Code.REMOVAL_VALUE_LOST, Code.REMOVAL_NOT_KNOWN}


@thorough
@given(scenarios())
def test_the_template_comes_back_or_a_message_says_what_is_not_known(scenario: Scenario) -> None:
    outcome = transform(scenario.template, scenario.stack, scenario.settings, scenario.images)
    if outcome.refused:
        return
    removal = remove_all(outcome.output)
    if removal.problems:
        assert {each.reason.code for each in removal.problems} <= REFUSED
    else:
        assert is_same(removal.document, remove_all(scenario.template).document)


@thorough
@given(malformed())
def test_nothing_crashes(scenario: Scenario) -> None:
    remove_all(scenario.template, {"PidMode": True, "SYS_PTRACE": True, "EntryPoint": True, "Command": True})
    outcome = transform(scenario.template, scenario.stack, scenario.settings, scenario.images)
    if not outcome.refused:
        remove_all(outcome.output)


EMPTY_ON_LINES = '"Environment": [  \n\n  ]'
LAYOUTS: dict[str, Callable[[Json], str]] = {
    "json-2": lambda value: json.dumps(value, indent=2) + "\n",
    "json-tabs": lambda value: json.dumps(value, indent="\t"),
    "json-compact": lambda value: json.dumps(value, separators=(",", ":")),
    "json-one-line": lambda value: json.dumps(value) + "\r\n",
    "json-empty-on-lines": lambda value: json.dumps(value, indent=3).replace('"Environment": []', EMPTY_ON_LINES),
    "yaml-block": lambda value: yaml.safe_dump(value, sort_keys=False),
    "yaml-4": lambda value: yaml.safe_dump(value, sort_keys=False, indent=4),
    "yaml-flow": lambda value: yaml.safe_dump(value, sort_keys=False, default_flow_style=True, width=10**6),
    "yaml-empty-with-blanks": lambda value: yaml.safe_dump(value, sort_keys=False).replace(
        "Environment: []", "Environment: [  ]"
    ),
}


@settings(thorough, max_examples=80)
@given(scenarios(), st.sampled_from(sorted(LAYOUTS)))
def test_the_text_comes_back_byte_for_byte(scenario: Scenario, layout: str) -> None:
    """One layout within a text: of a value that a plan replaces, the spelling is that of the text around it."""
    source = read(LAYOUTS[layout](scenario.template).encode(), "app.json" if layout.startswith("json") else "app.yaml")
    removed = remove_all(source.value)
    if removed.changes or removed.problems:  # it has the agent already
        return
    stack = scenario.stack
    context = Context(
        deployment_settings=merge_layers(Layer("test", dict(scenario.settings))),
        parameter_values=stack.parameters,
        region=stack.region,
        account=stack.account,
    )
    trip = round_trip(source, context, lambda every: {each: answer_of(each, stack, scenario.images) for each in every})
    if trip is not None and not trip.removal.problems:
        assert trip.after.text == source.text


EMPTY = {
    "blanks": "[  ]",
    "lines": "[  \n\n         ]",
    "windows": "[\r\n      ]",
    "a line": "[\n      ]",
    "one blank": "[ ]",
    "nothing": "[]",
}


@pytest.mark.parametrize("empty", EMPTY.values(), ids=EMPTY)
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_an_empty_list_keeps_the_blanks_between_its_brackets(empty: str, suffix: str) -> None:
    text = TASK_TEXT.replace("EMPTY", empty)
    source = read(text.encode(), f"task.{suffix}")
    context = Context(deployment_settings=merge_layers(Layer("test", {"Collector": "us2", "AccessKeySecret": "none"})))
    trip = round_trip(source, context, lambda _: {})
    assert trip is not None
    assert "SYSDIG_SIDECAR" in trip.instrumented.text
    assert trip.after.text == text


TASK_TEXT = """\
{
   "requiresCompatibilities": ["FARGATE"],
   "executionRoleArn": "arn:aws:iam::111122223333:role/pull",
   "cpu": "1024",
   "memory": "2048",
   "containerDefinitions": [
      {
         "name": "web",
         "image": "nginx",
         "entryPoint": ["/entry"],
         "environment": EMPTY,
         "command": ["serve"]
      }
   ]
}
"""


def test_a_comment_after_the_last_entry_stays_its_own() -> None:
    """What is inserted goes below the comment; taking it out took the comment with it."""
    text = """\
Resources:
  Api:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: arn:aws:iam::111122223333:role/pull
      ContainerDefinitions: [
        {
          Name: web,
          EntryPoint: [/entry],
          Image: nginx, # the last
        }, # of all
      ]
"""
    for each in (text, text.replace("nginx, #", "nginx #"), text.replace("}, #", "} #")):
        source = read(each.encode(), "app.yaml")
        context = Context(
            deployment_settings=merge_layers(Layer("test", {"Collector": "us2", "AccessKeySecret": "none"}))
        )
        trip = round_trip(source, context, lambda _: {})
        assert trip is not None
        assert trip.after.text == each
