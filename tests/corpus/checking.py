"""Instrument one template with several stack inputs and settings, and verify the outputs with the oracle."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from corpus.samples import SampleImages, sample_inputs
from oracle.comparison import Run
from oracle.evaluate import StackInputs, condition_values
from oracle.images import Images
from oracle.values import Json, same
from oracle.verify import refusal_reasons, verify_run

RIGHT, REFUSED, WRONG, CRASHED = "right", "refused", "WRONG", "CRASHED"
MAX_CONDITION_SETS = 12
ROLE = "arn:aws:iam::111122223333:role/made-up"
SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key-AbCdEf"  # noqa: S105 - a name
DEFAULT: dict[str, Json] = {"Collector": "us2", "AccessKeySecret": SECRET_ARN}
SETTINGS: Mapping[str, dict[str, Json]] = {
    "default": DEFAULT,
    "elaborate": {
        **DEFAULT, "InstrumentLogRouters": "true", "DefaultExecutionRoleArn": ROLE, "Priority": "security",
        "WorkloadEnvironment": {"SYSDIG_LOGGING": "warning"}, "AgentLogConfiguration": "inherit",
    },
    "everywhere": {**DEFAULT, "LaunchTypes": "ALL", "DefaultExecutionRoleArn": ROLE, "AgentMemoryReservation": "6"},
}  # fmt: skip


class EngineOutcome(Protocol):
    """The engine's result for a template."""

    @property
    def output(self) -> Json:
        """The processed template."""

    @property
    def problems(self) -> tuple[str, ...]:
        """The reasons for a refusal."""


Transform = Callable[[Json, StackInputs, Mapping[str, Json], Images], EngineOutcome]
Judge = Callable[[Json, Json], Iterable[str]]  # the input and the output


@dataclass(frozen=True)
class CheckResult:
    """The result of one run: its label, its status and the details."""

    label: str
    status: str
    details: tuple[str, ...] = ()


def check(template: Json, transform: Transform, judge: Judge = lambda *_: ()) -> Iterator[CheckResult]:
    """Yield a result for each set of parameter values and settings. `judge` may have complaints beside the oracle's."""
    stacks = sample_inputs(template)
    condition_sets = list({condition_key(template, stack): None for stack in stacks.values()})
    for settings_label, settings in SETTINGS.items():
        # A template with many conditions has many stack inputs. All of them run with the default settings, some with
        # the others, and each under some of the condition sets, so every input and every condition set is used.
        step = 1 if settings is DEFAULT else max(1, len(stacks) // MAX_CONDITION_SETS)
        for number, (label, stack) in list(enumerate(stacks.items()))[::step]:
            count = len(condition_sets)
            others = [condition_sets[(number + each) % count] for each in (0, 1)]
            if number == 0:
                others = condition_sets[:MAX_CONDITION_SETS]
            yield _check(f"{settings_label}, {label}", template, stack, settings, others, transform, judge)


def condition_key(template: Json, stack: StackInputs) -> tuple[tuple[str, bool], ...]:
    """Return the values of the conditions in a hashable form."""
    return tuple(sorted(condition_values(template, stack).items()))


def _check(  # noqa: PLR0913, PLR0917 - one run depends on all of these
    label: str,
    template: Json,
    stack: StackInputs,
    settings: dict[str, Json],
    condition_sets: list[tuple[tuple[str, bool], ...]],
    transform: Transform,
    judge: Judge,
) -> CheckResult:
    given, images = copy.deepcopy(template), SampleImages()
    try:
        outcome = transform(given, stack, settings, images)
        again = None if outcome.problems else transform(outcome.output, stack, settings, images)
    except Exception:  # noqa: BLE001 - crashes are what this looks for
        return CheckResult(label, CRASHED, (traceback.format_exc(limit=-4),))
    if outcome.problems:
        reasons = refusal_reasons(template, stack=stack, settings=settings, images=images)
        status = REFUSED if reasons else WRONG
        return CheckResult(
            label, status, (*(f"needless refusal: {text}" for text in outcome.problems if not reasons), *reasons)
        )
    run = Run.of(template, stack)
    complaints = [str(item) for item in verify_run(run, outcome.output, settings=settings, images=images)]
    complaints += judge(template, outcome.output)
    for condition_set in condition_sets:
        findings = verify_run(
            run, outcome.output, settings=settings, images=images, condition_overrides=dict(condition_set)
        )
        complaints += [f"with {_difference(condition_set, template, stack)}: {item}" for item in findings]
    if not same(given, template):
        complaints.append("the input was mutated")
    if again is None or again.problems or not same(again.output, outcome.output):
        complaints.append(f"a second run changes the output: {again.problems if again else ''}")
    return CheckResult(label, WRONG if complaints else RIGHT, tuple(dict.fromkeys(complaints)))


def _difference(condition_set: tuple[tuple[str, bool], ...], template: Json, stack: StackInputs) -> str:
    current = dict(condition_key(template, stack))
    return (
        " ".join(f"{name}={value}" for name, value in condition_set if current.get(name) != value)
        or "the same conditions"
    )
