"""Systems Manager parameters, ten in a call (API reference, GetParameters, Names)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sysdig_instrument.engine.lookups import Answer, Answers, SsmRequest, Unavailable
from sysdig_instrument.registry import aws
from sysdig_instrument.registry.aws import Arn, AwsClients, AwsError
from sysdig_instrument.registry.errors import NoAnswerError

MOST_NAMES: Final = 10


def region_of(request: SsmRequest, region: str) -> str:
    """Where a parameter is asked for: in the region of its ARN (a shared one is named by that), else in this one."""
    arn = Arn.parse(request.name)
    return arn.region if arn else region


def read(requests: Sequence[SsmRequest], clients: AwsClients, region: str) -> Answers:
    """The values of up to ten parameters of one region. SecureString is not decrypted, and is no answer."""
    try:
        client = clients.client("ssm", region)
        answer = aws.call(client.get_parameters, Names=[request.name for request in requests], WithDecryption=False)
    except AwsError as error:
        names = ", ".join(request.name for request in requests)
        refusal = NoAnswerError(
            f"SSM parameters could not be read ({names}): {error.fact('AWS Systems Manager')}",
            error.advice("ssm:GetParameters", "them"),
        )
        return dict.fromkeys(requests, refusal.unavailable)
    found = [(spelling, parameter) for parameter in answer.get("Parameters", []) for spelling in _spellings(parameter)]
    by_spelling = dict(found)
    return {request: _answer(request.name, by_spelling.get(request.name), region) for request in requests}


def _spellings(parameter: dict[str, Any]) -> list[str]:
    """How a parameter may have been asked for: by name or ARN, each with the version or label that was wanted."""
    selector = parameter.get("Selector") or ""
    return [f"{parameter[key]}{selector}" for key in ("Name", "ARN") if parameter.get(key)]


def _answer(name: str, parameter: dict[str, Any] | None, region: str) -> Answer:
    if parameter is None:
        fact = f"There is no SSM parameter {name} in {region}"
        return Unavailable(fact, "Create it, or correct its name", missing=True)
    if parameter.get("Type") == "SecureString":
        fact = f"The SSM parameter {name} is a SecureString, and those are not read"
        return NoAnswerError(fact, "Make it a String: what it holds would stand in the template").unavailable
    return str(parameter.get("Value", ""))
