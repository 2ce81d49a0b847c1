"""Whether the task definitions of a template are protected, once their expressions are evaluated.

What leaves something unprotected must be certain for this deployment: literal, or by a parameter whose value is given. The
value of an SSM parameter, a dynamic reference, or a masked NoEcho parameter is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from oracle.complaints import doubt
from oracle.evaluate import StackInputs, condition_values, evaluate
from oracle.functions import FUNCTIONS
from oracle.images import Images
from oracle.protection import Protection, Status, protection_of
from oracle.values import Json, canonical, mapping, text_of, token

LAUNCHERS = (
    "AWS::ECS::Service",
    "AWS::ECS::TaskSet",
    "AWS::Events::Rule",
    "AWS::Pipes::Pipe",
    "AWS::Scheduler::Schedule",
)
MASK = "****"
KNOWN_ELSEWHERE = ("Fn::ForEach", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or")


def protections(
    template: Json, stack: StackInputs, deployment: Mapping[str, Json], images: Images | None = None
) -> dict[str, Protection]:
    """Return the protection of each task definition of a template by its logical ID.

    If a condition decides it, other values of the conditions may give another answer, so this one is in doubt.
    """
    whole = _without_masked_values(_without_unknown_functions(template))
    certain_stack = replace(stack, ssm={}, exports={})
    now = _under(whole, certain_stack, deployment, images, None)
    values = condition_values(whole, certain_stack)
    resources = canonical(mapping(whole).get("Resources"))
    for name in (each for each in values if f'"{each}"' in resources):
        other = _under(whole, certain_stack, deployment, images, {**values, name: not values[name]})
        now = {task: _with_doubt(found, other.get(task)) for task, found in now.items()}
    return now


def _with_doubt(found: Protection, other: Protection | None) -> Protection:
    if other is None or other.status is found.status:
        return found
    return replace(found, doubts=(*found.doubts, doubt("", "depends-on-a-condition")))


def _under(
    template: Json,
    stack: StackInputs,
    deployment: Mapping[str, Json],
    images: Images | None,
    condition_overrides: Mapping[str, bool] | None,
) -> dict[str, Protection]:
    evaluated = evaluate(template, stack, condition_overrides)
    launched = set(_launched_on_fargate(evaluated.resources))
    return {
        name: Protection(Status.LEFT_ALONE)
        if name in evaluated.inactive
        else protection_of(
            resource,
            deployment,
            images=images,
            template_metadata=evaluated.metadata,
            is_launched_on_fargate=name in launched,
        )
        for name, resource in evaluated.task_definitions().items()
    }


def _without_unknown_functions(node: Json) -> Json:
    """Return a node in which each call of a function that CloudFormation does not have is a value that is not known."""
    if isinstance(node, list):
        return [_without_unknown_functions(each) for each in node]
    if not isinstance(node, dict):
        return node
    [name] = node if len(node) == 1 else [""]
    if name.startswith("Fn::") and name not in FUNCTIONS and not name.startswith(KNOWN_ELSEWHERE):
        return token("unknown", name)
    return {key: _without_unknown_functions(each) for key, each in node.items()}


def _without_masked_values(template: Json) -> Json:
    """Return the template without the default values of NoEcho parameters, whose real values are masked."""
    sections = mapping(template)
    parameters = {name: _unmasked(mapping(each)) for name, each in mapping(sections.get("Parameters")).items()}
    return {**sections, "Parameters": parameters} if parameters else template


def _unmasked(declaration: dict[str, Json]) -> Json:
    if text_of(declaration.get("NoEcho", "")).lower() != "true":
        return declaration
    return {"Type": "AWS::SSM::Parameter::Value<String>", "Default": MASK}


def _launched_on_fargate(resources: Mapping[str, dict[str, Json]]) -> Iterator[str]:
    """Yield the task definitions that a resource of the template starts on Fargate, or may start there."""
    for resource in resources.values():
        if resource.get("Type") in LAUNCHERS:
            text = canonical(resource.get("Properties"))
            if '"FARGATE' in text:  # a launch type or a capacity provider
                yield from (name for name in resources if f'"{name}"' in text)
