"""One execution environment of a Python Lambda function, without a container.

AWS's own runtime interface emulator (the one in Lambda's base images; AWS SAM's wheel contains it) starts AWS's own
runtime interface client, which imports the handler. So timeouts, response limits, cold and warm starts, the context
and the JSON of errors are AWS's. Two things differ: only the function itself limits its memory, and /var/task is a local
folder.
"""

from __future__ import annotations

import json
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from subprocess import STDOUT, Popen
from types import TracebackType
from typing import Final, Self

from embedded_aws.processes import (
    LOOPBACK,
    free_port,
    peak_memory,
    processor_seconds,
    resident_memory,
    stop_tree,
    wait_until_listening,
)

INVOCATIONS: Final = "/2015-03-31/functions/function/invocations"
START_SECONDS: Final = 15
ATTEMPTS: Final = 3
ERROR_KEYS: Final = {"errorMessage", "errorType", "stackTrace"}
OPTIONAL_ERROR_KEYS: Final = {"requestId", "cause"}


@dataclass(frozen=True, slots=True)
class RuntimePrograms:
    """The programs of an execution environment."""

    emulator: Path
    """aws-lambda-rie"""
    python: Path
    """A Python with the packages of the Lambda runtime: awslambdaric and boto3."""

    @classmethod
    def find_in(cls, tools: Path) -> Self:
        """Find the programs in the folder where the Makefile installs them."""
        name = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine().lower()]
        emulators = list(tools.glob(f"sam/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-{name}"))
        python = tools / "lambda" / "bin" / "python"
        if not emulators or not python.exists():
            raise FileNotFoundError(f"{tools} has no Lambda runtime emulator. Run `make dev`.")
        return cls(emulators[0], python)


@dataclass(frozen=True, slots=True)
class FunctionResponse:
    """The result of an invocation: the function's response, or its error as JSON."""

    body: bytes
    is_error: bool
    log: str


class Runtime:
    """A running execution environment. The function is imported at the first invocation, as on a cold start."""

    def __init__(self, programs: RuntimePrograms, bundle: Path, environment: Mapping[str, str]) -> None:
        """Start the emulator.

        Args:
            programs: The programs.
            bundle: The unpacked zip of the function.
            environment: The function's variables, ``_HANDLER`` and those that Lambda itself sets
                (``AWS_LAMBDA_FUNCTION_TIMEOUT`` and so on).
        """
        self.timeout = float(environment.get("AWS_LAMBDA_FUNCTION_TIMEOUT", "3"))
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        for _ in range(ATTEMPTS):  # another program may take the free port before the emulator does
            self._port = free_port()
            self._process = self._start(programs, bundle, environment)
            if wait_until_listening(self._process, self._port, START_SECONDS):
                return
            stop_tree(self._process)
        raise RuntimeError(f"The Lambda runtime emulator does not start: {self.log()}")

    def _start(self, programs: RuntimePrograms, bundle: Path, environment: Mapping[str, str]) -> Popen[bytes]:
        handler = environment["_HANDLER"]
        command = [
            str(programs.emulator),
            *("--log-level", "info"),
            *("--runtime-interface-emulator-address", f"{LOOPBACK}:{self._port}"),
            *("--runtime-api-address", f"{LOOPBACK}:{free_port()}"),
            *(str(programs.python), "-m", "awslambdaric", handler),
        ]
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": tempfile.gettempdir(),
            "LANG": "en_US.UTF-8",
            **environment,
            "AWS_LAMBDA_FUNCTION_HANDLER": handler,
            "LAMBDA_TASK_ROOT": str(bundle),
            "PYTHONPATH": str(bundle),  # before the runtime's own packages, as /var/task is
            "PYTHONDONTWRITEBYTECODE": "1",  # /var/task is read-only
            "TZ": "UTC",
        }
        # A process group of its own, so that Ctrl-C does not reach it before we stop it in order.
        return Popen(command, cwd=bundle, env=variables, stdout=self._log, stderr=STDOUT, process_group=0)

    def invoke(self, event: bytes) -> FunctionResponse:
        """Invoke the function with an event and return its response."""
        log_start = self._log_size()
        connection = HTTPConnection(LOOPBACK, self._port, timeout=self.timeout + START_SECONDS)
        try:
            connection.request("POST", INVOCATIONS, event, {"Content-Type": "application/json"})
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        return FunctionResponse(body, response.status >= 300 or _is_error(body), self.log(log_start))  # noqa: PLR2004 - HTTP's

    def log(self, start: int = 0) -> str:
        """Return the output of the function and the emulator from an offset on."""
        return os.pread(self._log.fileno(), self._log_size() - start, start).decode("utf-8", "replace")

    def _log_size(self) -> int:
        return os.fstat(self._log.fileno()).st_size

    def peak_memory(self) -> int:
        """Return the peak memory of the function's process in bytes."""
        return peak_memory(self._process)

    def processor_seconds(self) -> float:
        """Return the processor time that the function's process has taken so far."""
        return processor_seconds(self._process)

    def resident_memory(self) -> int:
        """Return the memory that the function's process has now, in bytes."""
        return resident_memory(self._process)

    def stop(self) -> None:
        """End the execution environment."""
        stop_tree(self._process)
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _is_error(body: bytes) -> bool:
    """Return whether the body is an error; the emulator also responds with 200 to an exception and a timeout."""
    if body.startswith(b"Task timed out after "):
        return True
    if b'"stackTrace"' not in body:
        return False
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and ERROR_KEYS <= answer.keys() <= ERROR_KEYS | OPTIONAL_ERROR_KEYS
