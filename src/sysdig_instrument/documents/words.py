"""Single values as text: strings with and without quotes, numbers, booleans, null."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sysdig_instrument.documents.style import Style

# What every YAML parser reads as this very string without quotes, as far as its characters go. What it would take for a
# number, a boolean or a date is looked at apart.
_PLAIN: Final = re.compile(r"[A-Za-z_/.$(+^;0-9]|-{1,2}[A-Za-z]|[^\x00-\x7f]")
_UNSAFE: Final = re.compile(r":(?:[ \t]|\Z)|[ \t]#|[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]|[ \t]\Z|\A[ \t]")
_FLOW_SIGNS: Final = re.compile(r"[,\[\]{}?]|:[,\[\]{}]")
# Wider than YAML 1.1: CloudFormation reads 012345678901 as 1.2345678901E10, and YAML 1.2 knows 1e3 and 0o17.
_NUMBERLIKE: Final = re.compile(r"[-+.]?\.?[0-9][0-9a-fA-FoOxX_.,:+-]*|[-+]?\.(?:inf|nan)", re.IGNORECASE)
_BOOLEANLIKE: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
_ESCAPED: Final = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")
_DOCUMENT_SIGN: Final = re.compile(r"\.\.\.|---")


def word(value: str | float | None, style: Style, *, flow: bool, quoted: str = "") -> str:
    """A scalar as the text has it. ``flow`` is inside of brackets; ``quoted`` are the quotes that its neighbours have."""
    if style.json:
        return json.dumps(value, ensure_ascii=style.ascii)
    if isinstance(value, float):
        return _float(value)
    if not isinstance(value, str):
        return json.dumps(value)
    if quoted or not _is_plain(value, flow=flow):
        return _in_quotes(value, quoted or style.quote)
    return value


def _float(value: float) -> str:
    """YAML 1.1 takes an exponent only behind a decimal point."""
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _is_plain(text: str, *, flow: bool) -> bool:
    from sysdig_instrument.documents.yaml_values import is_string  # noqa: PLC0415 - JSON does not import PyYAML

    return (
        _PLAIN.match(text) is not None
        and _UNSAFE.search(text) is None
        and not (flow and _FLOW_SIGNS.search(text))
        and _NUMBERLIKE.fullmatch(text) is None
        and text.lower() not in _BOOLEANLIKE
        and _DOCUMENT_SIGN.match(text) is None
        and is_string(text)
    )


def _in_quotes(text: str, quote: str) -> str:
    """The string in the quotes that the text prefers, or in double quotes where it needs escapes."""
    awkward = "'" if quote == '"' else '"'
    escapes = json.dumps(text, ensure_ascii=False)
    simple = not _ESCAPED.search(text) and not re.search(r"[\x00-\x1f]", text)
    # Backslashes and double quotes read better in single quotes, as long as the text has no single quote itself.
    prefer_single = quote == "'" or (("\\" in text or '"' in text) and awkward not in text)
    if simple and prefer_single:
        return "'" + text.replace("'", "''") + "'"
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", escapes)


def literal(text: str, step: int) -> tuple[str, list[str]] | None:
    """A text of several lines as YAML's literal block: its header and its lines, not yet indented.

    Nothing where the block could not hold the text as it is.
    """
    body = text.rstrip("\n")
    if "\n" not in text or not body or re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]", text):
        return None
    if any(not line.strip() and line for line in body.split("\n")) or body[-1] in " \t":
        return None  # blanks at line ends vanish in editors
    kept = len(text) - len(body)
    chomping = ("-", "", "+")[min(kept, 2)]
    indented = str(step) if body.lstrip("\n")[:1] in (" ", "\t") else ""
    return f"|{indented}{chomping}", body.split("\n") + [""] * (kept - 1)
