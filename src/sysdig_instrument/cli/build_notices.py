"""The notices that say which configs of images were read from Dockerfiles, not from the images themselves."""

from __future__ import annotations

from collections.abc import Iterator

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Notice, Reason, quote
from sysdig_instrument.engine.lookups import ImageBuild, ImageConfig
from sysdig_instrument.engine.plan import Plan


def build_text(build: ImageBuild) -> str:
    """Return in words where a config was read. Hidden names are not shown."""
    text = f"the Dockerfile {quote(build.dockerfile)} of asset {quote(build.asset)}"
    text += f" and its base image {quote(build.base)}" if build.base else ""
    return text + (f", whose config is given under {quote(build.config_key)}" if build.config_key else "")


def read_from_dockerfiles(plan: Plan) -> Iterator[Notice]:
    """Yield where the configs came from that were not read from the image itself."""
    for config in plan.context.answers.values():
        if isinstance(config, ImageConfig) and config.build:
            fact = f"ENTRYPOINT and CMD of an image are read from {build_text(config.build)}"
            yield Notice(Location(), Reason(fact, code=Code.DOCKERFILE))
