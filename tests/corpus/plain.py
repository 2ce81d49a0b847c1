"""Judge plain task definitions: convert them to templates and back by botocore's model of the ECS API.

A plain task definition is what `aws ecs register-task-definition --cli-input-json` takes, or what
`aws ecs describe-task-definition` prints. As a template with one resource, the oracle can judge it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeGuard

from botocore.model import ListShape, MapShape, Shape, StructureShape

from corpus.adapter import Outcome, transform, transform_document
from corpus.checking import CRASHED, WRONG, CheckResult, EngineOutcome, check
from oracle.evaluate import TASK_DEFINITION, StackInputs
from oracle.images import Images
from oracle.registration import SHAPE, registration_errors
from oracle.selection import AGENT
from oracle.values import Json, items, mapping, same

TASK = "Task"
_SHORT = 3  # characters: a shorter value may be a part of a name
LAUNCH_TYPE_KEYS = {"requiresCompatibilities", "networkMode", "cpu", "memory"}
REGISTERED_KEYS = {"taskDefinitionArn", "compatibilities", "revision"}  # ECS alone writes them
SAID_ELSEWHERE: Json = {"Ref": "SaidElsewhere"}  # of no parameter, so it is not known
OPEN_MEMBERS = dict.fromkeys(("RequiresCompatibilities", "ExecutionRoleArn", "Cpu", "Memory"), SAID_ELSEWHERE)
WRAPPING_KEY = "taskDefinition"
TransformDocument = Callable[[Json, Mapping[str, Json], Images], Outcome]
ADDED_ELSEWHERE = {"executionRoleArn": "arn:aws:iam::111122223333:role/made-up", "memory": "122880"}


def is_plain(document: Json) -> TypeGuard[dict[str, Json]]:
    """Return whether a document is a plain task definition, perhaps as `describe-task-definition` prints it."""
    return "containerDefinitions" in definition_of(document)


def definition_of(document: Json) -> dict[str, Json]:
    """Return the task definition in a document, with the tags that may stand beside it."""
    whole = mapping(document)
    if WRAPPING_KEY not in whole:
        return whole
    tags: dict[str, Json] = {"tags": whole["tags"]} if "tags" in whole else {}
    return {**mapping(whole[WRAPPING_KEY]), **tags}


def to_template(document: Json) -> dict[str, Json]:
    """Return the document as a template with one resource."""
    properties = _convert(definition_of(document), SHAPE, str.upper)
    return {"Resources": {TASK: {"Type": TASK_DEFINITION, "Properties": properties}}}


def to_document(template: Json, like: Json) -> Json:
    """Return the document that a template stands for, in the form of another document."""
    resource = mapping(mapping(mapping(template).get("Resources")).get(TASK))
    properties = mapping(resource.get("Properties"))
    known = {key: value for key, value in properties.items() if value != SAID_ELSEWHERE}
    definition = mapping(_convert(known, SHAPE, str.lower))
    whole = mapping(like)
    if WRAPPING_KEY not in whole:
        return definition
    tags = {"tags": definition.pop("tags")} if "tags" in whole else {}
    return {**whole, WRAPPING_KEY: definition, **tags}


def _convert(value: Json, shape: Shape | None, convert_case: Callable[[str], str]) -> Json:
    """Return the value with the keys of its structures in the other case. Keys of maps are the user's own."""
    if isinstance(value, list):
        return [_convert(item, shape.member if isinstance(shape, ListShape) else None, convert_case) for item in value]
    if not isinstance(value, dict) or isinstance(shape, MapShape):
        return value
    members = shape.members if isinstance(shape, StructureShape) else {}
    converted: dict[str, Json] = {}
    for key, item in value.items():
        member = members.get(key[:1].lower() + key[1:])
        converted[convert_case(key[:1]) + key[1:]] = _convert(item, member, convert_case)
    return converted


def check_document(document: Json) -> list[CheckResult]:
    """Instrument a template or a plain task definition with the project's engine, and return the results."""
    return check_plain(document, transform_document) if is_plain(document) else list(check(document, transform))


def check_plain(document: Json, engine: TransformDocument) -> list[CheckResult]:
    """Return a result for each set of settings, as `check` does for a template.

    A part of a task definition may be read as the whole, or as a part whose other members are not known.
    """
    results = _check(document, engine, to_template(document))
    if is_part(document) and any(each.status in {WRONG, CRASHED} for each in results):
        return _check(document, engine, _with_open_members(to_template(document)))
    return results


def _check(document: Json, engine: TransformDocument, template: Json) -> list[CheckResult]:
    if not same(to_document(template, document), document):
        return [CheckResult("reading", WRONG, ("it cannot be converted to a template and back",))]
    return list(check(template, functools.partial(_transform_as_template, engine, document), new_registration_errors))


def is_part(document: Json) -> bool:
    """Return whether a task definition says nothing of a launch type: something else adds that before it is registered."""
    return definition_of(document).keys().isdisjoint(LAUNCH_TYPE_KEYS | REGISTERED_KEYS)


def _with_open_members(template: dict[str, Json]) -> dict[str, Json]:
    resource = mapping(mapping(template["Resources"])[TASK])
    properties = mapping(resource["Properties"])
    missing = {key: value for key, value in OPEN_MEMBERS.items() if key not in properties}
    return {"Resources": {TASK: {**resource, "Properties": {**properties, **missing}}}}


def new_registration_errors(before: Json, after: Json) -> list[str]:
    """Return why ECS would refuse an output, beside the reasons for which it would refuse the input."""
    old, new = (errors_of(mapping(to_document(template, None))) for template in (before, after))
    return [f"ECS refuses it: {error}" for error in new - old]


def errors_of(definition: Mapping[str, Json]) -> Counter[str]:
    """Return why ECS would refuse a task definition, or a part of one with the members that something else adds."""
    return registration_errors({**ADDED_ELSEWHERE, **definition} if is_part(dict(definition)) else definition)


def _transform_as_template(
    engine: TransformDocument,
    like: Json,
    template: Json,
    _: StackInputs,
    settings: Mapping[str, Json],
    images: Images,
) -> EngineOutcome:
    outcome = engine(to_document(template, like), settings, images)
    if outcome.problems:
        return outcome
    output = to_template(outcome.output)
    if SAID_ELSEWHERE in mapping(mapping(mapping(mapping(template)["Resources"])[TASK])["Properties"]).values():
        output = _with_open_members(output)
    if not same(to_document(output, like), outcome.output):
        raise AssertionError("the output has another form than the input")
    _take_off_record(output)
    # A plain task definition has no place for the Result, which each template must have.
    mapping(mapping(output["Resources"])[TASK])["Metadata"] = {"SysdigInstrument": {"Result": {}}}
    return replace(outcome, output=output)


def _take_off_record(output: dict[str, Json]) -> None:
    """Take the label with the record off the agent's container, after checking that it has no value of a variable.

    The record says what undoes the changes. In a template, the Result has it.
    """
    properties = mapping(mapping(mapping(output["Resources"])[TASK])["Properties"])
    containers = [mapping(each) for each in items(properties.get("ContainerDefinitions"))]
    agent = next((each for each in containers if each.get("Name") == AGENT), {})
    match agent.get("DockerLabels"):
        case {"sysdig-instrument.undo": str(record), **others} if not others:
            values = {
                mapping(variable).get("Value") for each in containers for variable in items(each.get("Environment"))
            }
            if any(isinstance(value, str) and len(value) > _SHORT and value in record for value in values):
                raise AssertionError("the record has the value of a variable")
            del agent["DockerLabels"]
