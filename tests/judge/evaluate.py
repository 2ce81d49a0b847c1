"""A template under given parameter values, worked out to plain values as CloudFormation would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from judge.conditions import Conditions
from judge.functions import FUNCTIONS, function_of
from judge.loops import PREFIX, expand
from judge.values import NO_VALUE, Json, Value, canonical, mapping, text_of, token

TASK_DEFINITION = "AWS::ECS::TaskDefinition"


@dataclass(frozen=True)
class Surroundings:
    """What a template is deployed with and into."""

    parameters: Mapping[str, Json]
    region: str = "eu-west-1"
    account: str = "111122223333"
    ssm: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """A template worked out: every resource, also those whose Condition is false (`dropped` names them).

    Only task definitions are plain values; other resources are as they stand.
    """

    resources: Mapping[str, dict[str, Json]]
    dropped: frozenset[str]
    metadata: dict[str, Json]
    conditions: Mapping[str, bool]

    def task_definitions(self) -> dict[str, dict[str, Json]]:
        """The ECS task definitions by logical id."""
        return {name: body for name, body in self.resources.items() if body.get("Type") == TASK_DEFINITION}


def evaluate(template: Json, surroundings: Surroundings, forced: Mapping[str, bool] | None = None) -> World:
    """Work a template out. `forced` overrules named conditions while parameters keep their values."""
    whole = mapping(written_out(template, surroundings))
    evaluator = Evaluator(forced or {}, surroundings, whole)
    resources: dict[str, dict[str, Json]] = {}
    dropped = set[str]()
    for name, raw in mapping(whole.get("Resources")).items():
        if not isinstance(raw, dict):
            continue
        # The rest is compared as text; in a large template it is most of the work.
        is_task = raw.get("Type") == TASK_DEFINITION
        resources[name] = {key: _plain(evaluator.value(value)) for key, value in raw.items()} if is_task else raw
        condition = raw.get("Condition")
        if isinstance(condition, str) and evaluator.conditions.truth(condition) is False:
            dropped.add(name)
    metadata = mapping(evaluator.value(mapping(whole.get("Metadata"))))
    return World(resources, frozenset(dropped), metadata, evaluator.conditions.all_truths())


def written_out(template: Json, surroundings: Surroundings) -> Json:
    """A template with its loops written out."""
    if PREFIX not in canonical(template):  # most have none, and are large
        return template
    return expand(template, Evaluator({}, surroundings, template).value)


def truths(template: Json, surroundings: Surroundings) -> dict[str, bool]:
    """What the named conditions of a template are worth."""
    sections = {**mapping(template), "Resources": {}}
    return Evaluator({}, surroundings, written_out(sections, surroundings)).conditions.all_truths()


def _plain(value: Value) -> Json:
    return None if value is NO_VALUE else value


class Evaluator:
    """The worth of expressions in one template, deployed into some surroundings."""

    def __init__(self, forced: Mapping[str, bool], surroundings: Surroundings, template: Json) -> None:
        sections = mapping(template)
        self._surroundings = surroundings
        self._declared = mapping(sections.get("Parameters"))
        self._resources = mapping(sections.get("Resources"))
        self.mappings = mapping(sections.get("Mappings"))
        self.exports = surroundings.exports
        self.conditions = Conditions(self, mapping(sections.get("Conditions")), forced)

    def value(self, node: Json) -> Value:
        """The plain value of a node. Items and keys that are worth nothing go away."""
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        function = function_of(node)
        if function is not None:
            name, argument = function
            return FUNCTIONS[name](self, argument)
        values = {key: self.value(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def reference(self, name: str) -> Value:
        """What `Ref` gives for a parameter, a pseudo parameter or a resource."""
        if name == NO_VALUE.value:
            return NO_VALUE
        pseudo = self._pseudo_parameters().get(name)
        if pseudo is not None:
            return pseudo
        return self._parameter(name) if name in self._declared else token("Ref", name)

    def attribute(self, resource: str, attribute: str) -> Value:
        """What `Fn::GetAtt` gives."""
        body = mapping(self._resources.get(resource))
        if body.get("Type") == "AWS::ECR::Repository" and attribute == "RepositoryUri":
            name = self.value(mapping(body.get("Properties")).get("RepositoryName"))
            if isinstance(name, str):
                where = self._surroundings
                return f"{where.account}.dkr.ecr.{where.region}.{_url_suffix(where.region)}/{name}"
        return token("GetAtt", resource, attribute)

    def _pseudo_parameters(self) -> dict[str, str]:
        region = self._surroundings.region
        return {
            "AWS::AccountId": self._surroundings.account,
            "AWS::Region": region,
            "AWS::Partition": _partition(region),
            "AWS::URLSuffix": _url_suffix(region),
        }

    def _parameter(self, name: str) -> Json:
        declaration = mapping(self._declared[name])
        kind = text_of(declaration.get("Type"))
        given = self._surroundings.parameters.get(name, declaration.get("Default"))
        if given is None:
            return token("Ref", name)
        if kind.startswith("AWS::SSM::Parameter::Value"):
            stored = self._surroundings.ssm.get(text_of(given))
            if stored is None:
                return token("ssm", text_of(given))
            given = stored
        if isinstance(given, list):
            return given
        if "CommaDelimitedList" in kind or "List<" in kind:
            return [word.strip() for word in text_of(given).split(",")]
        return text_of(given)


def _partition(region: str) -> str:
    prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
    return next((partition for prefix, partition in prefixes.items() if region.startswith(prefix)), "aws")


def _url_suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
