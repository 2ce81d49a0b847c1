"""Lookups that a plan needs, and their answers, as values.

The engine does no I/O. A plan that lacks a fact names it as a :data:`Lookup`. The caller performs all lookups of a plan at
once (``sysdig_instrument.lookup``) and plans again with the answers (``sysdig_instrument.planning``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol, TypeAlias

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.lazy_dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ImageLookup:
    """A lookup of the ENTRYPOINT and CMD of an image.

    ``image`` is the reference that the template's Image evaluates to (``nginx``, ``ghcr.io/o/app@sha256:…``). If the Region or
    the account is not known, it may have pseudo parameters in it (``${AWS::Region}``): no registry knows such an image, but
    the build of the image may be known.
    ``architecture`` is OCI's name for the task's CPU architecture, ``amd64`` or ``arm64``; the operating system is linux.
    ``secret_id`` is the ARN or the name of the Secrets Manager secret in the container's RepositoryCredentials, if any.
    """

    image: str
    architecture: str = "amd64"
    secret_id: str | None = None

    @property
    def is_resolved(self) -> bool:
        """True if the image has a name: no pseudo parameter is left in it."""
        return "${" not in self.image


@dataclass(frozen=True, slots=True)
class SsmLookup:
    """A lookup of the value of a Systems Manager parameter. ``name`` is its name, ARN, or ``name:version``."""

    name: str


@dataclass(frozen=True, slots=True)
class ExportLookup:
    """A lookup of the value of a CloudFormation export of this account and Region (``Fn::ImportValue``)."""

    name: str


@dataclass(frozen=True, slots=True)
class StackOutputLookup:
    """A lookup of an output of a stack (``Fn::GetStackOutput``), by the stack's name or id.

    ``region`` is None if the expression names none and that of this run is not known. ``role`` is the ARN of the role in the
    expression, with which CloudFormation reads a stack of another account.
    """

    stack: str
    output: str
    region: str | None = None
    role: str | None = None

    @property
    def name(self) -> str:
        """Its name in messages."""
        return f"{self.stack}.{self.output}"


ValueLookup: TypeAlias = SsmLookup | ExportLookup | StackOutputLookup
"""A lookup of a text in an AWS account."""

Lookup: TypeAlias = ImageLookup | ValueLookup


@dataclass(frozen=True, slots=True)
class ImageBuild:
    """The Dockerfile that was read in place of an image, and the asset whose it is.

    ``base`` is the base image, if that gave something, and ``config_key`` the entry of ImageConfigs with the base image's config.
    """

    dockerfile: str
    asset: str
    base: str = ""
    config_key: str = ""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The ENTRYPOINT and CMD of an image (OCI image configuration, ``config.Entrypoint`` and ``config.Cmd``).

    Docker treats absent and ``[]`` alike: both are ``()`` here.

    ``shell`` (``config.Shell``) and ``has_triggers`` (whether there is a ``config.OnBuild``) matter for images that are built
    on this one. ``build`` is given if a Dockerfile was read in place of the image. Nothing may be left unprotected because of that.
    """

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    shell: tuple[str, ...] = ()
    has_triggers: bool = False
    build: ImageBuild | None = None


MAX_ARGV_BYTES: Final = 64 << 10
"""Limit of ENTRYPOINT and CMD together. A whole task definition may have 64 KiB (quotas of Amazon ECS)."""

_JSON_BYTES_PER_ARGUMENT: Final = 3
"""Its quotes and its comma: without them, any number of empty strings would have no size."""


def argv_bytes(argv: Iterable[str]) -> int:
    """Return the size of an argv in a template, in bytes. A lone surrogate, which JSON can contain, counts too."""
    return sum(len(argument.encode("utf-8", "surrogatepass")) + _JSON_BYTES_PER_ARGUMENT for argument in argv)


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A lookup that failed. The reason contains no secret, and of a server's response only its status and error code.

    ``missing`` is true if what was looked up does not exist, and false if it could not be read. ``is_final`` is true if the
    lookup fails whoever does it: what it names is invalid, or cannot be used.
    """

    reason: Reason
    missing: bool = False
    is_final: bool = False

    @property
    def why(self) -> Reason:
        """The reason. It is no error of the document if the macro, elsewhere or later, may get an answer."""
        return replace(self.reason, not_known_here=not self.is_final)


Answer: TypeAlias = ImageConfig | str | Unavailable
"""The config of an image, the value of an SSM parameter, an export or a stack's output, or ``Unavailable`` with the reason."""


class _Failure(Protocol):
    @property
    def reason(self) -> Reason: ...


def is_build_known(found: ImageConfig | _Failure | str) -> bool:
    """Return whether the build of an image is known, though what it runs may not be."""
    return isinstance(found, ImageConfig) or (not isinstance(found, str) and found.reason.code is Code.DOCKERFILE)


Answers: TypeAlias = Mapping[Lookup, Answer]
