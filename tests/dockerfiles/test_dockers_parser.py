"""Instructions are those that Docker's own parser finds: the package ``dockerfile`` has it, for processors of the x86 family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings

from dockerfiles.random_dockerfiles import dockerfiles
from dockerfiles.test_cases import CASES, text_of
from sysdig_instrument.dockerfile.instructions import exec_form, parse_dockerfile
from sysdig_instrument.dockerfile.words import DockerfileError

docker = pytest.importorskip("dockerfile", reason="there is no package with Docker's parser for this machine")
COMMANDS = ("ENTRYPOINT", "CMD", "SHELL")


def ours(text: str) -> list[tuple[str, Sequence[str] | None]]:
    """Return the names of the instructions; of those that decide what runs also their list or their text."""
    return [
        (each.name, (exec_form(each.arguments) or (each.arguments,)) if each.name in COMMANDS else None)
        for each in parse_dockerfile(text).instructions
    ]


def dockers(text: str) -> list[tuple[str, Sequence[str] | None]]:
    commands: list[Any] = docker.parse_string(text)
    return [
        (each.cmd.upper(), (each.value or (each.original[len(each.cmd) :].strip(),)) if each.cmd.upper() in COMMANDS else None)
        for each in commands
    ]  # fmt: skip


@settings(max_examples=100)
@given(dockerfiles())
def test_random_dockerfiles(text: str) -> None:
    try:
        found, expected = ours(text), dockers(text)
    except (DockerfileError, docker.GoParseError):
        return  # nothing is said of it, or Docker cannot build it
    assert found == expected


@pytest.mark.parametrize("case", [pytest.param(each, id=each["name"]) for each in CASES if "expect" in each])
def test_the_cases(case: dict[str, Any]) -> None:
    assert ours(text_of(case)) == dockers(text_of(case))
