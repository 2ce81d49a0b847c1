"""What a rollout does while services deploy: it waits, goes back, and leaves alone what somebody else changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sysdig_instrument.aws_changes import Timer
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.lookup.aws import AwsError
from sysdig_instrument.services.decide import is_same_definition, plan_rollout
from sysdig_instrument.services.model import Action, DefinitionResult, Described, RolloutPlan, Service, State
from sysdig_instrument.services.rollout import POLL_SECONDS, Report, Rollout

OLD, NEW, OTHER = (f"arn:aws:ecs:eu-central-1:111122223333:task-definition/shop:{number}" for number in (1, 2, 9))
VALUE: Described = {"taskDefinition": {"family": "shop"}, "tags": []}


class FakeEcs:
    """Services that deploy for some polls. ``observe`` may change them before each look, as ECS or somebody else does."""

    def __init__(self, *names: str, observe: Callable[[FakeEcs, str], object] = lambda *_: None) -> None:
        self.services = {name: Service("shop", name, OLD) for name in names}
        self.observe = observe
        self.seconds = 0.0
        self.moves: list[tuple[str, str]] = []

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def find_registered(self, _source: str, _value: Described) -> str | None:
        return None

    def register(self, _source: str, _value: Described) -> str:
        return NEW

    def current(self, service: Service) -> Service:
        self.observe(self, service.name)
        return self.services[service.name]

    def move(self, service: Service, task_definition: str) -> Service:
        self.moves.append((service.name, task_definition))
        self.set(service.name, task_definition=task_definition)
        return self.services[service.name]

    def set(self, name: str, **members: Any) -> None:
        self.services[name] = replace(self.services[name], **members)


def rolled_out(ecs: FakeEcs, timeout: float = 600) -> Report:
    plan = plan_rollout(ecs.services.values(), {OLD: VALUE}, lambda *_: DefinitionResult(Action.MOVE, value=VALUE))
    told: list[str] = []
    report = Rollout(ecs, plan, told.append, Timer(lambda: ecs.seconds, ecs.sleep), timeout).run()  # type: ignore[arg-type]
    assert told
    return report


def test_it_waits_until_the_deployment_is_complete() -> None:
    def observe(ecs: FakeEcs, name: str) -> None:
        if ecs.moves:
            ecs.set(name, rollouts=("IN_PROGRESS", "COMPLETED") if ecs.seconds < 40 else ("COMPLETED",))

    ecs = FakeEcs("api", observe=observe)
    report = rolled_out(ecs)
    assert (report.errors, report.states) == ([], {"shop/api": State.MOVED})
    assert ecs.seconds == 3 * POLL_SECONDS


def fails(ecs: FakeEcs, name: str) -> None:
    if ecs.services[name].task_definition == NEW and name == "web":
        ecs.set(name, rollouts=("FAILED", "COMPLETED"))


def rolls_back(ecs: FakeEcs, name: str) -> None:
    if ecs.services[name].task_definition == NEW and name == "web":
        ecs.set(name, task_definition=OLD, rollouts=("IN_PROGRESS",))


def never_ends(ecs: FakeEcs, name: str) -> None:
    if ecs.services[name].task_definition == NEW and name == "web":
        ecs.set(name, rollouts=("IN_PROGRESS", "COMPLETED"))


def cannot_be_read(ecs: FakeEcs, _: str) -> None:
    if 0 < ecs.seconds < 500 or (len(ecs.moves) == 2 and ecs.seconds == 0):
        raise AwsError("ThrottlingException")


@pytest.mark.parametrize("observe", [fails, rolls_back, never_ends], ids=lambda each: each.__name__)
def test_all_go_back_if_one_deployment_fails(observe: Callable[[FakeEcs, str], object]) -> None:
    ecs = FakeEcs("api", "web", observe=observe)
    report = rolled_out(ecs)
    assert {each.task_definition for each in ecs.services.values()} == {OLD}
    assert report.states == {"shop/api": State.ROLLED_BACK, "shop/web": State.ROLLED_BACK}
    assert len(report.errors) == 1
    assert "web" in report.errors[0].coded_text


class LateEcs(FakeEcs):
    """Amazon ECS that does not show a change at once: its API is eventually consistent."""

    def current(self, service: Service) -> Service:
        super().current(service)
        moves = [number for number, (name, _) in enumerate(self.moves) if name == service.name]
        is_late = bool(moves) and self.seconds == 0
        return replace(self.services[service.name], task_definition=OLD) if is_late else self.services[service.name]


def test_an_answer_from_before_the_move_is_not_taken_for_a_rollback() -> None:
    report = rolled_out(LateEcs("api", "web"))
    assert (report.errors, set(report.states.values())) == ([], {State.MOVED})


@pytest.mark.parametrize("code", ["AccessDeniedException", "ReadTimeoutError"])
def test_all_go_back_although_ecs_shows_that_late(code: str) -> None:
    class Ecs(LateEcs):
        def move(self, service: Service, task_definition: str) -> Service:
            if (service.name, task_definition) == ("web", NEW):
                if code != "AccessDeniedException":
                    super().move(service, task_definition)  # it takes effect, and the answer is lost
                raise AwsError(code)
            return super().move(service, task_definition)

    ecs = Ecs("api", "web")
    report = rolled_out(ecs)
    assert {each.task_definition for each in ecs.services.values()} == {OLD}
    assert (report.states["shop/api"], len(report.errors)) == (State.ROLLED_BACK, 1)


def test_a_service_that_cannot_be_read_for_a_while_does_no_harm() -> None:
    report = rolled_out(FakeEcs("api", "web", observe=cannot_be_read))
    assert (report.errors, set(report.states.values())) == ([], {State.MOVED})


@pytest.mark.parametrize("after_moves", [0, 2])
def test_what_somebody_else_changes_is_not_touched_again(after_moves: int) -> None:
    def observe(ecs: FakeEcs, name: str) -> None:
        if name == "web" and len(ecs.moves) >= after_moves:
            ecs.set(name, task_definition=OTHER)

    ecs = FakeEcs("api", "web", observe=observe)
    report = rolled_out(ecs)
    assert report.states == {"shop/api": State.ROLLED_BACK, "shop/web": State.CHANGED_MEANWHILE}
    assert ecs.services["web"].task_definition == OTHER
    assert ecs.moves[-1] == ("api", OLD)


def test_an_interruption_says_what_has_moved() -> None:
    def observe(ecs: FakeEcs, _: str) -> None:
        if len(ecs.moves) == 1:
            raise KeyboardInterrupt

    report = rolled_out(FakeEcs("api", "web", observe=observe))
    assert report.states == {"shop/api": State.MOVED, "shop/web": State.NOT_MOVED}
    assert report.errors[0].code is Code.ROLLOUT_INTERRUPTED


def services() -> Iterator[tuple[Service, Action]]:
    yield Service("shop", "plain", OLD), Action.MOVE
    yield Service("shop", "deploying", OLD, rollouts=("IN_PROGRESS", "COMPLETED")), Action.REFUSED
    yield Service("shop", "off", OLD, tags={"sysdig-instrument": " False "}), Action.LEFT_ALONE
    yield Service("shop", "of-a-stack", OLD, tags={"aws:cloudformation:stack-name": "x"}), Action.LEFT_ALONE
    yield Service("shop", "blue-green", OLD, controller="CODE_DEPLOY"), Action.LEFT_ALONE
    yield Service("shop", "express", OLD, controller="EXPRESS"), Action.LEFT_ALONE


def test_decisions() -> None:
    plan = plan_of([service for service, _ in services()])
    assert [each.action for each in plan.decisions] == [action for _, action in services()]
    assert plan.is_refused
    assert list(plan.definitions) == [OLD]
    assert plan_of([Service("shop", "off", OLD, controller="EXTERNAL")]).definitions == {}


def test_a_deployment_that_has_failed_never_completes() -> None:
    (decision,) = plan_of([Service("shop", "web", OLD, rollouts=("FAILED",))]).decisions
    assert (decision.action, "has failed" in decision.why, "Wait" in decision.why) == (Action.REFUSED, True, False)


def test_a_lock_forbids_an_opt_out() -> None:
    service = Service("shop", "off", OLD, tags={"sysdig-instrument": "false"})
    plan = plan_rollout([service], {}, lambda *_: DefinitionResult(Action.MOVE), may_opt_out=False)
    assert plan.is_refused


def plan_of(given: list[Service]) -> RolloutPlan:
    return plan_rollout(given, {OLD: VALUE}, lambda *_: DefinitionResult(Action.MOVE, value=VALUE))


def test_definitions_are_compared_as_ecs_treats_them() -> None:
    one = {"environment": [{"name": "B", "value": "1"}, {"name": "A", "value": ""}], "cpu": 0, "mountPoints": []}
    two = {"environment": [{"name": "A", "value": ""}, {"name": "B", "value": "1"}], "volumesFrom": None}
    assert is_same_definition(one, two)
    assert not is_same_definition(one, {**two, "cpu": 1})
    assert not is_same_definition({"command": ["a", "b"]}, {"command": ["b", "a"]})


def test_a_deployment_in_progress_is_superseded_on_request_only() -> None:
    rolling = Service("shop", "web", OLD, rollouts=("IN_PROGRESS", "COMPLETED"))
    canary = replace(rolling, name="api", strategy="CANARY")
    plan = plan_rollout(
        [rolling, canary], {OLD: VALUE}, lambda *_: DefinitionResult(Action.MOVE, value=VALUE), may_supersede=True
    )
    assert [each.action for each in plan.decisions] == [Action.MOVE, Action.REFUSED]
    assert plan_of([rolling]).is_refused
