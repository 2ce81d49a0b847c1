"""Import the findings of a report into AWS Security Hub: each into its account and Region, a hundred at a time.

A service that no longer runs is in no report. So the active findings of earlier runs are read, and those that no longer have
a service are archived: only where everything could be read, and only those of the same reporter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sysdig_instrument.coverage import asff
from sysdig_instrument.coverage.calls import failure, parse_pages
from sysdig_instrument.coverage.findings import GENERATOR
from sysdig_instrument.coverage.model import ReadError
from sysdig_instrument.coverage.report import Report
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.aws import AwsClient, AwsClients, AwsError, batched, call

_MAX_FINDINGS_PER_CALL: Final = 100
_MAX_PAGES: Final = 100
_SERVICE: Final = "AWS Security Hub"

ClientsOf = Callable[[str], AwsClients]
"""Returns the clients of an account. It may raise ``AwsError``."""


@dataclass(frozen=True, slots=True)
class Import:
    """The number of findings that Security Hub took, of those that it archived, and what went wrong."""

    imported: int
    archived: int
    errors: tuple[ReadError, ...]


def import_findings(
    report: Report, places: Sequence[tuple[str, str]], clients_of: ClientsOf, now: datetime, reporter: str
) -> Import:
    """Import the findings of a reporter, and archive those of services that are gone.

    ``places`` are the accounts and Regions of the report.
    """
    by_place: dict[tuple[str, str], list[dict[str, Json]]] = {place: [] for place in places}
    for finding in asff.findings(report, now, "", reporter):
        by_place.setdefault((str(finding["AwsAccountId"]), str(finding["Region"])), []).append(finding)
    errors: list[ReadError] = []
    imported = archived = 0
    for (account, region), findings in by_place.items():
        operation = "BatchImportFindings"
        try:
            client = clients_of(account).client("securityhub", region)
            imported += _import(client, findings)
            if _is_complete(report, account, region):
                operation = "GetFindings"
                gone = [asff.archived(each, now) for each in _gone(client, (account, region), findings, reporter)]
                operation = "BatchImportFindings"
                archived += _import(client, gone)
        except AwsError as error:
            reason = failure(operation, error, service=_SERVICE, prefix="securityhub", code=Code.NOT_READ)
            errors.append(ReadError(region, None, reason, account))
    return Import(imported, archived, tuple(errors))


def _import(client: AwsClient, findings: Sequence[Mapping[str, Json]]) -> int:
    """Import findings and return their number. One that is not taken does not keep back the others.

    Raises:
        AwsError: Security Hub did not take all of them.
    """
    failures = []
    for batch in batched(findings, _MAX_FINDINGS_PER_CALL):
        response = call(client.batch_import_findings, Findings=batch)
        if response.get("FailedCount") != 0:
            failures.append(AwsError(_first_failure(response)))
    if failures:
        raise failures[0]
    return len(findings)


def _first_failure(response: Mapping[str, Any]) -> str:
    match response.get("FailedFindings"):
        case [{"ErrorCode": str(code)}, *_] if code.isascii() and code.isalnum():
            return code
    return "FailedFindings"


def _is_complete(report: Report, account: str, region: str) -> bool:
    """Return whether everything in a Region of an account was read: then what is not in the report is not there."""
    return not any(error.account in ("", account) and error.region in (None, region) for error in report.read_errors)


def _gone(
    client: AwsClient, place: tuple[str, str], findings: Sequence[Mapping[str, Json]], reporter: str
) -> Iterator[Mapping[str, Json]]:
    """Yield the active findings of earlier runs of a reporter that are not among these."""
    account, region = place
    current = {finding["Id"] for finding in findings}
    filters = {
        "GeneratorId": [{"Value": GENERATOR, "Comparison": "EQUALS"}],
        "AwsAccountId": [{"Value": account, "Comparison": "EQUALS"}],
        "Region": [{"Value": region, "Comparison": "EQUALS"}],
        "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}],
    }
    parameters = {"Filters": filters, "MaxResults": _MAX_FINDINGS_PER_CALL}
    for earlier in parse_pages(client, "GetFindings", lambda page: list(page["Findings"]), parameters, _MAX_PAGES):
        if earlier["Id"] not in current and asff.is_of(earlier, reporter):
            yield earlier
