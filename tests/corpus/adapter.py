"""The only module through which the oracle's tests call the engine: a template in, an output or a refusal out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from oracle.evaluate import StackInputs
from oracle.images import Images
from oracle.values import Json, items, text_of
from sysdig_instrument.cli.documents import input_document, preview_document
from sysdig_instrument.documents import read
from sysdig_instrument.documents.editing.writer import write
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import (
    Answers,
    ExportLookup,
    ImageConfig,
    Lookup,
    SsmLookup,
    StackOutputLookup,
    Unavailable,
)
from sysdig_instrument.engine.plan import Context, Plan, plan, process
from sysdig_instrument.engine.settings.layers import Layer, merge_layers

ARCHITECTURES = {"amd64": "X86_64", "arm64": "ARM64"}
MAX_ROUNDS = 9  # an export may name the SSM parameter that holds an image; more rounds mean a circular reference
NOT_THERE = Unavailable(Reason("it does not exist", "create it", code=Code.NO_ANSWER), missing=True)


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
    return _outcome(planned(template, stack, settings, images), template)


def planned(template: Json, stack: StackInputs, settings: Mapping[str, Json], images: Images) -> Plan:
    """Plan, answer the lookups and plan again."""
    resolved = merge_layers(Layer("test", dict(settings)))
    answers: Answers = {}
    for _ in range(MAX_ROUNDS):
        context = Context(
            deployment_settings=resolved,
            parameter_values=stack.parameters,
            region=stack.region,
            account=stack.account,
            answers=answers,
        )
        current = plan(template, context)
        if not current.lookups:
            return current
        answers = {**answers, **{lookup: answer_of(lookup, stack, images) for lookup in current.lookups}}
    raise AssertionError(f"there are still lookups after {MAX_ROUNDS} rounds")


def transform_document(document: Json, settings: Mapping[str, Json], images: Images) -> Outcome:
    """Transform a plain task definition as the command line tool does, from text to text."""
    source = read(json.dumps(document, indent=2).encode(), "task-definition.json")
    context = Context(deployment_settings=merge_layers(Layer("test", dict(settings))))
    preview = preview_document(
        input_document(source),
        context,
        lambda lookups: {each: answer_of(each, StackInputs({}), images) for each in lookups},
    )
    if preview.problems:
        return Outcome(problems=tuple(problem.text for problem in preview.problems))
    text = write(source, preview.changes, preview.processed, lambda _warning: None).text
    return Outcome(json.loads(text), changes=len(preview.changes))


def _outcome(complete: Plan, template: Json) -> Outcome:
    output, problems = process(template, complete)
    if problems:
        return Outcome(problems=tuple(problem.text for problem in problems))
    return Outcome(output, changes=len(tuple(complete.changes)))


def answer_of(lookup: Lookup, stack: StackInputs, images: Images) -> ImageConfig | str | Unavailable:
    if isinstance(lookup, SsmLookup):
        return stack.ssm.get(lookup.name, NOT_THERE)
    if isinstance(lookup, ExportLookup):
        return stack.exports.get(lookup.name, NOT_THERE)
    if isinstance(lookup, StackOutputLookup):
        return NOT_THERE if lookup.role else stack.outputs.get(lookup.name, NOT_THERE)
    architecture = ARCHITECTURES[lookup.architecture]
    found = images.get((lookup.image, architecture), images.get(lookup.image))
    if found is None:
        return NOT_THERE
    entrypoint, cmd = (tuple(text_of(each) for each in items(found.get(key))) for key in ("Entrypoint", "Cmd"))
    return ImageConfig(entrypoint, cmd)
