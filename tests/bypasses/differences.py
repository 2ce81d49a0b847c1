"""Where one judge may answer something else than the others, and why. Everything else is an error of one of them."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """A judge's answers for the kinds of mutations that a pattern matches may differ from those of the others."""

    judge: str
    pattern: str
    reason: str


DIFFERENCES = (
    Difference(
        "coverage",
        r"task\.RequiresCompatibilities.*",
        "coverage reads how a task was launched, and judges what its definition does not say to be for Fargate",
    ),
    Difference(
        "coverage",
        r"task\.ContainerDefinitions: .*",
        "ECS has no task definition without containers, so coverage calls one unknown",
    ),
    Difference(
        "hook",
        r"task\.ContainerDefinitions: .*",
        "the hook stops what it cannot read, and a task definition without containers leaves nothing to instrument",
    ),
)


def may_differ(judge: str, kind: str) -> bool:
    """Return whether a judge may differ for a kind of mutation."""
    return any(each.judge == judge and re.fullmatch(each.pattern, kind) for each in DIFFERENCES)
