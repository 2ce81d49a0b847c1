"""Random YAML texts: a value, written by somebody with habits of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from sysdig_instrument.engine.patch import Change, apply

if TYPE_CHECKING:
    from random import Random

    from sysdig_instrument.engine.json_types import Json

WORDS = [
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

scalars = st.one_of(st.sampled_from(WORDS), st.integers(-5, 9), st.booleans(), st.none(), st.just(1.5))
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
"""Documents that repeat themselves, so that there is something for aliases and merge keys to stand for."""


@dataclass
class Scribe:
    """Writes a value as YAML. Every choice is the random number generator's; ``aliases`` allows anchors and merges."""

    rnd: Random
    aliases: bool = False
    anchors: dict[str, str] = field(default_factory=dict)
    named: int = 0

    def chance(self, percent: int) -> bool:
        return self.rnd.randrange(100) < percent

    def document(self, value: Json) -> str:
        lines = self.block(value) if isinstance(value, dict | list) and value else [self.scalar(value, flow=False)]
        if self.chance(20):
            lines = ["# the head", *([""] if self.chance(50) else []), *lines]
        if self.chance(20):
            lines = ["---", *lines]
        text = "\n".join(lines) + ("\n" if self.chance(90) else "")
        if self.chance(10) and text.endswith("\n"):
            text += "# the tail\n"
        return text.replace("\n", "\r\n") if self.chance(15) else text

    def block(self, value: Json) -> list[str]:
        lines: list[str] = []
        if isinstance(value, dict):
            value = self.merged(lines, value)
            for key, item in value.items():
                lines += self.between()
                first, *rest = self.behind(item, self.rnd.choice([0, 2, 4]), self.rnd.choice([1, 2, 4]))
                if self.chance(4) and not self.aliases:
                    lines += [f"? {self.key(key)}{self.comment()}", f":{first}", *rest]
                    continue
                lines += [f"{self.key(key)}{' ' if self.chance(5) else ''}:{first}", *rest]
        elif isinstance(value, list):
            gap = self.rnd.choice([2, 2, 2, 4])
            for item in value:
                lines += self.between()
                lines += self.item(item, gap)
        return lines

    def merged(self, lines: list[str], value: dict[str, Json]) -> dict[str, Json]:
        """Leave out what a merge key can bring in."""
        for text, name in self.anchors.items():
            source = json.loads(text)
            if self.chance(50) and isinstance(source, dict) and source and source.items() <= value.items():
                left = {key: item for key, item in value.items() if key not in source}
                if json.dumps(source | left) == json.dumps(value):
                    lines.append(f"<<: *{name}")
                    return left
        return value

    def item(self, item: Json, gap: int) -> list[str]:
        if isinstance(item, dict | list) and item and not _function(item) and self.chance(60) and not self.aliases:
            first, *rest = self.block(item)
            if not first.lstrip().startswith("#") and first:
                return [f"-{' ' * (gap - 1)}{first}", *(" " * gap + line if line else "" for line in rest)]
        first, *rest = self.behind(item, gap, gap)
        return [f"-{first}", *rest]

    def between(self) -> list[str]:
        return self.rnd.choice([[], [], [], [], [""], ["# about the next"]])

    def behind(self, value: Json, dash: int, step: int) -> list[str]:
        """What stands behind a colon or dash."""
        lead = ""
        if self.aliases:
            text = json.dumps(value)
            if text in self.anchors and self.chance(70):
                return [f" *{self.anchors[text]}{self.comment()}"]
            if isinstance(value, dict | list) and value and not _function(value) and self.chance(40):
                self.named += 1
                name = f"a{self.named}"
                lines = self.plain_behind(value, dash, step, f" &{name}")
                self.anchors[text] = name
                return lines
        return self.plain_behind(value, dash, step, lead)

    def plain_behind(self, value: Json, dash: int, step: int, lead: str) -> list[str]:
        if (short := _function(value)) and self.chance(70):
            tag, inner = short
            lead, value = f"{lead} {tag}", inner
            dash = dash or step
            if isinstance(value, str):
                return [f"{lead} {self.tagged(value)}{self.comment()}"]
        if isinstance(value, dict | list) and value and self.chance(70):
            width = step if isinstance(value, dict) else dash
            return [lead + self.comment(), *(" " * width + line if line else "" for line in self.block(value))]
        if isinstance(value, dict | list):
            first, *rest = self.flow(value).split("\n")
            return [f"{lead} {first}{'' if rest else self.comment()}", *(" " * (step + 1) + line for line in rest)]
        return self.words_behind(value, step, lead)

    def words_behind(self, value: Json, step: int, lead: str) -> list[str]:
        if isinstance(value, str) and value == value.strip() and " " in value and "\n" not in value and self.chance(30):
            return [f"{lead} >-", *(" " * step + word for word in value.split(" "))]
        if isinstance(value, str) and "\n" in value and self.chance(80) and not value.startswith(" "):
            body = value.rstrip("\n")
            kept = len(value) - len(body)
            lines = [" " * step + line if line else "" for line in body.split("\n")] + [""] * (kept - 1)
            return [f"{lead} |{('-', '', '+')[min(kept, 2)]}{self.comment()}", *lines]
        if value is None and self.chance(40):
            return [lead + self.comment()]
        return [f"{lead} {self.scalar(value, flow=False)}{self.comment()}"]

    def comment(self) -> str:
        return self.rnd.choice(["", "", "", "", " # why", "   # [not, this]"])

    def flow(self, value: Json) -> str:
        """In brackets, on one line or on several."""
        if (short := _function(value)) and self.chance(60):
            tag, inner = short
            return f"{tag} {self.tagged(inner) if isinstance(inner, str) else self.flow(inner)}"
        if not isinstance(value, dict | list):
            return self.scalar(value, flow=True)
        if isinstance(value, dict):
            parts = [f"{self.key(key)}: {self.flow(item)}" for key, item in value.items()]
            first, last = "{}"
        else:
            parts, (first, last) = [self.flow(item) for item in value], "[]"
        if parts and self.chance(25):
            inside = ",\n ".join(parts) + ("," if self.chance(40) else "")
            return f"{first}\n {inside}{' # the last' if self.chance(20) else ''}\n{last}"
        pad = " " if self.chance(20) and parts else ""
        return f"{first}{pad}{(', ' if self.chance(80) else ',  ').join(parts)}{pad}{last}"

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


def _function(value: Json) -> tuple[str, Json] | None:
    """A short tag for the value, where reading gives the value back."""
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
    """Changes of every kind, each of which fits what the ones before have left."""
    made: list[Change] = []
    for _ in range(draw(st.integers(1, count))):
        change = draw(one_change(value))
        value = apply(value, [change])
        made.append(change)
    return made


@st.composite
def one_change(draw: st.DrawFn, value: Json) -> Change:
    pointer, here = draw(st.sampled_from(list(_places(value, ()))))
    new = draw(values)
    if isinstance(here, list):
        kind = draw(st.sampled_from(["append", "insert"] + (["replace", "remove"] if here else [])))
        step: str | int = "-" if kind == "append" else draw(st.integers(0, max(len(here) - 1, 0)))
        was = here[int(step)] if kind in ("replace", "remove") else None
    else:
        kind = draw(st.sampled_from(["add", "add"] + (["replace", "remove"] if here else [])))
        step = draw(st.sampled_from([*KEYS, "PidMode"] if kind == "add" else list(here)))
        was = here[step] if kind != "add" else None
    if kind == "remove":
        return Change("remove", (*pointer, step), "because", was=was)
    return Change("replace" if kind == "replace" else "add", (*pointer, step), "because", new, was)


def _places(
    value: Json, pointer: tuple[str | int, ...]
) -> list[tuple[tuple[str | int, ...], dict[str, Json] | list[Json]]]:
    """All objects and lists in a value."""
    if isinstance(value, dict):
        below = [place for key, item in value.items() for place in _places(item, (*pointer, key))]
    elif isinstance(value, list):
        below = [place for index, item in enumerate(value) for place in _places(item, (*pointer, index))]
    else:
        return []
    return [(pointer, value), *below]
