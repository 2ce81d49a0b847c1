"""Connections: which address is used, how long each step may take, and reuse."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time

import pytest

from lookup.content import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, digest_of
from lookup.network import HARD_LIMIT, Call, FakeClock, FakeRegistry, Network, RawReply, Reply
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lookup import oci
from sysdig_instrument.lookup.egress import SocketAddress
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.workers import LARGE_BODY_BYTES, BodyLimits, Deadline, MonotonicClock, SingleFlight


def site(network: Network) -> FakeRegistry:
    registry = FakeRegistry()
    registry["app"].image("1", entrypoint=["/app"])
    network.site("a.example", registry)
    return registry


def fact(answer: Answer) -> str:
    assert isinstance(answer, Unavailable)
    return answer.reason.fact


def test_the_next_address_is_taken_when_one_fails(network: Network) -> None:
    site(network)
    dial = network.connect

    def choosy(address: SocketAddress, timeout: float) -> socket.socket:
        if address[0] == "8.8.8.8":
            raise OSError("no route to host")
        return dial(address, timeout)

    network.names["a.example"] = ["8.8.8.8", "8.8.4.4", *network.names["a.example"]]
    assert network.look_up_image("a.example/app:1", create_connection=choosy) == ImageConfig(("/app",))


def test_no_route_to_any_address(network: Network) -> None:
    def nowhere(_address: SocketAddress, _timeout: float) -> socket.socket:
        raise OSError("no route to host")

    network.names["a.example"] = ["8.8.8.8"]
    assert "could not connect to a.example" in fact(network.look_up_image("a.example/app:1", create_connection=nowhere))


def test_an_unreachable_host_is_not_retried_for_each_image(network: Network) -> None:
    tried = []

    def slow(address: SocketAddress, _timeout: float) -> socket.socket:
        tried.append(address)
        raise TimeoutError

    network.names["a.example"] = ["8.8.8.8"]
    requests = [ImageLookup(f"a.example/app:{number}") for number in range(200)]
    answers = network.look_up(*requests, create_connection=slow)
    assert all("connecting to a.example timed out" in fact(answer) for answer in answers)
    assert len(tried) < 100


def test_a_tls_handshake_times_out(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysdig_instrument.lookup.connections.CONNECT_TIMEOUT_SECONDS", 0.2)
    network.names["a.example"] = ["8.8.8.8"]
    with socket.create_server(("127.0.0.1", 0)) as mute:
        answer = network.look_up_image(
            "a.example/app:1",
            create_connection=lambda _address, timeout: socket.create_connection(mute.getsockname(), timeout),
        )
    assert "the TLS handshake with a.example timed out" in fact(answer)


def test_a_silent_server_times_out(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysdig_instrument.lookup.connections.READ_TIMEOUT_SECONDS", 0.2)
    over = threading.Event()

    def wait(_sock: socket.socket) -> None:
        over.wait(HARD_LIMIT)

    network.site("a.example", lambda _: wait)
    answer = network.look_up_image("a.example/app:1")
    over.set()
    assert "a.example did not respond in time" in fact(answer)


def test_connections_are_reused(network: Network) -> None:
    registry = site(network)
    for number in range(30):
        registry["app"].image(f"v{number}", entrypoint=[f"/{number}"])
    requests = [ImageLookup(f"a.example/app:v{number}") for number in range(30)]
    assert all(isinstance(answer, ImageConfig) for answer in network.look_up(*requests))
    assert len(network.connected_addresses) <= 20


def test_a_connection_that_the_server_gave_up_is_replaced(network: Network) -> None:
    """The server closes the connection without announcing it; the next request succeeds on a new one."""
    registry = site(network)

    def abrupt(call: Call) -> RawReply:
        reply = registry(call)
        assert isinstance(reply, Reply)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(reply.body)}\r\n\r\n".encode()
        return lambda sock: sock.sendall(head + reply.body)

    network.sites["a.example"].app = abrupt
    clock = FakeClock()
    assert network.look_up_image("a.example/app:1", clock=clock) == ImageConfig(("/app",))
    assert clock.slept == []


def test_waiting_for_a_shared_call_ends_at_the_deadline() -> None:
    once: SingleFlight[str, int] = SingleFlight(Deadline.after(0.2, MonotonicClock()))
    over, begun = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        over.wait(HARD_LIMIT)
        return 1

    first = threading.Thread(target=once.get, args=("key", slow), daemon=True)
    first.start()
    begun.wait(HARD_LIMIT)
    with pytest.raises(HttpError, match=r"no response within 0\.2 s"):
        once.get("key", lambda: 2)
    over.set()
    first.join(HARD_LIMIT)
    assert once.get("key", lambda: 2) == 1


def test_a_manifest_with_a_huge_declared_size_is_not_fetched(network: Network) -> None:
    registry = FakeRegistry()
    entry = {"mediaType": OCI_INDEX, "digest": "sha256:" + "0" * 64, "size": 5 << 20}
    registry["app"].index("1", entries=[entry])
    site = network.site("a.example", registry)
    assert "its manifest exceeds the limit of 4 MiB" in fact(network.look_up_image("a.example/app:1"))
    assert len(site.calls) == 1


def test_two_large_bodies_at_once(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread has its slot from reading a large body until it has parsed it; small bodies need none."""
    running, most = [0], [0]
    lock = threading.Lock()
    parse = oci.parse_image_config

    def watched(body: bytes) -> ImageConfig:
        is_large = len(body) > LARGE_BODY_BYTES
        with lock:
            running[0] += is_large
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= is_large
        return parse(body)

    monkeypatch.setattr(oci, "parse_image_config", watched)
    registry = FakeRegistry()
    for number in range(12):
        store = registry[f"app{number}"]
        size = 300_000 if number % 2 else 10
        body = json.dumps({"config": {"Cmd": [str(number)]}, "padding": "x" * size}).encode()
        manifest = {"schemaVersion": 2, "config": store.descriptor(body, OCI_CONFIG), "layers": []}
        store.manifest(manifest, OCI_MANIFEST, "1")
    network.site("a.example", registry)
    found = network.look_up(*(ImageLookup(f"a.example/app{number}:1") for number in range(12)))
    assert found == [ImageConfig((), (str(number),)) for number in range(12)]
    assert 1 <= most[0] <= 2


def test_waiting_for_a_large_body_ends_at_the_deadline() -> None:
    limits = BodyLimits(Deadline.after(0.2, MonotonicClock()))
    for _ in range(2):
        thread = threading.Thread(target=limits.acquire, args=(1 << 20,))
        thread.start()
        thread.join(HARD_LIMIT)
    limits.acquire(LARGE_BODY_BYTES)
    with pytest.raises(HttpError, match=r"no response within 0\.2 s"):
        limits.acquire(LARGE_BODY_BYTES + 1)
    limits.release()  # it has none


def test_a_failed_image_returns_its_slot(network: Network) -> None:
    """A large body that is not valid, or is refused, does not keep a slot from the images after it."""
    registry = FakeRegistry()
    for number in range(5):
        registry["app"].manifests[f"v{number}"] = OCI_MANIFEST, b"x" * 300_000
    registry["app"].image("good", entrypoint=["/app"])
    media_type, body = registry["app"].manifests["good"]
    registry["app"].manifests["good"] = media_type, body + b" " * 300_000
    network.site("a.example", registry)
    images = [*(f"a.example/app:v{number}" for number in range(5)), "a.example/app:good"]
    *refused, found = network.look_up(*map(ImageLookup, images))
    assert all("its manifest is not a JSON object" in fact(answer) for answer in refused)
    assert found == ImageConfig(("/app",))


def test_the_manifests_of_a_run_are_limited_together(network: Network) -> None:
    registry = FakeRegistry()
    for number in range(8):
        registry["app"].image(f"v{number}", entrypoint=["/app"])
        media_type, body = registry["app"].manifests[f"v{number}"]
        registry["app"].manifests[f"v{number}"] = media_type, body + b" " * (3 << 20)
    network.site("a.example", registry)
    answers = network.look_up(*(ImageLookup(f"a.example/app:v{number}") for number in range(8)))
    refused = [answer for answer in answers if isinstance(answer, Unavailable)]
    assert len(refused) == 3
    assert "the manifests of all images together exceed the limit of 16 MiB" in fact(refused[0])


def test_an_unsupported_challenge_is_a_refusal(network: Network) -> None:
    network.site("a.example", lambda _: Reply(401, headers={"WWW-Authenticate": "Negotiate"}))
    assert "a.example refused the request (status 401)" in fact(network.look_up_image("a.example/app:1"))


def test_urls_and_headers_are_not_logged(network: Network, caplog: pytest.LogCaptureFixture) -> None:
    """urllib3 would log the URL, and a header that it cannot parse."""
    caplog.set_level(logging.DEBUG)
    registry = site(network)

    def malformed(call: Call) -> RawReply:
        reply = registry(call)
        assert isinstance(reply, Reply)
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(reply.body)}\r\nSECRET header\r\n\r\n".encode()
        return lambda sock: sock.sendall(head + reply.body)

    network.sites["a.example"].app = malformed
    network.look_up_image("a.example/app:1", clock=FakeClock())
    assert "a.example" not in caplog.text
    assert "SECRET" not in caplog.text


def test_the_first_of_repeated_headers_counts(network: Network) -> None:
    registry = site(network)
    media_type, body = registry["app"].manifests["1"]
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nContent-Type: {media_type}\r\n"
    repeated = f"Docker-Content-Digest: {digest_of(body)}\r\n" * 2
    registry.answer_first = lambda call: (
        (lambda sock: sock.sendall(f"{head}{repeated}\r\n".encode() + body)) if "manifests" in call.path else None
    )
    assert network.look_up_image("a.example/app:1", clock=FakeClock()) == ImageConfig(("/app",))
