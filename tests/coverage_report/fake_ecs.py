"""A fake Amazon ECS behind botocore's own retries, paginators and parsers, without a network.

moto has no pages and no throttling, denies nothing, and runs no container.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from coverage_report.tasks import ACCOUNT, REGION, cluster_arn, definition_arn
from sysdig_instrument.coverage.ecs import AwsAccount

PAGE = 100
BOTOCORE_LOADER = botocore.loaders.create_loader()  # reading the models of AWS takes most of the time


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass
class FakeEcsRegion:
    """The content of a region.

    ``error_codes`` are by operation; ``throttled_calls`` is how many calls of each operation are throttled first.
    ``daemon_services`` are by cluster, ``managed_daemons`` by name: the cluster, the capacity providers and the containers.
    ``log_streams`` have the time of the last line, by log group and name; the list does not show it yet for ``listed_late``.
    """

    name: str = REGION
    clusters: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    error_codes: dict[str, str] = field(default_factory=dict)
    throttled_calls: Counter[str] = field(default_factory=Counter)
    daemon_services: dict[str, list[str]] = field(default_factory=dict)
    managed_daemons: dict[str, dict[str, Any]] = field(default_factory=dict)
    log_streams: dict[str, dict[str, int]] = field(default_factory=dict)
    listed_late: set[str] = field(default_factory=set)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def run(self, cluster: str, definition: dict[str, Any], count: int = 1, revision: int = 1, **members: Any) -> None:
        """Run tasks of a task definition, which is registered under its family and the revision."""
        arn = definition_arn(f"{definition['family']}:{revision}", self.name)
        self.definitions[arn] = definition
        tasks = self.clusters.setdefault(cluster, [])
        for _ in range(count):
            number = sum(map(len, self.clusters.values()))
            tasks.append(
                {
                    "taskArn": f"arn:aws:ecs:{self.name}:{ACCOUNT}:task/{cluster}/{number:032x}",
                    "clusterArn": cluster_arn(cluster, self.name),
                    "taskDefinitionArn": arn,
                    "lastStatus": "RUNNING",
                    "desiredStatus": "RUNNING",
                    "launchType": "FARGATE",
                    "platformVersion": "1.4.0",
                    "group": f"family:{definition['family']}",
                    "containers": [
                        {"name": each["name"], "lastStatus": "RUNNING", "imageDigest": f"sha256:{each['name']}"}
                        for each in definition["containerDefinitions"]
                    ],
                    **members,
                }
            )

    def count(self, operation: str) -> int:
        """Return how often an operation was called."""
        return sum(called == operation for called, _ in self.calls)

    def respond(self, operation: str, parameters: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the status and the body of a response."""
        self.calls.append((operation, parameters))
        if self.throttled_calls[operation]:
            self.throttled_calls[operation] -= 1
            return 400, {"__type": "ThrottlingException", "message": "Rate exceeded"}
        cluster = parameters.get("cluster", "").rsplit("/", 1)[-1]
        code = self.error_codes.get(f"{operation} {cluster}", self.error_codes.get(operation))
        if code:
            return 400, {"__type": code, "message": "secret text of AWS"}
        return 200, getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())(cluster, parameters)

    def list_clusters(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        return _page("clusterArns", [cluster_arn(name, self.name) for name in self.clusters], parameters)

    def list_tasks(self, cluster: str, parameters: dict[str, Any]) -> dict[str, Any]:
        return _page("taskArns", [each["taskArn"] for each in self.clusters[cluster]], parameters)

    def describe_tasks(self, cluster: str, parameters: dict[str, Any]) -> dict[str, Any]:
        assert 0 < len(parameters["tasks"]) <= 100
        there = {each["taskArn"]: each for each in self.clusters[cluster] if not each.get("gone")}
        return {
            "tasks": [there[arn] for arn in parameters["tasks"] if arn in there],
            "failures": [{"arn": arn, "reason": "MISSING"} for arn in parameters["tasks"] if arn not in there],
        }

    def describe_services(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        assert 0 < len(parameters["services"]) <= 10
        return {"services": [self.services[name] for name in parameters["services"] if name in self.services]}

    def describe_task_definition(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        arn = parameters["taskDefinition"]
        described = {"taskDefinitionArn": arn, "status": "ACTIVE", "registeredAt": 1.0, **self.definitions[arn]}
        tags = described.pop("tags", [])
        return {"taskDefinition": described, **({"tags": tags} if parameters.get("include") == ["TAGS"] else {})}

    def list_services(self, cluster: str, parameters: dict[str, Any]) -> dict[str, Any]:
        assert parameters["schedulingStrategy"] == "DAEMON"
        arn = f"arn:aws:ecs:{self.name}:{ACCOUNT}:service/{cluster}"
        return _page("serviceArns", [f"{arn}/{each}" for each in self.daemon_services.get(cluster, ())], parameters)

    def list_daemons(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        cluster = parameters["clusterArn"].rsplit("/", 1)[-1]
        names = [name for name, each in self.managed_daemons.items() if each["cluster"] == cluster]
        summaries = [{"daemonArn": f"arn:d:daemon/{name}", "status": "ACTIVE"} for name in names]
        return {"daemonSummariesList": summaries}

    def describe_daemon(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        name = parameters["daemonArn"].rsplit("/", 1)[-1]
        revision = {"arn": f"arn:r/{name}", "capacityProviders": self.managed_daemons[name]["providers"]}
        return {"daemon": {"daemonArn": parameters["daemonArn"], "currentRevisions": [revision]}}

    def describe_daemon_revisions(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        (arn,) = parameters["daemonRevisionArns"]
        return {"daemonRevisions": [{"daemonRevisionArn": arn, "daemonTaskDefinitionArn": arn}], "failures": []}

    def describe_daemon_task_definition(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        name = parameters["daemonTaskDefinition"].rsplit("/", 1)[-1]
        return {"daemonTaskDefinition": {"containerDefinitions": self.managed_daemons[name]["containers"]}}

    def describe_log_streams(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        streams = self.log_streams[parameters["logGroupName"]]
        return {
            "logStreams": [
                {"logStreamName": name, "lastEventTimestamp": 1 if name in self.listed_late else time}
                for name, time in streams.items()
            ]
        }

    def filter_log_events(self, _: str, parameters: dict[str, Any]) -> dict[str, Any]:
        (name,) = parameters["logStreamNames"]
        if "nextToken" not in parameters:
            return {"events": [], "nextToken": "1"}  # as CloudWatch Logs does it
        time = self.log_streams[parameters["logGroupName"]].get(name, 0)
        return {"events": [{"message": "secret line"}] if time >= parameters["startTime"] else []}


def _page(key: str, values: list[str], parameters: dict[str, Any]) -> dict[str, Any]:
    start = int(parameters.get("nextToken", 0))
    more = {"nextToken": str(start + PAGE)} if start + PAGE < len(values) else {}
    return {key: values[start : start + PAGE], **more}


class FakeEcs:
    """Amazon ECS with its regions, and the account of a caller."""

    def __init__(self, *regions: FakeEcsRegion) -> None:
        self._regions = {region.name: region for region in regions}
        self._lock = threading.Lock()
        core = botocore.session.Session()
        core.register_component("data_loader", BOTOCORE_LOADER)
        made = boto3.Session("testing", "testing", botocore_session=core)
        for service in ("ecs", "logs"):
            made.events.register(f"before-send.{service}", self._send)
        self.account = AwsAccount.from_session(lambda: made, REGION)

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        region = self._regions[request.url.split(".")[1]]
        target = request.headers["X-Amz-Target"]
        operation = (target.decode() if isinstance(target, bytes) else target).rsplit(".", 1)[-1]
        with self._lock:
            status, body = region.respond(operation, json.loads(request.body))
        return AWSResponse(
            request.url, status, {"Content-Type": "application/x-amz-json-1.1"}, _Raw(json.dumps(body).encode())
        )
