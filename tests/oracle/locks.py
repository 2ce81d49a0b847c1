"""LockedSettings: the names in it, and attempts of lower layers to set one of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.complaints import Complaint, doubt, fault
from oracle.settings import DEFAULTS, Settings, tags, tags_contradict
from oracle.values import Json, mapping, text_of

KILT_TAGS = {
    "kilt-ignore": "Enabled",
    "kilt-include": "Enabled",
    "kilt-ignore-containers": "ExcludeContainers",
    "kilt-include-containers": "IncludeContainers",
}
OWN_TAGS = {
    "sysdig-instrument": "Enabled",
    "sysdig-instrument-exclude": "ExcludeContainers",
    "sysdig-instrument-reason": "Reason",
}


def locked_attempts(
    deployment: Mapping[str, Json], template_metadata: Json, resource: Mapping[str, Json]
) -> Iterator[Complaint]:
    """Yield a complaint for each locked setting that a tag or Metadata sets. One with the locked value is a doubt."""
    settings = Settings(dict(deployment))
    labels = tags(resource)
    mode = settings.string("Mode")
    for key, name in (KILT_TAGS | OWN_TAGS).items():
        if key in labels and settings.is_locked(name):
            same = key == "sysdig-instrument" and labels[key] == settings.string("Enabled")
            is_blank = key == "sysdig-instrument-exclude" and not labels[key].strip()
            ignored = is_blank or (key.startswith("kilt-include") and mode != "opt-in")
            yield doubt("", f"locked-{name}") if same or ignored or name == "Reason" else fault("", f"locked-{name}")
    if tags_contradict(resource):
        yield fault("", "tags-contradict-each-other")
    if labels.get("sysdig-instrument", "true").lower() not in ("true", "false"):
        yield fault("", "tag-is-neither-true-nor-false")
    if "," in labels.get("sysdig-instrument-exclude", ""):
        yield doubt("", "tag-with-commas")  # its names are separated by spaces
    layers = (template_metadata, mapping(resource.get("Metadata")))
    for layer in layers:
        own = mapping(mapping(layer).get("SysdigInstrument"))
        for values in (own, *map(mapping, mapping(own.get("Containers")).values())):
            yield from _takes_the_protection_away(values, settings)
            for name, value in values.items():
                if name not in ("Result", "Containers") and settings.is_locked(name):
                    same = text_of(value) == text_of(deployment.get(name, DEFAULTS.get(name)))
                    yield doubt("", f"locked-{name}") if same else fault("", f"locked-{name}")


def _takes_the_protection_away(values: Mapping[str, Json], deployment: Settings) -> Iterator[Complaint]:
    """Yield a fault for each setting with which a template would leave its task unprotected."""
    if values.get("AccessKeySecret") == "none" and deployment.string("AccessKeySecret") not in (None, "none"):
        yield fault("", "template-takes-the-key-away")
    variables = mapping(values.get("WorkloadEnvironment"))
    if "__INSTRUMENTATION_WRAPPER" in variables or variables.get("SYSDIG_SIDECAR", "auto") not in ("auto", "force"):
        yield fault("", "template-replaces-the-wrapper")
