"""Strings that parsers, or versions of YAML, read differently if they are not quoted, and images that contain them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

from oracle.values import Json, is_unknown

WORDS: Final = (
    "app.main:app", "0.0.0.0:8080", "http://localhost:80/a?b=c#d", "a: b", "a:", ":a", "::", "a :b", "a #b", "#a", "a#b",
    "1", "-1", "+1", "01", "0o17", "0x1F", "0b101", "1_000", "1.5", ".5", "5.", "1e3", "1.0e+3", ".inf", "-.INF", ".nan",
    "12:30:45", "1:30", "190:20:30.15", "2026-11-28", "2026-11-28T10:00:00Z", "2026-11-28 10:00:00", "012345678901", "0_7",
    "y", "n", "Y", "N", "yes", "No", "on", "OFF", "true", "False", "null", "Null", "~", "", " ", "=", "<<", "none", "None",
    "-", "--", "---", "...", "- a", "-a", "--flag", "--flag=x", "? a", "?a", "?", ", a", "a, b", "a,b", "[a]", "{a: b}", "{a}",
    "]", "}", "a]", "a}", "&a", "*a", "!a", "!Ref a", "!!str a", "%a", "@a", "`a`", "|", ">", "|-", "'", '"', "it's", 'say "a"',
    "\\", "\\n", "C:\\a", "a\tb", "\ta", "a\n", "a\nb", "\n", "a\n\nb\n\n", " a", "a ", "  a\nb", "\r", "a\r\nb", "é", "日本語", "🐳",
    "\u00a0", "a\u00a0b", "\u0085", "a\u2028b", "\u2029", "\ufeff", "\u007f", "\u0001", "\x1b[0m", "${A}", "$HOME", "$(a)", "a&&b",
    "exec a > b 2>&1", "a || b", "a; b", "x" * 200, "a b " * 60, "key: value # comment", "- [a, {b: c}]", "/", ".", "..", "_", "^", "+",
    "0.0", "-0", "00", "0.1.2", "1.2.3", "1,000", "1 000", "٣", "e3", ".e3", "0x", "0o", "+.inf", "@", "`", "%", "!", "&", "*",
)  # fmt: skip
WORDS_IN_AN_ARGV: Final = 4


def some_words(name: str, number: int) -> list[Json]:
    """Return some of the words. Which ones depends on a name, so that all of them occur with enough names."""
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return [WORDS[(start + each) % len(WORDS)] for each in range(number)]


def odd_variables(name: str, number: int) -> Json:
    """Return environment variables that have some of the words."""
    return {f"ODD_{index}": word for index, word in enumerate(some_words(name, number))}


class OddImages(Mapping[str | tuple[str, str], Mapping[str, Json] | None]):
    """A config with some of the words for every image with a known name, derived from the name."""

    def __getitem__(self, image: str | tuple[str, str]) -> Mapping[str, Json]:
        """Return the config, which is the same for each architecture."""
        if isinstance(image, tuple) or not image or is_unknown(image) or "{{resolve:" in image:
            raise KeyError(image)
        words = some_words(image, 2 * WORDS_IN_AN_ARGV)
        return {"Entrypoint": ["/entry", *words[:WORDS_IN_AN_ARGV]], "Cmd": words[WORDS_IN_AN_ARGV:]}

    def __iter__(self) -> Iterator[str]:
        """Iterate over nothing: the images cannot be listed."""
        return iter(())

    def __len__(self) -> int:
        """Return the number of images that `__iter__` yields."""
        return 0
