"""The world as the settings allow it: whom requests may go to, and how long that may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sysdig_instrument.engine.lookups import Answer, Request
from sysdig_instrument.engine.settings.table import Settings

if TYPE_CHECKING:
    from sysdig_instrument.registry.aws import AwsClients
    from sysdig_instrument.registry.cache import ImageCache
    from sysdig_instrument.registry.login import Credentials


@dataclass(frozen=True, slots=True)
class Line:
    """What lasts from one question to the next, and may outlive a run of the macro."""

    clients: AwsClients
    cache: ImageCache
    credentials: Credentials


def asker(
    settings: Settings, region: str | None, line: Callable[[], Line], seconds: Callable[[], float]
) -> Callable[[Sequence[Request]], Mapping[Request, Answer]]:
    """What answers a plan's requests, all of them under one deadline.

    ``seconds`` says how much time there still is at all; LookupSeconds may make it less. ``line`` is called, and the
    registry's modules are imported, only when something is really asked.
    """
    end = time.monotonic() + settings.lookup_seconds

    def ask(requests: Sequence[Request]) -> Mapping[Request, Answer]:
        from sysdig_instrument.answers import World, answer  # noqa: PLC0415 - costs time that a template without look-ups need not pay
        from sysdig_instrument.registry.urls import Reach  # noqa: PLC0415 - the same

        held = line()
        world = World(
            region=region or "us-east-1",
            clients=held.clients,
            cache=held.cache,
            allowed_registries=tuple(settings.allowed_registries),
            internal=Reach.of(settings.internal_registries),
            registry_secrets=cast("Mapping[str, str]", settings.registry_credentials),
            credentials=held.credentials,
        )
        return answer(requests, world=world, seconds=max(0.0, min(end - time.monotonic(), seconds())))

    return ask
