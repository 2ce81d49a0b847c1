"""boto3 sessions and clients, created when they are needed, and their errors.

boto3 takes about 400 ms to import, so it is imported only here, on the first call of an AWS service.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from http.client import HTTPException
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

from sysdig_instrument.engine.partitions import is_region_name
from sysdig_instrument.lazy_dataclasses import dataclass

_T = TypeVar("_T")

AwsClient: TypeAlias = Any
"""A boto3 client; boto3 has no types for them."""

AwsSession: TypeAlias = Any
"""A boto3 session; boto3 has no type for it either."""

MAX_CLIENTS: Final = 8
"""Limit of clients that are kept. Each takes some 250 kB, and a template can name any Region."""

INVALID_REGION: Final = "InvalidRegionError"
"""The code for a Region whose name has another form; botocore's exception for some of them has this name, too."""

CONNECT_TIMEOUT_SECONDS: Final = 3
READ_TIMEOUT_SECONDS: Final = 10
MAX_ATTEMPTS: Final = 3
_ROLE_SESSION: Final = "sysdig-instrument"
_ROLE_SESSION_SECONDS: Final = 900  # the least that AWS STS accepts
_PARSER_ERRORS: Final = (ValueError, TypeError, AttributeError, LookupError)
"""botocore's parsers raise these for values of another type than the service's model says."""

_ACCESS_DENIED_CODES: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_NO_SUCH_PROFILE: Final = "ProfileNotFound"
_UNREACHABLE_CODES: Final = frozenset({"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError"})
_CREDENTIAL_ERROR_CODES: Final = frozenset(
    {
        "CredentialRetrievalError",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidClientTokenId",
        "NoCredentialsError",
        "PartialCredentialsError",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "UnrecognizedClientException",
    }
)


INVALID_RESPONSE: Final = "an invalid response"
"""The code of a response that was cut off, is not in the service's format, or lacks a part that it must have."""


class AwsError(Exception):
    """A call failed. ``code`` is the service's error code, or the name of botocore's exception.

    AWS's messages are dropped, because they may repeat what was sent.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def fact(self, service: str) -> str:
        """Return what happened, as in "…: Amazon ECR returned ThrottlingException"."""
        if self.code == _NO_SUCH_PROFILE:
            return f"{service} could not be called, because the AWS profile does not exist"
        if self.code in _UNREACHABLE_CODES:
            return f"{service} could not be reached ({self.code})"
        if self.code in _CREDENTIAL_ERROR_CODES:
            return f"{service} could not be called without valid AWS credentials ({self.code})"
        if self.code == INVALID_REGION:
            return f"{service} was not called, because the name of the Region is not valid: {self.code}"
        return f"{service} returned {self.code}"

    def advice(self, permission: str, resource: str) -> str:
        """Return what a user can do about it."""
        if self.code in _ACCESS_DENIED_CODES:
            return f"Grant {permission} on {resource} to the macro's role (or to the caller of the command line tool)"
        if self.code == _NO_SUCH_PROFILE:
            return "Correct --profile or AWS_PROFILE (`aws configure list-profiles` prints the profiles that exist)"
        if self.code in _UNREACHABLE_CODES:
            return "Check the name of the Region, the network, and a proxy or a VPC endpoint in between"
        if self.code in _CREDENTIAL_ERROR_CODES:
            return "Provide AWS credentials that are valid in this region, for example with AWS_PROFILE"
        if self.code == INVALID_REGION:
            return "Correct the Region in the ARN, in the registry's host name or in --region"
        return "Try again; if the error persists, check the service's health"

    @property
    def is_access_denied(self) -> bool:
        """Return whether a permission is missing."""
        return self.code in _ACCESS_DENIED_CODES


@dataclass(frozen=True, slots=True)
class Arn:
    """The parts of an Amazon Resource Name."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn | None:
        """Parse an ARN; return None if the text is not an ARN but a name."""
        parts = text.split(":", 5)
        return cls(*parts[1:]) if len(parts) == 6 and parts[0] == "arn" else None  # noqa: PLR2004 - as the fields above


def boto3_session(profile: str | None = None) -> AwsSession:
    """Return a session with boto3's default credentials (the Lambda's role) or with the caller's profile."""
    import boto3  # noqa: PLC0415 - lazily: see the module's docstring

    return boto3.Session(profile_name=profile)


def _session_of_role(key: str, secret: str, token: str) -> AwsSession:
    import boto3  # noqa: PLC0415 - lazily: see the module's docstring

    return boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token)


def session_of_role(source: AwsSession, role: str, region: str) -> AwsSession:
    """Return a session that assumes a role with a session's credentials, and again before the role's credentials expire.

    Raises:
        AwsError: The role cannot be assumed.
    """
    import boto3  # noqa: PLC0415 - lazily: see the module's docstring
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415 - lazily, too

    fetcher = AssumeRoleCredentialFetcher(
        partial(source.client, region_name=region),
        source.get_credentials(),
        role,
        extra_args={"RoleSessionName": _ROLE_SESSION},
    )
    credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    translate_errors(credentials.get_frozen_credentials)
    session = get_session()
    session._credentials = credentials  # noqa: SLF001 - botocore has no other way to give a session such credentials
    return boto3.Session(botocore_session=session)


class AwsClients:
    """boto3 clients by service and region, created on first use and then reused. It is thread-safe.

    The ``MAX_CLIENTS`` clients that were used last are kept.

    A warm Lambda keeps one across invocations, since clients are expensive to create. The timeouts are in seconds;
    ``max_attempts`` counts the first attempt of a call, too.
    """

    def __init__(
        self,
        make_session: Callable[[], AwsSession] = boto3_session,
        *,
        connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self._make_session = make_session
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._max_attempts = max_attempts
        self._lock = threading.Lock()  # neither sessions nor creating clients is thread-safe
        self._cached_session: AwsSession | None = None
        self._accounts: dict[str, str | None] = {}
        self._clients: OrderedDict[tuple[str, str, bool], AwsClient] = OrderedDict()

    def client(self, service: str, region: str, *, fips: bool = False) -> AwsClient:
        """Return the client of a service in a region, for its FIPS endpoint if ``fips`` is set.

        Raises:
            AwsError: It cannot be created, as for an unknown profile or a name that no region can have.
        """
        if not is_region_name(region):
            raise AwsError(INVALID_REGION)
        from botocore.config import Config  # noqa: PLC0415 - lazily: see the module's docstring

        with self._lock:
            key = service, region, fips
            if key not in self._clients:
                config = Config(
                    connect_timeout=self._connect_timeout,
                    read_timeout=self._read_timeout,
                    retries={"mode": "standard", "total_max_attempts": self._max_attempts},
                    max_pool_connections=32,
                    **({"use_fips_endpoint": True} if fips else {}),
                )
                self._clients[key] = translate_errors(lambda: self._create_client(service, region, config))
                if len(self._clients) > MAX_CLIENTS:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(key)
            return self._clients[key]

    def account(self, region: str) -> str | None:
        """Return the account of the credentials; None if it is not known. Every identity may ask this. It is asked once."""
        if region not in self._accounts:
            try:
                account = call(self.client("sts", region).get_caller_identity).get("Account")
            except AwsError:
                account = None
            self._accounts[region] = account if isinstance(account, str) else None
        return self._accounts[region]

    def with_role(self, role: str, region: str, *, seconds: int = _ROLE_SESSION_SECONDS) -> AwsClients:
        """Return clients that use the credentials of a role for so many seconds, with the same timeouts.

        Raises:
            AwsError: The role cannot be assumed.
        """
        sts = self.client("sts", region)
        response = call(sts.assume_role, RoleArn=role, RoleSessionName=_ROLE_SESSION, DurationSeconds=seconds)
        match response.get("Credentials"):
            case {"AccessKeyId": str(key), "SecretAccessKey": str(secret), "SessionToken": str(token)}:
                return AwsClients(
                    lambda: _session_of_role(key, secret, token),
                    connect_timeout=self._connect_timeout,
                    read_timeout=self._read_timeout,
                    max_attempts=self._max_attempts,
                )
        raise AwsError(INVALID_RESPONSE)

    def _create_client(self, service: str, region: str, config: object) -> AwsClient:
        if self._cached_session is None:
            self._cached_session = self._make_session()
        return self._cached_session.client(service, region_name=region, config=config)


def call(operation: Callable[..., dict[str, Any]], **parameters: object) -> dict[str, Any]:
    """Call a client's operation and return its response.

    Raises:
        AwsError: The call failed.
    """
    response = translate_errors(lambda: operation(**parameters))
    if not isinstance(response, dict):
        raise AwsError(INVALID_RESPONSE)
    return response


def objects_in(response: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects in a list of a response. boto3 does not check what a service sends."""
    items = response.get(key)
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def require_list(response: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return the objects in a list that a response must have: without it, the response was cut off.

    Raises:
        AwsError: The list is not there, or has something else.
    """
    items = response.get(key)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise AwsError(INVALID_RESPONSE)
    return items


def translate_errors(action: Callable[[], Any]) -> Any:  # noqa: ANN401 - boto3 has no types
    """Return the result of an action of boto3's.

    Raises:
        AwsError: boto3 raised an error.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - lazily: see the module's docstring
    from botocore.parsers import ResponseParserError  # noqa: PLC0415 - the same

    try:
        return action()
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        is_code = isinstance(code, str) and code.isascii() and code.isalnum()
        raise AwsError(code if is_code else "an error") from None
    except BotoCoreError as error:
        raise AwsError(type(error).__name__) from None
    except (ResponseParserError, HTTPException, OSError, RecursionError, *_PARSER_ERRORS):
        raise AwsError(INVALID_RESPONSE) from None


def batched(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    """Yield the items in lists of at most this size."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
