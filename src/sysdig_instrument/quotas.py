"""CloudFormation's quota for the size of a template, both as uploaded and as processed by a macro."""

from __future__ import annotations

from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.json_size import json_size
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.errors import RefusedError

MAX_TEMPLATE_BYTES: Final = 1_000_000
"""CloudFormation quotas, «Template body size in an Amazon S3 object»: 1 MB."""


def check_size(size: int, subject: str) -> None:
    """Refuse a template of ``size`` bytes if CloudFormation would; ``subject`` names it in the message.

    Raises:
        RefusedError: The template is too large.
    """
    if size > MAX_TEMPLATE_BYTES:
        raise RefusedError(
            f"{subject} has {size:,} bytes; CloudFormation accepts at most {MAX_TEMPLATE_BYTES:,}. "
            "Move some of its resources into a separate template.",
            code=Code.TEMPLATE_TOO_LARGE,
        )


def processed_size(template: Json) -> int:
    """Return the size in bytes of a processed template as compact JSON."""
    return json_size(template).size
