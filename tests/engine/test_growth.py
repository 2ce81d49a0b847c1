"""Planning grows with the template: twice the task definitions, with twice of what they refer to, are twice the work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from counting import MAX_GROWTH, count_lines
from factories import CONDITIONS, container, context_of, if_, resource, scope, template
from sysdig_instrument.engine import images, without_effect
from sysdig_instrument.engine.expressions import evaluate, inserted, parameters
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import plan

TASKS = 40


def with_image_configs(count: int) -> dict[str, Any]:
    """Return task definitions whose images have configs in the template."""
    configs: dict[str, Json] = {f"web-{number}": {"Entrypoint": ["/web"]} for number in range(count)}
    tasks = {f"Task{number}": resource({"Name": "web", "Image": f"web-{number}"}) for number in range(count)}
    return {"Metadata": {"SysdigInstrument": {"ImageConfigs": configs}}, "Resources": tasks}


def with_mappings(count: int) -> dict[str, Any]:
    """Return task definitions whose entry points are in Mappings."""
    mappings = {f"Map{number}": {"a": {"b": ["/web", "-v"]}} for number in range(count)}
    tasks = {
        f"Task{number}": resource(
            {"Name": "web", "Image": "web", "EntryPoint": {"Fn::FindInMap": [f"Map{number}", "a", "b"]}}
        )
        for number in range(count)
    }
    return {"Mappings": mappings, "Resources": tasks}


def with_a_chain_of_conditions(count: int) -> dict[str, Any]:
    """Return task definitions, each with a condition that refers to that of the one before."""
    conditions: dict[str, Json] = {"Condition0": {"Fn::Equals": ["a", "a"]}}
    for number in range(1, count):
        conditions[f"Condition{number}"] = {"Fn::And": [{"Condition": f"Condition{number - 1}"}]}
    tasks = {
        f"Task{number}": {
            **resource({"Name": "web", "Image": "web", "EntryPoint": ["/web"]}),
            "Condition": f"Condition{number}",
        }
        for number in range(count)
    }
    return {"Conditions": conditions, "Resources": tasks}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(with_image_configs, id="image-configs"),
        pytest.param(with_mappings, id="mappings"),
        pytest.param(with_a_chain_of_conditions, id="chain-of-conditions"),
    ],
)
def test_twice_the_task_definitions_run_twice_the_lines(make: Callable[[int], dict[str, Any]]) -> None:
    def lines(count: int) -> int:
        fragment, context = make(count), context_of()
        return count_lines(lambda: plan(fragment, context))

    lines(1)
    assert lines(2 * TASKS) / lines(TASKS) < MAX_GROWTH


def test_the_config_of_an_image_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[Json] = []
    parse = images._parse_config

    def counted_parse(config: Json) -> images.ConfigResult:
        parsed.append(config)
        return parse(config)

    monkeypatch.setattr(images, "_parse_config", counted_parse)
    context = context_of({"ImageConfigs": {"web": {"Entrypoint": ["/web"], "Cmd": ["-v"]}}})
    assert list(plan(template({"Name": "web", "Image": "web"}), context).changes)
    assert len(parsed) == 1


def test_the_name_of_a_variable_is_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    decided: list[str] = []
    is_true = evaluate.is_true

    def counted_is_true(name: str, scope: EvaluationScope) -> bool | None:
        decided.append(name)
        return is_true(name, scope)

    monkeypatch.setattr(evaluate, "is_true", counted_is_true)
    variables: list[Json] = [{"Name": if_("Active", f"A{number}", f"B{number}")} for number in range(TASKS)]
    with_names = template(container(EntryPoint=["/web"], Environment=variables), sections=CONDITIONS)
    assert list(plan(with_names, context_of()).changes)
    assert decided == ["Active"] * TASKS


def test_a_resource_type_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    monkeypatch.setattr(without_effect, "_is_meant", compared.append)
    buckets: dict[str, Json] = {f"Bucket{number}": {"Type": "AWS::S3::Bucket"} for number in range(TASKS)}
    with_buckets = template(container(EntryPoint=["/web"]))
    with_buckets["Resources"] |= buckets
    assert list(plan(with_buckets, context_of()).changes)
    assert compared == ["AWS::S3::Bucket"]


def test_the_declaration_of_a_parameter_is_read_once_for_each_ref(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Json] = []
    is_complete = inserted.is_complete

    def counted_is_complete(value: Json) -> bool:
        read.append(value)
        return is_complete(value)

    monkeypatch.setattr(parameters, "is_complete", counted_is_complete)
    declaration: Json = {"Type": "String", "Default": "a"}
    in_scope = scope({"Parameters": {"Stage": declaration}, "Resources": {}}, {"Stage": "b"})
    assert evaluate.evaluate({"Ref": "Stage"}, in_scope) == Known("b")
    assert read == [declaration]
