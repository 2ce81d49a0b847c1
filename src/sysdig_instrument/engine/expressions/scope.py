"""The scope of an evaluation: parameters, mappings, conditions, resources, and the answers to lookups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from sysdig_instrument.engine.expressions.decision_tree import Assumptions
from sysdig_instrument.engine.expressions.values import hidden
from sysdig_instrument.engine.expressions.work import Work
from sysdig_instrument.engine.json_types import Absent, Json, Pointer
from sysdig_instrument.engine.lookups import Answer, Answers, Lookup
from sysdig_instrument.engine.partitions import dns_suffix_of, partition_of
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace
from sysdig_instrument.printable import Hidden

EXPAND_LOOPS: Final = "List AWS::LanguageExtensions before this macro in Transform, so that loops arrive expanded"
"""The advice where the items of an ``Fn::ForEach`` are not known, or would need different bodies."""


def section(template: Json, name: str) -> Mapping[str, Json]:
    """Return a section of a template; an empty mapping if it is missing or not an object."""
    value = template.get(name) if isinstance(template, dict) else None
    return value if isinstance(value, dict) else {}


def transform_entries(value: Json) -> Sequence[Json]:
    """Return the entries of a Transform section, or of an ``Fn::Transform``: it may be one alone."""
    return value if isinstance(value, list) else [value]


def transform_name(entry: Json) -> Json:
    """Return the name in an entry: its ``Name``, or the entry itself."""
    return entry.get("Name") if isinstance(entry, dict) else entry


@dataclass(frozen=True, slots=True)
class Launcher:
    """An object of the template that starts a task (a service, a target of a rule, …).

    ``value`` is the object and ``pointer`` its location in the template. ``assumptions`` are the conditions under which it
    exists.
    """

    pointer: Pointer
    value: Mapping[str, Json]
    assumptions: Assumptions


@dataclass(frozen=True, slots=True)
class ConfigUse:
    """One use of an image config that settings give: the task, the container, the setting, its layer, and the key in it."""

    task: str | None
    container: str | None
    setting: str
    layer: str
    key: str


ConditionResult: TypeAlias = "tuple[bool | None, bool]"
"""Whether a condition is true, or None if that is not known; and whether that depends on a value that messages must not show."""

ConditionResults: TypeAlias = dict[str, ConditionResult]
"""The results of the conditions evaluated so far, by name. Each condition is evaluated once, even if many refer to it."""

CharacterSet: TypeAlias = "tuple[bool, tuple[tuple[str, str], ...]]"
"""The characters that may stand in one place: those in ranges, which have both ends, or (False) those that are in none."""

GlobSegment: TypeAlias = "str | tuple[CharacterSet, ...]"
"""What a glob has between two asterisks: a text, or the characters of each place."""


@dataclass(slots=True)
class PlanState:
    """The mutable state of one run of :func:`~sysdig_instrument.engine.plan.plan`; it is never shared between runs.

    ``lookups`` are the lookups without an answer, in the order in which they were needed (a dict as an ordered set).

    ``work`` counts the work done so far. ``met_hidden`` is true if the value that is being evaluated depends on one that
    messages must not show: of a NoEcho parameter, an SSM parameter or an export. ``needs_account`` is true if the account was
    needed and is not known. ``used_configs`` are the entries of ImageConfigs
    and ImageConfig that were used.

    The other fields are caches of what is computed once for the whole template: the results of conditions by assumptions, the parsed globs, the logical ids of roles by RoleName, the launchers by the logical id of the task
    definition, the names of the task definitions that are started on Fargate, the delimiters that Mappings do not contain, the configs of
    images by container with the settings that they are for, the IAM statements by secret and KMS key, and
    the agent's container definition with the settings that it is for, and its steps; the statements for it, likewise.
    """

    lookups: dict[Lookup, None] = field(default_factory=dict)
    work: Work = field(default_factory=Work)
    conditions: dict[frozenset[tuple[str, bool]], ConditionResults] = field(default_factory=dict)
    globs: dict[str, tuple[GlobSegment, ...]] = field(default_factory=dict)
    role_ids_by_name: dict[str, str] | None = None
    launchers_by_task: dict[str, list[Launcher]] | None = None
    started_on_fargate: frozenset[str] | None = None
    delimiters_of_mappings: tuple[str, ...] | None = None
    image_configs: dict[object, tuple[object, object]] = field(default_factory=dict)
    grant_statements: dict[tuple[str, str | None], tuple[dict[str, Json], ...]] = field(default_factory=dict)
    agent_definition: tuple[object, dict[str, Json], int] | None = None
    agent_statements: tuple[object, tuple[dict[str, Json], ...]] | None = None
    met_hidden: bool = False
    needs_account: bool = False
    used_configs: dict[ConfigUse, None] = field(default_factory=dict)


def mark_hidden(
    evaluate: Callable[[Json | Absent, EvaluationScope], Json | Absent], value: Json | Absent, scope: EvaluationScope
) -> Json | Absent:
    """Return what a function makes of a value, marked as hidden if a value took part that messages must not show."""
    state = scope.state
    met_before, state.met_hidden = state.met_hidden, False
    try:
        evaluated = evaluate(value, scope)
        return hidden(evaluated) if state.met_hidden else evaluated
    finally:
        state.met_hidden |= met_before


def mark_name(name: str, state: PlanState) -> str:
    """Return a name that was evaluated for a message, marked as hidden if a hidden value may be a part of it."""
    return Hidden(name) if state.met_hidden else name


@dataclass(frozen=True, slots=True)
class EvaluationScope:
    """All that an expression may refer to.

    ``parameter_values`` has strings or lists of strings by name, as a macro event's ``templateParameterValues`` has.
    ``loops`` are the variables of the enclosing ``Fn::ForEach``, each with its item, or with ``None`` if the body is read
    once for all items. ``assumptions`` are the truth values that are assumed for conditions. With ``decides_conditions``,
    all other conditions are evaluated with the current parameter values.

    Only certain values are known: literal ones, and those that parameters give. A value that is looked up (an SSM parameter,
    a dynamic reference, an export) may have changed by the time it is deployed, so nothing may be left unprotected because
    of it. Only with ``knows_lookups`` are the answers to lookups known, too.
    """

    template: Json
    parameter_values: Mapping[str, Json]
    region: str | None
    account: str | None
    answers: Answers
    state: PlanState
    loops: Mapping[str, Json] = field(default_factory=dict)
    assumptions: Assumptions = field(default_factory=dict)
    decides_conditions: bool = True
    knows_lookups: bool = False

    def section(self, name: str) -> Mapping[str, Json]:
        """Return a section of the template; an empty mapping if it is missing or not an object."""
        return section(self.template, name)

    def assuming(self, assumptions: Assumptions) -> EvaluationScope:
        """Return the scope with these assumptions in place of its own."""
        return (
            self
            if assumptions == self.assumptions
            else self._with(assumptions, self.decides_conditions, self.knows_lookups)
        )

    def undecided(self, assumptions: Assumptions) -> EvaluationScope:
        """Return the scope with these assumptions in place of its own, in which no other condition is decided."""
        return self._with(assumptions, False, self.knows_lookups)  # noqa: FBT003 - one call of many fields

    def with_lookups(self) -> EvaluationScope:
        """Return the scope in which the answers to lookups are known: for what protection does not depend on."""
        return self if self.knows_lookups else self._with(self.assumptions, self.decides_conditions, True)  # noqa: FBT003

    def without_lookups(self, assumptions: Assumptions) -> EvaluationScope:
        """Return the scope with these assumptions, in which only certain values are known."""
        return self._with(assumptions, self.decides_conditions, False)  # noqa: FBT003 - one call of many fields

    def anywhere(self) -> EvaluationScope:
        """Return a scope of its own for some Region and account: what is unknown there stays so whatever the caller gives."""
        state = PlanState(work=self.state.work)
        return replace(self, region=self.region or "us-east-1", account=self.account or "0" * 12, state=state)

    def for_conditions(self) -> EvaluationScope:
        """Return the scope of the section Conditions: only certain values are known, and it is in no loop of a resource."""
        if self.decides_conditions and not self.knows_lookups and not self.loops:
            return self
        return self._with(self.assumptions, True, False, {})  # noqa: FBT003 - one call of many fields

    def _with(
        self,
        assumptions: Assumptions,
        decides_conditions: bool,  # noqa: FBT001
        knows_lookups: bool,  # noqa: FBT001
        loops: Mapping[str, Json] | None = None,
    ) -> EvaluationScope:
        # Not dataclasses.replace: this runs for every value of every container, and replace takes ten times as long.
        return EvaluationScope(
            self.template,
            self.parameter_values,
            self.region,
            self.account,
            self.answers,
            self.state,
            self.loops if loops is None else loops,
            assumptions,
            decides_conditions,
            knows_lookups,
        )

    def answer(self, lookup: Lookup) -> Answer | None:
        """Return the answer to a lookup. If there is none yet, record the lookup in ``state`` and return None."""
        answer = self.answers.get(lookup)
        if answer is None:
            self.state.lookups[lookup] = None
        return answer

    def pseudo_parameter(self, name: str) -> Json:
        """Return the value of a pseudo parameter, or None if it is not known before deployment."""
        match name:
            case "AWS::Region":
                return self.region
            case "AWS::AccountId":
                self.state.needs_account |= self.account is None
                return self.account
            case "AWS::Partition":
                return self.region and partition_of(self.region)
            case "AWS::URLSuffix":
                return self.region and dns_suffix_of(self.region)
        return None
