"""Measure image lookups: many images at once compared with one, with latency added at the registry.

The requirement is that 100 distinct images take at most 12 times as long as one, and that an image that many containers
share is looked up once. The registry is a thread of this process, so its work is counted, too.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup
from sysdig_instrument.lookup.answers import LookupEnvironment, answer_lookups
from sysdig_instrument.lookup.egress import EgressPolicy

LATENCY_SECONDS = 0.05
"""The time that the registry takes for each request."""

IMAGES = 100
CONTAINERS = 500
MAX_RATIO = 12.0
RUNS = 5


@dataclass
class Registry:
    """A registry with any number of images; the content of a repository is computed from its name."""

    port: int = 0
    with_tokens: bool = False
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def body(self, path: str) -> bytes:
        """Return the manifest or the config at a path."""
        _, _, name, kind, _ = path.split("/")
        config = json.dumps({"config": {"Entrypoint": [f"/{name}"]}}).encode()
        if kind == "blobs":
            return config
        digest = "sha256:" + hashlib.sha256(config).hexdigest()
        descriptor = {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest,
            "size": len(config),
        }
        return json.dumps({"schemaVersion": 2, "config": descriptor, "layers": []}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, registry: Registry) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry = registry


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are written separately; Nagle's algorithm would delay the body
    server: _Server

    def do_GET(self) -> None:
        registry = self.server.registry
        with registry.lock:
            registry.requests += 1
        time.sleep(LATENCY_SECONDS)
        if self.path.startswith("/token"):
            self._reply(200, b'{"token": "t"}')
        elif registry.with_tokens and not self.headers.get("Authorization"):
            realm = f"http://localhost:{registry.port}/token"
            self._reply(401, b"", {"WWW-Authenticate": f'Bearer realm="{realm}",service="bench"'})
        else:
            self._reply(200, registry.body(self.path))

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve_registry(*, with_tokens: bool) -> Iterator[Registry]:
    """Run a registry on the loopback interface."""
    registry = Registry(with_tokens=with_tokens)
    server = _Server(registry)
    registry.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()


def look_up_images(registry: Registry, names: list[str]) -> int:
    """Look up images without a cache. Return the number of requests that the registry received."""
    before = registry.requests
    environment = LookupEnvironment(
        region="us-east-1", egress_policy=EgressPolicy.from_entries([f"http://localhost:{registry.port}"])
    )
    answers = answer_lookups(
        [ImageLookup(f"localhost:{registry.port}/{name}:1") for name in names], environment=environment, seconds=60
    )
    if not all(isinstance(each, ImageConfig) for each in answers.values()):
        raise SystemExit(f"The lookup failed: {next(iter(answers.values()))}")
    return registry.requests - before


def median_seconds(action: Callable[[], object]) -> float:
    """Return the median time of an action."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def main() -> int:
    """Print the table; return 1 if a requirement is not met."""
    all_met = True
    print(f"{'':40}{'time':>10}{'requests':>10}{'ratio':>8}")
    for with_tokens in (False, True):
        with serve_registry(with_tokens=with_tokens) as registry:
            auth = "with tokens" if with_tokens else "anonymous"
            image_names = [f"app{number}" for number in range(IMAGES)]
            rows = {
                "1 image": ["app"],
                f"{IMAGES} images": image_names,
                f"{CONTAINERS} containers of 1 image": ["app"] * CONTAINERS,
            }
            baseline = 0.0
            for name, images in rows.items():
                requests = look_up_images(registry, images)
                duration = median_seconds(lambda images=images: look_up_images(registry, images))  # type: ignore[misc]  # binds the list
                baseline = baseline or duration
                all_met = all_met and duration / baseline <= MAX_RATIO
                print(f"{name + ', ' + auth:40}{duration * 1000:7.0f} ms{requests:10}{duration / baseline:8.1f}")
    return 0 if all_met else 1


if __name__ == "__main__":
    raise SystemExit(main())
