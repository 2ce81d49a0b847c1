"""What a container's image runs by itself, under each combination of conditions that decides the image and platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias, cast

from sysdig_instrument.engine import intrinsics
from sysdig_instrument.engine.choices import Always, Tree, When, bind
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.findings import Reason, quoted
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.known import Known, Literal, Unknown
from sysdig_instrument.engine.lookups import ImageConfig, ImageRequest, Unavailable
from sysdig_instrument.engine.platforms import architectures
from sysdig_instrument.engine.scope import Scope
from sysdig_instrument.engine.template import EXPAND_LOOP
from sysdig_instrument.values import dataclass

_IN_TEMPLATE: Final = "Give the container an EntryPoint in the template"


@dataclass(frozen=True, slots=True)
class NoConfig:
    """The image's config cannot be had."""

    reason: Reason


Config: TypeAlias = ImageConfig | NoConfig


def image_config(container: Container, when: When) -> Tree[Config]:
    """The image's config under each combination of conditions.

    In the body of an ``Fn::ForEach`` the image may differ from item to item; the body has one EntryPoint for all of them,
    so their configs must not.
    """
    first, *others = (_under(container, scope, when) for scope in container.task.scopes)
    if any(other != first for other in others):
        return Always(
            NoConfig(
                Reason("The items of the Fn::ForEach around it have images that run different things", EXPAND_LOOP)
            )
        )
    return first


def _under(container: Container, scope: Scope, when: When) -> Tree[Config]:
    def of_image(image: Known, under: When) -> Tree[Config]:
        match image:
            case Literal(str(text)) if text.strip():
                return _of_reference(container, text.strip(), scope, under)
            case Unknown(Reason(why, advice)):
                return Always(NoConfig(Reason(f"Its Image cannot be worked out: {why}", advice or _IN_TEMPLATE)))
        return Always(NoConfig(Reason("It has no Image", "Give it one")))

    image = container.value.get("Image", ABSENT)
    return bind(intrinsics.cases(image, scope, when), when, of_image)


def _of_reference(container: Container, image: str, scope: Scope, when: When) -> Tree[Config]:
    given = container.settings.image_configs.get(image)
    if given is not None:
        return Always(_given(given))

    def of_platform(platform: str | Unknown, under: When) -> Tree[Config]:
        if isinstance(platform, Unknown):
            fact = f"The CPU architecture of the task cannot be worked out: {platform.reason.fact}"
            return Always(NoConfig(Reason(fact, platform.reason.advice or _IN_TEMPLATE)))
        return bind(
            _credentials(container, scope, under), under,
            lambda credentials, _when: Always(_asked(ImageRequest(image, platform, credentials), scope)),
        )  # fmt: skip

    return bind(architectures(container.task, scope, when), when, of_platform)


def _given(config: Json) -> ImageConfig:
    """A config from the setting ImageConfigs; its kind has checked the form."""
    members = cast("Mapping[str, list[str] | None]", config)
    return ImageConfig(tuple(members.get("Entrypoint") or ()), tuple(members.get("Cmd") or ()))


def _asked(request: ImageRequest, scope: Scope) -> Config:
    match scope.answer(request):
        case ImageConfig() as config:
            return config
        case Unavailable(Reason(fact, advice)):
            return NoConfig(Reason(fact, advice, f"Image {quoted(request.image)} could not be read"))
        case None:
            return NoConfig(Reason(f"Image {quoted(request.image)} has not been read", _IN_TEMPLATE))
    raise TypeError(request)  # a text for an image: a bug of the shell's


def _credentials(container: Container, scope: Scope, when: When) -> Tree[str | None]:
    """The secret that RepositoryCredentials name; what is not known is looked up without, which may yet work."""
    credentials = container.value.get("RepositoryCredentials", ABSENT)
    if credentials is ABSENT:
        return Always(None)

    def of(known: Known, _when: When) -> Tree[str | None]:
        match known:
            case Literal({"CredentialsParameter": str(secret)}):
                return Always(secret)
        return Always(None)

    return bind(intrinsics.cases(credentials, scope, when), when, of)
