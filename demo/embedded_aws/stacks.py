"""Deploy CloudFormation stacks, and report the results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

TIMEOUT_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Stack:
    """The result of a stack operation."""

    name: str
    status: str
    reason: str
    resources: Mapping[str, str]
    """The physical ID of each resource by its logical ID."""

    @property
    def succeeded(self) -> bool:
        """Return whether the stack operation succeeded."""
        return self.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


def deploy(cloudformation: Any, name: str, template: str, parameters: Mapping[str, str] | None = None) -> Stack:  # noqa: ANN401 - boto3
    """Create the stack, or update it if it exists (with a change set, as AWS's tools do). Wait until the operation ends.

    The template is its text or, if that is longer than CloudFormation takes, its address.
    """
    arguments = {
        "StackName": name,
        "TemplateURL" if template.startswith("http") else "TemplateBody": template,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()],
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    if all(stack["StackName"] != name for stack in cloudformation.describe_stacks()["Stacks"]):
        cloudformation.create_stack(**arguments)
        return _completed_stack(cloudformation, name)
    arn = cloudformation.create_change_set(**arguments, ChangeSetName=f"update-{uuid4()}")["Id"]
    change_set = _wait_for_operation(lambda: cloudformation.describe_change_set(ChangeSetName=arn))
    if change_set["Status"] == "FAILED":
        return Stack(name, "UPDATE_FAILED", change_set["StatusReason"], {})
    cloudformation.execute_change_set(ChangeSetName=arn)
    return _completed_stack(cloudformation, name)


def _completed_stack(cloudformation: Any, name: str) -> Stack:  # noqa: ANN401 - boto3
    stack = _wait_for_operation(lambda: cloudformation.describe_stacks(StackName=name)["Stacks"][0], "StackStatus")
    resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    physical_ids = {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in resources}
    return Stack(name, stack["StackStatus"], stack.get("StackStatusReason", ""), physical_ids)


def _wait_for_operation(describe: Callable[[], dict[str, Any]], status_key: str = "Status") -> dict[str, Any]:
    """Wait until no operation is in progress, and return the last description."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        described = describe()
        if not described[status_key].endswith(("_IN_PROGRESS", "_PENDING")):
            return described
        time.sleep(0.1)
    raise TimeoutError(f"A stack operation is still in progress after {TIMEOUT_SECONDS} seconds.")
