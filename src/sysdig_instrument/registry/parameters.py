"""Systems Manager parameters, ten in a call (API reference, GetParameters, Names)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Answer, Answers, SsmRequest, Unavailable
from sysdig_instrument.registry import aws
from sysdig_instrument.registry.aws import Arn, AwsClients, AwsError
from sysdig_instrument.registry.errors import NoAnswerError

MOST_NAMES: Final = 10


def batches(requests: Iterable[SsmRequest], region: str) -> Iterator[tuple[str, list[SsmRequest]]]:
    """Requests by the region to ask and by the call to make: ten at most, and no parameter in two versions.

    A parameter is asked for in the region of its ARN (a shared one is named by that), else in ``region``.
    """
    open_batches: dict[str, list[dict[str, SsmRequest]]] = {}
    for request in requests:
        arn = Arn.parse(request.name)
        here = open_batches.setdefault(arn.region if arn else region, [])
        name = _unversioned(request.name)
        batch = next((batch for batch in here if len(batch) < MOST_NAMES and name not in batch), None)
        if batch is None:
            here.append(batch := {})
        batch[name] = request
    for where, filled in open_batches.items():
        yield from ((where, list(batch.values())) for batch in filled)


def read(requests: Sequence[SsmRequest], clients: AwsClients, region: str) -> Answers:
    """The values of a batch of parameters. SecureString is not decrypted, and is no answer."""
    names = [request.name for request in requests]
    try:
        client = clients.client("ssm", region)
        answer = aws.call(client.get_parameters, Names=names, WithDecryption=False)
    except AwsError as error:
        refusal = NoAnswerError(
            Reason(
                f"SSM parameters could not be read ({', '.join(names)}): {error.fact('AWS Systems Manager')}",
                error.advice("ssm:GetParameters", "them"),
            ),
        )
        return dict.fromkeys(requests, refusal.unavailable)
    found = {parameter.get(key): parameter for parameter in answer.get("Parameters", []) for key in ("Name", "ARN")}
    return {request: _answer(request.name, found.get(_unversioned(request.name)), region) for request in requests}


def _unversioned(name: str) -> str:
    """A name or an ARN without the version or label that may follow it: the response may have it apart."""
    own = 6 if name.startswith("arn:") else 1  # the parts that are the parameter's own
    return ":".join(name.split(":")[:own])


def _answer(name: str, parameter: dict[str, Any] | None, region: str) -> Answer:
    if parameter is None:
        fact = f"There is no SSM parameter {name} in {region}"
        return Unavailable(Reason(fact, "Create it, or correct its name"), missing=True)
    if parameter.get("Type") == "SecureString":
        fact = f"The SSM parameter {name} is a SecureString, and those are not read"
        return NoAnswerError(Reason(fact, "Make it a String: what it holds would stand in the template")).unavailable
    return str(parameter.get("Value", ""))
