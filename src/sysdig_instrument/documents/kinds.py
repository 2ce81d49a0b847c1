"""Decide what kind of document a value is, by keys that only such documents have.

A file that is named is read as what it can be. A file that was found in a folder counts only if it certainly is a template
or a task definition: a catalogue of products has names and images, too.

Source: the API model of ECS, ContainerDefinition and TaskDefinition; a test compares the members here with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sysdig_instrument.ecs_documents import DocumentKind, camel_key, pascal_key
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import quote
from sysdig_instrument.engine.suggestions import suggest
from sysdig_instrument.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sysdig_instrument.engine.json_types import Json

_TEMPLATE_SECTIONS: Final = frozenset(
    {"AWSTemplateFormatVersion", "Conditions", "Mappings", "Metadata", "Outputs", "Parameters", "Rules", "Transform"},
)
_PLAN_SECTIONS: Final = frozenset({"resource_changes", "planned_values"})
_EXPECTED_INPUT: Final = (
    "Give a CloudFormation template, a task definition in the format of `aws ecs register-task-definition "
    "--cli-input-json` or `aws ecs describe-task-definition`, or an array of container definitions."
)
OWN_CONTAINER_KEYS: Final = frozenset(
    {
        "credentialSpecs",
        "dockerLabels",
        "dockerSecurityOptions",
        "entryPoint",
        "environmentFiles",
        "firelensConfiguration",
        "linuxParameters",
        "logConfiguration",
        "memoryReservation",
        "mountPoints",
        "portMappings",
        "readonlyRootFilesystem",
        "repositoryCredentials",
        "resourceRequirements",
        "systemControls",
        "ulimits",
        "volumesFrom",
    }
)
"""Members of container definitions whose names are not in use for anything else that has a name and an image."""
CONTAINER_MEMBERS: Final[Mapping[str, type]] = {
    **dict.fromkeys(("name", "image", "hostname", "user", "versionConsistency", "workingDirectory"), str),
    **dict.fromkeys(("cpu", "memory", "memoryReservation", "startTimeout", "stopTimeout"), int),
    **dict.fromkeys(("dockerLabels", "firelensConfiguration", "healthCheck", "linuxParameters"), dict),
    **dict.fromkeys(("logConfiguration", "repositoryCredentials", "restartPolicy"), dict),
    **dict.fromkeys(("disableNetworking", "essential", "interactive", "privileged", "pseudoTerminal"), bool),
    "readonlyRootFilesystem": bool,
    **dict.fromkeys(("command", "credentialSpecs", "dependsOn", "dnsSearchDomains", "dnsServers"), list),
    **dict.fromkeys(("dockerSecurityOptions", "entryPoint", "environment", "environmentFiles", "extraHosts"), list),
    **dict.fromkeys(("links", "mountPoints", "portMappings", "resourceRequirements", "secrets"), list),
    **dict.fromkeys(("systemControls", "ulimits", "volumesFrom"), list),
}
"""All members of container definitions, with the type of each in JSON."""
_COMMON_KEYS: Final = frozenset({"name", "image", "hostname", "links", "user"})
"""Members that people, products and machines in a list have, too, with values of the same types."""
_TASK_KEYS: Final = ("family", "requiresCompatibilities", "networkMode", "executionRoleArn", "taskRoleArn")


def is_plan(value: Json) -> bool:
    """Return whether a value is a Terraform plan."""
    return isinstance(value, dict) and "format_version" in value and not _PLAN_SECTIONS.isdisjoint(value)


def is_state(value: Json) -> bool:
    """Return whether a value is Terraform's state, of which ``terraform show -json`` prints the same kind of object."""
    return isinstance(value, dict) and "format_version" in value and "values" in value and not is_plan(value)


def kind_of(value: Json, name: str) -> DocumentKind:
    """Return the kind of a document. ``name`` is its name in messages.

    Raises:
        UsageError: The kind is unknown. The message says what was found.
    """
    if isinstance(value, list):
        if _may_be_containers(value):
            return "container definitions"
        raise UsageError(
            f"{name} is an array, but not of container definitions: every item must have an image, and keys of container definitions only. {_EXPECTED_INPUT}",
            code=Code.KIND_UNKNOWN,
        )
    if not isinstance(value, dict):
        raise UsageError(
            f"{name} is plain text or a single value, not an object or an array. {_EXPECTED_INPUT}",
            code=Code.KIND_UNKNOWN,
        )
    if is_plan(value) or is_state(value):
        what = "is a Terraform plan, and this command does not take plans" if is_plan(value) else "is Terraform's state"
        raise UsageError(
            f"{name} {what}. Use check, diff or explain with the output of `terraform show -json` for a plan.",
            code=Code.TERRAFORM_PLAN,
        )
    if "Resources" in value:
        if isinstance(value["Resources"], dict):
            return "template"
        raise UsageError(
            f"In {name}, Resources is not an object. It must map logical IDs to resources.", code=Code.KIND_UNKNOWN
        )
    if _has_object(value, "taskDefinition"):
        return "described task definition"
    if _has_any(value, "containerDefinitions"):
        return "task definition"
    text = _describe(value)
    raise UsageError(
        f"{name} {text}" if text.endswith("?") else f"{name} {text} {_EXPECTED_INPUT}", code=Code.KIND_UNKNOWN
    )


def is_certain(value: Json) -> bool:
    """Return whether a document is certainly a template, a task definition or an array of container definitions.

    One that has the keys of a template or of a task definition is, even if it is not valid.
    """
    if isinstance(value, list):
        return _are_containers(value)
    if not isinstance(value, dict):
        return False
    if is_plan(value):
        return True
    if "Resources" in value:
        return isinstance(value["Resources"], dict) or not _TEMPLATE_SECTIONS.isdisjoint(value)
    described = _member(value, "taskDefinition")
    return _is_task_definition(value) or (isinstance(described, dict) and _is_task_definition(described))


def _is_task_definition(value: Mapping[str, Json]) -> bool:
    containers = _member(value, "containerDefinitions")
    return isinstance(containers, list) or (containers is not None and _has_any(value, *_TASK_KEYS))


def _may_be_containers(entries: list[Json]) -> bool:
    objects = _objects(entries)
    if any(_is_certainly_a_container(entry) for entry in objects):
        return True
    return bool(objects) and all("image" in entry and entry.keys() <= CONTAINER_MEMBERS.keys() for entry in objects)


def _are_containers(entries: list[Json]) -> bool:
    """Return whether an array certainly consists of container definitions.

    It does if one of them has a key of its own, or a variable, or if all of them have only members of container
    definitions, and more than a name and an image.
    """
    objects = _objects(entries)
    if not all("name" in entry or "image" in entry for entry in objects):
        return False
    if any(_is_certainly_a_container(entry) for entry in objects):
        return True
    have_names = all({"name", "image"} <= entry.keys() and _has_only_members(entry) for entry in objects)
    return have_names and any(entry.keys() - _COMMON_KEYS for entry in objects)


def _is_certainly_a_container(entry: Mapping[str, Json]) -> bool:
    return not OWN_CONTAINER_KEYS.isdisjoint(entry) or _has_variables(entry)


def _objects(entries: list[Json]) -> list[dict[str, Json]]:
    """Return the entries with their keys in camelCase; none of them if one is not an object."""
    objects = [{camel_key(key): each for key, each in entry.items()} for entry in entries if isinstance(entry, dict)]
    return objects if len(objects) == len(entries) else []


def _has_only_members(entry: Mapping[str, Json]) -> bool:
    return all(
        key in CONTAINER_MEMBERS and (each is None or isinstance(each, CONTAINER_MEMBERS[key]))
        for key, each in entry.items()
    )


def _has_variables(entry: Mapping[str, Json]) -> bool:
    """Return whether an entry has variables as ECS writes them: objects with a name, and a value or where it comes from."""
    variables = [each for key in ("environment", "secrets") for each in _list(entry.get(key))]
    return any(
        isinstance(each, dict) and _has_any(each, "name") and _has_any(each, "value", "valueFrom") for each in variables
    )


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _member(value: Mapping[str, Json], key: str) -> Json:
    return value[key] if key in value else value.get(pascal_key(key))


def _has_any(value: Mapping[str, Json], *keys: str) -> bool:
    return any(key in value or pascal_key(key) in value for key in keys)


def _has_object(value: Mapping[str, Json], key: str) -> bool:
    return isinstance(value.get(key), dict) or isinstance(value.get(pascal_key(key)), dict)


def _describe(value: dict[str, Json]) -> str:
    """Describe what the object most likely is."""
    misspelt = next((key for key in value if suggest(key, ["Resources"], cutoff=0.8)), "")
    kinds = (
        (
            misspelt and _TEMPLATE_SECTIONS & value.keys(),
            f'has sections of a CloudFormation template, but no Resources. Did you mean "Resources" for {quote(misspelt)}?',
        ),
        (not value, "is an empty object."),
        (_TEMPLATE_SECTIONS & value.keys(), "has sections of a CloudFormation template, but no Resources."),
        (
            {"Type", "Properties"} <= value.keys(),
            "is a single resource. Put it under Resources, with its logical ID as the key.",
        ),
        ({"apiVersion", "kind"} <= value.keys(), "is a Kubernetes manifest."),
        (isinstance(value.get("services"), dict), "is a Docker Compose file."),
        (
            _has_any(value, "taskDefinitionArns", "services", "tasks"),
            "lists or describes something other than a task definition.",
        ),
        (_has_any(value, "family", "requiresCompatibilities"), "is a task definition without containerDefinitions."),
    )
    otherwise = "is neither a CloudFormation template (it has no Resources) nor a task definition."
    return next((text for is_so, text in kinds if is_so), otherwise)
