"""The one place where the judge's tests meet the project: a template in, an output or a refusal out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from judge.evaluate import Surroundings
from judge.images import Images
from judge.values import Json, items, text_of
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import (
    Answers,
    ExportRequest,
    ImageConfig,
    ImageRequest,
    SsmRequest,
    Unavailable,
)
from sysdig_instrument.engine.plan import Context, Plan, plan, process
from sysdig_instrument.engine.settings.layers import Layer, settle

ARCHITECTURES = {"amd64": "X86_64", "arm64": "ARM64"}
MOST_ROUNDS = 9  # an image may stand in an SSM parameter whose name is an export; more is a circle
NOT_THERE = Unavailable(Reason("it is not there", "make it up"), missing=True)


@dataclass(frozen=True)
class Outcome:
    """What the engine made of a template."""

    output: Json = None
    problems: tuple[str, ...] = ()
    changes: int = 0
    asked: frozenset[str] = field(default_factory=frozenset)

    @property
    def refused(self) -> bool:
        """Whether nothing was instrumented, for the reasons given in `problems`."""
        return bool(self.problems)


def transform(template: Json, surroundings: Surroundings, settings: Mapping[str, Json], images: Images) -> Outcome:
    """Plan, answer what is asked for, plan again, apply."""
    settled = settle(Layer("test", dict(settings)))
    answers: Answers = {}
    asked = set[str]()
    for _ in range(MOST_ROUNDS):
        context = Context(
            settled=settled,
            parameters=surroundings.parameters,
            region=surroundings.region,
            account=surroundings.account,
            answers=answers,
        )
        made = plan(template, context)
        if not made.requests:
            return _outcome(made, template, frozenset(asked))
        asked |= {request.image for request in made.requests if isinstance(request, ImageRequest)}
        answers = {**answers, **{request: _answer(request, surroundings, images) for request in made.requests}}
    raise AssertionError(f"still asking after {MOST_ROUNDS} rounds")


def _outcome(made: Plan, template: Json, asked: frozenset[str]) -> Outcome:
    output, problems = process(template, made)
    if problems:
        return Outcome(problems=tuple(problem.text for problem in problems), asked=asked)
    return Outcome(output, changes=len(tuple(made.changes)), asked=asked)


def _answer(
    request: ImageRequest | SsmRequest | ExportRequest, surroundings: Surroundings, images: Images
) -> ImageConfig | str | Unavailable:
    if isinstance(request, SsmRequest):
        return surroundings.ssm.get(request.name, NOT_THERE)
    if isinstance(request, ExportRequest):
        return surroundings.exports.get(request.name, NOT_THERE)
    architecture = ARCHITECTURES[request.architecture]
    found = images.get((request.image, architecture), images.get(request.image))
    if found is None:
        return NOT_THERE
    words = (tuple(text_of(word) for word in items(found.get(key))) for key in ("Entrypoint", "Cmd"))
    return ImageConfig(*words)
