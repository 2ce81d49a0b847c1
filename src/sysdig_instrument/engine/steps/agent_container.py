"""The agent's container in a list of containers. A new one is appended; an existing one is updated to match the settings.

Owns: the container SysdigInstrumentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sysdig_instrument.engine.agent import RECORD_LABEL
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import (
    TRUE,
    Assumptions,
    Leaf,
    LocatedValue,
    Tree,
    any_of,
    can_both_hold,
    flat_map,
    render_tree,
)
from sysdig_instrument.engine.expressions.evaluate import is_active
from sysdig_instrument.engine.findings import Problem, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.paste import EXCLUDE_CONTAINER
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.selection import NOT_THE_AGENT, is_excluded
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.steps.agent import agent_definition
from sysdig_instrument.engine.steps.agent_differences import difference
from sysdig_instrument.engine.steps.step import ChangeOrFinding

STEP_NAME: Final = "ContainerDefinitions"
"""The name that the changes carry."""

_AGENT_REASON: Final = "the agent"
_RUNS_SOMETHING_ELSE: Final = frozenset({Code.AGENT_IMAGE_NOT_TRUSTED, Code.AGENT_COMMAND, Code.AGENT_ALTERED})


def agent_container(
    workloads: Sequence[Container],
    existing: Sequence[Container],
    containers: LocatedValue,
    assumptions: Assumptions,
    settings: Settings,
) -> Iterator[ChangeOrFinding]:
    """Yield the changes to the agent's containers of one list, and the findings about them.

    ``workloads`` are the containers of the list that are instrumented, ``existing`` its containers of the agent's name.
    """
    yield from _second_agents(existing)
    if not workloads:
        return
    definition = agent_definition(settings, workloads, assumptions)
    for container in existing:
        yield from update_agent(container, definition, settings)
    is_instrumented = any_of([container.assumptions for container in workloads], assumptions)
    for change in add_agent(definition, containers, assumptions, is_instrumented, existing):
        yield change.owned_by(workloads[0].task.owner, STEP_NAME)


def disguised_workloads(
    existing: Sequence[Container], assumptions: Assumptions, settings: Settings
) -> Iterator[ChangeOrFinding]:
    """Yield a finding for each container of the agent's name that runs something else than the agent.

    This is for a task in which no other container is instrumented, so that nothing would update them.
    """
    for container in existing:
        updates = update_agent(container, agent_definition(settings, existing, assumptions), settings)
        reasons = [each.unprotected_reason for each in updates if isinstance(each, Change)]
        runs_something_else = any(reason and reason.code in _RUNS_SOMETHING_ELSE for reason in reasons)
        if runs_something_else and not _is_left_alone_on_purpose(container):
            pointer = (*container.pointer, "Name")
            yield container.problem_or_notice(pointer, container.assumptions, _DISGUISED)


_DISGUISED: Final = Reason(
    NOT_THE_AGENT.fact,
    "Rename this container, or remove it if it is the agent: the macro adds the agent itself; or exclude it, too (ExcludeContainers)",
    code=Code.NOT_THE_AGENT,
    paste=EXCLUDE_CONTAINER,
)
_OPT_OUTS: Final = ("Enabled", "ExcludeContainers", "IncludeContainers")


def _is_left_alone_on_purpose(container: Container) -> bool:
    """Return whether the settings exclude the container itself, with the Reason that RequireReason asks for."""
    resolved = container.resolved
    needs_reason = resolved.values.require_reason and any(map(resolved.is_from_template, _OPT_OUTS))
    return is_excluded(container) and not (needs_reason and not resolved.is_from_template("Reason"))


def _second_agents(existing: Sequence[Container]) -> Iterator[Problem]:
    """Yield a problem for each agent's container that exists together with one before it."""
    active = [each for each in existing if is_active(each.assumptions, each.task.scope) is not False]
    for position, container in enumerate(active):
        if any(can_both_hold(container.assumptions, other.assumptions) for other in active[:position]):
            fact, advice = "Another container has the same name", "Give this container a name of its own"
            reason = Reason(fact, advice, code=Code.NOT_THE_AGENT)
            yield Problem(container.location((*container.pointer, "Name")), reason)


def add_agent(
    definition: dict[str, Json],
    containers: LocatedValue,
    assumptions: Assumptions,
    is_instrumented: Tree[bool],
    existing: Sequence[Container],
) -> Iterator[Change]:
    """Yield the change that appends the agent's container to one list of containers.

    It is appended under the conditions in which a container is instrumented (``is_instrumented``) and the list has no
    agent yet. If there are no such conditions, nothing is yielded.
    """
    if not existing and is_instrumented is TRUE:  # as in most lists
        yield Change("add", (*containers.pointer, "-"), _AGENT_REASON, definition)
        return
    has_agent = any_of([container.assumptions for container in existing], assumptions)

    def missing_agent(instrumented: bool, assumed: Assumptions) -> Tree[Json | Absent]:  # noqa: FBT001 - a leaf, not a switch
        return flat_map(
            has_agent,
            assumed,
            lambda has_one, _assumptions: Leaf(definition if instrumented and not has_one else ABSENT),
        )

    item = flat_map(is_instrumented, assumptions, missing_agent)
    if item != Leaf(ABSENT):
        yield Change("add", (*containers.pointer, "-"), _AGENT_REASON, render_tree(item))


def update_agent(container: Container, definition: dict[str, Json], settings: Settings) -> Iterator[ChangeOrFinding]:
    """Yield the changes that update an existing agent's container to match the settings, key by key.

    Each says whether the task is unprotected without it. If no setting gives the access key, the container keeps its
    Secrets: the key may come with one of them.
    """
    for key, value in container.value.items():
        wanted = definition.get(key, ABSENT)
        if wanted == value and isinstance(wanted, bool) is isinstance(value, bool):  # for Python, 0 equals false
            continue
        unprotected_reason = difference(container, key, wanted, settings)
        if key == "Secrets" and wanted is ABSENT and not unprotected_reason:
            continue
        if key == "DockerLabels" and isinstance(value, dict) and value.keys() == {RECORD_LABEL}:
            continue
        yield _update(container, key, wanted, unprotected_reason)
        if wanted is ABSENT:
            fact = f"{key} of the agent's container is removed, because no setting asks for it"
            yield container.notice((*container.pointer, key), Reason(fact, code=Code.AGENT_MEMBER_REMOVED))
    for key, wanted in definition.items():
        if key not in container.value:
            yield _update(container, key, wanted, difference(container, key, wanted, settings))


def _update(container: Container, key: str, wanted: Json | Absent, unprotected_reason: Reason | None) -> Change:
    value = container.value.get(key, ABSENT)
    change = Change(
        "add" if value is ABSENT else "remove" if wanted is ABSENT else "replace",
        (*container.pointer, key),
        "as the settings say",
        None if wanted is ABSENT else wanted,
        was=None if value is ABSENT else value,
        protects=unprotected_reason is not None,
        unprotected_reason=unprotected_reason,
    )
    return change.owned_by(container.owner, STEP_NAME)
