"""The AWS CDK's construct paths, which say where in its code a resource comes from: its logical ids have hashes in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.engine.findings import Finding
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.printable import printable_name

AnyFinding = TypeVar("AnyFinding", bound=Finding)


def construct_path(resource: Json | Mapping[str, Json]) -> str:
    """Return the construct path in a resource's Metadata as reports show it, or an empty string."""
    match resource:
        case {"Metadata": {"aws:cdk:path": str(path)}}:
            return printable_name(path)
    return ""


def with_construct_paths(findings: Iterable[AnyFinding], template: Json) -> tuple[AnyFinding, ...]:
    """Return the findings, each with the construct path of the resource that it is about, if the resource has one."""
    resources = section(template, "Resources")
    paths = {name: path for name, each in resources.items() if (path := construct_path(each))}
    if not paths:
        return tuple(findings)
    return tuple(replace(each, location=replace(each.location, construct=_path(each, paths))) for each in findings)


def _path(finding: Finding, paths: Mapping[str, str]) -> str:
    pointer = finding.location.pointer
    names = (str(pointer[1]) if pointer[:1] == ("Resources",) and len(pointer) > 1 else "", finding.location.task or "")
    return next((paths[name] for name in names if name in paths), "")
