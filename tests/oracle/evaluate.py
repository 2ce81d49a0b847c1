"""A template evaluated to plain values, as CloudFormation evaluates it for a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from oracle.conditions import Conditions
from oracle.functions import FUNCTIONS, function_of
from oracle.loops import PREFIX, expand
from oracle.values import NO_VALUE, Json, Value, canonical, mapping, text_of, token

TASK_DEFINITION = "AWS::ECS::TaskDefinition"


@dataclass(frozen=True)
class StackInputs:
    """The inputs of a stack: parameter values, Region, account, SSM parameters, exports and outputs of other stacks."""

    parameters: Mapping[str, Json]
    region: str = "eu-west-1"
    account: str = "111122223333"
    ssm: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EvaluatedTemplate:
    """A template with its expressions evaluated.

    It has all resources; `inactive` names those whose Condition is false. Only task definitions are evaluated; other
    resources stay as written, but `launchers` has those that may start a task, evaluated.
    """

    resources: Mapping[str, dict[str, Json]]
    inactive: frozenset[str]
    metadata: dict[str, Json]
    conditions: Mapping[str, bool]
    launchers: Mapping[str, dict[str, Json]] = field(default_factory=dict)

    def task_definitions(self) -> dict[str, dict[str, Json]]:
        """Return the ECS task definitions by logical ID."""
        return {name: body for name, body in self.resources.items() if body.get("Type") == TASK_DEFINITION}


def evaluate(
    template: Json, stack: StackInputs, condition_overrides: Mapping[str, bool] | None = None
) -> EvaluatedTemplate:
    """Evaluate a template. `condition_overrides` replaces the values of conditions; parameters keep theirs."""
    whole = mapping(expand_loops(template, stack))
    evaluator = Evaluator(condition_overrides or {}, stack, whole)
    resources: dict[str, dict[str, Json]] = {}
    launchers: dict[str, dict[str, Json]] = {}
    inactive = set[str]()
    for name, raw in mapping(whole.get("Resources")).items():
        if not isinstance(raw, dict):
            continue
        # Other resources are compared as text. Evaluating them would be most of the work in a large template.
        is_task = raw.get("Type") == TASK_DEFINITION
        resources[name] = {key: _plain(evaluator.value(value)) for key, value in raw.items()} if is_task else raw
        condition = raw.get("Condition")
        if isinstance(condition, str) and evaluator.conditions.value(condition) is False:
            inactive.add(name)
        elif not is_task and _may_launch(raw):
            launchers[name] = mapping(evaluator.value(raw))
    metadata = mapping(evaluator.value(mapping(whole.get("Metadata"))))
    return EvaluatedTemplate(resources, frozenset(inactive), metadata, evaluator.conditions.all_values(), launchers)


def _may_launch(resource: dict[str, Json]) -> bool:
    text = canonical(resource.get("Properties"))
    return "TaskDefinition" in text or "FARGATE" in text.upper()


def expand_loops(template: Json, stack: StackInputs) -> Json:
    """Return a template with its loops expanded."""
    if PREFIX not in canonical(template):  # most templates have none, and are large
        return template
    return expand(template, Evaluator({}, stack, template).value)


def condition_values(template: Json, stack: StackInputs) -> dict[str, bool]:
    """Return the values of a template's conditions."""
    sections = {**mapping(template), "Resources": {}}
    return Evaluator({}, stack, expand_loops(sections, stack)).conditions.all_values()


def _plain(value: Value) -> Json:
    return None if value is NO_VALUE else value


class Evaluator:
    """Evaluates the expressions of one template for one stack."""

    def __init__(self, condition_overrides: Mapping[str, bool], stack: StackInputs, template: Json) -> None:
        sections = mapping(template)
        self._stack = stack
        self._declared = mapping(sections.get("Parameters"))
        self._resources = mapping(sections.get("Resources"))
        self.mappings = mapping(sections.get("Mappings"))
        self.exports = stack.exports
        self.outputs = stack.outputs
        self.conditions = Conditions(self, mapping(sections.get("Conditions")), condition_overrides)

    def value(self, node: Json) -> Value:
        """Return the plain value of a node, without the items and keys that evaluate to `AWS::NoValue`."""
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
        """Return the value of a `Ref` to a parameter, a pseudo parameter or a resource."""
        if name == NO_VALUE.value:
            return NO_VALUE
        pseudo = self._pseudo_parameters().get(name)
        if pseudo is not None:
            return pseudo
        if name in self._declared:
            return self._parameter(name)
        repository = self._repository(name)
        return token("Ref", name) if repository is None else repository

    def _repository(self, resource: str) -> str | None:
        """Return the name of an ECR repository, if the template gives it one."""
        body = mapping(self._resources.get(resource))
        if body.get("Type") != "AWS::ECR::Repository":
            return None
        name = self.value(mapping(body.get("Properties")).get("RepositoryName"))
        return name if isinstance(name, str) else None

    def attribute(self, resource: str, attribute: str) -> Value:
        """Return the value of an `Fn::GetAtt`."""
        name, stack = self._repository(resource), self._stack
        if name is not None and attribute == "Arn":
            return f"arn:{_partition(stack.region)}:ecr:{stack.region}:{stack.account}:repository/{name}"
        if name is not None and attribute == "RepositoryUri":
            return f"{stack.account}.dkr.ecr.{stack.region}.{_url_suffix(stack.region)}/{name}"
        return token("GetAtt", resource, attribute)

    def _pseudo_parameters(self) -> dict[str, str]:
        region = self._stack.region
        return {
            "AWS::AccountId": self._stack.account,
            "AWS::Region": region,
            "AWS::Partition": _partition(region),
            "AWS::URLSuffix": _url_suffix(region),
        }

    def _parameter(self, name: str) -> Json:
        declaration = mapping(self._declared[name])
        kind = text_of(declaration.get("Type"))
        given = self._stack.parameters.get(name, declaration.get("Default"))
        if given is None:
            return token("Ref", name)
        if kind.startswith("AWS::SSM::Parameter::Value"):
            stored = self._stack.ssm.get(text_of(given))
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
