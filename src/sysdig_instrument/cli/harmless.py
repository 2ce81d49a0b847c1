"""Make text harmless for where it goes: a terminal or a log, a CI runner, JSON, XML, Markdown, CSV.

Anyone may have chosen the names of files and of what is in a document. The writers of each format apply these functions to all
that they write, so a new message needs no care. ``--help`` imports this module, so it imports little itself, and its patterns
are compiled at their first use.
"""

from __future__ import annotations

import re

from sysdig_instrument.printable import UNPRINTABLE

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Final

    from sysdig_instrument.engine.json_types import Json

REPLACEMENT: Final = "�"
_TAB_WIDTH: Final = 4

# --- a terminal, a log

ANSI_CODES: Final = ("0", "1", "2", "31", "32", "36", "1;31", "38;5;166")
"""The colours and styles that this tool uses. No other sequence is written."""

_OWN_SEQUENCE: Final = rf"\x1b\[(?:{'|'.join(ANSI_CODES)})m"
_IN_LINES: Final = rf"\t|\r?\n|{UNPRINTABLE}"
_IN_PAINTED_LINES: Final = rf"{_OWN_SEQUENCE}|\t|\r?\n|{UNPRINTABLE}"
_IN_PAINTED_LINE: Final = rf"{_OWN_SEQUENCE}|{UNPRINTABLE}"


def sanitize(text: str) -> str:
    """Return a text on one line that a terminal only shows. Tabs become spaces."""
    if text.isascii() and text.isprintable():
        return text
    return re.sub(UNPRINTABLE, REPLACEMENT, text.expandtabs(_TAB_WIDTH))


def sanitize_painted(text: str) -> str:
    """Return a text as :func:`sanitize` does, but with the colours that this tool put there."""
    return re.sub(_IN_PAINTED_LINE, _kept_or_replaced, text.expandtabs(_TAB_WIDTH))


def sanitize_lines(text: str, *, keeps_colours: bool = False) -> str:
    """Return lines of text that a terminal only shows: with tabs, line breaks and, if they are kept, this tool's colours."""
    rest = text.replace("\n", "").replace("\t", "")
    if rest.isascii() and rest.isprintable():
        return text  # as nearly all are: the pattern takes a hundred times as long
    return re.sub(_IN_PAINTED_LINES if keeps_colours else _IN_LINES, _kept_or_replaced, text)


def _kept_or_replaced(match: re.Match[str]) -> str:
    text = match[0]
    return text if text[0] in "\t\n" or len(text) > 1 else REPLACEMENT


# --- a CI runner, which runs certain lines of a log as commands

_RUNNER_VARIABLES: Final = ("GITHUB_ACTIONS", "TF_BUILD", "TEAMCITY_VERSION")
_COMMAND: Final = r"(?m)((?:^|\r)[^\S\n]*):(?=:)"
"""GitHub runs a line that begins with ``::`` after blanks (actions/runner, ``ActionCommand.TryParseV2``). A carriage return ends
a line, too (.NET, ``StreamReader.ReadLine``)."""

_OLD_COMMAND: Final = r"#(?=#\w*\[)"
"""GitHub runs ``##[command]`` anywhere in a line (``ActionCommand.TryParse``); Azure ``##vso[``; TeamCity ``##teamcity[``."""


def is_on_runner(environment: Mapping[str, str]) -> bool:
    """Return whether standard output may be read by a CI runner that runs commands in it."""
    return any(environment.get(name) for name in _RUNNER_VARIABLES)


def has_commands(text: str) -> bool:
    """Return whether a CI runner would run something in a text."""
    return bool(re.search(_COMMAND, text) or re.search(_OLD_COMMAND, text))


def break_commands(text: str) -> str:
    """Return a text in which a CI runner finds no commands: ``: :`` and ``# #`` in place of ``::`` and ``##``."""
    if "::" not in text and "##" not in text:
        return text
    return re.sub(_OLD_COMMAND, "# ", re.sub(_COMMAND, r"\1: ", text))


# --- JSON, XML

_IN_JSON: Final = rf"\n|#(?=#\w*\[)|{UNPRINTABLE}"
_IN_XML: Final = rf"[\t\n]|{UNPRINTABLE}"


def json_text(value: Json, indent: int | None = 2) -> str:
    """Return JSON in which unprintable characters are escaped, so that readers get them and terminals do not."""
    import json  # noqa: PLC0415 - --help needs none

    return re.sub(_IN_JSON, _escape_in_json, json.dumps(value, indent=indent, ensure_ascii=False))


def _escape_in_json(match: re.Match[str]) -> str:
    character = match[0]
    if character == "\n":  # of the indentation; in strings json.dumps has escaped it
        return character
    if "\ud800" <= character <= "\udfff":  # half a character; strict parsers refuse even its escape sequence
        return REPLACEMENT
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[index]:02x}{units[index + 1]:02x}" for index in range(0, len(units), 2))


def xml_text(text: str) -> str:
    """Return a text without characters that XML 1.0 forbids or discourages (section 2.2), or that are not visible."""
    return re.sub(_IN_XML, lambda match: match[0] if match[0] in "\t\n" else REPLACEMENT, text)


# --- SARIF


def sarif_text(text: str) -> str:
    """Return a text as a plain text message of SARIF 2.1.0, in which ``[text](address)`` would be a link (section 3.11.6)."""
    return re.sub(r"([\\\[\]])", r"\\\1", text) if "](" in text else text


# --- Markdown

_SPECIAL: Final = r"([\\`*_\[\]<>|~&$])"
_LINKED: Final = r"(?i)([@#])|(:)(?=//)|(www)(?=\.)|(GH)(?=-)|(mailto|xmpp)(?=:)"
"""What GitHub links without any markup: mentions, issues, e-mail addresses, and URLs (GFM, section 6.9)."""


def markdown_text(text: str) -> str:
    """Return a text on one line that Markdown only shows: no emphasis, link, mention, HTML, or end of a table cell."""
    escaped = re.sub(_SPECIAL, r"\\\1", sanitize(" ".join(text.split())))
    return re.sub(_LINKED, r"\g<0><!-- -->", escaped)  # a comment shows nothing, and ends what would be linked


def markdown_code(text: str) -> str:
    """Return a line of a block of code, which it does not end."""
    return sanitize(text).replace("`", REPLACEMENT)


def markdown_row(cells: Iterable[str], links: Mapping[str, str] | None = None) -> str:
    """Return a row of a Markdown table. ``links`` are the addresses of words of our own in it; an empty one is no link."""
    row = f"| {' | '.join(map(markdown_text, cells))} |\n"
    for word, address in (links or {}).items():
        row = re.sub(rf"\b{word}\b", f"[{word}]({address})", row) if address else row
    return row


def markdown_heading(names: Collection[str]) -> str:
    """Return the heading of a Markdown table. The names are our own."""
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}\n"


# --- CSV

_FORMULA: Final = r"(^|;)(?=[=+@＝＋－＠-])"  # noqa: RUF001 - these are meant
"""A spreadsheet runs a cell that begins with one of these; where commas are decimal points, ``;`` begins a cell. An apostrophe
before it makes it a text."""


def csv_line(cells: Iterable[str]) -> str:
    """Return a line of CSV (RFC 4180) in which no cell is a formula, or has a line break."""
    import csv  # noqa: PLC0415 - --help needs neither
    import io  # noqa: PLC0415

    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(map(_csv_cell, cells))
    return line.getvalue()


def _csv_cell(text: str) -> str:
    return re.sub(_FORMULA, r"\1'", sanitize(" ".join(text.split())))
