"""Amazon ECR: against moto where moto behaves like it, and against botocore's stubber for the rest."""

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
from sysdig_instrument.engine.ecr import EcrRepository
from sysdig_instrument.engine.image_reference import parse_reference
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lookup.aws import AwsClients
from sysdig_instrument.lookup.egress import SocketAddress
from sysdig_instrument.lookup.oci import ACCEPTED_MEDIA_TYPES

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


class StubbedSession:
    """A session whose clients are stubs, and the configs that the clients were created with."""

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

    def assert_all_called(self) -> None:
        for stub in self.stubs.values():
            stub.assert_no_pending_responses()


def batch_get_image_response(store: Store, *selectors: str, failures: dict[str, str] | None = None) -> dict[str, Any]:
    """Return a response to BatchGetImage. The image ID of a tag also has the digest."""
    images = []
    for selector in selectors:
        media_type, body = store.manifests[selector]
        digest = next(name for name, value in store.manifests.items() if value[1] == body and ":" in name)
        ids = {"imageDigest": digest} | ({} if ":" in selector else {"imageTag": selector})
        images.append({"imageId": ids, "imageManifest": body.decode(), "imageManifestMediaType": media_type})
    missing = [{"imageId": {"imageTag": tag}, "failureCode": code} for tag, code in (failures or {}).items()]
    return {"images": images, "failures": missing}


def batch_get_image_parameters(*selectors: str) -> dict[str, Any]:
    ids = [{"imageDigest" if ":" in selector else "imageTag": selector} for selector in selectors]
    return {
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "imageIds": ids,
        "acceptedMediaTypes": list(ACCEPTED_MEDIA_TYPES),
    }


def download_url_response(digest: str) -> dict[str, str]:
    return {"downloadUrl": f"https://{BUCKET}/{digest}?X-Amz-Signature=SECRET", "layerDigest": digest}


def serve_layers(network: Network, store: Store) -> Site:
    return network.site(BUCKET, lambda call: Reply(body=store.blobs[call.path[1:]]))


def test_an_index_its_manifest_and_its_config(network: Network) -> None:
    store, aws = Store(), StubbedSession()
    store.multi_platform_image("1")
    ecr = aws.stub("ecr", "eu-west-1")
    arm64 = next(d for d, (_, body) in store.manifests.items() if ":" in d and _entry_point(store, body) == "/arm64")
    amd64 = next(d for d, (_, body) in store.manifests.items() if ":" in d and _entry_point(store, body) == "/amd64")
    ecr.add_response("batch_get_image", batch_get_image_response(store, "1"), batch_get_image_parameters("1"))
    ecr.add_response(
        "batch_get_image", batch_get_image_response(store, amd64, arm64), batch_get_image_parameters(amd64, arm64)
    )
    # Which of the two asks first is not said, and the stubber is strict about that.
    ecr.client.get_download_url_for_layer = lambda **wanted: download_url_response(wanted["layerDigest"])
    bucket = serve_layers(network, store)
    found = network.look_up(
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


def look_up_one_image(network: Network, aws: StubbedSession, host: str = HOST, region: str = "eu-west-1") -> Answer:
    """Look up one existing image; its config comes from the URL that ECR returns."""
    store = Store()
    store.image("1", entrypoint=["/ecr"], cmd=["x"])
    ecr = aws.stub("ecr", region)
    ecr.add_response("batch_get_image", batch_get_image_response(store, "1"), batch_get_image_parameters("1"))
    config = next(digest for digest, body in store.blobs.items() if b"Entrypoint" in body)
    ecr.add_response("get_download_url_for_layer", download_url_response(config), _layer() | {"layerDigest": config})
    serve_layers(network, store)
    answer = network.look_up_image(f"{host}/team/app:1", clients=aws.clients)
    aws.assert_all_called()
    return answer


def test_fips_registries_use_fips_endpoints(network: Network) -> None:
    aws = StubbedSession()
    found = look_up_one_image(network, aws, f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1")
    assert found == ImageConfig(("/ecr",), ("x",))
    assert [config.use_fips_endpoint for config in aws.configs] == [True]


def test_s3_may_resolve_to_a_private_vpc_endpoint(network: Network) -> None:
    resolve = network.resolve

    def endpoint(host: str, port: int) -> list[SocketAddress]:
        found = resolve(host, port)
        network._site_by_address["10.0.0.7"] = network.sites[BUCKET]
        return [("10.0.0.7", port)] if found else found

    store, aws = Store(), StubbedSession()
    store.image("1", entrypoint=["/ecr"])
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", batch_get_image_response(store, "1"), batch_get_image_parameters("1"))
    config = next(digest for digest, body in store.blobs.items() if b"Entrypoint" in body)
    ecr.add_response("get_download_url_for_layer", download_url_response(config), _layer())
    serve_layers(network, store)
    assert network.look_up_image(f"{HOST}/team/app:1", clients=aws.clients, resolve=endpoint) == ImageConfig(("/ecr",))
    assert network.connected_addresses == [("10.0.0.7", 443)]


@pytest.mark.parametrize(
    "url", ["https://inner.example/x", "http://prod.s3.amazonaws.com/x", "https://evilamazonaws.com/x", "nonsense"]
)
def test_layer_urls_outside_aws_get_no_exception(network: Network, url: str) -> None:
    store, aws = Store(), StubbedSession()
    store.image("1", entrypoint=["/ecr"])
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", batch_get_image_response(store, "1"), batch_get_image_parameters("1"))
    ecr.add_response("get_download_url_for_layer", {"downloadUrl": url}, _layer())
    for name in ("inner.example", "prod.s3.amazonaws.com", "evilamazonaws.com"):
        network.names[name] = ["10.0.0.1"]
    assert isinstance(network.look_up_image(f"{HOST}/team/app:1", clients=aws.clients), Unavailable)
    assert network.connected_addresses == []


def test_a_refusal_by_s3_is_reported_without_its_text(network: Network) -> None:
    store, aws = Store(), StubbedSession()
    store.image("1", entrypoint=["/ecr"])
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", batch_get_image_response(store, "1"), batch_get_image_parameters("1"))
    ecr.add_response("get_download_url_for_layer", download_url_response("x"), _layer())
    network.site(BUCKET, lambda _: Reply(403, b"<Error>SECRET</Error>"))
    refused = network.look_up_image(f"{HOST}/team/app:1", clients=aws.clients)
    assert isinstance(refused, Unavailable)
    assert (
        "Amazon S3, where Amazon ECR stores its configuration, refused the request (status 403)" in refused.reason.fact
    )
    assert "SECRET" not in refused.reason.fact + refused.reason.advice


def refused_answer(network: Network, aws: StubbedSession) -> Unavailable:
    """Return the answer for an ECR image that is refused; an image of another registry is still read."""
    good = FakeRegistry()
    good["app"].image("1", entrypoint=["/good"])
    network.site("good.example", good)
    requests = ImageLookup(f"{HOST}/team/app:1"), ImageLookup("good.example/app:1")
    refused, fine = network.look_up(*requests, clients=aws.clients)
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
def test_service_errors(network: Network, code: str, fact: str, advice: str) -> None:
    aws = StubbedSession()
    aws.stub("ecr", "eu-west-1").add_client_error("batch_get_image", code, "SECRET text of AWS's")
    refused = refused_answer(network, aws)
    assert fact in refused.reason.fact
    assert advice in refused.reason.advice


def test_a_denied_layer_names_its_own_permission(network: Network) -> None:
    store, aws = Store(), StubbedSession()
    store.image("1")
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", batch_get_image_response(store, "1"), batch_get_image_parameters("1"))
    ecr.add_client_error("get_download_url_for_layer", "AccessDeniedException")
    advice = refused_answer(network, aws).reason.advice
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
    aws = StubbedSession()
    aws.stub("ecr", "eu-west-1").add_response(
        "batch_get_image", batch_get_image_response(Store(), failures={"1": code}), batch_get_image_parameters("1")
    )
    refused = refused_answer(network, aws)
    assert fact in refused.reason.fact
    assert ("ecr:BatchImportUpstreamImage" in refused.reason.advice) == (code != "KmsError")


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"message": "<html>"},
        {"images": [], "failures": []},
        {"images": "x", "failures": 5},
        {"images": [None, {}, {"imageId": 5, "imageManifest": "{}"}]},
        {"images": [{"imageId": {"imageTag": "1"}}]},
        {"images": [{"imageId": {"imageTag": "1"}, "imageManifest": 5}]},
        {"images": [{"imageId": {"imageTag": "2"}, "imageManifest": "{}"}]},
        {"images": [{"imageId": {"imageTag": ["1"]}, "imageManifest": "{}"}]},
        {"failures": [None, {"imageId": {"imageTag": "1"}}]},
        {"failures": [{"failureCode": "ImageNotFound"}]},
        {"failures": [{"imageId": {"imageTag": "2"}, "failureCode": "ImageNotFound"}]},
        {"failures": [{"imageId": {"imageTag": "1"}, "failureCode": "SECRET text"}]},
    ],
    ids=[
        "empty",
        "not-json",
        "neither",
        "wrong-types",
        "malformed-images",
        "no-manifest",
        "manifest-as-number",
        "another-image",
        "tag-as-array",
        "no-code",
        "failure-of-no-image",
        "failure-of-another-image",
        "code-that-is-a-text",
    ],
)
def test_a_response_without_the_image_does_not_say_that_it_is_missing(network: Network, response: Anything) -> None:
    aws = StubbedSession()
    aws.stub("ecr", "eu-west-1").client.batch_get_image = lambda **_: response
    refused = refused_answer(network, aws)
    assert "Amazon ECR in eu-west-1 returned neither the image nor a reason why there is none" in refused.reason.fact
    assert "Try again" in refused.reason.advice


@pytest.mark.parametrize("response", [[], None], ids=["array", "null"])
def test_a_response_that_is_not_an_object(network: Network, response: Anything) -> None:
    aws = StubbedSession()
    aws.stub("ecr", "eu-west-1").client.batch_get_image = lambda **_: response
    assert "Amazon ECR in eu-west-1 returned an invalid response" in refused_answer(network, aws).reason.fact


def test_manifests_of_ecr_count_too(network: Network) -> None:
    """One manifest under its tag and its digest counts once."""
    aws = StubbedSession()
    images = [
        {"imageId": {"imageTag": f"{number}", "imageDigest": f"sha256:{number}"}, "imageManifest": " " * (3 << 20)}
        for number in range(6)
    ]
    client = aws.stub("ecr", "eu-west-1").client
    client.batch_get_image = lambda **_: {"images": images[:5]}
    assert "its manifest is not a JSON object" in refused_answer(network, aws).reason.fact
    client.batch_get_image = lambda **_: {"images": images}
    assert "the manifests of all images together exceed the limit of 16 MiB" in refused_answer(network, aws).reason.fact


def test_a_manifest_with_a_lone_surrogate(network: Network) -> None:
    aws = StubbedSession()
    image = {"imageId": {"imageTag": "1"}, "imageManifest": "\ud800", "imageManifestMediaType": 5}
    aws.stub("ecr", "eu-west-1").client.batch_get_image = lambda **_: {"images": [image]}
    assert "its manifest is not a JSON object" in refused_answer(network, aws).reason.fact


@pytest.mark.parametrize("response", [{}, {"downloadUrl": 5}], ids=["no-url", "url-as-number"])
def test_a_response_without_a_download_url(network: Network, response: Anything) -> None:
    store, aws = Store(), StubbedSession()
    store.image("1")
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response("batch_get_image", batch_get_image_response(store, "1"), batch_get_image_parameters("1"))
    ecr.client.get_download_url_for_layer = lambda **_: response
    assert "Amazon ECR in eu-west-1 returned an invalid response" in refused_answer(network, aws).reason.fact


@pytest.mark.parametrize("error", [NoCredentialsError(), EndpointConnectionError(endpoint_url="https://SECRET")])
def test_exceptions_of_botocore_are_reported(network: Network, error: Exception) -> None:
    class Failing:
        def client(self, *_: object, **__: object) -> Anything:
            raise error

    aws = AwsClients(Failing)
    refused = network.look_up_image(f"{HOST}/team/app:1", clients=aws)
    assert isinstance(refused, Unavailable)
    assert type(error).__name__ in refused.reason.fact
    assert "SECRET" not in refused.reason.fact


def test_a_hundred_images_in_a_call(network: Network) -> None:
    store, aws = Store(), StubbedSession()
    for number in range(150):
        store.image(f"v{number}", entrypoint=["/same"])
    tags = [f"v{number}" for number in range(150)]
    ecr = aws.stub("ecr", "eu-west-1")
    ecr.add_response(
        "batch_get_image", batch_get_image_response(store, *tags[:100]), batch_get_image_parameters(*tags[:100])
    )
    ecr.add_response(
        "batch_get_image", batch_get_image_response(store, *tags[100:]), batch_get_image_parameters(*tags[100:])
    )
    ecr.client.get_download_url_for_layer = lambda **wanted: download_url_response(wanted["layerDigest"])
    serve_layers(network, store)
    found = network.look_up(*(ImageLookup(f"{HOST}/team/app:{tag}") for tag in tags), clients=aws.clients)
    assert found == [ImageConfig(("/same",))] * 150
    aws.assert_all_called()


@pytest.fixture
def moto_ecr() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("ecr", region_name="eu-west-1")


def test_manifests_by_tag_and_by_digest(network: Network, moto_ecr: Anything) -> None:
    """Missing images and repositories are reported, too."""
    store = Store()
    digest = store.image("1", entrypoint=["/moto"])
    moto_ecr.create_repository(repositoryName="team/app")
    media_type, body = store.manifests["1"]
    put = {"repositoryName": "team/app", "imageManifest": body.decode(), "imageManifestMediaType": media_type}
    moto_ecr.put_image(**put, imageTag="1", imageDigest=digest)
    serve_layers(network, store)
    clients = AwsClients()
    # moto has no GetDownloadUrlForLayer.
    clients.client("ecr", "eu-west-1").get_download_url_for_layer = lambda **wanted: download_url_response(
        wanted["layerDigest"]
    )
    names = ["team/app:1", f"team/app@{digest}", "team/app:gone", "team/gone:1"]
    by_tag, by_digest, gone, nowhere = network.look_up(
        *(ImageLookup(f"{HOST}/{name}") for name in names), clients=clients
    )
    assert by_tag == by_digest == ImageConfig(("/moto",))
    assert isinstance(gone, Unavailable)
    assert "the image does not exist" in gone.reason.fact
    assert isinstance(nowhere, Unavailable)
    assert f"account {ACCOUNT} has no repository team/gone in eu-west-1" in nowhere.reason.fact
