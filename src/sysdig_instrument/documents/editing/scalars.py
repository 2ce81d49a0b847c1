"""Write scalars: plain and quoted strings, numbers, booleans, null."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sysdig_instrument.documents.editing.style import Style

# Characters that every YAML parser accepts at the start of a plain scalar. Scalars that look like a number, a boolean or
# a date are checked separately.
_PLAIN_START: Final = r"[A-Za-z_/.$(+^;0-9]|-{1,2}[A-Za-z]|[^\x00-\x7f]"
_NOT_PLAIN: Final = r":(?:[ \t]|\Z)|[ \t]#|[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ufffe-\U0010ffff]|[ \t]\Z|\A[ \t]"
# Older parsers end a plain scalar in a flow collection at any colon, or refuse it (PyYAML before 5.1, libyaml before 0.2.1).
_FLOW_INDICATORS: Final = r"[,\[\]{}?:]"
# Wider than YAML 1.1: CloudFormation reads 012345678901 as 1.2345678901E10, and YAML 1.2 knows 1e3 and 0o17. To npm's
# package yaml, with its schema for YAML 1.1, e3 and a single point are numbers.
_NUMBER_LIKE: Final = r"(?i)[-+.]?\.?[0-9][0-9a-fA-FoOxX_.,:+-]*|[-+]?[._]*(?:e[-+]?[0-9_]+)?|[-+]?\.(?:inf|nan)"
_BOOLEAN_LIKE: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
# Older parsers refuse a text with characters beyond U+FFFF, such as an emoji (PyYAML before 5.1, SnakeYAML before 1.18).
_MUST_BE_ESCAPED: Final = "[\x7f-\xa0\u2028\u2029\ufeff\ufffe-\U0010ffff]"
_NOT_LITERAL: Final = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe-\U0010ffff]"
_DOCUMENT_MARKER: Final = r"\.\.\.|---"


def scalar_text(value: str | float | None, style: Style, *, flow: bool, quotes: str = "") -> str:
    """Return a scalar's text. ``flow``: inside a flow collection. ``quotes``: the quotes of its neighbours, if any."""
    if style.json:
        return json.dumps(value, ensure_ascii=style.ascii_only)
    if isinstance(value, float):
        return _float_text(value)
    if not isinstance(value, str):
        return json.dumps(value)
    if quotes or not _can_be_plain(value, flow=flow):
        return _quoted_text(value, quotes or style.quote)
    return value


def _float_text(value: float) -> str:
    """Return a number's text. YAML 1.1 accepts an exponent only after a decimal point."""
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _can_be_plain(text: str, *, flow: bool) -> bool:
    if text.isascii() and text.isalpha():
        return text.lower() not in _BOOLEAN_LIKE  # as nearly all keys, which need none of the patterns
    from sysdig_instrument.documents.yaml_values import is_string  # noqa: PLC0415 - JSON does not import PyYAML

    return (
        re.match(_PLAIN_START, text) is not None
        and re.search(_NOT_PLAIN, text) is None
        and not (flow and re.search(_FLOW_INDICATORS, text))
        and re.fullmatch(_NUMBER_LIKE, text) is None
        and text.lower() not in _BOOLEAN_LIKE
        and re.match(_DOCUMENT_MARKER, text) is None
        and is_string(text)
    )


def _quoted_text(text: str, quote: str) -> str:
    """Return the string in the preferred quotes, or in double quotes if it needs escapes."""
    other_quote = "'" if quote == '"' else '"'
    double_quoted = json.dumps(text, ensure_ascii=False)
    needs_no_escape = not re.search(_MUST_BE_ESCAPED, text) and not re.search(r"[\x00-\x1f]", text)
    # Backslashes and double quotes read better in single quotes, if the string itself has no single quote.
    prefer_single = quote == "'" or (("\\" in text or '"' in text) and other_quote not in text)
    if needs_no_escape and prefer_single:
        return "'" + text.replace("'", "''") + "'"
    return re.sub(_MUST_BE_ESCAPED, _escape_sequence, double_quoted)


def _escape_sequence(character: re.Match[str]) -> str:
    code_point = ord(character[0])
    return f"\\U{code_point:08x}" if character[0] > "\uffff" else f"\\u{code_point:04x}"


def literal_block(text: str, indent: int) -> tuple[str, list[str]] | None:
    """Return a multiline string as a literal block: its header and its lines, not yet indented.

    None if a literal block cannot represent the string exactly.
    """
    body = text.rstrip("\n")
    if "\n" not in text or not body or re.search(_NOT_LITERAL, text):
        return None
    if any(not line.strip() and line for line in body.split("\n")) or body[-1] in " \t":
        return None  # editors strip trailing blanks
    trailing_breaks = len(text) - len(body)
    chomping = ("-", "", "+")[min(trailing_breaks, 2)]
    indentation_indicator = str(indent) if body.lstrip("\n")[:1] in (" ", "\t") else ""
    return f"|{indentation_indicator}{chomping}", body.split("\n") + [""] * (trailing_breaks - 1)
