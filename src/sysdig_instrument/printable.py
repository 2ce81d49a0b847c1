"""Text that shows as what it is: on one line, without characters that control a terminal or that are not visible.

A template chooses names, and names are in messages. So a name must not end a line, erase one, or change how it reads.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # importing typing takes longer than this module, and `--help` imports it
if TYPE_CHECKING:
    from typing import Final

UNPRINTABLE: Final = (
    r"[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls
    r"\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2060-\u206f\u3164\ufeff\uffa0"  # no width, or blank
    r"\u2800\ufe00-\ufe0e"  # a blank; variation selectors
    r"\u2028-\u202e"  # line and paragraph separators; bidirectional formatting (with \u200e, \u200f, \u2066-\u2069)
    r"\ud800-\udfff\ufdd0-\ufdef\ufff0-\uffff"  # lone surrogates, noncharacters, specials
    r"\U00013430-\U00013455\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # formatting of hieroglyphs, shorthand and music
    r"\U000e0000-\U000e0fff]"  # tags and variation selectors
    r"|(?<![\u2100-\u2bff\u3000-\u32ff\U0001f000-\U0001faff])\ufe0f"  # a variation selector, but not in an emoji
)
"""A pattern of the characters that are not shown.

Sources: the Unicode Character Database (General_Category Cc, Cf, Cs, Zl, Zp; Default_Ignorable_Code_Point), UAX #9 for
bidirectional formatting. (A pattern of all printable characters instead would take milliseconds to compile.)
"""


def single_line(text: str, max_length: int) -> str:
    """Return a text on one line, with ``?`` for each unprintable character. After ``max_length`` characters it ends with ``…``."""
    line = text[:max_length]
    if not (line.isascii() and line.isprintable()):  # nearly all are, and the pattern takes a millisecond to compile
        line = re.sub(UNPRINTABLE, "?", line)
    return line if len(text) <= max_length else line + "…"


class Hidden(str):
    """A text that messages do not show, because a value took part in it that may be a secret.

    The value is that of a NoEcho parameter, or one of the account: of an SSM parameter or an export. Everything but messages
    takes it for the text that it is.
    """

    __slots__ = ()


def derived(text: str, source: str) -> str:
    """Return a text that was made of another one: hidden if that one is."""
    return Hidden(text) if isinstance(source, Hidden) else text


HIDDEN: Final = "(not shown)"
"""What messages show in place of a :class:`Hidden` text."""

MAX_NAME: Final = 300
"""Characters of a name in a message. What is longer is cut."""


def shown(name: str) -> str:
    """Return a name as data for a program: not a hidden one, and no longer than in messages, because findings repeat it."""
    if isinstance(name, Hidden):
        return HIDDEN
    return name if len(name) <= MAX_NAME else name[:MAX_NAME] + "…"


def printable_name(name: str) -> str:
    """Return a name, such as that of a file or an image, as messages show it."""
    return HIDDEN if isinstance(name, Hidden) else single_line(name, MAX_NAME)
