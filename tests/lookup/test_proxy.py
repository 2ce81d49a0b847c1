"""The command line tool behind a proxy."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from lookup.network import HARD_LIMIT, FakeClock, FakeRegistry, Network
from sysdig_instrument.engine.lookups import ImageConfig, Unavailable
from sysdig_instrument.lookup.egress import SocketAddress
from sysdig_instrument.lookup.proxy import Proxy


class FakeProxy:
    """A proxy: answers CONNECT, and passes bytes on to the site of that name."""

    def __init__(self, network: Network, status: str = "200 Connection established") -> None:
        self.network = network
        self.status = status
        self.requests: list[bytes] = []

    def connect(self, address: SocketAddress, timeout: float) -> socket.socket:
        assert address == ("proxy.corp", 3128)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            ours = socket.create_connection(listener.getsockname(), timeout)
            theirs, _ = listener.accept()
        threading.Thread(target=self._serve, args=(theirs,), daemon=True).start()
        return ours

    def _serve(self, client: socket.socket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += client.recv(1)
        self.requests.append(request)
        client.sendall(f"HTTP/1.1 {self.status}\r\nX-Proxy: yes\r\n\r\n".encode())
        host = request.split()[1].partition(b":")[0].decode()
        with client, socket.create_connection(("127.0.0.1", self.network.sites[host].port)) as server:
            back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
            back.start()
            _pass_on(client, server)
            back.join(HARD_LIMIT)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):  # either end may be gone
        while received := source.recv(65536):
            sink.sendall(received)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def registry(network: Network) -> FakeRegistry:
    made = FakeRegistry()
    made["app"].image("1", entrypoint=["/app"])
    network.site("a.example", made)
    return made


PROXY = Proxy("proxy.corp", 3128, "Basic am9lOng=")


@pytest.mark.usefixtures("registry")
def test_through_a_proxy(network: Network) -> None:
    tunnels = FakeProxy(network)
    found = network.look_up_image("a.example/app:1", proxy=PROXY, create_connection=tunnels.connect)
    assert found == ImageConfig(("/app",))
    (request,) = tunnels.requests  # HTTP/1.0 or 1.1, with a Host header or without: that depends on Python's version
    assert request.startswith(b"CONNECT a.example:443 HTTP/1.")
    assert b"\r\nProxy-Authorization: Basic am9lOng=\r\n" in request
    assert network.resolved_names == []  # the proxy looks names up


@pytest.mark.usefixtures("registry")
def test_a_proxy_that_refuses(network: Network) -> None:
    tunnels = FakeProxy(network, "407 Proxy Authentication Required")
    refused = network.look_up_image(
        "a.example/app:1", proxy=PROXY, create_connection=tunnels.connect, clock=FakeClock()
    )
    assert isinstance(refused, Unavailable)
    assert "the proxy proxy.corp refused the connection to a.example (status 407)" in refused.reason.fact


@pytest.mark.usefixtures("registry")
def test_hosts_that_bypass_the_proxy(network: Network) -> None:
    proxy = Proxy("proxy.corp", 3128, no_proxy=("example",))
    assert network.look_up_image("a.example/app:1", proxy=proxy) == ImageConfig(("/app",))


def test_ip_addresses_are_refused_behind_a_proxy_too(network: Network) -> None:
    refused = network.look_up_image("169.254.169.254/app:1", proxy=PROXY)
    assert isinstance(refused, Unavailable)
    assert "is an IP address; a host name is required" in refused.reason.fact


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTP_PROXY": "http://x:1"}, None),
        ({"HTTPS_PROXY": "http://proxy.corp:3128"}, Proxy("proxy.corp", 3128)),
        ({"HTTPS_PROXY": "proxy.corp:3128"}, Proxy("proxy.corp", 3128)),
        ({"HTTPS_PROXY": "http://x:1", "https_proxy": "http://y"}, Proxy("y", 80)),
        ({"https_proxy": "http://joe:p%40ss@y:1"}, Proxy("y", 1, "Basic am9lOnBAc3M=")),
        ({"https_proxy": "http://y:1", "NO_PROXY": "a.b, .c.d,*.E.f"}, Proxy("y", 1, None, ("a.b", "c.d", "e.f"))),
        ({"https_proxy": "http://y:1", "no_proxy": "*"}, Proxy("y", 1, None, ("*",))),
    ],
)
def test_the_environment(environ: dict[str, str], proxy: Proxy | None) -> None:
    assert Proxy.from_environment(environ) == proxy


@pytest.mark.parametrize("text", ["https://x:1", "socks5://x:1", "http://", "http://:1"])
def test_proxies_of_another_kind(text: str) -> None:
    with pytest.raises(ValueError, match="HTTPS_PROXY"):
        Proxy.from_environment({"HTTPS_PROXY": text})


def test_bypassing() -> None:
    proxy = Proxy("y", 1, None, ("corp", "ghcr.io"))
    assert [proxy.is_bypassed(host) for host in ("corp", "a.corp", "ghcr.io", "acorp", "quay.io")] == [
        True,
        True,
        True,
        False,
        False,
    ]
    assert Proxy("y", 1, None, ("*",)).is_bypassed("quay.io")
