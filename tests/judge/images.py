"""What an image runs when the task definition does not say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from judge.settings import Settings
from judge.values import Json, argv, items, mapping, text_of

Images = Mapping[str | tuple[str, str], Mapping[str, Json] | None]
PARAMETER_REFERENCE = re.compile(r"\{\{resolve:ssm:([^}]+)\}\}")


@dataclass(frozen=True)
class Config:
    """ENTRYPOINT and CMD of an image."""

    entrypoint: list[Json]
    cmd: list[Json]


def look_up(
    container: Mapping[str, Json], architecture: str, settings: Settings, images: Images, ssm: Mapping[str, str]
) -> Config | None:
    """The config of a container's image, or None where it cannot be had."""
    image = PARAMETER_REFERENCE.sub(lambda match: ssm.get(match[1], match[0]), text_of(container.get("Image")))
    given = settings.table("ImageConfigs")
    if image in given:
        found: Mapping[str, Json] | None = mapping(given[image])
    else:
        found = images.get((image, architecture), images.get(image))
    if found is None:
        return None
    return Config(items(found.get("Entrypoint")), items(found.get("Cmd")))


def architecture_of(properties: Mapping[str, Json]) -> str:
    """The architecture that the task says, X86_64 where it says none."""
    said = mapping(properties.get("RuntimePlatform")).get("CpuArchitecture")
    return said if isinstance(said, str) and said in {"ARM64", "X86_64"} else "X86_64"


def needs_image(container: Mapping[str, Json]) -> bool:
    """Section 2: an EntryPoint in the task definition makes the image's irrelevant."""
    return not argv(container.get("EntryPoint"))
