"""Events of watch as CloudTrail and EventBridge write them, moto's ECS with calls that fail, and the handler in this process."""

from __future__ import annotations

import copy
import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import boto3
import botocore.exceptions

from sysdig_instrument.function import watch_handler

REGION: Final = "eu-central-1"
ACCOUNT: Final = "123456789012"
CLUSTER: Final = "shop"
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/watch"
WRAPPER: Final = "/opt/draios/bin/instrument"
EVENT: Final[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "events" / "watch.json").read_text())
TASK: Final[dict[str, Any]] = {
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/pull",
    "cpu": "1024",
    "memory": "2048",
    "containerDefinitions": [{"name": "main", "image": "nginx", "memory": 64}],
}
_IDS = itertools.count()


class FakeContext:
    """The context that the Lambda runtime passes along with the event."""

    function_name = "watch"
    memory_limit_in_mb = 512
    invoked_function_arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:watch"
    aws_request_id = "11111111-1111-1111-1111-111111111111"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Faults:
    """What happens at calls, by operation: before the call, or after it took effect. An error is raised, a function called."""

    def __init__(self) -> None:
        self.before: dict[str, list[Any]] = {}
        self.after: dict[str, list[Any]] = {}
        self.calls: Counter[str] = Counter()

    def fail_before(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1
        self._take(self.before, model.name)

    def fail_after(self, model: Any, **_: Any) -> None:
        self._take(self.after, model.name)

    @staticmethod
    def _take(planned: dict[str, list[Any]], operation: str) -> None:
        left = planned.get(operation)
        each = left.pop(0) if left else None
        if isinstance(each, Exception):
            raise each
        if callable(each):
            each()


def service_error(code: str) -> Exception:
    error: Exception = botocore.exceptions.ClientError({"Error": {"Code": code, "Message": "secret"}}, "operation")
    return error


FAULTS: Final[dict[str, Exception]] = {
    "denied": service_error("AccessDeniedException"),
    "throttled": service_error("ThrottlingException"),
    "cut": botocore.exceptions.ResponseStreamingError(error="cut"),
    "timed out": botocore.exceptions.ReadTimeoutError(endpoint_url="https://ecs"),
}


@dataclass
class Account:
    """An account of moto's, whose calls can fail, with what watch published there."""

    faults: Faults
    published: list[dict[str, Any]] = field(default_factory=list)
    ecs: Any = None

    def session(self) -> boto3.Session:
        session = boto3.Session(region_name=REGION)
        for service in ("ecs", "sns", "lambda"):
            session.events.register(f"before-call.{service}", self.faults.fail_before)
            session.events.register(f"after-call.{service}", self.faults.fail_after)
        session.events.register("before-call.sns.Publish", self._publish)
        return session

    def _publish(self, params: Any, **_: Any) -> None:
        body = params["body"]
        self.published.append({"subject": body["Subject"], **json.loads(body["Message"])})

    def register(self, family: str, **members: Any) -> str:
        given = {**TASK, "family": family, **members}
        arn: str = self.ecs.register_task_definition(**given)["taskDefinition"]["taskDefinitionArn"]
        return arn

    def serve(self, name: str, arn: str, **members: Any) -> None:
        self.ecs.create_service(cluster=CLUSTER, serviceName=name, taskDefinition=arn, desiredCount=0, **members)

    def used(self, name: str) -> str:
        (service,) = self.ecs.describe_services(cluster=CLUSTER, services=[name])["services"]
        return str(service["taskDefinition"]).rsplit("/", 1)[-1]

    def update(self, name: str, revision: str) -> Callable[[], object]:
        """Return a function that gives a service a revision, as somebody else does."""
        return lambda: self.ecs.update_service(cluster=CLUSTER, service=name, taskDefinition=revision)

    def revisions(self) -> int:
        return len(self.ecs.list_task_definitions()["taskDefinitionArns"])

    def described(self, revision: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self.ecs.describe_task_definition(taskDefinition=revision, include=["TAGS"]))


def registered(arn: str, **detail: Any) -> dict[str, Any]:
    """Return the event of a registration."""
    parameters = {"family": arn.rsplit("/", 1)[-1].rsplit(":", 1)[0]}
    response = {"taskDefinition": {"taskDefinitionArn": arn}}
    return _event("RegisterTaskDefinition", **{"requestParameters": parameters, "responseElements": response, **detail})


def of_service(name: str, event_name: str = "UpdateService", **detail: Any) -> dict[str, Any]:
    """Return the event of a service that was created, or that got another task definition."""
    parameters = {"cluster": CLUSTER, "service": name, "serviceName": name, "taskDefinition": "x:1"}
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{CLUSTER}/{name}"
    cluster = f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{CLUSTER}"
    response = {"service": {"serviceArn": arn, "clusterArn": cluster}}
    return _event(event_name, **{"requestParameters": parameters, "responseElements": response, **detail})


def of_task_set(name: str, arn: str, **detail: Any) -> dict[str, Any]:
    """Return the event of a task set that a controller created for a service."""
    service = of_service(name)["detail"]["responseElements"]["service"]
    parameters = {"cluster": CLUSTER, "service": name, "taskDefinition": arn}
    response = {"taskSet": {**service, "taskDefinition": arn, "launchType": "FARGATE"}}
    return _event("CreateTaskSet", **{"requestParameters": parameters, "responseElements": response, **detail})


def _event(name: str, **detail: Any) -> dict[str, Any]:
    event = copy.deepcopy(EVENT)
    event |= {"account": ACCOUNT, "region": REGION}
    event["detail"] |= {"eventName": name, "awsRegion": REGION, "eventID": f"event-{next(_IDS)}", **detail}
    return event


def handle(event: Any) -> dict[str, Any]:
    """Return what the handler says."""
    return watch_handler.handler(event, cast("Any", FakeContext()))


def handle_with_retries(event: Any) -> dict[str, Any] | None:
    """Call the handler as Lambda does for an event: once, and twice more if it fails; None if all three fail."""
    for _ in range(3):
        try:
            return handle(event)
        except Exception:  # noqa: BLE001, S112 - as Lambda does
            continue
    return None
