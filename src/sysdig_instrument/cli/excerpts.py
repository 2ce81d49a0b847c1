"""The place of a finding, as compilers show it: ``--> file:line:column``, and on a terminal the line with carets below the value.

What a terminal shows of the line is decided in :mod:`sysdig_instrument.cli.shown_text`. A pipe, a file and a CI job's log get
the place only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from sysdig_instrument.cli.console import Console, StyleName, detect_console, display_width, write_stderr
from sysdig_instrument.cli.harmless import break_commands, sanitize
from sysdig_instrument.documents.editing.source import SourceText
from sysdig_instrument.documents.errors import SourceError
from sysdig_instrument.documents.locate import Place
from sysdig_instrument.errors import UserError
from sysdig_instrument.help_page import help_address
from sysdig_instrument.printable import printable_name

if TYPE_CHECKING:
    from sysdig_instrument.cli.documents import InputDocument
    from sysdig_instrument.cli.shown_text import Piece, ShownText
    from sysdig_instrument.cli.snippets import Snippet
    from sysdig_instrument.cli.unparsed_text import UnparsedText
    from sysdig_instrument.engine.codes import Code

_ARROW: Final = "-->"
_MIN_WIDTH: Final = 20
_CUT: Final = "…"
_MAX_PLACES: Final = 5
_WIDE: Final = 200
"""Columns of a terminal that does not say how many it has."""


class Excerpts:
    """Shows the places of one document. ``address`` is that of a resource in a Terraform plan."""

    def __init__(self, path: str, document: InputDocument | None = None, address: str = "") -> None:
        self._path = path
        self._document = document
        self._address = address
        self._shown: ShownText | None = None
        self._source: SourceText | None = None
        self._last: Place | None = None
        self._snippets: set[Snippet] = set()

    def lines(self, places: Sequence[Place], console: Console, style: StyleName, indent: str = "") -> Iterator[str]:
        """Yield the lines that show these places, each once. More than a few of the same finding are counted."""
        places = list(dict.fromkeys(places))
        for place in places[:_MAX_PLACES]:
            is_new, self._last = place != self._last, place  # findings about the same place come one after the other
            yield from self._place_lines(place, console, style, indent, is_new=is_new)
        if len(places) > _MAX_PLACES:
            yield f"{indent}{_ARROW} and {len(places) - _MAX_PLACES} more in {printable_name(self._path)}\n"

    def not_shown(self, snippets: Iterable[Snippet]) -> list[Snippet]:
        """Return the snippets that no other finding about the document has had."""
        new = [each for each in snippets if each not in self._snippets]
        self._snippets.update(new)
        return new

    def _place_lines(
        self, place: Place, console: Console, style: StyleName, indent: str, *, is_new: bool
    ) -> Iterator[str]:
        if self._address:  # in a Terraform plan it has no text of its own
            where = f"{printable_name(self._path)}: {self._address}"
            yield console.line(f"{indent}{console.paint('heading', _ARROW)} {sanitize(where)}")
            return
        number = str(place.line)
        is_shown = is_new and console.shows_text and self._document is not None and place.start < place.end
        margin = indent + " " * (len(number) - 1 if console.shows_text else 0)
        where = f"{sanitize(printable_name(self._path))}:{number}:{place.column}"
        yield console.line(f"{margin}{console.paint('heading', _ARROW)} {where}")
        if is_shown:
            yield from _line_with_carets(*self._sources(), place, console, style, indent)

    def _sources(self) -> tuple[SourceText, ShownText]:
        assert self._document is not None  # noqa: S101 - the caller looked
        if self._shown is None or self._source is None:
            from sysdig_instrument.cli.shown_text import ShownText  # noqa: PLC0415 - only a terminal shows it

            document = self._document.source
            self._source = SourceText(document.text, document.newline)
            self._shown = ShownText(self._document)
        return self._source, self._shown


def write_error(error: UserError, environment: Mapping[str, str], text: str = "") -> None:
    """Write an error, or the text that stands for it, to standard error: on a terminal with the line that cannot be read."""
    write_stderr(f"sysdig-instrument: {text or error}")
    console = detect_console("auto", environment, sys.stderr)
    if isinstance(error, SourceError) and (lines := "".join(error_excerpt(error, console))):
        write_stderr(lines.removesuffix("\n"), console)


def error_excerpt(error: SourceError, console: Console) -> Iterator[str]:
    """Yield the line in which a text cannot be read, with a caret. Its values are masked, as nothing says what they are."""
    if not console.shows_text:
        return
    from sysdig_instrument.cli.unparsed_text import UnparsedText  # noqa: PLC0415 - only a terminal shows it

    text, start = error.source_text, error.offset
    source = SourceText(text, "\n")
    end = min(start + 1, source.line_end(start))
    if end > start:
        place = Place(error.line, error.column, start, end)
        yield from _line_with_carets(source, UnparsedText(text, start), place, console, "bad", "  ")
    if error.code and (address := help_address(error.code.value)):
        yield console.line(f"  {console.paint('heading', '=')} {address}")


def _line_with_carets(  # noqa: PLR0913, PLR0917 - each is a part of what is shown
    source: SourceText, shown: ShownText | UnparsedText, place: Place, console: Console, style: StyleName, indent: str
) -> Iterator[str]:
    number = str(place.line)
    bar = console.paint("heading", "|")
    start = f"{indent}{console.paint('heading', number)} {bar} "
    below = f"{indent}{' ' * len(number)} {bar}"
    room = max((console.width or _WIDE) - len(indent) - len(number) - 3, _MIN_WIDTH)
    text, first, width = _cut(source, shown, place, room)
    yield console.line(below)
    yield console.line(f"{start}{text}".rstrip())
    yield console.line(f"{below} {' ' * first}{console.paint(style, '^' * width)}")


def _cut(source: SourceText, shown: ShownText | UnparsedText, place: Place, room: int) -> tuple[str, int, int]:
    """Return as much of the line as there is room for, and the first column and the width of what is marked in it."""
    start = max(source.line_start(place.start), place.start - 2 * room)
    end = min(source.line_end(place.start), place.start + 2 * room)
    before, marked, after = _split(shown.line(start, end), place)
    is_begun = start > source.line_start(place.start)
    is_ended = end == source.line_end(place.start)
    if is_begun or (before and display_width(before + marked) > room - 1):
        kept = _last_columns(before, max(room // 3, room - display_width(marked) - 2))
        before = kept if kept == before and not is_begun else _CUT + kept
    left = room - display_width(before)
    if display_width(marked + after) > left or not is_ended:
        kept = _first_columns(marked + after, left - 1)
        return before + kept + _CUT, display_width(before), max(1, min(display_width(marked), display_width(kept)))
    return before + marked + after, display_width(before), max(1, display_width(marked))


def _split(pieces: Sequence[Piece], place: Place) -> tuple[str, str, str]:
    """Return what is shown before, in and after the marked part of a line."""
    parts = ["", "", ""]
    for piece in pieces:
        if piece.end - piece.start == len(piece.text):
            cuts = [min(max(offset, piece.start), piece.end) - piece.start for offset in (place.start, place.end)]
            parts[0] += piece.text[: cuts[0]]
            parts[1] += piece.text[cuts[0] : cuts[1]]
            parts[2] += piece.text[cuts[1] :]
        else:  # masked, and of another length
            parts[0 if piece.end <= place.start else 2 if piece.start >= place.end else 1] += piece.text
    before, marked, after = (break_commands(sanitize(part)) for part in parts)
    return before, marked, after.rstrip()


def _first_columns(text: str, width: int) -> str:
    kept, left = "", width
    for character in text:
        left -= display_width(character)
        if left < 0:
            break
        kept += character
    return kept


def _last_columns(text: str, width: int) -> str:
    return _first_columns(text[::-1], width)[::-1]


def finding_lines(  # noqa: PLR0913 - each is a part of what is shown
    label: str,
    style: StyleName,
    text: str,
    console: Console,
    *,
    excerpts: Excerpts | None = None,
    places: Sequence[Place] = (),
    code: Code | None = None,
    snippets: Sequence[Snippet] = (),
    indent: str = "",
) -> Iterator[str]:
    """Yield a finding: its label and text, its places, what to paste, and on a terminal the address of its code's entry."""
    lines = "".join(console.paragraph(f"{label}: {text}", indent, f"{indent}  "))
    yield lines.replace(label, console.paint(style, label), 1)
    if excerpts is not None:
        yield from excerpts.lines(places, console, style, f"{indent}  ")
        snippets = excerpts.not_shown(snippets)
    yield from snippet_lines(snippets, console, f"{indent}    ")
    address = help_address(code.value) if code and console.shows_text else ""
    if address:
        yield console.line(f"{indent}    {console.paint('heading', '=')} {address}")


def snippet_lines(snippets: Iterable[Snippet], console: Console, indent: str) -> Iterator[str]:
    """Yield what to paste. Its lines stay whole: they can be copied."""
    for snippet in snippets:
        heading, *lines = snippet.lines
        yield from console.painted_paragraph("faint", heading, indent, f"{indent}    ")
        yield from (console.line(f"{indent}{sanitize(line)}") for line in lines)
