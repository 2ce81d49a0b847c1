"""Values in brackets: JSON, and YAML's flow style. On one line, or spread over several as the text around does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sysdig_instrument.documents.words import word

if TYPE_CHECKING:
    from sysdig_instrument.documents.style import Style
    from sysdig_instrument.engine.json_types import Json

SHORT: Final = frozenset(
    "Fn::" + name
    for name in (
        "And",
        "Base64",
        "Cidr",
        "Equals",
        "FindInMap",
        "GetAZs",
        "If",
        "ImportValue",
        "Join",
        "Length",
        "Not",
        "Or",
        "Select",
        "Split",
        "Sub",
        "ToJsonString",
    )
)
"""Functions with a short tag. ``Fn::Transform`` has one too, but no reader expects it."""


def shortened(value: Json, style: Style) -> tuple[str, Json] | None:
    """An intrinsic function as its short tag and what stands behind it.

    Nothing where the document does not use them or the short form would mean something else: a number behind a tag is read
    as a string, and a tag cannot follow a tag (``!Base64 !Sub …``), so a function directly in a function keeps the outer
    one long.
    """
    if style.json or not style.short or not isinstance(value, dict) or len(value) != 1:
        return None
    ((key, inner),) = value.items()
    if key == "Ref":
        return ("!Ref", inner) if isinstance(inner, str) else None
    if key == "Fn::GetAtt":
        return _get_att(inner)
    if key in SHORT and isinstance(inner, str | list):
        return f"!{key.removeprefix('Fn::')}", inner
    return None


def _get_att(inner: Json) -> tuple[str, Json] | None:
    match inner:
        case [str(resource), str(attribute)] if resource and attribute and "." not in resource:
            return "!GetAtt", f"{resource}.{attribute}"
        case list():
            return "!GetAtt", inner
        case _:
            return None  # a string here means a string: the short tag would make a list of it


def inline(value: Json, style: Style, *, base: str = "", spread: bool = False) -> str:
    """The value in brackets. ``spread`` puts each item on a line of its own, indented from ``base``."""
    if short := shortened(value, style):
        tag, inner = short
        return f"{tag} {inline(inner, style, base=base, spread=spread) if isinstance(inner, list) else _argument(inner, style)}"
    if not isinstance(value, dict | list):
        return word(value, style, flow=True, quoted=style.quoted)
    if not value:
        return "{}" if isinstance(value, dict) else "[]"
    flat = not spread or (_is_leaf(value) and (style.flat_objects if isinstance(value, dict) else style.flat_lists))
    inner_base = base + style.unit
    if isinstance(value, dict):
        parts = [member(key, item, style, base=inner_base, spread=not flat) for key, item in value.items()]
    else:
        parts = [inline(item, style, base=inner_base, spread=not flat) for item in value]
    signs = ("{", "}") if isinstance(value, dict) else ("[", "]")
    return _bracketed(parts, signs, style, base, flat=flat)


def _argument(value: Json, style: Style) -> str:
    return word(value if isinstance(value, str) else None, style, flow=True)


def _bracketed(parts: list[str], signs: tuple[str, str], style: Style, base: str, *, flat: bool) -> str:
    first, last = signs
    if flat:
        pad = style.brace if first == "{" else style.bracket
        return first + pad + style.comma.join(parts) + pad + last
    inner = style.newline + base + style.unit
    return first + inner + f",{inner}".join(parts) + style.newline + base + last


def member(key: str, value: Json, style: Style, *, base: str = "", spread: bool = False) -> str:
    """An entry of an object in brackets."""
    return key_word(key, style, flow=True) + style.colon + inline(value, style, base=base, spread=spread)


def key_word(key: str, style: Style, *, flow: bool) -> str:
    """A key as the text has it; one that is too long for YAML's simple form is marked as a key."""
    text = word(key, style, flow=flow, quoted=style.quoted_keys)
    return f"? {text} " if len(text) > MAX_SIMPLE_KEY and not style.json else text


MAX_SIMPLE_KEY: Final = 1000
"""YAML's parsers look 1,024 characters ahead for the colon."""


def _is_leaf(value: dict[str, Json] | list[Json]) -> bool:
    inner = value.values() if isinstance(value, dict) else value
    return not any(isinstance(item, dict | list) for item in inner)
