"""A registry that does not answer: the user gets a message, and not CloudFormation's word for a time-out."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest

from embedding import Start, on_embedded_aws

pytestmark = on_embedded_aws


@pytest.fixture
def silent() -> Iterator[str]:
    """A host and port that take connections, and then say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"localhost:{listener.getsockname()[1]}"


def event_with(image: str) -> bytes:
    properties = {
        "RequiresCompatibilities": ["FARGATE"],
        "ExecutionRoleArn": "arn:aws:iam::111122223333:role/execution",
        "ContainerDefinitions": [{"Name": "web", "Image": image}],
    }
    resources = {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}
    event = {"requestId": "r", "region": "us-east-1", "accountId": "111122223333", "fragment": {"Resources": resources}}
    return json.dumps(event).encode()


@pytest.mark.parametrize(("function", "lookup"), [(6, "600"), (60, "2")])
def test_there_is_an_answer_in_time(start: Start, silent: str, function: int, lookup: str) -> None:
    """Whichever ends first: the function's time, or the look-ups'."""
    runtime = start(timeout=function, InternalRegistries=f"http://{silent}", LookupSeconds=lookup)
    began = time.monotonic()
    outcome = runtime.invoke(event_with(f"{silent}/shop/web:1"))
    assert time.monotonic() - began < min(function, 10)
    assert not outcome.failed, outcome.body
    answer = json.loads(outcome.body)
    assert answer["status"] == "failure"
    assert 'Task "Task", container "web"' in answer["errorMessage"]
    assert silent in answer["errorMessage"]
