"""Docker's credentials, for the command line tool: ``config.json`` and the credential helpers that it names.

Formats: docs.docker.com/reference/cli/docker/login (credential stores and helpers), and docker/cli's ``configfile``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.image_reference import DOCKER_HUB
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.auth import Login
from sysdig_instrument.lookup.errors import UnavailableError

RunHelper: TypeAlias = Callable[[str, str], str | None]
"""Runs a credential helper, given its name and the server; returns its output, or None if it has no credentials."""

HELPER_TIMEOUT_SECONDS: Final = 15
_DOCKER_HUB_SERVER: Final = "https://index.docker.io/v1/"
_HELPER_NAME: Final = re.compile(r"[A-Za-z0-9_.-]+")
_TOKEN_USERNAME: Final = "<token>"  # noqa: S105 - the user name that marks an identity token
_MAX_CONFIG_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class DockerConfig:
    """The credentials of a ``config.json``, read again for each registry that requires any."""

    path: Path
    run_helper: RunHelper

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> DockerConfig:
        """Return the config that Docker would use: in ``DOCKER_CONFIG``, else in ``.docker`` of the home directory."""
        directory = environment.get("DOCKER_CONFIG")
        return cls((Path(directory) if directory else Path.home() / ".docker") / "config.json", run_helper)

    def find_login(self, registry: str) -> Login | None:
        """See :class:`~sysdig_instrument.lookup.auth.CredentialProvider`."""
        config = self._read_config()
        server = _DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
        for name in (_section(config, "credHelpers").get(server), config.get("credsStore")):
            if isinstance(name, str) and name and (login := self._login_from_helper(name, server)):
                return login
        entries = _section(config, "auths")
        return next(
            (_login_from_entry(entry) for key, entry in entries.items() if _registry_of_key(key) == registry), None
        )

    def _read_config(self) -> dict[str, Json]:
        try:
            value = json.loads(self.path.read_bytes()[:_MAX_CONFIG_BYTES])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            raise UnavailableError(
                Reason(
                    f"{self.path} could not be read as JSON",
                    "Fix it, or set DOCKER_CONFIG to another folder",
                    code=Code.DOCKER_LOGIN,
                )
            ) from None
        return value if isinstance(value, dict) else {}

    def _login_from_helper(self, name: str, server: str) -> Login | None:
        if not _HELPER_NAME.fullmatch(name):
            raise UnavailableError(
                Reason(f"{self.path} contains an invalid credential helper name", "Correct it", code=Code.DOCKER_LOGIN)
            )
        output = self.run_helper(name, server)
        if output is None:
            return None
        try:
            value = json.loads(output)
            username, secret = value["Username"], value["Secret"]
        except (ValueError, RecursionError, LookupError, TypeError):
            raise UnavailableError(
                Reason(
                    f"docker-credential-{name} returned no valid credentials", "Run it manually", code=Code.DOCKER_LOGIN
                )
            ) from None
        if not (isinstance(username, str) and isinstance(secret, str)):
            return None
        return Login("" if username == _TOKEN_USERNAME else username, secret) if secret else None


def run_helper(name: str, server: str) -> str | None:
    """Run ``docker-credential-NAME get``, which reads the server and prints ``{"Username": …, "Secret": …}``.

    Raises:
        UnavailableError: There is no such program, or it takes too long.
    """
    program = f"docker-credential-{name}"
    try:
        # S603: the user's own configuration names it, as for docker itself; the name holds no path.
        completed = subprocess.run(  # noqa: S603
            [program, "get"], input=server, capture_output=True, text=True, timeout=HELPER_TIMEOUT_SECONDS, check=False
        )
    except (OSError, UnicodeError):
        raise UnavailableError(
            Reason(
                f"{program} could not be run",
                "Install it, or remove it from Docker's config.json",
                code=Code.DOCKER_LOGIN,
            )
        ) from None
    except subprocess.TimeoutExpired:
        raise UnavailableError(
            Reason(f"{program} took more than {HELPER_TIMEOUT_SECONDS} s", "Run it manually", code=Code.DOCKER_LOGIN)
        ) from None
    return completed.stdout if completed.returncode == 0 else None


def _section(config: dict[str, Json], key: str) -> dict[str, Json]:
    value = config.get(key)
    return value if isinstance(value, dict) else {}


def _registry_of_key(key: str) -> str:
    """Return the registry of an ``auths`` key; some tools write ``https://host/v2/`` for ``host``."""
    host = key.partition("://")[2] or key
    host = host.partition("/")[0].lower()
    return DOCKER_HUB if host in (f"index.{DOCKER_HUB}", DOCKER_HUB) else host


def _login_from_entry(entry: Json) -> Login | None:
    if not isinstance(entry, dict):
        return None
    token, auth = entry.get("identitytoken"), entry.get("auth")
    if isinstance(token, str) and token:
        return Login("", token)
    if isinstance(auth, str) and auth:
        unwrapped = auth.replace("\r", "").replace("\n", "")  # Docker's decoder skips line breaks, which base64 inserts
        try:
            user, _, secret = base64.b64decode(unwrapped, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            raise UnavailableError(
                Reason(
                    "Docker's config.json has an auth entry for this registry that is not valid base64",
                    "Run docker login again",
                    code=Code.DOCKER_LOGIN,
                )
            ) from None
        return Login(user, secret.rstrip("\0")) if user else None
    username, password = entry.get("username"), entry.get("password")  # as some tools write it
    return Login(username, password) if isinstance(username, str) and isinstance(password, str) and username else None
