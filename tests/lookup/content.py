"""Images as registries hold them: blobs, manifests, indexes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, TypeAlias

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


Anything: TypeAlias = Any
"""A value for a library without types, or a value that our own types forbid."""


def digest_of(body: bytes) -> str:
    return "sha256:" + hashlib.sha256(body).hexdigest()


@dataclass
class Store:
    """The content of one repository: bodies by digest, and manifests by tag and digest with their media types."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)

    def blob(self, body: bytes) -> str:
        digest = digest_of(body)
        self.blobs[digest] = body
        return digest

    def manifest(self, value: Anything, media_type: str, *tags: str) -> str:
        """Store a manifest or an index under its digest and some tags, and return the digest."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        digest = digest_of(body)
        for name in (digest, *tags):
            self.manifests[name] = media_type, body
        return digest

    def image(
        self,
        *tags: str,
        entrypoint: Anything = None,
        cmd: Anything = None,
        architecture: str = "amd64",
        docker: bool = False,
        with_media_type: bool = True,
    ) -> str:
        """Store an image of one platform, and return its manifest's digest."""
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Entrypoint": entrypoint, "Cmd": cmd, "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        layer = b"a layer that is never read"
        manifest: dict[str, Any] = {"schemaVersion": 2}
        if with_media_type:
            manifest["mediaType"] = DOCKER_MANIFEST if docker else OCI_MANIFEST
        manifest["config"] = self.descriptor(json.dumps(config).encode(), DOCKER_CONFIG if docker else OCI_CONFIG)
        manifest["layers"] = [self.descriptor(layer, DOCKER_LAYER if docker else OCI_LAYER)]
        return self.manifest(manifest, DOCKER_MANIFEST if docker else OCI_MANIFEST, *tags)

    def descriptor(self, body: bytes, media_type: str) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": self.blob(body), "size": len(body)}

    def entry(self, digest: str, platform: dict[str, str] | None) -> dict[str, Any]:
        """Return the descriptor of a stored manifest, for an index."""
        media_type, body = self.manifests[digest]
        platform_member = {"platform": platform} if platform is not None else {}
        return {"mediaType": media_type, "digest": digest, "size": len(body)} | platform_member

    def index(self, *tags: str, entries: list[dict[str, Any]], docker: bool = False) -> str:
        media_type = DOCKER_LIST if docker else OCI_INDEX
        return self.manifest({"schemaVersion": 2, "mediaType": media_type, "manifests": entries}, media_type, *tags)

    def multi_platform_image(self, *tags: str, docker: bool = False) -> str:
        """Store an index as buildx makes it: two platforms with different entry points, and an attestation."""
        amd64 = self.image(entrypoint=["/amd64"], cmd=["serve"], architecture="amd64", docker=docker)
        arm64 = self.image(entrypoint=["/arm64"], cmd=["serve"], architecture="arm64", docker=docker)
        attestation = self.image(entrypoint=["/attestation"], architecture="unknown", docker=docker)
        unknown = {"os": "unknown", "architecture": "unknown"}
        return self.index(
            *tags,
            docker=docker,
            entries=[
                self.entry(attestation, unknown),
                self.entry(amd64, {"os": "linux", "architecture": "amd64"}),
                self.entry(arm64, {"os": "linux", "architecture": "arm64", "variant": "v8"}),
            ],
        )
