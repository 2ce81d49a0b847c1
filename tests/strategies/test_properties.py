"""Properties that hold for every random template."""

from __future__ import annotations

import copy
import json

from hypothesis import HealthCheck, given, settings

from corpus.adapter import Outcome, transform
from corpus.samples import sample_inputs
from oracle.evaluate import StackInputs, condition_values
from oracle.values import Json, canonical, mapping
from oracle.verify import refusal_reasons, verify_output
from strategies import Scenario, malformed, scenarios, undersized

MAX_CONDITION_SETS = 8
thorough = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def instrument(scenario: Scenario) -> Outcome:
    return transform(scenario.template, scenario.stack, scenario.settings, scenario.images)


def verified(scenario: Scenario) -> Outcome:
    """Return what the engine makes of a scenario, after the oracle has accepted the output or the refusal."""
    outcome = instrument(scenario)
    inputs = {"stack": scenario.stack, "settings": scenario.settings, "images": scenario.images}
    if outcome.refused:
        assert refusal_reasons(scenario.template, **inputs), outcome.problems  # type: ignore[arg-type]
    else:
        findings = verify_output(scenario.template, outcome.output, **inputs)  # type: ignore[arg-type]
        assert findings == [], [str(finding) for finding in findings]
    return outcome


@thorough
@given(scenarios())
def test_the_oracle_agrees(scenario: Scenario) -> None:
    verified(scenario)


@thorough
@given(scenarios())
def test_the_output_is_correct_under_other_conditions(scenario: Scenario) -> None:
    outcome = instrument(scenario)
    if outcome.refused:
        return
    condition_sets = [condition_values(scenario.template, stack) for stack in sample_inputs(scenario.template).values()]
    for condition_overrides in condition_sets[:MAX_CONDITION_SETS]:
        findings = verify_output(
            scenario.template,
            outcome.output,
            stack=scenario.stack,
            settings=scenario.settings,
            images=scenario.images,
            condition_overrides=condition_overrides,
        )
        assert findings == [], (condition_overrides, [str(finding) for finding in findings])


@thorough
@given(scenarios())
def test_the_input_is_not_mutated_and_the_output_is_reproducible(scenario: Scenario) -> None:
    before = copy.deepcopy(scenario.template)
    first, second = instrument(scenario), instrument(scenario)
    assert canonical(scenario.template) == canonical(before)
    assert canonical(first.output) == canonical(second.output)
    assert first.problems == second.problems


@thorough
@given(scenarios())
def test_a_second_run_changes_nothing(scenario: Scenario) -> None:
    first = instrument(scenario)
    if not first.refused:
        second = transform(first.output, scenario.stack, scenario.settings, scenario.images)
        assert second.problems == ()
        assert canonical(second.output) == canonical(first.output)
        assert second.changes == 0


@thorough
@given(undersized("raise"))
def test_a_raised_task_is_correct_and_keeps_its_size(scenario: Scenario) -> None:
    outcome = verified(scenario)
    if outcome.refused:
        return
    kept, again = (
        transform(outcome.output, scenario.stack, {**scenario.settings, "TaskSize": size}, scenario.images)
        for size in ("keep", "raise")
    )
    assert (kept.problems, again.problems) == ((), ())
    assert sizes(kept.output) == sizes(outcome.output)
    assert canonical(again.output) == canonical(outcome.output)


@thorough
@given(undersized("keep"))
def test_a_task_that_is_too_small_is_refused(scenario: Scenario) -> None:
    verified(scenario)


def sizes(output: Json) -> list[Json]:
    """Return Cpu and Memory of the tasks.

    Other properties may differ: the macro leaves an inactive task unchanged if its size is too small.
    """
    properties = [mapping(mapping(each).get("Properties")) for each in mapping(mapping(output)["Resources"]).values()]
    return [each.get(key) for each in properties for key in ("Cpu", "Memory")]


def test_parts_that_are_one_object_are_changed_separately() -> None:
    """A YAML anchor and its aliases are one object: a change in one place must not show in another."""
    shared: Json = {}
    container: Json = {"Name": "a", "Image": "a", "EntryPoint": ["/a"], "LinuxParameters": shared}
    fargate: Json = {
        "RequiresCompatibilities": ["FARGATE"],
        "ExecutionRoleArn": "r",
        "ContainerDefinitions": [container],
    }
    host: Json = {"RequiresCompatibilities": ["EC2"], "ContainerDefinitions": [{"LinuxParameters": shared}, container]}
    types: Json = {"Type": "AWS::ECS::TaskDefinition"}
    assert isinstance(types, dict)
    template: dict[str, Json] = {
        "Resources": {"A": {**types, "Properties": fargate}, "B": {**types, "Properties": host}}
    }
    settings: dict[str, Json] = {
        "Collector": "us2",
        "AccessKeySecret": "arn:aws:ssm:eu-west-1:111122223333:parameter/k",
    }
    apart = transform(json.loads(json.dumps(template)), StackInputs({}), settings, {})
    assert canonical(transform(template, StackInputs({}), settings, {}).output) == canonical(apart.output)


@thorough
@given(malformed())
def test_nothing_crashes(scenario: Scenario) -> None:
    first = instrument(scenario)
    if not first.refused:
        second = transform(first.output, scenario.stack, scenario.settings, scenario.images)
        assert second.changes == 0
