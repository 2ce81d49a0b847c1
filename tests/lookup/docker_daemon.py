"""A Docker daemon on a Unix socket, which has some images and records what it is asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


class Daemon(ThreadingMixIn, UnixStreamServer):
    """The daemon. ``images`` are bodies by canonical name; ``requests`` are the names and platforms that were asked for.

    An image that is a ``bytes`` object is sent as it is, in place of the whole response.
    """

    daemon_threads = True
    images: Mapping[str, Any]
    requests: list[tuple[str, Any]]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that has left."""


class _Handler(BaseHTTPRequestHandler):
    server: Daemon
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the standard library
        pass

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        name = unquote(parts.path).removeprefix("/images/").removesuffix("/json")
        self.server.requests.append((name, json.loads(parse_qs(parts.query)["platform"][0])))
        image = self.server.images.get(name)
        if isinstance(image, bytes):
            self.wfile.write(image)
            self.close_connection = True
            return
        body = json.dumps(image or {"message": "No such image"}).encode()
        self.send_response(404 if image is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def image(entrypoint: Any = None, cmd: Any = None, architecture: str = "amd64", **more: Any) -> dict[str, Any]:
    """Return what the daemon says of an image."""
    config = {"Entrypoint": entrypoint, "Cmd": cmd, "Env": ["TOKEN=x"]}
    return {"Id": "sha256:0", "Os": "linux", "Architecture": architecture, "Config": config, **more}


@contextmanager
def daemon_with(images: Mapping[str, Any], folder: Path) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """Run a daemon with images; yield its ``DOCKER_HOST``, and the requests that it gets."""
    path = folder / "docker.sock"
    server = Daemon(str(path), _Handler)
    server.images, server.requests = images, []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"unix://{path}", server.requests
    finally:
        server.shutdown()
        server.server_close()
        path.unlink()
