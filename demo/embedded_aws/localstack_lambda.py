"""LocalStack's Lambda with :class:`~embedded_aws.runtime.Runtime` in place of containers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from embedded_aws.processes import LOOPBACK
from embedded_aws.runtime import Runtime, RuntimePrograms


class ProcessExecutor(RuntimeExecutor):  # type: ignore[misc] # LocalStack has no types
    """One execution environment, with the interface that LocalStack expects.

    The variable ``EMBEDDED_AWS_TOOLS`` must hold the path of the tools' folder.
    """

    _runtime: Runtime | None = None

    def start(self, env_vars: dict[str, Any]) -> None:
        """Start the environment; the function is imported at the first invocation."""
        bundle = Path(self.function_version.config.code.get_unzipped_code_location())
        programs = RuntimePrograms.find_in(Path(os.environ["EMBEDDED_AWS_TOOLS"]))
        # LocalStack's values of these variables are for its containers.
        variables = {name: str(value) for name, value in env_vars.items() if name not in {"LAMBDA_RUNTIME_DIR", "TZ"}}
        variables["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{self.function_version.config.runtime}"
        self._runtime = Runtime(programs, bundle, variables)

    def stop(self) -> None:
        """End the environment."""
        if self._runtime:
            self._runtime.stop()
            self._runtime = None

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Invoke the function, with errors in the form that Lambda's API gives them."""
        if self._runtime is None:
            raise RuntimeError("The execution environment is not running.")
        response = self._runtime.invoke(payload["payload"].encode())
        body = response.body
        if response.is_error and body.startswith(b"Task timed out"):
            message = f"{payload['invoke-id']} {body.decode('utf-8', 'replace')}"
            body = json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": message}).encode()
        return InvocationResult(payload["invoke-id"], body, is_error=response.is_error, logs=response.log)

    def get_logs(self) -> str:
        """Return all output of the environment."""
        return self._runtime.log() if self._runtime else ""

    def get_address(self) -> str:
        """Return the address of the environment."""
        return LOOPBACK

    def get_endpoint_from_executor(self) -> str:
        """Return the address of LocalStack for the function."""
        return LOOPBACK

    def get_runtime_endpoint(self) -> str:
        """Return a URL that is never used: the emulator has its own runtime API."""
        return f"http://{LOOPBACK}:{config.GATEWAY_LISTEN[0].port}/unused"

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:  # noqa: ANN401 - LocalStack has no types
        """Unpack the function's zip."""
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:  # noqa: ANN401 - LocalStack has no types
        """Do nothing: LocalStack removes the code."""


class ProcessExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc] # LocalStack has no types
    """The plugin for ``LAMBDA_RUNTIME_EXECUTOR=process``."""

    name = "process"

    def load(self, *_: object, **__: object) -> type[RuntimeExecutor]:
        """Return the class of the executor."""
        return ProcessExecutor
