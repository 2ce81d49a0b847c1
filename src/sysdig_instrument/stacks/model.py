"""A stack as CloudFormation describes it, with the two forms of its template."""

from __future__ import annotations

from collections.abc import Mapping

from sysdig_instrument.documents import Document
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack. ``updated`` is a time in ISO 8601. A nested stack has the name of its outermost parent in ``root``."""

    account: str
    region: str
    name: str
    parameters: Mapping[str, Json] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    updated: str = ""
    arn: str = ""
    status: str = ""
    capabilities: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    root: str = ""

    @property
    def is_in_progress(self) -> bool:
        """Return whether an operation changes the stack now."""
        return self.status.endswith("_IN_PROGRESS")


@dataclass(frozen=True, slots=True)
class StackTemplates:
    """A stack with its template as it was submitted, and as CloudFormation deployed it after all transforms."""

    stack: Stack
    original: Document
    processed: Document


@dataclass(frozen=True, slots=True)
class UnreadStack:
    """A stack whose templates could not be read, or a region whose stacks could not be listed; then it has no name."""

    stack: Stack
    reason: Reason
