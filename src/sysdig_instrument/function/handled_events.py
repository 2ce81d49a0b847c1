"""The events that this execution environment handled: EventBridge may deliver one twice, and Lambda repeats one that failed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_MAX_EVENTS: Final = 1000


class HandledEvents:
    """The last events, with the message that was sent about each. An event without an ID is not kept."""

    def __init__(self) -> None:
        self._reported: OrderedDict[str, str] = OrderedDict()
        self._unsent: OrderedDict[str, str] = OrderedDict()
        self._complete: OrderedDict[str, str] = OrderedDict()

    def is_complete(self, event_id: str) -> bool:
        """Return whether nothing is left to do about an event."""
        return event_id in self._complete

    def is_reported(self, event_id: str, message: str) -> bool:
        """Return whether this message about an event was sent."""
        return self._reported.get(event_id) == message

    def unsent(self, event_id: str) -> str | None:
        """Return the message of an earlier run about an event that could not be sent: a repair looks different in the next run."""
        return self._unsent.get(event_id)

    def keep_unsent(self, event_id: str, message: str) -> None:
        """Keep a message that is to be sent."""
        _keep(self._unsent, event_id, message)

    def keep_reported(self, event_id: str, message: str) -> None:
        """Keep that a message was sent."""
        self._unsent.pop(event_id, None)
        _keep(self._reported, event_id, message)

    def keep_complete(self, event_id: str) -> None:
        """Keep that nothing is left to do."""
        _keep(self._complete, event_id, "")


def _keep(events: OrderedDict[str, str], event_id: str, message: str) -> None:
    if event_id:
        events[event_id] = message
        if len(events) > _MAX_EVENTS:
            events.popitem(last=False)
