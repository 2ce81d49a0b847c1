"""Measure calls, one after the other, for the source that PYTHONPATH names.

goals.py starts this program once for each source and each Python, so that their calls alternate. It writes the name of a case
to standard input, and gets a line of JSON: the seconds of the call and those of what it is compared with.
"""

from __future__ import annotations

import functools
import gc
import importlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any, Final, NamedTuple, TypeAlias

import templates

ROOT: Final = Path(__file__).resolve().parent.parent
PLAIN: Final = 450
"""Task definitions of two containers. More are, once processed, too large for CloudFormation."""
CONDITIONAL: Final = 200
COPIES: Final = 50
FILES: Final = 1000
SLOW_SECONDS: Final = 5.0
"""What takes longer is compared with one call, which is made before it."""

Call: TypeAlias = Callable[[], object]


class Times(NamedTuple):
    """The seconds of a call, and of what it is compared with."""

    call: float
    reference: float


# --- the handler, in this process ---------------------------------------------------------------------------------------


class LambdaContext:
    """The context that Lambda passes with the event."""

    function_name = "bench"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:111122223333:function:bench"
    aws_request_id = "52fdfc07-2182-154f-163f-5f0f9a621d72"

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda would end the function."""
        return 60_000


@functools.cache
def lambda_handler() -> tuple[Callable[[Any, Any], dict[str, Any]], io.StringIO]:
    """Import the handler that BENCH_HANDLER names, and return it with what it writes its log to."""
    os.environ |= {
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_REGION": "us-east-1",
        "POWERTOOLS_METRICS_NAMESPACE": "SysdigInstrument",
        **templates.SETTINGS,
    }
    module, _, name = os.environ["BENCH_HANDLER"].rpartition(".")
    with redirect_stdout(io.StringIO()) as log:  # the logger keeps the stream that it finds at import
        return getattr(importlib.import_module(module), name), log


def handle(template: dict[str, Any]) -> Call:
    """Return a function that lets the handler process a template."""
    event = templates.event(template)
    handler, log = lambda_handler()

    def call() -> None:
        with redirect_stdout(log):
            response = handler(event, LambdaContext())
        if response["status"] != "success":
            raise RuntimeError(response["errorMessage"])

    return call


def look_up(template: dict[str, Any]) -> Call:
    """Return a function that processes a template whose images are looked up, so that it is planned twice."""
    lambda_handler()
    package = os.environ["BENCH_HANDLER"].rsplit(".", 2)[0]
    macro = importlib.import_module(f"{package}.macro")
    engine = "sysdig_instrument.engine"
    config = importlib.import_module(f"{engine}.lookups").ImageConfig(("gunicorn", "shop.wsgi"), ("--workers", "2"))
    deployment = importlib.import_module(f"{engine}.settings.layers").from_environment(os.environ)
    parse = getattr(macro, "parse_event", None) or macro.read_event
    event = parse(templates.event(template))
    return lambda: macro.process(event, deployment, lambda *_: lambda lookups: dict.fromkeys(lookups, config))


def round_trip(template: Mapping[str, Any]) -> Call:
    """Return a function that reads and writes the JSON of a template."""
    text = json.dumps(template)
    return lambda: json.dumps(json.loads(text))


Make: TypeAlias = Callable[[int], dict[str, Any]]
"""Returns a template of a size."""

Process: TypeAlias = Callable[[dict[str, Any]], Call]
"""Returns a function that processes a template."""


def to_json(make: Make, count: int, process: Process) -> Times:
    """Compare the processing of a template with reading and writing its JSON."""
    template = make(count)
    return compared(process(template), round_trip(template), repeated=5)


def growth(make: Make, count: int, process: Process = handle) -> Times:
    """Compare the processing of a template with that of half of it."""
    return compared(process(make(count)), process(make(count // 2)))


def answered(make: Make, count: int, process: Process = handle) -> Times:
    """Measure the time until many task definitions are processed, or refused with a message, whichever comes first."""
    template = make(count)
    resources = template["Resources"]
    copies = {f"Task{number}": resources["Task0"] for number in range(COPIES)}
    call = process({**template, "Resources": {**resources, **copies}})

    def caught() -> None:
        with suppress(Exception):
            call()

    return Times(processor_time(caught), 1)


def compared(call: Call, reference: Call, repeated: int = 1) -> Times:
    """Measure the processor time of a call, and of another before and after it."""

    def repeat() -> None:
        for _ in range(repeated):
            reference()

    before = processor_time(repeat)
    measured = processor_time(call)
    after = before if measured > SLOW_SECONDS else processor_time(repeat)
    return Times(measured, (before + after) / 2 / repeated)


def processor_time(call: Call) -> float:
    """Return the seconds of processor time that a call takes in this process."""
    gc.collect()
    start = time.process_time()
    call()
    return time.process_time() - start


# --- processes ------------------------------------------------------------------------------------------------------------


class ProcessCost(NamedTuple):
    """The seconds that a process took, with the processes that it started: by the clock, and of processor time."""

    clock: float
    processor: float


BARE: Final = ("-c", "pass")
TOOL: Final = ("-c", "from sysdig_instrument.__main__ import main; main()")  # as the installed script does
TOOL_WITH_STATUS: Final = f"""
import atexit, os, shutil
atexit.register(lambda: shutil.copyfile("/proc/self/status", os.environ["BENCH_STATUS"]))
{TOOL[1]}
"""
"""Writes down how much memory it took. The system counts what started a process as part of it."""
OPTIONS: Final = (
    *("--no-config", "--offline"),
    *("--set", "Collector=us2", "--set", f"AccessKeySecret={templates.SECRET}"),
)
SMALL: Final = ("docs/examples/app.yaml", *OPTIONS, "--images", "docs/examples/images.json")
LAYOUTS: Final = ("JSON, one line", "JSON, indented", "YAML")


def run(*arguments: str, variables: Mapping[str, str] | None = None) -> ProcessCost:
    """Run a Python process with these arguments and environment variables."""
    environment = os.environ | {"BENCH_STATUS": str(folder() / "status")} | dict(variables or {})
    start = time.perf_counter()
    process = Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=DEVNULL, stderr=DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    clock = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"exit code {process.returncode}")
    return ProcessCost(clock, usage.ru_utime + usage.ru_stime)


def start(*arguments: str, variables: Mapping[str, str] | None = None) -> Times:
    """Compare the processor time of a process with that of a bare Python."""
    bare = [run(*BARE).processor for _ in range(2)]
    call = run(*arguments, variables=variables).processor
    bare += [run(*BARE).processor for _ in range(2)]
    return Times(call, sum(bare) / 4)


def start_without_compiled_files() -> Times:
    """Measure the same of a tool that is not compiled, in a folder that cannot be written."""
    source = folder() / "source"
    if not source.exists():
        shutil.copytree(os.environ["PYTHONPATH"], source, ignore=shutil.ignore_patterns("__pycache__"))
    return start(*TOOL, "transform", *SMALL, variables={"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"})


def large(command: str, layout: str) -> Times:
    """Compare a command on a large template with the same on half of it."""
    half, whole = (str(file_of(layout, count)) for count in (PLAIN // 2, PLAIN))
    before = run(*TOOL, command, half, *OPTIONS).processor
    measured = run(*TOOL, command, whole, *OPTIONS).processor
    after = before if measured > SLOW_SECONDS else run(*TOOL, command, half, *OPTIONS).processor
    return Times(measured, (before + after) / 2)


def many_files(command: str) -> Times:
    """Measure a command on many files: seconds by the clock and of processor time."""
    cost = run(*TOOL, command, str(folder_of(FILES)), *OPTIONS)
    return Times(cost.clock, cost.processor)


def memory_of_many_files() -> Times:
    """Compare the peak memory of a command on many files with that on a tenth of them (KiB)."""
    peaks = []
    for count in (FILES, FILES // 10):
        run("-c", TOOL_WITH_STATUS, "explain", str(folder_of(count)), *OPTIONS)
        peak = re.search(r"VmHWM:\s+(\d+)", (folder() / "status").read_text())
        peaks.append(float(peak[1]) if peak else 0.0)
    return Times(*peaks)


@functools.cache
def folder() -> Path:
    """Return the folder for files, which lasts as long as this process."""
    temporary = tempfile.TemporaryDirectory(prefix="bench-")
    _held.append(temporary)
    return Path(temporary.name)


_held: Final[list[tempfile.TemporaryDirectory[str]]] = []


@functools.cache
def file_of(layout: str, count: int) -> Path:
    """Return a file with so many task definitions."""
    path = folder() / f"{layout}-{count}".replace(" ", "-")
    path.write_text(text_of({"Transform": "SysdigInstrument", **templates.plain(count)}, layout))
    return path


@functools.cache
def folder_of(count: int) -> Path:
    """Return a folder of so many files in YAML, of one to three task definitions each."""
    path = folder() / f"{count}-files"
    path.mkdir()
    texts = [text_of({"Transform": "SysdigInstrument", **templates.plain(1 + number)}, "YAML") for number in range(3)]
    for number in range(count):
        (path / f"{number}.yaml").write_text(texts[number % 3])
    return path


def text_of(template: dict[str, Any], layout: str) -> str:
    """Return the text of a template in one of the layouts."""
    if layout == "YAML":
        import yaml  # noqa: PLC0415 - Lambda's Python, which only the handler is measured with, need not have it

        return str(yaml.safe_dump(template, sort_keys=False))
    return json.dumps(template, separators=(",", ":")) if layout == "JSON, one line" else json.dumps(template, indent=2)


def first_lookup_in_ecr() -> Times:
    """Compare what a first lookup in Amazon ECR adds to the first call of a new process with a bare Python.

    The request itself is refused by this machine.
    """
    plain, ecr = (run(__file__, "first", name) for name in ("plain", "ECR"))
    return Times(ecr.processor - plain.processor, run(*BARE).processor)


def first_call(name: str) -> None:
    """Call the handler once, with a template whose image is in Amazon ECR."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_MAX_ATTEMPTS": "1",
    }
    template = templates.looked_up(1) if name == "ECR" else templates.plain(1)
    del template["Resources"]["Task0"]["Properties"]["ContainerDefinitions"][1:]
    call = handle(template)
    try:
        call()
    except RuntimeError:
        if name == "plain":
            raise
    os._exit(0)  # Lambda does not end the process either


# --- all of them ----------------------------------------------------------------------------------------------------------

TO_JSON: Final[dict[str, tuple[Make, int, Process]]] = {
    "plain": (templates.plain, PLAIN, handle),
    "configured": (templates.configured, PLAIN, handle),
    "looked up": (templates.looked_up, PLAIN, look_up),
    "under Fn::If": (templates.conditional, CONDITIONAL, handle),
}
CASES: Final[dict[str, Callable[[], Times]]] = {
    **{name: functools.partial(to_json, *parameters) for name, parameters in TO_JSON.items()},
    "growth of tasks": lambda: growth(templates.plain, PLAIN),
    "growth of tasks in a chain": lambda: growth(templates.chain_of_conditions, 80),
    "growth of a chain": lambda: growth(templates.condition_at_the_end_of_a_chain, 600),
    "growth of Mappings": lambda: growth(templates.found_in_mappings, 100),
    "images of conditions": lambda: answered(templates.image_of_conditions, 10, look_up),
    "sizes of conditions": lambda: answered(templates.raised_size, 8),
    "growth of nested containers": lambda: growth(templates.nested_containers, 50),
    "first lookup in ECR": first_lookup_in_ecr,
    "--help": lambda: start(*TOOL, "--help"),
    "small transform": lambda: start(*TOOL, "transform", *SMALL),
    "small explain": lambda: start(*TOOL, "explain", *SMALL),
    "small transform, not compiled": start_without_compiled_files,
    **{
        f"{command}, {layout}": functools.partial(large, command, layout)
        for command in ("transform", "diff")
        for layout in LAYOUTS
    },
    **{f"{command}, {LAYOUTS[0]}": functools.partial(large, command, LAYOUTS[0]) for command in ("explain", "check")},
    **{f"{command}, files": functools.partial(many_files, command) for command in ("explain", "diff")},
    "memory of many files": memory_of_many_files,
}


def main(arguments: Sequence[str]) -> None:
    """Answer names of cases, or run what another process measures."""
    match arguments:
        case ["first", name]:
            first_call(name)
        case ["repeat", name, part, times]:
            make, count, process = TO_JSON[name]
            template = make(count // 10)
            call = process(template) if part == "call" else round_trip(template)
            for _ in range(int(times)):
                call()
        case _:
            answers = os.fdopen(os.dup(1), "w")
            for line in sys.stdin:
                print(json.dumps(answer(line.strip())), file=answers, flush=True)


def answer(name: str) -> dict[str, Any]:
    """Measure a case once."""
    gc.collect()
    gc.freeze()  # what other cases left is not searched
    try:
        return {"times": CASES[name]()}
    except Exception as error:  # noqa: BLE001 - the table says that a revision cannot do this
        return {"error": str(error) or type(error).__name__}


if __name__ == "__main__":
    main(sys.argv[1:])
