"""What a report says of a file: its task definitions, their containers, and the remarks on them. Names and reasons only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from sysdig_instrument.engine.findings import Reason, shortened
from sysdig_instrument.values import dataclass, field

_LONGEST: Final = 1700


class Mark(Enum):
    """How something came out, for colours and for tools that know no more than that."""

    GOOD = "good"
    LEFT_ALONE = "left alone"
    BAD = "bad"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class Row:
    """A task definition or a container. ``status`` is its word in the table; ``line`` is in the file."""

    name: str
    mark: Mark
    status: str
    why: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class TaskReport:
    """A task definition with its containers. ``settings`` are those that are not the default, with their layers."""

    row: Row
    containers: tuple[Row, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of remark. ``name`` never changes: tools keep what people decided about it under this name."""

    name: str
    level: str
    """SARIF's: error, note or none."""
    word: str
    title: str
    help: str


REFUSED = Rule(
    "refused",
    "error",
    "refused",
    "The template is refused",
    "It cannot be instrumented as the settings ask for, so nothing in it is. Do what the message advises.",
)
NOT_INSTRUMENTED = Rule(
    "not-instrumented",
    "error",
    "not instrumented",
    "A task definition is not instrumented",
    "The settings ask for it. Deploy it through the macro, or process it with `sysdig-instrument transform`.",
)
NOTICE = Rule(
    "notice",
    "note",
    "notice",
    "Something to know",
    "The template is instrumented all the same. Do what the message advises if it matters to you.",
)
LEFT_ALONE = Rule(
    "left-alone",
    "none",
    "left alone",
    "Left alone, as the settings say",
    "The message tells which setting or fact decides. Change the setting to have it instrumented.",
)
UNUSABLE = Rule(
    "unusable-file",
    "error",
    "cannot be used",
    "The file cannot be used",
    "It cannot be read, or is no template and no task definition. Correct it, or leave it out.",
)
RULES = (REFUSED, NOT_INSTRUMENTED, NOTICE, LEFT_ALONE, UNUSABLE)


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing to tell about a place in a file."""

    rule: Rule
    reason: Reason
    task: str | None = None
    container: str | None = None
    place: str = ""
    line: int | None = None

    @property
    def text(self) -> str:
        """The sentences, on one line."""
        return shortened(self.reason.text, _LONGEST)

    @property
    def subject(self) -> str:
        """``Task "Api", container "web"``, or nothing."""
        named = (("task", self.task), ("container", self.container))
        text = ", ".join(f'{word} "{shortened(name, 300)}"' for word, name in named if name)
        return text[:1].upper() + text[1:]

    @property
    def whole(self) -> str:
        """The sentences behind what they are about."""
        return f"{self.subject}: {self.text}" if self.subject else self.text


@dataclass(frozen=True, slots=True)
class FileReport:
    """What there is to say about a file. One that could not be used has a remark on that, and nothing else."""

    path: str
    tasks: tuple[TaskReport, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def is_good(self) -> bool:
        """Whether nothing in it is refused or missing."""
        return not any(remark.rule.level == "error" for remark in self.remarks)


def unusable(path: str, message: str) -> FileReport:
    """The report on a file that could not be used."""
    lines = [line.strip().removesuffix(".") for line in message.splitlines()]
    return FileReport(path, (), tuple(Remark(UNUSABLE, Reason(line)) for line in lines if line))
