"""The function's bundle, and execution environments that run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from embedded_aws.runtime import Runtime, RuntimePrograms
from fixtures_embedded_aws import SECRET, TOOLS, Start, build_function, require_tools
from sysdig_instrument.engine.settings.table import BY_NAME


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tools()
    return build_function(tmp_path_factory.mktemp("function") / "bundle")


@pytest.fixture
def start(bundle: Path) -> Iterator[Start]:
    """Start an execution environment of the function with settings, or of another one given by its bundle and handler."""
    with ExitStack() as running:

        def run(
            code: Path = bundle,
            handler: str = "sysdig_instrument.function.handler.handler",
            timeout: int = 60,
            memory: int = 1769,
            environment: Mapping[str, str] | None = None,
            **settings: str,
        ) -> Runtime:
            variables = {
                "_HANDLER": handler,
                "AWS_LAMBDA_FUNCTION_NAME": "sysdig-instrument",
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
                "AWS_REGION": "us-east-1",
                "SYSDIG_INSTRUMENT_COLLECTOR": "us2",
                "SYSDIG_INSTRUMENT_COLLECTOR_PORT": "",  # a template parameter that is not set
                "SYSDIG_INSTRUMENT_ACCESS_KEY_SECRET": SECRET,
                **{BY_NAME[name].variable: value for name, value in settings.items()},
                **(environment or {}),
            }
            return running.enter_context(Runtime(RuntimePrograms.find_in(TOOLS), code, variables))

        yield run


@pytest.fixture
def start_hook(start: Start) -> Start:
    """Start an execution environment of the hook's function with settings."""
    return partial(start, handler="sysdig_instrument.function.hook_handler.handler", timeout=20, memory=256)
