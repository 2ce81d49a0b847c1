"""The events that this execution environment handled: EventBridge may deliver one twice, and Lambda repeats one that failed."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

_MAX_EVENTS: Final = 1000


class HandledEvents:
    """The last events, with the message that was sent about each. An event without an ID is not kept."""

    def __init__(self) -> None:
        self._messages: OrderedDict[str, str] = OrderedDict()
        self._complete: OrderedDict[str, bool] = OrderedDict()

    def is_complete(self, event_id: str) -> bool:
        """Return whether nothing is left to do about an event."""
        return event_id in self._complete

    def is_reported(self, event_id: str, message: str) -> bool:
        """Return whether this message about an event was sent."""
        return bool(event_id) and self._messages.get(event_id) == message

    def keep(self, event_id: str, message: str, *, is_complete: bool) -> None:
        """Keep what was done about an event."""
        if not event_id:
            return
        self._messages[event_id] = message
        if is_complete:
            self._complete[event_id] = True
        for each in (self._messages, self._complete):
            if len(each) > _MAX_EVENTS:
                each.popitem(last=False)
