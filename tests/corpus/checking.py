"""One template through the engine under several surroundings, and what the judge says of it."""

from __future__ import annotations

import copy
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from corpus.samples import MadeUpImages, surroundings_of
from judge.evaluate import Surroundings, truths
from judge.images import Images
from judge.judge import judge, may_refuse
from judge.values import Json, same

RIGHT, REFUSED, WRONG, CRASHED = "right", "refused", "WRONG", "CRASHED"
MOST_FLIPS = 12
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


class Answer(Protocol):
    """What the engine made of a template."""

    @property
    def output(self) -> Json:
        """The processed template."""

    @property
    def problems(self) -> tuple[str, ...]:
        """Why nothing was done."""


Transform = Callable[[Json, Surroundings, Mapping[str, Json], Images], Answer]


@dataclass(frozen=True)
class Verdict:
    """How one run went: which, how, and what there is to say."""

    label: str
    kind: str
    remarks: tuple[str, ...] = ()


def check(template: Json, transform: Transform) -> Iterator[Verdict]:
    """A verdict for each set of parameter values and settings."""
    sets = surroundings_of(template)
    worlds = list({canonical_truths(template, place): None for place in sets.values()})
    for settings_label, settings in SETTINGS.items():
        # A template with many conditions has many sets: all of them with the first settings, some with the others, and
        # each under some of the worlds, so that every set and every world has its turn.
        step = 1 if settings is DEFAULT else max(1, len(sets) // MOST_FLIPS)
        for number, (label, place) in list(enumerate(sets.items()))[::step]:
            others = worlds[:MOST_FLIPS] if number == 0 else [worlds[(number + each) % len(worlds)] for each in (0, 1)]
            yield _verdict(f"{settings_label}, {label}", template, place, settings, others, transform)


def canonical_truths(template: Json, place: Surroundings) -> tuple[tuple[str, bool], ...]:
    """What the conditions are worth, so that it can be a key."""
    return tuple(sorted(truths(template, place).items()))


def _verdict(  # noqa: PLR0913, PLR0917 - one run is made of these
    label: str,
    template: Json,
    place: Surroundings,
    settings: dict[str, Json],
    worlds: list[tuple[tuple[str, bool], ...]],
    transform: Transform,
) -> Verdict:
    given, images = copy.deepcopy(template), MadeUpImages()
    try:
        answer = transform(given, place, settings, images)
        again = None if answer.problems else transform(answer.output, place, settings, images)
    except Exception:  # noqa: BLE001 - a crash is what is looked for
        return Verdict(label, CRASHED, (traceback.format_exc(limit=-4),))
    if answer.problems:
        rightful = may_refuse(template, surroundings=place, settings=settings, images=images)
        kind = REFUSED if rightful else WRONG
        return Verdict(
            label, kind, (*(f"needless refusal: {text}" for text in answer.problems if not rightful), *rightful)
        )
    complaints = [
        str(item) for item in judge(template, answer.output, surroundings=place, settings=settings, images=images)
    ]
    for world in worlds:
        flips = judge(template, answer.output, surroundings=place, settings=settings, images=images, forced=dict(world))
        complaints += [f"with {_difference(world, template, place)}: {item}" for item in flips]
    if not same(given, template):
        complaints.append("the input was mutated")
    if again is None or again.problems or not same(again.output, answer.output):
        complaints.append(f"a second run changes the output: {again.problems if again else ''}")
    return Verdict(label, WRONG if complaints else RIGHT, tuple(dict.fromkeys(complaints)))


def _difference(world: tuple[tuple[str, bool], ...], template: Json, place: Surroundings) -> str:
    now = dict(canonical_truths(template, place))
    return " ".join(f"{name}={truth}" for name, truth in world if now.get(name) != truth) or "the same conditions"
