"""Make the lookup function that the settings allow: which hosts it may use, and how long it may take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.lookups import (
    Answer,
    ImageLookup,
    Lookup,
    StackOutputLookup,
    Unavailable,
    ValueLookup,
)
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.lookup.auth import CredentialProvider
    from sysdig_instrument.lookup.aws import AwsClients
    from sysdig_instrument.lookup.images import ImageCache
    from sysdig_instrument.lookup.proxy import Proxy

_REGION_ADVICE: Final = "Give --region, or set AWS_REGION"


@dataclass(frozen=True, slots=True)
class LookupSession:
    """The state that lookups share. A warm Lambda keeps it between runs.

    ``reads_container_secrets`` is false if a document may not choose the secret that a registry receives: the command line
    tool runs with the permissions of a person, who may only want to look at the document.
    """

    clients: AwsClients
    cache: ImageCache
    credentials: CredentialProvider
    proxy: Proxy | None = None
    reads_container_secrets: bool = True


def make_lookup(
    settings: Settings,
    region: str | None,
    get_session: Callable[[], LookupSession],
    remaining_seconds: Callable[[], float],
) -> Callable[[Sequence[Lookup]], Mapping[Lookup, Answer]]:
    """Return the function that answers a plan's lookups, all under one deadline.

    ``remaining_seconds`` returns how much time the caller has left; LookupSeconds may be less. ``get_session`` is
    called, and the modules for lookups are imported, only when something is looked up.
    """
    ends_at = time.monotonic() + settings.lookup_seconds

    def look_up(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        from sysdig_instrument.lookup.answers import LookupEnvironment, answer_lookups  # noqa: PLC0415 - only for a lookup
        from sysdig_instrument.lookup.egress import EgressPolicy  # noqa: PLC0415 - the same

        without_region: dict[Lookup, Answer] = {
            lookup: _region_unknown(lookup)
            for lookup in lookups
            if region is None and not isinstance(lookup, ImageLookup) and not _names_region(lookup)
        }
        session = get_session()
        environment = LookupEnvironment(
            region=region or "",  # without a region, only image lookups remain
            clients=session.clients,
            cache=session.cache,
            allowed_registries=tuple(settings.allowed_registries),
            egress_policy=EgressPolicy.from_entries(settings.internal_registries),
            registry_secrets=cast("Mapping[str, str]", settings.registry_credentials),
            token_services=cast("Mapping[str, str]", settings.token_services),
            stack_output_roles=tuple(settings.stack_output_roles),
            credentials=session.credentials,
            proxy=session.proxy,
            reads_container_secrets=session.reads_container_secrets,
        )
        timeout = max(0.0, min(ends_at - time.monotonic(), remaining_seconds()))
        answerable = [lookup for lookup in lookups if lookup not in without_region]
        return {**without_region, **answer_lookups(answerable, environment=environment, seconds=timeout)}

    return look_up


def _names_region(lookup: ValueLookup) -> bool:
    return isinstance(lookup, StackOutputLookup) and lookup.region is not None


def _region_unknown(lookup: ValueLookup) -> Unavailable:
    return Unavailable(
        Reason(
            f"{quote(lookup.name)} cannot be looked up, because the AWS region is not known",
            _REGION_ADVICE,
            code=Code.REGION_UNKNOWN,
            paste=paste(PasteInto.SETTINGS_FILE, {"Options": {"Region": "REGION"}}),
        )
    )
