"""The verdict on a task definition, read off the plan for it.

A task definition is protected if the plan changes nothing that protection depends on, and has no problem: it is what the
macro itself makes. Whatever makes a task definition unprotected is a protecting change or a problem of its plan, so there
are no rules here. The macro, the hook, ``check`` and ``coverage`` all ask :func:`protection`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.findings import Finding, Location, Problem, Reason, quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.paste import IMAGE_CONFIG
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.selection import SkipReason
from sysdig_instrument.engine.steps import CONTAINER_STEPS, NOT_WRAPPED, TASK_STEPS
from sysdig_instrument.engine.task_plan import Outcome, Status, TaskPlan
from sysdig_instrument.lazy_dataclasses import dataclass, replace

_SKIP_CODES: Final = {
    SkipReason.DISABLED: Code.DISABLED,
    SkipReason.EXCLUDED: Code.DISABLED,
    SkipReason.NOT_INCLUDED: Code.DISABLED,
    SkipReason.NOT_OPTED_IN: Code.NOT_OPTED_IN,
    SkipReason.LOG_ROUTER: Code.LOG_ROUTER,
    SkipReason.NOT_FARGATE: Code.NOT_FARGATE,
    SkipReason.NOTHING_TO_INSTRUMENT: Code.NOTHING_TO_INSTRUMENT,
    SkipReason.NOT_CREATED: Code.NOT_CREATED,
    SkipReason.IMAGE_UNREAD: Code.IMAGE_UNREAD,
    SkipReason.WINDOWS: Code.WINDOWS,
    SkipReason.MANAGED_INSTANCES: Code.MANAGED_INSTANCES,
}


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A task definition or a container that is left alone. ``container`` is None for a task definition.

    ``layer`` is the layer of settings that decides. It is empty if a property of the task definition does.
    """

    container: str | None
    reason: Reason
    layer: str = ""

    @property
    def as_json(self) -> dict[str, Json]:
        """The form in reports. ``layer`` is null if no setting decides."""
        return {
            "container": self.container,
            "why": self.reason.fact,
            "code": self.reason.code.value,
            "layer": self.layer or None,
        }


@dataclass(frozen=True, slots=True)
class Protection:
    """The verdict on a task definition, with its reasons. Each has a code; the most urgent comes first.

    ``passes`` is true if the macro would let the task definition through as it is: it is protected, it is left alone on
    purpose, or it can never carry the agent. ``left_alone`` has the task definition, or each of its containers, that is left
    alone; a task definition with such containers may still be protected. ``locations`` has all locations of each reason.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    passes: bool = True
    left_alone: tuple[LeftAlone, ...] = ()
    locations: tuple[tuple[Location, ...], ...] = ()

    @property
    def codes(self) -> tuple[Code, ...]:
        """The codes of the reasons, without repetition, as codes of verdicts; that of the verdict if there are none."""
        return tuple(dict.fromkeys(map(_verdict_code, self.reasons))) or (Code.PROTECTED,)

    @property
    def text(self) -> str:
        """The facts of the reasons with their codes: ``… (SI001); … (SI005)``."""
        return "; ".join(f"{reason.fact} ({reason.code.value})" for reason in self.reasons)


def protection(plan: TaskPlan, *, applied: bool = False, unread: Code = Code.NOT_WRAPPED) -> Protection:
    """Return the verdict on a task definition, according to the plan for it.

    With ``applied``, it is the verdict on what the plan makes of the task definition; otherwise, on the task definition as it
    is. ``unread`` is the code for a container whose image would have to be looked up, which has no EntryPoint. For ECS, the
    wrapper does not start such a container (``NOT_WRAPPED``). In a template that the macro will process, it is not known
    whether it can (``IMAGE_UNREAD``).
    """
    left_alone = tuple(_left_alone(plan))
    if plan.outcome.status is Status.SKIPPED and not any(outcome.image_unread for outcome in plan.containers):
        left_alone = left_alone or (_as_left_alone(plan.outcome),)
        why = tuple(map(_why_left_alone, left_alone))
        return Protection(_verdict_of(why[0]), why, left_alone=left_alone)
    found: dict[Reason, dict[Location, None]] = {}
    for reason, location in _reasons(plan, unread, applied=applied):
        found.setdefault(reason, {})[location] = None
    if not found:
        return Protection(Verdict.PROTECTED, left_alone=left_alone)
    urgency = list(Verdict)
    by_urgency = sorted(found, key=lambda reason: urgency.index(_verdict_of(reason)))
    return Protection(
        _verdict_of(by_urgency[0]),
        tuple(by_urgency),
        passes=False,
        left_alone=left_alone,
        locations=tuple(tuple(found[reason]) for reason in by_urgency),
    )


def protection_as_it_is(plan: TaskPlan) -> Protection:
    """Return the verdict on a task definition of a template that is deployed as it is, without the macro."""
    return _unless_hidden(protection(plan), plan, remains=False)


def protection_by_macro(plan: TaskPlan) -> Protection:
    """Return the verdict on a task definition of a template that is deployed as the macro makes it."""
    return _unless_hidden(protection(plan, applied=True, unread=Code.IMAGE_UNREAD), plan, remains=True)


def _unless_hidden(verdict: Protection, plan: TaskPlan, *, remains: bool) -> Protection:
    """Return the verdict. What only the template leaves alone is not left alone for the hook and ``coverage``."""
    reasons = tuple(each.reason for each in plan.hidden_opt_outs if each.remains is remains)
    if not verdict.passes or not reasons:
        return verdict
    return replace(verdict, verdict=Verdict.NOT_PROTECTED, reasons=reasons, passes=False)


def _verdict_of(reason: Reason) -> Verdict:
    if reason.is_unknown:
        return Verdict.UNKNOWN
    return reason.code.verdict


def _verdict_code(reason: Reason) -> Code:
    """Return the code of a reason for the verdict; for what the macro would refuse or does not know, that of all such reasons."""
    if reason.code.is_verdict:
        return reason.code
    return Code.VALUE_UNKNOWN if reason.is_unknown else Code.REFUSED


def skip_code(outcome: Outcome) -> Code:
    """Return the code of the reason why something is left alone."""
    return _SKIP_CODES[outcome.skip_reason] if outcome.skip_reason else Code.NOTHING_TO_INSTRUMENT


def _left_alone(plan: TaskPlan) -> Iterator[LeftAlone]:
    for outcome in plan.containers:
        if outcome.status is Status.SKIPPED and not outcome.image_unread:
            yield _as_left_alone(outcome)


def _as_left_alone(outcome: Outcome) -> LeftAlone:
    return LeftAlone(outcome.name, Reason(outcome.why, code=skip_code(outcome)), outcome.layer)


def _why_left_alone(left_alone: LeftAlone) -> Reason:
    """Return the reason for the verdict: if each container is left alone, the same codes as for the whole task definition."""
    reason = left_alone.reason
    if left_alone.container is None:
        return reason
    return replace(reason, fact=f"Container {quote(left_alone.container)}: {reason.fact}")


def _reasons(plan: TaskPlan, unread: Code, *, applied: bool) -> Iterator[tuple[Reason, Location]]:
    """Yield the reasons why a task definition is not protected, and where: unread images, problems, and protecting changes."""
    unread_outcomes = [outcome for outcome in plan.containers if outcome.image_unread]
    for outcome in unread_outcomes:
        name = quote(str(outcome.name))
        if unread is Code.IMAGE_UNREAD and outcome.is_unknown:
            yield _unread_image(name, outcome, plan.findings), _image_location(plan, outcome)
        elif outcome.status is Status.SKIPPED or unread is Code.NOT_WRAPPED:
            yield _of_container(name, NOT_WRAPPED), _image_location(plan, outcome)
    # The problems at these are named already.
    unread_pointers = {
        (*outcome.pointer, "Image") for outcome in unread_outcomes if outcome.is_unknown or unread is Code.NOT_WRAPPED
    }
    for finding in plan.findings:
        if isinstance(finding, Problem) and finding.location.pointer not in unread_pointers:
            yield finding.reason, finding.location
    for change in () if applied else plan.changes:
        if change.protects and (reason := change.unprotected_reason or _reason_of_step(change)):
            yield reason, Location(plan.task.name, change.owner.container, change.pointer)


def _image_location(plan: TaskPlan, outcome: Outcome) -> Location:
    return Location(plan.task.name, outcome.name, (*outcome.pointer, "Image"))


def _unread_image(name: str, outcome: Outcome, findings: Iterable[Finding]) -> Reason:
    """Return the reason for a container whose image is needed and could not be read, with the cause that was found."""
    fact = f"Container {name} has no EntryPoint, and the config of its image is not available here"
    at = (*outcome.pointer, "Image")
    for finding in findings:
        if isinstance(finding, Problem) and finding.location.pointer == at and finding.reason.is_unknown:
            why = finding.reason
            return Reason(f"{fact}. {why.fact}", why.advice, code=Code.IMAGE_UNREAD, paste=why.paste)
    advice = "Give it an EntryPoint, or add its image to ImageConfigs"
    return Reason(fact, advice, code=Code.IMAGE_UNREAD, paste=IMAGE_CONFIG)


def _reason_of_step(change: Change) -> Reason | None:
    """Return why a task definition is not protected without a change of a step; ``None`` if it does not depend on the step."""
    container = change.owner.container
    steps = TASK_STEPS if container is None else CONTAINER_STEPS
    reason = next((step.unprotected_reason for step in steps if step.name == change.step), None)
    return reason if container is None or reason is None else _of_container(quote(container), reason)


def _of_container(name: str, reason: Reason) -> Reason:
    return replace(reason, fact=f"Container {name} {reason.fact}")
