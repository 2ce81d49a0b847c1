"""The events of watch: calls of Amazon ECS that AWS CloudTrail recorded, as Amazon EventBridge delivers them.

An event says only where to look. What was registered, and what a service runs, is read from Amazon ECS, because an event may
be late, incomplete, delivered twice or written by somebody else.

Sources: the CloudTrail user guide, «CloudTrail record contents»; the EventBridge user guide, «AWS service events delivered via
AWS CloudTrail».
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.lookup.aws import INVALID_RESPONSE, Arn, AwsError
from sysdig_instrument.printable import single_line
from sysdig_instrument.services.model import FARGATE

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")
_REVISION: Final = re.compile(r"task-definition/[A-Za-z0-9_-]{1,255}:[0-9]{1,10}")
_FAMILY: Final = re.compile(r"[A-Za-z0-9_-]{1,255}(:[0-9]{1,10})?")  # with or without a revision
_MAX_WHO: Final = 300
_REGISTRATION: Final = "RegisterTaskDefinition"
_TASK_SET: Final = "CreateTaskSet"
_EVENTS: Final = frozenset({_REGISTRATION, "CreateService", "UpdateService", _TASK_SET})
_JUDGED_AGAIN: Final = ("taskDefinition", "forceNewDeployment", "capacityProviderStrategy")
"""The parameters of an update that may change what is judged: another task definition, the same on Fargate, or new tasks."""
_EVENT_ID: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Owner:
    """The account and the Region of this function, and the ARN of its role."""

    account: str
    region: str
    role: str = ""

    @classmethod
    def of_function(cls, function_arn: str, role: str = "") -> Owner:
        """Return the owner for the ARN of this function.

        Raises:
            AwsError: It is not an ARN.
        """
        arn = Arn.parse(function_arn)
        if arn is None:
            raise AwsError(INVALID_RESPONSE)
        return cls(arn.account, arn.region, role)

    def owns(self, arn: Arn | None) -> bool:
        """Return whether an ARN is that of a resource of Amazon ECS in this account and Region."""
        return arn is not None and (arn.service, arn.account, arn.region) == ("ecs", self.account, self.region)


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of an event: a task definition (an ARN, or a family), or a service of a cluster.

    Of a task set it is both: the service, and the task definition that the service's controller started in it;
    ``on_fargate`` is true if it did so on Fargate. ``who`` is the identity that made the call. The texts are empty if the
    event does not say what it is about.
    """

    event_id: str
    event_name: str
    who: str
    task_definition: str = ""
    cluster: str = ""
    service: str = ""
    on_fargate: bool = False

    @property
    def is_task_set(self) -> bool:
        """Return whether it is a task set of a service."""
        return self.event_name == _TASK_SET

    @property
    def what(self) -> str:
        """The name of what it is about, for messages."""
        if self.service:
            return f"{self.cluster.rsplit('/', 1)[-1]}/{self.service}"
        return self.task_definition.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Ignored:
    """An event that needs no look at Amazon ECS, and why."""

    why: str


def parse_event(event: Json, owner: Owner) -> Subject | Ignored:
    """Return what an event is about, or why it is ignored."""
    detail = _object(event, "detail")
    name = _text(detail, "eventName")
    if why := _why_ignored(event, detail, owner):
        return Ignored(why)
    identity = _object(detail, "userIdentity")
    event_id = _text(detail, "eventID")
    subject = Subject(event_id if _EVENT_ID.fullmatch(event_id) else "", name, _who(identity))
    if name == _REGISTRATION:
        return _of_registration(subject, detail, owner)
    if name == _TASK_SET:
        return _of_task_set(subject, detail, owner)
    return _of_service(subject, _object(_object(detail, "responseElements"), "service"), detail, owner)


def _why_ignored(event: Json, detail: Mapping[str, Json], owner: Owner) -> str:
    name = _text(detail, "eventName")
    source = event.get("source") if isinstance(event, dict) else None
    account = event.get("account") if isinstance(event, dict) else None
    issuer = _object(_object(_object(detail, "userIdentity"), "sessionContext"), "sessionIssuer")
    reasons = {
        "it is not one of the calls that are watched": source != "aws.ecs"
        or detail.get("eventSource") != "ecs.amazonaws.com"
        or name not in _EVENTS,
        "it is of another account or Region": account != owner.account or detail.get("awsRegion") != owner.region,
        "the call failed, and changed nothing": bool(detail.get("errorCode")),
        "watch itself made the call": bool(owner.role) and _text(issuer, "arn") == owner.role,
        "the service keeps its task definition": name == "UpdateService" and _keeps_task_definition(detail),
    }
    return next((why for why, applies in reasons.items() if applies), "")


def _keeps_task_definition(detail: Mapping[str, Json]) -> bool:
    """Return whether an update certainly gives a service no other task definition. CloudTrail may leave out parameters."""
    parameters = detail.get("requestParameters")
    if not isinstance(parameters, dict) or "service" not in parameters or parameters.get("omitted"):
        return False
    return not any(parameters.get(key) for key in _JUDGED_AGAIN)


def _of_registration(subject: Subject, detail: Mapping[str, Json], owner: Owner) -> Subject:
    arn = _text(_object(_object(detail, "responseElements"), "taskDefinition"), "taskDefinitionArn")
    family = _text(_object(detail, "requestParameters"), "family")
    return replace(subject, task_definition=_task_definition(arn, owner) or _task_definition(family, owner))


def _of_task_set(subject: Subject, detail: Mapping[str, Json], owner: Owner) -> Subject:
    response = _object(_object(detail, "responseElements"), "taskSet")
    parameters = _object(detail, "requestParameters")
    given = _text(parameters, "taskDefinition")
    used = _task_definition(_text(response, "taskDefinition"), owner) or _task_definition(given, owner)
    on_fargate = _is_on_fargate(response) or _is_on_fargate(parameters)
    service = _of_service(subject, response, detail, owner)
    return replace(service, task_definition=used, on_fargate=on_fargate)


def _is_on_fargate(task_set: Mapping[str, Json]) -> bool:
    """Return whether a task set starts its tasks on Fargate, by its launch type or by a capacity provider of Fargate."""
    strategy = task_set.get("capacityProviderStrategy")
    providers = [_text(each, "capacityProvider") for each in strategy] if isinstance(strategy, list) else []
    return _text(task_set, "launchType") == FARGATE or any(each.startswith(FARGATE) for each in providers)


def _of_service(subject: Subject, response: Mapping[str, Json], detail: Mapping[str, Json], owner: Owner) -> Subject:
    parameters = _object(detail, "requestParameters")
    name = _text(response, "serviceArn") or _text(parameters, "service") or _text(parameters, "serviceName")
    cluster = _text(response, "clusterArn") or _text(parameters, "cluster") or "default"
    service_name, cluster_name = _last_part(name, "service", owner), _last_part(cluster, "cluster", owner)
    return replace(subject, cluster=cluster_name, service=service_name) if service_name and cluster_name else subject


def _task_definition(text: str, owner: Owner) -> str:
    """Return the ARN, or the family, of a task definition; empty if a text is neither, or of another account."""
    arn = Arn.parse(text)
    if arn is None:
        return text if _FAMILY.fullmatch(text) else ""
    return text if owner.owns(arn) and _REVISION.fullmatch(arn.resource) else ""


def _last_part(text: str, kind: str, owner: Owner) -> str:
    """Return the name of a service or a cluster from its name or ARN; empty if it is neither, or of another account."""
    if text.startswith("arn:"):
        arn = Arn.parse(text)
        if arn is None or not owner.owns(arn) or not arn.resource.startswith(f"{kind}/"):
            return ""
        text = arn.resource.rsplit("/", 1)[-1]
    return text if _NAME.fullmatch(text) else ""


def _who(identity: Mapping[str, Json]) -> str:
    who = _text(identity, "arn") or _text(identity, "invokedBy") or _text(identity, "type") or "unknown"
    via = _text(identity, "invokedBy")
    return single_line(f"{who} via {via}" if via and via != who else who, _MAX_WHO)


def _object(value: object, key: str) -> Mapping[str, Json]:
    member = value.get(key) if isinstance(value, dict) else None
    return member if isinstance(member, dict) else {}


def _text(value: object, key: str) -> str:
    member = value.get(key) if isinstance(value, dict) else None
    return member if isinstance(member, str) else ""
