"""Amazon ECR's private registries, through its own API: IAM is the credential, and no docker login is needed.

BatchGetImage returns manifests (up to 100 per call). GetDownloadUrlForLayer returns a signed Amazon S3 URL of the
config blob, which is fetched without our credentials. ``docker pull`` causes the same calls, which require
``ecr:BatchGetImage`` and ``ecr:GetDownloadUrlForLayer``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from sysdig_instrument.engine.ecr import EcrRepository
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.partitions import DNS_SUFFIXES
from sysdig_instrument.engine.paste import Paste, PasteInto, paste
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.lookup import aws, egress
from sysdig_instrument.lookup.aws import AwsClients, AwsError
from sysdig_instrument.lookup.egress import EgressPolicy
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.http import HttpClient, HttpRequest
from sysdig_instrument.lookup.oci import ACCEPTED_MEDIA_TYPES, RawManifest

if TYPE_CHECKING:
    pass

MAX_IMAGES_PER_CALL: Final = 100
"""Limit of image IDs per call of BatchGetImage (API reference, imageIds)."""

_OK: Final = 200

_FAILURE_MESSAGES: Final = {
    "ImageNotFound": "the image does not exist",
    "ImageInaccessible": "the image exists but cannot be read",
    "InvalidImageDigest": "the digest is not valid",
    "InvalidImageTag": "the tag is not valid",
    "KmsError": "the repository's encryption key cannot be used",
    "UpstreamAccessDenied": "the upstream registry of the pull through cache denied access",
    "UpstreamTooManyRequests": "the upstream registry of the pull through cache received too many requests",
    "UpstreamUnavailable": "the upstream registry of the pull through cache is not responding",
}
"""Messages for BatchGetImage's failure codes."""

_NOT_IN_RESPONSE: Final = "NotInResponse"
"""In place of a failure code: the response has an image neither in ``images`` nor in ``failures``."""

_PULL_THROUGH_ADVICE: Final = (
    "a pull through cache is filled by the first pull by tag, which also requires ecr:BatchImportUpstreamImage, and "
    "ecr:CreateRepository for the first image of a repository"
)


@dataclass(slots=True)
class EcrRepositoryClient:
    """Reads one private repository; ``prefetch_manifests`` fetches many manifests per call."""

    repository: EcrRepository
    clients: AwsClients
    http: HttpClient
    _manifests_or_failures: dict[str, RawManifest | str] = field(
        default_factory=dict
    )  # a failure code where there is none

    def prefetch_manifests(self, tags_or_digests: Iterable[str]) -> None:
        """Fetch manifests by tag or digest, 100 per call; ``fetch_manifest`` reports the failure of a single one.

        Raises:
            HttpError: The repository as a whole cannot be read.
        """
        missing = list(
            dict.fromkeys(
                tag_or_digest for tag_or_digest in tags_or_digests if tag_or_digest not in self._manifests_or_failures
            )
        )
        for start in range(0, len(missing), MAX_IMAGES_PER_CALL):
            self._fetch_batch(missing[start : start + MAX_IMAGES_PER_CALL])

    def fetch_manifest(self, tag_or_digest: str) -> RawManifest:
        """See :class:`~sysdig_instrument.lookup.images.Repository`."""
        self.prefetch_manifests([tag_or_digest])
        result = self._manifests_or_failures[tag_or_digest]
        if isinstance(result, RawManifest):
            self.http.body_limits.acquire(len(result.body))  # the caller parses it
            return result
        if result == _NOT_IN_RESPONSE:
            raise HttpError(
                f"Amazon ECR in {self.repository.region} returned neither the image nor a reason why there is none",
                AwsError(aws.INVALID_RESPONSE).advice("ecr:BatchGetImage", self.repository.arn),
            )
        advice = (
            f"Check that the image exists; {_PULL_THROUGH_ADVICE}"
            if "Upstream" in result or result == "ImageNotFound"
            else ""
        )
        raise HttpError(
            f"Amazon ECR reported for repository {self.repository.arn}: {_FAILURE_MESSAGES.get(result, result)}", advice
        )

    def fetch_blob(self, digest: str, max_bytes: int) -> bytes:
        """See :class:`~sysdig_instrument.lookup.images.Repository`."""
        download = self._call(
            "get_download_url_for_layer",
            "ecr:GetDownloadUrlForLayer",
            layerDigest=digest,
        )
        download_url = download.get("downloadUrl")
        if not isinstance(download_url, str):
            raise self._http_error(AwsError(aws.INVALID_RESPONSE), "ecr:GetDownloadUrlForLayer")
        url = egress.parse_url(download_url)
        # A VPC endpoint gives S3 host names private addresses. AWS sent the URL, and TLS proves that the host is AWS's.
        is_aws_url = url.scheme == "https" and url.host.endswith(tuple(f".{suffix}" for suffix in DNS_SUFFIXES))
        egress_policy = EgressPolicy(frozenset({url.origin})) if is_aws_url else egress.PUBLIC_ONLY
        response, _ = self.http.send(HttpRequest(url, max_bytes, egress_policy))
        if response.status != _OK:
            raise HttpError(
                f"Amazon S3, where Amazon ECR stores its configuration, refused the request (status {response.status})"
            )
        return response.body

    def _fetch_batch(self, tags_or_digests: list[str]) -> None:
        response = self._call(
            "batch_get_image",
            "ecr:BatchGetImage",
            imageIds=[
                {"imageDigest" if ":" in tag_or_digest else "imageTag": tag_or_digest}
                for tag_or_digest in tags_or_digests
            ],
            acceptedMediaTypes=list(ACCEPTED_MEDIA_TYPES),
        )
        results = _parse_failures(response) | _parse_images(response)
        for body in {
            id(result): result.body for result in results.values() if isinstance(result, RawManifest)
        }.values():
            self.http.body_limits.count_manifest(body)
        for tag_or_digest in tags_or_digests:
            self._manifests_or_failures[tag_or_digest] = results.get(tag_or_digest, _NOT_IN_RESPONSE)

    def _call(self, operation: str, permission: str, **parameters: object) -> dict[str, Any]:
        repository = self.repository
        try:
            client = self.clients.client("ecr", repository.region, fips=repository.fips)
            return aws.call(
                getattr(client, operation), registryId=repository.account, repositoryName=repository.name, **parameters
            )
        except AwsError as error:
            raise self._http_error(error, permission) from None

    def _http_error(self, error: AwsError, permission: str) -> HttpError:
        is_permission = error.is_access_denied or error.is_about_credentials
        to_paste = _permission_to_read(self.repository) if is_permission else ()
        return HttpError(self._fact(error), self._advice(error, permission), paste=to_paste)

    def _fact(self, error: AwsError) -> str:
        repository = self.repository
        if error.code == "RepositoryNotFoundException":
            return f"account {repository.account} has no repository {repository.name} in {repository.region}"
        if error.is_access_denied:
            return f"{error.fact('Amazon ECR')} for {repository.arn}"
        return error.fact(f"Amazon ECR in {repository.region}")

    def _advice(self, error: AwsError, permission: str) -> str:
        repository = self.repository
        if error.is_access_denied:
            return (
                f"{error.advice(permission, repository.arn)}; if the repository belongs to another account, its "
                "repository policy must allow it, too"
            )
        if error.code == "RepositoryNotFoundException" or "Upstream" in error.code:
            return f"Check the repository's name and its pull through cache rule, if any; {_PULL_THROUGH_ADVICE}"
        return error.advice(permission, repository.arn)


def _permission_to_read(repository: EcrRepository) -> tuple[Paste, ...]:
    actions: Json = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    return paste(PasteInto.POLICY, {"Effect": "Allow", "Action": actions, "Resource": repository.arn})


def _parse_failures(response: dict[str, Any]) -> dict[str, RawManifest | str]:
    """Return the failure codes in a response to BatchGetImage, by tag and by digest."""
    return {
        tag_or_digest: code
        for failure in aws.objects_in(response, "failures")
        if isinstance(code := failure.get("failureCode"), str) and code.isascii() and code.isalnum()
        for tag_or_digest in _image_ids(failure)[-1:]
    }


def _parse_images(response: dict[str, Any]) -> dict[str, RawManifest | str]:
    """Return the manifests in a response to BatchGetImage, by tag and by digest."""
    manifests: dict[str, RawManifest | str] = {}
    for image in aws.objects_in(response, "images"):
        body, media_type = image.get("imageManifest"), image.get("imageManifestMediaType")
        if isinstance(body, str):
            # JSON can contain lone surrogates. They make the manifest invalid, which is reported when it is parsed.
            encoded = body.encode("utf-8", "surrogatepass")
            raw_manifest = RawManifest(encoded, media_type if isinstance(media_type, str) else "")
            manifests |= dict.fromkeys(_image_ids(image), raw_manifest)
    return manifests


def _image_ids(image_or_failure: dict[str, Any]) -> list[str]:
    """Return the digest and the tag in an ``imageId``, the tag last; each only if it is there."""
    image_id = image_or_failure.get("imageId")
    ids = [image_id.get("imageDigest"), image_id.get("imageTag")] if isinstance(image_id, dict) else []
    return [each for each in ids if isinstance(each, str) and each]
