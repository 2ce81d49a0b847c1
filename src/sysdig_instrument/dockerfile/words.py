"""The words of an instruction: quotes, escapes and variables, as in BuildKit (frontend/dockerfile/shell/lex.go).

What is rare, or what the versions of BuildKit read differently, such as ``${name%pattern}``, is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.engine.findings import quote

_MAX_VALUE: Final = 4096
"""Limit of a value, in characters. Variables in variables could double it again and again; an image's name has less."""
_NAME: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_PARTS: Final = (
    r"(?P<text>[^$]+|\$(?![\w{@*#?!$-]))"  # a dollar sign before another character is itself
    rf"|\$(?P<plain>{_NAME})(?!\w)"
    rf"|\$\{{(?P<name>{_NAME})(?:(?P<colon>:?)(?P<sign>[-+])(?P<word>[^{{}}$]*))?\}}"
)
SIMPLE_VARIABLE: Final = rf"\$\{{{_NAME}(?::?[-+][^\s{{}}$'\"\\]*)?\}}"
"""A variable in braces without anything that would count outside of them."""


class DockerfileError(Exception):
    """A Dockerfile does not tell the ENTRYPOINT and CMD of its image. ``fact`` is a clause that says why."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact)
        self.fact = fact


class UnbalancedQuotesError(DockerfileError):
    """A quotation mark has no counterpart."""

    def __init__(self) -> None:
        super().__init__("a quotation mark has no counterpart")


def expand(text: str, variables: Mapping[str, str | None], escape: str) -> str:
    """Return a word without quotes and escapes, and with the values of variables.

    A variable that is not given is empty, as in Docker. One whose value is None is not known.

    Raises:
        DockerfileError: A variable is not known, or is in a form that is not read here.
    """
    _check_length(text)  # before and after: each variable in it may be as long again
    value = "".join(
        piece if is_literal else _with_values(piece, variables) for piece, is_literal in _pieces(text, escape)
    )
    _check_length(value)
    return value


def _check_length(text: str) -> None:
    if len(text) > _MAX_VALUE:
        raise DockerfileError(f"the value of a variable is longer than {_MAX_VALUE:,} characters")


def split_words(text: str, escape: str) -> list[str]:
    """Return the words that spaces separate. Quotes and escapes stay in them.

    Raises:
        UnbalancedQuotesError: A quotation mark has no counterpart.
    """
    words, word = [], ""
    for found in _tokens(text, escape):
        first, *rest = re.split(r"\s+", found[0]) if found.lastgroup == "plain" else [found[0]]
        word += first
        for each in rest:
            words.append(word)
            word = each
    return [each for each in (*words, word) if each]


def _with_values(text: str, variables: Mapping[str, str | None]) -> str:
    values, end = [], 0
    while end < len(text):
        part = re.compile(_PARTS).match(text, end)
        if part is None:
            raise DockerfileError("a variable is in a form that this tool does not read")
        values.append(part["text"] or _value(part, variables))
        end = part.end()
    return "".join(values)


def _value(found: re.Match[str], variables: Mapping[str, str | None]) -> str:
    name = found["plain"] or found["name"]
    value = variables.get(name, "")
    if value is None:
        raise DockerfileError(f"the value of the variable {quote(name)} is not known")
    is_set = bool(value) if found["colon"] else name in variables
    if found["sign"] == "-":
        return value if is_set else found["word"]
    if found["sign"] == "+":
        return found["word"] if is_set else ""
    return value


def _tokens(text: str, escape: str) -> Iterator[re.Match[str]]:
    """Yield the tokens of a text: ``plain`` text, text in ``single`` or ``double`` quotes, or an ``escaped`` character."""
    mark = re.escape(escape)
    token = re.compile(
        rf"(?P<plain>[^'\"{mark}]+)|'(?P<single>[^']*)'|\"(?P<double>(?:[^\"{mark}]|{mark}.)*)\"|{mark}(?P<escaped>.?)"
    )
    end = 0
    while end < len(text):
        found = token.match(text, end)
        if found is None:
            raise UnbalancedQuotesError
        end = found.end()
        yield found


def _pieces(text: str, escape: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a text without quotes, each with whether it is literal, so that ``$`` in it is only a character."""
    mark = re.escape(escape)
    for found in _tokens(text, escape):
        if found.lastgroup != "double":
            yield found[found.lastgroup or 0], found.lastgroup != "plain"
            continue
        for part in re.finditer(rf"{mark}([\"${mark}])|[^{mark}]+|{mark}", found["double"]):
            yield part[1] or part[0], bool(part[1])
