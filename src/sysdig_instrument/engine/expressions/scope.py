"""All that expressions of a template may refer to: parameters, mappings, conditions, resources, and the world's answers."""

from __future__ import annotations

from collections.abc import Mapping

from sysdig_instrument.engine.expressions.decision_tree import Assumptions
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, Answers, Lookup
from sysdig_instrument.engine.partitions import dns_suffix_of, partition_of
from sysdig_instrument.engine.patch import Pointer
from sysdig_instrument.lazy_dataclasses import dataclass, field


def section(template: Json, name: str) -> Mapping[str, Json]:
    """A section of a template; an empty one where it is missing or not an object."""
    value = template.get(name) if isinstance(template, dict) else None
    return value if isinstance(value, dict) else {}


@dataclass(frozen=True, slots=True)
class Launcher:
    """An object of the template that says how a task definition is launched, and under which condition it is there."""

    pointer: Pointer
    value: Mapping[str, Json]
    assumptions: Assumptions


@dataclass(slots=True)
class PlanState:
    """What one run of the plan remembers, and nothing outlives it.

    The requests that have no answer yet, in the order of asking, and what was worked out once for the whole template.
    """

    lookups: dict[Lookup, None] = field(default_factory=dict)
    role_ids: dict[str, str] | None = None
    launchers: dict[str, list[Launcher]] | None = None
    statements: dict[tuple[str, str | None], tuple[dict[str, Json], ...]] = field(default_factory=dict)
    agent: tuple[object, dict[str, Json]] | None = None


@dataclass(frozen=True, slots=True)
class EvaluationScope:
    """What expressions may refer to.

    ``values`` are parameter values by name, strings or lists, as ``templateParameterValues`` has them. ``loops`` are
    the variables of the ``Fn::ForEach`` around, each with its item, or ``None`` where the body stands for all items. ``assumptions`` is what is assumed of conditions.
    With ``decides_conditions`` conditions that are not assumed are decided as they are with the parameter values of now.
    """

    template: Json
    values: Mapping[str, Json]
    region: str | None
    account: str | None
    answers: Answers
    state: PlanState
    loops: Mapping[str, Json] = field(default_factory=dict)
    assumptions: Assumptions = field(default_factory=dict)
    decides_conditions: bool = True

    def section(self, name: str) -> Mapping[str, Json]:
        """A section of the template."""
        return section(self.template, name)

    def assuming(self, assumptions: Assumptions) -> EvaluationScope:
        """The same scope under (only) these assumptions."""
        return self if assumptions == self.assumptions else self._with(assumptions, current=self.decides_conditions)

    def undecided(self, assumptions: Assumptions) -> EvaluationScope:
        """The same scope under (only) these assumptions, in which other conditions are not decided."""
        return self._with(assumptions, current=False)

    def _with(self, assumptions: Assumptions, *, current: bool) -> EvaluationScope:
        # Spelled out: this is called for every value of every container, and dataclasses.replace takes ten times as long.
        return EvaluationScope(
            self.template,
            self.values,
            self.region,
            self.account,
            self.answers,
            self.state,
            self.loops,
            assumptions,
            current,
        )

    def answer(self, request: Lookup) -> Answer | None:
        """The world's answer; nothing, and the request noted, where it was not asked yet."""
        answer = self.answers.get(request)
        if answer is None:
            self.state.lookups[request] = None
        return answer

    def pseudo_parameter(self, name: str) -> Json:
        """The value of a pseudo parameter that is known before deployment, else nothing."""
        match name:
            case "AWS::Region":
                return self.region
            case "AWS::AccountId":
                return self.account
            case "AWS::Partition":
                return self.region and partition_of(self.region)
            case "AWS::URLSuffix":
                return self.region and dns_suffix_of(self.region)
        return None
