"""What AWS's shared configuration says, as far as it is needed before boto3 is (which takes half a second to import)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def region(environment: Mapping[str, str], profile: str | None = None) -> str | None:
    """The region that AWS's own tools would take: of the environment, or of the profile in ``~/.aws/config``.

    Source: «Configuration and credential file settings» of the AWS CLI user guide.
    """
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if environment.get(name):
            return environment[name]
    path = Path(environment.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    profile = profile or environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None  # AWS's own tools will say so when they are asked
    import configparser  # noqa: PLC0415 - where there is something to read

    config = configparser.RawConfigParser()
    try:
        config.read_string(text)
    except configparser.Error:
        return None  # the same
    sections = (f"profile {profile}", profile) if profile != "default" else ("default", "profile default")
    found = (config.get(section, "region", fallback=None) for section in sections)
    return next((value for value in found if value), None)
