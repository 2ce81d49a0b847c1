"""Image references, as Docker, containerd and ECS read them.

The grammar is that of github.com/distribution/reference (``reference.go``), with Docker's shorthands: no registry means
Docker Hub, no namespace there means ``library/``, no tag means ``latest``.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

from sysdig_instrument.lazy_dataclasses import dataclass

DOCKER_HUB: Final = "docker.io"

_DOMAIN_NAME: Final = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY: Final = rf"(?:{_DOMAIN_NAME}|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?"
_PATH_COMPONENT: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_DIGEST: Final = r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}"
_IDENTIFIER: Final = r"[0-9a-f]{64}"
_MAX_NAME_LENGTH: Final = 255


class InvalidReferenceError(ValueError):
    """The text is not an image reference. The message is a clause that follows "… is not a valid image reference: "."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's location: ``registry`` is in lower case with its port, if any, and ``docker.io`` for Docker Hub."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @property
    def tag_or_digest(self) -> str:
        """Return the digest if there is one (as Docker does), else the tag."""
        return self.digest or self.tag or "latest"

    @property
    def full_repository(self) -> str:
        """Return the repository with its registry: ``docker.io/library/nginx``."""
        return f"{self.registry}/{self.repository}"

    def __str__(self) -> str:
        """Return the canonical form: it is the same for two references to the same image."""
        return f"{self.full_repository}{'@' if self.digest else ':'}{self.tag_or_digest}"


def parse_reference(text: str) -> Reference:
    """Parse an image reference.

    Raises:
        InvalidReferenceError: The text does not follow the grammar; the message says where.
    """
    if not text or text != text.strip():
        raise InvalidReferenceError("it is empty, or has leading or trailing spaces")
    if "://" in text:
        raise InvalidReferenceError("it contains a URL scheme, such as https://")
    name, separator, digest = text.partition("@")
    if separator and not re.fullmatch(_DIGEST, digest):
        raise InvalidReferenceError(
            "its digest is not sha256: with 64 lowercase hexadecimal digits, or sha512: with 128"
        )
    name, tag = _split_tag(name)
    if tag is None and not digest:
        tag = "latest"
    registry, repository = _split_registry(name)
    if not re.fullmatch(_REGISTRY, registry):
        raise InvalidReferenceError("its registry is not a host name with an optional port")
    if re.fullmatch(_IDENTIFIER, name):
        raise InvalidReferenceError("64 hexadecimal digits are an image ID, and registries do not know image IDs")
    _check_repository(repository)
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    if len(registry) + 1 + len(repository) > _MAX_NAME_LENGTH:
        raise InvalidReferenceError(f"its name is longer than {_MAX_NAME_LENGTH} characters")
    return Reference(registry, repository, tag, digest or None)


REPOSITORY_GLOB: Final = r"([A-Za-z0-9.*?-]+(:[0-9*?]+)?/)?[a-z0-9._/*?-]+"
"""A repository, or a glob of repositories, without tag and digest."""


def matches_repository(reference: Reference, glob: str) -> bool:
    """Return whether a reference's repository matches a glob, which is split as Docker splits the name of an image.

    The registry and the path match separately, so that no wildcard extends over the slash between them: otherwise the
    registry of somebody else could have a repository whose path looks like the glob's registry. ``*`` as the registry
    means any, and ``*`` alone is every repository.
    """
    first, slash, path = glob.partition("/")
    if first != "*":
        first, path = _split_registry(glob)
    elif not slash:
        path = "*"
    if first == DOCKER_HUB and "/" not in path:
        path = f"library/{path}"
    return fnmatchcase(reference.registry, first) and fnmatchcase(reference.repository, path)


def _split_tag(name: str) -> tuple[str, str | None]:
    """Split at the colon after the last slash; a colon before it belongs to the registry's port."""
    start = name.rfind("/") + 1
    head, colon, tag = name[start:].partition(":")
    if not colon:
        return name, None
    if not re.fullmatch(_TAG, tag):
        raise InvalidReferenceError(
            "its tag is not 1 to 128 letters, digits, '_', '.' and '-', or starts with '.' or '-'"
        )
    return name[:start] + head, tag


def _split_registry(name: str) -> tuple[str, str]:
    """Split at the first slash, if the part before it cannot be a repository name or is localhost; normalise the registry."""
    first, slash, rest = name.partition("/")
    if not slash or not (first == "localhost" or "." in first or ":" in first or first != first.lower()):
        return DOCKER_HUB, name
    registry = first.lower()
    if not {".", ":"} & set(first) and registry != "localhost":
        # Only its capitals mark it as a host: in lower case, without a port, it would be parsed as a repository.
        return f"{registry}:443", rest
    return (DOCKER_HUB if registry == f"index.{DOCKER_HUB}" else registry), rest


def _check_repository(repository: str) -> None:
    if repository != repository.lower():
        raise InvalidReferenceError("its repository contains uppercase letters, and repository names are lowercase")
    for component in repository.split("/"):
        if not re.fullmatch(_PATH_COMPONENT, component):
            raise InvalidReferenceError(
                "its repository is not lowercase letters and digits, separated by single '.' or '_', '__', '-' or '/'"
            )
