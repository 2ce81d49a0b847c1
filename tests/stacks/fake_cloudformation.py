"""A small CloudFormation behind boto3's clients: stacks, macros, change sets and their execution, in this process.

moto runs no macros and lets no execution fail; LocalStack takes seconds for each stack. botocore checks all that is sent against
CloudFormation's model, and so does this what it answers.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.validate import ParamValidator

from aws_faults import Faults
from sysdig_instrument.engine.expressions.references import references
from sysdig_instrument.engine.template import TASK_DEFINITION

ACCOUNT = "111122223333"
REGION = "eu-central-1"
PAGE = 20
DENIED_BY_POLICY = (
    "Action denied by stack policy: Statement [#1] does not allow [Update:Replace] for secret text of AWS"
)
_START = dt.datetime(2026, 3, 4, 5, 6, 7, tzinfo=dt.UTC)
_POLLS = 2  # an operation is in progress for so many looks


class _Error(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


@dataclass
class FakeChangeSet:
    """A change set. Its name is in the ARN."""

    arn: str
    processed: Any
    description: str
    status: str = "CREATE_COMPLETE"
    execution: str = "AVAILABLE"
    reason: str = ""
    changes: list[dict[str, Any]] = field(default_factory=list)
    polls: int = _POLLS
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.arn.split("/")[1]


@dataclass
class FakeStack:
    """A stack. If it ``fails``, its next updates do and are rolled back."""

    name: str
    original: Any
    processed: Any
    status: str = "CREATE_COMPLETE"
    tags: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    root: str = ""
    fails: bool = False
    policy: bool = False  # whether a stack policy denies its updates
    updates: int = 0
    polls: int = 0
    running: FakeChangeSet | None = None
    change_sets: dict[str, FakeChangeSet] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    account: str = ACCOUNT
    region: str = REGION

    @property
    def arn(self) -> str:
        return f"arn:aws:cloudformation:{self.region}:{self.account}:stack/{self.name}/{len(self.name)}"


@dataclass
class FakeCloudFormation:
    """The stacks of accounts and Regions. ``macro`` makes the processed template, or raises ValueError with its refusal."""

    macro: Callable[[Any], Any]
    stacks: dict[tuple[str, str, str], FakeStack] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    denied_regions: set[str] = field(default_factory=set)
    observe: Callable[[str, FakeStack], object] = lambda *_: None
    forgets: bool = False  # whether an executed change set is deleted
    calls: Counter[str] = field(default_factory=Counter)
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda changes: changes
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, name: str, original: Any, processed: Any, **members: Any) -> FakeStack:
        stack = FakeStack(name, original, processed, **members)
        self.stacks[stack.account, stack.region, name] = stack
        return stack

    def session(self, account: str = ACCOUNT) -> Any:
        """Return a session whose clients call this CloudFormation. Clients are kept from test to test: they are slow to make."""

        def client(service: str, region_name: str, config: Any) -> Any:
            if service != "cloudformation":
                return boto3.client(service, region_name=region_name, config=config)
            key = account, service, region_name
            if key not in _CLIENTS:
                _CLIENTS[key] = _client(account, service, region_name, config)
            made, handlers = _CLIENTS[key]
            handlers.fake = self
            return made

        return SimpleNamespace(client=client, get_credentials=lambda: "testing")

    def _answer(self, model: Any, account: str, region: str, given: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        with self.lock:
            self.calls[model.name] += 1
            try:
                self._require_access(region)
                found = getattr(self, f"_{model.name}")(account, region, given)
            except _Error as error:
                body = {"Error": {"Code": error.code, "Message": error.message}, "ResponseMetadata": {}}
                return SimpleNamespace(status_code=400), body
        if model.output_shape is not None:
            report = ParamValidator().validate(found, model.output_shape)
            assert not report.has_errors(), report.generate_report()
        return SimpleNamespace(status_code=200), {**found, "ResponseMetadata": {}}

    def _require_access(self, region: str) -> None:
        if region in self.denied_regions:
            raise _Error("AccessDenied", "secret text of AWS")

    # --- operations

    def _DescribeStacks(self, account: str, region: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802 - AWS's names
        if "StackName" in given:
            stack = self._stack(account, region, given)
            self._advance(stack)
            return {"Stacks": [_described(stack)]}
        here = [each for key, each in self.stacks.items() if key[:2] == (account, region)]
        start = int(given.get("NextToken", 0))
        page = {"Stacks": [_described(each) for each in here[start : start + PAGE]]}
        return {**page, "NextToken": str(start + PAGE)} if start + PAGE < len(here) else page

    def _GetTemplate(self, account: str, region: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self._stack(account, region, given)
        body = stack.processed if given["TemplateStage"] == "Processed" else stack.original
        return {"TemplateBody": body if isinstance(body, str) else json.dumps(body)}

    def _CreateChangeSet(self, account: str, region: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self._stack(account, region, given)
        name = given["ChangeSetName"]
        if name in stack.change_sets:
            raise _Error("AlreadyExistsException", "it exists")
        assert {each["ParameterKey"] for each in given["Parameters"]} == set(stack.parameters)
        assert {"CAPABILITY_AUTO_EXPAND", *stack.capabilities} <= set(given["Capabilities"])
        original = json.loads(given["TemplateBody"]) if "TemplateBody" in given else stack.original
        arn = f"arn:aws:cloudformation:{region}:{account}:changeSet/{name}/{stack.name}-{self.calls['CreateChangeSet']}"
        made = FakeChangeSet(arn, None, given.get("Description", ""), status="CREATE_PENDING", given=dict(given))
        stack.change_sets[name] = made
        try:
            made.processed = self.macro(original)
        except ValueError as error:
            made.reason = f"Transform {account}::SysdigInstrument failed with: {error}. Rollback requested by user."
            return {"Id": arn, "StackId": stack.arn}
        made.changes = self.change(list(_changes(stack.processed, made.processed)))
        if not made.changes:
            made.reason = "The submitted information didn't contain changes. Submit different information."
        return {"Id": arn, "StackId": stack.arn}

    def _DescribeChangeSet(self, account: str, region: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self._stack(account, region, given)
        made = self._change_set(stack, given)
        if made.polls:
            made.polls -= 1
        elif made.status == "CREATE_PENDING":
            made.status = "FAILED" if made.reason else "CREATE_COMPLETE"
            made.execution = "UNAVAILABLE" if made.reason else "AVAILABLE"
            self.observe("change set made", stack)
        start = int(given.get("NextToken", 0))
        return {
            "ChangeSetId": made.arn,
            "ChangeSetName": made.name,
            "StackId": stack.arn,
            "Status": made.status,
            "ExecutionStatus": made.execution if made.status != "CREATE_PENDING" else "UNAVAILABLE",
            **({"Description": made.description} if made.description else {}),
            **({"StatusReason": made.reason} if made.reason else {}),
            "Changes": made.changes[start : start + 1],
            **({"NextToken": str(start + 1)} if start + 1 < len(made.changes) else {}),
        }

    def _DeleteChangeSet(self, account: str, region: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self._stack(account, region, given)
        stack.change_sets = {
            name: each for name, each in stack.change_sets.items() if each.arn != given["ChangeSetName"]
        }
        return {}

    def _ExecuteChangeSet(self, account: str, region: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self._stack(account, region, given)
        made = self._change_set(stack, given)
        if made.execution != "AVAILABLE" or stack.running:
            raise _Error("InvalidChangeSetStatus", "it cannot be executed")
        for other in stack.change_sets.values():
            other.execution = "OBSOLETE"
        made.execution, stack.status = "EXECUTE_IN_PROGRESS", "UPDATE_IN_PROGRESS"
        stack.running, stack.polls, stack.updates = made, _POLLS, stack.updates + 1
        stack.executed.append(made.arn)
        return {}

    def _DescribeStackEvents(self, account: str, region: str, given: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N802
        stack = self._stack(account, region, given)
        now = {"EventId": "1", "StackId": stack.arn, "StackName": stack.name, "Timestamp": _START}
        own = {**now, "LogicalResourceId": stack.name, "PhysicalResourceId": stack.arn, "ResourceType": "Stack"}
        task = {**now, "LogicalResourceId": "Api", "PhysicalResourceId": "shop:2", "ResourceType": "AWS::ECS::Service"}
        return {
            "StackEvents": [
                {**own, "ResourceStatus": "UPDATE_ROLLBACK_COMPLETE"},
                {
                    **task,
                    "ResourceStatus": "UPDATE_FAILED",
                    "ResourceStatusReason": DENIED_BY_POLICY if stack.policy else "secret text of AWS",
                },
                {**own, "ResourceStatus": "UPDATE_IN_PROGRESS"},
                {**task, "LogicalResourceId": "Earlier", "ResourceStatus": "CREATE_FAILED"},
            ]
        }

    # --- state

    def _stack(self, account: str, region: str, given: Mapping[str, Any]) -> FakeStack:
        wanted = given["StackName"]
        name = wanted.split("/")[1] if "/" in wanted else wanted
        stack = self.stacks.get((account, region, name))
        if stack is not None and wanted in (name, stack.arn):
            return stack
        raise _Error("ValidationError", "it does not exist")

    def _change_set(self, stack: FakeStack, given: Mapping[str, Any]) -> FakeChangeSet:
        for each in stack.change_sets.values():
            if given["ChangeSetName"] in (each.name, each.arn):
                self._advance(stack)
                return each
        raise _Error("ChangeSetNotFound", "it does not exist")

    def _advance(self, stack: FakeStack) -> None:
        self.observe("looked", stack)
        if stack.running and stack.polls:
            stack.polls -= 1
        elif stack.running:
            stack.running.execution = "EXECUTE_FAILED" if stack.fails else "EXECUTE_COMPLETE"
            stack.status = "UPDATE_ROLLBACK_COMPLETE" if stack.fails else "UPDATE_COMPLETE"
            if not stack.fails:
                stack.processed = stack.running.processed
            if self.forgets:
                stack.change_sets.clear()
            stack.running = None


_CLIENTS: dict[tuple[str, str, str], tuple[Any, SimpleNamespace]] = {}


def _client(account: str, service: str, region: str, config: object) -> tuple[Any, SimpleNamespace]:
    """Return a client, and the object whose ``fake`` it calls."""
    made = boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing")  # noqa: S106 - a made-up key
    handlers = SimpleNamespace(fake=None)

    def remember(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["given"] = params

    def answer(model: Any, context: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
        handlers.fake.faults.fail_before(model)
        found: tuple[Any, dict[str, Any]] = handlers.fake._answer(model, account, region, context["given"])
        return found

    made.events.register("before-parameter-build.cloudformation", remember)
    made.events.register("before-call.cloudformation", answer)
    made.events.register("after-call.cloudformation", lambda model, **_: handlers.fake.faults.fail_after(model))
    return made.client(service, region_name=region, config=config), handlers


def _described(stack: FakeStack) -> dict[str, Any]:
    return {
        "StackName": stack.name,
        "StackId": stack.arn,
        "StackStatus": stack.status,
        "CreationTime": _START,
        **({"LastUpdatedTime": _START + dt.timedelta(minutes=stack.updates)} if stack.updates else {}),
        "Tags": [{"Key": key, "Value": value} for key, value in stack.tags.items()],
        "Parameters": [{"ParameterKey": key, "ParameterValue": each} for key, each in stack.parameters.items()],
        "Capabilities": list(stack.capabilities),
        **({"RootId": stack.root, "ParentId": stack.root} if stack.root else {}),
    }


def _changes(before: Any, after: Any) -> Iterator[dict[str, Any]]:
    """Yield the changes as CloudFormation describes them ("View a change set", with its example of a replaced resource)."""
    old, new = before["Resources"], after["Resources"]
    changed = {name for name in new if new[name] != old.get(name)}
    for name in sorted(changed):
        is_task = new[name]["Type"] == TASK_DEFINITION
        target = {"Attribute": "Properties", "Name": "ContainerDefinitions", "RequiresRecreation": "Always"}
        detail = {"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"}
        yield _modified(name, new[name]["Type"], "True" if is_task else "False", detail)
    for name, resource in new.items():
        for cause in sorted(changed.intersection(references(resource.get("Properties")))):
            target = {"Attribute": "Properties", "Name": "TaskDefinition", "RequiresRecreation": "Never"}
            detail = {
                "Target": target,
                "Evaluation": "Static",
                "ChangeSource": "ResourceReference",
                "CausingEntity": cause,
            }
            yield _modified(name, resource["Type"], "False", detail)


def _modified(name: str, resource_type: str, replacement: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {
        "Type": "Resource",
        "ResourceChange": {
            "Action": "Modify",
            "LogicalResourceId": name,
            "PhysicalResourceId": name.lower(),
            "ResourceType": resource_type,
            "Replacement": replacement,
            "Scope": ["Properties"],
            "Details": [detail],
        },
    }


def copied(changes: list[dict[str, Any]], **members: Any) -> list[dict[str, Any]]:
    """Return the changes with another one, which is the last one with other members."""
    last = changes[-1]
    return [*changes, {**last, "ResourceChange": {**last["ResourceChange"], **members}}]
