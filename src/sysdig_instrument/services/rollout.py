"""Carry out a rollout: register, move the services all or none, wait, and roll back.

Each step looks at what is there before it changes anything. So a run that was cut off at any point is mended by the next
one: it finds what is registered, and moves only what has not moved. A service that somebody else changes meanwhile is not
touched again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sysdig_instrument.aws_changes import Timer
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.lookup.aws import AwsError
from sysdig_instrument.services.ecs import Ecs
from sysdig_instrument.services.model import RolloutPlan, Service, State, short_arn

POLL_SECONDS: Final = 15
_SERVICE: Final = "Amazon ECS"
_RUN_AGAIN: Final = "Run the command again"
_ALLOW: Final = "Allow what docs/fleet.md lists, and run the command again"
_LOOK: Final = "Look at the events of the service and at its stopped tasks, and run the command again"
_INTERRUPTED: Final = Reason(
    "The run was interrupted, and what has moved goes on", _RUN_AGAIN, code=Code.ROLLOUT_INTERRUPTED
)


@dataclass(slots=True)
class Report:
    """The result of a rollout. ``errors`` is empty if all services moved.

    ``states`` has the state of each service by its label, and ``registered`` the new revision by the one that it is made from.
    ``has_failed_call`` is true if a call of Amazon ECS failed, so that the next run may do what this one could not.
    """

    states: dict[str, State] = field(default_factory=dict)
    registered: dict[str, str] = field(default_factory=dict)
    errors: list[Reason] = field(default_factory=list)
    has_failed_call: bool = False

    @classmethod
    def before(cls, plan: RolloutPlan) -> Report:
        """Return the report on a plan of which nothing is carried out yet."""
        return cls({each.label: State.NOT_MOVED for each in plan.services})


class Rollout:
    """A rollout of a plan. ``tell`` gets each step as a sentence."""

    def __init__(
        self, ecs: Ecs, plan: RolloutPlan, tell: Callable[[str], object], timer: Timer, timeout: float
    ) -> None:
        self._ecs = ecs
        self._plan = plan
        self._tell = tell
        self._timer = timer
        self._timeout = timeout
        self._report = Report.before(plan)
        self._moved: list[Service] = []
        self._seen_back: set[str] = set()

    @property
    def report(self) -> Report:
        """The outcome of each service so far."""
        return self._report

    def run(self) -> Report:
        """Carry it out, and return what became of each service."""
        try:
            if self._register() and not (self._move_all() and self._wait()):
                self._roll_back()
        except KeyboardInterrupt:
            self._report.errors.append(_INTERRUPTED)
        return self._report

    def move_each(self) -> Report:
        """Register, and move each service that can be moved, without waiting for any. Run it again for what is left.

        Each service then has the task definition that it had, the new one, or another one that somebody else gave it.
        """
        if self._register():
            for service in self._plan.services:
                self._move(service)
        return self._report

    def _register(self) -> bool:
        for source, value in self._plan.definitions.items():
            try:
                found = self._ecs.find_registered(source, value)
                self._report.registered[source] = found or self._register_one(source)
            except AwsError as error:
                self._fail("RegisterTaskDefinition", short_arn(source), error)
                return False
            verb = "is registered already as" if found else "is registered as"
            self._tell(f"{short_arn(source)} with the agent {verb} {short_arn(self._report.registered[source])}.")
        return True

    def _register_one(self, source: str) -> str:
        value = self._plan.definitions[source]
        try:
            return self._ecs.register(source, value)
        except AwsError as error:
            if error.is_access_denied:
                raise
            found = self._ecs.find_registered(source, value)  # it may have taken effect
            if found is None:
                raise
            return found

    def _move_all(self) -> bool:
        return all(map(self._move, self._plan.services))

    def _move(self, service: Service) -> bool:
        new = self._report.registered[service.task_definition]
        try:
            now = self._ecs.current(service)
            if now.task_definition not in (service.task_definition, new):
                self._changed_meanwhile(service)
                return False
            if now.task_definition != new:
                after = self._ecs.move(service, new)
                if other := _overwritten(now, after, new):
                    self._give_back(service, other)
                    return False
        except AwsError as error:
            if not self._uses(service, new):
                if not error.is_access_denied and service not in self._moved:
                    self._moved.append(service)  # it may have moved: rolling back makes sure
                self._fail("UpdateService", service.label, error)
                return False
        self._moved.append(service)
        self._report.states[service.label] = State.MOVED
        self._tell(f"Service {service.name} moves to {short_arn(new)}.")
        return True

    def _give_back(self, service: Service, task_definition: str) -> None:
        """Give a service the task definition that somebody else gave it, and that a move has replaced."""
        self._changed_meanwhile(service)
        try:
            self._ecs.move(service, task_definition)
        except AwsError as error:
            self._fail("UpdateService", service.label, error)

    def _uses(self, service: Service, task_definition: str) -> bool:
        """Return whether a service has a task definition. If that cannot be read, it may have it, and is treated so."""
        try:
            return self._ecs.current(service).task_definition == task_definition
        except AwsError:
            self._moved.append(service)  # rolling back looks again
            self._report.states[service.label] = State.UNKNOWN
            return False

    def _wait(self) -> bool:
        left = self._timer.wait(
            self._moved, self._is_done, POLL_SECONDS, self._timeout, may_go_on=lambda: not self._report.errors
        )
        if left and not self._report.errors:
            names = ", ".join(each.name for each in left)
            self._incomplete(f"The deployment did not complete in time: {names}")
        return not self._report.errors

    def _is_done(self, service: Service) -> bool:
        new = self._report.registered[service.task_definition]
        try:
            now = self._ecs.current(service)
        except AwsError:
            return False  # until the time is over
        if now.task_definition == service.task_definition:
            if service.label in self._seen_back:  # else the answer may be from before the move
                self._incomplete(f"Amazon ECS rolled back service {service.name}")  # its circuit breaker did it
            self._seen_back.add(service.label)
        elif now.task_definition != new:
            self._changed_meanwhile(service)
        elif now.has_failed:
            self._incomplete(f"Amazon ECS gave up the deployment of service {service.name}")
        elif now.is_stable:
            self._tell(f"Service {service.name} runs {short_arn(new)}.")
            return True
        return False

    def _roll_back(self) -> None:
        for service in reversed(self._moved):
            new = self._report.registered[service.task_definition]
            try:
                now = self._ecs.current(service)
                state = State.CHANGED_MEANWHILE
                if now.task_definition in (new, service.task_definition):
                    self._ecs.move(service, service.task_definition)  # also if it seems to be back: see Ecs.current
                    state = State.ROLLED_BACK
            except AwsError as error:
                state = State.NOT_ROLLED_BACK
                if self._has_rolled_back(service):
                    state = State.ROLLED_BACK
                else:
                    self._fail("UpdateService", service.label, error)
            self._report.states[service.label] = state
            self._tell(f"Service {service.name}: {state.value}.")

    def _has_rolled_back(self, service: Service) -> bool:
        try:
            return self._ecs.current(service).task_definition == service.task_definition
        except AwsError:
            return False

    def _changed_meanwhile(self, service: Service) -> None:
        self._report.states[service.label] = State.CHANGED_MEANWHILE
        self._moved = [each for each in self._moved if each is not service]
        fact = f"Somebody else changed service {service.name} meanwhile"
        self._report.errors.append(Reason(fact, _RUN_AGAIN, code=Code.ROLLOUT_OVERTAKEN))

    def _fail(self, operation: str, name: str, error: AwsError) -> None:
        self._report.has_failed_call = True
        fact = f"{operation} for {name}: {error.fact(_SERVICE)}"
        self._report.errors.append(Reason(fact, _ALLOW, code=Code.ROLLOUT_CALL_FAILED))

    def _incomplete(self, fact: str) -> None:
        self._report.errors.append(Reason(fact, _LOOK, code=Code.ROLLOUT_INCOMPLETE))


def _overwritten(before: Service, after: Service, new: str) -> str | None:
    """Return the task definition that somebody else gave a service between the look at it and the move, if there is one.

    ECS has no conditional update, but a deployment that was not there before shows one.
    """
    return next((each for each in after.deployed if each and each not in (*before.deployed, new)), None)
