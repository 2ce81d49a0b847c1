"""What a container's image runs by itself, under each combination of conditions that decides the image and platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias, cast

from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import Assumptions, Leaf, Tree, flat_map
from sysdig_instrument.engine.expressions.evaluate import evaluate_by_condition
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Evaluated, Literal, Unknown
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.engine.platforms import architecture
from sysdig_instrument.engine.template import EXPAND_LOOPS
from sysdig_instrument.lazy_dataclasses import dataclass

_GIVE_ENTRY_POINT: Final = "Give the container an EntryPoint in the template"


@dataclass(frozen=True, slots=True)
class NoConfig:
    """The image's config cannot be had."""

    reason: Reason


ConfigResult: TypeAlias = ImageConfig | NoConfig


def image_config(container: Container, assumptions: Assumptions) -> Tree[ConfigResult]:
    """The image's config under each combination of conditions.

    In the body of an ``Fn::ForEach`` the image may differ from item to item; the body has one EntryPoint for all of them,
    so their configs must not.
    """
    first, *others = (_config_in_scope(container, scope, assumptions) for scope in container.task.scopes)
    if any(other != first for other in others):
        return Leaf(
            NoConfig(
                Reason("The items of the Fn::ForEach around it have images that run different things", EXPAND_LOOPS)
            )
        )
    return first


def _config_in_scope(container: Container, scope: EvaluationScope, assumptions: Assumptions) -> Tree[ConfigResult]:
    def of_image(image: Evaluated, assumed: Assumptions) -> Tree[ConfigResult]:
        match image:
            case Literal(str(text)) if text.strip():
                return _config_of_reference(container, text.strip(), scope, assumed)
            case Unknown(Reason(why, advice)):
                return Leaf(NoConfig(Reason(f"Its Image cannot be worked out: {why}", advice or _GIVE_ENTRY_POINT)))
        return Leaf(NoConfig(Reason("It has no Image", "Give it one")))

    image = container.value.get("Image", ABSENT)
    return flat_map(evaluate_by_condition(image, scope, assumptions), assumptions, of_image)


def _config_of_reference(
    container: Container, image: str, scope: EvaluationScope, assumptions: Assumptions
) -> Tree[ConfigResult]:
    given = container.settings.image_configs.get(image)
    if given is not None:
        return Leaf(_parse_config(given))

    def of_platform(platform: str | Unknown, assumed: Assumptions) -> Tree[ConfigResult]:
        if isinstance(platform, Unknown):
            fact = f"The CPU architecture of the task cannot be worked out: {platform.reason.fact}"
            return Leaf(NoConfig(Reason(fact, platform.reason.advice or _GIVE_ENTRY_POINT)))
        return flat_map(
            _credentials(container, scope, assumed), assumed,
            lambda secret_id, _assumptions: Leaf(_look_up(ImageLookup(image, platform, secret_id), scope)),
        )  # fmt: skip

    return flat_map(architecture(container.task, scope, assumptions), assumptions, of_platform)


def _parse_config(config: Json) -> ImageConfig:
    """A config from the setting ImageConfigs; its kind has checked the form."""
    members = cast("Mapping[str, list[str] | None]", config)
    return ImageConfig(tuple(members.get("Entrypoint") or ()), tuple(members.get("Cmd") or ()))


def _look_up(request: ImageLookup, scope: EvaluationScope) -> ConfigResult:
    match scope.answer(request):
        case ImageConfig() as config:
            return config
        case Unavailable(Reason(fact, advice)):
            return NoConfig(Reason(fact, advice, f"Image {quote(request.image)} could not be read"))
        case None:
            return NoConfig(Reason(f"Image {quote(request.image)} has not been read", _GIVE_ENTRY_POINT))
    raise TypeError(request)  # a text for an image: a bug of the shell's


def _credentials(container: Container, scope: EvaluationScope, assumptions: Assumptions) -> Tree[str | None]:
    """The secret that RepositoryCredentials name; what is not known is looked up without, which may yet work."""
    credentials = container.value.get("RepositoryCredentials", ABSENT)
    if credentials is ABSENT:
        return Leaf(None)

    def of(known: Evaluated, _assumptions: Assumptions) -> Tree[str | None]:
        match known:
            case Literal({"CredentialsParameter": str(secret)}):
                return Leaf(secret)
        return Leaf(None)

    return flat_map(evaluate_by_condition(credentials, scope, assumptions), assumptions, of)
