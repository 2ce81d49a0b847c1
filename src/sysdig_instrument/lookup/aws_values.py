"""The values of Systems Manager parameters, of CloudFormation exports, and of outputs of stacks.

Parameters are read up to ten per call (API reference, GetParameters, Names). The API has no call for a single export, so
all exports are listed, once per run. A stack is described once for all its outputs.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Answer, Answers, ExportLookup, SsmLookup, StackOutputLookup, Unavailable
from sysdig_instrument.engine.paste import Paste, option_value
from sysdig_instrument.lookup import aws
from sysdig_instrument.lookup.aws import Arn, AwsClient, AwsClients, AwsError
from sysdig_instrument.lookup.errors import UnavailableError

MAX_SSM_NAMES: Final = 10
"""Limit of names per call of GetParameters."""

_READABLE_TYPES: Final = ("String", "StringList")


# --- Systems Manager parameters


def batch_ssm_lookups(lookups: Iterable[SsmLookup], region: str) -> Iterator[tuple[str, list[SsmLookup]]]:
    """Group lookups into calls, each with its region: at most ten per call, and one version of each parameter.

    A parameter is read in the region of its ARN (shared parameters are given by ARN), else in ``region``.
    """
    batches_by_region: dict[str, list[dict[str, SsmLookup]]] = {}
    for lookup in lookups:
        arn = Arn.parse(lookup.name)
        batches = batches_by_region.setdefault(arn.region if arn else region, [])
        name = _without_version(lookup.name)
        batch = next((batch for batch in batches if len(batch) < MAX_SSM_NAMES and name not in batch), None)
        if batch is None:
            batches.append(batch := {})
        batch[name] = lookup
    for batch_region, region_batches in batches_by_region.items():
        yield from ((batch_region, list(batch.values())) for batch in region_batches)


def read_ssm_parameters(lookups: Sequence[SsmLookup], clients: AwsClients, region: str) -> Answers:
    """Return the values of a batch of parameters. A SecureString is not decrypted; its answer is ``Unavailable``."""
    names = [lookup.name for lookup in lookups]
    try:
        client = clients.client("ssm", region)
        response = aws.call(client.get_parameters, Names=names, WithDecryption=False)
    except AwsError as error:
        return {lookup: _ssm_failure(lookup.name, error) for lookup in lookups}
    parameters = aws.objects_in(response, "Parameters")
    by_name = {
        name: parameter
        for parameter in parameters
        for key in ("Name", "ARN")
        if isinstance(name := parameter.get(key), str)
    }
    invalid = response.get("InvalidParameters")
    missing = (
        {_without_version(name) for name in invalid if isinstance(name, str)} if isinstance(invalid, list) else set()
    )
    return {
        lookup: _no_such_parameter(lookup.name, region)
        if (name := _without_version(lookup.name)) in missing
        else _ssm_answer(lookup.name, by_name.get(name, {}))
        for lookup in lookups
    }


def _without_version(name: str) -> str:
    """Return a name or ARN without its version or label, which the response may give in a field of its own."""
    part_count = 6 if name.startswith("arn:") else 1  # the parts that identify the parameter
    return ":".join(name.split(":")[:part_count])


def _ssm_failure(name: str, error: AwsError) -> Unavailable:
    fact = f"SSM parameters could not be read ({name}): {error.fact('AWS Systems Manager')}"
    return UnavailableError(
        Reason(fact, error.advice("ssm:GetParameters", "them"), code=Code.VALUE_UNREADABLE, paste=ssm_value(name))
    ).unavailable


def ssm_value(name: str) -> tuple[Paste, ...]:
    """Return the line of the settings file that gives the value of an SSM parameter."""
    return option_value("Ssm", name) if re.fullmatch(r"[\w./-]+", name) else ()


def _no_such_parameter(name: str, region: str) -> Unavailable:
    fact = f"There is no SSM parameter {name} in {region}"
    reason = Reason(fact, "Create it, or correct its name", code=Code.VALUE_MISSING, paste=ssm_value(name))
    return Unavailable(reason, missing=True)


def _ssm_answer(name: str, parameter: dict[str, Any]) -> Answer:
    """Return the value of a parameter that the service did not call invalid: without a value, it was not read."""
    if parameter.get("Type") == "SecureString":
        fact = f"The SSM parameter {name} is a SecureString, which is never read"
        advice = "Use a String: the value of the parameter would appear in the template"
        reason = Reason(fact, advice, code=Code.SECURE_STRING, paste=ssm_value(name))
        return UnavailableError(reason, is_final=True).unavailable
    value = parameter.get("Value")
    if parameter.get("Type") in _READABLE_TYPES and isinstance(value, str):
        return value
    return _ssm_failure(name, AwsError(aws.INVALID_RESPONSE))


# --- CloudFormation exports


def read_exports(lookups: Sequence[ExportLookup], clients: AwsClients, region: str) -> Answers:
    """Return the values of exports of this account and region. Only a list that was read to its end lacks a name."""
    values: dict[str, str] = {}
    wanted = {lookup.name for lookup in lookups}
    otherwise: Callable[[str, str], Unavailable] = _no_such_export
    try:
        client = clients.client("cloudformation", region)
        for name, value in _list_exports(client):
            if name in wanted:
                values[name] = value
            if len(values) == len(wanted):
                break
    except AwsError as error:
        otherwise = partial(_exports_failure, error)
    return {
        lookup: values[lookup.name] if lookup.name in values else otherwise(lookup.name, region) for lookup in lookups
    }


def _list_exports(client: AwsClient) -> Iterator[tuple[str, str]]:
    """Yield names and values of all exports.

    Raises:
        AwsError: The list, or a page of it, could not be read.
    """
    tokens: list[str] = []
    while True:
        page = aws.call(client.list_exports, **({"NextToken": tokens[-1]} if tokens else {}))
        exports = page.get("Exports")
        if not isinstance(exports, list):
            raise AwsError(aws.INVALID_RESPONSE)
        for export in exports:
            name, value = (export.get("Name"), export.get("Value")) if isinstance(export, dict) else (None, None)
            if not isinstance(name, str) or not isinstance(value, str):
                raise AwsError(aws.INVALID_RESPONSE)
            yield name, value
        token = page.get("NextToken")
        if token is None:
            return
        if not isinstance(token, str) or not token or token in tokens:  # the list would not end
            raise AwsError(aws.INVALID_RESPONSE)
        tokens.append(token)


def _exports_failure(error: AwsError, _name: str, region: str) -> Unavailable:
    fact = f"The exports of {region} could not be listed: {error.fact('AWS CloudFormation')}"
    return UnavailableError(
        Reason(fact, error.advice("cloudformation:ListExports", "*"), code=Code.VALUE_UNREADABLE)
    ).unavailable


def _no_such_export(name: str, region: str) -> Unavailable:
    return Unavailable(
        Reason(
            f"No stack in {region} exports {name}", "Deploy the stack that exports it first", code=Code.VALUE_MISSING
        ),
        missing=True,
    )


# --- Outputs of stacks

_NO_SUCH_STACK: Final = "ValidationError"
"""The code of DescribeStacks for a stack that does not exist, or a name that none can have."""


def outputs_by_stack(
    lookups: Iterable[StackOutputLookup], region: str
) -> Iterator[tuple[str, list[StackOutputLookup]]]:
    """Yield the region of each stack to describe, with its lookups, which all have the same role."""
    by_stack: dict[tuple[str, str, str | None], list[StackOutputLookup]] = {}
    for lookup in lookups:
        by_stack.setdefault((lookup.region or region, lookup.stack, lookup.role), []).append(lookup)
    for (stack_region, _, _), outputs in by_stack.items():
        yield stack_region, outputs


class ClientsByRole:
    """The clients of one run, by the role whose credentials they use. A template may name hundreds of stacks with one role."""

    def __init__(self, own: AwsClients, region: str) -> None:
        self._own = own
        self._region = region
        self._lock = threading.Lock()
        self._by_role: dict[str, AwsClients | AwsError] = {}

    def get(self, role: str | None) -> AwsClients:
        """Return the clients that use a role, or the run's own ones without a role. A role is assumed once.

        Raises:
            AwsError: The role cannot be assumed.
        """
        if role is None:
            return self._own
        with self._lock:
            if role not in self._by_role:
                try:
                    self._by_role[role] = self._own.with_role(role, self._region)
                except AwsError as error:
                    self._by_role[role] = error
            found = self._by_role[role]
        if isinstance(found, AwsError):
            raise found
        return found


def read_stack_outputs(lookups: Sequence[StackOutputLookup], clients: ClientsByRole, region: str) -> Answers:
    """Return the values of outputs of one stack, with the role that the lookups name, if any."""
    stack, role = lookups[0].stack, lookups[0].role
    try:
        values = _stack_outputs(clients.get(role).client("cloudformation", region), stack)
    except AwsError as error:
        return dict.fromkeys(lookups, _stack_failure(error, stack, region))
    return {
        lookup: values[lookup.output] if lookup.output in values else _no_such_output(lookup, region)
        for lookup in lookups
    }


def _stack_outputs(client: AwsClient, stack: str) -> dict[str, str]:
    """Return the values of a stack's outputs by their keys. A stack without outputs has no list of them.

    Raises:
        AwsError: The stack could not be read to its end.
    """
    stacks = aws.call(client.describe_stacks, StackName=stack).get("Stacks")
    match stacks:
        case [{"Outputs": [*outputs]}]:
            pass
        case [{"StackName": str(), **rest}] if "Outputs" not in rest:
            return {}
        case _:
            raise AwsError(aws.INVALID_RESPONSE)
    values: dict[str, str] = {}
    for output in outputs:
        match output:
            case {"OutputKey": str(key), "OutputValue": str(value)}:
                values[key] = value
            case _:
                raise AwsError(aws.INVALID_RESPONSE)
    return values


def role_not_admitted(lookup: StackOutputLookup) -> Unavailable:
    """Return the answer to a lookup with a role that settings do not admit: a template does not choose whose permissions count."""
    fact = f"The output {lookup.output} of stack {lookup.stack} is read with a role that StackOutputRoles does not list"
    advice = (
        "Remove RoleArn if the stack is in this account, or ask the platform team to add the role to StackOutputRoles"
    )
    return Unavailable(Reason(fact, advice, code=Code.OUTPUT_ROLE), is_final=True)


def _stack_failure(error: AwsError, stack: str, region: str) -> Unavailable:
    if error.code == _NO_SUCH_STACK:
        fact = f"There is no stack {stack} in {region}"
        return Unavailable(
            Reason(fact, "Deploy the stack first, or correct its name", code=Code.VALUE_MISSING), missing=True
        )
    fact = f"The outputs of stack {stack} in {region} could not be read: {error.fact('AWS CloudFormation')}"
    return UnavailableError(
        Reason(fact, error.advice("cloudformation:DescribeStacks", "the stack"), code=Code.VALUE_UNREADABLE)
    ).unavailable


def _no_such_output(lookup: StackOutputLookup, region: str) -> Unavailable:
    fact = f"The stack {lookup.stack} in {region} has no output {lookup.output}"
    return Unavailable(
        Reason(fact, "Correct the output's name, or deploy the stack with this output first", code=Code.VALUE_MISSING),
        missing=True,
    )
