"""The report on a file: its task definitions, their containers, and items about them. Names and reasons, never values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.snippets import Snippet
from sysdig_instrument.documents.errors import SourceError
from sysdig_instrument.documents.locate import Locator, Place
from sysdig_instrument.ecs_documents import camel_key, pascal_key
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Reason, names_text
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.macro_line import LineStatus, MacroLine
from sysdig_instrument.engine.protection import LeftAlone
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.engine.template import SECTION
from sysdig_instrument.errors import UserError
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.printable import single_line

_MAX_TEXT_LENGTH: Final = 1700


class RowResult(Enum):
    """The result of a row, for colours and for tools that only know pass, skip and fail."""

    PASSED = "passed"
    SKIPPED = "skipped"
    FAILED = "failed"
    AGENT = "agent"
    WITHOUT_LINE = "without the line"
    """It would be instrumented, if the template listed the macro."""
    NOT_APPLIED = "not applied"
    """It would be instrumented, if nothing else in the document were refused or unknown."""
    UNKNOWN = "unknown"
    """Something that decides is not known here."""


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A task definition or a container. ``outcome`` is the word that reports print; ``place`` is its place in the file.

    ``codes`` are the codes of the verdict on a task definition, if the report is about protection. ``left_alone`` is then
    what should not be instrumented: the task definition itself, or containers. ``construct`` is its path in the AWS CDK.
    """

    name: str
    result: RowResult
    outcome: str
    why: str = ""
    place: Place | None = None
    codes: tuple[str, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    construct: str = ""

    @property
    def line(self) -> int | None:
        """The line, if it is known."""
        return self.place.line if self.place else None


@dataclass(frozen=True, slots=True)
class TaskReport:
    """A task definition with its containers. ``settings`` has the layer of each setting that is not the default."""

    row: ReportRow
    containers: tuple[ReportRow, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of report item. ``name`` never changes: tools store suppressions under it."""

    name: str
    level: str
    """As in SARIF: error, note or none."""
    label: str
    title: str
    help: str

    def __reduce__(self) -> tuple[Callable[[str], Rule], tuple[str]]:
        """Return what pickle restores the rule from: its name, so that each rule is there once."""
        return _rule_named, (self.name,)


REFUSED = Rule(
    "refused",
    "error",
    "refused",
    "The template is refused",
    "The template cannot be instrumented as the settings require, so nothing in it was changed. Follow the advice in the message.",
)
NOT_INSTRUMENTED = Rule(
    "not-instrumented",
    "error",
    "not protected",
    "A task definition is not protected",
    "The settings require protection. Deploy the template through the macro, or process it with `sysdig-instrument transform`.",
)
NOTICE = Rule(
    "notice",
    "note",
    "notice",
    "Notice",
    "The template is instrumented anyway. Follow the advice in the message if it matters to you.",
)
LEFT_ALONE = Rule(
    "left-alone",
    "none",
    "left alone",
    "Left alone by the settings",
    "The message names the setting or fact that decided this. Change the setting to instrument it.",
)
UNUSABLE = Rule(
    "unusable-file",
    "error",
    "unusable",
    "The file cannot be used",
    "The file cannot be read, or is neither a template nor a task definition. Correct it or leave it out.",
)
UNKNOWN = Rule(
    "unknown",
    "error",
    "unknown",
    "It is not known what happens to a task definition",
    "Nothing in the template is wrong, but a value or an image that decides is not known here, or not before deployment. Follow the advice in the message.",
)
NOT_LISTED = Rule(
    "not-listed",
    "error",
    "not listed",
    "The template does not list the macro",
    "CloudFormation does not call the macro for this template, so its tasks run without the agent. Add the line that the message gives.",
)
RULES = (REFUSED, NOT_INSTRUMENTED, NOTICE, LEFT_ALONE, UNUSABLE, UNKNOWN, NOT_LISTED)


def _rule_named(name: str) -> Rule:
    return next(each for each in RULES if each.name == name)


@dataclass(frozen=True, slots=True)
class ReportItem:
    """An item of the report: a rule, a reason and a location in the file. ``lowered_to`` is a lower level than the rule's.

    Reports have the first of the ``places``; a table has all. ``snippets`` is what to paste.
    """

    rule: Rule
    reason: Reason
    task: str | None = None
    container: str | None = None
    location: str = ""
    places: tuple[Place, ...] = ()
    lowered_to: str = ""
    construct: str = ""
    snippets: tuple[Snippet, ...] = ()

    @property
    def line(self) -> int | None:
        """The line, if it is known."""
        return self.places[0].line if self.places else None

    @property
    def column(self) -> int | None:
        """The column, if it is known."""
        return self.places[0].column if self.places else None

    @property
    def level(self) -> str:
        """The level, as in SARIF."""
        return self.lowered_to or self.rule.level

    @property
    def text(self) -> str:
        """The reason's fact and advice on one line, and its code."""
        return f"{single_line(self.reason.text, _MAX_TEXT_LENGTH)} ({self.reason.code.value})"

    @property
    def text_to_paste(self) -> str:
        """The lines of all that is to be pasted, each on a line of its own; an empty string if there is nothing."""
        return "".join(f"\n{line}" for each in self.snippets for line in each.lines)

    @property
    def subject(self) -> str:
        """``Task "Api", container "web"``; the location if the item is about neither, or an empty string."""
        text = names_text(self.task, self.construct, self.container)
        return text[:1].upper() + text[1:] if text else self.location

    @property
    def full_text(self) -> str:
        """The subject and the text."""
        return f"{self.subject}: {self.text}" if self.subject else self.text


@dataclass(frozen=True, slots=True)
class LineReport:
    """The report on the line of a template. ``is_needed`` is true if a task definition needs the macro and does not get it."""

    found: MacroLine
    is_needed: bool
    line: int

    @property
    def text(self) -> str:
        """The first line of the report on a file, such as ``lists SysdigInstrument``."""
        name, status = self.found.macro_name, self.found.status
        if self.found.is_listed:
            return f"lists {name}{status.value.removeprefix('listed')}"
        if not self.is_needed:
            is_snippet = status is LineStatus.IN_FN_TRANSFORM
            return f"lists {name} in Fn::Transform" if is_snippet else f"does not list {name}, and need not"
        return f"does not list {name}{'' if status is LineStatus.ABSENT else f': {status.value}'}"

    @property
    def as_json(self) -> dict[str, Json]:
        """The form in JSON."""
        return {
            "name": self.found.macro_name,
            "status": self.found.status.value,
            "listed": self.found.is_listed,
            "missing": self.is_needed,
            "line": self.line,
        }


@dataclass(frozen=True, slots=True)
class FileReport:
    """The report on a file. An unusable file has only items that say so. A file that is not a template has no ``macro_line``.

    ``run_settings`` has the layer of each setting that the caller gives, and not the template. ``address`` is that of a resource
    in a Terraform plan. ``document`` is for what a terminal shows of its text; no other format has any of it.
    """

    path: str
    tasks: tuple[TaskReport, ...] = ()
    items: tuple[ReportItem, ...] = ()
    macro_line: LineReport | None = None
    document: InputDocument | None = None
    run_settings: Mapping[str, str] = field(default_factory=dict)
    address: str = ""

    @property
    def has_no_errors(self) -> bool:
        """Return whether no item is an error."""
        return not any(item.level == "error" for item in self.items)


def warning_items(document: InputDocument, line: MacroLine | None) -> list[ReportItem]:
    """Return the items about what is wrong with a document's text. What is wrong with the line of the macro is left out."""
    has_line_item = line is not None and line.status is LineStatus.DUPLICATE_KEY
    return [
        ReportItem(NOTICE, each.reason, places=(Place(each.line, each.column, each.start, each.end),))
        for each in document.source.warnings
        if not (has_line_item and document.source.text[each.start : each.end].strip("\"'") == SECTION)
    ]


def unusable_file_report(path: str, error: UserError) -> FileReport:
    """Return the report on an unusable file: one item per line of the message."""
    code, text = error.code or Code.NOT_A_TEMPLATE_FILE, error.text
    places: tuple[Place, ...] = ()
    if isinstance(error, SourceError):
        text, places = error.message, (Place(error.line, error.column, error.offset, error.offset),)
    lines = [line.strip().removesuffix(".") for line in text.splitlines()]
    items = tuple(ReportItem(UNUSABLE, Reason(line, code=code), places=places) for line in lines if line)
    return FileReport(path, items=items)


_BEGINNING: Final = Place(1, 1, 0, 0)
"""The place of all that is in a Terraform plan, whose text no person writes."""


class LineLocator:
    """Find lines and places in one document. The index of its lines is built at the first call."""

    def __init__(self, document: InputDocument, tasks: Iterable[TaskPlan] = ()) -> None:
        self._document = document
        self._locator: Locator | None = None
        self._tasks = {task.task.name: task.pointer for task in tasks}

    def line(self, pointer: Pointer) -> int:
        """Return the first line of a value, or of the innermost enclosing value that exists."""
        return self.place(pointer).line

    def place(self, pointer: Pointer) -> Place:
        """Return the place of a value, or of the innermost enclosing value that exists; in a Terraform plan, the beginning."""
        if self._document.address:
            return _BEGINNING
        if self._locator is None:
            self._locator = Locator(self._document.source)
        return self._locator.place(document_pointer(self._document, pointer))

    def place_of(self, location: Location) -> Place:
        """Return the place of a finding: that of its task definition if it has none of its own."""
        return self.place(location.pointer or self._tasks.get(location.task or "", ()))


def document_pointer(document: InputDocument, pointer: Pointer) -> Pointer:
    """Return the pointer from the top of the document, in the document's key case. Accept either case."""
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
