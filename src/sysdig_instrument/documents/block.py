"""Values in YAML's block style: one line for each key and item, nesting by indentation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from sysdig_instrument.documents.inline import inline, key_word, shortened
from sysdig_instrument.documents.words import literal, word

if TYPE_CHECKING:
    from sysdig_instrument.documents.style import Style
    from sysdig_instrument.engine.json_types import Json

WIDTH: Final = 100
"""Brackets that would be wider are broken into lines."""


def block(value: dict[str, Json] | list[Json], style: Style) -> list[str]:
    """The lines of an object or list that is not empty."""
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in entry(key, item, style)]
    return [line for item in value for line in item_lines(item, style)]


def entry(key: str, value: Json, style: Style) -> list[str]:
    """The lines of one key and its value."""
    first, *rest = attached(value, style, "key")
    text = key_word(key, style, flow=False)
    if text.startswith("? "):
        return [text.rstrip(), f":{first}", *rest]
    return [f"{text}:{first}", *rest]


def item_lines(value: Json, style: Style) -> list[str]:
    """The lines of one item of a list."""
    first, *rest = attached(value, style, "item")
    return [f"-{first}", *rest]


def attached(value: Json, style: Style, to: Literal["key", "item"], anchor: str = "") -> list[str]:
    """What stands behind a colon or dash, and the lines below. Their indentation is counted from the key or dash."""
    lead = f" &{anchor}" if anchor else ""
    if short := shortened(value, style):
        tag, value = short
        lead += f" {tag}"
    text = _on_one_line(value, style, tagged=bool(short))
    if text is not None:
        return [f"{lead} {text}"]
    if isinstance(value, str):
        header, lines = literal(value, style.step) or ("", [])
        return [f"{lead} {header}", *_indented(lines, style.step)]
    lines = block(value, style) if isinstance(value, dict | list) else []
    if to == "item":
        if lead:
            return [lead, *_indented(lines, style.gap)]
        first, *rest = lines
        return [" " * (style.gap - 1) + first, *_indented(rest, style.gap)]
    width = style.step if isinstance(value, dict) or (short and not style.dash) else style.dash
    return [lead, *_indented(lines, width)]


def _on_one_line(value: Json, style: Style, *, tagged: bool) -> str | None:
    """The value where it fits behind its key: words, empty brackets, short lists where the text has them so."""
    if isinstance(value, str):
        if style.literals and literal(value, style.step) is not None:
            return None
        return word(value, style, flow=False, quoted="" if tagged else style.quoted)
    if not isinstance(value, dict | list):
        return word(value, style, flow=False)
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, list) and (tagged or style.flow_lists) and all(_is_simple(item, style) for item in value):
        text = inline(value, style)
        return text if len(text) <= WIDTH else None
    return None


def _is_simple(value: Json, style: Style) -> bool:
    """Short enough to be read in brackets: a word on one line, or a function of one."""
    if short := shortened(value, style):
        value = short[1]
    elif isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return not isinstance(value, dict | list) and not (isinstance(value, str) and "\n" in value)


def _indented(lines: list[str], width: int) -> list[str]:
    return [" " * width + line if line else line for line in lines]
