"""A template as CloudFormation evaluates it for a stack: the resources that exist, with the names and ARNs that others get."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, cast

import release_templates
from oracle.evaluate import Evaluator, StackInputs
from oracle.values import Json, Value
from sysdig_instrument.documents import read

REGION: Final = "eu-central-1"
ACCOUNT: Final = "123456789012"
TOPIC: Final = f"arn:aws:sns:{REGION}:{ACCOUNT}:operations"
MACRO: Final = {
    "FunctionBucket": "acme-macros",
    "Collector": "us2",
    "AccessKeySecret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:key-AbCdEf",
}
"""What the macro's stack requires."""

MACRO_ARN: Final = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:sysdig-instrument-MacroFunction"
"""The macro's function."""

ARNS: Final = {
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{id}",
    "AWS::IAM::Role": "iam::{account}:role/{id}",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{id}:*",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{id}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{id}",
}
"""The ARN that Fn::GetAtt returns, by type."""


class Stack(Evaluator):
    """A stack. A reference to a resource that does not exist, because its condition is false, is an error."""

    def __init__(
        self, template: Mapping[str, Any], name: str, parameters: Mapping[str, str], exports: Mapping[str, str]
    ) -> None:
        inputs = StackInputs(parameters, region=REGION, account=ACCOUNT, exports=exports)
        super().__init__({}, inputs, cast("Json", template))
        self.name = name
        self.template = template

    def exists(self, resource: str) -> bool:
        """Return whether the resource's condition is true, or it has none."""
        condition = self.template["Resources"][resource].get("Condition")
        return condition is None or self.conditions.value(condition) is True

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The properties of the resources that exist."""
        found: dict[str, Any] = {
            name: self.value(each.get("Properties") or {})
            for name, each in self.template["Resources"].items()
            if self.exists(name)
        }
        return found

    @property
    def exported(self) -> dict[str, str]:
        """The values that other stacks can import, by name. Every output is evaluated."""
        outputs: list[Any] = [self.value(each) for each in self.template["Outputs"].values()]
        return {str(each["Export"]["Name"]): str(each["Value"]) for each in outputs if "Export" in each}

    def reference(self, name: str) -> Value:
        """Return the value of a `Ref`."""
        if name == "AWS::StackName":
            return self.name
        if name not in self.template["Resources"]:
            assert name.startswith("AWS::") or name in self.template["Parameters"], name
            return super().reference(name)
        assert self.exists(name), f"a resource refers to {name}, which does not exist"
        named: dict[str, Any] = self.template["Resources"][name].get("Properties", {})
        given = named.get("LogGroupName") or named.get("RoleName") or named.get("Name") or f"{self.name}-{name}"
        identifier = str(self.value(given))
        is_queue = self.template["Resources"][name]["Type"] == "AWS::SQS::Queue"
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{identifier}" if is_queue else identifier

    def attribute(self, resource: str, attribute: str) -> Value:
        """Return the value of an `Fn::GetAtt`."""
        identifier = str(self.reference(resource)).rsplit("/", 1)[-1] if attribute == "QueueName" else ""
        if identifier:
            return identifier
        assert attribute == "Arn", attribute
        kind = self.template["Resources"][resource]["Type"]
        identifier = str(self.reference(resource))
        identifier = identifier.rsplit("/", 1)[-1] if kind == "AWS::SQS::Queue" else identifier
        return "arn:aws:" + ARNS[kind].format(region=REGION, account=ACCOUNT, id=identifier)

    def variables(self, function: str) -> dict[str, str]:
        """Return the environment variables of a function."""
        return {key: str(value) for key, value in self.resources[function]["Environment"]["Variables"].items()}

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Return the statements of the policies of a role."""
        policies = self.resources[role]["Policies"]
        return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


@cache
def _released(name: str) -> dict[str, Any]:
    return cast("dict[str, Any]", read(release_templates.templates()[name].encode(), name).value)


def macro_stack(**parameters: str) -> Stack:
    """Return the stack of the macro, from the template of the release."""
    return Stack(_released(release_templates.ONE_REGION), "sysdig-instrument", {**MACRO, **parameters}, {})


def role_of_another_account(**parameters: str) -> Stack:
    """Return the stack of the role with which a coverage report reads an account."""
    return Stack(_released(release_templates.COVERAGE_ROLE), "coverage-role", parameters, {})


def beside_the_macro(name: str, **parameters: str) -> Stack:
    """Return a stack that takes the settings of the macro, from a template of the release."""
    exports = macro_stack(MacroName=parameters.get("MacroName", "SysdigInstrument")).exported
    return Stack(_released(name), name.removesuffix(".yaml"), {"FunctionBucket": "acme-macros", **parameters}, exports)
