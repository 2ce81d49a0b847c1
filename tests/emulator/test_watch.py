"""Watch as Lambda runs it: its bundle alone, under AWS's runtime emulator, with moto's ECS behind an endpoint."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws

from embedded_aws.processes import LOOPBACK
from embedded_aws.runtime import Runtime
from fixtures_embedded_aws import Start, on_embedded_aws
from watch.calls import CLUSTER, EVENT, TASK, WRAPPER

pytestmark = on_embedded_aws

EMULATED_ACCOUNT = "012345678912"
"""The account in the ARN that the emulator gives the function."""
REGION = "us-east-1"


class EcsHandler(BaseHTTPRequestHandler):
    """Answers calls of Amazon ECS with moto's answers."""

    def do_POST(self) -> None:
        operation = xform_name(str(self.headers["X-Amz-Target"]).rpartition(".")[2])
        parameters = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            status, value = 200, getattr(boto3.client("ecs", REGION), operation)(**parameters)
        except ClientError as error:
            status, value = 400, {"__type": error.response["Error"]["Code"]}
        body = json.dumps(value, default=lambda each: each.timestamp()).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def ecs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("ecs", REGION)
        client.create_cluster(clusterName=CLUSTER)
        arn = client.register_task_definition(**TASK, family="web")["taskDefinition"]["taskDefinitionArn"]
        client.create_service(cluster=CLUSTER, serviceName="web", taskDefinition=arn, desiredCount=0)
        yield client


@pytest.fixture
def endpoint(ecs: Any) -> Iterator[str]:
    assert ecs
    with ThreadingHTTPServer((LOOPBACK, 0), EcsHandler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
        server.shutdown()


def start_watch(start: Start, endpoint: str, mode: str) -> Runtime:
    environment = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "WATCH": mode,
    }
    images = json.dumps({"nginx": {"Entrypoint": ["/entry"], "Cmd": ["nginx"]}})
    handler = "sysdig_instrument.function.watch_handler.handler"
    return start(handler=handler, timeout=60, memory=512, environment=environment, ImageConfigs=images)


def event(name: str, event_id: str, **parameters: str) -> bytes:
    """Return an event that names what was called, and not what came of it: CloudTrail leaves out what is too long."""
    detail = {"eventName": name, "awsRegion": REGION, "eventID": event_id, "responseElements": None}
    changed = {**EVENT, "account": EMULATED_ACCOUNT, "region": REGION}
    return json.dumps({**changed, "detail": {**EVENT["detail"], **detail, "requestParameters": parameters}}).encode()


REGISTERED = event("RegisterTaskDefinition", "1", family="web")
UPDATED = event("UpdateService", "2", cluster=CLUSTER, service="web", taskDefinition="web:1")


def used(ecs: Any, name: str = "web") -> str:
    (service,) = ecs.describe_services(cluster=CLUSTER, services=[name])["services"]
    return str(service["taskDefinition"]).rsplit("/", 1)[-1]


def test_a_definition_from_the_console_is_reported(start: Start, endpoint: str, ecs: Any) -> None:
    outcome = start_watch(start, endpoint, "REPORT").invoke(REGISTERED)
    assert not outcome.is_error, outcome.log
    assert json.loads(outcome.body)["verdict"] == "not protected"
    assert "WatchUnprotected" in outcome.log
    assert used(ecs) == "web:1"


def test_it_is_repaired_once(start: Start, endpoint: str, ecs: Any) -> None:
    runtime = start_watch(start, endpoint, "REMEDIATE")
    for each in (UPDATED, REGISTERED, REGISTERED, UPDATED, event("UpdateService", "3", service="web", cluster=CLUSTER)):
        outcome = runtime.invoke(each)
        assert not outcome.is_error, outcome.log
    assert used(ecs) == "web:2"
    assert len(ecs.list_task_definitions()["taskDefinitionArns"]) == 2
    main = ecs.describe_task_definition(taskDefinition="web:2")["taskDefinition"]["containerDefinitions"][0]
    assert main["entryPoint"] == [WRAPPER, "/entry"]


def test_a_hundred_events_at_once(start: Start, endpoint: str, ecs: Any) -> None:
    """Of four families, with duplicates, out of order.

    The function has a reserved concurrency of 1, so Lambda hands them to one execution environment, one after the other. In
    `tests/watch/` 32 threads handle them at the same time.
    """
    families = [f"web{number}" for number in range(4)]
    for family in families:
        arn = ecs.register_task_definition(**TASK, family=family)["taskDefinition"]["taskDefinitionArn"]
        ecs.create_service(cluster=CLUSTER, serviceName=family, taskDefinition=arn, desiredCount=0)
    runtime = start_watch(start, endpoint, "REMEDIATE")
    events = [each for number in range(10) for family in families for each in events_of(family, number)]
    many = events + events[:20]
    random.Random(1).shuffle(many)  # noqa: S311 - any order
    outcomes = [runtime.invoke(each) for each in many]
    assert [outcome.log for outcome in outcomes if outcome.is_error] == []
    assert [used(ecs, family) for family in families] == [f"{family}:2" for family in families]
    statuses = Counter(json.loads(outcome.body)["status"] for outcome in outcomes)
    assert statuses == {"unprotected": 4, "passed": 76, "ignored": 20}
    arns = ecs.list_task_definitions()["taskDefinitionArns"]
    revisions = [f"{family}:{number}" for family in families for number in (1, 2)]
    assert sorted(arn.rpartition("/")[2] for arn in arns) == [*revisions, "web:1"]
    for family in families:  # the events of watch's own calls
        for each in events_of(family, 11):
            assert json.loads(runtime.invoke(each).body)["status"] == "passed"
    assert ecs.list_task_definitions()["taskDefinitionArns"] == arns


def events_of(family: str, number: int) -> tuple[bytes, bytes]:
    return (
        event("RegisterTaskDefinition", f"{family}-{number}-registered", family=family),
        event("UpdateService", f"{family}-{number}-updated", cluster=CLUSTER, service=family, taskDefinition=family),
    )


def test_a_failed_run_is_an_error_for_lambda(start: Start, endpoint: str) -> None:
    runtime = start_watch(start, endpoint.replace(endpoint.rpartition(":")[2], "1"), "REPORT")
    outcome = runtime.invoke(REGISTERED)
    assert outcome.is_error
    assert "SI650" in json.loads(outcome.body)["errorMessage"]


def test_events_of_other_kinds_are_ignored(start: Start, endpoint: str) -> None:
    runtime = start_watch(start, endpoint, "REMEDIATE")
    for each in (b"{}", b"[]", b"null", b'"text"', b'{"detail": 1}'):
        outcome = runtime.invoke(each)
        assert not outcome.is_error, outcome.log
        assert json.loads(outcome.body)["status"] == "ignored"
