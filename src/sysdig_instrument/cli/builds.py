"""Answer lookups of images that the AWS CDK may not have built yet, from their Dockerfiles.

If a Dockerfile says everything, no registry is asked. Otherwise the image itself is looked up first, which the CDK may have
pushed in an earlier deployment, and then its base image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from sysdig_instrument.cli.cdk_assets import Asset, AssetError, Manifests
from sysdig_instrument.dockerfile.image import SHELL, BuiltImage
from sysdig_instrument.dockerfile.words import DockerfileError
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import PlanState
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.image_configs import find_key
from sysdig_instrument.engine.lookups import Answer, ImageBuild, ImageConfig, ImageLookup, Lookup, Unavailable
from sysdig_instrument.engine.settings.types import IMAGE_CONFIG_KEYS
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.printable import derived

if TYPE_CHECKING:
    from sysdig_instrument.cli.documents import InputDocument
    from sysdig_instrument.engine.json_types import Json
    from sysdig_instrument.engine.plan import Context
    from sysdig_instrument.planning import LookupFunction

_ADVICE: Final = "Give the container an EntryPoint, add the image to the --images file, or build it and read it from Docker with --docker"
_COMPLETE_ADVICE: Final = (
    "Write both ENTRYPOINT and CMD into the last stage of the Dockerfile, each as a list in JSON (CMD [] for none), or add the "
    "base image to the --images file"
)


@dataclass(frozen=True, slots=True)
class _Build:
    """An image, the asset that it is built from, and what its Dockerfile says."""

    lookup: ImageLookup
    asset: Asset
    image: BuiltImage

    @property
    def base(self) -> ImageLookup:
        """The lookup of the base image."""
        return ImageLookup(self.image.base or "", self.image.architecture)


class Builds:
    """Answers lookups of the images that the templates in a CDK app's output build.

    ``image_configs`` are those of the caller, which may have a base image.
    """

    def __init__(self, template: Path | None, image_configs: Mapping[str, Json]) -> None:
        self._manifests = None if template is None else Manifests(template)
        self._image_configs = image_configs

    @classmethod
    def of_document(cls, document: InputDocument, context: Context) -> Builds:
        """Return the builds for a document. Standard input, and a document that is not a template, have none."""
        name = document.source.name
        is_file = document.kind == "template" and name != STANDARD_INPUT
        return cls(Path(name) if is_file else None, context.deployment_settings.values.image_configs)

    def before(self, look_up: LookupFunction) -> LookupFunction:
        """Return the function that answers what Dockerfiles say, and leaves the rest to another one.

        The other one is called each time, and once more for base images, which only the Dockerfiles name.
        """
        if self._manifests is None:
            return look_up

        def look_up_builds_first(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
            found = {each: self._find(each) for each in lookups if isinstance(each, ImageLookup)}
            builds = [each for each in found.values() if isinstance(each, _Build)]
            given: dict[Lookup, Answer] = {
                each.lookup: answer for each in builds if (answer := self._without_lookup(each))
            }
            pushed = look_up([each for each in lookups if each not in given])
            unread = {each for each in found if each not in given and not isinstance(pushed.get(each), ImageConfig)}
            failed: dict[Lookup, Answer] = {each: why for each in unread if isinstance(why := found[each], Unavailable)}
            from_bases = _look_up_bases([each for each in builds if each.lookup in unread], look_up)
            return {**pushed, **given, **failed, **from_bases}

        return look_up_builds_first

    def _find(self, lookup: ImageLookup) -> _Build | Unavailable | None:
        """Return the build of an image, why it cannot be read, or None if the image is none of the CDK's."""
        if self._manifests is None:
            return None
        try:
            asset = self._manifests.find_asset(lookup.image)
        except AssetError as error:
            fact = f"Image {quote(lookup.image)} is in several asset manifests of the AWS CDK, and {error}"
            return Unavailable(Reason(fact, _ADVICE, code=Code.DOCKERFILE))
        if asset is None:
            return None
        try:
            return _Build(lookup, asset, asset.built_image(lookup.architecture))
        except DockerfileError as error:
            return _unavailable(asset, error.fact, _ADVICE)

    def _without_lookup(self, build: _Build) -> Answer | None:
        """Return the config that a Dockerfile gives alone, or with the caller's ImageConfigs, which give no shell."""
        if build.image.is_complete:
            return _config(build, ImageConfig())
        key = find_key(build.base.image, self._image_configs, PlanState()) if build.image.base else None
        if key is None or SHELL in build.image.from_base:
            return None
        match self._image_configs[key]:
            case {**members}:
                entrypoint, cmd = (
                    tuple(map(str, cast("list[Json]", members.get(name) or ()))) for name in IMAGE_CONFIG_KEYS
                )
                return _config(build, ImageConfig(entrypoint, cmd), key)
        return None


def _look_up_bases(builds: Sequence[_Build], look_up: LookupFunction) -> dict[Lookup, Answer]:
    if not builds:
        return {}
    found = look_up(list(dict.fromkeys(build.base for build in builds)))
    answers: dict[Lookup, Answer] = {}
    for build in builds:
        base = found.get(build.base)
        if not build.image.from_base and not isinstance(base, ImageConfig):
            base = ImageConfig()  # only an ONBUILD in it would matter
        answers[build.lookup] = _config(build, base) if isinstance(base, ImageConfig) else _without_base(build, base)
    return answers


def _config(build: _Build, base: ImageConfig, config_key: str = "") -> Answer:
    from sysdig_instrument.lookup.oci import image_config_of  # noqa: PLC0415 - only for a lookup

    try:
        config = build.image.config(base)
        # The rules for an image's config hold here, too: anyone may have written the Dockerfile.
        checked = image_config_of({"Entrypoint": list(config.entrypoint), "Cmd": list(config.cmd)})
    except (DockerfileError, HttpError) as error:
        return _unavailable(build.asset, error.fact, _ADVICE)
    base_name = build.base.image if build.image.from_base else ""
    names = (build.asset.dockerfile, build.asset.name, base_name, config_key)
    return replace(checked, build=ImageBuild(*(derived(name, build.lookup.image) for name in names)))


def _without_base(build: _Build, base: Answer | None) -> Unavailable:
    why = f". {base.reason.fact}" if isinstance(base, Unavailable) else ""
    parts = " and ".join(build.image.from_base)
    fact = f"its base image {quote(build.base.image)} decides on {parts}, and could not be read{why}"
    return _unavailable(build.asset, fact, _COMPLETE_ADVICE)


def _unavailable(asset: Asset, why: str, advice: str) -> Unavailable:
    fact = f"The Dockerfile {quote(asset.dockerfile)} of asset {quote(asset.name)} does not tell what its image runs: {why}"
    return Unavailable(Reason(fact, advice, code=Code.DOCKERFILE))
