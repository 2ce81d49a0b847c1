"""A step: one thing that changes in a task definition or in a container, or one thing to report about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Generic, TypeAlias, TypeVar

from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import Tree
from sysdig_instrument.engine.findings import Finding, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.opt_outs import OptOut
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.engine.settings.template_layers import TaskSettings
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grant:
    """The permission to read the access key, for the execution roles of one task definition.

    ``roles`` are the logical ids of the roles of this template that may be its execution role. Each of them gets
    ``statements``, IAM policy statements.
    """

    roles: tuple[str, ...]
    statements: tuple[dict[str, Json], ...]


class EntryPointSource(Enum):
    """The source of a container's entry point, as the Result says it. If branches differ, the Result has the first of these."""

    IMAGE = "entry point from the image"
    TEMPLATE = "entry point from the template"
    UNCHANGED = "entry point left unchanged"
    WRAPPED = "already wrapped"


@dataclass(frozen=True, slots=True)
class UnresolvedImage:
    """An image whose config is needed and is not available: the setting OnUnresolvedImage decides what happens.

    ``finding`` says why there is no config, and ``why`` in a clause.
    """

    finding: Finding
    why: str


ChangeOrFinding: TypeAlias = Change | Notice | Problem
"""What most steps yield."""


@dataclass(frozen=True, slots=True)
class AddedTags:
    """The keys of the tags that are added to a task definition. The Result lists them."""

    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class HiddenOptOut:
    """Something that the template leaves alone, and that the hook and ``coverage`` do not see in the task definition as it is.

    ``remains`` is true if they will not see it after the macro either, because no tag can say it.
    """

    reason: Reason
    remains: bool = False


Output: TypeAlias = Change | Finding | Grant | EntryPointSource | UnresolvedImage | AddedTags | HiddenOptOut
"""What any step may yield."""


@dataclass(frozen=True, slots=True)
class InstrumentedTask:
    """A task definition in which at least one container is instrumented: the input of the steps of a task definition.

    ``settings`` are those of the task definition. ``containers`` are all its containers. ``is_instrumented`` is true under
    the conditions in which at least one of them is instrumented; those are the ``workloads``. ``outputs`` is what was planned before the steps of the
    task: findings about the settings, the outputs of the containers' steps, and the changes to the agent's container.
    """

    task: TaskDefinition
    settings: Settings
    containers: tuple[Container, ...]
    is_instrumented: Tree[bool]
    outputs: tuple[Output, ...] = ()
    workloads: tuple[Container, ...] = ()


@dataclass(frozen=True, slots=True)
class DecidedTask:
    """Any task definition, after it is decided what is instrumented: the input of the steps for every task definition.

    ``instrumented`` are the containers to be instrumented, ``opt_outs`` is what the template leaves alone.
    ``is_whole`` is true if nothing is instrumented, and nothing would be if there were only these opt-outs.
    """

    task: TaskDefinition
    settings: TaskSettings
    instrumented: tuple[Container, ...]
    opt_outs: tuple[OptOut, ...]
    is_whole: bool


Input = TypeVar("Input", Container, InstrumentedTask, DecidedTask)


@dataclass(frozen=True, slots=True)
class Step(Generic[Input]):
    """One thing that changes, or is reported.

    ``keys`` are the properties that the step owns: no other step changes them, so changes of two steps never conflict. The
    first key is the name of the step. A step that changes nothing has no keys.

    ``plan`` reads the original and yields changes and findings.

    ``unprotected_reason`` says why a task definition is not protected as long as the step has a change to make. Its fact is
    a sentence; for a step of containers, it completes «Container "web" …». If it is None, protection does not depend on the
    step.

    ``has_owners`` is true if the changes already have their owner and the name of their step.

    ``looks_up`` is true if the step may need lookups. As long as a plan has lookups without an answer, only such steps are
    planned: the plan is made again with the answers, and they are asked for all at once.
    """

    keys: tuple[str, ...]
    plan: Callable[[Input], Iterable[Output]]
    unprotected_reason: Reason | None = None
    looks_up: bool = False
    has_owners: bool = False

    @property
    def name(self) -> str:
        """The name that the changes of this step carry."""
        return self.keys[0] if self.keys else ""
