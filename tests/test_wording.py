"""The wording of the package: docstrings say what is returned, and names and texts use the words of the field."""

from __future__ import annotations

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "sysdig_instrument"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

QUESTION = re.compile(r"(?:How|Whatever|What|When|Where|Whether|Which|Whoever|Who|Why)\b")

BANNED_NAMES = {
    "admission",
    "asker",
    "crew",
    "doorkeeper",
    "homeless",
    "lane",
    "lanes",
    "ledger",
    "nobody",
    "outlook",
    "prospect",
    "sight",
    "stranger",
    "strangers",
    "told",
    "world",
    "worth",
}
"""Words that name no concept of CloudFormation, ECS, registries or Python. A reader would have to look them up."""

BANNED_TEXT = re.compile(
    r"\b(?:asker|by hand|crew|doorkeeper|for want of|homeless|in sight|ledger|left alone as|nobody|outlook|prospect"
    r"|slip of the pen|strangers?|what becomes of|worked out|worth)\b",
    re.IGNORECASE,
)
"""The same for comments, docstrings and messages, with phrases that say too little."""

every_module = pytest.mark.parametrize("module", MODULES)


@functools.cache
def source_of(module: str) -> str:
    return (PACKAGE / module).read_text(encoding="utf-8")


def questions(code: str) -> Iterator[str]:
    """Yield the first line of each docstring that begins like a question."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node) or ""
            if QUESTION.match(docstring):
                yield docstring.splitlines()[0]


def banned_words(code: str) -> Iterator[str]:
    """Yield the banned words of identifiers, and the lines of comments and strings with banned phrases."""
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.NAME:
            words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", token.string)}
            if words & BANNED_NAMES:
                yield f"{token.start[0]}: {token.string}"
        else:
            for number, line in enumerate(token.string.splitlines(), token.start[0]):
                if BANNED_TEXT.search(line):
                    yield f"{number}: {line.strip()}"


@every_module
def test_no_docstring_begins_like_a_question(module: str) -> None:
    assert list(questions(source_of(module))) == []


@every_module
def test_names_and_texts_have_no_banned_words(module: str) -> None:
    assert list(banned_words(source_of(module))) == []


@pytest.mark.parametrize(
    ("code", "found"),
    [
        pytest.param("class ImageLedger: ...", ["1: ImageLedger"], id="class"),
        pytest.param("the_world = 1", ["1: the_world"], id="variable"),
        pytest.param("x = 1  # set by hand", ["1: # set by hand"], id="comment"),
        pytest.param('"""\nNobody knows."""', ['2: Nobody knows."""'], id="docstring"),
        pytest.param("worldwide = 'worthy'", [], id="part-of-a-word"),
    ],
)
def test_the_check_finds_banned_words(code: str, found: list[str]) -> None:
    assert list(banned_words(code)) == found


def test_the_check_finds_questions() -> None:
    assert list(questions('def f():\n    """Whether it is true."""')) == ["Whether it is true."]
    assert list(questions('def f():\n    """Return whether it is true."""')) == []


def test_test_ids_are_readable(request: pytest.FixtureRequest) -> None:
    """Check the tests of this session: an id has at most 60 characters, and no document, repr or control character.

    An id may also be the name of a file that the test reads: public templates have long names, and people find them by name.
    """
    unreadable = set()
    for item in request.session.items:
        name = item.nodeid.split("::", maxsplit=1)[1].partition("]@")[0]  # xdist adds the group
        id_ = name.partition("[")[2].removesuffix("]")
        if not re.fullmatch(r"[\w .:/=@*+,()'\"$-]{0,60}", id_) and id_ not in file_names(item):
            unreadable.add(name[:160])
    assert sorted(unreadable) == []


def file_names(item: pytest.Item) -> set[str]:
    """Return the names of the files among the parameters of a test."""
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return {value.name for value in parameters if isinstance(value, Path)}
