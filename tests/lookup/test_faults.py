"""Servers that misbehave: nothing hangs, nothing leaks, the message is right, and other images are still read."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable

import pytest

from lookup.content import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, digest_of
from lookup.network import HARD_LIMIT, Call, FakeClock, FakeRegistry, Network, RawReply, Reply, basic, json_reply
from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lookup.auth import Login
from sysdig_instrument.lookup.egress import EgressPolicy, SocketAddress

GOOD = ImageConfig(("/good",), ("go",))
FAULT_SECONDS = 1.0
"""The deadline of tests in which a server would never finish."""


class Known:
    """Credentials for one registry. The tests check that they appear nowhere else."""

    def __init__(self, registry: str) -> None:
        self._registry = registry

    def find_login(self, registry: str) -> Login | None:
        return Login("joe", "s3cret") if registry == self._registry else None


def registry_with() -> FakeRegistry:
    """Return a registry with a valid image."""
    registry = FakeRegistry()
    registry["app"].image("1", entrypoint=["/app"])
    return registry


def ask_beside_a_good_one(network: Network, image: str, seconds: float = HARD_LIMIT, **changes: object) -> Unavailable:
    """Look up a faulty image together with one of another registry, which must still be read."""
    good = FakeRegistry()
    good["app"].image("1", entrypoint=["/good"], cmd=["go"])
    network.site("good.example", good)
    started = time.monotonic()
    faulty, fine = network.look_up(ImageLookup(image), ImageLookup("good.example/app:1"), seconds=seconds, **changes)
    assert time.monotonic() - started < HARD_LIMIT
    assert fine == GOOD
    assert isinstance(faulty, Unavailable)
    assert faulty.reason.fact.startswith(f"The image {image} could not be read: ")
    assert "set EntryPoint, and Command if the image has a CMD, in the template" in faulty.reason.advice
    for part in (faulty.reason.fact, faulty.reason.advice):
        assert "SECRET" not in part
        assert "s3cret" not in part
    return faulty


def raw(*chunks: bytes, between: float = 0.0, until: threading.Event | None = None) -> RawReply:
    def send(sock: socket.socket) -> None:
        for chunk in chunks:
            sock.sendall(chunk)
            time.sleep(between)
        if until:
            until.wait(HARD_LIMIT)

    return send


def test_connection_refused(network: Network) -> None:
    network.names["dead.example"] = ["8.8.8.8"]
    fault = ask_beside_a_good_one(network, "dead.example/app:1")
    assert "dead.example refused the connection" in fault.reason.fact


def test_unknown_host_name(network: Network) -> None:
    fault = ask_beside_a_good_one(network, "nowhere.example/app:1")
    assert "the host name nowhere.example could not be resolved" in fault.reason.fact


def test_server_that_never_responds(network: Network) -> None:
    over = threading.Event()
    network.site("silent.example", lambda _: raw(until=over))
    fault = ask_beside_a_good_one(network, "silent.example/app:1", FAULT_SECONDS)
    over.set()
    assert "within 1 s" in fault.reason.fact or "did not respond in time" in fault.reason.fact


def test_server_that_does_not_accept_connections(network: Network) -> None:
    dial = network.connect

    def hang(address: SocketAddress, timeout: float) -> socket.socket:
        if address[0] == "8.8.8.8":
            time.sleep(timeout)
            raise TimeoutError
        return dial(address, timeout)

    network.names["slow.example"] = ["8.8.8.8"]
    fault = ask_beside_a_good_one(network, "slow.example/app:1", FAULT_SECONDS, create_connection=hang)
    assert "slow.example" in fault.reason.fact


def test_a_hanging_dns_lookup_is_abandoned(network: Network) -> None:
    over = threading.Event()
    resolve = network.resolve

    def hang(host: str, port: int) -> list[SocketAddress]:
        if host == "tarpit.example":
            over.wait(HARD_LIMIT)
        return resolve(host, port)

    fault = ask_beside_a_good_one(network, "tarpit.example/app:1", FAULT_SECONDS, resolve=hang)
    over.set()
    assert "no response within 1 s" in fault.reason.fact


def test_tls_handshake_that_hangs(network: Network) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    dial = network.connect

    def to_listener(address: SocketAddress, timeout: float) -> socket.socket:
        if address[0] == "8.8.8.8":
            return socket.create_connection(listener.getsockname(), timeout)
        return dial(address, timeout)

    network.names["mute.example"] = ["8.8.8.8"]
    with listener:
        fault = ask_beside_a_good_one(network, "mute.example/app:1", FAULT_SECONDS, create_connection=to_listener)
    assert "mute.example" in fault.reason.fact or "1 s" in fault.reason.fact


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"],
    ids=["status", "header", "body"],
)
def test_one_byte_at_a_time(network: Network, head: bytes) -> None:
    dripping = b"HTTP/1.1 200 OK\r\nX-Pad: " + b"x" * 1000 if not head else b"x" * 1000
    chunks = [head] + [dripping[i : i + 1] for i in range(len(dripping))]
    network.site("drip.example", lambda _: raw(*chunks, between=0.05))
    fault = ask_beside_a_good_one(network, "drip.example/app:1", FAULT_SECONDS)
    assert "in time" in fault.reason.fact or "1 s" in fault.reason.fact


def gate_once(first: Reply, registry: FakeRegistry) -> None:
    left = [first]
    registry.answer_first = lambda _call: left.pop() if left else None


def test_429_with_retry_after_is_waited_for(network: Network) -> None:
    registry = registry_with()
    gate_once(Reply(429, headers={"Retry-After": "7"}), registry)
    network.site("busy.example", registry)
    clock = FakeClock()
    assert network.look_up_image("busy.example/app:1", clock=clock) == ImageConfig(("/app",))
    assert clock.slept == [7.0]


def test_429_with_a_date(network: Network) -> None:
    """A date counts from the server's Date, not from our clock."""
    registry = registry_with()
    left = [
        raw(
            b"HTTP/1.1 429 Too Many Requests\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\n"
            b"Retry-After: Wed, 21 Oct 2015 07:28:09 GMT\r\nContent-Length: 0\r\n\r\n"
        )
    ]
    registry.answer_first = lambda _call: left.pop() if left else None
    network.site("busy.example", registry)
    clock = FakeClock()
    assert network.look_up_image("busy.example/app:1", clock=clock) == ImageConfig(("/app",))
    assert clock.slept == [9.0]


@pytest.mark.parametrize(
    "when",
    [
        b"Wed, 21 Oct 99999999999999999999 07:28:09 GMT",
        b"Wed, 21 Oct 2015 07:28:09 +99999999999999999999",
        b"Wed, 21 Oct 2015 07:28:09",
        b"soon",
        b"\xd9\xa3",
        b"-7",
    ],
    ids=["huge-year", "huge-time-zone", "no-time-zone", "word", "non-ascii-digit", "negative"],
)
def test_429_with_an_invalid_retry_after_is_retried_soon(network: Network, when: bytes) -> None:
    registry = registry_with()
    head = b"HTTP/1.1 429 Too Many Requests\r\nDate: Wed, 21 Oct 2015 07:28:00 GMT\r\nContent-Length: 0\r\n"
    left = [raw(head + b"Retry-After: " + when + b"\r\n\r\n")]
    registry.answer_first = lambda _call: left.pop() if left else None
    network.site("busy.example", registry)
    clock = FakeClock()
    assert network.look_up_image("busy.example/app:1", clock=clock) == ImageConfig(("/app",))
    assert clock.slept == [0.2]


def test_a_compressed_response_is_not_decompressed(network: Network) -> None:
    """A small body that would decompress to gigabytes stays small."""
    packed = gzip.compress(b" " * 50_000_000)
    headers = {"Content-Encoding": "gzip", "Content-Type": OCI_MANIFEST}
    site = network.site("bomb.example", lambda _: Reply(200, packed, headers))
    fault = ask_beside_a_good_one(network, "bomb.example/app:1")
    assert "its manifest is not a JSON object" in fault.reason.fact
    assert {call.headers["accept-encoding"] for call in site.calls} == {"identity"}


def test_429_beyond_the_deadline_is_not_waited_for(network: Network) -> None:
    body = b'{"errors": [{"code": "TOOMANYREQUESTS", "message": "SECRET"}]}'
    site = network.site("busy.example", lambda _: Reply(429, body, {"Retry-After": "3600"}))
    fault = ask_beside_a_good_one(network, "busy.example/app:1", clock=FakeClock())
    assert "busy.example refused the request (status 429, TOOMANYREQUESTS)" in fault.reason.fact
    assert "RegistryCredentials" in fault.reason.advice
    assert len(site.calls) == 1


def test_500_once_and_then_fine(network: Network) -> None:
    registry = registry_with()
    gate_once(Reply(500), registry)
    network.site("shaky.example", registry)
    assert network.look_up_image("shaky.example/app:1", clock=FakeClock()) == ImageConfig(("/app",))


def test_500_for_ever(network: Network) -> None:
    site = network.site("broken.example", lambda _: Reply(500, b"SECRET stack trace"))
    fault = ask_beside_a_good_one(network, "broken.example/app:1", clock=FakeClock())
    assert "broken.example is not available (status 500)" in fault.reason.fact
    assert len(site.calls) == 3


def test_truncated_body(network: Network) -> None:
    network.site("cut.example", lambda _: raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"))
    fault = ask_beside_a_good_one(network, "cut.example/app:1", clock=FakeClock())
    assert "cut.example closed the connection early or sent an invalid response" in fault.reason.fact


def test_truncated_chunks(network: Network) -> None:
    network.site("cut.example", lambda _: raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n50\r\n{}"))
    fault = ask_beside_a_good_one(network, "cut.example/app:1", clock=FakeClock())
    assert "cut.example closed the connection early or sent an invalid response" in fault.reason.fact


@pytest.mark.parametrize(
    "nonsense",
    [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 999999\r\n\r\n", b"", b"\0" * 70000],
    ids=["ssh-banner", "invalid-status", "empty-response", "70000-nuls"],
)
def test_a_response_that_is_not_http(network: Network, nonsense: bytes) -> None:
    network.site("odd.example", lambda _: raw(nonsense))
    fault = ask_beside_a_good_one(network, "odd.example/app:1", clock=FakeClock())
    assert "odd.example closed the connection early or sent an invalid response" in fault.reason.fact


def test_wrong_digest_of_a_manifest(network: Network) -> None:
    registry = registry_with()
    wanted = "sha256:" + "0" * 64
    registry["app"].manifests[wanted] = registry["app"].manifests["1"]
    network.site("liar.example", registry)
    fault = ask_beside_a_good_one(network, f"liar.example/app@{wanted}")
    assert "does not match the requested digest" in fault.reason.fact


def test_wrong_digest_of_a_config(network: Network) -> None:
    registry = registry_with()
    for digest, body in registry["app"].blobs.items():
        registry["app"].blobs[digest] = bytes(reversed(body))
    network.site("liar.example", registry)
    fault = ask_beside_a_good_one(network, "liar.example/app:1")
    assert "does not match the requested digest" in fault.reason.fact


def test_wrong_length(network: Network) -> None:
    registry = registry_with()
    store = registry["app"]
    descriptor = store.descriptor(b'{"config": {}}', OCI_CONFIG)
    store.manifest({"schemaVersion": 2, "config": descriptor | {"size": 3}, "layers": []}, OCI_MANIFEST, "1")
    network.site("liar.example", registry)
    fault = ask_beside_a_good_one(network, "liar.example/app:1")
    assert "does not have the size given in its descriptor" in fault.reason.fact


@pytest.mark.parametrize("announced", [True, False])
def test_a_manifest_of_200_mb(network: Network, announced: bool) -> None:  # noqa: FBT001 - a parameter of the test
    sent = []

    def flood(sock: socket.socket) -> None:
        length = f"Content-Length: {200 << 20}\r\n" if announced else ""
        sock.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        for _ in range(200):
            sock.sendall(b" " * (1 << 20))
            sent.append(1)

    network.site("flood.example", lambda _: flood)
    fault = ask_beside_a_good_one(network, "flood.example/app:1")
    assert "exceeds the limit of 4 MiB" in fault.reason.fact
    assert len(sent) < 100


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 60_000) for number in range(90)),
        b"HTTP/1.1 100 Continue\r\nX: x\r\n\r\n" * 10_000,
        b"HTTP/1.1 401 Unauthorized\r\n" + b"WWW-Authenticate: Basic realm=%s\r\n" % (b"x" * 2_000) * 90,
    ],
    ids=["90-headers", "endless-100-continue", "challenges"],
)
def test_headers_over_128_kib_are_refused(network: Network, head: bytes) -> None:
    network.site("head.example", lambda _: raw(head, b"Content-Length: 0\r\n\r\n"))
    fault = ask_beside_a_good_one(network, "head.example/app:1")
    assert "the headers of the response from head.example exceed the limit of 128 KiB" in fault.reason.fact


def test_headers_of_40_kb_are_read(network: Network) -> None:
    """The limit is for the headers and not for the body after them, nor for all responses of a connection."""
    registry = registry_with()
    store = registry["app"]
    for number in range(3):
        store.image(f"v{number}", entrypoint=["/app"])
        media_type, body = store.manifests[f"v{number}"]
        store.manifests[f"v{number}"] = media_type, body + b" " * 200_000

    def with_headers(call: Call) -> Reply | RawReply:
        reply = registry(call)
        assert isinstance(reply, Reply)
        return Reply(reply.status, reply.body, reply.headers | {"X-Padding": "x" * 40_000})

    network.site("head.example", with_headers)
    for number in range(3):
        assert network.look_up_image(f"head.example/app:v{number}") == ImageConfig(("/app",))


def test_a_config_with_a_huge_declared_size_is_not_fetched(network: Network) -> None:
    registry = registry_with()
    descriptor = {"mediaType": OCI_CONFIG, "digest": "sha256:" + "1" * 64, "size": 200 << 20}
    registry["app"].manifest({"schemaVersion": 2, "config": descriptor, "layers": []}, OCI_MANIFEST, "1")
    site = network.site("flood.example", registry)
    fault = ask_beside_a_good_one(network, "flood.example/app:1")
    assert "exceeds the limit of 1 MiB" in fault.reason.fact
    assert len(site.calls) == 1


def test_index_that_points_at_itself(network: Network) -> None:
    registry = FakeRegistry()
    store = registry["app"]
    digest = "sha256:" + "2" * 64
    entry = {"mediaType": OCI_INDEX, "digest": digest, "size": 10}
    store.index("1", entries=[entry])
    store.manifests[digest] = store.manifests["1"]
    network.site("loop.example", registry)
    fault = ask_beside_a_good_one(network, "loop.example/app:1")
    assert "does not have the size" in fault.reason.fact or "does not match the requested digest" in fault.reason.fact


def test_indexes_without_end(network: Network) -> None:
    registry = FakeRegistry()
    store = registry["app"]
    digest = store.image()
    for depth in range(20):
        digest = store.index(f"{depth}", entries=[store.entry(digest, None)])
    site = network.site("deep.example", registry)
    fault = ask_beside_a_good_one(network, "deep.example/app:19")
    assert "manifests and indexes would have to be read" in fault.reason.fact
    assert len(site.calls) <= 6


def redirect(location: str) -> Callable[[Call], Reply]:
    return lambda _call: Reply(307, headers={"Location": location})


@pytest.mark.parametrize(
    ("location", "what"),
    [
        ("https://loop.example/v2/app/manifests/1", "sent too many redirects"),
        ("", "sent too many redirects, or one that cannot be followed"),
        ("http://plain.example/x", "plain.example uses http; only https is allowed"),
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254 is an IP address; a host name is required"),
        ("http://169.254.169.254/latest/meta-data", "only https is allowed"),
        ("https://[fd00:ec2::254]/", "fd00:ec2::254 is an IP address; a host name is required"),
        ("https://0xa9fea9fe/", "0xa9fea9fe is an IP address; a host name is required"),
        ("https://2852039166/", "2852039166 is an IP address; a host name is required"),
        ("https://metadata.example/", "metadata.example resolves to a non-public address (link-local)"),
        ("https://inner.example/", "inner.example resolves to a non-public address (private)"),
        ("https://mixed.example/", "mixed.example resolves to a non-public address (private)"),
        ("https://me.example:22222222/", "a URL that is invalid"),
        ("https://joe:s3cret@good.example/", "contains a user name"),
        ("file:///etc/passwd", "not https"),
        ("gopher://good.example/", "not https"),
        ("https://good.example/\x01SECRET", "a URL that is invalid"),
        ("https://[::1/", "an invalid URL"),
    ],
    ids=[
        "loop",
        "no-location",
        "http",
        "metadata-address",
        "metadata-address-http",
        "ipv6-metadata",
        "hex-address",
        "decimal-address",
        "link-local-name",
        "private-name",
        "name-with-mixed-addresses",
        "invalid-port",
        "credentials-in-url",
        "file",
        "gopher",
        "control-character",
        "unclosed-bracket",
    ],
)
def test_redirects_that_are_not_followed(network: Network, location: str, what: str) -> None:
    site = network.site("loop.example", redirect(location))
    network.names["metadata.example"] = ["169.254.169.254"]
    network.names["inner.example"] = ["10.1.2.3"]
    network.names["mixed.example"] = ["8.8.8.8", "192.168.0.1"]
    fault = ask_beside_a_good_one(network, "loop.example/app:1")
    assert what in fault.reason.fact
    assert len(site.calls) <= 6
    assert all(address[0].startswith("8.0.0.") for address in network.connected_addresses)


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "127.0.0.1", "100.64.0.1", "fd12::1", "::1", "::ffff:10.0.0.1", "0.0.0.0"],  # noqa: S104
)
def test_registry_name_with_a_private_address(network: Network, address: str) -> None:
    network.names["inner.example"] = [address]
    fault = ask_beside_a_good_one(network, "inner.example/app:1")
    assert "inner.example resolves to a non-public address" in fault.reason.fact
    assert "add inner.example to InternalRegistries" in fault.reason.advice
    assert (address, 443) not in network.connected_addresses


@pytest.mark.parametrize(
    "image",
    ["8.0.0.1/app:1", "127.0.0.1:5000/app:1", "[::1]:5000/app:1", "169.254.169.254/a:1"],
    ids=["ipv4", "loopback", "ipv6", "link-local"],
)
def test_registries_by_their_address(network: Network, image: str) -> None:
    fault = ask_beside_a_good_one(network, image)
    assert "is an IP address; a host name is required" in fault.reason.fact
    assert network.connected_addresses == [("8.0.0.1", 443)]  # the good one


def test_private_address_at_the_second_resolution(network: Network) -> None:
    """DNS rebinding: the name is looked up once, and every connection goes to the address that was checked."""
    registry = registry_with()
    network.site("rebind.example", registry)
    public = network.names["rebind.example"]
    answers = iter([public, ["127.0.0.1"], ["127.0.0.1"]])

    def rebinding(host: str, port: int) -> list[SocketAddress]:
        network.resolved_names.append(host)
        return [(address, port) for address in next(answers)]

    site = network.sites["rebind.example"]
    inner = site.app
    # Each response closes its connection, so that the next request needs a new one.
    site.app = lambda call: _closing(inner(call))
    assert network.look_up_image("rebind.example/app:1", resolve=rebinding) == ImageConfig(("/app",))
    assert network.resolved_names == ["rebind.example"]
    assert network.connected_addresses == [(public[0], 443)] * 2


def _closing(reply: Reply | RawReply) -> Reply:
    assert isinstance(reply, Reply)
    return Reply(reply.status, reply.body, reply.headers | {"Connection": "close"})


def bearer(realm: str) -> Callable[[Call], Reply | None]:
    def gate(call: Call) -> Reply | None:
        if call.authorization == "Bearer t0ken":
            return None
        return Reply(401, b"SECRET", {"WWW-Authenticate": f'Bearer realm="{realm}",service="x"'})

    return gate


def test_token_realm_on_a_foreign_host_gets_no_credentials(network: Network) -> None:
    registry = registry_with()
    registry.answer_first = bearer("https://evil.example.net/token")
    network.site("registry.example.com", registry)
    evil = network.site("evil.example.net", lambda _: json_reply({"token": "t0ken"}))
    assert network.look_up_image(
        "registry.example.com/app:1", credentials=Known("registry.example.com")
    ) == ImageConfig(("/app",))
    assert [call.authorization for call in evil.calls] == [None]


def test_a_refused_foreign_token_realm_is_named(network: Network) -> None:
    registry = registry_with()
    registry.answer_first = bearer("https://evil.example.net/token")
    network.site("registry.example.com", registry)
    evil = network.site("evil.example.net", lambda _: Reply(401, b"SECRET"))
    fault = ask_beside_a_good_one(network, "registry.example.com/app:1", credentials=Known("registry.example.com"))
    assert "no credentials were sent, because its host does not belong to registry.example.com" in fault.reason.fact
    assert "If evil.example.net is this registry's token service, add it to TokenServices" in fault.reason.advice
    assert [call.authorization for call in evil.calls] == [None]


@pytest.mark.parametrize(
    ("realm", "what"),
    [
        ("http://registry.example.com/token", "only https is allowed"),
        ("https://169.254.169.254/token", "is an IP address"),
        ("https://inner.example.com/token", "resolves to a non-public address (private)"),
        ("/token", "not https"),
        ("nonsense", "not https"),
    ],
    ids=["http", "ip-address", "private-name", "path", "word"],
)
def test_token_realms_that_are_not_allowed(network: Network, realm: str, what: str) -> None:
    registry = registry_with()
    registry.answer_first = bearer(realm)
    network.site("registry.example.com", registry)
    network.names["inner.example.com"] = ["10.0.0.1"]
    fault = ask_beside_a_good_one(network, "registry.example.com/app:1", credentials=Known("registry.example.com"))
    assert what in fault.reason.fact


def test_token_service_that_redirects_is_not_followed(network: Network) -> None:
    registry = registry_with()
    registry.answer_first = bearer("https://registry.example.com/token")
    network.site("registry.example.com", lambda call: _token_redirect(call, registry))
    evil = network.site("evil.example.net", lambda _: json_reply({"token": "t0ken"}))
    fault = ask_beside_a_good_one(network, "registry.example.com/app:1", credentials=Known("registry.example.com"))
    assert "redirects" in fault.reason.fact
    assert not evil.calls


def _token_redirect(call: Call, registry: FakeRegistry) -> Reply | RawReply:
    return redirect("https://evil.example.net/token")(call) if call.path == "/token" else registry(call)


@pytest.mark.parametrize(
    "answered",
    [
        b"",
        b"[]",
        b'{"token": ""}',
        b'{"token": 7}',
        b'{"token": "a\\r\\nX: y"}',
        b'{"token": "\\u00e9"}',
        b"[" * 100000,
    ],
    ids=["empty-body", "array", "empty-token", "number-token", "header-injection", "non-ascii-token", "deep-nesting"],
)
def test_token_services_that_send_no_token(network: Network, answered: bytes) -> None:
    registry = registry_with()
    registry.answer_first = bearer("https://auth.example.net/token")
    network.site("registry.example.com", registry)
    network.site("auth.example.net", lambda _: Reply(body=answered))
    fault = ask_beside_a_good_one(network, "registry.example.com/app:1")
    assert "returned no valid token" in fault.reason.fact or "characters that HTTP does not allow" in fault.reason.fact


def test_credentials_do_not_follow_a_redirect(network: Network) -> None:
    registry = registry_with()
    store = registry["app"]

    def gate(call: Call) -> Reply | None:
        if call.authorization != basic("joe", "s3cret"):
            return Reply(401, headers={"WWW-Authenticate": "Basic realm=x"})
        if "/blobs/" in call.path:
            return redirect("https://cdn.example.net/" + call.path.rpartition("/")[2] + "?sig=SECRET")(call)
        return None

    registry.answer_first = gate
    network.site("registry.example.com", registry)
    cdn = network.site("cdn.example.net", lambda call: Reply(body=store.blobs[call.path[1:]]))
    assert network.look_up_image(
        "registry.example.com/app:1", credentials=Known("registry.example.com")
    ) == ImageConfig(("/app",))
    assert [call.authorization for call in cdn.calls] == [None]


def test_redirect_target_that_asks_for_credentials_gets_none(network: Network) -> None:
    network.site("registry.example.com", redirect("https://evil.example.net/"))
    evil = network.site("evil.example.net", lambda _: Reply(401, headers={"WWW-Authenticate": "Basic realm=x"}))
    fault = ask_beside_a_good_one(network, "registry.example.com/app:1", credentials=Known("registry.example.com"))
    assert "status 401" in fault.reason.fact
    assert [call.authorization for call in evil.calls] == [None]


def test_a_redirect_back_does_not_restore_credentials(network: Network) -> None:
    def app(call: Call) -> Reply:
        if call.authorization != basic("joe", "s3cret") and "/back" not in call.path:
            return Reply(401, headers={"WWW-Authenticate": "Basic realm=x"})
        return redirect("https://evil.example.net/")(call) if "/back" not in call.path else Reply(404)

    home = network.site("registry.example.com", app)
    network.site("evil.example.net", redirect("https://registry.example.com/back"))
    ask_beside_a_good_one(network, "registry.example.com/app:1", credentials=Known("registry.example.com"))
    assert [call.authorization for call in home.calls if call.path == "/back"] == [None]


def test_certificate_for_another_name(network: Network) -> None:
    site = network.site("mine.example", registry_with(), certificate_for="yours.example")
    fault = ask_beside_a_good_one(network, "mine.example/app:1")
    assert "the certificate of mine.example is for a different host name" in fault.reason.fact
    assert not site.calls


def test_certificate_that_has_expired(network: Network) -> None:
    network.site("old.example", registry_with(), days=-1)
    fault = ask_beside_a_good_one(network, "old.example/app:1")
    assert "the certificate of old.example has expired" in fault.reason.fact


def test_a_server_without_tls(network: Network) -> None:
    network.site("plain.example", registry_with(), tls=False)
    fault = ask_beside_a_good_one(network, "plain.example/app:1")
    assert "the TLS handshake with plain.example failed" in fault.reason.fact


def test_a_public_registry_does_not_lead_to_an_internal_one(network: Network) -> None:
    inner = network.site("inner.example", registry_with())
    network.names["inner.example"] = ["10.0.0.1"]
    network._site_by_address["10.0.0.1"] = inner
    internal = EgressPolicy.from_entries(["inner.example", "http://plain.example:5000"])
    network.site("public.example", redirect("https://inner.example/v2/app/manifests/1"))
    fine, fault = network.look_up(
        ImageLookup("inner.example/app:1"), ImageLookup("public.example/app:1"), egress_policy=internal
    )
    assert fine == ImageConfig(("/app",))
    assert isinstance(fault, Unavailable)
    assert "inner.example resolves to a non-public address (private)" in fault.reason.fact


def test_pooled_internal_connections_are_not_reused_by_others(network: Network) -> None:
    """The connection that the internal registry's image left open must not serve the public one's redirect."""
    inner = network.site("inner.example", registry_with())
    network.names["inner.example"] = ["10.0.0.1"]
    network._site_by_address["10.0.0.1"] = inner
    waits = threading.Event()

    def lead(call: Call) -> Reply:
        waits.wait(HARD_LIMIT)
        return redirect("https://inner.example/v2/app/manifests/1")(call)

    network.site("public.example", lead)
    threading.Timer(0.5, waits.set).start()
    answers = network.look_up(
        ImageLookup("inner.example/app:1"),
        ImageLookup("public.example/app:1"),
        egress_policy=EgressPolicy.from_entries(["inner.example"]),
    )
    assert [isinstance(answer, Unavailable) for answer in answers] == [False, True]


def test_a_host_that_hangs_does_not_hold_up_the_others(network: Network) -> None:
    """Far more hanging images than threads for one registry, listed before the good ones."""
    over = threading.Event()
    network.site("silent.example", lambda _: raw(until=over))
    good = FakeRegistry()
    for number in range(40):
        good["app"].image(str(number), entrypoint=[f"/{number}"])
    network.site("good.example", good)
    hanging = [ImageLookup(f"silent.example/app:{number}") for number in range(200)]
    fine = [ImageLookup(f"good.example/app:{number}") for number in range(40)]
    answers = network.look_up(*hanging, *fine, seconds=2)
    over.set()
    assert all(isinstance(answer, Unavailable) for answer in answers[:200])
    assert answers[200:] == [ImageConfig((f"/{number}",)) for number in range(40)]


def test_digest_header_that_does_not_fit(network: Network) -> None:
    registry = registry_with()
    media_type, body = registry["app"].manifests["1"]
    headers = {"Content-Type": media_type, "Docker-Content-Digest": digest_of(b"other")}
    network.site("liar.example", lambda _: Reply(body=body, headers=headers))
    fault = ask_beside_a_good_one(network, "liar.example/app:1")
    assert "does not match the requested digest" in fault.reason.fact
