"""``make soak``: eight stacks at once for some minutes, on the embedded AWS, with a registry that fails now and then.

Every stack must be instrumented correctly, or be refused with a message of the macro: because its template cannot be
instrumented, or because the registry failed while the stack was created. After a third of the time the function is
changed, so that all its processes start anew. From then on, their memory, open files and threads must not grow.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "demo"))

from embedded_aws import sam, stacks  # noqa: E402 - demo/ is not a package
from embedded_aws.aws import ACCOUNT, REGION, EmbeddedAws, embedded_aws  # noqa: E402 - the same

CONCURRENT_STACKS: Final = 8
FAULT_SECONDS: Final = 4
FAULTS: Final = (None, "error", None, "silence", None, "reset", None, "nonsense")
WRAPPER: Final = "/opt/draios/bin/instrument"
MAX_GROWTH_MIB: Final = 4
"""How much the memory of a warm process may grow. The image cache can take that much; a leak takes more."""


@dataclass
class SoakState:
    """The state of the test: the registry's current fault, and the results of the stacks."""

    fault: str | None = None
    fault_changes: int = 0
    """The number of times that a fault began or ended."""
    stop: threading.Event = field(default_factory=threading.Event)
    results: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def cycle_faults(self) -> None:
        """Switch faults on and off until the end."""
        for self.fault in itertools.cycle(FAULTS):
            self.fault_changes += 1
            if self.stop.wait(FAULT_SECONDS):
                return


@contextmanager
def faulty_registry(state: SoakState) -> Iterator[str]:
    """Run a registry whose repositories each have one image, which runs ``/NAME``; yield its host and port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            fault = state.fault
            if fault == "silence":
                state.stop.wait(FAULT_SECONDS * 3)
            if fault in {"silence", "reset"}:
                self.close_connection = True
                return
            body = b'{"what": "' if fault == "nonsense" else _response_body(self.path)
            self.send_response(500 if fault == "error" else 200)
            kind = "application/vnd.oci.image.manifest.v1+json" if "/manifests/" in self.path else "application/json"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"localhost:{server.server_port}"
    finally:
        server.shutdown()


def _response_body(path: str) -> bytes:
    _, _, name, kind, _ = path.split("/")
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": [f"/{name}"]}}).encode()
    if kind == "blobs":
        return config
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    descriptor = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}
    return json.dumps({"schemaVersion": 2, "config": descriptor, "layers": []}).encode()


def template(number: int, host: str, kind: str) -> dict[str, Any]:
    """Return a template of one to three task definitions."""
    resources = {}
    for index in range(1 + number % 3):
        container = {"Name": "web", "Image": f"{host}/n{number}x{index}:1"}
        properties: dict[str, Any] = {
            "Family": f"soak-{number}-{index}", "Cpu": "512", "Memory": "1024", "NetworkMode": "awsvpc",
            "RequiresCompatibilities": ["FARGATE"], "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/execution",
            "ContainerDefinitions": [container | ({} if kind == "looked up" else {"EntryPoint": [f"/n{number}x{index}"]})],
        }  # fmt: skip
        if kind == "to be refused":
            properties["PidMode"] = "host"
        resources[f"Task{index}"] = {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}
    return {"Transform": "SysdigInstrument", "Resources": resources}


def run_stack(aws: EmbeddedAws, state: SoakState, host: str, number: int) -> None:
    """Create a stack, check it and delete it."""
    kind = ("given", "looked up", "looked up", "to be refused")[number % 4]
    changes, had_fault = state.fault_changes, bool(state.fault)
    cloudformation = aws.client("cloudformation")
    started = time.monotonic()
    stack = stacks.deploy(cloudformation, f"soak-{number}", json.dumps(template(number, host, kind)))
    seconds = time.monotonic() - started
    result = classify(aws, stack, kind, number, may_fail=had_fault or state.fault_changes != changes)
    state.results[result] += 1
    if result == "wrong":
        state.failures.append(f"{stack.name} ({kind}, {seconds:.0f} s): {stack.status} {stack.reason[:300]}")
    with suppress(Exception):  # the result is known already
        cloudformation.delete_stack(StackName=stack.name)


def classify(aws: EmbeddedAws, stack: stacks.Stack, kind: str, number: int, *, may_fail: bool) -> str:
    """Return the result of a stack: ``correct``, ``refused`` or ``wrong``."""
    if stack.succeeded:
        arns = [arn for name, arn in sorted(stack.resources.items()) if name.startswith("Task")]
        ecs = aws.client("ecs")
        tasks = [ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"] for arn in arns]
        is_correct = kind != "to be refused" and all(
            task["containerDefinitions"][0]["entryPoint"] == [WRAPPER, f"/n{number}x{index}"]
            and task["pidMode"] == "task"
            for index, task in enumerate(tasks)
        )
        return "correct" if is_correct else "wrong"
    if kind == "to be refused":
        return "refused" if "PidMode is host" in stack.reason else "wrong"
    is_macro_message = bool(re.search(r'Task "Task\d", container "web"', stack.reason))
    return "refused" if kind == "looked up" and may_fail and is_macro_message else "wrong"


def function_processes(aws: EmbeddedAws) -> dict[int, tuple[float, int, int]]:
    """Return the memory (MiB), open files and threads of each of the function's processes."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            if b"awslambdaric" in command and b"aws-lambda-rie" not in command and _is_ours(entry, aws):
                status = (entry / "status").read_text()
                memory = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
                threads = int(re.search(r"Threads:\s+(\d+)", status)[1])  # type: ignore[index]
                found[int(entry.name)] = (memory, len(list((entry / "fd").iterdir())), threads)
    return found


def _is_ours(entry: Path, aws: EmbeddedAws) -> bool:
    return str(aws.workspace).encode() in (entry / "environ").read_bytes()


def main() -> int:
    """Run the test and print the results; return 0 if nothing failed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--minutes", type=float, default=3)
    minutes = parser.parse_args().minutes
    state = SoakState()
    with faulty_registry(state) as host, embedded_aws(ROOT / ".tools") as aws:
        settings = {
            "Collector": "us2",
            "AccessKeySecret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:sysdig",
            "InternalRegistries": f"http://{host}",
        }
        sam.deploy(aws, sam.build(aws, ROOT / "template.yaml"), "sysdig-instrument", settings)
        samples = _run_soak(aws, state, host, minutes * 60)
    return _print_results(state, samples)


def _run_soak(aws: EmbeddedAws, state: SoakState, host: str, seconds: float) -> list[dict[int, tuple[float, int, int]]]:
    numbers = itertools.count()
    end = time.monotonic() + seconds
    samples: list[dict[int, tuple[float, int, int]]] = []

    def create_stacks() -> None:
        while time.monotonic() < end:
            number = next(numbers)
            try:
                run_stack(aws, state, host, number)
            except Exception as error:  # noqa: BLE001 - any exception means that the stack failed
                state.results["wrong"] += 1
                state.failures.append(f"soak-{number}: {error!r}")

    threading.Thread(target=state.cycle_faults, daemon=True).start()
    with ThreadPoolExecutor(CONCURRENT_STACKS) as pool:
        workers = [pool.submit(create_stacks) for _ in range(CONCURRENT_STACKS)]
        time.sleep(seconds / 3)
        _force_cold_starts(aws)
        while time.monotonic() < end:
            time.sleep(1)
            samples.append(function_processes(aws))
        for worker in workers:
            worker.result()
    state.stop.set()
    return samples


def _force_cold_starts(aws: EmbeddedAws) -> None:
    """Change the function, so that Lambda starts new processes for it."""
    functions = aws.client("lambda")
    for each in functions.list_functions()["Functions"]:
        functions.update_function_configuration(FunctionName=each["FunctionName"], Description="soaked")


def _print_results(state: SoakState, samples: list[dict[int, tuple[float, int, int]]]) -> int:
    counts = ", ".join(f"{count} {result}" for result, count in state.results.items())
    print(f"{sum(state.results.values())} stacks, {CONCURRENT_STACKS} at once: {counts}")
    for failure in state.failures[:20]:
        print(f"  wrong: {failure}")
    print(f"\n{'process':>10}{'memory, MiB':>18}{'files':>14}{'threads':>14}")
    has_grown = False
    for pid in sorted(samples[-1]):
        series = [each[pid] for each in samples if pid in each]
        warm = series[len(series) // 3 :]
        before, after = list(zip(*warm[: len(warm) // 2], strict=True)), list(zip(*warm[len(warm) // 2 :], strict=True))
        (memory, files, threads), (memory_now, files_now, threads_now) = map(max, before), map(min, after)
        has_grown |= memory_now > memory + MAX_GROWTH_MIB or files_now > files or threads_now > threads
        print(f"{pid:10}{memory:9.1f} → {memory_now:6.1f}{files:9} → {files_now:2}{threads:9} → {threads_now:2}")
    print("\nFor each process, once warm: the maximum in the first half of the time → the minimum in the second half.")
    if has_grown:
        print("A process grew beyond the limit.")
    return int(bool(state.failures) or has_grown)


if __name__ == "__main__":
    sys.exit(main())
