"""Read an object of Amazon S3 by a presigned URL, as CloudFormation gives one to a hook.

The URL is taken for hostile: it must be https, to an endpoint of S3, and no redirect is followed. So whoever can call the
hook's function cannot make it request anything else. S3 asks for nothing but the signature in the URL, so the function
needs no permission.

Source: the Amazon S3 user guide, «Virtual hosting of general purpose buckets», and the AWS General Reference, «Amazon S3
endpoints and quotas».
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from contextlib import closing
from typing import Final

from sysdig_instrument.engine.partitions import DNS_SUFFIXES, dns_suffix_of
from sysdig_instrument.lookup.connections import CreateConnection
from sysdig_instrument.lookup.egress import Resolve, Resolver, Url, parse_url, system_resolve
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.http import HttpClient, HttpRequest
from sysdig_instrument.lookup.workers import Deadline, MonotonicClock

_BUCKET: Final = r"[a-z0-9](?:[a-z0-9.-]{0,253}[a-z0-9])?"
_REGION: Final = r"[a-z]{2,4}(?:-[a-z]{2,12}){1,2}-[0-9]{1,2}"
_ENDPOINT: Final = rf"(?:{_BUCKET}\.)?s3(?:-fips)?(?:\.dualstack)?(?:[.-](?P<region>{_REGION}))?"
"""What precedes the DNS suffix: a bucket or nothing, the name of the service, and a Region or nothing."""

_HTTPS_PORT: Final = 443
_OK: Final = 200


def is_s3_endpoint(host: str) -> bool:
    """Return whether a host, in lower case, is an endpoint of S3 for objects, in any partition.

    Endpoints for web sites, access points and Outposts are none.
    """
    for suffix in DNS_SUFFIXES:
        found = re.fullmatch(_ENDPOINT, host.removesuffix(f".{suffix}")) if host.endswith(f".{suffix}") else None
        if found and (found["region"] is None or dns_suffix_of(found["region"]) == suffix):
            return True
    return False


def parse_presigned(text: str) -> Url:
    """Parse a presigned URL.

    Raises:
        HttpError: It is not one of an object in S3. The message does not repeat the URL.
    """
    url = parse_url(text)
    if url.scheme != "https" or url.port != _HTTPS_PORT or not is_s3_endpoint(url.host):
        raise HttpError("the URL is not https to an endpoint of Amazon S3")
    return url


def read_presigned(  # noqa: PLR0913 - the last three are for tests
    text: str,
    *,
    max_bytes: int,
    seconds: float,
    resolve: Resolve = system_resolve,
    create_connection: CreateConnection = socket.create_connection,
    make_ssl_context: Callable[[], ssl.SSLContext] = ssl.create_default_context,
) -> bytes:
    """Return the object at a presigned URL, of at most ``max_bytes``, within ``seconds``.

    Raises:
        HttpError: The URL is not one of an object in S3, or the object cannot be read.
    """
    url = parse_presigned(text)
    deadline = Deadline.after(seconds, MonotonicClock())
    http = HttpClient(
        Resolver(resolve, deadline), deadline, make_ssl_context=make_ssl_context, create_connection=create_connection
    )
    with closing(http):
        response, _ = http.send(HttpRequest(url, max_bytes, max_redirects=0))
    if response.status != _OK:
        raise HttpError(f"Amazon S3 answered with status {response.status}")
    return response.body
