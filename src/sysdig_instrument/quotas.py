"""How large a template may be: CloudFormation's quota, for the body that it is given and for what a macro makes of it."""

from __future__ import annotations

import json
from typing import Final

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.errors import RefusedError

MAX_TEMPLATE_BYTES: Final = 1_000_000
"""CloudFormation quotas, «Template body size in an Amazon S3 object»: 1 MB."""


def check_size(size: int, subject: str) -> None:
    """Refuse a template of ``size`` bytes that CloudFormation would not take; ``subject`` is what the message calls it.

    Raises:
        RefusedError: It is too large.
    """
    if size > MAX_TEMPLATE_BYTES:
        raise RefusedError(
            f"{subject} has {size:,} bytes, and CloudFormation takes {MAX_TEMPLATE_BYTES:,} at most. "
            "Move some of its resources into a template of their own."
        )


def processed_size(template: Json) -> int:
    """The bytes of a processed template, in the shortest JSON for it."""
    return len(
        json.dumps(template, ensure_ascii=False, separators=(",", ":"), check_circular=False).encode(errors="replace")
    )
