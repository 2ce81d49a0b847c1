"""Read image configs from the Docker daemon of this machine, by the Docker Engine API over its Unix socket.

Only the caller can ask for this, with an option: no setting turns it on, so neither a document nor a file beside it can. An
image is asked for by its canonical name, which Docker never takes for the id of another image, and counts only if it is for
the platform that is asked for. Source: Docker Engine API, ``ImageInspect``; its parameter ``platform`` since 1.49, which
older daemons ignore.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote as url_quote

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.image_reference import InvalidReferenceError, parse_reference
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageLookup, Unavailable
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.oci import image_config_of
from sysdig_instrument.lookup.workers import Deadline, MonotonicClock

_DEFAULT_SOCKET: Final = "/var/run/docker.sock"
_SCHEME: Final = "unix://"
_MAX_BYTES: Final = 4 << 20
"""Limit of a response, which has some ten thousand bytes: it lists the layers and the labels of an image."""
_CHUNK: Final = 64 << 10
_WAIT_SECONDS: Final = 5.0
_RUN_SECONDS: Final = 20.0
"""Limit of the time for all images of a run together."""
_OK: Final = 200
_NOT_FOUND: Final = 404


class DockerEngine:
    """The Docker daemon at a Unix socket. It answers what it has, and keeps the answers."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._answers: dict[tuple[str, str], Answer | None] = {}
        self._clock = MonotonicClock()
        self._seconds_left = _RUN_SECONDS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> DockerEngine:
        """Return the daemon that ``DOCKER_HOST`` names, or the one at Docker's default socket.

        Raises:
            ValueError: It is not at a Unix socket.
        """
        host = environment.get("DOCKER_HOST") or _SCHEME + _DEFAULT_SOCKET
        path = host.removeprefix(_SCHEME)
        if not host.startswith(_SCHEME) or not path.startswith("/") or "\0" in path:
            raise ValueError(
                "DOCKER_HOST does not name a Unix socket of this machine, and --docker reads no other daemon. "
                "Set it to unix:///PATH, or remove --docker."
            )
        return cls(path)

    def image(self, lookup: ImageLookup) -> Answer | None:
        """Return the config of an image; None if the daemon does not have it for this platform.

        Raises:
            ConnectionError: There is no daemon.
        """
        try:
            name = str(parse_reference(lookup.image))
        except InvalidReferenceError:
            return None  # no daemon has it
        key = (name, lookup.architecture)
        if key not in self._answers:
            try:
                self._answers[key] = self._inspect(*key)
            except HttpError as error:
                fact = f"The Docker daemon has no usable answer for image {quote(lookup.image)}: {error.fact}"
                self._answers[key] = Unavailable(
                    Reason(fact, "Remove --docker, and the image's registry is read", code=Code.DOCKER_DAEMON)
                )
        return self._answers[key]

    def _inspect(self, name: str, architecture: str) -> Answer | None:
        platform = json.dumps({"os": "linux", "architecture": architecture}, separators=(",", ":"))
        status, body = self._get(f"/images/{url_quote(name, safe='/:@')}/json?platform={url_quote(platform, safe='')}")
        if status == _NOT_FOUND:
            return None
        if status != _OK:
            raise HttpError(f"its status is {status}")
        image = _parse_object(body)
        if (image.get("Os"), image.get("Architecture")) != ("linux", architecture):
            return None
        return image_config_of(image.get("Config"))

    def _get(self, target: str) -> tuple[int, bytes]:
        deadline = Deadline.after(self._seconds_left, self._clock)
        if not deadline.remaining:
            raise HttpError("it did not come in time")
        connection = _UnixConnection(self._path)
        connection.connect()
        timer = threading.Timer(deadline.remaining, connection.abort)  # http.client reads headers without a deadline
        timer.daemon = True
        timer.start()
        try:
            connection.request("GET", target, headers={"Accept": "application/json", "Connection": "close"})
            response = connection.getresponse()
            body = b""
            while chunk := response.read1(_CHUNK):
                body += chunk
                if len(body) > _MAX_BYTES:
                    raise HttpError(f"it exceeds the limit of {_MAX_BYTES >> 20} MiB")
                deadline.timeout(_WAIT_SECONDS)
        except TimeoutError:
            raise HttpError("it did not come in time") from None
        except (OSError, http.client.HTTPException, ValueError):
            raise HttpError("it is not a valid HTTP response") from None
        finally:
            timer.cancel()
            connection.close()
            self._seconds_left = deadline.remaining
        return response.status, body


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=_WAIT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Open the connection.

        Raises:
            ConnectionError: There is no daemon.
        """
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_WAIT_SECONDS)
        try:
            self.sock.connect(self._path)
        except OSError:
            self.sock.close()
            raise ConnectionError(
                f"There is no Docker daemon at {quote(self._path)}, or you may not use it. "
                "Start it, set DOCKER_HOST to its socket (unix:///PATH), or remove --docker."
            ) from None

    def abort(self) -> None:
        """End all that waits for the daemon."""
        if self.sock is not None:
            try:
                self.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is closed already


def _parse_object(body: bytes) -> dict[str, Json]:
    try:
        value: Json = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise HttpError("it is not a JSON object")
    return value
