"""Whether the task definitions of a template are protected, once their expressions are evaluated.

What leaves something unprotected must be certain for this deployment: literal, or by a parameter whose value is given. The
value of an SSM parameter, a dynamic reference, or a masked NoEcho parameter is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from oracle.certainty import certain_inputs
from oracle.complaints import doubt
from oracle.evaluate import StackInputs, condition_values, evaluate
from oracle.images import Images
from oracle.launchers import launched_on_fargate
from oracle.protection import Protection, Status, protection_of
from oracle.values import Json, canonical, mapping


def protections(
    template: Json, stack: StackInputs, deployment: Mapping[str, Json], images: Images | None = None
) -> dict[str, Protection]:
    """Return the protection of each task definition of a template by its logical ID.

    If a condition decides it, other values of the conditions may give another answer, so this one is in doubt.
    """
    whole, certain_stack = certain_inputs(template, stack)
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
    launched = launched_on_fargate(evaluated)
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
