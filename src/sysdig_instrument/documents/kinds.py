"""What a document is: a template, or one of the forms in which ECS's own tools have a task definition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from sysdig_instrument.errors import UsageError

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

Kind: TypeAlias = Literal["template", "task definition", "described task definition", "container definitions"]

_SECTIONS: Final = frozenset(
    {"AWSTemplateFormatVersion", "Conditions", "Mappings", "Metadata", "Outputs", "Parameters", "Rules", "Transform"},
)
_EXPECTED: Final = (
    "Give a CloudFormation template, a task definition as `aws ecs register-task-definition --cli-input-json` takes it "
    "or `aws ecs describe-task-definition` prints it, or an array of container definitions."
)


def kind(value: Json, name: str) -> Kind:
    """What kind of document this is. ``name`` is what the message calls it.

    Raises:
        UsageError: It is none that we know. The message says what was found.
    """
    if isinstance(value, list):
        if value and all(isinstance(item, dict) and _has(item, "name", "image") for item in value):
            return "container definitions"
        raise UsageError(
            f"{name} is an array, but not of container definitions: each of these has a name or an image. {_EXPECTED}"
        )
    if not isinstance(value, dict):
        raise UsageError(f"{name} holds a single value, neither an object nor an array. {_EXPECTED}")
    if "Resources" in value:
        if isinstance(value["Resources"], dict):
            return "template"
        raise UsageError(
            f"In {name}, Resources is not an object. It must hold the template's resources by their names."
        )
    if _is_object(value, "taskDefinition"):
        return "described task definition"
    if _has(value, "containerDefinitions"):
        return "task definition"
    raise UsageError(f"{name} {_found(value)} {_EXPECTED}")


def _has(value: dict[str, Json], *keys: str) -> bool:
    return any(key in value or _pascal(key) in value for key in keys)


def _is_object(value: dict[str, Json], key: str) -> bool:
    return isinstance(value.get(key), dict) or isinstance(value.get(_pascal(key)), dict)


def _found(value: dict[str, Json]) -> str:
    """The nearest thing that the object could have been meant as."""
    if not value:
        return "is an empty object."
    if _SECTIONS & value.keys():
        return "has sections of a CloudFormation template, but no Resources."
    if "Type" in value and "Properties" in value:
        return "is a single resource; put it under Resources, by its name."
    if _has(value, "taskDefinitionArns", "services", "tasks"):
        return "is a list or description of something else than a task definition."
    if _has(value, "family", "requiresCompatibilities"):
        return "is a task definition without containerDefinitions."
    return "is neither a CloudFormation template (it has no Resources) nor a task definition."


def _pascal(key: str) -> str:
    return key[:1].upper() + key[1:]
