"""The embedded AWS: started on free ports with files of its own, and stopped with everything that it started."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import STDOUT, Popen
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.error import URLError
from urllib.request import urlopen

import boto3

from embedded_aws.processes import LOOPBACK, free_port, stop_session

REGION: Final = "us-east-1"
ACCOUNT: Final = "000000000000"
READY_SECONDS: Final = 120
STOP_SECONDS: Final = 5  # LocalStack waits for seconds for each function, and nothing of it is kept
LOG_LINES: Final = 30


class EmbeddedAwsError(Exception):
    """The embedded AWS cannot run here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class EmbeddedAws:
    """A running embedded AWS."""

    endpoint: str
    workspace: Path
    """A folder for files of deployments; it is removed when the embedded AWS stops."""
    tools: Path

    def client(self, service: str, region: str = REGION, account: str = ACCOUNT) -> Any:  # noqa: ANN401 - boto3 has no types
        """Return a boto3 client for the embedded AWS."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=account,  # LocalStack uses this as the account ID
            aws_secret_access_key="test",  # noqa: S106 - LocalStack's
        )

    def environment(self) -> dict[str, str]:
        """Return environment variables that make AWS's tools use the embedded AWS and nothing else."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
        return {
            **inherited,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": LOOPBACK,
            "SAM_CLI_TELEMETRY": "0",
        }

    def log(self) -> str:
        """Return the log of LocalStack, including that of functions."""
        return _log_file(self.workspace).read_text("utf-8", "replace")


@contextmanager
def embedded_aws(tools: Path) -> Iterator[EmbeddedAws]:
    """Run the embedded AWS within the block, and stop it at the end of the block, also after an exception.

    Args:
        tools: The folder with the virtual environments ``localstack``, ``lambda`` and ``sam``.

    Raises:
        EmbeddedAwsError: It cannot run on this machine, or it did not start.
    """
    if platform.system() != "Linux":
        raise EmbeddedAwsError(
            f"The embedded AWS runs on Linux only, as AWS's Lambda runtime interface emulator does; this is "
            f"{platform.system()}."
        )
    python = tools / "localstack" / "bin" / "python"
    if not python.exists():
        raise EmbeddedAwsError(f"{tools} has no LocalStack. Run `make dev`.")
    with TemporaryDirectory(prefix="embedded-aws-", ignore_cleanup_errors=True) as folder:
        workspace, port = Path(folder), free_port()
        process = _start(python, tools, workspace, port)
        try:
            endpoint = f"http://{LOOPBACK}:{port}"
            _wait_until_ready(process, endpoint, workspace)
            yield EmbeddedAws(endpoint, workspace, tools)
        finally:
            stop_session(process, STOP_SECONDS)


def _start(python: Path, tools: Path, workspace: Path, port: int) -> Popen[bytes]:
    scratch = workspace / "tmp"
    scratch.mkdir()
    variables = {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(workspace),
        "TMPDIR": str(scratch),
        "EMBEDDED_AWS_TOOLS": str(tools),
        "FILESYSTEM_ROOT": str(workspace / "localstack"),
        "GATEWAY_LISTEN": f"{LOOPBACK}:{port}",
        "LAMBDA_RUNTIME_EXECUTOR": "process",
        # No traffic leaves this machine: no usage data, no certificate from the network, no DNS server.
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        # Clusters and services are treated as deployed.
        "CFN_IGNORE_UNSUPPORTED_RESOURCE_TYPES": "1",
    }
    command = [str(python), "-m", "embedded_aws"]
    with _log_file(workspace).open("wb") as log:
        # In a session of its own, Ctrl-C does not reach it before us, and its session ID identifies all that it starts.
        return Popen(command, cwd=workspace, env=variables, stdout=log, stderr=STDOUT, start_new_session=True)


def _wait_until_ready(process: Popen[bytes], endpoint: str, workspace: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{endpoint}/_localstack/health", timeout=5):  # noqa: S310 - http, on the loopback
                return
        except (URLError, OSError):
            time.sleep(0.1)
    last_lines = _log_file(workspace).read_text("utf-8", "replace").splitlines()[-LOG_LINES:]
    raise EmbeddedAwsError("LocalStack did not start. The end of its log:\n" + "\n".join(last_lines))


def _log_file(workspace: Path) -> Path:
    return workspace / "localstack.log"
