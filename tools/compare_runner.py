"""Run one checkout on the inputs of ``compare.py``, and write its results.

    python tools/compare_runner.py CHECKOUT INPUTS RESULTS

Old and new code can be run in the same way, because only their public interfaces are used: the command line, and the
function that ``template.yaml`` names. The network is closed; of AWS, only the SSM parameters and exports of an input can be read.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import socket
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn, TypeAlias
from unittest import mock

from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

Record: TypeAlias = dict[str, Any]

COMMANDS: Final = {
    "images": ["images"],
    "transform": ["transform"],
    "diff": ["diff"],
    "diff --format json": ["diff", "--format", "json"],
    "diff --format patch": ["diff", "--format", "patch"],
    "explain": ["explain", "--format", "json"],
    "check": ["check", "--format", "json"],
    "settings": ["settings", "--all", "--format", "json"],
}
CONFIGS: Final[tuple[Record, ...]] = (
    {"Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["server", "--port", "80"]},
    {"Entrypoint": ["/app"], "Cmd": None},
    {"Entrypoint": [], "Cmd": ["python3", "main.py"]},
)
IMAGE: Final = re.compile(r"^(\S+) \((?:amd64|arm64)\)$", re.MULTILINE)
VARIABLE: Final = re.compile(r"^ +(\w+): !Ref (\w+)$", re.MULTILINE)
HANDLER: Final = re.compile(r"^ +Handler: ([\w.]+)\.(\w+)$", re.MULTILINE)
VOLATILE: Final = frozenset(
    {"timestamp", "location", "cold_start", "lookup_milliseconds", "LookupMilliseconds", "Timestamp", "where"}
)
"""Members of log lines and metrics that hold times, or places in the code."""

TASK_DEFINITION: Final = "AWS::ECS::TaskDefinition"
HOOK_EVENT: Final[Record] = {
    "clientRequestToken": "22222222-2222-2222-2222-222222222222",
    "hookTypeName": "Sysdig::Instrument::Hook",
    "actionInvocationPoint": "CREATE_PRE_PROVISION",
}


@dataclass(frozen=True)
class Input:
    """A document, the commands to run on it, and everything else that they and the function need.

    ``images`` are image configs; if it is ``None``, each image that the command ``images`` lists gets a made-up one. The
    function is called if there is an ``event``.
    """

    name: str
    path: str
    text: str
    commands: list[str]
    options: list[str]
    settings: Record
    parameters: Record
    images: Record | None
    ssm: Record
    exports: Record
    event: Record | None


class LambdaContext:
    """The context that the Lambda runtime passes to a handler."""

    function_name = "sysdig-instrument"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:111122223333:function:sysdig-instrument"
    aws_request_id = "11111111-1111-1111-1111-111111111111"

    def get_remaining_time_in_millis(self) -> int:
        """Return enough time for any template."""
        return 60_000


class Stream(io.TextIOWrapper):
    """Standard output or standard error, in memory. A whole run uses the same one, because loggers keep the one they find."""

    def __init__(self) -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding="utf-8", errors="surrogateescape", newline="")

    def take(self) -> str:
        """Return what was written since the last call."""
        self.flush()
        text = self._bytes.getvalue().decode("utf-8", "surrogateescape")
        self._bytes.seek(0)
        self._bytes.truncate()
        return text


Handler: TypeAlias = Callable[[Record, LambdaContext], Record]


class Checkout:
    """The command line and the function of a checkout, and the streams that they write to."""

    def __init__(self, folder: Path, out: Stream, err: Stream) -> None:
        self._out, self._err = out, err
        template = (folder / "template.yaml").read_text()
        self._variables = {setting: variable for variable, setting in VARIABLE.findall(template)}
        self._run: Callable[[list[str]], int] = importlib.import_module("sysdig_instrument.cli.main").run
        functions = [self._imported(folder, *names) for names in HANDLER.findall(template)]
        self._macro, self._hook = (
            functions[0],
            functions[-1],
        )  # one function in a checkout from before the hook had its own

    @staticmethod
    def _imported(folder: Path, module: str, function: str) -> Handler:
        handler = importlib.import_module(module)
        if not Path(str(handler.__file__)).is_relative_to(folder):
            raise ImportError(f"{handler.__file__} was imported, which is not in {folder}")
        imported: Handler = getattr(handler, function)
        return imported

    def results(self, given: Input) -> Iterator[tuple[str, Record]]:
        """Yield the name and the result of each command, of the function, and of the hook for each task definition."""
        images = given.images or {}
        if given.commands:
            _write(given)
        for name in given.commands:
            yield name, (done := self._command(given, COMMANDS[name]))
            if name == "images" and given.images is None:
                images = {image: _made_up(image) for image in IMAGE.findall(done["out"])}
                Path("images.json").write_text(json.dumps(images))
        if given.event is None:
            return
        settings = {**given.settings, "ImageConfigs": {**given.settings.get("ImageConfigs", {}), **images}}
        yield "function", (done := self._function(self._macro, given.event, settings))
        for label, holder in (("given", given.event), ("processed", done["response"])):
            for name, properties in _task_definitions(holder.get("fragment")):
                yield f"hook: {name}, {label}", self._function(self._hook, _hook_event(name, properties), settings)

    def _command(self, given: Input, command: list[str]) -> Record:
        files = ["--settings", "settings.json", "--parameters", "parameters.json", "--images", "images.json"]
        code: int | str
        try:
            code = self._run([*command, given.path, *files, *given.options])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - old and new code may fail in any way
            code = f"{type(error).__name__}: {error}"
        return {"code": code, "out": self._out.take(), "err": self._err.take()}

    def _function(self, handler: Handler, event: Record, settings: Record) -> Record:
        texts = {
            self._variables[name]: value if isinstance(value, str) else json.dumps(value)
            for name, value in settings.items()
        }
        with mock.patch.dict(os.environ, texts):
            try:
                response = handler(event, LambdaContext())
            except Exception as error:  # noqa: BLE001 - as above
                response = {"status": f"{type(error).__name__}: {error}"}
        self._err.take()
        return {"response": response, "log": [_stable(json.loads(line)) for line in self._out.take().splitlines()]}


def _hook_event(name: str, properties: object) -> Record:
    target = {"targetLogicalId": name, "targetModel": {"resourceProperties": properties}}
    return {**HOOK_EVENT, "requestData": {"targetName": TASK_DEFINITION, **target}}


def _write(given: Input) -> None:
    Path(given.path).parent.mkdir(parents=True, exist_ok=True)
    Path(given.path).write_bytes(given.text.encode("utf-8", "surrogateescape"))
    for name in ("settings", "parameters", "images"):
        Path(f"{name}.json").write_text(json.dumps(getattr(given, name) or {}))


def _made_up(image: str) -> Record:
    """Return an image config, always the same for one image."""
    return CONFIGS[zlib.crc32(image.encode()) % len(CONFIGS)]


def _task_definitions(fragment: object) -> Iterator[tuple[str, object]]:
    resources = fragment.get("Resources") if isinstance(fragment, dict) else None
    for name, resource in (resources if isinstance(resources, dict) else {}).items():
        if isinstance(resource, dict) and resource.get("Type") == TASK_DEFINITION:
            yield name, resource.get("Properties")


def _stable(value: object) -> object:
    """Return a log line without its volatile members."""
    if isinstance(value, dict):
        return {key: _stable(item) for key, item in value.items() if key not in VOLATILE}
    return [_stable(item) for item in value] if isinstance(value, list) else value


@contextlib.contextmanager
def closed_network(ssm: Record, exports: Record) -> Iterator[None]:
    """Resolve no name and make no connection; of AWS, only these SSM parameters and exports can be read."""

    def call(_client: BaseClient, operation: str, arguments: Record) -> Record:
        if operation == "GetParameters":
            known = [name for name in arguments["Names"] if name in ssm]
            return {"Parameters": [{"Name": name, "Type": "String", "Value": ssm[name]} for name in known]}
        if operation == "ListExports":
            return {"Exports": [{"Name": name, "Value": value} for name, value in exports.items()]}
        raise EndpointConnectionError(endpoint_url="https://closed.invalid")

    with (
        mock.patch.object(socket, "getaddrinfo", _refuse),
        mock.patch.object(socket.socket, "connect", _refuse),
        mock.patch.object(BaseClient, "_make_api_call", call),
    ):
        yield


def _refuse(*_: object, **__: object) -> NoReturn:
    raise socket.gaierror(socket.EAI_NONAME, "the network is closed")


def main(checkout: Path, inputs: Path, results: Path) -> None:
    """Run all inputs, and write their results by name."""
    given = [Input(**each) for each in json.loads(inputs.read_text())]
    made: dict[str, Record] = {}
    out, err = Stream(), Stream()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = Checkout(checkout, out, err)
        for each in given:
            with closed_network(each.ssm, each.exports):
                made[each.name] = dict(code.results(each))
    results.write_text(json.dumps(made))


if __name__ == "__main__":
    main(*(Path(argument).resolve() for argument in sys.argv[1:4]))
