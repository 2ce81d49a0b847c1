"""A line of YAML that fits none of the lines above says how far it is indented, how far they are, and which to follow."""

from __future__ import annotations

import pytest

from sysdig_instrument.documents.errors import SourceError
from sysdig_instrument.documents.reader import read

KEYS = "this line begins with {} space{}, but the keys above begin with {}. Indent it like the keys it belongs with, for example line {}"
ITEMS = KEYS.replace("keys", "items")
FAULTS = {
    "less-than-the-key-above": ("A:\n  B:\n    C: 1\n   D: 2\n", KEYS.format(3, "s", "0, 2 or 4", "3 (4 spaces).")),
    "more-than-a-key-with-a-value": ("A:\n  B: 1\n    C: 2\n", KEYS.format(4, "s", "0 or 2", "2 (2 spaces).")),
    "below-a-quoted-value": ('A:\n  B: "1"\n    C: 2\n', KEYS.format(4, "s", "0 or 2", "2 (2 spaces).")),
    "below-a-reference": ("A:\n  B: !Ref X\n    C: 2\n", KEYS.format(4, "s", "0 or 2", "2 (2 spaces).")),
    "a-key-of-an-item": ("A:\n  - B: 1\n    C: 2\n   D: 3\n", KEYS.format(3, "s", "0 or 4", "3 (4 spaces).")),
    "items-as-far-as-their-key": ("A:\n- B: 1\n  C: 2\n   D: 3\n", KEYS.format(3, "s", "0 or 2", "3 (2 spaces).")),
    "an-item-too-far-out": ("A:\n  - B: 1\n    C: 2\n - D: 3\n", ITEMS.format(1, "", "2", "2 (2 spaces).")),
    "an-item-too-far-in": ("A:\n  - B: 1\n    C: 2\n   - D: 3\n", ITEMS.format(3, "s", "2", "2 (2 spaces).")),
    "after-a-block-of-text": ("A:\n  B: |\n      text: 1\n      more\n    C: 2\n", KEYS.format(4, "s", "0 or 2", "2 (2 spaces).")),
    "after-comments-and-blank-lines": ("A:\n    B: 1\n# x\n\n   C: 2\n", KEYS.format(3, "s", "0 or 4", "2 (4 spaces).")),
    "the-first-line-too-far-in": (" A: 1\nB: 2\n", KEYS.format(0, "s", "1", "1 (1 space).")),
    "windows-line-breaks": ("A:\r\n  B: 1\r\n C: 2\r\n", KEYS.format(1, "", "0 or 2", "2 (2 spaces).")),
    "an-item-among-keys": ("A:\n  B: 1\n  - C\n", "this line is an item of a list, but line 2, which is indented as far, is a key."),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_the_indentation_is_told(name: str) -> None:
    text, message = FAULTS[name]
    with pytest.raises(SourceError) as caught:
        read(text.encode(), "t.yaml")
    assert f"invalid YAML: {message}" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["A:\n  B: c: d\n", "A:\n  B: 1\n  C\n  D: 2\n", "A: [1,\n 2\nB: 3\n", "A: 'x\nB: 3\n"]
)
def test_another_mistake_is_not_called_one_of_indentation(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(text.encode(), "t.yaml")
    assert "begins with" not in str(caught.value)
