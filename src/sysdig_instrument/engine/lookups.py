"""What the plan may ask of the world, and what the world may answer. Values only: the asking is done by the shells.

The engine never does I/O. A plan that lacks a fact names it as a :data:`Lookup`; the shell answers all requests of a
plan at once (see ``sysdig_instrument.lookup.answers``) and plans again with the answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImageLookup:
    """The ENTRYPOINT and CMD of one image.

    ``image`` is the reference as the template gives it, worked out (``nginx``, ``ghcr.io/o/app@sha256:…``).
    ``architecture`` is OCI's word for the task's platform: ``amd64`` or ``arm64`` (the operating system is linux).
    ``secret_id`` is the ARN or name of the Secrets Manager secret of the container's RepositoryCredentials, if any.
    """

    image: str
    architecture: str = "amd64"
    secret_id: str | None = None


@dataclass(frozen=True, slots=True)
class SsmLookup:
    """The value of a Systems Manager parameter. ``name`` is its name, ARN, or ``name:version``."""

    name: str


@dataclass(frozen=True, slots=True)
class ExportLookup:
    """The value of a CloudFormation export of this account and region (``Fn::ImportValue``)."""

    name: str


Lookup: TypeAlias = ImageLookup | SsmLookup | ExportLookup


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """What an image runs by itself (OCI image configuration, ``config.Entrypoint`` and ``config.Cmd``).

    Absent and ``[]`` are the same to Docker and are both ``()`` here.
    """

    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unavailable:
    """There is no answer. The reason carries no secret, and nothing that a server sent beyond its status.

    ``missing`` says that the thing asked for does not exist, which is more than that it could not be read.
    """

    reason: Reason
    missing: bool = False


Answer: TypeAlias = ImageConfig | str | Unavailable
"""An image's config, the text of an SSM parameter or an export, or why there is none."""

Answers: TypeAlias = Mapping[Lookup, Answer]
