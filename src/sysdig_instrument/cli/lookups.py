"""How the command line tool answers a plan's requests: with the caller's own credentials, or not at all."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

from sysdig_instrument.asking import Line, asker
from sysdig_instrument.engine.findings import Reason, quoted
from sysdig_instrument.engine.lookups import Answer, ImageRequest, Request, Unavailable
from sysdig_instrument.errors import UsageError

if TYPE_CHECKING:
    from sysdig_instrument.engine.plan import Context
    from sysdig_instrument.planning import Lookup

_HINT: Final = "Leave --offline out, put the image into a file for --images, or give the container an EntryPoint"


def lookup(
    options: argparse.Namespace,
    context: Context,
    environment: Mapping[str, str],
    line: Callable[[], Line] | None = None,
) -> Lookup:
    """What answers requests: nothing with ``--offline``, else registries and AWS.

    The deadline counts from here. ``line`` lets several files have one cache of images.
    """
    if options.offline:
        return _offline
    return asker(
        context.settled.settings, context.region, line or shared_line(environment, options.profile), lambda: math.inf
    )


def shared_line(environment: Mapping[str, str], profile: str | None) -> Callable[[], Line]:
    """The line to registries and AWS, made when it is first asked for, and then the same again."""

    @cache
    def line() -> Line:
        from sysdig_instrument.registry.aws import AwsClients, boto3_session  # noqa: PLC0415 - only when something is asked
        from sysdig_instrument.registry.cache import ImageCache  # noqa: PLC0415 - the same
        from sysdig_instrument.registry.docker_config import DockerConfig  # noqa: PLC0415 - the same
        from sysdig_instrument.registry.proxy import Proxy  # noqa: PLC0415 - the same

        try:
            proxy = Proxy.of(environment)
        except ValueError as error:
            raise UsageError(f"{error}. Correct it, or take it out of the environment.") from None
        return Line(AwsClients(lambda: boto3_session(profile)), ImageCache(), DockerConfig.of(environment), proxy)

    return line


def _offline(requests: Sequence[Request]) -> Mapping[Request, Answer]:
    return {request: _not_asked(request) for request in requests}


def _not_asked(request: Request) -> Unavailable:
    name = request.image if isinstance(request, ImageRequest) else request.name
    return Unavailable(Reason(f"{quoted(name)} is needed, and --offline forbids to ask for it", _HINT))
