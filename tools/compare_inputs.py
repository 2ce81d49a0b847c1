"""The inputs of ``compare.py``: case folders and events of a checkout, and the files of a corpus."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from compare_runner import COMMANDS, Input, Record

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from corpus.reading import ENDINGS, read
from corpus.samples import sample_inputs

REGION: Final = "eu-west-1"
ACCOUNT: Final = "111122223333"
SETTINGS: Final[Record] = {
    "Collector": "us2",
    "AccessKeySecret": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:sysdig-AbCdEf",
}
OPTIONS: Final = ["--no-config", "--region", REGION, "--account-id", ACCOUNT]
DOCUMENTS: Final = ("template.yaml", "template.json", "task-definition.json")


def inputs(base: Path, corpus: Path | None) -> Iterator[Input]:
    """Yield all inputs; their names are unique."""
    cases = base / "tests" / "cases"
    for folder in sorted(path for path in cases.iterdir() if path.is_dir()):
        yield _case(folder, _json(cases / "settings.json"))
    for path in sorted((base / "events").glob("*.json")):
        yield Input(f"events/{path.name}", "", "", [], [], SETTINGS, {}, {}, {}, {}, _json(path))
    if corpus:
        for path in sorted((corpus / "templates").iterdir()):
            if path.suffix in ENDINGS:
                yield from _template(path)
        for path in sorted((corpus / "task-definitions").iterdir()):
            made_up = _input(f"task-definitions/{path.name}", path)
            yield made_up
            yield replace(made_up, name=f"{made_up.name}, no images", images={})


def _case(folder: Path, defaults: Record) -> Input:
    document = next(folder / name for name in DOCUMENTS if (folder / name).exists())
    given = {name: _json(folder / f"{name}.json") for name in ("settings", "parameters", "images", "ssm", "exports")}
    template = read(document)
    parameters = template.get("Parameters") if isinstance(template, dict) else None
    values = {
        name: each["Default"]
        for name, each in (parameters if isinstance(parameters, dict) else {}).items()
        if isinstance(each, dict) and "Default" in each
    }
    event = _event(template, {**values, **given["parameters"]})
    return Input(
        f"cases/{folder.name}",
        f"cases/{folder.name}/{document.name}",
        _text(document),
        list(COMMANDS),
        OPTIONS,
        **{**given, "settings": {**defaults, **given["settings"]}},
        event=None if document.name == "task-definition.json" else event,
    )


def _template(path: Path) -> Iterator[Input]:
    """Yield a template with several sets of parameter values, and once without parameter values and image configs."""
    template = read(path)
    for number, (label, given) in enumerate(sample_inputs(template).items()):
        values = dict(given.parameters)
        yield replace(
            _input(f"templates/{path.name}, {label}", path),
            commands=["images", "explain"] if number else list(COMMANDS),
            parameters=values,
            ssm=dict(given.ssm),
            event={**_event(template, values), "region": given.region},
        )
    bare = _input(f"templates/{path.name}, no images", path)
    yield replace(bare, commands=["images", "transform", "explain", "check"], images={}, event=_event(template, {}))


def _input(name: str, path: Path) -> Input:
    file = f"{path.parent.name}/{path.name}"
    options = [*OPTIONS, "--offline"]
    return Input(name, file, _text(path), list(COMMANDS), options, SETTINGS, {}, None, {}, {}, None)


def _event(template: object, values: Record) -> Record:
    return {
        "region": REGION,
        "accountId": ACCOUNT,
        "fragment": template,
        "transformId": f"{ACCOUNT}::SysdigInstrument",
        "params": {},
        "requestId": "00000000-0000-0000-0000-000000000000",
        "templateParameterValues": values,
    }


def _json(path: Path) -> Record:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")
