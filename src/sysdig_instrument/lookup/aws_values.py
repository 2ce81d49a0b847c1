"""The values of Systems Manager parameters and of CloudFormation exports.

Parameters are read up to ten per call (API reference, GetParameters, Names). The API has no call for a single export, so
all exports are listed, once per run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Answer, Answers, ExportLookup, SsmLookup, Unavailable
from sysdig_instrument.lookup import aws
from sysdig_instrument.lookup.aws import Arn, AwsClients, AwsError
from sysdig_instrument.lookup.errors import UnavailableError

MAX_SSM_NAMES: Final = 10
"""Limit of names per call of GetParameters."""


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
        failure = UnavailableError(
            Reason(
                f"SSM parameters could not be read ({', '.join(names)}): {error.fact('AWS Systems Manager')}",
                error.advice("ssm:GetParameters", "them"),
            ),
        )
        return dict.fromkeys(lookups, failure.unavailable)
    by_name = {parameter.get(key): parameter for parameter in response.get("Parameters", []) for key in ("Name", "ARN")}
    return {lookup: _ssm_answer(lookup.name, by_name.get(_without_version(lookup.name)), region) for lookup in lookups}


def _without_version(name: str) -> str:
    """Return a name or ARN without its version or label, which the response may give in a field of its own."""
    part_count = 6 if name.startswith("arn:") else 1  # the parts that identify the parameter
    return ":".join(name.split(":")[:part_count])


def _ssm_answer(name: str, parameter: dict[str, Any] | None, region: str) -> Answer:
    if parameter is None:
        fact = f"There is no SSM parameter {name} in {region}"
        return Unavailable(Reason(fact, "Create it, or correct its name"), missing=True)
    if parameter.get("Type") == "SecureString":
        fact = f"The SSM parameter {name} is a SecureString, which is never read"
        return UnavailableError(
            Reason(fact, "Use a String: the value of the parameter would appear in the template")
        ).unavailable
    return str(parameter.get("Value", ""))


# --- CloudFormation exports


def read_exports(lookups: Sequence[ExportLookup], clients: AwsClients, region: str) -> Answers:
    """Return the values of exports of this account and region."""
    names = {lookup.name for lookup in lookups}
    values: dict[str, str] = {}
    page: dict[str, Any] = {}
    try:
        client = clients.client("cloudformation", region)
        while names - values.keys():
            token = {"NextToken": page["NextToken"]} if page else {}
            page = aws.call(client.list_exports, **token)
            values.update((export["Name"], export["Value"]) for export in page.get("Exports", []))
            if "NextToken" not in page:
                break
    except AwsError as error:
        failure = UnavailableError(
            Reason(
                f"The exports of {region} could not be listed: {error.fact('AWS CloudFormation')}",
                error.advice("cloudformation:ListExports", "*"),
            ),
        )
        return dict.fromkeys(lookups, failure.unavailable)
    return {lookup: values.get(lookup.name, _no_such_export(lookup.name, region)) for lookup in lookups}


def _no_such_export(name: str, region: str) -> Answer:
    return Unavailable(
        Reason(f"No stack in {region} exports {name}", "Deploy the stack that exports it first"), missing=True
    )
