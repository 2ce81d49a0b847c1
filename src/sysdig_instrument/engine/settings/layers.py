"""Layers of settings, merged: later layers win, and each value remembers the layer that gave it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.table import BY_NAME, COLLECTORS, TABLE, Reach, Settings
from sysdig_instrument.errors import UsageError

DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Layer:
    """Some settings and the place they come from.

    ``name`` is what messages call it (``deployment``, ``--set``, ``Metadata of the template``). ``reach`` is the kind of
    place: a layer may hold the settings whose reach is its own or wider.
    """

    name: str
    values: Mapping[str, Json]
    reach: Reach = Reach.DEPLOYMENT


@dataclass(frozen=True, slots=True)
class Settled:
    """Settings with the layer that each came from, by the setting's name; what is not in ``origins`` is the default."""

    settings: Settings = field(default_factory=Settings)
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, name: str) -> str:
        """The layer that gave the setting its value."""
        return self.origins.get(name, DEFAULT)


def merged(settled: Settled, layer: Layer) -> tuple[Settled, list[str]]:
    """The settings with one more layer over them, and what is wrong with that layer, a sentence each.

    An empty string counts as not set: CloudFormation parameters have no other way to say so.
    """
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, value in layer.values.items():
        if value in ("", None):
            continue
        fault = _fault(name, layer, settled)
        if fault:
            faults.append(fault)
            continue
        try:
            values[name] = BY_NAME[name].kind.read(value)
        except ValueError as error:
            faults.append(f'Setting "{name}" in {layer.name} has a value that cannot be used. Give {error}.')
            continue
        if name == "Collector" and "." not in str(values[name]) and values[name] not in COLLECTORS:
            faults.append(_unknown_region(str(values.pop(name)), layer))
    if not values:
        return settled, faults
    attributes = {BY_NAME[name].attribute: value for name, value in values.items()}
    origins = {**settled.origins, **dict.fromkeys(values, layer.name)}
    return Settled(replace(settled.settings, **attributes), origins), faults


def settle(*layers: Layer) -> Settled:
    """The settings that the layers give, first to last.

    Raises:
        UsageError: Names that do not exist or values that cannot be used; one line for each.
    """
    settled, faults = Settled(), list[str]()
    for layer in layers:
        settled, more = merged(settled, layer)
        faults += more
    faults += [
        f'LockedSettings in {settled.origin("LockedSettings")} names "{name}", which is no setting.{nearest(name, BY_NAME)}'
        for name in settled.settings.locked_settings
        if name not in BY_NAME
    ]
    if faults:
        raise UsageError("\n".join(faults))
    return settled


def from_environment(environment: Mapping[str, str]) -> Layer:
    """The deployment's layer: template.yaml hands its parameters to the Lambda as environment variables."""
    found = {setting.name: environment[setting.variable] for setting in TABLE if environment.get(setting.variable)}
    return Layer("the macro's deployment", dict(found))


def nearest(name: str, known: Mapping[str, object]) -> str:
    """« Did you mean …?», or nothing where no known name is near."""
    by_case = {key.casefold(): key for key in known}
    close = difflib.get_close_matches(name.casefold(), by_case, n=1)
    return f' Did you mean "{by_case[close[0]]}"?' if close else ""


def _fault(name: str, layer: Layer, settled: Settled) -> str | None:
    setting = BY_NAME.get(name)
    if setting is None:
        return f'{layer.name[0].upper()}{layer.name[1:]} sets "{name}", which is no setting.{nearest(name, BY_NAME)}'
    if layer.reach is Reach.DEPLOYMENT:
        return None
    if name in settled.settings.locked_settings:
        return f'Setting "{name}" in {layer.name} is locked by {settled.origin("LockedSettings")}. Take it out there, or ask the platform team.'
    if setting.reach is Reach.DEPLOYMENT:
        return f'Setting "{name}" in {layer.name} can be set in the macro\'s deployment only. Take it out there.'
    if layer.reach is Reach.CONTAINER and setting.reach is not Reach.CONTAINER:
        return f'Setting "{name}" in {layer.name} is for whole task definitions. Move it out of Containers.'
    return None


def _unknown_region(value: str, layer: Layer) -> str:
    return (
        f'Setting "Collector" in {layer.name} is neither a host name nor a region that is known ({", ".join(COLLECTORS)}).'
        f"{nearest(value, COLLECTORS)}"
    )
