"""Changes for programs: the JSON Patch (RFC 6902), and a record of what changes where and why."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sysdig_instrument.cli.owned import Owned
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.patch import pointer_text


def patch_text(changes: Sequence[Owned]) -> str:
    """The JSON Patch. RFC 6902, section 4, lets operations have members that are none of its own: here ``reason``."""
    operations = [
        {**operation, "reason": each.change.reason} for each in changes for operation in each.change.operations()
    ]
    return json.dumps(operations, indent=2, ensure_ascii=False) + "\n"


def records(changes: Sequence[Owned]) -> list[Json]:
    """What changes where and why, without the values: a report goes further than the document does."""
    return [
        {
            "operation": each.change.operation,
            "path": pointer_text(each.change.pointer),
            "task": each.task,
            "container": each.container,
            "reason": each.change.reason,
        }
        for each in changes
    ]
