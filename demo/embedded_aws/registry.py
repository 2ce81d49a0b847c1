"""A container registry on this machine: the part of the OCI distribution specification that pulls use.

It runs in a thread of the program that starts it. Its images have a configuration for x86-64 and for ARM64, both with the
same layers: none, unless the image is to be run.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, TypeAlias

from embedded_aws.processes import LOOPBACK

INDEX: Final = "application/vnd.oci.image.index.v1+json"
MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
CONFIG: Final = "application/vnd.oci.image.config.v1+json"
LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
ARCHITECTURES: Final = ("amd64", "arm64")

ImageConfig: TypeAlias = Mapping[str, Any]
"""The configuration of an image: ``{"Entrypoint": […], "Cmd": […], "Env": […], …}``, each optional."""


@dataclass(frozen=True, slots=True)
class RegistryContent:
    """A manifest, an index, a configuration or a layer as bytes; the digest is that of exactly these bytes."""

    media_type: str
    body: bytes

    @property
    def digest(self) -> str:
        """The digest, under which the registry stores this content."""
        return "sha256:" + hashlib.sha256(self.body).hexdigest()

    def descriptor(self, **members: object) -> dict[str, Any]:
        """Return the OCI descriptor of this content."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.body), **members}


@dataclass(slots=True)
class Registry:
    """A running registry, and the images that were requested from it."""

    host: str = ""
    """The registry part of image references: ``localhost:5000``."""
    requested_images: list[str] = field(default_factory=list)
    """The images whose manifests were requested by tag, as ``shop/web:1.4``."""
    contents: dict[str, RegistryContent] = field(default_factory=dict)
    """The contents by path."""

    def add_image(self, image: str, image_config: ImageConfig, layers: Sequence[bytes] = ()) -> None:
        """Add an image with layers, each a tar archive; its reference is a repository and a tag, without the registry."""
        repository, _, tag = image.rpartition(":")
        compressed = [RegistryContent(LAYER, gzip.compress(layer, 1, mtime=0)) for layer in layers]
        for layer in compressed:
            self.contents[f"/v2/{repository}/blobs/{layer.digest}"] = layer
        rootfs = {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers]}
        descriptors = [layer.descriptor() for layer in compressed]
        manifests = []
        for architecture in ARCHITECTURES:
            config = _json_content(CONFIG, architecture=architecture, os="linux", config=image_config, rootfs=rootfs)
            manifest = _json_content(
                MANIFEST, schemaVersion=2, mediaType=MANIFEST, config=config.descriptor(), layers=descriptors
            )
            self.contents[f"/v2/{repository}/blobs/{config.digest}"] = config
            self.contents[f"/v2/{repository}/manifests/{manifest.digest}"] = manifest
            manifests.append(manifest.descriptor(platform={"os": "linux", "architecture": architecture}))
        index = _json_content(INDEX, schemaVersion=2, mediaType=INDEX, manifests=manifests)
        for name in (tag, index.digest):
            self.contents[f"/v2/{repository}/manifests/{name}"] = index

    def content_at(self, path: str) -> RegistryContent | None:
        """Return the content at a path of the API, or None."""
        if by_tag := _TAG_PATH.fullmatch(path):
            self.requested_images.append(":".join(by_tag.groups()))
        return self.contents.get(path)


_TAG_PATH: Final = re.compile(r"/v2/(.+)/manifests/([^:]+)")


def _json_content(media_type: str, **members: object) -> RegistryContent:
    return RegistryContent(media_type, json.dumps(members).encode())


@contextmanager
def registry(images: Mapping[str, ImageConfig], port: int = 0) -> Iterator[Registry]:
    """Start a registry with some images on the loopback interface, and stop it at the end of the block.

    Without a port, it gets a free one.
    """
    running = Registry()
    for image, image_config in images.items():
        running.add_image(image, image_config)
    with _Server(running, port) as server:
        running.host = f"localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a client that keeps its connection open does not keep the program running

    def __init__(self, running: Registry, port: int) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.registry = running


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are written separately; Nagle's algorithm would delay the body
    server: _Server

    def do_GET(self) -> None:
        """Answer a pull."""
        path = self.path.partition("?")[0]
        if path == "/v2/":  # the API version check of a client
            self._respond(HTTPStatus.OK, RegistryContent("application/json", b"{}"))
        elif content := self.server.registry.content_at(path):
            self._respond(HTTPStatus.OK, content)
        else:
            code = "BLOB_UNKNOWN" if "/blobs/" in path else "MANIFEST_UNKNOWN"
            self._respond(HTTPStatus.NOT_FOUND, _json_content("application/json", errors=[{"code": code}]))

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def _respond(self, status: HTTPStatus, content: RegistryContent) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content.media_type)
        self.send_header("Content-Length", str(len(content.body)))
        self.send_header("Docker-Content-Digest", content.digest)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content.body)

    def log_message(self, *_: object) -> None:
        """Log nothing: standard output belongs to the demo."""
