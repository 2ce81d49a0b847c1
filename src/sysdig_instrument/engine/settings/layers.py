"""Layers of settings, merged: later layers win, and each value remembers the layer that gave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.table import BY_NAME, COLLECTORS, TABLE, Setting, Settings, SettingScope
from sysdig_instrument.engine.suggestions import did_you_mean
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace

_SETTING_OF_VARIABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "AgentEnvironment": {
        "SYSDIG_COLLECTOR": "Collector",
        "SYSDIG_COLLECTOR_PORT": "CollectorPort",
        "SYSDIG_EXTRA_CONF": "ExtraConf",
        "SYSDIG_LOGGING": "LogLevel",
        "SYSDIG_PRIORITY": "Priority",
        "SYSDIG_SIDECAR": "SidecarMode",
    },
    "WorkloadEnvironment": {"SYSDIG_SIDECAR": "SidecarMode"},
}
"""Variables that a setting of their own gives, by the settings for further variables: these win over it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Some settings and the place they come from.

    ``name`` is what messages call it («--set», «the template's Metadata»). ``scope`` is the kind of place: a layer may
    hold the settings whose reach is its own or wider.
    """

    name: str
    values: Mapping[str, Json]
    scope: SettingScope = SettingScope.DEPLOYMENT


DEFAULT: Final = Layer("default", {})


@dataclass(frozen=True, slots=True)
class ResolvedSettings:
    """Settings with the layer that each came from, by the setting's name; what is not in ``layers`` is the default."""

    values: Settings = field(default_factory=Settings)
    layers: Mapping[str, Layer] = field(default_factory=dict)

    def layer(self, name: str) -> Layer:
        """The layer that gave the setting its value."""
        return self.layers.get(name, DEFAULT)

    def layer_name(self, name: str) -> str:
        """What messages call that layer."""
        return self.layer(name).name

    def source(self, name: str) -> str:
        """Who says so, in words that are the same for the macro and for the command line tool in its place."""
        layer = self.layer(name)
        return "the macro's deployment" if layer.scope is SettingScope.DEPLOYMENT else layer.name

    def is_from_template(self, name: str) -> bool:
        """Whether the template itself says it, and not the macro's deployment or nobody."""
        return self.layer(name).scope is not SettingScope.DEPLOYMENT


@dataclass(frozen=True, slots=True)
class InvalidSetting:
    """What is wrong with one entry of a layer."""

    name: str
    reason: Reason


def with_layer(resolved: ResolvedSettings, layer: Layer) -> tuple[ResolvedSettings, list[InvalidSetting]]:
    """The settings with one more layer over them, and what is wrong with that layer.

    An empty string counts as not set: CloudFormation parameters have no other way to say so.
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
    """The settings that the layers of a deployment give, first to last.

    Raises:
        UsageError: Names that do not exist or values that cannot be used; one line for each.
    """
    resolved, invalid = ResolvedSettings(), list[InvalidSetting]()
    for layer in layers:
        resolved, more = with_layer(resolved, layer)
        invalid += more
    for name in resolved.values.locked_settings:
        if name not in BY_NAME:
            fact = f"Unknown setting {quote(name)} in LockedSettings, which is from {resolved.layer_name('LockedSettings')}"
            invalid.append(InvalidSetting("LockedSettings", Reason(fact, did_you_mean(name, BY_NAME) or "Remove it")))
    if invalid:
        raise UsageError("\n".join(fault.reason.text for fault in invalid))
    return resolved


def from_environment(environment: Mapping[str, str]) -> Layer:
    """The deployment's layer: template.yaml hands its parameters to the Lambda as environment variables."""
    found = {setting.name: environment[setting.variable] for setting in TABLE if environment.get(setting.variable)}
    return Layer("the macro's deployment", dict(found))


class _InvalidSettingError(Exception):
    def __init__(self, name: str, reason: Reason) -> None:
        super().__init__(reason.fact)
        self.invalid = InvalidSetting(name, reason)


def _parse(name: str, value: Json, layer: Layer, resolved: ResolvedSettings) -> Json:
    setting = BY_NAME.get(name)
    if setting is None:
        raise _InvalidSettingError(
            name,
            Reason(
                f"Unknown setting {quote(name)} in {layer.name}",
                did_you_mean(name, BY_NAME) or "Remove it; docs/settings.md lists the settings",
            ),
        )
    if layer.scope is not SettingScope.DEPLOYMENT:
        _check_scope(setting, layer, resolved)
    try:
        read = setting.value_type.parse(value)
    except ValueError as error:
        fact = f'Setting "{name}" in {layer.name} has an invalid value'
        raise _InvalidSettingError(name, Reason(fact, f"Give {error}")) from None
    if layer.scope is not SettingScope.DEPLOYMENT and isinstance(read, dict):
        _check_variables(name, read, layer, resolved)
    if name == "Collector" and "." not in str(read) and read not in COLLECTORS:
        known = ", ".join(COLLECTORS)
        fact = f'Setting "Collector" in {layer.name} is neither a host name nor a known region ({known})'
        # No region is suggested: the nearest name may be in another country, and the data would go there.
        raise _InvalidSettingError(
            name,
            Reason(fact, "Use one of these regions, or the collector's host name as Sysdig shows it for your region"),
        )
    return read


def _check_variables(name: str, variables: Mapping[str, Json], layer: Layer, resolved: ResolvedSettings) -> None:
    """What is locked is locked under the name of its variable, too."""
    for variable, owner in _SETTING_OF_VARIABLE.get(name, {}).items():
        if variable in variables and owner in resolved.values.locked_settings:
            origin = resolved.layer_name("LockedSettings")
            fact = f'Setting "{name}" in {layer.name} gives {variable}, and "{owner}" is locked by {origin}'
            raise _InvalidSettingError(name, Reason(fact, "Take it out there, or ask the platform team"))


def _check_scope(setting: Setting, layer: Layer, resolved: ResolvedSettings) -> None:
    name = setting.name
    if name in resolved.values.locked_settings:
        fact = f'Setting "{name}" in {layer.name} is locked by {resolved.layer_name("LockedSettings")}'
        raise _InvalidSettingError(name, Reason(fact, "Take it out there, or ask the platform team"))
    if setting.scope is SettingScope.DEPLOYMENT:
        fact = f'Setting "{name}" in {layer.name} can be set in the macro\'s deployment only'
        raise _InvalidSettingError(name, Reason(fact, "Take it out there"))
    if layer.scope is SettingScope.CONTAINER and setting.scope is not SettingScope.CONTAINER:
        fact = f'Setting "{name}" in {layer.name} is for whole task definitions'
        raise _InvalidSettingError(name, Reason(fact, "Move it out of Containers"))
