"""A repository at a registry that implements the OCI distribution specification."""

from __future__ import annotations

import json
from typing import Final

from sysdig_instrument.engine.image_reference import DOCKER_HUB
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.lookup import oci
from sysdig_instrument.lookup.auth import CredentialProvider, PullScope, RegistryAuth
from sysdig_instrument.lookup.egress import PUBLIC_ONLY, EgressPolicy
from sysdig_instrument.lookup.errors import CREDENTIALS_ADVICE, HttpError
from sysdig_instrument.lookup.http import HttpRequest, HttpResponse
from sysdig_instrument.lookup.oci import ACCEPTED_MEDIA_TYPES, MAX_MANIFEST_BYTES, RawManifest
from sysdig_instrument.lookup.workers import BodyLimits

_DOCKER_HUB_HOST: Final = "registry-1.docker.io"
_OK: Final = 200

# The distribution spec's "Error Codes" that a pull may return, and two that registries commonly add.
_ERROR_CODES: Final = frozenset(
    {
        "BLOB_UNKNOWN",
        "DENIED",
        "MANIFEST_INVALID",
        "MANIFEST_UNKNOWN",
        "NAME_INVALID",
        "NAME_UNKNOWN",
        "TAG_INVALID",
        "TOOMANYREQUESTS",
        "UNAUTHORIZED",
        "UNAVAILABLE",
        "UNKNOWN",
        "UNSUPPORTED",
    }
)
_NOT_FOUND: Final = 404
_SERVER_ERRORS: Final = 500
_TRY_AGAIN: Final = "Try again; if the error persists, check the registry's health"
_ADVICE_BY_STATUS: Final = {
    401: CREDENTIALS_ADVICE,
    403: "Allow these credentials, or anonymous users, to pull it",
    404: CREDENTIALS_ADVICE,  # registries also send it to hide that a private image exists
    500: _TRY_AGAIN,
    502: _TRY_AGAIN,
    503: _TRY_AGAIN,
    504: _TRY_AGAIN,
    429: "Wait, or set RegistryCredentials: registries allow authenticated users more requests",
}


@dataclass(slots=True)
class DistributionRepository:
    """One repository, read with one set of credentials. ``egress_policy`` applies if the registry is internal."""

    registry_auth: RegistryAuth
    pull_scope: PullScope
    credentials: CredentialProvider
    egress_policy: EgressPolicy
    body_limits: BodyLimits
    _raw_manifests: dict[str, RawManifest] = field(default_factory=dict)

    def fetch_manifest(self, tag_or_digest: str) -> RawManifest:
        """See :class:`~sysdig_instrument.lookup.images.Repository`. Each document is fetched once."""
        if tag_or_digest not in self._raw_manifests:
            response = self._get(f"manifests/{tag_or_digest}", MAX_MANIFEST_BYTES, ", ".join(ACCEPTED_MEDIA_TYPES))
            if header_digest := response.header("Docker-Content-Digest"):
                oci.verify_content(response.body, header_digest)
            self.body_limits.count_manifest(response.body)
            media_type = response.header("Content-Type").partition(";")[0].strip().lower()
            self._raw_manifests[tag_or_digest] = RawManifest(response.body, media_type)
        return self._raw_manifests[tag_or_digest]

    def fetch_blob(self, digest: str, max_bytes: int) -> bytes:
        """See :class:`~sysdig_instrument.lookup.images.Repository`."""
        return self._get(f"blobs/{digest}", max_bytes, "*/*").body

    def _get(self, path: str, max_bytes: int, accept: str) -> HttpResponse:
        host = _DOCKER_HUB_HOST if self.pull_scope.registry == DOCKER_HUB else self.pull_scope.registry
        url = self.egress_policy.registry_url(host, f"/v2/{self.pull_scope.repository}/{path}")
        # A public registry must not redirect to an internal host, whatever the settings allow internal registries.
        egress_policy = self.egress_policy if self.egress_policy.is_internal(url) else PUBLIC_ONLY
        request = HttpRequest(url, max_bytes, egress_policy, {"Accept": accept})
        response, note = self.registry_auth.send(request, self.pull_scope, self.credentials)
        if response.status == _OK:
            return response
        code = _error_code(response.body)
        status = f"status {response.status}" + (f", {code}" if code else "")
        details = f"; {note.fact}" if note.fact else ""
        raise HttpError(
            f"{self.pull_scope.registry} {_what_it_did(response.status)} ({status}){details}",
            note.advice or _ADVICE_BY_STATUS.get(response.status, ""),
        )


def _what_it_did(status: int) -> str:
    if status >= _SERVER_ERRORS:
        return "is not available"
    return "did not find it" if status == _NOT_FOUND else "refused the request"


def _error_code(body: bytes) -> str:
    """Return the error code of a response if it is a standard one: messages repeat nothing else of a response."""
    try:
        code = json.loads(body)["errors"][0]["code"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return ""
    return code if isinstance(code, str) and code in _ERROR_CODES else ""
