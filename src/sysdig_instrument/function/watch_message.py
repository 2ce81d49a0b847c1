"""The message of watch about an event: short enough for Amazon SNS, however many services use a task definition.

Sources: the Amazon SNS API reference, «Publish» (a message of 262,144 bytes, a subject of less than 100 characters); the
CloudWatch Logs user guide, «CloudWatch Logs quotas» (an event of the log).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.printable import single_line
from sysdig_instrument.services.model import State

MAX_BYTES: Final = 200_000
"""What Amazon SNS takes, without room for what the log writes beside it."""
_MAX_TEXT: Final = 2000
_MAX_SUBJECT: Final = 98  # and the mark that something was cut


def subject_line(name: str) -> str:
    """Return the subject of a message about a task definition or a service of this name."""
    return single_line(f"Not protected by Sysdig: {name}", _MAX_SUBJECT)


def message_text(outcome: Mapping[str, Json]) -> str:
    """Return the message about an outcome."""
    return json.dumps(outcome, indent=2)


def limited(outcome: Mapping[str, Json]) -> dict[str, Json]:
    """Return an outcome whose message has ``MAX_BYTES`` at most. Of long lists it has some items, and the number of the others.

    Services that were not moved come first then.
    """
    result = dict(outcome)
    count = max((len(each) for each in outcome.values() if isinstance(each, dict | list)), default=0)
    while len(message_text(result)) > MAX_BYTES:
        result = {key: _first(each, count) for key, each in outcome.items()}
        if count == 0:
            break
        count //= 2
    return result


def _first(value: Json, count: int) -> Json:
    """Return the first items of a list, or the first services with what became of them, and how many are left out."""
    if isinstance(value, dict):
        texts = {name: str(each) for name, each in value.items()}
        ordered = sorted(texts, key=lambda name: texts[name] == State.MOVED.value)
        states = Counter(texts[name].partition(":")[0] for name in ordered[count:])
        summary = ", ".join(f"{each} {state}" for state, each in states.items())
        rest = {f"and {len(texts) - count} more": single_line(summary, _MAX_TEXT)}
        return {name: _first(texts[name], count) for name in ordered[:count]} | (rest if states else {})
    if isinstance(value, list):
        rest_of_list: list[Json] = [f"and {len(value) - count} more"] if len(value) > count else []
        return [_first(each, count) for each in value[:count]] + rest_of_list
    return single_line(value, _MAX_TEXT) if isinstance(value, str) else value
