"""The ENTRYPOINT and CMD of a container's image, under each combination of conditions that image and platform depend on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias, cast

from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import Assumptions, Leaf, Tree, flat_map, leaves
from sysdig_instrument.engine.expressions.evaluate import evaluate, evaluate_by_condition
from sysdig_instrument.engine.expressions.references import unresolved_name
from sysdig_instrument.engine.expressions.scope import EXPAND_LOOPS, EvaluationScope
from sysdig_instrument.engine.expressions.values import Evaluated, Known, Unknown
from sysdig_instrument.engine.expressions.work import steps_of_texts
from sysdig_instrument.engine.findings import Reason, quote, without_names
from sysdig_instrument.engine.image_configs import find_key
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup, Unavailable, is_build_known
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.platforms import architecture
from sysdig_instrument.engine.settings.locks import is_locked
from sysdig_instrument.engine.template import expand_loops
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.printable import Hidden, derived

_GIVE_ENTRY_POINT: Final = "Give the container an EntryPoint, and a Command if the image has a CMD"


@dataclass(frozen=True, slots=True)
class NoConfig:
    """The image's config is not available.

    ``why`` is a clause for the outcome of the container. ``is_empty`` is true if the reference is certainly an empty text:
    ECS starts no such container.
    """

    reason: Reason
    why: str = "its image could not be read"
    is_empty: bool = False


ConfigResult: TypeAlias = ImageConfig | NoConfig


def image_config(
    container: Container, assumptions: Assumptions, *, must_be_certain: bool = False
) -> Tree[ConfigResult]:
    """Return the image's config under each combination of conditions.

    The config has no wrapper in front, and no ENTRYPOINT of one empty string, which is none in Docker. One that the
    container's Metadata gives counts whatever the image is: its name may be known only after deployment.

    With ``must_be_certain``, the config may leave the container unprotected. So a config that a template gives does not
    count, and neither does that of an image whose reference may be another one when it is deployed.

    In the body of an ``Fn::ForEach`` the image may differ from item to item. The body has one EntryPoint for all items, so
    their configs must not differ.
    """
    # Several questions about a container need it. It is computed once for each combination of conditions.
    computed = container.scope.state.image_configs
    key = (container.task.name, container.pointer, frozenset(assumptions.items()), must_be_certain)
    settings, found = computed.get(key, (None, None))
    if settings is not container.resolved:
        found = _image_config(container, assumptions, must_be_certain=must_be_certain)
        computed[key] = container.resolved, found
    return cast("Tree[ConfigResult]", found)


def _image_config(container: Container, assumptions: Assumptions, *, must_be_certain: bool) -> Tree[ConfigResult]:
    own = container.settings.image_config
    if own is not None and not must_be_certain:
        container.use_setting("ImageConfig", "ImageConfig")
        return Leaf(_count(_parse_config(own), container.scope))
    first, *others = (
        _config_in_scope(container, scope if must_be_certain else scope.with_lookups(), assumptions)
        for scope in container.task.scopes
    )
    if any(other != first for other in others):
        fact = "The images of the items of the enclosing Fn::ForEach differ in ENTRYPOINT or CMD"
        is_unknown = any(map(_has_unknown, (first, *others)))
        expanded = expand_loops(container.scope.template, container.settings.macro_name)
        code = Code.LOOP_ITEMS_DIFFER
        reason = Reason(fact, EXPAND_LOOPS, code=code, not_known_here=is_unknown, paste=expanded)
        return Leaf(NoConfig(reason))
    return first


def _has_unknown(tree: Tree[ConfigResult]) -> bool:
    return any(isinstance(config, NoConfig) and config.reason.is_unknown for config, _ in leaves(tree, {}))


def _count(config: ConfigResult, scope: EvaluationScope) -> ConfigResult:
    """Count a config in the work of the plan: its items are copied for each combination of conditions."""
    if isinstance(config, ImageConfig):
        scope.state.work.spend(steps_of_texts((*config.entrypoint, *config.cmd)))
    return config


def _config_in_scope(container: Container, scope: EvaluationScope, assumptions: Assumptions) -> Tree[ConfigResult]:
    def of_image(image: Evaluated, assumed: Assumptions) -> Tree[ConfigResult]:
        match image:
            case Known(str(text)) if text.strip():
                reference = derived(text.strip(), text)
                return _config_of_reference(container, reference, scope, assumed)
            case Unknown() as unknown:
                return _config_of_unknown_image(container, unknown, scope, assumed)
            case Known(bool() | int() | float()):
                return Leaf(NoConfig(_IMAGE_NOT_A_STRING))
            case Known("") if isinstance(container.value.get("Image"), dict):
                is_certain = evaluate(container.value["Image"], scope.without_lookups(assumed)) == Known("")
                return Leaf(NoConfig(_EMPTY_IMAGE, _NO_IMAGE, is_certain))
        return Leaf(NoConfig(_MISSPELT_IMAGE if "image" in container.value else _MISSING_IMAGE, _NO_IMAGE))

    image = container.value.get("Image", ABSENT)
    return flat_map(evaluate_by_condition(image, scope, assumptions), assumptions, of_image)


_NO_IMAGE: Final = "it has no image"
_ADD_IMAGE: Final = (
    "Add an Image. If a pipeline adds it later, run this after that step, or give the container an EntryPoint, and a Command "
    "if the image has a CMD"
)
_AN_IMAGE: Final = paste(PasteInto.CONTAINER, {"Image": "REPOSITORY:TAG"})
_MISSING_IMAGE: Final = Reason("The container has no Image", _ADD_IMAGE, code=Code.IMAGE_MISSING, paste=_AN_IMAGE)
_IMAGE_NOT_A_STRING: Final = Reason(
    "Image is not a string in the template", "Write it in quotes", code=Code.IMAGE_NOT_A_STRING, paste=_AN_IMAGE
)
_MISSPELT_IMAGE: Final = Reason(
    "The container has no Image, but an image in lower case, which CloudFormation does not know",
    "Write it as Image",
    code=Code.IMAGE_MISSING,
    paste=_AN_IMAGE,
)
_EMPTY_IMAGE: Final = Reason(
    "Image is an expression that evaluates to an empty string with the current parameter values",
    "Give the parameters that it depends on a value",
    code=Code.IMAGE_EMPTY,
)


def _config_of_unknown_image(
    container: Container, unknown: Unknown, scope: EvaluationScope, assumptions: Assumptions
) -> Tree[ConfigResult]:
    """Return the config of an image of which only the Region or the account is not known, if its build is known."""
    name = unresolved_name(container.value.get("Image", ABSENT))
    no_config = _unknown_image(container, unknown, scope.assuming(assumptions))
    if name is None:
        return Leaf(no_config)

    def of_platform(platform: str | Unknown, _assumptions: Assumptions) -> Tree[ConfigResult]:
        if isinstance(platform, Unknown):
            return Leaf(no_config)
        found = _look_up(ImageLookup(name, platform), scope)
        return Leaf(_count(found, scope) if is_build_known(found) else no_config)

    return flat_map(architecture(container.task, scope, assumptions), assumptions, of_platform)


def _unknown_image(container: Container, unknown: Unknown, scope: EvaluationScope) -> NoConfig:
    """Return why the name of an image is not known. What no caller can give comes before what one can."""
    if not unknown.until_deployed and None in (scope.region, scope.account):
        anywhere = evaluate(container.value["Image"], scope.without_lookups(scope.assumptions).anywhere())
        if isinstance(anywhere, Unknown) and anywhere.until_deployed:
            unknown = anywhere
    why, advice = unknown.reason.fact, unknown.reason.advice
    if unknown.until_deployed:
        advice = f"{advice}, or {_own_config(container)}" if advice else _capitalized(_own_config(container))
    fact, is_unknown = f"Image cannot be resolved: {why}", unknown.reason.is_unknown
    return NoConfig(
        Reason(
            fact,
            advice or _GIVE_ENTRY_POINT,
            code=Code.IMAGE_UNRESOLVED,
            not_known_here=is_unknown,
            paste=unknown.reason.paste,
        ),
        "its image is not known",
    )


def _own_config(container: Container) -> str:
    """Return the advice for a container whose image has no name before deployment."""
    if container.task.pointer is None or is_locked("ImageConfig", container.settings):  # it has no Metadata, or may not
        return _GIVE_ENTRY_POINT[0].lower() + _GIVE_ENTRY_POINT[1:]
    name = quote(container.name) if container.name else "…"
    return (
        "write the image's ENTRYPOINT and CMD into the resource: Metadata: {SysdigInstrument: {Containers: "
        f"{{{name}: {{ImageConfig: {{Entrypoint: […], Cmd: […]}}}}}}}}}}"
    )


def _capitalized(text: str) -> str:
    return text[0].upper() + text[1:]


def _config_of_reference(
    container: Container, image: str, scope: EvaluationScope, assumptions: Assumptions
) -> Tree[ConfigResult]:
    configs = container.settings.image_configs
    key = find_key(image, configs, scope.state)
    if key is not None and (scope.knows_lookups or not container.resolved.is_from_template("ImageConfigs")):
        container.use_setting("ImageConfigs", key)
        return Leaf(_count(_parse_config(configs[key]), scope))

    def of_platform(platform: str | Unknown, assumed: Assumptions) -> Tree[ConfigResult]:
        if isinstance(platform, Unknown):
            fact = f"The task's CPU architecture cannot be resolved: {platform.reason.fact}"
            advice = platform.reason.advice or _GIVE_ENTRY_POINT
            why = platform.reason
            reason = Reason(fact, advice, code=Code.IMAGE_UNRESOLVED, not_known_here=why.is_unknown, paste=why.paste)
            return Leaf(NoConfig(reason))
        return flat_map(
            _credentials(container, scope, assumed), assumed,
            lambda secret_id, _assumptions: Leaf(_count(_look_up(ImageLookup(image, platform, secret_id), scope), scope)),
        )  # fmt: skip

    return flat_map(architecture(container.task, scope, assumptions), assumptions, of_platform)


def _parse_config(config: Json) -> ImageConfig:
    """Return a config from the setting ImageConfigs, whose type has checked its form."""
    members = cast("Mapping[str, list[str] | None]", config)
    return _without_wrapper(ImageConfig(tuple(members.get("Entrypoint") or ()), tuple(members.get("Cmd") or ())))


def _without_wrapper(config: ImageConfig) -> ImageConfig:
    """Return what an image runs, without the wrapper in front of it: the macro writes the wrapper into EntryPoint."""
    entrypoint = () if config.entrypoint == ("",) else config.entrypoint
    if entrypoint[:1] == (WRAPPER,):
        return ImageConfig(entrypoint[1:], config.cmd)
    starts_wrapper = not entrypoint and config.cmd[:1] == (WRAPPER,)
    return ImageConfig(entrypoint, config.cmd[1:] if starts_wrapper else config.cmd)


_NOT_CERTAIN: Final = NoConfig(
    Reason(
        "Whether the wrapper starts the container depends on its image, of which only the Dockerfile is known",
        _GIVE_ENTRY_POINT,
        code=Code.IMAGE_UNRESOLVED,
        not_known_here=True,
    )
)


_NOT_LOOKED_UP: Final = NoConfig(
    Reason("The image has not been looked up", _GIVE_ENTRY_POINT, code=Code.NOT_LOOKED_UP, not_known_here=True)
)
"""What a plan says that is made again once the lookup is answered."""


def _look_up(lookup: ImageLookup, scope: EvaluationScope) -> ConfigResult:
    match scope.answer(lookup):
        case ImageConfig() as config:
            return _without_wrapper(config) if scope.knows_lookups or not config.build else _NOT_CERTAIN
        case Unavailable() as unavailable:
            why = unavailable.why
            shown = without_names(why, lookup.image) if isinstance(lookup.image, Hidden) else why
            return NoConfig(replace(shown, stable_fact=f"Image {quote(lookup.image)} could not be read"))
        case None:
            return _NOT_LOOKED_UP
    raise TypeError(lookup)  # a string for an image: a bug in the caller


def _credentials(container: Container, scope: EvaluationScope, assumptions: Assumptions) -> Tree[str | None]:
    """Return the secret in RepositoryCredentials, or None. If it is not known, the lookup without it may still work."""
    credentials = container.value.get("RepositoryCredentials", ABSENT)
    if credentials is ABSENT:
        return Leaf(None)

    def secret_of(known: Evaluated, _assumptions: Assumptions) -> Tree[str | None]:
        match known:
            case Known({"CredentialsParameter": str(secret)}):
                return Leaf(secret)
        return Leaf(None)

    return flat_map(evaluate_by_condition(credentials, scope, assumptions), assumptions, secret_of)
