"""Variables and secrets share one set of names (ECS API reference, ContainerDefinition.secrets)."""

from __future__ import annotations

from collections.abc import Iterator

from sysdig_instrument.engine.checks.made import Made, MadeContainer
from sysdig_instrument.engine.findings import Problem, Reason, quoted


def no_clash(made: Made) -> Iterator[Problem]:
    """No secret has the name of a variable."""
    for container in made.containers:
        if "Secrets" not in container.value:
            continue
        for name in sorted(_names(made, container, "Secrets") & _names(made, container, "Environment")):
            yield Problem(
                made.place(container, "Secrets"), Reason(f"{quoted(name)} is both a secret and an environment variable",
                "Take one of them out"),
            )  # fmt: skip


def _names(made: Made, container: MadeContainer, key: str) -> set[str]:
    return {name for name, *_ in made.entries(container, key, "Name") if isinstance(name, str)}
