"""A repository at any registry that speaks the OCI distribution specification."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sysdig_instrument.registry import manifest
from sysdig_instrument.registry.errors import CREDENTIALS_REMEDY, HttpError
from sysdig_instrument.registry.http import Request
from sysdig_instrument.registry.manifest import ACCEPTED, LONGEST_MANIFEST, Document
from sysdig_instrument.registry.reference import DOCKER_HUB
from sysdig_instrument.registry.tokens import Doorkeeper, Visit
from sysdig_instrument.registry.urls import PUBLIC, Reach
from sysdig_instrument.values import dataclass, field

if TYPE_CHECKING:
    from sysdig_instrument.registry.connection import Response
    from sysdig_instrument.registry.login import Credentials

_DOCKER_HUB_HOST: Final = "registry-1.docker.io"
_OK: Final = 200

# Of the distribution spec, "Error Codes", those that a pull may get, and two that every registry has beside them.
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
_REMEDIES: Final = {
    401: CREDENTIALS_REMEDY,
    403: "Allow the credentials, or everybody, to pull it",
    404: CREDENTIALS_REMEDY,  # what registries say of private images to those who may not know that they exist
    429: "Wait, or give credentials in RegistryCredentials: registries allow more to those they know",
}


@dataclass(slots=True)
class DistributionRepository:
    """One repository, as one visitor sees it. ``internal`` is who may be spoken to if the registry is an internal one."""

    doorkeeper: Doorkeeper
    visit: Visit
    credentials: Credentials
    internal: Reach
    _documents: dict[str, Document] = field(default_factory=dict)

    def document(self, selector: str) -> Document:
        """See :class:`~sysdig_instrument.registry.image.Repository`. Each document is fetched once."""
        if selector not in self._documents:
            response = self._get(f"manifests/{selector}", LONGEST_MANIFEST, ", ".join(ACCEPTED))
            if named := response.headers.get("Docker-Content-Digest"):
                manifest.verify(response.body, named.strip())
            media_type = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            self._documents[selector] = Document(response.body, media_type)
        return self._documents[selector]

    def blob(self, digest: str, limit: int) -> bytes:
        """See :class:`~sysdig_instrument.registry.image.Repository`."""
        return self._get(f"blobs/{digest}", limit, "*/*").body

    def _get(self, path: str, limit: int, accept: str) -> Response:
        host = _DOCKER_HUB_HOST if self.visit.registry == DOCKER_HUB else self.visit.registry
        url = self.internal.registry(host, f"/v2/{self.visit.repository}/{path}")
        # A public registry is not to lead to an internal host, whatever the settings admit for internal registries.
        reach = self.internal if self.internal.names(url) else PUBLIC
        request = Request(url, limit, reach, {"Accept": accept})
        response, note = self.doorkeeper.send(request, self.visit, self.credentials)
        if response.status == _OK:
            return response
        code = _error_code(response.body)
        status = f"status {response.status}" + (f", {code}" if code else "")
        because = f"; {note}" if note else ""
        raise HttpError(f"{self.visit.registry} refused it ({status}){because}", _REMEDIES.get(response.status, ""))


def _error_code(body: bytes) -> str:
    """The standard code of an error response, if it is one: nothing else of a response is ever repeated."""
    try:
        code = json.loads(body)["errors"][0]["code"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return ""
    return code if isinstance(code, str) and code in _ERROR_CODES else ""
