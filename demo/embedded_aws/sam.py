"""Run AWS SAM against the embedded AWS."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from embedded_aws.aws import EmbeddedAws

BUCKET: Final = "sam-artifacts"
TIMEOUT_SECONDS: Final = 300


class SamError(Exception):
    """``sam`` failed; the message is its output."""


def build(aws: EmbeddedAws, template: Path) -> Path:
    """Build the function with ``sam build``. Return the path of the built template."""
    folder = aws.workspace / "build"
    _sam(aws, "build", "--template", str(template), "--build-dir", str(folder))
    return folder / "template.yaml"


def deploy(aws: EmbeddedAws, built: Path, stack: str, parameters: Mapping[str, str]) -> None:
    """Deploy the built template with ``sam deploy``."""
    aws.client("s3").create_bucket(Bucket=BUCKET)
    # SAM's own syntax: quotes in a quoted value are escaped, and nothing else is.
    overrides = ['{}="{}"'.format(name, value.replace('"', '\\"')) for name, value in parameters.items()]
    _sam(
        aws,
        *("deploy", "--template-file", str(built), "--stack-name", stack, "--s3-bucket", BUCKET),
        *("--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset", "--no-progressbar"),
        *("--parameter-overrides", *overrides),
    )


def _sam(aws: EmbeddedAws, *arguments: str) -> None:
    completed = subprocess.run(
        [str(aws.tools / "sam" / "bin" / "sam"), *arguments],
        cwd=aws.workspace,  # without the samconfig.toml that a user may have in the clone
        env=aws.environment() | {"HOME": str(aws.workspace), "SAM_CLI_POLL_DELAY": "0.2"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if completed.returncode != 0:
        raise SamError(f"sam {arguments[0]} failed:\n{completed.stdout}{completed.stderr}")
