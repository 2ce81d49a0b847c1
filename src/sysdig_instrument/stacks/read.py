"""Read the stacks of an account with their templates: page by page, and few templates at a time, so that memory stays flat.

What cannot be read becomes an :class:`UnreadStack`, and everything else is still read. A stack that was deleted between two
calls is left out, and so is one that is only planned: it has no template yet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

from sysdig_instrument.documents import Document
from sysdig_instrument.documents.reader import read
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.errors import UserError
from sysdig_instrument.lookup.aws import (
    INVALID_RESPONSE,
    Arn,
    AwsClient,
    AwsClients,
    AwsError,
    batched,
    call,
    require_list,
    translate_errors,
)
from sysdig_instrument.stacks.model import Stack, StackTemplates, UnreadStack

_MAX_CONCURRENT_TEMPLATES: Final = 8
_PLANNED: Final = "REVIEW_IN_PROGRESS"
_DELETED_CODE: Final = "ValidationError"  # CloudFormation has no code of its own for a stack that does not exist
_SERVICE: Final = "CloudFormation"

NESTED_TOO_DEEPLY: Final = Reason(
    "The template is nested too deeply", "Reduce the nesting", code=Code.NESTED_TOO_DEEPLY
)

ReadStack: TypeAlias = StackTemplates | UnreadStack


def read_stacks(
    clients: AwsClients, regions: Iterable[str], is_wanted: Callable[[Document], bool] = lambda _: True
) -> Iterator[ReadStack]:
    """Yield the stacks of these regions, nested ones too, in the order in which CloudFormation lists them.

    A stack whose submitted template is not wanted is left out.
    """
    with ThreadPoolExecutor(_MAX_CONCURRENT_TEMPLATES) as pool:
        for region in regions:
            try:
                client = clients.client("cloudformation", region)
                for batch in batched(_list_stacks(client, region), _MAX_CONCURRENT_TEMPLATES):
                    for found in pool.map(
                        lambda stack, client=client: _read_templates(client, stack, is_wanted), batch
                    ):
                        if found is not None:
                            yield found
            except AwsError as error:
                yield UnreadStack(Stack(account="", region=region, name=""), _reason("DescribeStacks", error))


def _list_stacks(client: AwsClient, region: str) -> Iterator[Stack]:
    pages = iter(client.get_paginator("describe_stacks").paginate())
    while (page := translate_errors(lambda: next(pages, None))) is not None:
        for described in require_list(page, "Stacks"):
            if described.get("StackStatus") != _PLANNED:
                yield parse_stack(described, region)


def parse_stack(described: Mapping[str, Any], region: str) -> Stack:
    """Convert a stack of a DescribeStacks response."""
    arn = Arn.parse(str(described.get("StackId", "")))
    changed = described.get("LastUpdatedTime") or described.get("CreationTime")
    return Stack(
        account=arn.account if arn else "",
        region=region,
        name=str(described.get("StackName", "")),
        parameters=dict(map(_parameter, described.get("Parameters") or ())),
        tags={str(tag.get("Key")): str(tag.get("Value")) for tag in described.get("Tags") or ()},
        updated=changed.isoformat(timespec="seconds") if changed else "",
        arn=str(described.get("StackId", "")),
        status=str(described.get("StackStatus", "")),
        capabilities=tuple(map(str, described.get("Capabilities") or ())),
        topics=tuple(map(str, described.get("NotificationARNs") or ())),
        root=_name(str(described.get("RootId") or described.get("ParentId") or "")),
    )


def _name(arn: str) -> str:
    """Return the name in the ARN of a stack: ``arn:aws:cloudformation:us-east-1:111122223333:stack/shop/…``."""
    return arn.split("/")[1] if "/" in arn else arn


def _parameter(described: Mapping[str, Any]) -> tuple[str, Json]:
    """Return a parameter's name and value, in the form in which a macro gets them: that of a NoEcho parameter is masked."""
    value = described.get("ParameterValue")
    return str(described.get("ParameterKey")), value if isinstance(value, str) else None


def _read_templates(client: AwsClient, stack: Stack, is_wanted: Callable[[Document], bool]) -> ReadStack | None:
    try:
        original = read_template(client, stack, "Original")
        if not is_wanted(original):
            return None
        return StackTemplates(stack, original, read_template(client, stack, "Processed"))
    except AwsError as error:
        return None if error.code == _DELETED_CODE else UnreadStack(stack, _reason("GetTemplate", error))
    except UserError as error:
        return UnreadStack(stack, Reason(error.text.removesuffix("."), code=error.code or Code.NOT_READ))
    except RecursionError:
        return UnreadStack(stack, NESTED_TOO_DEEPLY)


def read_template(client: AwsClient, stack: Stack, stage: str) -> Document:
    """Return the template of a stack, as it was submitted (``Original``) or after all transforms (``Processed``).

    Raises:
        AwsError: CloudFormation does not return it.
        UserError: It is not valid YAML or JSON.
    """
    body = call(client.get_template, StackName=stack.name, TemplateStage=stage).get("TemplateBody")
    if not body:  # the response was cut off
        raise AwsError(INVALID_RESPONSE)
    text = body if isinstance(body, str) else json.dumps(body)  # botocore has parsed a template in JSON
    return read(text.encode(), f"The template of stack {stack.name}")


def _reason(operation: str, error: AwsError) -> Reason:
    permission = f"cloudformation:{operation}"
    advice = f"Allow {permission}" if error.is_access_denied else error.advice(permission, "*")
    return Reason(f"{operation}: {error.fact(_SERVICE)}", advice, code=Code.NOT_READ)
