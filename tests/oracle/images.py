"""The configs of images, which apply where the task definition specifies no EntryPoint or Command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from oracle.settings import Settings
from oracle.values import Json, argv, items, mapping, text_of

Images = Mapping[str | tuple[str, str], Mapping[str, Json] | None]
PARAMETER_REFERENCE = re.compile(r"\{\{resolve:ssm:([^}]+)\}\}")


@dataclass(frozen=True)
class ImageConfig:
    """The ENTRYPOINT and CMD of an image."""

    entrypoint: list[Json]
    cmd: list[Json]


def look_up(
    container: Mapping[str, Json], architecture: str, settings: Settings, images: Images, ssm: Mapping[str, str]
) -> ImageConfig | None:
    """Return the config of a container's image, or None if it is not available."""
    own = settings.object("ImageConfig")
    if "ImageConfig" in settings.values:  # it is for this container, whatever its image is
        return ImageConfig(
            [] if items(own.get("Entrypoint")) == [""] else items(own.get("Entrypoint")), items(own.get("Cmd"))
        )
    image = PARAMETER_REFERENCE.sub(lambda match: ssm.get(match[1], match[0]), text_of(container.get("Image")))
    given = settings.object("ImageConfigs")
    key = _most_exact_key(image, given)
    if key is not None:
        found: Mapping[str, Json] | None = mapping(given[key])
    else:
        found = images.get((image, architecture), images.get(image))
    if found is None:
        return None
    entrypoint = items(found.get("Entrypoint"))
    return ImageConfig([] if entrypoint == [""] else entrypoint, items(found.get("Cmd")))  # Docker's way to reset it


def _most_exact_key(image: str, given: Mapping[str, Json]) -> str | None:
    """Return the key for an image: itself, its repository, or the glob with the most characters besides asterisks."""
    repository = re.sub(r"(:[^/:@]*)?(@.*)?$", "", image)
    globs = sorted(given, key=lambda key: (len(key) - key.count("*"), key), reverse=True)
    wild = [key for key in globs if set(key) & set("*?[") and fnmatchcase(image, key)]
    return next((key for key in (image, repository, *wild) if key in given), None)


def architecture_of(properties: Mapping[str, Json]) -> str:
    """Return the task's CPU architecture; X86_64 if it specifies none."""
    value = mapping(properties.get("RuntimePlatform")).get("CpuArchitecture")
    return value if isinstance(value, str) and value in {"ARM64", "X86_64"} else "X86_64"


def needs_image(container: Mapping[str, Json]) -> bool:
    """Return whether the image's config matters: with an EntryPoint in the task definition it does not."""
    return not argv(container.get("EntryPoint"))


def runs_nothing(container: Mapping[str, Json], config: ImageConfig) -> bool:
    """Return whether a Command of one empty string is all that an image without an ENTRYPOINT could run."""
    return needs_image(container) and not config.entrypoint and argv(container.get("Command")) == [""]
