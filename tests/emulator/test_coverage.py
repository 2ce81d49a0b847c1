"""The coverage report as Lambda runs it: its bundle alone, under AWS's runtime emulator, with a fake ECS behind an endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from coverage_report.fake_ecs import FakeEcsRegion
from coverage_report.tasks import instrumented, plain, registered
from embedded_aws.processes import LOOPBACK
from embedded_aws.runtime import Runtime
from fixtures_embedded_aws import Start, on_embedded_aws

pytestmark = on_embedded_aws


@pytest.fixture
def region() -> FakeEcsRegion:
    return FakeEcsRegion("us-east-1")


@pytest.fixture
def endpoint(region: FakeEcsRegion) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].rsplit(".", 1)[-1]
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = region.respond(operation, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{LOOPBACK}:{server.server_port}"
    server.shutdown()
    server.server_close()


def start_coverage(start: Start, endpoint: str, **environment: str) -> Runtime:
    given = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    handler = "sysdig_instrument.function.coverage_handler.handler"
    return start(handler=handler, timeout=60, environment={**given, **environment})


def test_the_function_reports_what_runs(start: Start, endpoint: str, region: FakeEcsRegion) -> None:
    region.run("shop", instrumented(family="api"), 3, group="service:api")
    region.run("shop", registered(plain()), group="service:web")
    runtime = start_coverage(start, endpoint)
    outcome = runtime.invoke(b"{}")
    assert not outcome.is_error, outcome.log
    assert json.loads(outcome.body) == {"expected": 4, "protected": 3}
    assert "CoveragePercent" in outcome.log
    assert "web:1" in outcome.log
    # A report that is not complete is an error for Lambda, and the next run is one of its own.
    region.error_codes["ListTasks"] = "AccessDeniedException"
    outcome = runtime.invoke(b"{}")
    assert outcome.is_error
    assert "not complete" in json.loads(outcome.body)["errorMessage"]
    region.error_codes.clear()
    assert not runtime.invoke(b"{}").is_error
