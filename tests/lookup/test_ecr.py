"""Amazon ECR: against moto as far as moto is faithful, and against botocore's stubber for what it does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from botocore.stub import ANY, Stubber
from moto import mock_aws

from lookup.content import Anything, Store
from lookup.network import FakeRegistry, Network, Reply, Site
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lookup.aws import AwsClients
from sysdig_instrument.lookup.ecr import EcrRepository
from sysdig_instrument.lookup.egress import SocketAddress
from sysdig_instrument.lookup.oci import ACCEPTED_MEDIA_TYPES
from sysdig_instrument.lookup.reference import parse_reference

ACCOUNT = "123456789012"
HOST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
BUCKET = "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com"
ARN = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/team/app"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.mark.parametrize(
    ("registry", "region", "fips"),
    [
        (HOST, "eu-west-1", False),
        (f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", True),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", False),
        (f"{ACCOUNT}.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", False),
        (f"{ACCOUNT}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", False),
        (f"{ACCOUNT}.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", False),
        (f"{ACCOUNT}.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", False),
        (f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", False),
        (f"{ACCOUNT}.dkr-ecr.us-west-2.on.aws", "us-west-2", False),
        (f"{ACCOUNT}.dkr-ecr-fips.us-west-2.on.aws", "us-west-2", True),
        (f"{ACCOUNT}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", False),
    ],
    ids=[
        "standard",
        "fips-us-gov",
        "china",
        "iso",
        "iso-b",
        "iso-e",
        "iso-f",
        "eusc",
        "dual-stack",
        "dual-stack-fips",
        "dual-stack-china",
    ],
)
def test_private_registries(registry: str, region: str, fips: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert EcrRepository.from_reference(parse_reference(f"{registry}/team/app:1")) == EcrRepository(
        ACCOUNT, region, "team/app", fips
    )


@pytest.mark.parametrize(
    "image",
    [
        "public.ecr.aws/docker/library/nginx",
        "ecr-public.aws.com/docker/library/nginx",
        "nginx",
        f"{HOST}.evil.example/app",
        f"1{HOST}/app",
        "12345.dkr.ecr.eu-west-1.amazonaws.com/app",
        f"{HOST}:443/app",
    ],
    ids=[
        "public ECR",
        "public ECR, dual-stack",
        "Docker Hub",
        "longer host name",
        "account of 13 digits",
        "account of 5 digits",
        "port",
    ],
)
def test_other_registries(image: str) -> None:
    assert EcrRepository.from_reference(parse_reference(image)) is None


class Stubbed:
    """A session whose clients are stubbed, and what is expected of them."""

    def __init__(self) -> None:
        self.stubs: dict[tuple[str, str], Stubber] = {}
        self.configs: list[Any] = []

    def stub(self, service: str, region: str) -> Stubber:
        if (service, region) not in self.stubs:
            self.stubs[service, region] = Stubber(boto3.client(service, region_name=region))
            self.stubs[service, region].activate()
        return self.stubs[service, region]

    def client(self, service: str, region_name: str, config: Anything) -> Anything:
        self.configs.append(config)
        return self.stub(service, region_name).client

    @property
    def clients(self) -> AwsClients:
        return AwsClients(lambda: self)

    def done(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


def images_of(store: Store, *selectors: str, failures: dict[str, str] | None = None) -> dict[str, Any]:
    """BatchGetImage's answer. A tag's image id has the digest, too."""
    images = []
    for selector in selectors:
        media_type, body = store.manifests[selector]
        digest = next(name for name, value in store.manifests.items() if value[1] == body and ":" in name)
        ids = {"imageDigest": digest} | ({} if ":" in selector else {"imageTag": selector})
        images.append({"imageId": ids, "imageManifest": body.decode(), "imageManifestMediaType": media_type})
    missing = [{"imageId": {"imageTag": tag}, "failureCode": code} for tag, code in (failures or {}).items()]
    return {"images": images, "failures": missing}


def asks(*selectors: str) -> dict[str, Any]:
    ids = [{"imageDigest" if ":" in selector else "imageTag": selector} for selector in selectors]
    return {
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "imageIds": ids,
        "acceptedMediaTypes": list(ACCEPTED_MEDIA_TYPES),
    }


def url_of(digest: str) -> dict[str, str]:
    return {"downloadUrl": f"https://{BUCKET}/{digest}?X-Amz-Signature=SECRET", "layerDigest": digest}


def serve_layers(network: Network, store: Store) -> Site:
    return network.site(BUCKET, lambda call: Reply(body=store.blobs[call.path[1:]]))


def test_an_index_its_manifest_and_its_config(network: Network) -> None:
    store, aws = Store(), Stubbed()
    store.multi("1")
    ecr = aws.stub("ecr", "eu-west-1")
    arm64 = next(d for d, (_, body) in store.manifests.items() if ":" in d and _entry_point(store, body) == "/arm64")
    amd64 = next(d for d, (_, body) in store.manifests.items() if ":" in d and _entry_point(store, body) == "/amd64")
    ecr.add_response("batch_get_image", images_of(store, "1"), asks("1"))
    ecr.add_response("batch_get_image", images_of(store, amd64, arm64), asks(amd64, arm64))
    # Which of the two asks first is not said, and the stubber is strict about that.
    ecr.client.get_download_url_for_layer = lambda **wanted: url_of(wanted["layerDigest"])
    bucket = serve_layers(network, store)
    found = network.ask(
        ImageLookup(f"{HOST}/team/app:1"), ImageLookup(f"{HOST}/team/app:1", "arm64"), clients=aws.clients
    )
    assert found == [ImageConfig(("/amd64",), ("serve",)), ImageConfig(("/arm64",), ("serve",))]
    assert {call.authorization for call in bucket.calls} == {None}


def _layer() -> dict[str, Any]:
    return {"registryId": ACCOUNT, "repositoryName": "team/app", "layerDigest": ANY}


def _entry_point(store: Store, manifest: bytes) -> str | None:
    for digest, blob in store.blobs.items():
        if digest.encode() in manifest and b'"Entrypoint": ["' in blob:
            return blob.split(b'"Entrypoint": ["')[1].split(b'"')[0].decode()
    return None


def one_image(network: Network, aws: Stubbed, host: str = HOST, region: str = "eu-west-1") -> Answer:
    """Look up one existing image; its config comes from the URL that ECR returns."""
    store = Store()
    store.image("1", entrypoint=["/ecr"], cmd=["x"])
    ecr = aws.stub("ecr", region)
    ecr.add_response("batch_get_image", images_of(store, "1"), asks("1"))
    config = next(digest for digest, body in store.blobs.items() if b"Entrypoint" in body)
    ecr.add_response("get_download_url_for_layer", url_of(config), _layer() | {"layerDigest": config})
    serve_layers(network, store)
    answer = network.ask_image(f"{host}/team/app:1", clients=aws.clients)
    aws.done()
    return answer


def test_fips_registries_use_fips_endpoints(network: Network) -> None:
    aws = Stubbed()
    found = one_image(network, aws, f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1")
    assert found == ImageConfig(("/ecr",), ("x",))
    assert [config.use_fips_endpoint for config in aws.configs] == [True]


def test_s3_may_resolve_to_a_private_vpc_endpoint(network: Network) -> None:
    resolve = network.resolve

    def endpoint(host: str, port: int) -> list[SocketAddress]:
        found = resolve(host, port)
        network._behind["10.0.0.7"] = network.sites[BUCKET]
        return [("10.0.0.7", port)] if found else found

    store, aws = Store(), Stubbed()
    store.image("1", entrypoint=["/ecr"])
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", images_of(store, "1"), asks("1"))
    config = next(digest for digest, body in store.blobs.items() if b"Entrypoint" in body)
    ecr.add_response("get_download_url_for_layer", url_of(config), _layer())
    serve_layers(network, store)
    assert network.ask_image(f"{HOST}/team/app:1", clients=aws.clients, resolve=endpoint) == ImageConfig(("/ecr",))
    assert network.dialled == [("10.0.0.7", 443)]


@pytest.mark.parametrize(
    "url", ["https://inner.example/x", "http://prod.s3.amazonaws.com/x", "https://evilamazonaws.com/x", "nonsense"]
)
def test_layer_urls_outside_aws_get_no_exception(network: Network, url: str) -> None:
    store, aws = Store(), Stubbed()
    store.image("1", entrypoint=["/ecr"])
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", images_of(store, "1"), asks("1"))
    ecr.add_response("get_download_url_for_layer", {"downloadUrl": url}, _layer())
    for name in ("inner.example", "prod.s3.amazonaws.com", "evilamazonaws.com"):
        network.names[name] = ["10.0.0.1"]
    assert isinstance(network.ask_image(f"{HOST}/team/app:1", clients=aws.clients), Unavailable)
    assert network.dialled == []


def test_what_s3_sends_is_verified(network: Network) -> None:
    store, aws = Store(), Stubbed()
    store.image("1", entrypoint=["/ecr"])
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", images_of(store, "1"), asks("1"))
    ecr.add_response("get_download_url_for_layer", url_of("x"), _layer())
    network.site(BUCKET, lambda _: Reply(403, b"<Error>SECRET</Error>"))
    refused = network.ask_image(f"{HOST}/team/app:1", clients=aws.clients)
    assert isinstance(refused, Unavailable)
    assert (
        "Amazon S3, where Amazon ECR stores its configuration, refused the request (status 403)" in refused.reason.fact
    )
    assert "SECRET" not in refused.reason.fact + refused.reason.advice


def refused_by(network: Network, aws: Stubbed) -> Unavailable:
    """The refusal of an ECR image beside one of another registry, which is read all the same."""
    good = FakeRegistry()
    good["app"].image("1", entrypoint=["/good"])
    network.site("good.example", good)
    requests = ImageLookup(f"{HOST}/team/app:1"), ImageLookup("good.example/app:1")
    refused, fine = network.ask(*requests, clients=aws.clients)
    assert fine == ImageConfig(("/good",))
    assert isinstance(refused, Unavailable)
    assert "SECRET" not in refused.reason.fact + refused.reason.advice
    return refused


@pytest.mark.parametrize(
    ("code", "fact", "advice"),
    [
        (
            "AccessDeniedException",
            f"Amazon ECR returned AccessDeniedException for {ARN}",
            f"ecr:BatchGetImage on {ARN}",
        ),
        ("RepositoryNotFoundException", f"account {ACCOUNT} has no repository team/app in eu-west-1", "pull through"),
        ("UnableToGetUpstreamImageException", "UnableToGetUpstreamImageException", "ecr:BatchImportUpstreamImage"),
        ("ServerException", "Amazon ECR in eu-west-1 returned ServerException", "Try again"),
        ("UnrecognizedClientException", "could not be called without valid AWS credentials", "AWS_PROFILE"),
        ("Weird code!", "returned an error", "Try again"),
    ],
    ids=[
        "access denied",
        "no such repository",
        "pull through cache",
        "server error",
        "invalid credentials",
        "code that is not alphanumeric",
    ],
)
def test_refusals(network: Network, code: str, fact: str, advice: str) -> None:
    aws = Stubbed()
    aws.stub("ecr", "eu-west-1").add_client_error("batch_get_image", code, "SECRET text of AWS's")
    refused = refused_by(network, aws)
    assert fact in refused.reason.fact
    assert advice in refused.reason.advice


def test_a_denied_layer_names_its_own_permission(network: Network) -> None:
    store, aws = Store(), Stubbed()
    store.image("1")
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", images_of(store, "1"), asks("1"))
    ecr.add_client_error("get_download_url_for_layer", "AccessDeniedException")
    advice = refused_by(network, aws).reason.advice
    assert f"ecr:GetDownloadUrlForLayer on {ARN}" in advice
    assert "its repository policy" in advice


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("ImageNotFound", f"Amazon ECR reported for repository {ARN}: the image does not exist"),
        ("UpstreamAccessDenied", "the upstream registry of the pull through cache denied access"),
        ("UpstreamUnavailable", "the upstream registry of the pull through cache is not responding"),
        ("KmsError", "the repository's encryption key cannot be used"),
    ],
    ids=["ImageNotFound", "UpstreamAccessDenied", "UpstreamUnavailable", "KmsError"],
)
def test_failures_of_one_image(network: Network, code: str, fact: str) -> None:
    aws = Stubbed()
    aws.stub("ecr", "eu-west-1").add_response("batch_get_image", images_of(Store(), failures={"1": code}), asks("1"))
    refused = refused_by(network, aws)
    assert fact in refused.reason.fact
    assert ("ecr:BatchImportUpstreamImage" in refused.reason.advice) == (code != "KmsError")


@pytest.mark.parametrize("error", [NoCredentialsError(), EndpointConnectionError(endpoint_url="https://SECRET")])
def test_what_botocore_raises(network: Network, error: Exception) -> None:
    class Failing:
        def client(self, *_: object, **__: object) -> Anything:
            raise error

    aws = AwsClients(Failing)
    refused = network.ask_image(f"{HOST}/team/app:1", clients=aws)
    assert isinstance(refused, Unavailable)
    assert type(error).__name__ in refused.reason.fact
    assert "SECRET" not in refused.reason.fact


def test_a_hundred_images_in_a_call(network: Network) -> None:
    store, aws = Store(), Stubbed()
    for number in range(150):
        store.image(f"v{number}", entrypoint=["/same"])
    tags = [f"v{number}" for number in range(150)]
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", images_of(store, *tags[:100]), asks(*tags[:100]))
    ecr.add_response("batch_get_image", images_of(store, *tags[100:]), asks(*tags[100:]))
    ecr.client.get_download_url_for_layer = lambda **wanted: url_of(wanted["layerDigest"])
    serve_layers(network, store)
    found = network.ask(*(ImageLookup(f"{HOST}/team/app:{tag}") for tag in tags), clients=aws.clients)
    assert found == [ImageConfig(("/same",))] * 150
    aws.done()


@pytest.fixture
def moto_ecr() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("ecr", region_name="eu-west-1")


def test_manifests_of_moto(network: Network, moto_ecr: Anything) -> None:
    """By tag and by digest, and what moto says of images and repositories that are not there."""
    store = Store()
    digest = store.image("1", entrypoint=["/moto"])
    moto_ecr.create_repository(repositoryName="team/app")
    media_type, body = store.manifests["1"]
    put = {"repositoryName": "team/app", "imageManifest": body.decode(), "imageManifestMediaType": media_type}
    moto_ecr.put_image(**put, imageTag="1", imageDigest=digest)
    serve_layers(network, store)
    clients = AwsClients()
    # moto has no GetDownloadUrlForLayer.
    clients.client("ecr", "eu-west-1").get_download_url_for_layer = lambda **wanted: url_of(wanted["layerDigest"])
    names = ["team/app:1", f"team/app@{digest}", "team/app:gone", "team/gone:1"]
    by_tag, by_digest, gone, nowhere = network.ask(*(ImageLookup(f"{HOST}/{name}") for name in names), clients=clients)
    assert by_tag == by_digest == ImageConfig(("/moto",))
    assert isinstance(gone, Unavailable)
    assert "the image does not exist" in gone.reason.fact
    assert isinstance(nowhere, Unavailable)
    assert f"account {ACCOUNT} has no repository team/gone in eu-west-1" in nowhere.reason.fact
