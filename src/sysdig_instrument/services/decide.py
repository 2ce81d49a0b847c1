"""The decisions of a rollout: which services move, and which stay as they are, and why.

All or none: a service that cannot move blocks all, because a fleet that is protected in part looks protected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from sysdig_instrument.engine.settings.tags import INSTRUMENT_TAG
from sysdig_instrument.services.model import (
    ROLLING,
    Action,
    Decision,
    DefinitionResult,
    Described,
    RolloutPlan,
    Service,
)

_STACK_TAG: Final = "aws:cloudformation:stack-name"
_CONTROLLERS: Final = {"CODE_DEPLOY": "AWS CodeDeploy", "EXTERNAL": "an external controller", "EXPRESS": "Express Mode"}


def plan_rollout(
    services: Iterable[Service],
    definitions: Mapping[str, Described],
    change: Callable[[Described, str], DefinitionResult],
    *,
    may_opt_out: bool = True,
    may_supersede: bool = False,
) -> RolloutPlan:
    """Return the plan for services with the task definitions that they use, by ARN.

    ``change`` decides about a task definition that a service starts with a launch type. It is called once for each pair of
    them. Without ``may_opt_out``, a lock forbids the services to opt out. With ``may_supersede``, a service also moves while a
    rolling deployment of it is not complete, because that may have brought the task definition; and from a task definition
    that is deregistered, to which it could not be rolled back.
    """
    results: dict[tuple[str, str], DefinitionResult] = {}
    decisions: list[Decision] = []
    for service in services:
        decision = _decide_service(service, may_opt_out=may_opt_out)
        if decision is None:
            used = _used(service)
            if used not in results:
                results[used] = change(definitions[service.task_definition], service.launch_type)
            result = results[used]
            decision = Decision(service, result.action, result.why)
            why = _why_not_now(service, definitions[service.task_definition], may_supersede=may_supersede)
            if result.action is Action.MOVE and why:
                decision = Decision(service, Action.REFUSED, why)
        decisions.append(decision)
    moving = [results[_used(each.service)] for each in decisions if each.action is Action.MOVE]
    sources = [each.service.task_definition for each in decisions if each.action is Action.MOVE]
    to_register = {arn: each.value for arn, each in zip(sources, moving, strict=True) if each.value is not None}
    notices = dict.fromkeys(notice for each in moving for notice in each.notices)
    return RolloutPlan(tuple(decisions), to_register, tuple(notices))


def _why_not_now(service: Service, described: Described, *, may_supersede: bool) -> str:
    """Return why a service cannot move as it is now, or could not move back; empty if it can."""
    if not (service.is_stable or (may_supersede and service.strategy == ROLLING)):
        if service.has_failed:
            return "its last deployment has failed. Give it a task definition that starts, and run this again"
        return "a deployment of it is not complete. Wait for it, and run this again"
    if not may_supersede and described["taskDefinition"].get("status") == "INACTIVE":
        return "its task definition is deregistered, so it could not be rolled back. Give it an active revision first"
    return ""


def _used(service: Service) -> tuple[str, str]:
    """Return what a decision about a task definition depends on: which one it is, and what starts it."""
    return service.task_definition, service.launch_type


def made_by_stack(tags: Mapping[str, str]) -> str | None:
    """Return the name of the stack that made something with these tags. Only AWS can set a tag whose name begins with aws:."""
    return tags.get(_STACK_TAG)


def _decide_service(service: Service, *, may_opt_out: bool) -> Decision | None:
    """Return the decision about a service that does not depend on its task definition, if there is one."""
    if opts_out(service):
        if not may_opt_out:
            return Decision(service, Action.REFUSED, f"its tag {INSTRUMENT_TAG} is false, and Enabled is locked")
        return Decision(service, Action.LEFT_ALONE, f"its tag {INSTRUMENT_TAG} is false")
    if stack := made_by_stack(service.tags):
        return Decision(
            service, Action.LEFT_ALONE, f"it belongs to the stack {stack}, whose template can list the macro"
        )
    if service.controller != "ECS":
        controller = _CONTROLLERS.get(service.controller, service.controller)
        return Decision(service, Action.LEFT_ALONE, f"{controller} deploys it: give it the task definition there")
    return None


def opts_out(service: Service) -> bool:
    """Return whether the tags of a service say that it is to be left alone."""
    return service.tags.get(INSTRUMENT_TAG, "").strip().lower() == "false"


def is_same_definition(left: Mapping[str, object], right: Mapping[str, object]) -> bool:
    """Return whether two task definitions are the same for ECS, which adds what is empty, and may sort variables."""
    return _normalized(left) == _normalized(right)


def _normalized(value: object) -> object:
    """Return a value without what ECS adds to what is registered."""
    if isinstance(value, dict):
        members = {key: _normalized(each) for key, each in value.items()}
        return {key: each for key, each in members.items() if each not in (None, [], {}, 0, "")}
    if isinstance(value, list):
        items = [_normalized(each) for each in value]
        is_named = bool(items) and all(isinstance(each, dict) and "name" in each and len(each) <= 2 for each in items)  # noqa: PLR2004 - name and value
        return sorted(items, key=lambda each: str(each["name"])) if is_named else items  # type: ignore[index]
    return value
