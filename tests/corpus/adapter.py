"""The only module through which the oracle's tests call the engine: a template in, an output or a refusal out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from oracle.evaluate import StackInputs
from oracle.images import Images
from oracle.values import Json, items, text_of
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Answers, ExportLookup, ImageConfig, ImageLookup, SsmLookup, Unavailable
from sysdig_instrument.engine.plan import Context, Plan, plan, process
from sysdig_instrument.engine.settings.layers import Layer, merge_layers

ARCHITECTURES = {"amd64": "X86_64", "arm64": "ARM64"}
MAX_ROUNDS = 9  # an export may name the SSM parameter that holds an image; more rounds mean a circular reference
NOT_THERE = Unavailable(Reason("it does not exist", "create it"), missing=True)


@dataclass(frozen=True)
class Outcome:
    """The engine's result for a template: an output, or problems."""

    output: Json = None
    problems: tuple[str, ...] = ()
    changes: int = 0

    @property
    def refused(self) -> bool:
        """Return whether the engine refused the template, for the reasons in `problems`."""
        return bool(self.problems)


def transform(template: Json, stack: StackInputs, settings: Mapping[str, Json], images: Images) -> Outcome:
    """Plan, answer the lookups, plan again and apply."""
    resolved = merge_layers(Layer("test", dict(settings)))
    answers: Answers = {}
    for _ in range(MAX_ROUNDS):
        context = Context(
            resolved=resolved,
            parameters=stack.parameters,
            region=stack.region,
            account=stack.account,
            answers=answers,
        )
        made = plan(template, context)
        if not made.lookups:
            return _outcome(made, template)
        answers = {**answers, **{request: _answer(request, stack, images) for request in made.lookups}}
    raise AssertionError(f"there are still lookups after {MAX_ROUNDS} rounds")


def _outcome(made: Plan, template: Json) -> Outcome:
    output, problems = process(template, made)
    if problems:
        return Outcome(problems=tuple(problem.text for problem in problems))
    return Outcome(output, changes=len(tuple(made.changes)))


def _answer(
    request: ImageLookup | SsmLookup | ExportLookup, stack: StackInputs, images: Images
) -> ImageConfig | str | Unavailable:
    if isinstance(request, SsmLookup):
        return stack.ssm.get(request.name, NOT_THERE)
    if isinstance(request, ExportLookup):
        return stack.exports.get(request.name, NOT_THERE)
    architecture = ARCHITECTURES[request.architecture]
    found = images.get((request.image, architecture), images.get(request.image))
    if found is None:
        return NOT_THERE
    argvs = (tuple(text_of(each) for each in items(found.get(key))) for key in ("Entrypoint", "Cmd"))
    return ImageConfig(*argvs)
