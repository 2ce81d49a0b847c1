"""Instructions are those that Docker's own parser finds: the package ``dockerfile`` has it, for processors of the x86 family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dockerfiles.test_cases import CASES, text_of
from sysdig_instrument.dockerfile.instructions import exec_form, parse_dockerfile
from sysdig_instrument.dockerfile.words import DockerfileError

docker = pytest.importorskip("dockerfile", reason="there is no package with Docker's parser for this machine")
COMMANDS = ("ENTRYPOINT", "CMD", "SHELL")

CHUNKS = (
    "FROM a", "from b AS c", "CMD b", 'CMD ["b"]', "cmd x y ", "CMD []", "ENTRYPOINT c $D", 'ENTRYPOINT ["c", "d"]', 'ENTRYPOINT ["c", \\\n  "d"]', "CMD ['b']",
    'SHELL ["s"]', "RUN e", "RUN <<EOF\nCMD x\nEOF", "COPY <<EOF <<-B /x\nB\nEOF\n\t\tB", "RUN <<'E F' cat\nEOF\nE F", 'RUN cat <<"EOF" > f\n\\\nEOF',
    'RUN ["a", "<<EOF"]', "RUN it's <<EOF", "RUN a <<< b", "ONBUILD RUN <<EOF\nCMD y\nEOF", "ONBUILD CMD b", "RUN a \\\n # c\n\n  b", "CMD a\\ \n\tb",
    "# c", "", "HEALTHCHECK CMD x", "ARG X=1", 'LABEL a="b"', "RUN echo ${X:-1} $((1<<2)) 2<<E > f\n${X}\nE",
)  # fmt: skip
NOISE = (
    "\\",
    "`",
    " \\ ",
    "#",
    "# escape=`",
    "'",
    '"',
    "$",
    "${X}",
    "<<",
    "<",
    "[",
    "]",
    ",",
    "\t",
    "\r",
    "\ufeff",
    "EOF",
    "\n",
    "é",
    "",
)
first_lines = st.sampled_from(
    ("", "", "# escape=`\n", "# syntax=docker/dockerfile:1\n# escape=\\\n", "\ufeff", "# c\n")
)
texts = st.lists(st.sampled_from(CHUNKS), min_size=1, max_size=8).map("\n".join)


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """Return the text of a Dockerfile; in half of them, something in it is wrong, or in the wrong place."""
    text = draw(first_lines) + draw(texts)
    if draw(st.booleans()):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.sampled_from(NOISE)) + text[place:]
    return text + draw(st.sampled_from(("", "\n")))


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
