"""Annotations of the hook's response: one for each reason, with what to do, as CloudFormation and GetHookResult show them.

Source: the CloudFormation Hooks user guide, «Response input»; the CloudFormation API reference, Annotation, for the limits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import repeat
from typing import Final

from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.findings import Finding, Location, Reason, sentence
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import Protection
from sysdig_instrument.printable import single_line

MAX_ANNOTATIONS: Final = 50
_MAX_TEXT: Final = 4000
"""In characters. CloudFormation accepts 16,384."""

_ADDRESS: Final = r"https://[^\s<>\"]*[^\s<>\".,;:!?)]"


def of_verdict(verdict: Protection, *, fails: bool, subject: str = "", default_advice: str = "") -> list[Json]:
    """Return an annotation for each reason of a verdict, the most urgent first, and for whatever is left alone.

    ``fails`` says whether the hook rejects it. ``subject`` is what the verdict is on, if the event has several of them. A reason
    without advice has ``default_advice`` if the hook rejects it.
    """
    left_alone = [each.reason for each in verdict.left_alone]
    if verdict.verdict is Verdict.PROTECTED:
        passed = Reason("Each container that has to be protected is protected", code=Code.PROTECTED)
        return [*of_reasons([passed], "PASSED", subject), *of_reasons(left_alone, "SKIPPED", subject)]
    found = [
        Finding(at[0] if at else Location(), each)
        for each, at in zip(verdict.reasons, verdict.locations or repeat(()), strict=False)
    ]
    if not fails:
        others = [each for each in left_alone if each not in verdict.reasons]
        return [*of_findings(found, "SKIPPED", subject), *of_reasons(others, "SKIPPED", subject)][:MAX_ANNOTATIONS]
    failed = of_findings(found, "FAILED", subject, default_advice)
    return [*failed, *of_reasons(left_alone, "FAILED", subject)][:MAX_ANNOTATIONS]


def of_reasons(reasons: Iterable[Reason], status: str, subject: str = "", default_advice: str = "") -> list[Json]:
    """Return an annotation with this status for each reason, without repetition."""
    return of_findings([Finding(Location(), each) for each in dict.fromkeys(reasons)], status, subject, default_advice)


def of_findings(findings: Iterable[Finding], status: str, subject: str = "", default_advice: str = "") -> list[Json]:
    """Return an annotation with this status for each finding, with what to paste."""
    about = f"{subject}: " if subject else ""
    return [
        _annotation(each.reason.code, status, about + each.reason.fact, _remediation(each, default_advice))
        for each in list(findings)[:MAX_ANNOTATIONS]
    ]


def _remediation(finding: Finding, default_advice: str) -> str:
    advice = sentence(finding.reason.advice) or default_advice
    return f"{advice} {finding.paste_text}".strip()


def with_link(response: dict[str, Json], help_text: str) -> dict[str, Json]:
    """Return a response whose failed annotations have the address in HelpText, if it has one, as their link."""
    found, annotations = re.search(_ADDRESS, help_text), response.get("annotations")
    if found is None or not isinstance(annotations, list):
        return response
    link = {"remediationLink": found[0]}
    linked: list[Json] = [
        {**each, **link} if isinstance(each, dict) and each.get("status") == "FAILED" else each for each in annotations
    ]
    return {**response, "annotations": linked}


def _annotation(code: Code, status: str, message: str, remediation: str) -> Json:
    """Return an annotation. A failed one is of high severity: the workload would run unprotected."""
    annotation: dict[str, Json] = {
        "annotationName": code.value,
        "status": status,
        "statusMessage": single_line(message, _MAX_TEXT),
    }
    if remediation:
        annotation["remediationMessage"] = single_line(remediation, _MAX_TEXT)
    if status == "FAILED":
        annotation["severityLevel"] = "HIGH"
    return annotation
