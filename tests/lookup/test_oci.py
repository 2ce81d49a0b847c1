"""Manifests, indexes and configs as they come, and as they should not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lookup.content import DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Store, digest_of
from sysdig_instrument.engine.image_reference import parse_reference
from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.lookup import images
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.images import ImageCache, ImageKey
from sysdig_instrument.lookup.oci import (
    Descriptor,
    Index,
    Manifest,
    RawManifest,
    manifests_for_platform,
    parse_image_config,
    parse_manifest,
    verify_content,
)

DIGEST = "sha256:" + "0" * 64
CONFIG = {"mediaType": OCI_CONFIG, "digest": DIGEST, "size": 2}
LAYERS: dict[str, Any] = {"layers": []}


def document(value: object, media_type: str = "") -> RawManifest:
    return RawManifest(value if isinstance(value, bytes) else json.dumps(value).encode(), media_type)


def key(tag: str, architecture: str) -> ImageKey:
    return ImageKey(parse_reference(f"ghcr.io/o/app:{tag}"), architecture, None)


class InMemory:
    """A repository out of a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.read: list[str] = []

    def fetch_manifest(self, tag_or_digest: str) -> RawManifest:
        media_type, body = self.store.manifests[tag_or_digest]
        return RawManifest(body, media_type)

    def fetch_blob(self, digest: str, max_bytes: int) -> bytes:
        self.read.append(digest)
        assert len(self.store.blobs[digest]) <= max_bytes
        return self.store.blobs[digest]


def test_a_manifest_without_media_type() -> None:
    assert parse_manifest(document({"schemaVersion": 2, "config": CONFIG, **LAYERS})) == Manifest(
        Descriptor(OCI_CONFIG, DIGEST, 2)
    )


# In the deep nesting no stack is left for the finalizers of what other tests left behind, if garbage is collected there.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("value", "media_type", "why"),
    [
        ({"schemaVersion": 1, "fsLayers": []}, "", "schema 1"),
        (b"", "", "not a JSON object"),
        (b"[" * 200_000, "", "not a JSON object"),
        (b"\xff\xfe", "", "not a JSON object"),
        ([], "", "not a JSON object"),
        ({}, "", "neither an image manifest nor an index"),
        ({"manifests": [], "config": CONFIG}, "", "neither an image manifest nor an index"),
        ({"manifests": [], "layers": []}, "", "neither an image manifest nor an index"),
        ({"manifests": []}, OCI_MANIFEST, "does not match its declared media type"),
        ({"config": CONFIG, "mediaType": OCI_INDEX}, "", "does not match its declared media type"),
        ({"config": CONFIG}, OCI_INDEX, "does not match its declared media type"),
        ({"layers": []}, "", "invalid descriptor"),
        ({"config": {**CONFIG, "size": "2"}}, "", "invalid descriptor"),
        ({"config": {**CONFIG, "size": -1}}, "", "invalid descriptor"),
        ({"config": {**CONFIG, "size": True}}, "", "invalid descriptor"),
        ({"manifests": [None]}, "", "invalid descriptor"),
        ({"manifests": "x"}, "", "invalid descriptor"),
        ({"config": {**CONFIG, "mediaType": "application/vnd.cncf.helm.config.v1+json"}}, "", "Helm chart"),
    ],
    ids=[
        "schema-1",
        "empty-body",
        "deep-nesting",
        "invalid-utf-8",
        "array",
        "empty-object",
        "index-with-config",
        "index-with-layers",
        "index-as-manifest",
        "manifest-says-index",
        "manifest-as-index",
        "no-config",
        "size-as-string",
        "negative-size",
        "boolean-size",
        "null-entry",
        "manifests-as-string",
        "helm-chart",
    ],
)
def test_invalid_manifests(value: object, media_type: str, why: str) -> None:
    with pytest.raises(HttpError, match=why):
        parse_manifest(document(value, media_type))


def entry(platform: tuple[str, str, str] | None, digest: str = DIGEST, media_type: str = OCI_MANIFEST) -> Descriptor:
    return Descriptor(media_type, digest, 2, platform)


@pytest.mark.parametrize(
    ("platforms", "architecture", "chosen"),
    [
        ([("linux", "amd64", ""), ("linux", "arm64", "v8")], "amd64", [0]),
        ([("linux", "amd64", ""), ("linux", "arm64", "v8")], "arm64", [1]),
        ([("windows", "amd64", ""), ("linux", "amd64", "")], "amd64", [1]),
        ([("unknown", "unknown", ""), ("linux", "arm64", "")], "arm64", [1]),
        ([("linux", "arm", "v7"), ("linux", "arm64", "")], "arm64", [1]),
        ([("linux", "amd64", "v3"), ("linux", "amd64", "v1")], "amd64", [1]),
        ([("linux", "amd64", "v3")], "amd64", []),
        ([("linux", "s390x", "")], "amd64", []),
        ([None], "amd64", [0]),
        ([None, None], "amd64", [0, 1]),
        ([None, ("linux", "arm64", "")], "amd64", [0]),
        ([None, ("linux", "amd64", "")], "amd64", [1]),
        ([("linux", "arm64", "8")], "arm64", [0]),
        ([], "amd64", []),
    ],
)
def test_platforms(platforms: list[tuple[str, str, str] | None], architecture: str, chosen: list[int]) -> None:
    entries = tuple(entry(platform, f"sha256:{number}") for number, platform in enumerate(platforms))
    assert manifests_for_platform(Index(entries), architecture) == [entries[number] for number in chosen]


def test_an_entry_without_platform_that_is_no_manifest_is_passed_over() -> None:
    artifact, image = entry(None, media_type="application/vnd.oci.artifact.manifest.v1+json"), entry(None)
    assert manifests_for_platform(Index((artifact, image)), "amd64") == [image]


@pytest.mark.parametrize("os_name", [{}, {"os": None}, {"os": ""}])
def test_without_an_operating_system_a_platform_is_the_hosts(os_name: dict[str, Any]) -> None:
    entries = [
        {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 2, "platform": {**os_name, "architecture": "arm64"}}
    ]
    read = parse_manifest(RawManifest(json.dumps({"schemaVersion": 2, "manifests": entries}).encode()))
    assert isinstance(read, Index)
    assert manifests_for_platform(read, "arm64") == list(read.manifests)
    assert manifests_for_platform(read, "amd64") == []


@pytest.mark.parametrize("odd", [5, [], {}, ["linux"], True])
def test_a_malformed_platform_matches_nothing(odd: object) -> None:
    entries = [{"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 2, "platform": {"os": odd, "architecture": odd}}]
    read = parse_manifest(RawManifest(json.dumps({"schemaVersion": 2, "manifests": entries}).encode()))
    assert isinstance(read, Index)
    assert read.manifests[0].platform == ("", "", "")
    assert manifests_for_platform(read, "amd64") == []


def test_an_index_in_an_index() -> None:
    store = Store()
    inner = store.multi_platform_image()
    store.index("1", entries=[store.entry(store.index(entries=[]), None), store.entry(inner, None)])
    assert images.fetch_image_config(InMemory(store), key("1", "arm64"), ImageCache()) == ImageConfig(
        ("/arm64",), ("serve",)
    )


def test_two_nested_indexes_of_one_image_each() -> None:
    store = Store()
    nested = [
        store.index(entries=[store.entry(store.image(entrypoint=[name], architecture=name), None)])
        for name in ("arm64", "amd64")
    ]
    store.index("1", entries=[store.entry(digest, None) for digest in nested])
    found = images.fetch_image_config(InMemory(store), key("1", "amd64"), ImageCache())
    assert found == ImageConfig(("amd64",))


def test_artifacts_without_platform_are_passed_over() -> None:
    store = Store()
    artifact = {"schemaVersion": 2, "config": store.descriptor(b"{}", "application/vnd.amazon.soci.index.v1+json")}
    entries = [store.entry(store.manifest(artifact, OCI_MANIFEST), None), store.entry(store.image(cmd=["x"]), None)]
    store.index("1", entries=entries)
    found = images.fetch_image_config(InMemory(store), key("1", "amd64"), ImageCache())
    assert found == ImageConfig((), ("x",))


def test_an_artifact_alone_is_no_image() -> None:
    store = Store()
    artifact = {"schemaVersion": 2, "config": store.descriptor(b"{}", "application/vnd.cncf.helm.config.v1+json")}
    store.index("1", entries=[store.entry(store.manifest(artifact, OCI_MANIFEST), None)])
    with pytest.raises(HttpError, match="another kind of artifact"):
        images.fetch_image_config(InMemory(store), key("1", "amd64"), ImageCache())


def test_no_image_for_the_platform() -> None:
    store = Store()
    store.multi_platform_image("1")
    with pytest.raises(HttpError, match="no image for linux/riscv64"):
        images.fetch_image_config(InMemory(store), key("1", "riscv64"), ImageCache())


def test_a_config_is_read_once_whatever_tags_name_it() -> None:
    store = Store()
    for tag in ("1", "2"):
        store.image(tag, entrypoint=["/x"])
    repository, cache = InMemory(store), ImageCache()
    for tag in ("1", "2"):
        assert images.fetch_image_config(repository, key(tag, "amd64"), cache) == ImageConfig(("/x",))
    assert len(repository.read) == 1


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({"Entrypoint": ["/a", "b c", ""], "Cmd": ["d"]}, ImageConfig(("/a", "b c", ""), ("d",))),
        ({"Entrypoint": None, "Cmd": []}, ImageConfig()),
        ({"Entrypoint": "/a b", "Cmd": None}, ImageConfig(("/a b",))),
        ({}, ImageConfig()),
        (None, ImageConfig()),
        ({"Entrypoint": [""], "Cmd": ["d"]}, ImageConfig((), ("d",))),
        ({"Entrypoint": "", "Cmd": [""]}, ImageConfig((), ("",))),
        ({"Entrypoint": ["", "a"]}, ImageConfig(("", "a"))),
        ({"entrypoint": ["a"], "CMD": ["b"]}, ImageConfig(("a",), ("b",))),
        ({"Shell": ["/bin/bash", "-c"], "OnBuild": []}, ImageConfig((), (), ("/bin/bash", "-c"))),
        ({"OnBuild": ["CMD a"]}, ImageConfig(has_triggers=True)),
        ({"Shell": {"a": 1}}, ImageConfig(has_triggers=True)),
        ({"Shell": ["a" * (65 << 10)]}, ImageConfig(has_triggers=True)),
        ({"Entrypoint": ["a" * 30_000], "Cmd": ["b" * 30_000]}, ImageConfig(("a" * 30_000,), ("b" * 30_000,))),
    ],
    ids=[
        "lists",
        "null-and-empty",
        "string",
        "empty-config",
        "null-config",
        "entrypoint-of-one-empty-string",
        "empty-string",
        "entrypoint-that-begins-with-an-empty-string",
        "other-letters",
        "shell",
        "triggers",
        "a-shell-that-is-not-valid",
        "a-long-shell",
        "60-kb",
    ],
)
def test_configs(config: object, found: ImageConfig) -> None:
    assert parse_image_config(json.dumps({"config": config, "container_config": {"Cmd": ["no"]}}).encode()) == found


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"null", "not a JSON object"),
        (b'{"config": []}', "not an object"),
        (b'{"config": {"Cmd": [1]}}', "not a list of strings"),
        (b'{"config": {"Cmd": ["SECRET"], "cmd": ["b"]}}', "several members with the name Cmd"),
        (b'{"config": {}, "Config": {"Cmd": ["SECRET"]}}', "several members with the name config"),
        (b'{"config": {"Entrypoint": {"SECRET": 1}}}', "not a list of strings"),
        (b'{"config": {"Cmd": ["a", "x{{resolve:secretsmanager:SECRET}}"]}}', "contains a dynamic reference"),
    ],
    ids=[
        "null",
        "config-is-array",
        "cmd-of-numbers",
        "two-cmds",
        "two-configs",
        "entrypoint-is-object",
        "dynamic-reference",
    ],
)
def test_invalid_configs(body: bytes, why: str) -> None:
    with pytest.raises(HttpError, match=why) as error:
        parse_image_config(body)
    assert "SECRET" not in error.value.fact


@pytest.mark.parametrize(
    "config",
    [
        {"Entrypoint": ["a" * 66_000]},
        {"Cmd": ["a" * 66_000]},
        {"Entrypoint": ["a" * 33_000], "Cmd": ["b" * 33_000]},
        {"Cmd": ["é" * 33_000]},
        {"Cmd": ["ab"] * 20_000},
        {"Cmd": [""] * 66_000},
        {"Cmd": "a" * 66_000},
        {"Cmd": ["\ud800" * 33_000]},
    ],
    ids=["entrypoint", "cmd", "both", "two-byte", "many-short", "many-empty", "one-string", "surrogates"],
)
def test_an_entrypoint_and_cmd_over_64_kib_are_refused_and_not_cached(config: dict[str, Any]) -> None:
    store, cache = Store(), ImageCache()
    store.image("1", entrypoint=config.get("Entrypoint"), cmd=config.get("Cmd"))
    repository = InMemory(store)
    for count in (1, 2):
        with pytest.raises(HttpError, match="its ENTRYPOINT and CMD exceed the limit of 64 KiB") as error:
            images.fetch_image_config(repository, key("1", "amd64"), cache)
        assert error.value.advice == "Use an image with a shorter ENTRYPOINT and CMD"
        assert len(repository.read) == count


def test_digests() -> None:
    verify_content(b"x", digest_of(b"x"), 1)
    sha512 = (
        "sha512:a4abd4448c49562d828115d13a1fccea927f52b4d5459297f8b43e42da89238bc13626e43dcb38ddb082488927ec904f"
        "b42057443983e88585179d50551afe62"
    )
    verify_content(b"x", sha512)
    with pytest.raises(HttpError, match="neither sha256 nor sha512"):
        verify_content(b"x", "md5:9dd4e461268c8034f5c8564e155c67a6")
    with pytest.raises(HttpError, match="does not match the requested digest"):
        verify_content(b"y", digest_of(b"x"))


def test_an_image_of_docker_and_one_of_oci_are_alike() -> None:
    store = Store()
    store.image("oci", entrypoint=["/x"])
    store.image("docker", entrypoint=["/x"], docker=True)
    assert store.manifests["docker"][0] == DOCKER_MANIFEST
    read = {
        tag: images.fetch_image_config(InMemory(store), key(tag, "amd64"), ImageCache()) for tag in ("oci", "docker")
    }
    assert read["oci"] == read["docker"] == ImageConfig(("/x",))
