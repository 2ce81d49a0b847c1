"""A step: one thing that changes in a task definition or in a container, or one thing to report about it."""

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
    """The IAM permissions that a task definition needs.

    ``roles`` are the logical ids of the roles of this template that it may run with. Each of them gets ``statements``, IAM
    policy statements.
    """

    roles: tuple[str, ...]
    statements: tuple[dict[str, Json], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a container's entry point, as the Result in the Metadata says it."""

    text: str


@dataclass(frozen=True, slots=True)
class Unresolved:
    """An image whose config is needed and could not be read. The setting OnUnresolvedImage decides what follows."""

    finding: Finding


Output: TypeAlias = Change | Finding | Grant | Source | Unresolved
"""What a step yields."""


@dataclass(frozen=True, slots=True)
class InstrumentedTask:
    """A task definition in which at least one container is instrumented: the input of the steps of a task definition.

    ``settings`` are those of the task definition. ``containers`` are all its containers; ``is_instrumented`` is true under
    the conditions in which one of them is instrumented. ``outputs`` is what was planned before the steps of the task:
    findings about the settings, what the steps of the containers yielded, and the changes to the agent's container.
    """

    task: TaskDefinition
    settings: Settings
    containers: tuple[Container, ...]
    is_instrumented: Tree[bool]
    outputs: tuple[Output, ...] = ()


Input = TypeVar("Input", Container, InstrumentedTask)


@dataclass(frozen=True, slots=True)
class Step(Generic[Input]):
    """One thing that is done, or reported.

    ``keys`` are the properties that the step owns: no other step changes them, so changes of two steps never conflict. The
    first key is the name of the step. A step that changes nothing has no keys.

    ``plan`` reads the original and yields changes and findings.

    ``missing`` says what is missing where the step still has a change to make: it completes «Container "web" …», or, for
    the step of a task definition, it is a sentence. Without it, protection does not depend on the step.
    """

    keys: tuple[str, ...]
    plan: Callable[[Input], Iterable[Output]]
    missing: str | None = None

    @property
    def name(self) -> str:
        """The name that the changes of this step carry."""
        return self.keys[0] if self.keys else ""
