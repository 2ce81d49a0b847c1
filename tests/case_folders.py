"""The case folders of tests/cases: a template, its parameters, settings and lookups, and the expected result."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sysdig_instrument.documents import Document, load
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import (
    Answer,
    ExportLookup,
    ImageConfig,
    ImageLookup,
    Lookup,
    SsmLookup,
    StackOutputLookup,
    Unavailable,
)

FOLDER = Path(__file__).parent / "cases"
REGION = "eu-west-1"
ACCOUNT = "111122223333"
INPUTS = ("template.yaml", "template.json", "task-definition.json")


@dataclass(frozen=True)
class Case:
    """A case folder. ``input`` is a template, or a plain task definition, which only the command line tool accepts."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def input(self) -> Path:
        (found,) = (self.folder / name for name in INPUTS if (self.folder / name).exists())
        return found

    @property
    def is_plain(self) -> bool:
        return self.input.name == "task-definition.json"

    @property
    def document(self) -> Document:
        return load(str(self.input))

    def read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        return cast("dict[str, Any]", json.loads(path.read_text())) if path.exists() else {}

    @property
    def settings(self) -> dict[str, Any]:
        defaults = json.loads((FOLDER / "settings.json").read_text())
        return {**defaults, **self.read("settings.json")}

    def answers(self, lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        return {lookup: self._answer(lookup) for lookup in lookups}

    def _answer(self, lookup: Lookup) -> Answer:
        match lookup:
            case ImageLookup(image):
                config = self.read("images.json").get(image)
                if config is not None:
                    return ImageConfig(tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ()))
            case SsmLookup(name):
                if name in self.read("ssm.json"):
                    return cast("str", self.read("ssm.json")[name])
            case ExportLookup(name):
                if name in self.read("exports.json"):
                    return cast("str", self.read("exports.json")[name])
            case StackOutputLookup() if lookup.name in self.read("outputs.json"):
                return cast("str", self.read("outputs.json")[lookup.name])
        name = lookup.image if isinstance(lookup, ImageLookup) else lookup.name
        return Unavailable(Reason(f'"{name}" is not there', "Put it there", code=Code.NO_ANSWER))


CASES = [Case(path) for path in sorted(FOLDER.iterdir()) if path.is_dir()]
