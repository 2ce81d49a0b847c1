"""The settings of contract section 6 that change what comes out, and the layers they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from judge.values import Json, items, mapping, text_of

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

# The table of facts/sysdig-agent.md, section 6. eu2 and jp1 are not in it: nobody knows their hosts.
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
    """Values by name. An empty text is no value: that is how CloudFormation passes a parameter left blank."""

    values: Mapping[str, Json]

    def over(self, layer: Json) -> Settings:
        """These settings with another layer on top."""
        return Settings({**self.values, **{name: value for name, value in mapping(layer).items() if not _blank(value)}})

    def text(self, name: str) -> str | None:
        """A text, or None where nothing is said."""
        value = self.values.get(name, DEFAULTS.get(name))
        return None if _blank(value) else text_of(value)

    def flag(self, name: str) -> bool:
        """A boolean, which may have arrived as a string."""
        return (self.text(name) or "").lower() == "true"

    def number(self, name: str) -> int | None:
        """A number, which may have arrived as a string."""
        text = self.text(name)
        return int(text) if text is not None and text.isdigit() else None

    def names(self, name: str) -> list[str]:
        """A list of names, which may have arrived as a text with commas."""
        value = self.values.get(name)
        words = value.split(",") if isinstance(value, str) else [text_of(item) for item in items(value)]
        return [word.strip() for word in words if word.strip()]

    def words(self, name: str) -> list[Json]:
        """A list of arguments, which may have arrived as JSON text."""
        value = self.values.get(name)
        return items(json.loads(value) if isinstance(value, str) and value.lstrip().startswith("[") else value)

    def table(self, name: str) -> dict[str, Json]:
        """A map, which may have arrived as JSON text."""
        value = self.values.get(name)
        return mapping(json.loads(value) if isinstance(value, str) and value.lstrip().startswith("{") else value)

    @property
    def collector(self) -> str | None:
        """The collector's host, with the codes of regions looked up."""
        said = self.text("Collector")
        return said if said is None else COLLECTORS.get(said, said)

    def for_container(self, name: str) -> Settings:
        """With what the resource's Metadata says about one container."""
        return self.over(self.table("Containers").get(name))


def layered(given: Mapping[str, Json], template_metadata: Json, resource: Mapping[str, Json]) -> Settings:
    """Deployment, then the template's Metadata, then the resource's (its tags are an alias for Enabled there)."""
    deployment = Settings(dict(given)).over(mapping(template_metadata).get("SysdigInstrument"))
    metadata = mapping(mapping(resource.get("Metadata")).get("SysdigInstrument"))
    opt_in = deployment.over(metadata).text("Mode") == "opt-in"
    labels = tags(resource)
    alias: dict[str, Json] = {}
    if ("kilt-include" if opt_in else "kilt-ignore") in labels:
        alias["Enabled"] = opt_in  # Kilt looks whether the tag is there and not at its value
    if "sysdig-instrument" in labels:
        alias["Enabled"] = labels["sysdig-instrument"]
    return deployment.over(alias).over({name: value for name, value in metadata.items() if name != "Result"})


def says_enabled(resource: Mapping[str, Json]) -> bool:
    """Whether this resource itself asks for the agent: what counts in opt-in mode."""
    return layered({"Enabled": "false", "Mode": "opt-in"}, None, resource).flag("Enabled")


def tags(resource: Mapping[str, Json]) -> dict[str, str]:
    """The tags of a task definition."""
    found = (mapping(tag) for tag in items(mapping(resource.get("Properties")).get("Tags")))
    return {text_of(tag.get("Key")): text_of(tag.get("Value")) for tag in found}


def _blank(value: Json) -> bool:
    return value is None or value == ""
