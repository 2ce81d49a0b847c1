"""Images of odd make, as registries hold them: tag → what puts the image into a store."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from lookup.content import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Anything, Store

Build: TypeAlias = Callable[[Store, str], object]

LEFT_OUT: Final = object()
"""In place of a member's value: without this member."""

RUN: Final = {"Entrypoint": ["/entry", "--flag"], "Cmd": ["serve", "--port=80"]}
AMD64: Final = {"os": "linux", "architecture": "amd64"}
ARM64: Final = {"os": "linux", "architecture": "arm64"}
UNKNOWN: Final = {"os": "unknown", "architecture": "unknown"}
SOCI_INDEX: Final = "application/vnd.amazon.soci.index.v1+json"
IN_TOTO: Final = "application/vnd.in-toto+json"
EMPTY: Final = "application/vnd.oci.empty.v1+json"
ZSTD_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
DOCKER_ZSTD_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.zstd"
ENCRYPTED_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"


def image(  # noqa: PLR0913 - each is a member of some image
    store: Store,
    *tags: str,
    config: Anything = RUN,
    around: dict[str, Any] | None = None,
    config_type: str = OCI_CONFIG,
    media_type: str = OCI_MANIFEST,
    layers: list[str] | None = None,
    members: dict[str, Any] | None = None,
) -> str:
    """Store an image. ``around`` are members of its configuration, ``members`` those of its manifest."""
    blob = {**AMD64, "config": config, "rootfs": {"type": "layers", "diff_ids": []}, **(around or {})}
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": store.descriptor(
            json.dumps({key: value for key, value in blob.items() if value is not LEFT_OUT}).encode(), config_type
        ),
        "layers": [store.descriptor(f"layer {number}".encode(), each) for number, each in enumerate(layers or [])],
        **(members or {}),
    }
    return store.manifest({key: value for key, value in manifest.items() if value is not LEFT_OUT}, media_type, *tags)


def _for(store: Store, platform: dict[str, str]) -> str:
    """Store an image that says for which platform it is, and return its digest."""
    return image(store, config={"Entrypoint": [f"/{platform['architecture']}"], "Cmd": ["x"]}, around=platform)


def _artifact(store: Store, config_type: str, body: bytes = b"{}", **members: Anything) -> str:
    """Store what is no image: an attestation, a signature, an index of SOCI."""
    config = store.descriptor(body, config_type)
    layers = [store.descriptor(b"statement", IN_TOTO)]
    return store.manifest(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers, **members}, OCI_MANIFEST
    )


def attestation(store: Store) -> str:
    """Store an attestation as BuildKit makes it: with the configuration of an image."""
    body = json.dumps({**UNKNOWN, "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    return _artifact(store, OCI_CONFIG, body)


def soci(store: Store) -> str:
    return _artifact(store, SOCI_INDEX, subject={"mediaType": OCI_MANIFEST, "digest": "sha256:" + "0" * 64, "size": 1})


def signature(store: Store) -> str:
    return _artifact(store, EMPTY, artifactType="application/vnd.dev.cosign.artifact.sig.v1+json")


Entry: TypeAlias = tuple[Callable[[Store], str], Anything]
"""What an index points to, and the platform that it says; None for none."""

FOR_AMD64: Final = partial(_for, platform=AMD64)
FOR_ARM64: Final = partial(_for, platform=ARM64)
FOR_WINDOWS: Final = partial(_for, platform={"os": "windows", "architecture": "amd64"})
NO_OS: Final = partial(_for, platform={"architecture": "amd64"})
X86_64: Final = partial(_for, platform={"os": "linux", "architecture": "x86_64"})


def index(*entries: Entry, docker: bool = False, with_media_type: bool = True) -> Build:
    def build(store: Store, tag: str) -> None:
        found = [store.entry(make(store), platform) for make, platform in entries]
        if with_media_type:
            store.index(tag, entries=found, docker=docker)
        else:
            store.manifest({"schemaVersion": 2, "manifests": found}, OCI_INDEX, tag)

    return build


def nested(*entries: Entry) -> Callable[[Store], str]:
    return lambda store: store.index(entries=[store.entry(make(store), platform) for make, platform in entries])


def config(value: Anything, **around: Anything) -> Build:
    return lambda store, tag: image(store, tag, config=value, around=around)


def manifest(**members: Anything) -> Build:
    return lambda store, tag: image(store, tag, **members)


ONE_PLATFORM: Final[dict[str, Build]] = {
    # ENTRYPOINT and CMD
    "lists": config(RUN),
    "entrypoint-only": config({"Entrypoint": ["/entry"]}),
    "cmd-only": config({"Cmd": ["/cmd", "x"]}),
    "cmd-with-null-entrypoint": config({"Entrypoint": None, "Cmd": ["/cmd"]}),
    "cmd-with-empty-entrypoint": config({"Entrypoint": [], "Cmd": ["/cmd"]}),
    "nothing": config({}),
    "both-null": config({"Entrypoint": None, "Cmd": None}),
    "null-config": config(None),
    "no-config": config(LEFT_OUT),
    "string-entrypoint": config({"Entrypoint": "/bin/sh -c 'run'", "Cmd": ["x"]}),
    "string-cmd": config({"Entrypoint": ["/entry"], "Cmd": "run it"}),
    "empty-string-entrypoint": config({"Entrypoint": "", "Cmd": ["/cmd"]}),
    "list-of-an-empty-string": config({"Entrypoint": [""], "Cmd": ["/cmd"]}),
    "list-of-an-empty-string-alone": config({"Entrypoint": [""]}),
    "empty-string-first": config({"Entrypoint": ["", "/entry"]}),
    "empty-string-as-argument": config({"Entrypoint": ["/entry", ""], "Cmd": ["", "x", ""]}),
    "cmd-of-an-empty-string": config({"Cmd": [""]}),
    "lower-case": config({"entrypoint": ["/lower"], "cmd": ["x"]}),
    "upper-case": config({"ENTRYPOINT": ["/upper"], "CMD": ["x"]}),
    "config-in-upper-case": config(LEFT_OUT, Config=RUN),
    "shell-form": config({"Entrypoint": ["/bin/sh", "-c", 'exec run "$@"'], "Shell": ["/bin/bash", "-c"]}),
    "unicode": config({"Entrypoint": ["/größe", "日本", "\u00a0", "\u2028", "🐳"], "Cmd": ["é", "e\u0301"]}),
    "control-characters": config({"Entrypoint": ["/entry", "a\tb", "c\nd", "\u0001", "\u007f", "\ufeff"]}),
    "quotes": config({"Entrypoint": ["/entry", "'", '"', "\\", "$HOME", "${X}", "`x`", "#", ": ", "- ", "*a", "&b", "!Ref"]}),
    "looks-like-numbers": config({"Cmd": ["1", "0x1F", "1_000", "1:30", "1e3", "012", "yes", "null", "~", "2026-11-28"]}),
    "fn-sub-text": config({"Entrypoint": ["/entry", "${AWS::Region}", "Fn::Sub"], "Cmd": ["{{mustache}}"]}),
    "the-wrapper-first": config({"Entrypoint": ["/opt/draios/bin/instrument", "/entry"], "Cmd": ["x"]}),
    "long-argument": config({"Entrypoint": ["/entry", "x" * 20_000]}),
    "many-arguments": config({"Cmd": ["/cmd", *map(str, range(2_000))]}),
    # what else configurations contain
    "onbuild": config({**RUN, "OnBuild": ['ENTRYPOINT ["/later"]', "CMD x"]}),
    "args-escaped": config({"Cmd": ['/cmd "a b"'], "ArgsEscaped": True}),
    "labels": config({**RUN, "Labels": {"Entrypoint": "/label", "entrypoint": "/label", "a" * 3_000: "é" * 3_000}}),
    "huge-environment": config({**RUN, "Env": [f"V{number}={'x' * 100}" for number in range(4_000)]}),
    "health-check": config({**RUN, "Healthcheck": {"Test": ["CMD", "x"]}, "StopSignal": "SIGINT", "User": "1000:1000"}),
    "history": config(RUN, history=[{"created_by": 'ENTRYPOINT ["/other"]', "empty_layer": True}] * 300),
    "container-config": config({"Cmd": ["/cmd"]}, container_config={"Entrypoint": ["/build"], "Cmd": ["#(nop)"]}),
    "no-platform": config(RUN, os=LEFT_OUT, architecture=LEFT_OUT),
    "other-architecture": config(RUN, architecture="s390x"),
    # manifests
    "docker": manifest(media_type=DOCKER_MANIFEST, config_type=DOCKER_CONFIG),
    "oci-manifest-docker-config": manifest(config_type=DOCKER_CONFIG),
    "docker-manifest-oci-config": manifest(media_type=DOCKER_MANIFEST),
    "no-media-type": manifest(members={"mediaType": LEFT_OUT}),
    "octet-stream-config": manifest(media_type=DOCKER_MANIFEST, config_type="application/octet-stream"),
    "json-config": manifest(media_type=DOCKER_MANIFEST, config_type="application/json"),
    "html-config": manifest(media_type=DOCKER_MANIFEST, config_type="text/html"),
    "zstd-layers": manifest(layers=[ZSTD_LAYER, ZSTD_LAYER]),
    "zstd-layers-of-docker": manifest(media_type=DOCKER_MANIFEST, config_type=DOCKER_CONFIG, layers=[DOCKER_ZSTD_LAYER]),
    "encrypted-layers": manifest(layers=[ENCRYPTED_LAYER]),
    "many-layers": manifest(layers=[ZSTD_LAYER] * 127),
    "annotations": manifest(members={"annotations": {"org.opencontainers.image.title": "é" * 5_000}}),
    "with-artifact-type": manifest(members={"artifactType": "application/vnd.example+type"}),
}  # fmt: skip

INDEXES: Final[dict[str, Build]] = {
    "index": index((FOR_AMD64, AMD64), (FOR_ARM64, ARM64)),
    "list-of-docker": index((FOR_ARM64, ARM64), (FOR_AMD64, AMD64), docker=True),
    "index-without-media-type": index((FOR_AMD64, AMD64), (FOR_ARM64, ARM64), with_media_type=False),
    "index-of-one": index((FOR_AMD64, AMD64)),
    "index-of-one-without-platform": index((FOR_AMD64, None)),
    "attestations-first": index((attestation, UNKNOWN), (attestation, UNKNOWN), (FOR_AMD64, AMD64), (FOR_ARM64, ARM64)),
    "attestations-last": index((FOR_AMD64, AMD64), (attestation, UNKNOWN)),
    "without-platforms": index((FOR_ARM64, None), (FOR_AMD64, None)),
    "attestation-without-platform-first": index((attestation, None), (FOR_AMD64, None), (FOR_ARM64, None)),
    "soci-first": index((soci, None), (FOR_AMD64, AMD64), (FOR_ARM64, ARM64)),
    "soci-first-without-platforms": index((soci, None), (FOR_AMD64, None), (FOR_ARM64, None)),
    "soci-between-without-platforms": index((FOR_ARM64, None), (soci, None), (FOR_AMD64, None)),
    "signature-first-without-platforms": index((signature, None), (FOR_AMD64, None), (FOR_ARM64, None)),
    "x86_64": index((FOR_ARM64, {"os": "linux", "architecture": "aarch64"}), (FOR_AMD64, {"os": "linux", "architecture": "x86_64"})),
    "x86_64-in-the-config": index((attestation, None), (X86_64, None)),
    "upper-case-platform": index((FOR_AMD64, {"os": "Linux", "architecture": "AMD64"}), (FOR_ARM64, {"os": "LINUX", "architecture": "ARM64"})),
    "without-os": index((FOR_ARM64, {"architecture": "arm64"}), (FOR_AMD64, {"architecture": "amd64"})),
    "empty-os": index((FOR_ARM64, {"os": "", "architecture": "arm64"}), (FOR_AMD64, {"os": "", "architecture": "amd64"})),
    "without-os-in-the-config": index((attestation, None), (NO_OS, None)),
    "without-architecture": index((FOR_AMD64, {"os": "linux"}), (FOR_ARM64, ARM64)),
    "null-platform": index((attestation, UNKNOWN), (FOR_AMD64, {}), (FOR_ARM64, ARM64)),
    "variants": index((FOR_WINDOWS, {**AMD64, "variant": "v3"}), (FOR_AMD64, {**AMD64, "variant": "v1"}), (FOR_ARM64, {**ARM64, "variant": "v8"})),
    "windows-first": index((FOR_WINDOWS, {"os": "windows", "architecture": "amd64", "os.version": "10.0"}), (FOR_AMD64, AMD64)),
    "other-architectures": index((partial(_for, platform={"os": "linux", "architecture": "s390x"}), {"os": "linux", "architecture": "s390x"})),
    "the-same-platform-twice": index((FOR_AMD64, AMD64), (X86_64, AMD64)),
    "empty-index": index(),
    "nested": index((nested((FOR_AMD64, AMD64), (FOR_ARM64, ARM64)), None)),
    "nested-without-platforms": index((nested((FOR_ARM64, None)), None), (nested((FOR_AMD64, None)), None)),
    "nested-with-platform": index((nested((FOR_ARM64, ARM64)), ARM64), (nested((FOR_AMD64, AMD64)), AMD64)),
    "nested-beside-attestation": index((attestation, UNKNOWN), (nested((attestation, UNKNOWN), (FOR_AMD64, AMD64)), None)),
    "nested-twice": index((nested((nested((FOR_AMD64, AMD64), (FOR_ARM64, None)), None)), None)),
    "list-of-docker-in-an-index": index((lambda store: store.multi_platform_image(docker=True), None)),
}  # fmt: skip

ODD_IMAGES: Final = ONE_PLATFORM | INDEXES
