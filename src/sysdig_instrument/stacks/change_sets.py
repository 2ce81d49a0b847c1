"""The calls of CloudFormation that update a stack by a change set. Each raises :class:`StackError` if it fails.

A call that changes something is attempted once, unless CloudFormation throttles it: after a time-out it may have taken effect, so
what is there is read before anything is repeated. A change set has always the same name and description: so a later run finds
what an earlier one left over, and never takes one of somebody else for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from sysdig_instrument.aws_changes import change
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.aws import INVALID_RESPONSE, AwsClient, AwsError, call, require_list
from sysdig_instrument.stacks.model import Stack
from sysdig_instrument.stacks.read import parse_stack

CHANGE_SET_NAME: Final = "sysdig-instrument-update"
DESCRIPTION: Final = "Made by sysdig-instrument stacks --update"
MAX_BODY_BYTES: Final = 51_200  # of a template that is not in a bucket
_AUTO_EXPAND: Final = "CAPABILITY_AUTO_EXPAND"
NOT_FOUND: Final = frozenset({"ChangeSetNotFound", "ChangeSetNotFoundException"})
_AWS_TAGS: Final = "aws:"
_NO_CHANGES: Final = ("didn't contain changes", "No updates are to be performed")
_MACRO_REFUSED: Final = " failed with: "
_BY_POLICY: Final = "Action denied by stack policy"


class StackError(AwsError):
    """A call failed. ``text`` names the operation, too."""

    def __init__(self, operation: str, code: str) -> None:
        super().__init__(code)
        self.operation = operation

    @property
    def text(self) -> str:
        """The fact, and what to do if a permission is missing."""
        advice = f". Allow cloudformation:{self.operation}" if self.is_access_denied else ""
        return f"{self.operation}: {self.fact('CloudFormation')}{advice}"


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """A resource in a change set. ``causes`` has the logical id or the parameter that causes each change of a property.

    It is the empty text where the template itself has changed, and ``None`` where CloudFormation does not say what causes it.
    """

    logical_id: str
    resource_type: str
    action: str
    replacement: str
    causes: Mapping[str, frozenset[str | None]]

    @property
    def text(self) -> str:
        """The resource and what happens to it, on one line."""
        what = {"Modify": "changed", "Add": "added", "Remove": "removed"}.get(self.action, self.action)
        if self.action == "Modify" and self.replacement != "False":
            what = "replaced" if self.replacement == "True" else "changed or replaced"
        return f"{self.logical_id} {what}"


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set as CloudFormation describes it."""

    arn: str
    status: str
    execution: str
    reason: str
    is_own: bool
    changes: tuple[ResourceChange, ...] = ()

    @property
    def is_in_progress(self) -> bool:
        """Return whether CloudFormation works on it."""
        return self.status.endswith(("_PENDING", "_IN_PROGRESS"))

    @property
    def is_ready(self) -> bool:
        """Return whether it can be executed."""
        return self.status == "CREATE_COMPLETE" and self.execution == "AVAILABLE"

    @property
    def is_empty(self) -> bool:
        """Return whether there was nothing to change."""
        is_refused = self.status == "FAILED" and any(text in self.reason for text in _NO_CHANGES)
        return is_refused or (self.status == "CREATE_COMPLETE" and not self.changes)

    @property
    def is_overtaken(self) -> bool:
        """Return whether another update made it worthless."""
        return self.execution == "OBSOLETE"

    @property
    def is_executed(self) -> bool:
        """Return whether its execution has begun."""
        return self.execution.startswith("EXECUTE_")

    def refusal(self, macro_name: str) -> str:
        """Return the macro's refusal of the template, if that is why the change set failed. Other texts may have values in them."""
        transform, found, text = self.reason.partition(_MACRO_REFUSED)
        is_own = re.fullmatch(r"Transform (?:\d+::)?" + re.escape(macro_name), transform)
        return text if found and is_own else ""


class ChangeSets:
    """CloudFormation in one Region: ``reader`` retries, ``writer`` does not. ``sleep`` waits for seconds."""

    def __init__(self, reader: AwsClient, writer: AwsClient, sleep: Callable[[float], object], macro_name: str) -> None:
        self._reader = reader
        self._writer = writer
        self.sleep = sleep
        self.macro_name = macro_name

    def stack(self, stack: Stack) -> Stack:
        """Return a stack as it is now."""
        found = _list(
            _call("DescribeStacks", self._reader.describe_stacks, StackName=stack.arn), "DescribeStacks", "Stacks"
        )
        if len(found) != 1 or found[0].get("StackId") != stack.arn or not found[0].get("StackStatus"):
            raise StackError("DescribeStacks", INVALID_RESPONSE)
        return parse_stack(found[0], stack.region)

    def find(self, stack: Stack) -> ChangeSet | None:
        """Return the change set of a stack that has our name, if there is one."""
        try:
            return self.describe(stack, CHANGE_SET_NAME)
        except StackError as error:
            if error.code in NOT_FOUND:
                return None
            raise

    def describe(self, stack: Stack, name: str) -> ChangeSet:
        """Return a change set with all its pages."""
        pages = list(self._pages(stack, name))
        first = pages[0]
        arn, status = first.get("ChangeSetId"), first.get("Status")
        if not isinstance(arn, str) or not isinstance(status, str):
            raise StackError("DescribeChangeSet", INVALID_RESPONSE)
        return ChangeSet(
            arn,
            status,
            str(first.get("ExecutionStatus") or ""),
            str(first.get("StatusReason") or ""),
            first.get("Description") == DESCRIPTION,
            tuple(_resource_change(each) for page in pages for each in _list(page, "DescribeChangeSet", "Changes")),
        )

    def _pages(self, stack: Stack, name: str) -> Iterator[dict[str, Any]]:
        token: dict[str, object] = {}
        while True:
            page = _call(
                "DescribeChangeSet", self._reader.describe_change_set, ChangeSetName=name, StackName=stack.arn, **token
            )
            yield page
            if not page.get("NextToken"):
                return
            token = {"NextToken": page["NextToken"]}

    def create(self, stack: Stack, template: str) -> None:
        """Begin to make a change set with the stack's own template, parameters and tags.

        CloudFormation passes a template that it is given to the macro. With UsePreviousTemplate it may take the processed one of
        the last deployment, so that is only for a template that is too large to be given.
        """
        change(
            lambda: _call(
                "CreateChangeSet",
                self._writer.create_change_set,
                StackName=stack.arn,
                ChangeSetName=CHANGE_SET_NAME,
                Description=DESCRIPTION,
                ChangeSetType="UPDATE",
                Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in stack.parameters],
                Capabilities=list(dict.fromkeys([*stack.capabilities, _AUTO_EXPAND])),
                Tags=[{"Key": key, "Value": each} for key, each in stack.tags.items() if not key.startswith(_AWS_TAGS)],
                **({"TemplateBody": template} if is_small(template) else {"UsePreviousTemplate": True}),
                **({"NotificationARNs": list(stack.topics)} if stack.topics else {}),
            ),
            self.sleep,
        )

    def original(self, stack: Stack) -> str:
        """Return the template of a stack as it was submitted."""
        body = _call("GetTemplate", self._reader.get_template, StackName=stack.arn, TemplateStage="Original").get(
            "TemplateBody"
        )
        if not body:
            raise StackError("GetTemplate", INVALID_RESPONSE)
        return body if isinstance(body, str) else json.dumps(body, separators=(",", ":"), ensure_ascii=False)

    def delete(self, stack: Stack, arn: str) -> None:
        """Delete a change set. One that is not there is deleted."""
        try:
            change(
                lambda: _call(
                    "DeleteChangeSet", self._writer.delete_change_set, ChangeSetName=arn, StackName=stack.arn
                ),
                self.sleep,
            )
        except StackError as error:
            if error.is_access_denied or self.find(stack) is not None:  # it may have taken effect
                raise

    def execute(self, stack: Stack, arn: str) -> None:
        """Begin to execute a change set."""
        try:
            change(
                lambda: _call(
                    "ExecuteChangeSet", self._writer.execute_change_set, ChangeSetName=arn, StackName=stack.arn
                ),
                self.sleep,
            )
        except StackError as error:
            if error.is_access_denied or error.code in NOT_FOUND:
                raise
            if not self.describe(stack, arn).is_executed:  # it may have taken effect
                raise

    def failed_resource(self, stack: Stack) -> str:
        """Return the resource that failed first in the last operation, with its type; empty if that is not known.

        Of CloudFormation's reasons, only one that has no values in it is reported: a stack policy.
        """
        try:
            page = _call("DescribeStackEvents", self._reader.describe_stack_events, StackName=stack.arn)
            events = _list(page, "DescribeStackEvents", "StackEvents")
        except StackError:
            return ""
        failed = ""
        for event in events:  # the newest is first
            status, name = str(event.get("ResourceStatus")), str(event.get("LogicalResourceId"))
            is_of_stack = event.get("PhysicalResourceId") == stack.arn
            if is_of_stack and status in ("UPDATE_IN_PROGRESS", "CREATE_IN_PROGRESS"):
                break  # the beginning of the operation
            if not is_of_stack and status.endswith("_FAILED"):
                failed = f"{name} ({event.get('ResourceType')})"
                if str(event.get("ResourceStatusReason")).startswith(_BY_POLICY):
                    failed += ", because a stack policy denies it"
        return failed


def is_small(template: str) -> bool:
    """Return whether a template can be given to CloudFormation without a bucket."""
    return len(template.encode()) <= MAX_BODY_BYTES


def _call(operation: str, action: Callable[..., dict[str, Any]], **parameters: object) -> dict[str, Any]:
    try:
        return call(action, **parameters)
    except AwsError as error:
        raise StackError(operation, error.code) from None


def _list(page: Mapping[str, Any], operation: str, key: str) -> list[dict[str, Any]]:
    try:
        return require_list(page, key)
    except AwsError as error:
        raise StackError(operation, error.code) from None


def _resource_change(described: Mapping[str, Any]) -> ResourceChange:
    """Return a change of a DescribeChangeSet response.

    Raises:
        StackError: The response was cut off.
    """
    found = described.get("ResourceChange")
    if not isinstance(found, dict) or not found.get("LogicalResourceId") or not found.get("Action"):
        raise StackError("DescribeChangeSet", INVALID_RESPONSE)
    causes: dict[str, set[str | None]] = {}
    for detail in found.get("Details") or ():
        target = detail.get("Target") or {}
        causes.setdefault(f"{target.get('Attribute')}.{target.get('Name') or ''}", set()).add(_cause(detail))
    return ResourceChange(
        str(found["LogicalResourceId"]),
        str(found.get("ResourceType")),
        str(found["Action"]),
        str(found.get("Replacement") or ""),
        {target: frozenset(each) for target, each in causes.items()},
    )


def _cause(detail: Mapping[str, Any]) -> str | None:
    match detail.get("ChangeSource"):
        case "ResourceReference" | "ResourceAttribute":
            return str(detail.get("CausingEntity")).partition(".")[0]
        case "DirectModification":
            return ""
        case "ParameterReference":
            return f"parameter {detail.get('CausingEntity')}"
    return None
