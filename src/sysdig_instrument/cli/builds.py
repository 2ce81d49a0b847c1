"""Answer lookups of images that the AWS CDK may not have built yet, from their Dockerfiles.

If a Dockerfile says everything, no registry is asked. Otherwise the image itself is looked up first, which the CDK may have
pushed in an earlier deployment, and then its base image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sysdig_instrument.cli.cdk_assets import Asset, AssetError, Manifests
from sysdig_instrument.dockerfile.image import BuiltImage
from sysdig_instrument.dockerfile.words import DockerfileError
from sysdig_instrument.documents.reader import STANDARD_INPUT
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Notice, Reason, quote
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup, Unavailable
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.printable import HIDDEN, Hidden, derived

if TYPE_CHECKING:
    from sysdig_instrument.cli.documents import InputDocument
    from sysdig_instrument.engine.plan import Plan
    from sysdig_instrument.planning import LookupFunction

_ADVICE: Final = "Give the container an EntryPoint, add the image to the --images file, or build it and read it from Docker with --docker"
_COMPLETE_ADVICE: Final = (
    "Write both ENTRYPOINT and CMD into the last stage of the Dockerfile, each as a list in JSON (CMD [] for none), or add the "
    "image to the --images file"
)


@dataclass(frozen=True, slots=True)
class _Build:
    """An image, the asset that it is built from, and what its Dockerfile says."""

    lookup: ImageLookup
    asset: Asset
    image: BuiltImage


class Builds:
    """Answers lookups of the images that the templates in a CDK app's output build."""

    def __init__(self, template: Path | None) -> None:
        self._manifests = None if template is None else Manifests(template)

    @classmethod
    def of_document(cls, document: InputDocument) -> Builds:
        """Return the builds for a document. Standard input, and a document that is no template, have none."""
        name = document.source.name
        return cls(Path(name) if document.kind == "template" and name != STANDARD_INPUT else None)

    def before(self, look_up: LookupFunction) -> LookupFunction:
        """Return the function that answers what Dockerfiles say, and leaves the rest to another one.

        The other one is called each time, and once more for base images, which only the Dockerfiles name.
        """
        if self._manifests is None:
            return look_up

        def look_up_builds_first(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
            found = {each: self._find(each) for each in lookups if isinstance(each, ImageLookup)}
            builds = [each for each in found.values() if isinstance(each, _Build)]
            answers: dict[Lookup, Answer] = {
                each.lookup: _config(each, ImageConfig()) for each in builds if each.image.is_complete
            }
            answers.update(look_up([each for each in lookups if each not in answers]))
            failed = {each: why for each, why in found.items() if isinstance(why, Unavailable)}
            answers.update(
                {each: why for each, why in failed.items() if not isinstance(answers.get(each), ImageConfig)}
            )
            unread = [
                each
                for each in builds
                if not each.image.is_complete and not isinstance(answers.get(each.lookup), ImageConfig)
            ]
            return {**answers, **_look_up_bases(unread, look_up)} if unread else answers

        return look_up_builds_first

    def _find(self, lookup: ImageLookup) -> _Build | Unavailable | None:
        """Return the build of an image, why it cannot be read, or None if the image is none of the CDK's."""
        if self._manifests is None:
            return None
        try:
            asset = self._manifests.find_asset(lookup.image)
        except AssetError as error:
            return Unavailable(Reason(f"Image {quote(lookup.image)} is in several asset manifests of the AWS CDK, and {error}", _ADVICE, code=Code.DOCKERFILE))  # fmt: skip
        if asset is None:
            return None
        try:
            return _Build(lookup, asset, asset.built_image(lookup.architecture))
        except DockerfileError as error:
            return _unavailable(asset, error.fact, _ADVICE)


def _look_up_bases(builds: Sequence[_Build], look_up: LookupFunction) -> dict[Lookup, Answer]:
    bases = {each.lookup: ImageLookup(each.image.base or "", each.image.architecture) for each in builds}
    found = look_up(list(dict.fromkeys(bases.values())))
    answers: dict[Lookup, Answer] = {}
    for build in builds:
        base = found.get(bases[build.lookup])
        if not build.image.from_base and not isinstance(base, ImageConfig):
            base = ImageConfig()  # only an ONBUILD in it would matter
        answers[build.lookup] = _config(build, base) if isinstance(base, ImageConfig) else _without_base(build, base)
    return answers


def _config(build: _Build, base: ImageConfig) -> Answer:
    from sysdig_instrument.lookup.oci import image_config_of  # noqa: PLC0415 - only for a lookup

    try:
        config = build.image.config(base)
        # The rules for an image's config hold here, too: anyone may have written the Dockerfile.
        checked = image_config_of({"Entrypoint": list(config.entrypoint), "Cmd": list(config.cmd)})
    except (DockerfileError, HttpError) as error:
        return _unavailable(build.asset, error.fact, _ADVICE)
    read_from = f"the Dockerfile {quote(build.asset.dockerfile)} of asset {quote(build.asset.name)}"
    if build.image.from_base:
        read_from += f" and its base image {quote(build.image.base or '')}"
    return replace(checked, read_from=derived(read_from, build.lookup.image))


def read_from_dockerfiles(plan: Plan) -> Iterator[Notice]:
    """Yield where the configs came from that were not read from the image itself. Hidden names are not shown."""
    for lookup, answer in plan.context.answers.items():
        if isinstance(lookup, ImageLookup) and isinstance(answer, ImageConfig) and answer.read_from:
            source = HIDDEN if isinstance(answer.read_from, Hidden) else answer.read_from
            fact = f"ENTRYPOINT and CMD of an image are read from {source}"
            yield Notice(Location(), Reason(fact, code=Code.DOCKERFILE))


def _without_base(build: _Build, base: Answer | None) -> Unavailable:
    why = f". {base.reason.fact}" if isinstance(base, Unavailable) else ""
    parts = " and ".join(build.image.from_base)
    fact = f"its base image {quote(build.image.base or '')} decides on {parts}, and could not be read{why}"
    return _unavailable(build.asset, fact, _COMPLETE_ADVICE)


def _unavailable(asset: Asset, why: str, advice: str) -> Unavailable:
    fact = f"The Dockerfile {quote(asset.dockerfile)} of asset {quote(asset.name)} does not tell what its image runs: {why}"
    return Unavailable(Reason(fact, advice, code=Code.DOCKERFILE))
