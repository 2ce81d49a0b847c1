"""Random values, changes of them, and random YAML texts for them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from sysdig_instrument.engine.patch import Change, apply

if TYPE_CHECKING:
    from random import Random

    from sysdig_instrument.engine.json_types import Json

STRINGS = [
    "app",
    "a-b",
    "/bin/sh",
    "x.y",
    "on",
    "12",
    "0755",
    "a: b",
    "# no",
    "-c",
    "é",
    "",
    " lead",
    "{x}",
    "two\nlines\n",
    "é\n\n b",
]
KEYS = ["Name", "Image", "Environment", "Value", "Command", "a b", "yes", "x:y", "EntryPoint"]
FUNCTIONS = ["Fn::Sub", "Fn::If", "Fn::Join", "Fn::GetAtt"]

scalars = st.one_of(st.sampled_from(STRINGS), st.integers(-5, 9), st.booleans(), st.none(), st.just(1.5))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
        st.builds(lambda name: {"Ref": name}, st.sampled_from(["A", "AWS::Region"])),
        st.builds(lambda name, items: {name: items}, st.sampled_from(FUNCTIONS), st.lists(inner, max_size=3)),
    ),
    max_leaves=14,
)
documents = st.one_of(
    st.dictionaries(st.sampled_from(KEYS), values, min_size=1, max_size=4),
    st.lists(st.dictionaries(st.sampled_from(KEYS), values, min_size=1, max_size=3), min_size=1, max_size=3),
)
objects = st.dictionaries(st.sampled_from(KEYS), values, min_size=1, max_size=3)
repetitive = st.builds(
    lambda base, more, item: {"base": base, "again": {**base, **more}, "Command": [item, base, item], "last": item},
    objects,
    objects,
    values,
)
"""Documents with equal values in several places, so that aliases and merge keys can repeat them."""


@dataclass
class YamlWriter:
    """Writes a value as YAML in random styles. ``aliases`` allows anchors, aliases and merge keys."""

    rnd: Random
    aliases: bool = False
    anchors: dict[str, str] = field(default_factory=dict)
    anchor_count: int = 0

    def chance(self, percent: int) -> bool:
        return self.rnd.randrange(100) < percent

    def document(self, value: Json) -> str:
        lines = self.block(value) if isinstance(value, dict | list) and value else [self.scalar(value, flow=False)]
        if self.chance(20):
            lines = ["# the start", *([""] if self.chance(50) else []), *lines]
        if self.chance(20):
            lines = ["---", *lines]
        text = "\n".join(lines) + ("\n" if self.chance(90) else "")
        if self.chance(10) and text.endswith("\n"):
            text += "# the end\n"
        return text.replace("\n", "\r\n") if self.chance(15) else text

    def block(self, value: Json) -> list[str]:
        lines: list[str] = []
        if isinstance(value, dict):
            value = self.with_merge_key(lines, value)
            for key, item in value.items():
                lines += self.separating_lines()
                first, *rest = self.after_indicator(item, self.rnd.choice([0, 2, 4]), self.rnd.choice([1, 2, 4]))
                if self.chance(4) and not self.aliases:
                    lines += [f"? {self.key(key)}{self.comment()}", f":{first}", *rest]
                    continue
                lines += [f"{self.key(key)}{' ' if self.chance(5) else ''}:{first}", *rest]
        elif isinstance(value, list):
            item_indent = self.rnd.choice([2, 2, 2, 4])
            for item in value:
                lines += self.separating_lines()
                lines += self.item(item, item_indent)
        return lines

    def with_merge_key(self, lines: list[str], value: dict[str, Json]) -> dict[str, Json]:
        """Append a merge key for an anchored object that is part of the value; return the value without those keys."""
        for text, name in self.anchors.items():
            source = json.loads(text)
            if self.chance(50) and isinstance(source, dict) and source and source.items() <= value.items():
                left = {key: item for key, item in value.items() if key not in source}
                if json.dumps(source | left) == json.dumps(value):
                    lines.append(f"<<: *{name}")
                    return left
        return value

    def item(self, item: Json, item_indent: int) -> list[str]:
        if isinstance(item, dict | list) and item and not _short_form(item) and self.chance(60) and not self.aliases:
            first, *rest = self.block(item)
            if not first.lstrip().startswith("#") and first:
                return [
                    f"-{' ' * (item_indent - 1)}{first}",
                    *(" " * item_indent + line if line else "" for line in rest),
                ]
        first, *rest = self.after_indicator(item, item_indent, item_indent)
        return [f"-{first}", *rest]

    def separating_lines(self) -> list[str]:
        return self.rnd.choice([[], [], [], [], [""], ["# about the next"]])

    def after_indicator(self, value: Json, dash_indent: int, indent: int) -> list[str]:
        """Return the text after a colon or dash, then the lines below it."""
        prefix = ""
        if self.aliases:
            text = json.dumps(value)
            if text in self.anchors and self.chance(70):
                return [f" *{self.anchors[text]}{self.comment()}"]
            if isinstance(value, dict | list) and value and not _short_form(value) and self.chance(40):
                self.anchor_count += 1
                name = f"a{self.anchor_count}"
                lines = self.after_indicator_and_anchor(value, dash_indent, indent, f" &{name}")
                self.anchors[text] = name
                return lines
        return self.after_indicator_and_anchor(value, dash_indent, indent, prefix)

    def after_indicator_and_anchor(self, value: Json, dash_indent: int, indent: int, prefix: str) -> list[str]:
        if (short := _short_form(value)) and self.chance(70):
            tag, inner = short
            prefix, value = f"{prefix} {tag}", inner
            dash_indent = dash_indent or indent
            if isinstance(value, str):
                return [f"{prefix} {self.tagged(value)}{self.comment()}"]
        if isinstance(value, dict | list) and value and self.chance(70):
            width = indent if isinstance(value, dict) else dash_indent
            return [prefix + self.comment(), *(" " * width + line if line else "" for line in self.block(value))]
        if isinstance(value, dict | list):
            first, *rest = self.flow(value).split("\n")
            return [f"{prefix} {first}{'' if rest else self.comment()}", *(" " * (indent + 1) + line for line in rest)]
        return self.scalar_after_indicator(value, indent, prefix)

    def scalar_after_indicator(self, value: Json, indent: int, prefix: str) -> list[str]:
        if isinstance(value, str) and value == value.strip() and " " in value and "\n" not in value and self.chance(30):
            return [f"{prefix} >-", *(" " * indent + word for word in value.split(" "))]
        if isinstance(value, str) and "\n" in value and self.chance(80) and not value.startswith(" "):
            body = value.rstrip("\n")
            trailing_breaks = len(value) - len(body)
            lines = [" " * indent + line if line else "" for line in body.split("\n")] + [""] * (trailing_breaks - 1)
            return [f"{prefix} |{('-', '', '+')[min(trailing_breaks, 2)]}{self.comment()}", *lines]
        if value is None and self.chance(40):
            return [prefix + self.comment()]
        return [f"{prefix} {self.scalar(value, flow=False)}{self.comment()}"]

    def comment(self) -> str:
        return self.rnd.choice(["", "", "", "", " # why", "   # [not, this]"])

    def flow(self, value: Json) -> str:
        """Return the value in flow style, on one line or on several."""
        if (short := _short_form(value)) and self.chance(60):
            tag, inner = short
            return f"{tag} {self.tagged(inner) if isinstance(inner, str) else self.flow(inner)}"
        if not isinstance(value, dict | list):
            return self.scalar(value, flow=True)
        if isinstance(value, dict):
            entries = [f"{self.key(key)}: {self.flow(item)}" for key, item in value.items()]
            opening, closing = "{}"
        else:
            entries, (opening, closing) = [self.flow(item) for item in value], "[]"
        if entries and self.chance(25):
            inside = ",\n ".join(entries) + ("," if self.chance(40) else "")
            return f"{opening}\n {inside}{' # the last' if self.chance(20) else ''}\n{closing}"
        padding = " " if self.chance(20) and entries else ""
        return f"{opening}{padding}{(', ' if self.chance(80) else ',  ').join(entries)}{padding}{closing}"

    def key(self, key: str) -> str:
        return key if key.isalpha() and key != "yes" and self.chance(80) else self.quoted(key)

    def tagged(self, value: str) -> str:
        return value if value.isalpha() and self.chance(50) else self.quoted(value)

    def scalar(self, value: Json, *, flow: bool) -> str:
        if not isinstance(value, str):
            return json.dumps(value)
        if value in ("app", "a-b", "/bin/sh", "x.y", "é") and self.chance(70):
            return value
        if value == "-c" and not flow and self.chance(50):
            return value
        return self.quoted(value)

    def quoted(self, value: str) -> str:
        if "\n" not in value and self.chance(50):
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=self.chance(50))


def _short_form(value: Json) -> tuple[str, Json] | None:
    """Return the short form of a function as (tag, argument), if reading it gives the same value."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    ((key, inner),) = value.items()
    if key == "Ref":
        return "!Ref", inner
    if key in FUNCTIONS and isinstance(inner, list):
        return f"!{key.removeprefix('Fn::')}", inner
    return None


@st.composite
def changes(draw: st.DrawFn, value: Json, count: int = 4) -> list[Change]:
    """Draw changes of every kind. Each one fits the result of those before it."""
    drawn: list[Change] = []
    for _ in range(draw(st.integers(1, count))):
        change = draw(one_change(value))
        value = apply(value, [change])
        drawn.append(change)
    return drawn


@st.composite
def one_change(draw: st.DrawFn, value: Json) -> Change:
    pointer, here = draw(st.sampled_from(list(_collections(value, ()))))
    new = draw(values)
    if isinstance(here, list):
        kind = draw(st.sampled_from(["append", "insert"] + (["replace", "remove"] if here else [])))
        part: str | int = "-" if kind == "append" else draw(st.integers(0, max(len(here) - 1, 0)))
        was = here[int(part)] if kind in ("replace", "remove") else None
    else:
        kind = draw(st.sampled_from(["add", "add"] + (["replace", "remove"] if here else [])))
        part = draw(st.sampled_from([*KEYS, "PidMode"] if kind == "add" else list(here)))
        was = here[part] if kind != "add" else None
    if kind == "remove":
        return Change("remove", (*pointer, part), "because", was=was)
    return Change("replace" if kind == "replace" else "add", (*pointer, part), "because", new, was)


def _collections(
    value: Json, pointer: tuple[str | int, ...]
) -> list[tuple[tuple[str | int, ...], dict[str, Json] | list[Json]]]:
    """Return all objects and lists in a value, with their pointers."""
    if isinstance(value, dict):
        nested = [each for key, item in value.items() for each in _collections(item, (*pointer, key))]
    elif isinstance(value, list):
        nested = [each for index, item in enumerate(value) for each in _collections(item, (*pointer, index))]
    else:
        return []
    return [(pointer, value), *nested]
