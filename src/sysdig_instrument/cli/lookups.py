"""How the command line tool answers a plan's requests: with the caller's own credentials, or not at all."""

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

_OFFLINE_ADVICE: Final = (
    "Leave --offline out, put the image into a file for --images, or give the container an EntryPoint"
)


def look_up_from_options(
    options: argparse.Namespace,
    context: Context,
    environment: Mapping[str, str],
    session: Callable[[], LookupSession] | None = None,
) -> LookupFunction:
    """What answers requests: nothing with ``--offline``, else registries and AWS.

    The deadline counts from here. ``session`` lets several files have one cache of images.
    """
    if options.offline:
        return _answer_offline
    return make_lookup(
        context.resolved.values,
        context.region,
        session or shared_session(environment, options.profile),
        lambda: math.inf,
    )


def shared_session(environment: Mapping[str, str], profile: str | None) -> Callable[[], LookupSession]:
    """The line to registries and AWS, made when it is first asked for, and then the same again."""

    @cache
    def session() -> LookupSession:
        from sysdig_instrument.lookup.aws import AwsClients, boto3_session  # noqa: PLC0415 - only when something is asked
        from sysdig_instrument.lookup.docker_config import DockerConfig  # noqa: PLC0415 - the same
        from sysdig_instrument.lookup.images import ImageCache  # noqa: PLC0415 - the same
        from sysdig_instrument.lookup.proxy import Proxy  # noqa: PLC0415 - the same

        try:
            proxy = Proxy.from_environment(environment)
        except ValueError as error:
            raise UsageError(f"{error}. Correct it, or take it out of the environment.") from None
        return LookupSession(
            AwsClients(lambda: boto3_session(profile)), ImageCache(), DockerConfig.from_environment(environment), proxy
        )

    return session


def _answer_offline(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    return {lookup: _unavailable_offline(lookup) for lookup in lookups}


def _unavailable_offline(lookup: Lookup) -> Unavailable:
    name = lookup.image if isinstance(lookup, ImageLookup) else lookup.name
    return Unavailable(Reason(f"{quote(name)} is needed, and --offline forbids to ask for it", _OFFLINE_ADVICE))
