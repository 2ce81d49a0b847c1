"""``sysdig-instrument images``: what a template's images run by themselves, as far as the template leaves it to them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sysdig_instrument.cli.inputs import context
from sysdig_instrument.cli.lookups import lookup
from sysdig_instrument.cli.messages import tell
from sysdig_instrument.cli.misnamed import tell_misnamed
from sysdig_instrument.cli.subject import subject_of
from sysdig_instrument.documents import load
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageRequest, Request, Unavailable
from sysdig_instrument.engine.scope import section
from sysdig_instrument.errors import RefusedError, UsageError
from sysdig_instrument.planning import Lookup, planned


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the images that are needed, with what was read; write them to a file for ``--images``.

    Raises:
        RefusedError: Some of them could not be read; the file has the others.
        UsageError: The call or a file is wrong.
    """
    surroundings = context(options, environment, options.file)
    subject = subject_of(load(options.file))
    tell_misnamed(options, section(subject.fragment, "Parameters"))
    read: dict[ImageRequest, Answer] = {}
    planned(
        subject.fragment, subject.context(surroundings), _recording(lookup(options, surroundings, environment), read)
    )
    for request, answer in read.items():
        print(_line(request, answer))
    if options.output:
        _write(options.output, {**surroundings.settled.settings.image_configs, **_configs(read)})
    missing = [request.image for request, answer in read.items() if isinstance(answer, Unavailable)]
    if missing:
        raise RefusedError(f"{len(missing)} of {len(read)} images could not be read.")
    if not read:
        tell("No image needs to be read.")
    return 0


def _recording(ask: Lookup, read: dict[ImageRequest, Answer]) -> Lookup:
    def asked(requests: Sequence[Request]) -> Mapping[Request, Answer]:
        answers = ask(requests)
        read.update({request: answers[request] for request in requests if isinstance(request, ImageRequest)})
        return answers

    return asked


def _line(request: ImageRequest, answer: Answer) -> str:
    name = f"{request.image} ({request.architecture})"
    if isinstance(answer, ImageConfig):
        return f"{name}\n    ENTRYPOINT {json.dumps(list(answer.entrypoint))}\n    CMD        {json.dumps(list(answer.cmd))}"
    return f"{name}\n    {answer.reason.fact}. {answer.reason.advice}." if isinstance(answer, Unavailable) else name


def _configs(read: Mapping[ImageRequest, Answer]) -> dict[str, Json]:
    """ImageConfigs of what was read.

    Raises:
        UsageError: An image runs different things on different platforms, which ImageConfigs cannot say.
    """
    configs: dict[str, Json] = {}
    for request, answer in read.items():
        if isinstance(answer, ImageConfig):
            config: Json = {"Entrypoint": list(answer.entrypoint), "Cmd": list(answer.cmd)}
            if configs.setdefault(request.image, config) != config:
                raise UsageError(
                    f"{request.image} runs different things on different platforms, and a file of image configs has no place for that. "
                    "Let the registry be asked for it."
                )
    return configs


def _write(path: str, configs: Mapping[str, Json]) -> None:
    try:
        Path(path).write_text(json.dumps(configs, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}. Give the path of a file to -o.") from None
