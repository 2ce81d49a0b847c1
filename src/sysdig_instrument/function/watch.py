"""Watch: judge what a call of Amazon ECS has brought, report what is not protected, and repair it on request.

Each step looks at what is there before it changes anything, so an event may come late, twice, or after others. What a run
could not do, the next run does: Lambda repeats an event whose run failed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from sysdig_instrument.aws_changes import Timer
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.protection import Protection
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.locks import is_locked
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.function.watch_event import Owner, Subject
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.lookup.aws import AwsError
from sysdig_instrument.planning import LookupFunction
from sysdig_instrument.services.decide import made_by_stack, opts_out, plan_rollout
from sysdig_instrument.services.definitions import instrument, judge, settings_for
from sysdig_instrument.services.ecs import Ecs, tags_of
from sysdig_instrument.services.model import (
    FARGATE,
    SOURCE_TAG,
    Action,
    DefinitionResult,
    Described,
    RolloutPlan,
    Service,
    revision,
    short_arn,
)
from sysdig_instrument.services.rollout import Rollout

_NOT_FOUND: Final = frozenset({"ClientException", "ClusterNotFoundException", "ServiceNotFoundException"})
"""What Amazon ECS returns for a task definition, a cluster or a service that does not exist."""

_TASK_SET: Final = "the controller of the service made the task set: give it a task definition with the agent"


class Status(Enum):
    """The result of an event. ``UNPROTECTED`` is reported."""

    IGNORED = "ignored"
    PASSED = "passed"
    UNPROTECTED = "unprotected"


@dataclass(slots=True)
class Outcome:
    """The findings and the actions of watch about one event. The texts are sentences without a full stop, and have names, places and codes only.

    ``services`` has what became of each service. ``is_complete`` is false if a call failed, so that the event is to be repeated.
    """

    status: Status
    why: str = ""
    subject: Subject | None = None
    task_definition: str = ""
    verdict: Protection | None = None
    registered: str = ""
    services: dict[str, str] = field(default_factory=dict)
    not_repaired: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    is_complete: bool = True

    @property
    def as_json(self) -> dict[str, Json]:
        """The form in the log, and in the message to the topic."""
        values: dict[str, Json] = {
            "status": self.status.value,
            "why": self.why or (self.verdict.text if self.verdict else ""),
            "task_definition": self.task_definition,
            "registered": self.registered,
            "services": dict(self.services),
            "not_repaired": list(self.not_repaired),
            "errors": list(self.errors),
        }
        if self.subject:
            values |= {"event": self.subject.event_name, "event_id": self.subject.event_id}
            values |= {"who": self.subject.who, "what": self.subject.what}
        if self.verdict:
            values |= {"verdict": self.verdict.verdict.value, "codes": [code.value for code in self.verdict.codes]}
        return {key: value for key, value in values.items() if value}


class Watch:
    """Handles events. ``make_look_up`` is called for a task definition that is repaired; None means that nothing is repaired."""

    def __init__(
        self,
        ecs: Ecs,
        owner: Owner,
        settings: ResolvedSettings,
        make_look_up: Callable[[Settings], LookupFunction] | None,
        timer: Timer,
    ) -> None:
        self._ecs = ecs
        self._owner = owner
        self._settings = settings
        self._make_look_up = make_look_up
        self._timer = timer

    def handle(self, subject: Subject) -> Outcome:
        """Judge the task definition that an event is about, and repair it if that is asked for.

        Raises:
            AwsError: Amazon ECS did not say what has to be known to judge it.
        """
        service = self._service(subject)
        if subject.service and service is None:
            return Outcome(Status.IGNORED, "the service does not exist any more", subject)
        used = subject.task_definition if subject.is_task_set or not service else service.task_definition
        described = self._describe(used) if used else None
        if described is None:
            return Outcome(Status.UNPROTECTED, subject=subject, verdict=_unread(service))
        arn = described["taskDefinition"]["taskDefinitionArn"]
        settings = settings_for(_launch_type(service, arn, subject), self._settings)
        verdict = judge(described, settings)
        outcome = Outcome(Status.UNPROTECTED, "", subject, short_arn(arn), verdict)
        if verdict.passes:
            outcome.status = Status.PASSED
        elif service and opts_out(service) and self._may_opt_out:
            outcome.status, outcome.why = Status.PASSED, "the tags of the service leave it alone"
        elif self._make_look_up and subject.is_task_set:
            outcome.not_repaired.append(_TASK_SET)
        elif self._make_look_up:
            self._repair(outcome, described, settings, self._make_look_up(settings.values), service)
        return outcome

    @property
    def _may_opt_out(self) -> bool:
        return not is_locked("Enabled", self._settings.values)

    def _service(self, subject: Subject) -> Service | None:
        """Return the service of an event as it is now; None if it does not exist."""
        if not subject.service:
            return None
        try:
            return self._ecs.find_service(subject.cluster, subject.service)
        except AwsError as error:
            if error.code in _NOT_FOUND:
                return None
            raise

    def _describe(self, task_definition: str) -> Described | None:
        """Return a task definition; None if Amazon ECS has none of this name."""
        try:
            return self._ecs.describe(task_definition)
        except AwsError as error:
            if error.code in _NOT_FOUND:
                return None
            raise

    def _repair(
        self,
        outcome: Outcome,
        described: Described,
        settings: ResolvedSettings,
        look_up: LookupFunction,
        service: Service | None,
    ) -> None:
        try:
            if why := self._why_left(described):
                outcome.not_repaired.append(why)
                return
            context = Context(deployment_settings=settings, region=self._owner.region, account=self._owner.account)
            result = instrument(described, context, look_up)
            if result.action is not Action.MOVE:
                outcome.not_repaired.append(result.why)
                outcome.is_complete = result.is_final
                return
            plan = self._plan(outcome, described, result, service)
        except AwsError as error:
            outcome.errors.append(error.fact("Amazon ECS"))
            outcome.is_complete = False
            return
        if plan.definitions:
            self._roll_out(outcome, plan)

    def _why_left(self, described: Described) -> str:
        """Return why a task definition is reported and not repaired; empty if it can be repaired."""
        tags = tags_of(described["tags"])
        if stack := made_by_stack(tags):
            return f"it belongs to the stack {stack}, whose template can list the macro"
        source = tags.get(SOURCE_TAG, "")
        family = described["taskDefinition"].get("family")
        if source.rpartition(":")[0] == family and revision(source):
            earlier = self._describe(source)
            if earlier is not None and SOURCE_TAG in tags_of(earlier["tags"]):
                return (
                    "it was made from what watch had made: another tool, or a watch with other settings, changes it too"
                )
        return ""

    def _plan(
        self, outcome: Outcome, described: Described, result: DefinitionResult, service: Service | None
    ) -> RolloutPlan:
        """Return what to register and which services to move.

        A task definition that no service uses is registered too, if it is the latest of its family: what starts tasks by the
        family's name then starts the protected one.
        """
        arn = described["taskDefinition"]["taskDefinitionArn"]
        services = [service] if service else self._services_with(arn)
        definitions = dict.fromkeys((each.task_definition for each in services), described)
        plan = plan_rollout(services, definitions, lambda *_: result, may_opt_out=self._may_opt_out, may_supersede=True)
        for decision in plan.decisions:
            if decision.action is not Action.MOVE:
                outcome.services[decision.service.label] = f"not moved: {decision.why}"
        if plan.definitions or service or result.value is None:
            return plan
        if self._is_latest(described):
            return RolloutPlan(plan.decisions, {arn: result.value})
        outcome.not_repaired.append("no service that could be moved uses it, and it is not the latest of its family")
        return plan

    def _services_with(self, arn: str) -> list[Service]:
        name = short_arn(arn)
        return [
            each
            for cluster in self._ecs.clusters()
            for each in self._ecs.services(cluster)
            if short_arn(each.task_definition) == name
        ]

    def _is_latest(self, described: Described) -> bool:
        """Return whether a task definition is active, and nothing but what was made from it, or from earlier ones, is later."""
        definition = described["taskDefinition"]
        own, family = revision(definition["taskDefinitionArn"]), str(definition["family"])
        if definition.get("status") != "ACTIVE":
            return False
        for arn in self._ecs.revisions(family):
            if revision(arn) <= own:
                return True
            source = tags_of(self._ecs.describe(arn)["tags"]).get(SOURCE_TAG, "")
            if not (source.rpartition(":")[0] == family and 0 < revision(source) <= own):
                return False
        return False

    def _roll_out(self, outcome: Outcome, plan: RolloutPlan) -> None:
        report = Rollout(self._ecs, plan, lambda _: None, self._timer, 0).move_each()
        outcome.registered = next((short_arn(each) for each in report.registered.values()), "")
        outcome.services |= {name: state.value for name, state in report.states.items()}
        # Without their advice, which is for those who run apply.
        outcome.errors += [f"{each.fact} ({each.code.value})" for each in report.errors]
        outcome.is_complete = not report.has_failed_call


def _launch_type(service: Service | None, arn: str, subject: Subject) -> str:
    """Return the launch type with which a service, or a task set of it, starts a task definition; empty if it is not known.

    A task set is believed to be on Fargate if either Amazon ECS or the event says so: ECS may not list it yet.
    """
    if service is None:
        return ""
    return FARGATE if subject.on_fargate or arn in service.on_fargate else service.launch_type


def _unread(service: Service | None) -> Protection:
    """Return the verdict on a task definition that cannot be read."""
    fact = "Amazon ECS has no task definition of the name that the event gives"
    if service and not service.task_definition:
        fact = "An external controller deploys the service, and Amazon ECS does not say which task definition it uses"
    reason = Reason(fact, "Look at what runs with coverage", code=Code.DEFINITION_UNREAD)
    return Protection(Verdict.UNKNOWN, (reason,), passes=False)
