"""The macro checks what it made, before it answers: a stack with a bad task definition may hang without a word.

A check is a function of one processed task definition that yields problems. What cannot be known is not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from sysdig_instrument.engine.checks import containers, environment, references, role, sizes
from sysdig_instrument.engine.checks.made import Made
from sysdig_instrument.engine.findings import Problem

Check: TypeAlias = Callable[[Made], Iterator[Problem]]

CHECKS: Final[tuple[Check, ...]] = (
    containers.unique_names,
    containers.at_most_ten,
    references.volumes_from,
    references.depends_on,
    references.healthy_agent,
    environment.no_clash,
    role.execution_role,
    sizes.size,
)


def problems(made: Made) -> Iterator[Problem]:
    """All that is wrong with a processed task definition."""
    for check in CHECKS:
        yield from check(made)
