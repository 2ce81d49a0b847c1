"""Split the text of a Dockerfile into instructions, as Docker does (BuildKit, frontend/dockerfile/parser).

What cannot be built, and what the versions of Docker read differently, is an error: nothing is guessed.

No package does this for all machines: ``dockerfile-parse`` takes the lines of a here-document for instructions, and
``dockerfile``, which has Docker's own parser in it, needs a processor of the x86 family. The tests compare with the latter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final, NoReturn

from sysdig_instrument.dockerfile.words import SIMPLE_VARIABLE, DockerfileError, UnbalancedQuotesError, split_words
from sysdig_instrument.engine.image_reference import DOCKER_HUB, InvalidReferenceError, parse_reference
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass

_INSTRUCTIONS: Final = frozenset(
    ("ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD", "RUN",
     "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR")
)  # fmt: skip
_WITH_HEREDOCS: Final = ("ADD", "COPY", "RUN")
_DIRECTIVE: Final = r"(?a)#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)"
_DIRECTIVES: Final = ("check", "escape", "syntax")
_FRONTENDS: Final = tuple(f"{DOCKER_HUB}/docker/{name}" for name in ("dockerfile", "dockerfile-upstream"))
_SINCE_HEREDOCS: Final = r"(?:latest|labs|master|1|1\.(?:[4-9]|[1-9][0-9])(?:\.[0-9]+)?)(?:-labs)?"
"""The tags of Docker's frontend whose version reads here-documents: since 1.4."""
_CONTROL: Final = r"[\x00-\x08\x0e-\x1f]"
"""Control characters that are no space. For Python, some of them are."""
_SPACES: Final = r"[\t\v\f\r ]+"


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction: its name in capitals, all that follows on its line, and the number of the line."""

    name: str
    arguments: str
    line: int


@dataclass(frozen=True, slots=True)
class ParsedDockerfile:
    """The instructions of a Dockerfile, and its escape character."""

    instructions: tuple[Instruction, ...]
    escape: str


def parse_dockerfile(text: str, syntax: str | None = None) -> ParsedDockerfile:
    """Return the instructions. ``syntax`` is the frontend in the build argument ``BUILDKIT_SYNTAX``, if it is given.

    Raises:
        DockerfileError: It cannot be built, or is read by something else than Docker.
    """
    text = text.removeprefix("\ufeff")
    if re.search(_CONTROL, text):
        raise DockerfileError("it contains control characters")
    lines = [line.rstrip("\r") for line in text.split("\n")]
    directives = _read_directives(lines)
    frontend = syntax or directives.get("syntax", "").partition(" ")[0]
    reader = _Reader(lines, directives.get("escape", "\\"), reads_heredocs=_reads_heredocs(frontend))
    return ParsedDockerfile(tuple(reader.instructions()), reader.escape)


def exec_form(arguments: str) -> tuple[str, ...] | None:
    """Return the list of an instruction in exec form; None for the shell form, which is all that is not JSON.

    Raises:
        DockerfileError: The list has something else than strings.
    """
    if not arguments.startswith("["):
        return None
    try:
        decoded: tuple[Json, int] = _JSON.raw_decode(arguments)
    except ValueError:
        return None
    except RecursionError:
        raise DockerfileError("a list is nested too deeply") from None
    value, end = decoded
    if arguments[end:].strip():  # older versions of Docker ignore it, newer ones take the whole for the shell form
        raise DockerfileError("a list in JSON is followed by something else")
    items = value if isinstance(value, list) else [value]
    texts = tuple(item for item in items if isinstance(item, str))
    if len(texts) < len(items) or re.search("[\ud800-\udfff]", "".join(texts)):
        raise DockerfileError("a list has something else than strings")
    return texts


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)  # NaN and Infinity, which Python takes for JSON


_JSON: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def _read_directives(lines: Sequence[str]) -> dict[str, str]:
    """Return the parser directives: comments such as ``# escape=`` before everything else."""
    if lines[0].startswith("#!"):  # then they count for some versions of Docker, and for some they do not
        raise DockerfileError('its first line begins with "#!"')
    directives: dict[str, str] = {}
    for line in lines:
        found = re.fullmatch(_DIRECTIVE, line.strip())
        name = found[1].lower() if found else ""
        if found is None or name not in _DIRECTIVES:
            break
        if name in directives or (name == "escape" and "check" in directives):  # for older versions, check is a comment
            raise DockerfileError("its parser directives are not ones that all versions of Docker read alike")
        directives[name] = found[2]
    if directives.get("escape", "\\") not in ("\\", "`"):
        raise DockerfileError("its escape character is neither a backslash nor a backtick")
    return directives


def _reads_heredocs(frontend: str) -> bool:
    """Return whether a frontend reads here-documents: Docker's own does since 1.4.

    Raises:
        DockerfileError: It is not Docker's, so it may read the Dockerfile in any way.
    """
    if not frontend:
        return True
    try:
        reference = parse_reference(frontend)
    except InvalidReferenceError:
        reference = None
    if reference is None or reference.full_repository not in _FRONTENDS:
        raise DockerfileError("it is for another frontend than Docker's (# syntax=)")
    return not reference.digest and bool(re.fullmatch(_SINCE_HEREDOCS, reference.tag or "latest"))


class _Reader:
    """Reads the lines of a Dockerfile one after the other."""

    def __init__(self, lines: Sequence[str], escape: str, *, reads_heredocs: bool) -> None:
        self.escape = escape
        self._lines = lines
        self._index = 0
        self._reads_heredocs = reads_heredocs
        mark = re.escape(escape)
        self._continued = re.compile(rf"{mark}[ \t]*\Z")
        self._twice = re.compile(rf"{mark}{{2}}[ \t]*\Z")

    def instructions(self) -> Iterator[Instruction]:
        """Yield the instructions.

        Raises:
            DockerfileError: A line is none.
        """
        while self._index < len(self._lines):
            number = self._index + 1
            line = self._logical_line()
            if line is None:
                continue
            name, _, arguments = re.sub(_SPACES, " ", line.strip(), count=1).partition(" ")
            if name.upper() not in _INSTRUCTIONS:
                raise DockerfileError(f"line {number} has no instruction of Docker's")
            instruction = Instruction(name.upper(), arguments.strip(), number)
            yield instruction
            for marker, strips_tabs in _heredocs(instruction, line):
                self._skip_heredoc(marker, strips_tabs=strips_tabs)

    def _logical_line(self) -> str | None:
        """Return the next line with those that continue it; None if it is empty or a comment."""
        text = self._next().lstrip()
        line, is_continued = self._without_escape("" if text.startswith("#") else text)
        if not line and not is_continued:
            return None
        parts = [line]
        while is_continued and self._index < len(self._lines):
            text = self._next()
            if text.strip() and not text.lstrip().startswith("#"):
                part, is_continued = self._without_escape(text)
                parts.append(part)
        return "".join(parts)

    def _next(self) -> str:
        self._index += 1
        return self._lines[self._index - 1]

    def _without_escape(self, line: str) -> tuple[str, bool]:
        """Return a line without the escape character at its end, and whether there was one."""
        if self._twice.search(line):  # an escaped one: older versions of Docker take it for a continuation
            raise DockerfileError(f"line {self._index} ends with two escape characters")
        text = self._continued.sub("", line)
        return text, text != line

    def _skip_heredoc(self, marker: str, *, strips_tabs: bool) -> None:
        if not self._reads_heredocs:
            raise DockerfileError("it has a here-document, and the version of its frontend may not read them")
        while self._index < len(self._lines):
            line = self._next()
            if (line.lstrip("\t") if strips_tabs else line) == marker:
                return
        raise DockerfileError("a here-document has no end")


def _heredocs(instruction: Instruction, line: str) -> Iterator[tuple[str, bool]]:
    """Yield the end marker of each here-document that follows an instruction, and whether tabs before it do not count."""
    name, arguments = instruction.name, instruction.arguments
    if name == "ONBUILD":
        name, _, arguments = re.sub(_SPACES, " ", arguments, count=1).partition(" ")
    if name.upper() not in _WITH_HEREDOCS or "<<" not in line:
        return
    if exec_form(re.sub(rf"\A(?:--\S*{_SPACES})*", "", arguments.strip())) is not None:
        return
    if "${" in re.sub(SIMPLE_VARIABLE, "", line):
        raise DockerfileError(f"line {instruction.line} has a here-document, or what looks like one, beside variables")
    try:
        words = split_words(line, "\\")  # Docker ignores the directive here
    except UnbalancedQuotesError:
        return  # for Docker, such a line has no here-document
    for word in words:
        if found := re.fullmatch(r"[0-9]*<<(-?)([^<]+)", word):
            yield _marker(found[2], instruction.line), bool(found[1])


def _marker(word: str, line: int) -> str:
    """Return the end marker of a here-document. Quotes around it do not belong to it."""
    found = re.fullmatch(r"""(?P<plain>[^'"\\$]+)|(['"])(?P<quoted>[^'"\\$]+)\2""", word)
    if found is None:
        raise DockerfileError(f"line {line} has a here-document whose end is not certain")
    return found["plain"] or found["quoted"]
