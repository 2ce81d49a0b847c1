"""Merge layers of settings: later layers win, and the result records the layer of each value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sysdig_instrument.engine.agent import COLLECTORS, REPLACED_WRAPPER_VARIABLE
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.work import count
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.paste import IMAGE_CONFIG, Paste, PasteInto, paste
from sysdig_instrument.engine.settings.agent_images import is_trusted
from sysdig_instrument.engine.settings.locks import (
    EXTRA_CONF_VARIABLE,
    REQUIRED_VARIABLES,
    SETTING_OF_VARIABLE,
    invalid_locks,
    is_locked,
    is_valid_variable,
    overridden_lock,
    takes_over,
)
from sysdig_instrument.engine.settings.patterns import NO_ACCESS_KEY, SSM_FORM
from sysdig_instrument.engine.settings.table import BY_NAME, TABLE, Setting, Settings, SettingScope
from sysdig_instrument.engine.settings.types import (
    ArgumentList,
    Boolean,
    ImageConfigObject,
    Integer,
    Object,
    OneOf,
    SettingType,
    StringList,
)
from sysdig_instrument.engine.suggestions import did_you_mean, suggest
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace

_REMOVE_OR_ASK: Final = "Remove it there, or ask the platform team"


_STEPS_PER_SUGGESTION: Final = 1000


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings.

    ``values`` has the unparsed values by the settings' names. ``name`` is the layer's name in messages («--set», «the
    template's Metadata»). ``scope`` says which settings the layer may hold. ``is_found`` is true for a settings file that
    the caller did not name and the command line tool found near a document: whoever wrote the document may have written it, too.
    """

    name: str
    values: Mapping[str, Json]
    scope: SettingScope = SettingScope.DEPLOYMENT
    is_found: bool = False


DEFAULT: Final = Layer("default", {})


@dataclass(frozen=True, slots=True)
class ResolvedSettings:
    """The values of all settings, and the layer of each by the setting's name. A setting that is not in ``layers`` has its default."""

    values: Settings = field(default_factory=Settings)
    layers: Mapping[str, Layer] = field(default_factory=dict)

    def layer(self, name: str) -> Layer:
        """Return the layer that the setting's value is from."""
        return self.layers.get(name, DEFAULT)

    def layer_name(self, name: str) -> str:
        """Return that layer's name in messages."""
        return self.layer(name).name

    def source(self, name: str) -> str:
        """Return the source of the value, in the same words for the macro and for the command line tool.

        The Results in Metadata contain these words, and must not differ between the two.
        """
        layer = self.layer(name)
        if layer.is_found:
            return re.split(r"[/\\]", layer.name)[-1]  # without its folder, which depends on where the tool runs
        return "the macro's deployment" if layer.scope is SettingScope.DEPLOYMENT else layer.name

    def is_from_template(self, name: str) -> bool:
        """Return whether the value is from the template itself, and not from the macro's deployment or the default."""
        return self.layer(name).scope is not SettingScope.DEPLOYMENT


@dataclass(frozen=True, slots=True)
class InvalidSetting:
    """One entry of a layer that is not valid, and why."""

    name: str
    reason: Reason


_FOUND_FILE_SETTINGS: Final = frozenset({"AllowedRegistries", "LockedSettings", "LookupSeconds"})
"""The settings of the macro's deployment that a settings file which was found may have, too: they only restrict.

The others decide which hosts may be reached and which secrets they get, so they are for whoever runs the tool.
"""


def with_layer(resolved: ResolvedSettings, layer: Layer) -> tuple[ResolvedSettings, list[InvalidSetting]]:
    """Return the settings with one more layer on top, and the entries of that layer that are not valid.

    An empty string counts as not set: CloudFormation parameters have no other way to express that.
    """
    values: dict[str, Any] = {}
    invalid: list[InvalidSetting] = []
    for name, value in layer.values.items():
        if value in ("", None):
            continue
        try:
            values[name] = _parse(name, value, layer, resolved)
        except _InvalidSettingError as error:
            invalid.append(error.invalid)
    if not values:
        return resolved, invalid
    attributes = {BY_NAME[name].attribute: value for name, value in values.items()}
    return ResolvedSettings(
        replace(resolved.values, **attributes), {**resolved.layers, **dict.fromkeys(values, layer)}
    ), invalid


def merge_layers(*layers: Layer) -> ResolvedSettings:
    """Return the settings of a deployment, from its layers in ascending order of precedence.

    Raises:
        UsageError: There are unknown names or invalid values; one line for each.
    """
    resolved, invalid = ResolvedSettings(), list[InvalidSetting]()
    for layer in layers:
        resolved, more = with_layer(resolved, layer)
        invalid += more
    locks = invalid_locks(resolved.values, resolved.layer_name("LockedSettings"))
    invalid += [InvalidSetting("LockedSettings", reason) for reason in locks]
    if invalid:
        raise UsageError("\n".join(each.reason.coded_text for each in invalid), code=None)
    return resolved


def for_deployment(settings: Iterable[Setting]) -> Iterator[Setting]:
    """Yield the settings that the macro's deployment may have: all but those of single containers."""
    return (setting for setting in settings if setting.scope is not SettingScope.ONE_CONTAINER)


def from_environment(environment: Mapping[str, str]) -> Layer:
    """Return the deployment's layer: template.yaml passes its parameters to the Lambda as environment variables."""
    values = {setting.name: value for setting in for_deployment(TABLE) if (value := environment.get(setting.variable))}
    return Layer("the macro's deployment", dict(values))


def help_text(deployment: Layer) -> str:
    """Return HelpText of the deployment, or an empty string if it is invalid: refusals need it if other settings are invalid."""
    try:
        return str(BY_NAME["HelpText"].value_type.parse(deployment.values.get("HelpText", "")))
    except ValueError:
        return ""


_LOOKS_LIKE_SSM: Final = r"\s*arn:[a-z-]*:ssm:"
_LOOKS_LIKE_KEY: Final = r"[0-9A-Za-z/_+=.@-]{8,}"
"""A text without the colons of an ARN: a key, or the name of a secret."""

_KEY_ADVICE: Final = (
    "Use the ARN of the secret: aws secretsmanager describe-secret --secret-id NAME --query ARN. If this was the key itself, "
    "replace it with a new one, and store that in Secrets Manager"
)


class _InvalidSettingError(Exception):
    def __init__(self, name: str, reason: Reason) -> None:
        super().__init__(reason.fact)
        self.invalid = InvalidSetting(name, reason)


_EXAMPLES: Final = {
    "Collector": "HOST",  # no region: a pasted one could be in another country
    "AccessKeySecret": "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME",
}


def _member(name: str, value: Json) -> tuple[Paste, ...]:
    return paste(PasteInto.PARENT, {name: value})


def _valid_member(setting: Setting) -> tuple[Paste, ...]:
    """Return a setting with a valid value, in place of one with an invalid value."""
    return _member(setting.name, _EXAMPLES.get(setting.name) or _example(setting.value_type))


_EXAMPLES_OF_TYPES: Final[Mapping[type, Json]] = {
    ArgumentList: ["PROGRAM", "ARGUMENT"],
    Boolean: "TRUE_OR_FALSE",
    ImageConfigObject: {"Entrypoint": ["PROGRAM"], "Cmd": ["ARGUMENT"]},
    Integer: "NUMBER",
    StringList: ["NAME"],
}


def _example(value_type: SettingType) -> Json:
    match value_type:
        case OneOf(choices):
            return choices[0]
        case Object(value_kind=kind):
            is_config = kind == "image config"
            return {"REPOSITORY:TAG": _EXAMPLES_OF_TYPES[ImageConfigObject]} if is_config else {"NAME": "VALUE"}
    return _EXAMPLES_OF_TYPES.get(type(value_type), "VALUE")


_SECTIONS: Final = {
    "SysdigInstrument": "Write the settings that are under it here, without SysdigInstrument above them",
    "Containers": "Move it to the Metadata of the task definition, under SysdigInstrument",
}
"""What to do with the sections of Metadata that are no settings."""


def _parse(name: str, value: Json, layer: Layer, resolved: ResolvedSettings) -> Json:
    setting = BY_NAME.get(name)
    if setting is None:
        count(_STEPS_PER_SUGGESTION)
        raise _InvalidSettingError(
            name,
            Reason(
                f"Unknown setting {quote(name)} in {layer.name}",
                _SECTIONS.get(name) or did_you_mean(name, BY_NAME) or "Remove it; docs/settings.md lists the settings",
                code=Code.SETTING_UNKNOWN,
                paste=_member(known, "VALUE") if name not in _SECTIONS and (known := suggest(name, BY_NAME)) else (),
            ),
        )
    if setting.scope is SettingScope.ONE_CONTAINER and layer.scope is not SettingScope.CONTAINER:
        fact = f'Setting "{name}" in {layer.name} is for single containers'
        raise _InvalidSettingError(
            name,
            Reason(
                fact,
                f"Move it to the task definition's Metadata, Containers: {{…: {{{name}: …}}}} in SysdigInstrument",
                code=Code.SETTING_FOR_CONTAINERS,
                paste=IMAGE_CONFIG,
            ),
        )
    if layer.scope is not SettingScope.DEPLOYMENT or layer.is_found:
        _check_scope(setting, layer, resolved)
    try:
        parsed = setting.value_type.parse(value)
    except ValueError as error:
        if name == "AccessKeySecret" and isinstance(value, str) and re.fullmatch(_LOOKS_LIKE_KEY, value.strip()):
            fact = f'Setting "{name}" in {layer.name} looks like an access key or the name of a secret, not like an ARN'
            given = Reason(fact, _KEY_ADVICE, code=Code.KEY_GIVEN, paste=_valid_member(setting))
            raise _InvalidSettingError(name, given) from None
        fact = f'Setting "{name}" in {layer.name} has an invalid value'
        is_ssm = name == "AccessKeySecret" and isinstance(value, str) and re.match(_LOOKS_LIKE_SSM, value)
        invalid = Reason(
            fact, f"Use {SSM_FORM if is_ssm else error}", code=Code.SETTING_INVALID, paste=_valid_member(setting)
        )
        raise _InvalidSettingError(name, invalid) from None
    is_trusted_layer = layer.scope is SettingScope.DEPLOYMENT and not layer.is_found
    if not is_trusted_layer and (reason := _not_from_template(name, parsed, layer, resolved)):
        raise _InvalidSettingError(name, reason)
    if name == "Collector" and "." not in str(parsed) and parsed not in COLLECTORS:
        known = ", ".join(COLLECTORS)
        fact = f'Setting "Collector" in {layer.name} is neither a host name nor a known region ({known})'
        # No region is suggested: the nearest name may be in another country, and the data would go there.
        raise _InvalidSettingError(
            name,
            Reason(
                fact,
                "Use one of these regions, or the collector's host name as Sysdig shows it for your region",
                code=Code.COLLECTOR_UNKNOWN,
                paste=_valid_member(setting),
            ),
        )
    return parsed


def _not_from_template(name: str, value: Json, layer: Layer, resolved: ResolvedSettings) -> Reason | None:
    """Return why a layer of a template may not give a setting this value, or None if it may."""
    subject, settings = f'Setting "{name}" in {layer.name}', resolved.values
    if isinstance(value, dict) and (reason := _variables_not_from_template(name, value, subject, resolved)):
        return reason
    extra_conf = value.get(EXTRA_CONF_VARIABLE, "") if isinstance(value, dict) and name == "AgentEnvironment" else value
    if name in ("ExtraConf", "AgentEnvironment") and (locked := overridden_lock(extra_conf, settings)):
        origin = resolved.layer_name("LockedSettings")
        return Reason(
            f'{subject} may set the collector, but "{locked}" is locked by {origin}',
            _REMOVE_OR_ASK,
            code=Code.EXTRA_CONF_LOCKED,
        )
    if name == "AccessKeySecret" and value == NO_ACCESS_KEY and settings.access_key_secret not in (None, NO_ACCESS_KEY):
        origin = resolved.layer_name(name)
        return Reason(
            f"{subject} is {NO_ACCESS_KEY}, and {origin} names the secret that the agent needs",
            _REMOVE_OR_ASK,
            code=Code.KEY_TAKEN_AWAY,
        )
    if name == "AgentImage" and isinstance(value, str) and not is_trusted(value, settings):
        return Reason(
            f"{subject} is not from a repository of TrustedAgentImages, which by default is the repository of the deployment's AgentImage",
            "Use a tag or digest of a trusted repository, or ask the platform team to add this one to TrustedAgentImages",
            code=Code.AGENT_IMAGE_FORBIDDEN,
        )
    return None


def _variables_not_from_template(
    name: str, variables: Mapping[str, Json], subject: str, resolved: ResolvedSettings
) -> Reason | None:
    """Return why a layer of a template may not set these variables, or None if it may.

    The lock of a setting covers the variable of the same meaning, too, and the variable has the setting's valid values.
    """
    for variable, value in variables.items() if name in SETTING_OF_VARIABLE else ():
        owner = SETTING_OF_VARIABLE[name].get(variable)
        if owner and is_locked(owner, resolved.values):
            origin = resolved.layer_name("LockedSettings")
            return Reason(
                f'{subject} sets {variable}, but "{owner}" is locked by {origin}',
                _REMOVE_OR_ASK,
                code=Code.VARIABLE_LOCKED,
            )
        if owner and variable in REQUIRED_VARIABLES and not is_valid_variable(owner, value):
            return Reason(
                f"{subject} has an invalid value for {variable}",
                f"Remove it, and use the setting {owner}",
                code=Code.VARIABLE_INVALID,
            )
        if name == "WorkloadEnvironment" and variable == REPLACED_WRAPPER_VARIABLE:
            return Reason(
                f"{subject} sets {variable}, which can replace what the wrapper does",
                _REMOVE_OR_ASK,
                code=Code.WRAPPER_VARIABLE_FORBIDDEN,
            )
        if name == "AgentEnvironment" and takes_over(variable):
            return Reason(
                f"{subject} sets {variable}, which can replace what the agent does",
                _REMOVE_OR_ASK,
                code=Code.AGENT_VARIABLE_FORBIDDEN,
            )
    return None


def _check_scope(setting: Setting, layer: Layer, resolved: ResolvedSettings) -> None:
    name = setting.name
    if is_locked(name, resolved.values):
        fact = f'Setting "{name}" in {layer.name} is locked by {resolved.layer_name("LockedSettings")}'
        advice = f"Remove it from {layer.name}, or ask the platform team"
        raise _InvalidSettingError(name, Reason(fact, advice, code=Code.SETTING_LOCKED))
    if layer.is_found:
        if setting.scope is SettingScope.DEPLOYMENT and name not in _FOUND_FILE_SETTINGS:
            fact = f'Setting "{name}" in {layer.name} does not count, because the tool found this file and you did not name it'
            raise _InvalidSettingError(
                name,
                Reason(
                    fact,
                    "Remove it there, and give it with --set, or with --settings and a file that you trust",
                    code=Code.SETTING_IN_FOUND_FILE,
                ),
            )
        return
    if setting.scope is SettingScope.DEPLOYMENT:
        fact = f'Setting "{name}" in {layer.name} can only be set in the macro\'s deployment'
        raise _InvalidSettingError(
            name,
            Reason(
                fact,
                f"Remove it from {layer.name}, or ask the platform team to set it",
                code=Code.SETTING_FOR_DEPLOYMENT,
            ),
        )
    if layer.scope is SettingScope.CONTAINER and setting.scope is SettingScope.TASK:
        fact = f'Setting "{name}" in {layer.name} is for whole task definitions'
        raise _InvalidSettingError(
            name,
            Reason(
                fact,
                "Move it out of Containers",
                code=Code.SETTING_FOR_TASKS,
                paste=paste(PasteInto.RESOURCE, {"Metadata": {"SysdigInstrument": {name: "VALUE"}}}),
            ),
        )
