"""Notice about a log router that is instrumented: ECS no longer starts it before the containers that log to it.

Owns: nothing.

Source: aws/amazon-ecs-agent, ``addFirelensContainerDependency``: ECS adds the dependency on a router only if the router
depends on nothing itself, and ``initializeContainerOrdering`` has made a dependency of each VolumesFrom before. Fargate may
differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container, is_given
from sysdig_instrument.engine.findings import Notice, Reason
from sysdig_instrument.engine.json_types import ABSENT
from sysdig_instrument.engine.selection import is_log_router

_LOSES_HEAD_START: Final = Reason(
    "With the wrapper's volume, ECS may no longer start the log router before the containers that log to it, and their first lines may be lost",
    "Give these containers a DependsOn on the router (Condition: START), or set InstrumentLogRouters to false",
    code=Code.LOG_ROUTER_ORDER,
)


def log_routers(container: Container) -> Iterator[Notice]:
    """Yield a notice if the container is a log router that ECS starts first as long as it depends on nothing."""
    firelens = container.value.get("FirelensConfiguration")
    if not isinstance(firelens, dict) or is_log_router(firelens, container.scope) is False:
        return
    if not is_given(container.value.get("DependsOn", ABSENT), container.scope):
        yield container.notice((*container.pointer, "FirelensConfiguration"), _LOSES_HEAD_START)
