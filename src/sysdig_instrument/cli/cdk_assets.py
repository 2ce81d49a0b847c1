"""The Docker image assets of the AWS CDK: for an image in a template, the Dockerfile from which ``cdk deploy`` builds it.

``cdk synth`` writes an asset manifest beside each template (``Shop.assets.json`` beside ``Shop.template.json``). Source: the
CDK's cloud-assembly-schema, ``assets.schema.json``. Whoever wrote the template may have written the manifest and the
Dockerfile, too. So nothing is read outside of the CDK's output folder, or that is hidden.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final

from sysdig_instrument.cli.file_options import is_visible_below
from sysdig_instrument.dockerfile.image import BuildOptions, BuiltImage, architecture_of, built_image
from sysdig_instrument.dockerfile.words import DockerfileError
from sysdig_instrument.engine.ecr import EcrRepository
from sysdig_instrument.engine.image_reference import InvalidReferenceError, parse_reference
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.partitions import dns_suffix_of, partition_of
from sysdig_instrument.lazy_dataclasses import dataclass

_SUFFIX: Final = ".assets.json"
_MAX_MANIFESTS: Final = 1000
_MAX_MANIFEST_BYTES: Final = 32 << 20
"""Limit of all manifests together. Those of an app with a hundred assets have some hundred thousand bytes."""
_MAX_DOCKERFILE_BYTES: Final = 1 << 20
_READ_OPTIONS: Final = ("directory", "dockerFile", "dockerBuildTarget", "platform")
_UNRESOLVED_HOST: Final = r"(?:[0-9]{12}|\$\{AWS::AccountId\})\.dkr\.ecr\."
_NESTED_ASSEMBLY: Final = "assembly-"
"""The folder of a Stage in the output folder of an app begins with this. Its assets are in the folder of the app."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A Docker image asset: its name, its manifest, and how it is built (``DockerImageSource``)."""

    name: str
    manifest: Path
    source: Mapping[str, Json]

    @property
    def dockerfile(self) -> str:
        """The name of its Dockerfile, as the manifest gives it."""
        return os.path.join(self._text("directory"), self._text("dockerFile") or "Dockerfile")  # noqa: PTH118 - as text

    def built_image(self, architecture: str) -> BuiltImage:
        """Return what its Dockerfile says that the image runs.

        Raises:
            DockerfileError: That cannot be determined.
        """
        arguments, contexts = self.source.get("dockerBuildArgs"), self.source.get("dockerBuildContexts")
        if not self._text("directory") or self.source.get("executable"):
            raise DockerfileError("a program builds the image")
        if not all(isinstance(self.source.get(name, ""), str) for name in _READ_OPTIONS):
            raise DockerfileError("its asset manifest is not valid")
        platform = self._text("platform")
        if platform and architecture_of(platform) != architecture:
            raise DockerfileError(f"the image is built for another platform than the task's, linux/{architecture}")
        options = BuildOptions(
            architecture,
            self._text("dockerBuildTarget"),
            {name: str(value) for name, value in (arguments if isinstance(arguments, dict) else {}).items()},
            tuple(contexts) if isinstance(contexts, dict) else (),
        )
        return built_image(_read_dockerfile(self.manifest.parent, self.dockerfile), options)

    def _text(self, name: str) -> str:
        value = self.source.get(name)
        return value if isinstance(value, str) else ""


class AssetError(Exception):
    """It is not clear from which asset an image is built. The message is a clause that says why."""


class Manifests:
    """The asset manifests beside a template. Each is read once."""

    def __init__(self, template: Path) -> None:
        self._template = template
        self._assets: dict[Path, list[tuple[Asset, list[Json]]]] = {}
        self._bytes_left = _MAX_MANIFEST_BYTES

    def find_asset(self, image: str) -> Asset | None:
        """Return the asset that an image is built from, or None. The template's own manifest comes before others.

        Raises:
            AssetError: The manifests do not agree on how the image is built.
        """
        if ":" not in image:
            return None
        found: list[Asset] = []
        for paths in self._paths:
            found = [
                asset
                for path in paths
                for asset, destinations in self._read(path)
                if any(_is_destination(each, image) for each in destinations)
            ]
            if found:
                break
        if any(asset.source != found[0].source for asset in found):
            raise AssetError("they do not agree on how it is built")
        return found[0] if found else None

    @cached_property
    def _paths(self) -> tuple[list[Path], list[Path]]:
        """The template's own manifest, and the others in its folder: that of a nested stack is the one of its parent."""
        own = self._template.with_name(self._template.name.removesuffix(".template.json") + _SUFFIX)
        others = sorted(path for path in self._template.parent.glob(f"*{_SUFFIX}") if path.name != own.name)
        return [own], others[:_MAX_MANIFESTS]

    def _read(self, path: Path) -> list[tuple[Asset, list[Json]]]:
        """Return the assets in a manifest, each with its destinations. What is no manifest has none."""
        if path not in self._assets:
            content = _read_regular(path, self._bytes_left) or b""
            self._bytes_left -= min(self._bytes_left, len(content))
            self._assets[path] = list(_parse_manifest(content, path)) if self._bytes_left else []
        return self._assets[path]


def _parse_manifest(content: bytes, path: Path) -> Iterator[tuple[Asset, list[Json]]]:
    try:
        value: Json = json.loads(content)
    except (ValueError, RecursionError):
        return
    images = value.get("dockerImages") if isinstance(value, dict) else None
    for key, asset in images.items() if isinstance(images, dict) else ():
        match asset:
            case {"source": dict(source), "destinations": dict(destinations), **others}:
                name = others.get("displayName")
                yield Asset(name if isinstance(name, str) else key, path, source), list(destinations.values())


def _is_destination(destination: Json, image: str) -> bool:
    """Return whether an image is where an asset is published: by its repository and its tag."""
    match destination:
        case {"repositoryName": str(repository), "imageTag": str(tag)}:
            name = f"{repository}:{tag}"
            host, _, path = image.partition("/")
            if "${" in image:
                return path == name and re.match(_UNRESOLVED_HOST, host) is not None
            return path == _resolved(name, image)
    return False


def _resolved(name: str, image: str) -> str | None:
    """Return the name of a destination with the account and the Region of an image; None if it is not in Amazon ECR."""
    try:
        repository = EcrRepository.from_reference(parse_reference(image))
    except InvalidReferenceError:
        return None
    if repository is None:
        return None
    values = {
        "AccountId": repository.account,
        "Region": repository.region,
        "Partition": partition_of(repository.region),
        "URLSuffix": dns_suffix_of(repository.region),
    }
    for pseudo_parameter, value in values.items():
        name = name.replace(f"${{AWS::{pseudo_parameter}}}", value)
    return name


def _read_dockerfile(folder: Path, name: str) -> str:
    path = folder.resolve() / name
    if not is_visible_below(str(_output_folder(folder)), str(path)):
        raise DockerfileError("it is hidden, or outside of the CDK's output folder")
    content = _read_regular(path.resolve(), _MAX_DOCKERFILE_BYTES)
    if content is None:
        raise DockerfileError("it is not there, or not a readable file")
    if len(content) > _MAX_DOCKERFILE_BYTES:
        raise DockerfileError(f"it is larger than {_MAX_DOCKERFILE_BYTES >> 20} MiB")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise DockerfileError("it is not in UTF-8") from None


def _output_folder(folder: Path) -> Path:
    """Return the output folder of the app: that of a Stage is in it, and has its assets there."""
    folder = folder.resolve()
    while folder.name.startswith(_NESTED_ASSEMBLY) and _is_assembly(folder.parent):
        folder = folder.parent
    return folder


def _is_assembly(folder: Path) -> bool:
    content = _read_regular(folder / "manifest.json", _MAX_MANIFEST_BYTES)
    try:
        value: Json = json.loads(content or b"null")
    except (ValueError, RecursionError):
        return False
    match value:
        case {"version": str(), "artifacts": dict()}:
            return True
    return False


def _read_regular(path: Path, limit: int) -> bytes | None:
    """Return the content of a regular file, up to one byte more than the limit; None for anything else, also for a link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit + 1)
    except OSError:
        return None
    finally:
        os.close(descriptor)
