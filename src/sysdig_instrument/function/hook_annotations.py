"""Annotations of the hook's response: one for each reason, with what to do, as CloudFormation and GetHookResult show them.

Source: the CloudFormation Hooks user guide, «Response input»; the CloudFormation API reference, Annotation, for the limits.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import Protection
from sysdig_instrument.printable import single_line

_MAX_ANNOTATIONS: Final = 50
_MAX_TEXT: Final = 4000
"""In characters. CloudFormation accepts 16,384."""


def of_verdict(verdict: Protection, default_advice: str) -> list[Json]:
    """Return an annotation for each reason of a verdict, the most urgent first, and for whatever is left alone.

    A reason without advice has the default one if the verdict fails.
    """
    left_alone = [each.reason for each in verdict.left_alone]
    if verdict.verdict is Verdict.PROTECTED:
        passed = _annotation(Code.PROTECTED, "PASSED", "Each container that has to be protected is protected", "")
        return [passed, *of_reasons(left_alone, "SKIPPED")]
    if verdict.passes:
        return of_reasons((*verdict.reasons, *left_alone), "SKIPPED")
    return [*of_reasons(verdict.reasons, "FAILED", default_advice), *of_reasons(left_alone, "FAILED")][
        :_MAX_ANNOTATIONS
    ]


def of_reasons(reasons: Iterable[Reason], status: str, default_advice: str = "") -> list[Json]:
    """Return an annotation with this status for each reason, without repetition."""
    return [
        _annotation(each.code, status, each.fact, f"{each.advice}." if each.advice else default_advice)
        for each in list(dict.fromkeys(reasons))[:_MAX_ANNOTATIONS]
    ]


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
