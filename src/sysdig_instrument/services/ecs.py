"""The calls of Amazon ECS that a rollout makes. Each raises :class:`AwsError` if it fails.

A call that changes something is attempted once, unless ECS throttles it: after a time-out, it may have taken effect, and the
rollout looks before it repeats anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sysdig_instrument.aws_changes import change
from sysdig_instrument.lookup.aws import (
    INVALID_RESPONSE,
    AwsClient,
    AwsError,
    batched,
    call,
    require_list,
    translate_errors,
)
from sysdig_instrument.services.decide import is_same_definition
from sysdig_instrument.services.model import FARGATE, ROLLING, SOURCE_TAG, Described, Service, revision, short_arn

_MAX_SERVICES_PER_CALL: Final = 10  # the limit of DescribeServices
_MAX_REVISIONS: Final = 10
_AWS_TAGS: Final = "aws:"


class Ecs:
    """Amazon ECS in one Region: ``reader`` retries, ``writer`` does not. ``sleep`` waits for seconds."""

    def __init__(self, reader: AwsClient, writer: AwsClient, sleep: Callable[[float], object]) -> None:
        self._reader = reader
        self._writer = writer
        self.sleep = sleep

    def clusters(self) -> Iterator[str]:
        """Yield the ARNs of the clusters."""
        pages = iter(self._reader.get_paginator("list_clusters").paginate())
        while (page := translate_errors(lambda: next(pages, None))) is not None:
            yield from _texts(page, "clusterArns")

    def services(self, cluster: str) -> Iterator[Service]:
        """Yield the active services of a cluster."""
        pages = iter(self._reader.get_paginator("list_services").paginate(cluster=cluster))
        arns: list[str] = []
        while (page := translate_errors(lambda: next(pages, None))) is not None:
            arns += _texts(page, "serviceArns")
        yield from self.describe_services(cluster, sorted(arns))

    def describe_services(self, cluster: str, names: Iterable[str]) -> Iterator[Service]:
        """Yield the services with these names or ARNs that are active."""
        for batch in batched(names, _MAX_SERVICES_PER_CALL):
            response = call(self._reader.describe_services, cluster=cluster, services=batch, include=["TAGS"])
            found = require_list(response, "services")
            _require_answers(batch, found, response.get("failures") or ())
            for described in found:
                if described.get("status") == "ACTIVE":
                    yield _service(cluster, described)

    def find_service(self, cluster: str, name: str) -> Service | None:
        """Return the service of a name as it is now; None only if Amazon ECS says that there is none, or that it is deleted."""
        response = call(self._reader.describe_services, cluster=cluster, services=[name], include=["TAGS"])
        for described in require_list(response, "services"):
            if described.get("serviceName") == name:
                return _service(cluster, described) if described.get("status") == "ACTIVE" else None
        if any(each.get("reason") == "MISSING" for each in response.get("failures") or ()):
            return None
        raise AwsError(INVALID_RESPONSE)

    def describe(self, task_definition: str) -> Described:
        """Return a task definition with its tags, and without its timestamps, which are not JSON and only ECS writes."""
        response = call(self._reader.describe_task_definition, taskDefinition=task_definition, include=["TAGS"])
        definition = response.get("taskDefinition")
        if not isinstance(definition, dict) or not isinstance(definition.get("taskDefinitionArn"), str):
            raise AwsError(INVALID_RESPONSE)
        content = {key: each for key, each in definition.items() if isinstance(each, str | int | list | dict)}
        return {"taskDefinition": content, "tags": response.get("tags") or []}

    def revisions(self, family: str) -> list[str]:
        """Return the ARNs of the latest active revisions of a family, the latest first."""
        response = call(
            self._reader.list_task_definitions,
            familyPrefix=family,
            status="ACTIVE",
            sort="DESC",
            maxResults=_MAX_REVISIONS,
        )
        return sorted(_texts(response, "taskDefinitionArns"), key=revision, reverse=True)

    def revision_of_service(self, arn: str) -> tuple[str, str]:
        """Return the task definition and the launch type of a service revision."""
        response = call(self._reader.describe_service_revisions, serviceRevisionArns=[arn])
        match require_list(response, "serviceRevisions"):
            case [{"serviceRevisionArn": found, "taskDefinition": str(task_definition)} as described] if found == arn:
                return task_definition, _launch_type(described)
        raise AwsError(INVALID_RESPONSE)

    def find_registered(self, source: str, value: Described) -> str | None:
        """Return the ARN of a revision that was registered from a source in an earlier run, and has this value."""
        wanted = self._registration(value)
        for arn in self.revisions(short_arn(source).rsplit(":", 1)[0]):
            described = self.describe(arn)
            tags = tags_of(described["tags"])
            if tags.get(SOURCE_TAG) == short_arn(source) and is_same_definition(self._registration(described), wanted):
                return arn
        return None

    def register(self, source: str, value: Described) -> str:
        """Register a revision made from a source, and return its ARN."""
        tags = [each for each in value["tags"] if not str(each.get("key")).startswith(_AWS_TAGS)]
        own = [each for each in tags if each.get("key") != SOURCE_TAG]
        parameters = self._registration(value) | {"tags": [*own, {"key": SOURCE_TAG, "value": short_arn(source)}]}
        response = change(lambda: call(self._writer.register_task_definition, **parameters), self.sleep)
        arn = (response.get("taskDefinition") or {}).get("taskDefinitionArn")
        if not isinstance(arn, str):
            raise AwsError(INVALID_RESPONSE)
        return arn

    def move(self, service: Service, task_definition: str) -> Service:
        """Give a service another task definition, and return the service as it is then."""
        response = change(
            lambda: call(
                self._writer.update_service,
                cluster=service.cluster,
                service=service.name,
                taskDefinition=task_definition,
            ),
            self.sleep,
        )
        return _service(service.cluster, response.get("service") or {})

    def current(self, service: Service) -> Service:
        """Return a service as it is now, or as it was shortly before: Amazon ECS is eventually consistent."""
        found = list(self.describe_services(service.cluster, [service.name]))
        if len(found) != 1:
            raise AwsError("ServiceNotFoundException")
        return found[0]

    def _registration(self, described: Described) -> dict[str, Any]:
        """Return what RegisterTaskDefinition takes of a task definition: not what only ECS writes."""
        shape = self._writer.meta.service_model.operation_model("RegisterTaskDefinition").input_shape
        return {
            key: each for key, each in described["taskDefinition"].items() if key in shape.members and each is not None
        }


def _require_answers(
    names: Iterable[str], services: Iterable[Mapping[str, Any]], failures: Iterable[Mapping[str, Any]]
) -> None:
    """Require that each ARN is that of a service, or of one that is missing: otherwise a service would stay without the agent.

    Raises:
        AwsError: The response was cut off.
    """
    answered = {each.get("serviceArn") for each in services}
    answered |= {each.get("arn") for each in failures if each.get("reason") == "MISSING"}
    if any(name.startswith("arn:") and name not in answered for name in names):
        raise AwsError(INVALID_RESPONSE)


def _service(cluster: str, described: Mapping[str, Any]) -> Service:
    """Return a service of a DescribeServices response.

    Raises:
        AwsError: The response was cut off.
    """
    try:
        return _parse_service(cluster, described)
    except (LookupError, TypeError, AttributeError):
        raise AwsError(INVALID_RESPONSE) from None


def _parse_service(cluster: str, described: Mapping[str, Any]) -> Service:
    deployments = [each for each in described["deployments"] if each.get("status") != "INACTIVE"]
    deployments.sort(key=lambda each: each["status"] != "PRIMARY")
    controller = (described.get("deploymentController") or {}).get("type") or "ECS"
    if described.get("resourceManagementType") == "ECS":  # not CUSTOMER
        controller = "EXPRESS"
    task_definition = described["taskDefinition"] if controller == "ECS" else described.get("taskDefinition") or ""
    return Service(
        cluster=cluster,
        name=described["serviceName"],
        task_definition=task_definition,
        controller=controller,
        tags=tags_of(described.get("tags") or ()),
        rollouts=tuple(str(each.get("rolloutState") or _rollout(each)) for each in deployments),
        deployed=tuple(str(each.get("taskDefinition") or "") for each in deployments),
        launch_type=_launch_type(described),
        strategy=(described.get("deploymentConfiguration") or {}).get("strategy") or ROLLING,
        on_fargate=frozenset(
            str(each.get("taskDefinition")) for each in described.get("taskSets") or () if _launch_type(each) == FARGATE
        ),
    )


def _launch_type(described: Mapping[str, Any]) -> str:
    """Return the launch type of a service or of its revision. A capacity provider of Fargate is one, too."""
    providers = [str(each.get("capacityProvider")) for each in described.get("capacityProviderStrategy") or ()]
    if any(each.startswith("FARGATE") for each in providers):
        return FARGATE
    return str(described.get("launchType") or "")


def _rollout(deployment: Mapping[str, Any]) -> str:
    """Return the state of a deployment for which ECS gives none."""
    is_complete = deployment.get("runningCount") == deployment.get("desiredCount")
    return "COMPLETED" if is_complete else "IN_PROGRESS"


def _texts(page: Mapping[str, Any], key: str) -> list[str]:
    items = page.get(key)
    if not isinstance(items, list) or not all(isinstance(each, str) for each in items):
        raise AwsError(INVALID_RESPONSE)
    return items


def tags_of(tags: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return tags by their names."""
    return {str(each.get("key")): str(each.get("value", "")) for each in tags}
