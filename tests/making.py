"""Small templates, scopes and plans for the tests of single modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from case_folders import ACCOUNT, REGION
from sinks import PLANTED
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageRequest, Request, Unavailable
from sysdig_instrument.engine.plan import Context, Plan, process
from sysdig_instrument.engine.scope import Run, Scope
from sysdig_instrument.engine.settings.layers import Layer, Settled, settle
from sysdig_instrument.engine.template import TASK_DEFINITION, TaskDefinition, task_definitions
from sysdig_instrument.planning import planned

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:sysdig-AbCdEf"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"
NOVALUE: Json = {"Ref": "AWS::NoValue"}
SETTINGS: Mapping[str, Json] = {"Collector": "us2", "AccessKeySecret": SECRET}


def scope(template: Json = None, values: Mapping[str, Json] | None = None, **more: Any) -> Scope:
    """A scope in which expressions of a template are worked out."""
    fields: dict[str, Any] = {"region": REGION, "account": ACCOUNT, "answers": {}, "run": Run(), **more}
    return Scope(template if template is not None else {}, values or {}, **fields)


def container(**members: Json) -> dict[str, Any]:
    """A container definition that needs no look-up, with a secret in a label."""
    return {"Name": "web", "Image": "shop/web:1", "EntryPoint": ["run"], "DockerLabels": {"token": PLANTED}, **members}


def resource(*containers: Json, **properties: Json) -> dict[str, Any]:
    """A task definition for Fargate, large enough for all that the tests put into it."""
    return {
        "Type": TASK_DEFINITION,
        "Properties": {
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "Cpu": "1024",
            "Memory": "2048",
            "ExecutionRoleArn": ROLE,
            "ContainerDefinitions": list(containers) or [container()],
            **properties,
        },
    }


def template(*containers: Json, sections: Mapping[str, Json] | None = None, **properties: Json) -> dict[str, Any]:
    """A template with one task definition, ``Api``."""
    return {**(sections or {}), "Resources": {"Api": resource(*containers, **properties)}}


def answering(requests: Sequence[Request]) -> Mapping[Request, Answer]:
    """A world in which every image runs ``start serve``, and nothing else is there."""
    return {
        request: ImageConfig(("start",), ("serve",))
        if isinstance(request, ImageRequest)
        else Unavailable(Reason(f'"{request.name}" is not there', "Put it there"), missing=True)
        for request in requests
    }


def settled(**settings: Json) -> Settled:
    """The settings of a deployment."""
    return settle(Layer("the macro's deployment", {**SETTINGS, **settings}))


def context_of(settings: Mapping[str, Json] | None = None, parameters: Mapping[str, Json] | None = None) -> Context:
    """Where the templates of the tests are deployed, by a macro with these settings."""
    return Context(settled=settled(**(settings or {})), parameters=parameters or {}, region=REGION, account=ACCOUNT)


def plan_of(
    value: Json, settings: Mapping[str, Json] | None = None, parameters: Mapping[str, Json] | None = None
) -> Plan:
    """The plan for a template, with everything answered."""
    return planned(value, context_of(settings, parameters), answering)


def processed(
    value: Json, settings: Mapping[str, Json] | None = None, parameters: Mapping[str, Json] | None = None
) -> dict[str, Any]:
    """The processed template; a problem fails the test."""
    made, problems = process(value, plan_of(value, settings, parameters))
    assert not problems, problems
    return cast("dict[str, Any]", made)


def problems_of(
    value: Json, settings: Mapping[str, Json] | None = None, parameters: Mapping[str, Json] | None = None
) -> list[str]:
    """What is wrong with a template, a line each."""
    _, problems = process(value, plan_of(value, settings, parameters))
    return [problem.text for problem in problems]


def notices_of(value: Json, settings: Mapping[str, Json] | None = None) -> list[str]:
    """What there is to know about a template, a line each."""
    return [notice.text for notice in plan_of(value, settings).notices]


def properties_of(value: Mapping[str, Any], name: str = "Api") -> dict[str, Any]:
    """The properties of a resource."""
    return cast("dict[str, Any]", value["Resources"][name]["Properties"])


def containers_of(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The container definitions of ``Api`` without the agent's."""
    return [each for each in properties_of(value)["ContainerDefinitions"] if each.get("Name") != AGENT_NAME]


def agent_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """The agent's container of ``Api``."""
    (agent,) = (each for each in properties_of(value)["ContainerDefinitions"] if each.get("Name") == AGENT_NAME)
    return cast("dict[str, Any]", agent)


def task_in(value: Json, values: Mapping[str, Json] | None = None) -> TaskDefinition:
    """The first task definition of a template."""
    return next(iter(task_definitions(value, scope(value, values))))


def container_in(value: Mapping[str, Any], values: Mapping[str, Json] | None = None, **settings: Json) -> Container:
    """The first container of ``Api`` as the steps see it."""
    task = task_in(dict(value), values)
    first = properties_of(value)["ContainerDefinitions"][0]
    pointer = (*task.properties_pointer, "ContainerDefinitions", 0)
    return Container(task, first, pointer, {}, first.get("Name"), 1, settled(**settings), task.scope)
