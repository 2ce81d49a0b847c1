"""What must hold for every template that hypothesis can think of."""

from __future__ import annotations

import copy
import json

from hypothesis import HealthCheck, given, settings

from corpus.adapter import Outcome, transform
from corpus.samples import surroundings_of
from judge.evaluate import Surroundings, truths
from judge.judge import judge, may_refuse
from judge.values import Json, canonical, mapping
from strategies import Scenario, hostile, scenarios, sized

MOST_FLIPS = 8
thorough = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def run(scenario: Scenario) -> Outcome:
    return transform(scenario.template, scenario.surroundings, scenario.settings, scenario.images)


@thorough
@given(scenarios())
def test_the_judge_agrees(scenario: Scenario) -> None:
    outcome = run(scenario)
    place = {"surroundings": scenario.surroundings, "settings": scenario.settings, "images": scenario.images}
    if outcome.refused:
        assert may_refuse(scenario.template, **place), outcome.problems  # type: ignore[arg-type]
    else:
        findings = judge(scenario.template, outcome.output, **place)  # type: ignore[arg-type]
        assert findings == [], [str(finding) for finding in findings]


@thorough
@given(scenarios())
def test_the_output_is_right_under_flipped_conditions(scenario: Scenario) -> None:
    outcome = run(scenario)
    if outcome.refused:
        return
    worlds = [truths(scenario.template, place) for place in surroundings_of(scenario.template).values()]
    for forced in worlds[:MOST_FLIPS]:
        findings = judge(
            scenario.template,
            outcome.output,
            surroundings=scenario.surroundings,
            settings=scenario.settings,
            images=scenario.images,
            forced=forced,
        )
        assert findings == [], (forced, [str(finding) for finding in findings])


@thorough
@given(scenarios())
def test_the_input_stays_as_it_was_and_the_same_input_gives_the_same_bytes(scenario: Scenario) -> None:
    before = copy.deepcopy(scenario.template)
    first, second = run(scenario), run(scenario)
    assert canonical(scenario.template) == canonical(before)
    assert canonical(first.output) == canonical(second.output)
    assert first.problems == second.problems


@thorough
@given(scenarios())
def test_a_second_run_changes_nothing(scenario: Scenario) -> None:
    first = run(scenario)
    if not first.refused:
        second = transform(first.output, scenario.surroundings, scenario.settings, scenario.images)
        assert second.problems == ()
        assert canonical(second.output) == canonical(first.output)
        assert second.changes == 0


@thorough
@given(sized())
def test_a_raised_task_is_right_and_stays_so_without_the_setting(scenario: Scenario) -> None:
    outcome = run(scenario)
    place = {"surroundings": scenario.surroundings, "settings": scenario.settings, "images": scenario.images}
    if outcome.refused:
        assert may_refuse(scenario.template, **place), outcome.problems  # type: ignore[arg-type]
        return
    findings = judge(scenario.template, outcome.output, **place)  # type: ignore[arg-type]
    assert findings == [], [str(finding) for finding in findings]
    kept, again = (
        transform(outcome.output, scenario.surroundings, {**scenario.settings, "TaskSize": size}, scenario.images)
        for size in ("keep", "raise")
    )
    assert (kept.problems, again.problems) == ((), ())
    assert sizes(kept.output) == sizes(outcome.output)
    assert canonical(again.output) == canonical(outcome.output)


def sizes(output: Json) -> list[Json]:
    """Cpu and Memory of the tasks. The rest may differ: a task that is not created now is passed over for its size."""
    properties = [mapping(mapping(each).get("Properties")) for each in mapping(mapping(output)["Resources"]).values()]
    return [each.get(key) for each in properties for key in ("Cpu", "Memory")]


def test_parts_of_the_input_that_are_one_object_are_changed_apart() -> None:
    """A YAML anchor and its aliases are one object: what is done to one place must not show in another."""
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
    apart = transform(json.loads(json.dumps(template)), Surroundings({}), settings, {})
    assert canonical(transform(template, Surroundings({}), settings, {}).output) == canonical(apart.output)


@thorough
@given(hostile())
def test_nothing_crashes(scenario: Scenario) -> None:
    first = run(scenario)
    if not first.refused:
        second = transform(first.output, scenario.surroundings, scenario.settings, scenario.images)
        assert second.changes == 0
