"""Small templates, scopes and plans for unit tests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from case_folders import ACCOUNT, REGION
from secret_guard import PLANTED
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.scope import EvaluationScope, PlanState
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup, Unavailable
from sysdig_instrument.engine.plan import Context, Plan, process
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings, merge_layers
from sysdig_instrument.engine.template import TASK_DEFINITION, TaskDefinition, task_definitions
from sysdig_instrument.planning import plan_with_lookups

SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:sysdig-AbCdEf"
_SSM = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter"
VALID_SECRETS = [
    SECRET,
    f"{SECRET}:key::",
    f"{SECRET}::AWSPREVIOUS:",
    f"{SECRET}:key:AWSCURRENT:9d4cb84b-ad69-40c0-a0ab-cead3EXAMPLE",
    f"{SECRET}:::",
    f"arn:aws-us-gov:secretsmanager:us-gov-west-1:{ACCOUNT}:secret:a/b_c+d=e.f@g-h!i",
    f"{_SSM}/sysdig/access-key",
    f"{_SSM}/Sysdig_1.key",
]
"""Values of AccessKeySecret that ECS accepts."""
INVALID_SECRETS = [
    # ECS reads a secret's ARN with no field after it, or with three, and nothing between.
    *(f"{SECRET}:{fields}" for fields in ("key", "key:", ":", "", "key:AWSCURRENT", "key:::", "key:AWSCURRENT:id:")),
    # In the policy of the execution role these would be wildcards, or variables of IAM.
    *(SECRET.replace("sysdig-AbCdEf", name) for name in ("*", "sys*", "sysdig-??????", "${aws:username}", "a$b", "")),
    *(f"{SECRET}:{key}::" for key in ("*", "k?y", "${Key}", "{{x}}")),
    *(f"{_SSM}{name}" for name in ("/*", "/sysdig/?", "/${aws:username}", "/a:1", "/", "", "*", "/a/{{b}}")),
    SECRET.replace(REGION, "*"),
    SECRET.replace(ACCOUNT, "*"),
    SECRET.replace(ACCOUNT, "1"),
    SECRET.replace("arn:aws", "arn:*"),
    SECRET.replace("secret:sysdig-AbCdEf", "*"),
    SECRET.replace("sysdig-AbCdEf", "{{resolve:ssm:name}}"),
    f"{SECRET} x",
    f"{SECRET}\n{SECRET}",
    "arn:aws:s3:::x",
    "*",
]
"""Values of AccessKeySecret that ECS does not accept, or that cover more than one secret."""
ROLE = f"arn:aws:iam::{ACCOUNT}:role/execution"
NOVALUE: Json = {"Ref": "AWS::NoValue"}
CONDITIONS: Mapping[str, Json] = {"Conditions": {"Active": {"Fn::Equals": [1, 1]}, "Inactive": {"Fn::Equals": [1, 2]}}}
"""A section with a condition that is true, and one that is false."""
SETTINGS: Mapping[str, Json] = {"Collector": "us2", "AccessKeySecret": SECRET}


def scope(template: Json = None, values: Mapping[str, Json] | None = None, **more: Any) -> EvaluationScope:
    """Return a scope in which a template's expressions are evaluated."""
    fields: dict[str, Any] = {"region": REGION, "account": ACCOUNT, "answers": {}, "state": PlanState(), **more}
    return EvaluationScope(template if template is not None else {}, values or {}, **fields)


def container(**members: Json) -> dict[str, Any]:
    """Return a container definition that needs no lookup, with a planted secret in a label."""
    return {"Name": "web", "Image": "shop/web:1", "EntryPoint": ["run"], "DockerLabels": {"token": PLANTED}, **members}


def resource(*containers: Json, **properties: Json) -> dict[str, Any]:
    """Return a task definition for Fargate that is large enough for the containers of all tests."""
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
    """Return a template with one task definition, ``Api``."""
    return {**(sections or {}), "Resources": {"Api": resource(*containers, **properties)}}


def answer_lookups(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    """Answer lookups: every image runs ``start serve``, and nothing else exists."""
    return {
        lookup: ImageConfig(("start",), ("serve",))
        if isinstance(lookup, ImageLookup)
        else Unavailable(Reason(f'"{lookup.name}" does not exist', "Create it", code=Code.NO_ANSWER), missing=True)
        for lookup in lookups
    }


def resolved(**settings: Json) -> ResolvedSettings:
    """Return the settings of a deployment."""
    return merge_layers(Layer("the macro's deployment", {**SETTINGS, **settings}))


def context_of(settings: Mapping[str, Json] | None = None, parameters: Mapping[str, Json] | None = None) -> Context:
    """Return the context of a macro with these settings."""
    return Context(
        deployment_settings=resolved(**(settings or {})),
        parameter_values=parameters or {},
        region=REGION,
        account=ACCOUNT,
    )


def plan_of(
    value: Json, settings: Mapping[str, Json] | None = None, parameters: Mapping[str, Json] | None = None
) -> Plan:
    """Return the plan for a template, with all lookups answered."""
    return plan_with_lookups(value, context_of(settings, parameters), answer_lookups)


def processed(
    value: Json, settings: Mapping[str, Json] | None = None, parameters: Mapping[str, Json] | None = None
) -> dict[str, Any]:
    """Return the processed template. Fail the test if there are problems."""
    result, problems = process(value, plan_of(value, settings, parameters))
    assert not problems, problems
    return cast("dict[str, Any]", result)


def problems_of(
    value: Json, settings: Mapping[str, Json] | None = None, parameters: Mapping[str, Json] | None = None
) -> list[str]:
    """Return the problems of a template, one line each."""
    _, problems = process(value, plan_of(value, settings, parameters))
    return [problem.text for problem in problems]


def notices_of(value: Json, settings: Mapping[str, Json] | None = None) -> list[str]:
    """Return the notices for a template, one line each."""
    return [notice.text for notice in plan_of(value, settings).notices]


def properties_of(value: Mapping[str, Any], name: str = "Api") -> dict[str, Any]:
    """Return the properties of a resource."""
    return cast("dict[str, Any]", value["Resources"][name]["Properties"])


def containers_of(value: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the container definitions of ``Api`` without the agent."""
    return [each for each in properties_of(value)["ContainerDefinitions"] if each.get("Name") != AGENT_NAME]


def agent_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return the agent's container of ``Api``."""
    (agent,) = (each for each in properties_of(value)["ContainerDefinitions"] if each.get("Name") == AGENT_NAME)
    return cast("dict[str, Any]", agent)


def case_id(name: str, value: object) -> str:
    """Return a readable id for a test with a value of a setting, such as ``AgentCpu-int-0``."""
    text = value if isinstance(value, str) else json.dumps(value)
    printable = re.sub(r"[^\w.:/-]+", "-", text, flags=re.ASCII).strip("-")
    return "-".join(part for part in (name, type(value).__name__, printable[:20].rstrip("-")) if part)


def task_in(value: Json, values: Mapping[str, Json] | None = None) -> TaskDefinition:
    """Return the first task definition of a template."""
    return next(iter(task_definitions(value, scope(value, values))))


def container_in(value: Mapping[str, Any], values: Mapping[str, Json] | None = None, **settings: Json) -> Container:
    """Return the first container of ``Api`` in the form that steps receive."""
    task = task_in(dict(value), values)
    first = properties_of(value)["ContainerDefinitions"][0]
    pointer = (*task.properties_pointer, "ContainerDefinitions", 0)
    return Container(task, first, pointer, {}, first.get("Name"), 1, resolved(**settings), task.scope)


def if_(condition: str, yes: Json, no: Json = NOVALUE) -> dict[str, Json]:
    """Return ``Fn::If``."""
    return {"Fn::If": [condition, yes, no]}


def processed_container(sections: Mapping[str, Json] | None = None, **members: Json) -> dict[str, Any]:
    """Return a container, processed, in a template with ``CONDITIONS``. Fail the test if a second run changes anything."""
    once = processed(template(container(**members), sections={**CONDITIONS, **(sections or {})}))
    assert list(plan_of(once).changes) == []
    return containers_of(once)[0]
