"""Registry credentials out of AWS Secrets Manager: ``{"username": …, "password": …}``, as ECS wants them.

docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.registry import aws
from sysdig_instrument.registry.aws import Arn, AwsClients, AwsError
from sysdig_instrument.registry.deadline import Deadline
from sysdig_instrument.registry.errors import NoAnswerError
from sysdig_instrument.registry.login import Login
from sysdig_instrument.registry.once import Once
from sysdig_instrument.values import dataclass


class Secrets:
    """The logins in Secrets Manager, each read once in a run."""

    def __init__(self, clients: AwsClients, region: str, deadline: Deadline) -> None:
        self._clients = clients
        self._region = region
        self._logins: Once[str, Login] = Once(deadline)

    def login(self, secret: str) -> Login:
        """The login in a secret, given by its ARN or, for this region and account, by its name.

        Raises:
            NoAnswerError: The secret cannot be read, or holds no login. Nothing of it is in the message.
        """
        return self._logins.get(secret, lambda: self._read(secret))

    def _read(self, secret: str) -> Login:
        arn = Arn.parse(secret)
        region = arn.region if arn else self._region
        try:
            client = self._clients.client("secretsmanager", region)
            text = aws.call(client.get_secret_value, SecretId=secret).get("SecretString")
        except AwsError as error:
            raise NoAnswerError(
                Reason(
                    f"the credentials in {secret} could not be read: {error.fact('AWS Secrets Manager')}",
                    error.advice("secretsmanager:GetSecretValue", secret),
                ),
            ) from None
        try:
            value = json.loads(text or "")
            username, password = value["username"], value["password"]
        except (ValueError, RecursionError, LookupError, TypeError):
            username = password = None
        if not (isinstance(username, str) and isinstance(password, str) and username):
            raise NoAnswerError(
                Reason(
                    f'the secret {secret} is not a JSON object with "username" and "password"',
                    "Write it as Amazon ECS wants it for private registries",
                ),
            )
        return Login(username, password)


@dataclass(frozen=True, slots=True)
class SecretOf:
    """The credentials of a container's RepositoryCredentials: one secret, whatever the registry."""

    secrets: Secrets
    secret: str

    def login(self, registry: str) -> Login | None:  # noqa: ARG002 - the container says that it is for its image
        """See :class:`~sysdig_instrument.registry.login.Credentials`."""
        return self.secrets.login(self.secret)


@dataclass(frozen=True, slots=True)
class SecretByRegistry:
    """The credentials that the settings name: a secret for each registry."""

    secrets: Secrets
    by_registry: Mapping[str, str]

    def login(self, registry: str) -> Login | None:
        """See :class:`~sysdig_instrument.registry.login.Credentials`."""
        secret = self.by_registry.get(registry)
        return self.secrets.login(secret) if secret else None
