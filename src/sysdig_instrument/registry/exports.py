"""CloudFormation exports. There is no call for one of them: all are listed, once in a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Answer, Answers, ExportRequest, Unavailable
from sysdig_instrument.registry import aws
from sysdig_instrument.registry.aws import AwsClients, AwsError
from sysdig_instrument.registry.errors import NoAnswerError


def read(requests: Sequence[ExportRequest], clients: AwsClients, region: str) -> Answers:
    """The values of exports of this account and region."""
    wanted = {request.name for request in requests}
    found: dict[str, str] = {}
    page: dict[str, Any] = {}
    try:
        client = clients.client("cloudformation", region)
        while wanted - found.keys():
            token = {"NextToken": page["NextToken"]} if page else {}
            page = aws.call(client.list_exports, **token)
            found.update((export["Name"], export["Value"]) for export in page.get("Exports", []))
            if "NextToken" not in page:
                break
    except AwsError as error:
        refusal = NoAnswerError(
            Reason(
                f"The exports of {region} could not be listed: {error.fact('AWS CloudFormation')}",
                error.advice("cloudformation:ListExports", "*"),
            ),
        )
        return dict.fromkeys(requests, refusal.unavailable)
    return {request: found.get(request.name, _missing(request.name, region)) for request in requests}


def _missing(name: str, region: str) -> Answer:
    return Unavailable(
        Reason(f"No stack in {region} exports {name}", "Deploy the stack that exports it first"), missing=True
    )
