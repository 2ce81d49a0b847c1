"""Registry credentials in AWS Secrets Manager: ``{"username": …, "password": …}``, as ECS requires.

docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html names these two members and no others. Secrets of
databases have them too, beside ``engine``, ``host``, ``dbname`` or ``port``
(docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html). No registry may receive those.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup import aws
from sysdig_instrument.lookup.auth import Login
from sysdig_instrument.lookup.aws import Arn, AwsClients, AwsError
from sysdig_instrument.lookup.errors import UnavailableError
from sysdig_instrument.lookup.workers import Deadline, SingleFlight

_LOGIN_MEMBERS: Final = 2
"""``username`` and ``password``."""


_MANAGED_SECRET: Final = re.compile(r"(?:^|:)[a-z0-9-]+!")
"""The name of a secret that a service manages: ``rds!db-…``, ``redshift!…``, ``events!connection/…``. It may have exactly the two
members of a registry's login. Only services can give such names
(docs.aws.amazon.com/secretsmanager/latest/userguide/service-linked-secrets.html)."""


class Secrets:
    """The logins in Secrets Manager, each read once in a run."""

    def __init__(self, clients: AwsClients, region: str, deadline: Deadline) -> None:
        self._clients = clients
        self._region = region
        self._logins: SingleFlight[str, Login] = SingleFlight(deadline)

    def get_login(self, secret_id: str) -> Login:
        """Return the login in a secret, given by its ARN or, in this region and account, by its name.

        Raises:
            UnavailableError: The secret cannot be read, or contains no login. The message contains nothing of it.
        """
        return self._logins.get(secret_id, lambda: self._read_login(secret_id))

    def _read_login(self, secret_id: str) -> Login:
        arn = Arn.parse(secret_id)
        region = arn.region if arn else self._region
        try:
            client = self._clients.client("secretsmanager", region)
            response = aws.call(client.get_secret_value, SecretId=secret_id)
        except AwsError as error:
            raise _unreadable_secret(secret_id, error) from None
        if _MANAGED_SECRET.search(str(response.get("ARN") or secret_id)):
            raise _not_sent(f"the secret {secret_id} is managed by another AWS service, which has its logins there")
        secret_string = response.get("SecretString")
        if isinstance(secret_string, str):
            return _parse_login(secret_string, secret_id)
        if "SecretBinary" in response:
            return _parse_login("", secret_id)
        raise _unreadable_secret(secret_id, AwsError(aws.INVALID_RESPONSE))


def _unreadable_secret(secret_id: str, error: AwsError) -> UnavailableError:
    fact = f"the credentials in {secret_id} could not be read: {error.fact('AWS Secrets Manager')}"
    return UnavailableError(
        Reason(fact, error.advice("secretsmanager:GetSecretValue", secret_id), code=Code.REGISTRY_CREDENTIALS)
    )


def _parse_login(secret_string: str, secret_id: str) -> Login:
    """Return the login in the text of a secret.

    Raises:
        UnavailableError: The text has another form, or members that a registry's login does not have.
    """
    try:
        value = json.loads(secret_string)
        username, password = value["username"], value["password"]
    except (ValueError, RecursionError, LookupError, TypeError):
        username = password = value = None
    if not (isinstance(username, str) and isinstance(password, str) and username):
        fact = f'the secret {secret_id} is not a JSON object with "username" and "password"'
        raise UnavailableError(
            Reason(
                fact, "Use the format that Amazon ECS requires for private registries", code=Code.REGISTRY_CREDENTIALS
            )
        )
    if len(value) > _LOGIN_MEMBERS:
        raise _not_sent(f'the secret {secret_id} is a JSON object with members other than "username" and "password"')
    return Login(username, password)


def _not_sent(clause: str) -> UnavailableError:
    advice = "Create a secret for the registry's credentials, with these two members only"
    fact = f"{clause}, so it was not sent to the registry"
    return UnavailableError(Reason(fact, advice, code=Code.REGISTRY_CREDENTIALS))


@dataclass(frozen=True, slots=True)
class ContainerSecret:
    """The credentials of a container's RepositoryCredentials: one secret, whatever the registry."""

    secrets: Secrets
    secret_id: str

    def find_login(self, registry: str) -> Login | None:  # noqa: ARG002 - the container names the secret for its own image
        """See :class:`~sysdig_instrument.lookup.auth.CredentialProvider`."""
        return self.secrets.get_login(self.secret_id)


@dataclass(frozen=True, slots=True)
class UnreadContainerSecret:
    """In place of :class:`ContainerSecret` where a document must not choose what a registry receives."""

    def find_login(self, registry: str) -> Login | None:
        """See :class:`~sysdig_instrument.lookup.auth.CredentialProvider`."""
        fact = (
            "the secret in the container's RepositoryCredentials was not read, because only you can say which secret "
            f"{registry} may receive"
        )
        setting = json.dumps({registry: "ARN of the secret"})
        raise UnavailableError(
            Reason(
                fact,
                f"Name the secret for this registry: --set 'RegistryCredentials={setting}'",
                code=Code.REGISTRY_CREDENTIALS,
            )
        )


@dataclass(frozen=True, slots=True)
class RegistrySecrets:
    """The credentials that the settings name: a secret for each registry."""

    secrets: Secrets
    secret_ids: Mapping[str, str]

    def find_login(self, registry: str) -> Login | None:
        """See :class:`~sysdig_instrument.lookup.auth.CredentialProvider`."""
        secret_id = self.secret_ids.get(registry)
        return self.secrets.get_login(secret_id) if secret_id else None
