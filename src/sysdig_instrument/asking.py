"""The world as the settings allow it: whom requests may go to, and how long that may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from sysdig_instrument.engine.findings import Reason, quoted
from sysdig_instrument.engine.lookups import Answer, ImageRequest, Request, Unavailable
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.values import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.registry.aws import AwsClients
    from sysdig_instrument.registry.cache import ImageCache
    from sysdig_instrument.registry.login import Credentials
    from sysdig_instrument.registry.proxy import Proxy

_NO_REGION: Final = "Give --region, or set AWS_REGION"


@dataclass(frozen=True, slots=True)
class Line:
    """What lasts from one question to the next, and may outlive a run of the macro."""

    clients: AwsClients
    cache: ImageCache
    credentials: Credentials
    proxy: Proxy | None = None


def asker(
    settings: Settings, region: str | None, line: Callable[[], Line], seconds: Callable[[], float]
) -> Callable[[Sequence[Request]], Mapping[Request, Answer]]:
    """What answers a plan's requests, all of them under one deadline.

    ``seconds`` says how much time there still is at all; LookupSeconds may make it less. ``line`` is called, and the
    registry's modules are imported, only when something is really asked.
    """
    end = time.monotonic() + settings.lookup_seconds

    def ask(requests: Sequence[Request]) -> Mapping[Request, Answer]:
        from sysdig_instrument.answers import World, answer  # noqa: PLC0415 - only when something is asked
        from sysdig_instrument.registry.urls import Reach  # noqa: PLC0415 - the same

        nowhere: dict[Request, Answer] = {
            request: _no_region(request)
            for request in requests
            if region is None and not isinstance(request, ImageRequest)
        }
        held = line()
        world = World(
            region=region or "",  # nothing but the above is asked in a region that is not known
            clients=held.clients,
            cache=held.cache,
            allowed_registries=tuple(settings.allowed_registries),
            internal=Reach.of(settings.internal_registries),
            registry_secrets=cast("Mapping[str, str]", settings.registry_credentials),
            token_services=cast("Mapping[str, str]", settings.token_services),
            credentials=held.credentials,
            proxy=held.proxy,
        )
        left = max(0.0, min(end - time.monotonic(), seconds()))
        asked = [request for request in requests if request not in nowhere]
        return {**nowhere, **answer(asked, world=world, seconds=left)}

    return ask


def _no_region(request: Request) -> Unavailable:
    name = request.image if isinstance(request, ImageRequest) else request.name
    return Unavailable(Reason(f"{quoted(name)} cannot be asked for, as the AWS region is not known", _NO_REGION))
