"""What is written into public templates and task definitions goes byte for byte.

The folders are not part of the project. Without them these tests are skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from corpus.checking import SETTINGS
from corpus.samples import CONFIGS, default_inputs
from oracle.values import Json
from sysdig_instrument.documents import read
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.removal.entries import is_same
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.errors import UserError
from uninstrument.round_trip import round_trip

FOLDER = Path(__file__).parents[3] / "shared" / "corpus"
SKIP: dict[str, Json] = {"OnUnresolvedImage": "skip"}
FEWEST_NOT_REFUSED = {"templates": 140, "task-definitions": 53}
KINDS = [name for name in FEWEST_NOT_REFUSED if (FOLDER / name).is_dir()]

pytestmark = pytest.mark.skipif(not KINDS, reason=f"there are no templates in {FOLDER}")


def answers(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    return {each: config(each.image) if isinstance(each, ImageLookup) else "nginx:1" for each in lookups}


def config(image: str) -> ImageConfig:
    chosen = CONFIGS[len(image) % len(CONFIGS)]
    entrypoint, command = (chosen[key] or [] for key in ("Entrypoint", "Cmd"))
    assert isinstance(entrypoint, list)
    assert isinstance(command, list)
    return ImageConfig(tuple(map(str, entrypoint)), tuple(map(str, command)))


def contexts(value: Json, number: int) -> Iterator[Context]:
    """Yield contexts with different settings, for each file another one first."""
    stack = default_inputs(value) if isinstance(value, dict) and "Resources" in value else None
    every = list(SETTINGS.values())
    for settings in (*every[number % len(every) :], *every[: number % len(every)]):
        yield Context(
            deployment_settings=merge_layers(Layer("test", {**settings, **SKIP})),
            parameter_values=stack.parameters if stack else {},
            region="eu-west-1",
            account="111122223333",
        )


@pytest.mark.parametrize("kind", KINDS)
def test_each_document_comes_back(kind: str) -> None:
    outcomes = Counter[str]()
    wrong = []
    for number, path in enumerate(sorted((FOLDER / kind).iterdir())):
        try:
            source = read(path.read_bytes(), path.name)
            every = (round_trip(source, context, answers) for context in contexts(source.value, number))
            trip = next(filter(None, every), None)
        except UserError:  # a file that is not a template, or that cannot be read
            outcomes["unread"] += 1
            continue
        outcomes["done" if trip else "refused"] += 1
        if trip:
            wrong += [] if trip.is_exact else [path.name]
            assert is_same(trip.after.value, source.value), path.name
    assert wrong == []
    assert outcomes["done"] >= FEWEST_NOT_REFUSED[kind], outcomes
