"""What a report says of a file: its task definitions, their containers, and the remarks on them. Names and reasons only."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.documents.ecs import camel_key, pascal_key
from sysdig_instrument.documents.locate import Locator
from sysdig_instrument.engine.findings import Reason, single_line
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.lazy_dataclasses import dataclass, field

_MAX_TEXT_LENGTH: Final = 1700


class Result(Enum):
    """How something came out, for colours and for tools that know no more than that."""

    PASSED = "good"
    SKIPPED = "left alone"
    FAILED = "bad"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A task definition or a container. ``outcome`` is its word in the table; ``line`` is in the file."""

    name: str
    result: Result
    outcome: str
    why: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class TaskReport:
    """A task definition with its containers. ``settings`` are those that are not the default, with their layers."""

    row: ReportRow
    containers: tuple[ReportRow, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of remark. ``name`` never changes: tools keep what people decided about it under this name."""

    name: str
    level: str
    """SARIF's: error, note or none."""
    label: str
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
class ReportItem:
    """One thing to tell about a place in a file."""

    rule: Rule
    reason: Reason
    task: str | None = None
    container: str | None = None
    location: str = ""
    line: int | None = None

    @property
    def text(self) -> str:
        """The sentences, on one line."""
        return single_line(self.reason.text, _MAX_TEXT_LENGTH)

    @property
    def subject(self) -> str:
        """``Task "Api", container "web"``, or nothing."""
        names = (("task", self.task), ("container", self.container))
        text = ", ".join(f'{label} "{single_line(name, 300)}"' for label, name in names if name)
        return text[:1].upper() + text[1:]

    @property
    def full_text(self) -> str:
        """The sentences behind what they are about."""
        return f"{self.subject}: {self.text}" if self.subject else self.text


@dataclass(frozen=True, slots=True)
class FileReport:
    """What there is to say about a file. One that could not be used has a remark on that, and nothing else."""

    path: str
    tasks: tuple[TaskReport, ...] = ()
    items: tuple[ReportItem, ...] = ()

    @property
    def has_no_errors(self) -> bool:
        """Whether nothing in it is refused or missing."""
        return not any(item.rule.level == "error" for item in self.items)


def unusable_file_report(path: str, message: str) -> FileReport:
    """The report on a file that could not be used."""
    lines = [line.strip().removesuffix(".") for line in message.splitlines()]
    return FileReport(path, (), tuple(ReportItem(UNUSABLE, Reason(line)) for line in lines if line))


class LineLocator:
    """Lines of one document. Its text is only gone through again when somebody asks."""

    def __init__(self, document: InputDocument) -> None:
        self._document = document
        self._locator: Locator | None = None

    def line(self, pointer: Pointer) -> int:
        """The line where a place begins, or what is there of it."""
        if self._locator is None:
            self._locator = Locator(self._document.source)
        return self._locator.lines(document_pointer(self._document, pointer)).first


def document_pointer(document: InputDocument, pointer: Pointer) -> Pointer:
    """The pointer in the spelling of the document, from its top, in either of the spellings that a finding may have."""
    if document.kind == "template":
        return pointer
    if document.kind == "container definitions":
        pointer = pointer[1:]
    elif document.kind == "described task definition":
        pointer = ("taskDefinition", *pointer)
    parts: list[str | int] = []
    value: Json = document.source.value
    for part in pointer:
        found_key = part
        if isinstance(value, dict) and isinstance(part, str):
            found_key = next((key for key in (part, camel_key(part), pascal_key(part)) if key in value), part)
            value = value.get(found_key)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
        else:
            value = None
        parts.append(found_key)
    return tuple(parts)


# FOLDED: Where in a document's text something is that the engine names by its pointer.
