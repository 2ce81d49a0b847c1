"""botocore's sessions and clients, created when they are needed, and their errors.

botocore takes long to import, so it is imported only here, on the first call of an AWS service. boto3 would take longer,
and only adds what is not used here.
"""

from __future__ import annotations

import gc
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from functools import partial
from http.client import HTTPException
from itertools import islice
from typing import Any, Final, TypeAlias, TypeVar

from sysdig_instrument.engine.partitions import is_region_name
from sysdig_instrument.lazy_dataclasses import dataclass

_T = TypeVar("_T")

AwsClient: TypeAlias = Any
"""A client of botocore, which has no types for them."""

AwsSession: TypeAlias = Any
"""A :class:`Session`, or what has clients as it does."""

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

    @property
    def is_unreachable(self) -> bool:
        """Return whether the service could not be reached."""
        return self.code in _UNREACHABLE_CODES

    @property
    def is_about_credentials(self) -> bool:
        """Return whether there are no valid credentials."""
        return self.code in _CREDENTIAL_ERROR_CODES


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


class Session:
    """The credentials of the environment, of a profile or of a role, and the clients that use them. It is thread-safe.

    botocore's is not, and several :class:`AwsClients` may share one: a role is then assumed once.
    """

    def __init__(self, botocore_session: Any) -> None:  # noqa: ANN401 - botocore has no types
        loader = copy(botocore_session.get_component("data_loader"))
        # To know the names of all services, botocore looks twice for the files of each: a tenth of a first look-up.
        loader.list_available_services = lambda type_name: folders_in(loader.search_paths)  # noqa: ARG005 - as botocore has it
        botocore_session.register_component("data_loader", loader)
        self._session = botocore_session
        self._lock = threading.Lock()

    @property
    def region_name(self) -> str | None:
        """The Region of the environment or of the profile."""
        with self._lock:
            region: str | None = self._session.get_config_variable("region")
        return region

    def client(self, service: str, region_name: str, config: object = None, **keys: str) -> AwsClient:
        """Return a new client. It uses the session's credentials, or ``keys``, as botocore names them."""
        with self._lock:
            return self._session.create_client(service, region_name=region_name, config=config, **keys)

    def get_credentials(self) -> Any:  # noqa: ANN401 - the same
        """Return the credentials; None if there are none."""
        with self._lock:
            return self._session.get_credentials()


def folders_in(paths: Iterable[str]) -> list[str]:
    """Return the names of what is in these folders. Paths that are none are passed over."""
    # As botocore does. Path.is_dir would raise PermissionError where the home directory is another user's.
    return [name for path in paths if os.path.isdir(path) for name in os.listdir(path)]  # noqa: PTH112, PTH208


def aws_session(profile: str | None = None) -> AwsSession:
    """Return a session with botocore's default credentials (the Lambda's role) or with the caller's profile."""
    from botocore.session import Session as BotocoreSession  # noqa: PLC0415 - lazily: see the module's docstring

    return Session(BotocoreSession(profile=profile))


def _session_of_role(key: str, secret: str, token: str) -> AwsSession:
    from botocore.session import Session as BotocoreSession  # noqa: PLC0415 - lazily: see the module's docstring

    session = BotocoreSession()
    session.set_credentials(key, secret, token)
    return Session(session)


def session_of_role(source: AwsSession, role: str, region: str) -> AwsSession:
    """Return a session that assumes a role with a session's credentials, and again before the role's credentials expire.

    Raises:
        AwsError: The role cannot be assumed.
    """
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials  # noqa: PLC0415
    from botocore.session import Session as BotocoreSession  # noqa: PLC0415 - lazily: see the module's docstring

    fetcher = AssumeRoleCredentialFetcher(
        partial(source.client, region_name=region),
        source.get_credentials(),
        role,
        extra_args={"RoleSessionName": _ROLE_SESSION},
    )
    credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    translate_errors(credentials.get_frozen_credentials)
    session = BotocoreSession()
    session._credentials = credentials  # noqa: SLF001 - botocore has no other way to give a session such credentials
    return Session(session)


class AwsClients:
    """Clients by service and region, created on first use and then reused. It is thread-safe.

    The ``MAX_CLIENTS`` clients that were used last are kept.

    A warm Lambda keeps one across invocations, since clients are expensive to create. The timeouts are in seconds;
    ``max_attempts`` counts the first attempt of a call, too.
    """

    def __init__(
        self,
        make_session: Callable[[], AwsSession] = aws_session,
        *,
        connect_timeout: float = CONNECT_TIMEOUT_SECONDS,
        read_timeout: float = READ_TIMEOUT_SECONDS,
        max_attempts: int = MAX_ATTEMPTS,
    ) -> None:
        self._make_session = make_session
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._max_attempts = max_attempts
        self._lock = threading.Lock()
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
        with self._lock:
            key = service, region, fips
            if key not in self._clients:
                self._clients[key] = translate_errors(lambda: self._create_client(service, region, fips=fips))
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

    def _create_client(self, service: str, region: str, *, fips: bool) -> AwsClient:
        is_collecting = gc.isenabled()
        gc.disable()  # what botocore imports and reads stays, and collecting takes a tenth of the time
        try:
            from botocore.config import Config  # noqa: PLC0415 - lazily: see the module's docstring

            config = Config(
                connect_timeout=self._connect_timeout,
                read_timeout=self._read_timeout,
                retries={"mode": "standard", "total_max_attempts": self._max_attempts},
                max_pool_connections=32,
                **({"use_fips_endpoint": True} if fips else {}),
            )
            if self._cached_session is None:
                self._cached_session = self._make_session()
            return self._cached_session.client(service, region_name=region, config=config)
        finally:
            if is_collecting:
                gc.enable()


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
    """Return the objects in a list of a response. botocore does not check what a service sends."""
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


def translate_errors(action: Callable[[], Any]) -> Any:  # noqa: ANN401 - botocore has no types
    """Return the result of an action of botocore's.

    Raises:
        AwsError: botocore raised an error.
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
