"""Reading from Debian's docker-registry, filled by the distribution API and by skopeo."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lookup.certificates import Authority
from lookup.content import OCI_MANIFEST, Store, digest_of
from lookup.network import HARD_LIMIT, Call, Reply, Site, basic, json_reply
from lookup.processes import HTPASSWD, RegistryProcess, program, token
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lookup.answers import LookupEnvironment, answer_lookups
from sysdig_instrument.lookup.auth import ANONYMOUS, CredentialProvider, Login
from sysdig_instrument.lookup.egress import EgressPolicy, SocketAddress

pytestmark = pytest.mark.registry

MANY_TAGS = 300


@dataclass
class Filled:
    """An open registry, and the storage that the guarded ones share with it."""

    open: RegistryProcess
    folder: Path
    digests: dict[str, str]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp("registry")
    process = RegistryProcess(folder)
    store = Store()
    digests = {
        "oci": store.image("oci", entrypoint=["/oci"], cmd=["a", "b"]),
        "docker": store.image("docker", entrypoint=["/docker"], docker=True),
        "no-media-type": store.image("no-media-type", entrypoint=["/plain"], with_media_type=False),
        "cmd-only": store.image("cmd-only", cmd=["/cmd"]),
        "nothing": store.image("nothing"),
        "multi": store.multi_platform_image("multi"),
        "docker-multi": store.multi_platform_image("docker-multi", docker=True),
    }
    process.push("team/app", store)
    yield Filled(process, folder, digests)
    process.close()


def ask(*requests: ImageLookup, port: int, **changes: object) -> list[Answer]:
    policy = EgressPolicy.from_entries([f"http://localhost:{port}"])
    environment = LookupEnvironment(region="us-east-1", egress_policy=policy, **changes)  # type: ignore[arg-type]
    return list(answer_lookups(requests, environment=environment, seconds=HARD_LIMIT).values())


@pytest.mark.parametrize(
    ("tag", "architecture", "config"),
    [
        ("oci", "amd64", ImageConfig(("/oci",), ("a", "b"))),
        ("docker", "amd64", ImageConfig(("/docker",))),
        ("no-media-type", "amd64", ImageConfig(("/plain",))),
        ("cmd-only", "amd64", ImageConfig((), ("/cmd",))),
        ("nothing", "amd64", ImageConfig()),
        ("multi", "amd64", ImageConfig(("/amd64",), ("serve",))),
        ("multi", "arm64", ImageConfig(("/arm64",), ("serve",))),
        ("docker-multi", "amd64", ImageConfig(("/amd64",), ("serve",))),
        ("docker-multi", "arm64", ImageConfig(("/arm64",), ("serve",))),
    ],
)
def test_by_tag_and_by_digest(filled: Filled, tag: str, architecture: str, config: ImageConfig) -> None:
    port = filled.open.port
    by_tag = ImageLookup(f"localhost:{port}/team/app:{tag}", architecture)
    by_digest = ImageLookup(f"localhost:{port}/team/app@{filled.digests[tag]}", architecture)
    by_both = ImageLookup(f"localhost:{port}/team/app:gone@{filled.digests[tag]}", architecture)
    assert ask(by_tag, by_digest, by_both, port=port) == [config] * 3


def test_several_hundred_tags(tmp_path: Path) -> None:
    process, store = RegistryProcess(tmp_path, in_memory=True), Store()
    for number in range(MANY_TAGS):
        store.image(f"v{number}", entrypoint=[f"/{number}"])
    process.push("many", store)
    requests = [ImageLookup(f"localhost:{process.port}/many:v{number}") for number in range(MANY_TAGS)]
    found = ask(*requests, port=process.port)
    process.close()
    assert found == [ImageConfig((f"/{number}",)) for number in range(MANY_TAGS)]


def test_unknown_tag_and_repository_beside_an_existing_one(filled: Filled) -> None:
    port = filled.open.port
    names = ["team/app:gone", "team/gone:1", "team/app:oci"]
    gone, nowhere, there = ask(*(ImageLookup(f"localhost:{port}/{name}") for name in names), port=port)
    assert isinstance(gone, Unavailable)
    assert f"localhost:{port} did not find it (status 404, MANIFEST_UNKNOWN)" in gone.reason.fact
    assert isinstance(nowhere, Unavailable)
    assert "status 404" in nowhere.reason.fact
    assert isinstance(there, ImageConfig)


def test_loopback_is_closed_without_the_setting(filled: Filled) -> None:
    image = f"localhost:{filled.open.port}/team/app:oci"
    environment = LookupEnvironment(region="us-east-1", egress_policy=EgressPolicy.from_entries(["http://localhost:1"]))
    (refused,) = answer_lookups([ImageLookup(image)], environment=environment, seconds=HARD_LIMIT).values()
    assert isinstance(refused, Unavailable)
    assert "localhost resolves to a non-public address (loopback)" in refused.reason.fact


def test_image_pushed_by_skopeo(filled: Filled, tmp_path: Path) -> None:
    """Another program's layout and manifest, in both media types."""
    layout = tmp_path / "layout"
    store = Store()
    store.image("1", entrypoint=["/skopeo"], cmd=["x"])
    _write_layout(layout, store)
    target = f"localhost:{filled.open.port}/skopeo"
    for media, tag in (("oci", "oci"), ("v2s2", "docker")):
        copy = [program("skopeo"), "copy", "--insecure-policy", "--dest-tls-verify=false", "--format", media]
        subprocess.run([*copy, f"oci:{layout}:1", f"docker://{target}:{tag}"], check=True, capture_output=True)
    answers = ask(ImageLookup(f"{target}:oci"), ImageLookup(f"{target}:docker"), port=filled.open.port)
    assert answers == [ImageConfig(("/skopeo",), ("x",))] * 2


def _write_layout(folder: Path, store: Store) -> None:
    """An OCI image layout with one image (OCI image spec, image-layout.md)."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    _, manifest = store.manifests["1"]
    for body in (*store.blobs.values(), manifest):
        (blobs / digest_of(body).partition(":")[2]).write_bytes(body)
    entry = {
        "mediaType": OCI_MANIFEST,
        "digest": digest_of(manifest),
        "size": len(manifest),
        "annotations": {"org.opencontainers.image.ref.name": "1"},
    }
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


class Joe:
    """Knows the password, for every registry."""

    def find_login(self, registry: str) -> Login | None:
        assert registry
        return Login("joe", "s3cret")


class Mallory:
    """Knows it wrong."""

    def find_login(self, registry: str) -> Login | None:
        assert registry
        return Login("joe", "wrong")


@pytest.fixture(scope="module")
def guarded(filled: Filled, authority: Authority) -> Iterator[RegistryProcess]:
    passwords = filled.folder / "htpasswd"
    passwords.write_text(HTPASSWD)
    process = RegistryProcess(
        filled.folder,
        certificate=authority.files(["registry.example.test"]),
        htpasswd={"realm": "Registry", "path": str(passwords)},
    )
    yield process
    process.close()


def ask_securely(port: int, authority: Authority, credentials: CredentialProvider, *also: str) -> Answer:
    """Ask for an image of a registry that speaks TLS, at a name that leads to loopback."""

    def resolve(host: str, at: int) -> list[SocketAddress]:
        assert host.endswith("example.test")
        return [("127.0.0.1", at)]

    environment = LookupEnvironment(
        region="us-east-1",
        egress_policy=EgressPolicy.from_entries([f"registry.example.test:{port}", *also]),
        credentials=credentials,
        resolve=resolve,
        make_ssl_context=lambda: authority.client,
    )
    request = ImageLookup(f"registry.example.test:{port}/team/app:multi", "arm64")
    return answer_lookups([request], environment=environment, seconds=HARD_LIMIT)[request]


def test_basic(guarded: RegistryProcess, authority: Authority) -> None:
    assert ask_securely(guarded.port, authority, Joe()) == ImageConfig(("/arm64",), ("serve",))


@pytest.mark.parametrize("credentials", [ANONYMOUS, Mallory()])
def test_basic_refused(guarded: RegistryProcess, authority: Authority, credentials: CredentialProvider) -> None:
    refused = ask_securely(guarded.port, authority, credentials)
    assert isinstance(refused, Unavailable)
    assert "(status 401, UNAUTHORIZED)" in refused.reason.fact
    assert "RepositoryCredentials" in refused.reason.advice


@dataclass
class TokenService:
    """Issues tokens to joe, for the scope that he requests."""

    authority: Authority

    def __call__(self, call: Call) -> Reply:
        if call.authorization != basic("joe", "s3cret"):
            return json_reply({"details": "SECRET"}, 401)
        (scope,) = call.query["scope"]
        kind, name, actions = scope.split(":")
        now = int(time.time())
        claims = {
            "iss": "tests",
            "sub": "joe",
            "aud": call.query["service"][0],
            "iat": now,
            "nbf": now - 10,
            "exp": now + 60,
            "jti": "1",
            "access": [{"type": kind, "name": name, "actions": actions.split(",")}],
        }
        certificate, key = self.authority.files(["example.test"])
        return json_reply({"token": token(key, certificate, claims)})


@pytest.fixture(scope="module")
def tokened(filled: Filled, authority: Authority) -> Iterator[tuple[RegistryProcess, Site]]:
    # The token service is at the domain that the registry is in, as with GitLab.
    service = Site("example.test", TokenService(authority), authority.server(["example.test"]))
    bundle = filled.folder / "roots.pem"
    bundle.write_text(authority.pem)
    process = RegistryProcess(
        filled.folder,
        certificate=authority.files(["registry.example.test"]),
        token={
            "realm": f"https://example.test:{service.port}/token",
            "service": "registry",
            "issuer": "tests",
            "rootcertbundle": str(bundle),
        },
    )
    yield process, service
    process.close()
    service.close()


def test_bearer(tokened: tuple[RegistryProcess, Site], authority: Authority) -> None:
    process, service = tokened
    found = ask_securely(process.port, authority, Joe(), f"example.test:{service.port}")
    assert found == ImageConfig(("/arm64",), ("serve",))
    assert service.calls[-1].query["scope"] == ["repository:team/app:pull"]


def test_bearer_refused(tokened: tuple[RegistryProcess, Site], authority: Authority) -> None:
    process, service = tokened
    refused = ask_securely(process.port, authority, Mallory(), f"example.test:{service.port}")
    assert isinstance(refused, Unavailable)
    assert "the token service example.test rejected the credentials (status 401)" in refused.reason.fact


def test_an_internal_token_service_must_be_allowed_too(
    tokened: tuple[RegistryProcess, Site], authority: Authority
) -> None:
    process, _ = tokened
    refused = ask_securely(process.port, authority, Joe())
    assert isinstance(refused, Unavailable)
    assert "example.test resolves to a non-public address (loopback)" in refused.reason.fact
    assert re.search(r"add example\.test:\d+ to InternalRegistries", refused.reason.advice)
