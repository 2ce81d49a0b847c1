"""A step: one thing that changes in a task definition or in a container, or one thing to say about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeAlias, TypeVar

from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import Tree
from sysdig_instrument.engine.findings import Finding
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """What a task definition needs of IAM: the roles of this template that it may run with, and the policy statements."""

    roles: tuple[str, ...]
    statements: tuple[dict[str, Json], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a container's entry point came from, in the words of the Result."""

    text: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """An image whose config is needed and could not be read; the setting OnUnresolvedImage says what follows."""

    finding: Finding


Output: TypeAlias = Change | Finding | Grant | Source | Unresolved
"""What a step yields."""


@dataclass(frozen=True, slots=True)
class InstrumentedTask:
    """A task definition in which at least one container is instrumented: what the steps of a task definition read.

    ``containers`` are all its containers, ``is_instrumented`` says under which conditions one of them is instrumented, and
    ``outputs`` are what the steps of its containers yielded, with the agent's container.
    """

    task: TaskDefinition
    settings: Settings
    containers: tuple[Container, ...]
    is_instrumented: Tree[bool]
    outputs: tuple[Output, ...] = ()


Input = TypeVar("Input", Container, InstrumentedTask)


@dataclass(frozen=True, slots=True)
class Step(Generic[Input]):
    """What is done, or said, about one thing.

    ``keys`` are the properties that the step owns: no other step changes them, so that their changes never meet. The
    first one names the step; a step that changes nothing has none. ``plan`` reads the original and yields changes and findings. ``missing`` completes «The
    container …», or is a sentence about the task definition: what is missing where the step still has a change to make;
    without it, protection does not depend on the step.
    """

    keys: tuple[str, ...]
    plan: Callable[[Input], Iterable[Output]]
    missing: str | None = None

    @property
    def name(self) -> str:
        """The name that its changes carry."""
        return self.keys[0] if self.keys else ""
