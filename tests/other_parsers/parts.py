"""Leave out of two texts what is the same in both, so that slow parsers read only what an edit concerns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

_ANCHOR_OR_ALIAS = re.compile(r"[&*][A-Za-z0-9_-]")


def without_equal_entries(before: str, after: str) -> tuple[str, str]:
    """Return both texts without the entries of the template, and of its Resources, that have the same text in both."""
    if _has_anchor(before):  # one entry may need another
        return before, after
    lines = [text.splitlines(keepends=True) for text in (before, after)]
    spans = [dict(_entries(text)) for text in (before, after)]
    equal = [keys for keys in spans[0].keys() & spans[1].keys() if lines[0][spans[0][keys]] == lines[1][spans[1][keys]]]
    for kept, found in zip(lines, spans, strict=True):
        for span in sorted((found[keys] for keys in equal), key=lambda each: each.start, reverse=True):
            del kept[span]
    return "".join(lines[0]), "".join(lines[1])


def _has_anchor(text: str) -> bool:
    if not _ANCHOR_OR_ALIAS.search(text):
        return False
    return any(getattr(event, "anchor", None) for event in yaml.parse(text, yaml.CSafeLoader))


def _entries(text: str) -> Iterator[tuple[tuple[str, ...], slice]]:
    """Yield the keys and the lines of the entries in block style, Resources in place of its own entries."""
    root = yaml.compose(text, yaml.CSafeLoader)
    count = text.count("\n") + 1
    for key, value, span in _spans(root, count):
        if key == "Resources":
            yield from ((("Resources", name), inner) for name, _, inner in _spans(value, span.stop))
        else:
            yield (key,), span


def _spans(node: yaml.Node | None, end: int) -> Iterator[tuple[str, yaml.Node, slice]]:
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return
    starts = [key.start_mark.line for key, _ in node.value]
    for (key, value), start, stop in zip(node.value, starts, [*starts[1:], end], strict=True):
        yield key.value, value, slice(start, stop)
