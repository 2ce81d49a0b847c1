"""Answer a plan's lookups with the caller's own credentials, or decline them all (``--offline``)."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.lookups import Answer, ImageLookup, Lookup, Unavailable
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lookup.session import LookupSession, make_lookup

if TYPE_CHECKING:
    from sysdig_instrument.engine.plan import Context
    from sysdig_instrument.planning import LookupFunction

_OFFLINE_ADVICE: Final = "Remove --offline, add the image to the --images file, or give the container an EntryPoint"


def look_up_from_options(
    options: argparse.Namespace,
    context: Context,
    environment: Mapping[str, str],
    session: Callable[[], LookupSession] | None = None,
) -> LookupFunction:
    """Return the function that answers lookups: from registries and AWS, or with ``--offline`` none of them.

    The time limit LookupSeconds starts with this call. ``session`` lets several files share one cache of images.
    """
    if options.offline:
        return _answer_offline
    return make_lookup(
        context.deployment_settings.values,
        context.region,
        session or shared_session(environment, options.profile),
        lambda: math.inf,
    )


def shared_session(environment: Mapping[str, str], profile: str | None) -> Callable[[], LookupSession]:
    """Return a function that creates the lookup session at its first call, and returns the same one after that.

    Raises (the returned function):
        UsageError: The environment has an invalid proxy.
    """

    @cache
    def session() -> LookupSession:
        from sysdig_instrument.lookup.aws import AwsClients, boto3_session  # noqa: PLC0415 - only for a lookup
        from sysdig_instrument.lookup.docker_config import DockerConfig  # noqa: PLC0415 - the same
        from sysdig_instrument.lookup.images import ImageCache  # noqa: PLC0415 - the same
        from sysdig_instrument.lookup.proxy import Proxy  # noqa: PLC0415 - the same

        try:
            proxy = Proxy.from_environment(environment)
        except ValueError as error:
            raise UsageError(f"{error}. Correct it or remove it from the environment.") from None
        return LookupSession(
            AwsClients(lambda: boto3_session(profile)), ImageCache(), DockerConfig.from_environment(environment), proxy
        )

    return session


def _answer_offline(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    return {lookup: _unavailable_offline(lookup) for lookup in lookups}


def _unavailable_offline(lookup: Lookup) -> Unavailable:
    name = lookup.image if isinstance(lookup, ImageLookup) else lookup.name
    return Unavailable(Reason(f"{quote(name)} is needed, but --offline prevents the lookup", _OFFLINE_ADVICE))
