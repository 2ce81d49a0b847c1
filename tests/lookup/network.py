"""A network for the tests: host names with public addresses, whose servers are threads of this process."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from lookup.certificates import Authority
from lookup.content import Anything, Store
from sysdig_instrument.engine.lookups import Answer, ImageLookup, Lookup
from sysdig_instrument.lookup.answers import LookupEnvironment, answer_lookups
from sysdig_instrument.lookup.aws import AwsClients
from sysdig_instrument.lookup.egress import SocketAddress
from sysdig_instrument.lookup.images import ImageCache

HARD_LIMIT = 30.0
"""Seconds within which everything ends, however slow the machine is. What the tests wait for takes far less."""


@dataclass(frozen=True)
class Call:
    """A request as a server received it."""

    host: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)

    @property
    def authorization(self) -> str | None:
        return self.headers.get("authorization")


@dataclass(frozen=True)
class Reply:
    """A server's response."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


RawReply: TypeAlias = Callable[[socket.socket], None]
App: TypeAlias = Callable[[Call], "Reply | RawReply"]
"""Answers a call: with a reply, or by writing to the socket itself."""


def json_reply(value: Anything, status: int = 200, **headers: str) -> Reply:
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json"} | headers)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are written apart, and shall not wait for one another

    def _serve(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]  # set by Site
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(site.name, self.command, self.path, headers, body)
        site.calls.append(call)
        reply = site.app(call)
        if not isinstance(reply, Reply):
            self.close_connection = True
            with contextlib.suppress(OSError):
                reply(self.connection)
            return
        self.send_response(reply.status)
        for name, value in ({"Content-Length": str(len(reply.body))} | reply.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = _serve  # noqa: N815 - http.server's names

    def log_message(self, *_: object) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    context: ssl.SSLContext | None = None

    def finish_request(self, request: Anything, client_address: Anything) -> None:
        # The handshake is made in the connection's own thread: a client that gives up must not stop the others.
        if self.context is not None:
            request = self.context.wrap_socket(request, server_side=True)
        with contextlib.closing(request):
            super().finish_request(request, client_address)

    def handle_error(self, *_: object) -> None:
        pass


class Site:
    """A server at a host name, and the calls that it received."""

    def __init__(self, name: str, app: App, context: ssl.SSLContext | None) -> None:
        self.name = name
        self.app = app
        self.calls: list[Call] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.context = context
        self._server.site = self  # type: ignore[attr-defined]  # for _Handler
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class FakeClock:
    """A clock that advances only by sleeping."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds


class Network:
    """Host names, their public addresses, and their servers. Any other connection is refused."""

    def __init__(self, authority: Authority) -> None:
        self.authority = authority
        self.sites: dict[str, Site] = {}
        self.names: dict[str, list[str]] = {}
        self.resolved_names: list[str] = []
        self.connected_addresses: list[SocketAddress] = []
        self._site_by_address: dict[str, Site] = {}

    def site(self, name: str, app: App, *, certificate_for: str = "", days: int = 1, tls: bool = True) -> Site:
        context = self.authority.server([certificate_for or name], days=days) if tls else None
        site = self.sites[name] = Site(name, app, context)
        address = f"8.0.0.{len(self.sites)}"
        self.names[name] = [address]
        self._site_by_address[address] = site
        return site

    def resolve(self, host: str, port: int) -> list[SocketAddress]:
        self.resolved_names.append(host)
        if host not in self.names:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return [(address, port) for address in self.names[host]]

    def connect(self, address: SocketAddress, timeout: float) -> socket.socket:
        self.connected_addresses.append(address)
        site = self._site_by_address.get(address[0])
        if site is None:
            raise ConnectionRefusedError
        return socket.create_connection(("127.0.0.1", site.port), timeout)

    def environment(self, **changes: Anything) -> LookupEnvironment:
        given: dict[str, Any] = {
            "region": "us-east-1",
            "clients": AwsClients(_no_aws),
            "cache": ImageCache(),
            "resolve": self.resolve,
            "create_connection": self.connect,
            "make_ssl_context": lambda: self.authority.client,
        }
        return LookupEnvironment(**(given | changes))

    def look_up(self, *requests: Lookup, seconds: float = HARD_LIMIT, **changes: Anything) -> list[Answer]:
        return list(answer_lookups(requests, environment=self.environment(**changes), seconds=seconds).values())

    def look_up_image(self, image: str, seconds: float = HARD_LIMIT, **changes: Anything) -> Answer:
        return self.look_up(ImageLookup(image), seconds=seconds, **changes)[0]

    def close(self) -> None:
        for site in self.sites.values():
            site.close()


def _no_aws() -> Anything:
    raise AssertionError("this test asks no AWS service")


@dataclass
class FakeRegistry:
    """The part of the distribution API that pulls use. A reply of ``answer_first`` takes precedence over the stores."""

    stores: dict[str, Store] = field(default_factory=dict)
    answer_first: Callable[[Call], Reply | RawReply | None] = lambda _call: None

    def __getitem__(self, repository: str) -> Store:
        return self.stores.setdefault(repository, Store())

    def __call__(self, call: Call) -> Reply | RawReply:
        if (answered := self.answer_first(call)) is not None:
            return answered
        _, _, *name, kind, selector = call.path.split("/")
        store = self.stores.get("/".join(name), Store())
        if kind == "blobs" and selector in store.blobs:
            return Reply(body=store.blobs[selector], headers={"Content-Type": "application/octet-stream"})
        if kind == "manifests" and selector in store.manifests:
            media_type, body = store.manifests[selector]
            return Reply(body=body, headers={"Content-Type": media_type})
        return json_reply({"errors": [{"code": "MANIFEST_UNKNOWN", "message": "SECRET of the server"}]}, 404)


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
