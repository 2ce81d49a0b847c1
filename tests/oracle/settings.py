"""The settings that change the output (docs/settings.md), and the layers they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from oracle.values import Json, items, mapping, text_of

DEFAULTS: Mapping[str, Json] = {
    "CollectorPort": "6443",
    "AgentImage": "quay.io/sysdig/workload-agent:latest",
    "Priority": "availability",
    "SidecarMode": "auto",
    "AgentEssential": "auto",
    "Enabled": "true",
    "Mode": "opt-out",
    "InstrumentLogRouters": "false",
    "LaunchTypes": "FARGATE",
    "UnsupportedArchitecture": "warn",
    "OnUnresolvedImage": "fail",
    "GrantAccessKeyRead": "auto",
    "TaskSize": "keep",
}

# Collector hosts by region code, as Sysdig documents them. eu2 and jp1 are missing: their hosts are unknown.
COLLECTORS: Mapping[str, str] = {
    "us1": "collector.sysdigcloud.com",
    "us2": "ingest-us2.app.sysdig.com",
    "us3": "ingest.us3.sysdig.com",
    "us4": "ingest.us4.sysdig.com",
    "eu1": "ingest-eu1.app.sysdig.com",
    "au1": "ingest.au1.sysdig.com",
    "in1": "ingest.in1.sysdig.com",
    "me2": "ingest.me2.sysdig.com",
}


@dataclass(frozen=True)
class Settings:
    """Values by name. An empty string counts as absent: CloudFormation passes a blank parameter that way."""

    values: Mapping[str, Json]

    def with_layer(self, layer: Json) -> Settings:
        """Return these settings with another layer on top."""
        return Settings(
            {**self.values, **{name: value for name, value in mapping(layer).items() if not _is_blank(value)}}
        )

    def string(self, name: str) -> str | None:
        """Return a string, or None if the setting has no value."""
        value = self.values.get(name, DEFAULTS.get(name))
        return None if _is_blank(value) else text_of(value)

    def boolean(self, name: str) -> bool:
        """Return a boolean, which may be given as a string."""
        return (self.string(name) or "").lower() == "true"

    def integer(self, name: str) -> int | None:
        """Return an integer, which may be given as a string."""
        text = self.string(name)
        return int(text) if text is not None and text.isdigit() else None

    def string_list(self, name: str) -> list[str]:
        """Return a list of strings, which may be given as one string with commas."""
        value = self.values.get(name)
        words = value.split(",") if isinstance(value, str) else [text_of(item) for item in items(value)]
        return [word.strip() for word in words if word.strip()]

    def arguments(self, name: str) -> list[Json]:
        """Return a list of arguments, which may be given as JSON text."""
        value = self.values.get(name)
        return items(json.loads(value) if isinstance(value, str) and value.lstrip().startswith("[") else value)

    def object(self, name: str) -> dict[str, Json]:
        """Return an object, which may be given as JSON text."""
        value = self.values.get(name)
        return mapping(json.loads(value) if isinstance(value, str) and value.lstrip().startswith("{") else value)

    def is_locked(self, name: str) -> bool:
        """Return whether LockedSettings locks a setting: by its name, or by `*` without `!` before the name."""
        words = self.string_list("LockedSettings")
        return f"!{name}" not in words and (name in words or "*" in words)

    @property
    def collector(self) -> str | None:
        """Return the collector's host, with region codes resolved."""
        value = self.string("Collector")
        return value if value is None else COLLECTORS.get(value, value)

    def for_container(self, name: str) -> Settings:
        """Return these settings with those that the resource's Metadata has for one container."""
        return self.with_layer(self.object("Containers").get(name))


def merge_layers(given: Mapping[str, Json], template_metadata: Json, resource: Mapping[str, Json]) -> Settings:
    """Merge the layers: deployment, the template's Metadata, the resource's tags and the resource's Metadata."""
    deployment = Settings(dict(given)).with_layer(mapping(template_metadata).get("SysdigInstrument"))
    metadata = mapping(mapping(resource.get("Metadata")).get("SysdigInstrument"))
    opt_in = deployment.with_layer(metadata).string("Mode") == "opt-in"
    labels = tags(resource)
    alias: dict[str, Json] = {}
    if ("kilt-include" if opt_in else "kilt-ignore") in labels:
        alias["Enabled"] = opt_in  # for Kilt, the tag counts and not its value
    if "sysdig-instrument" in labels:
        alias["Enabled"] = labels["sysdig-instrument"]
    if words := labels.get("sysdig-instrument-exclude", "").split():
        alias["ExcludeContainers"] = [*deployment.string_list("ExcludeContainers"), *words]
    if "sysdig-instrument-reason" in labels:
        alias["Reason"] = labels["sysdig-instrument-reason"]
    return deployment.with_layer(alias).with_layer(
        {name: value for name, value in metadata.items() if name != "Result"}
    )


def has_opted_in(resource: Mapping[str, Json]) -> bool:
    """Return whether this resource itself asks for the agent, as opt-in mode requires."""
    return merge_layers({"Enabled": "false", "Mode": "opt-in"}, None, resource).boolean("Enabled")


def tags(resource: Mapping[str, Json]) -> dict[str, str]:
    """Return the tags of a task definition."""
    found = (mapping(tag) for tag in items(mapping(resource.get("Properties")).get("Tags")))
    return {text_of(tag.get("Key")): text_of(tag.get("Value")) for tag in found}


def tags_contradict(resource: Mapping[str, Json]) -> bool:
    """Return whether a tag is there twice with different values, or two tags say the opposite of each other."""
    found = [mapping(tag) for tag in items(mapping(resource.get("Properties")).get("Tags"))]
    words = {(text_of(tag.get("Key")), text_of(tag.get("Value"))) for tag in found}
    ours = [key for key, _ in words if key.startswith(("sysdig-instrument", "kilt-"))]
    values = dict(words)
    says_true = values.get("sysdig-instrument", "false").strip().lower() not in ("false", "no", "0")
    return len(ours) != len(set(ours)) or ("kilt-ignore" in values and says_true)


def _is_blank(value: Json) -> bool:
    return value is None or value == ""
