"""ECS reads secrets and private images' credentials with the execution role (ECS developer guide)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.checks.made import Made
from sysdig_instrument.engine.findings import Problem, Reason
from sysdig_instrument.engine.intrinsics import is_attribute
from sysdig_instrument.engine.json_types import ABSENT

_NEED_A_ROLE: Final = ("Secrets", "RepositoryCredentials")


def execution_role(made: Made) -> Iterator[Problem]:
    """There is an execution role where the agent's container needs one."""
    role = made.properties.get("ExecutionRoleArn", ABSENT)
    # An attribute will be there, whatever it is worth: most roles are one, and to find that out takes its time.
    if is_attribute(role) or made.worth(role) not in (ABSENT, ""):
        return
    for container in made.containers:
        if container.name == AGENT_NAME and any(key in container.value for key in _NEED_A_ROLE):
            yield Problem(
                made.place(None, "ExecutionRoleArn"),
                Reason("The task has no execution role, and ECS needs one to give the agent its access key",
                "Give the task an ExecutionRoleArn, or set DefaultExecutionRoleArn"),
            )  # fmt: skip
