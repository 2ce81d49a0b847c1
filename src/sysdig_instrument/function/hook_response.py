"""The form of the hook's responses, which all targets share.

Source: the CloudFormation Hooks user guide, «Create Lambda functions to evaluate resources for Lambda Hooks», «Response input».
"""

from __future__ import annotations

from typing import Final

from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.findings import Reason, sentence
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import Protection
from sysdig_instrument.errors import RefusedError
from sysdig_instrument.printable import single_line

MAX_MESSAGE_LENGTH: Final = 1000
"""In characters. CloudFormation truncates messages at 4,096, the Cloud Control API at 1,024."""

_MAX_ADVICE_LENGTH: Final = 600
_MAX_TOKEN_LENGTH: Final = 128
"""In characters. CloudFormation's tokens are UUIDs."""

PREDICATES: Final = {
    Verdict.NOT_PROTECTED: "is not protected",
    Verdict.CANNOT_BE_PROTECTED: "cannot be protected",
    Verdict.UNKNOWN: "may not be protected",
    Verdict.LEFT_ALONE: "is left alone",
    Verdict.PROTECTED: "is protected",
}


class NotInspectedError(RefusedError):
    """The event has nothing that the hook can judge."""

    def __init__(self, fact: str, advice: str = "Report it to the platform team") -> None:
        super().__init__(f"{fact}. {advice}.", code=Code.HOOK_CANNOT_JUDGE)


def with_code(reason: Reason) -> str:
    """Return a reason as sentences, with its code after the fact."""
    return f"{reason.fact} ({reason.code.value}). {sentence(reason.advice)}".rstrip()


def verdict_text(subject: str, verdict: Protection, advice: str = "") -> str:
    """Return a verdict in sentences. What to do comes before what was found: a long message is cut at its end."""
    begin = f"{subject} {PREDICATES[verdict.verdict]}"
    if not verdict.reasons or not advice:
        because = f": {verdict.text}" if verdict.reasons else ""
        return f"{begin}{because}. {advice}".rstrip()
    return f"{begin}. {single_line(advice, _MAX_ADVICE_LENGTH)} Found: {verdict.text}."


def respond(event: Json, status: str, message: str, error: str | None = None) -> dict[str, Json]:
    """Return a response in CloudFormation's form. ``error`` is the code of a FAILED one: ``NonCompliant`` or ``InternalFailure``.

    The token is the event's. One that cannot be CloudFormation's is not sent back.
    """
    token = event.get("clientRequestToken") if isinstance(event, dict) else None
    response: dict[str, Json] = {
        "hookStatus": status,
        "message": single_line(" ".join(message.split("\n")), MAX_MESSAGE_LENGTH - 1),
        "clientRequestToken": token if isinstance(token, str) and len(token) <= _MAX_TOKEN_LENGTH else "",
    }
    return {**response, "errorCode": error} if error else response
