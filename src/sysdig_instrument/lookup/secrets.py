"""Registry credentials in AWS Secrets Manager: ``{"username": …, "password": …}``, as ECS requires.

docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup import aws
from sysdig_instrument.lookup.auth import Login
from sysdig_instrument.lookup.aws import Arn, AwsClients, AwsError
from sysdig_instrument.lookup.errors import UnavailableError
from sysdig_instrument.lookup.workers import Deadline, SingleFlight


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
            secret_string = aws.call(client.get_secret_value, SecretId=secret_id).get("SecretString")
        except AwsError as error:
            raise UnavailableError(
                Reason(
                    f"the credentials in {secret_id} could not be read: {error.fact('AWS Secrets Manager')}",
                    error.advice("secretsmanager:GetSecretValue", secret_id),
                ),
            ) from None
        try:
            value = json.loads(secret_string or "")
            username, password = value["username"], value["password"]
        except (ValueError, RecursionError, LookupError, TypeError):
            username = password = None
        if not (isinstance(username, str) and isinstance(password, str) and username):
            raise UnavailableError(
                Reason(
                    f'the secret {secret_id} is not a JSON object with "username" and "password"',
                    "Use the format that Amazon ECS requires for private registries",
                ),
            )
        return Login(username, password)


@dataclass(frozen=True, slots=True)
class ContainerSecret:
    """The credentials of a container's RepositoryCredentials: one secret, whatever the registry."""

    secrets: Secrets
    secret_id: str

    def find_login(self, registry: str) -> Login | None:  # noqa: ARG002 - the container names the secret for its own image
        """See :class:`~sysdig_instrument.lookup.auth.CredentialProvider`."""
        return self.secrets.get_login(self.secret_id)


@dataclass(frozen=True, slots=True)
class RegistrySecrets:
    """The credentials that the settings name: a secret for each registry."""

    secrets: Secrets
    secret_ids: Mapping[str, str]

    def find_login(self, registry: str) -> Login | None:
        """See :class:`~sysdig_instrument.lookup.auth.CredentialProvider`."""
        secret_id = self.secret_ids.get(registry)
        return self.secrets.get_login(secret_id) if secret_id else None
