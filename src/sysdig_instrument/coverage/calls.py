"""Calls of AWS that the report makes: the pages of their responses, and what is said of one that failed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final, TypeVar

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.lookup.aws import AwsClient, AwsError, translate_errors

_T = TypeVar("_T")

_UNREACHABLE_REGION_CODES: Final = frozenset({"EndpointConnectionError", "InvalidRegionError", "ConnectTimeoutError"})


def parse_pages(
    client: AwsClient,
    operation: str,
    parse: Callable[[Mapping[str, Any]], list[_T]],
    parameters: Mapping[str, object],
    max_pages: int | None = None,
) -> list[_T]:
    """Return what ``parse`` finds in each page of the response to an operation, up to a number of pages.

    Raises:
        AwsError: The service refused the call or could not be reached, or ``parse`` misses a part that a page must have.
    """
    from botocore import xform_name  # noqa: PLC0415 - botocore takes long to import

    name = xform_name(operation)

    def read() -> list[_T]:
        is_paginated = client.can_paginate(name)
        pages = (
            client.get_paginator(name).paginate(**parameters) if is_paginated else [getattr(client, name)(**parameters)]
        )
        return [each for page in islice(pages, max_pages) for each in parse(page)]

    found: list[_T] = translate_errors(read)
    return found


def failure(operation: str, error: AwsError, *, service: str = "Amazon ECS", prefix: str = "ecs", code: Code) -> Reason:
    """Return why an operation of a service could not be read, and what to do."""
    if error.is_access_denied:
        advice = f"Allow {prefix}:{operation}"
    elif error.code in _UNREACHABLE_REGION_CODES:
        advice = "Check the region's name and the network"
    else:
        advice = error.advice(f"{prefix}:{operation}", "*")
    return Reason(f"{operation}: {error.fact(service)}", advice, code=code)


def texts(items: object) -> list[str]:
    """Return a list of a response that has strings only.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise TypeError
    return items
