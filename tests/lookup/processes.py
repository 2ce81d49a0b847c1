"""Debian's docker-registry as a process, and tokens for it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from lookup.content import Anything, Store

# joe and s3cret, as `htpasswd -B` writes them.
HTPASSWD = "joe:$2b$04$abcdefghijklmnopqrstuuLZYjhNQAOdpbzt4WxWlUHjv1wsyH5DG\n"


def program(name: str) -> str:
    """Return the path of a program that Debian has. Without it the test is skipped, or fails in CI."""
    found = shutil.which(name)
    if not found:
        reason = f"{name} is not installed (apt-get install --no-install-recommends docker-registry skopeo)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class RegistryProcess:
    """A registry at ``localhost:port``. Its storage is ``folder``, which several may share, or its memory (faster)."""

    def __init__(
        self,
        folder: Path,
        *,
        port: int | None = None,
        in_memory: bool = False,
        certificate: tuple[Path, Path] | None = None,
        **auth: Anything,
    ) -> None:
        self.port = port or free_port()
        listen: dict[str, Any] = {"addr": f"127.0.0.1:{self.port}"}
        if certificate:
            listen["tls"] = {"certificate": str(certificate[0]), "key": str(certificate[1])}
        config = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {"inmemory": {}} if in_memory else {"filesystem": {"rootdirectory": str(folder / "storage")}},
            "http": listen,
        } | ({"auth": auth} if auth else {})
        file = folder / f"{self.port}.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        self._process = subprocess.Popen([program("docker-registry"), "serve", str(file)], stderr=subprocess.DEVNULL)
        self._await()

    def _await(self) -> None:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        pytest.fail("docker-registry does not start")

    def push(self, repository: str, store: Store) -> None:
        """Upload all of a store by the distribution API: blobs first, then manifests, then the indexes over them."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            for digest, body in store.blobs.items():
                place = _send(connection, "POST", f"/v2/{repository}/blobs/uploads/")
                _send(connection, "PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", body)
            tagged = {body for name, (_, body) in store.manifests.items() if ":" not in name}
            for name, (media_type, body) in sorted(
                store.manifests.items(), key=lambda item: b'"manifests"' in item[1][1]
            ):
                if body not in tagged or ":" not in name:  # a push by tag stores the digest, too
                    _send(connection, "PUT", f"/v2/{repository}/manifests/{name}", body, media_type)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes = b"",
    media_type: str = "application/octet-stream",
) -> str:
    """Send a request, and return the path of the response's Location."""
    connection.request(method, path, body, {"Content-Type": media_type})
    response = connection.getresponse()
    response.read()
    assert response.status in (201, 202)
    return response.headers["Location"].partition(f":{connection.port}")[2]


def token(key_file: Path, certificate: Path, claims: dict[str, Any]) -> str:
    """Return a JSON web token that the distribution project's registry accepts, signed with ES256."""
    lines = certificate.read_text().splitlines()
    header = {"typ": "JWT", "alg": "ES256", "x5c": ["".join(lines[1:-1])]}
    signed = f"{_segment(json.dumps(header).encode())}.{_segment(json.dumps(claims).encode())}"
    key = load_pem_private_key(key_file.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signed}.{_segment(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _segment(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
