"""Amazon ECR's private registries, through its own API: IAM is the credential, and no docker login is needed.

BatchGetImage gives manifests (100 at most in a call), GetDownloadUrlForLayer gives a signed Amazon S3 URL of the config
blob, which is fetched without any credentials of ours. Both are what a docker pull does behind the scenes, and what
``ecr:BatchGetImage`` and ``ecr:GetDownloadUrlForLayer`` allow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from sysdig_instrument.registry import aws, urls
from sysdig_instrument.registry.aws import AwsClients, AwsError
from sysdig_instrument.registry.errors import HttpError
from sysdig_instrument.registry.http import Http, Request
from sysdig_instrument.registry.manifest import ACCEPTED, Document
from sysdig_instrument.registry.urls import Reach
from sysdig_instrument.values import dataclass, field

if TYPE_CHECKING:
    from sysdig_instrument.registry.reference import Reference

MOST_IMAGES: Final = 100
"""Image ids in a call of BatchGetImage (API reference, imageIds)."""

_OK: Final = 200

# docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html, and the DNS suffixes of the other partitions.
_AWS_SUFFIXES: Final = (
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "sc2s.sgov.gov",
    "c2s.ic.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
)
_DUAL_STACK_SUFFIXES: Final = ("on.aws", "on.amazonwebservices.com.cn")
_HOST: Final = re.compile(
    r"(?P<account>[0-9]{12})\.dkr(?:\.ecr|-ecr)(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\."
    rf"(?:{'|'.join(map(re.escape, _AWS_SUFFIXES + _DUAL_STACK_SUFFIXES))})"
)
_FAILURES: Final = {
    "ImageNotFound": "it has no such image",
    "ImageInaccessible": "the image is there, but cannot be read",
    "InvalidImageDigest": "the digest is not valid",
    "InvalidImageTag": "the tag is not valid",
    "KmsError": "the key that the repository is encrypted with cannot be used",
    "UpstreamAccessDenied": "the registry behind the pull through cache refused",
    "UpstreamTooManyRequests": "the registry behind the pull through cache is asked too often",
    "UpstreamUnavailable": "the registry behind the pull through cache does not answer",
}
"""BatchGetImage's failure codes in words."""

_CACHE_ADVICE: Final = (
    "a pull through cache is filled at the first pull by tag: that also takes ecr:BatchImportUpstreamImage, and "
    "ecr:CreateRepository for the first image of a repository"
)


@dataclass(frozen=True, slots=True)
class EcrRepository:
    """Where a private repository is."""

    account: str
    region: str
    name: str
    fips: bool

    @classmethod
    def of(cls, reference: Reference) -> EcrRepository | None:
        """The repository of a reference; None if its registry is not a private one of Amazon ECR's."""
        host = _HOST.fullmatch(reference.registry)
        return host and cls(host["account"], host["region"], reference.repository, bool(host["fips"]))

    @property
    def arn(self) -> str:
        """Its Amazon Resource Name, for messages."""
        return f"arn:{aws.partition(self.region)}:ecr:{self.region}:{self.account}:repository/{self.name}"


@dataclass(slots=True)
class EcrImages:
    """The images of one private repository; ``fetch`` gets many manifests in one call, the rest come as needed."""

    repository: EcrRepository
    clients: AwsClients
    http: Http
    _documents: dict[str, Document | str] = field(default_factory=dict)  # a failure code where there is none

    def fetch(self, selectors: Iterable[str]) -> None:
        """Read manifests by tag or digest, 100 at a time; what ECR says of each is told by ``document``.

        Raises:
            HttpError: The repository as a whole cannot be read.
        """
        missing = list(dict.fromkeys(selector for selector in selectors if selector not in self._documents))
        for start in range(0, len(missing), MOST_IMAGES):
            self._batch(missing[start : start + MOST_IMAGES])

    def document(self, selector: str) -> Document:
        """See :class:`~sysdig_instrument.registry.image.Repository`."""
        self.fetch([selector])
        found = self._documents[selector]
        if isinstance(found, Document):
            return found
        advice = (
            f"Check that the image is there; {_CACHE_ADVICE}" if "Upstream" in found or found == "ImageNotFound" else ""
        )
        raise HttpError(
            f"of repository {self.repository.arn}, Amazon ECR says that {_FAILURES.get(found, found)}", advice
        )

    def blob(self, digest: str, limit: int) -> bytes:
        """See :class:`~sysdig_instrument.registry.image.Repository`."""
        answer = self._call(
            "get_download_url_for_layer",
            "ecr:GetDownloadUrlForLayer",
            layerDigest=digest,
        )
        url = urls.parse(str(answer["downloadUrl"]))
        # A VPC endpoint gives S3's names private addresses. The URL is AWS's word, and the certificate has to be, too.
        of_aws = url.scheme == "https" and url.host.endswith(tuple(f".{suffix}" for suffix in _AWS_SUFFIXES))
        reach = Reach(frozenset({url.origin})) if of_aws else urls.PUBLIC
        response, _ = self.http.send(Request(url, limit, reach))
        if response.status != _OK:
            raise HttpError(
                f"Amazon S3, where Amazon ECR keeps its configuration, refused it (status {response.status})"
            )
        return response.body

    def _batch(self, selectors: list[str]) -> None:
        answer = self._call(
            "batch_get_image",
            "ecr:BatchGetImage",
            imageIds=[{"imageDigest" if ":" in selector else "imageTag": selector} for selector in selectors],
            acceptedMediaTypes=list(ACCEPTED),
        )
        told: dict[str, Document | str] = {}
        for failure in answer.get("failures", []):
            image = failure.get("imageId", {})
            told[image.get("imageTag") or image.get("imageDigest")] = str(failure.get("failureCode"))
        for image in answer.get("images", []):
            document = Document(image["imageManifest"].encode(), image.get("imageManifestMediaType", ""))
            told.update((name, document) for name in image["imageId"].values())
        for selector in selectors:
            self._documents[selector] = told.get(selector, "ImageNotFound")

    def _call(self, operation: str, permission: str, **parameters: object) -> dict[str, Any]:
        where = self.repository
        try:
            client = self.clients.client("ecr", where.region, fips=where.fips)
            return aws.call(
                getattr(client, operation), registryId=where.account, repositoryName=where.name, **parameters
            )
        except AwsError as error:
            raise HttpError(self._fact(error), self._advice(error, permission)) from None

    def _fact(self, error: AwsError) -> str:
        where = self.repository
        if error.code == "RepositoryNotFoundException":
            return f"account {where.account} has no repository {where.name} in {where.region}"
        if error.denied:
            return f"{error.fact('Amazon ECR')} for {where.arn}"
        return error.fact(f"Amazon ECR in {where.region}")

    def _advice(self, error: AwsError, permission: str) -> str:
        where = self.repository
        if error.denied:
            return (
                f"{error.advice(permission, where.arn)}; if that is another account's, its repository policy has to "
                "allow it, too"
            )
        if error.code == "RepositoryNotFoundException" or "Upstream" in error.code:
            return f"Check the repository's name and its rule, if it has one; {_CACHE_ADVICE}"
        return error.advice(permission, where.arn)
