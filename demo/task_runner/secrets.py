"""The values of a container's secrets, as ECS reads them for the variables of its process."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

_FIELDS_OF_A_SECRET: Final = 7
"""An ARN of Secrets Manager has seven fields; ECS reads three more: JSON key, version stage and version ID."""


class SecretReader:
    """Reads what ``valueFrom`` refers to: a secret of Secrets Manager, or a parameter of SSM."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        """Take the function that makes a client of an AWS service."""
        self._client = client

    def __call__(self, value_from: str) -> str:
        """Return the value."""
        if ":secretsmanager:" not in value_from:
            name = value_from.rpartition(":parameter")[2] if value_from.startswith("arn:") else value_from
            answer = self._client("ssm").get_parameter(Name=name, WithDecryption=True)
            return str(answer["Parameter"]["Value"])
        fields = value_from.split(":")
        key, stage, version = (*fields[_FIELDS_OF_A_SECRET:], "", "", "")[:3]
        chosen = {"VersionStage": stage, "VersionId": version}
        answer = self._client("secretsmanager").get_secret_value(
            SecretId=":".join(fields[:_FIELDS_OF_A_SECRET]), **{name: value for name, value in chosen.items() if value}
        )
        text = str(answer["SecretString"])
        return str(json.loads(text)[key]) if key else text
