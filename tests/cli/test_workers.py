"""With worker processes, a run over many files prints the same, and what only one process may do is done by one."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any
from unittest.mock import Mock

import pytest

from cli import worker_functions
from cli.running import ROOT, Ran, run
from sysdig_instrument.cli import ahead, worker
from sysdig_instrument.cli.batch import process_files_of
from sysdig_instrument.cli.calls import Call
from sysdig_instrument.cli.formats import FORMATS
from sysdig_instrument.cli.formats.model import RULES
from sysdig_instrument.cli.main import build_parser
from sysdig_instrument.cli.one_file import NestedTooDeeplyError
from sysdig_instrument.documents.errors import EmptyDocumentError, SourceError
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.errors import RefusedError, UsageError, UserError
from sysdig_instrument.lazy_dataclasses import replace

SETTINGS = ("--offline", "--set", "Collector=us2", "--set", "AccessKeySecret=none")
COUNT = 16
MANY = 40


def sent(value: Any) -> Any:
    """Return a value as another process receives it."""
    return pickle.loads(pickle.dumps(value))  # noqa: S301 - of this test


def template(name: str, **container: Any) -> str:
    given = {"Name": name, "Image": f"shop/{name}:1", "EntryPoint": ["/web"], **container}
    properties = {"RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": [given]}
    return json.dumps({"Resources": {"Api": {"Type": "AWS::ECS::TaskDefinition", "Properties": properties}}}, indent=2)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with templates, some of which are refused, unknown or unusable, and with settings files."""
    monkeypatch.chdir(tmp_path)
    for number in range(COUNT):
        (tmp_path / f"{number:02}.json").write_text(template(f"web-{number}"))
    (tmp_path / "05.json").write_text(template("refused", EntryPoint="/web"))
    (tmp_path / "06.json").write_text(template("unknown", EntryPoint=None))
    (tmp_path / "11.json").write_text('{"Resources": {"Api": {"Type": "AWS::ECS::TaskDefinition"')
    (tmp_path / "12.json").write_text("")
    (tmp_path / "13.json").write_text('{"AWS::ECS::TaskDefinition": ' + "[" * 300 + "]" * 300 + "}")
    (tmp_path / "14.json").write_text(template("twice").replace('"Name"', '"Cpu": 1, "Cpu": 2, "Name"'))
    (tmp_path / "20-link.json").symlink_to("21.json")
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        for number in range(3):
            (tmp_path / folder / f"{number}.json").write_text(template(f"{folder}-{number}"))
        (tmp_path / folder / ".sysdig-instrument.yaml").write_text(f"Mode: opt-out\nMode: opt-in\nHelpText: {folder}\n")
    return tmp_path


class PretendedWorkers:
    """Does what worker processes do, in this process: so each format can be tested."""

    are_alive = are_ready = True
    given = 0

    def __init__(self, _count: int, work: bytes) -> None:
        self.call, self.process_document = pickle.loads(work)  # noqa: S301 - of this test

    def ask(self, request: object) -> SimpleQueue[Any]:
        files = sent(request)
        PretendedWorkers.given += len(files)
        answer: SimpleQueue[Any] = SimpleQueue()
        group = worker.process_group(files, self.call, self.process_document)
        answer.put(sent(group))
        return answer

    def end(self) -> None:
        """Nothing has to be ended."""


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> type[PretendedWorkers]:
    monkeypatch.setattr("sysdig_instrument.cli.workers.Workers", PretendedWorkers)
    PretendedWorkers.given = 0
    return PretendedWorkers


def both_ways(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Ran, Ran]:
    return run(capsys, *arguments, "--jobs", "1"), run(capsys, *arguments, "--jobs", "2")


@pytest.mark.parametrize(
    "arguments",
    [
        *(pytest.param(("explain", "--format", each), id=f"explain {each}") for each in FORMATS),
        *(pytest.param(("check", "--format", each), id=f"check {each}") for each in FORMATS),
        pytest.param(("diff",), id="diff"),
        pytest.param(("diff", "--format", "json"), id="diff json"),
        pytest.param(("diff", "--side-by-side"), id="diff side by side"),
        pytest.param(("diff", "--exit-code", "--unknown", "warn"), id="diff with its exit code"),
        pytest.param(("explain", "--line", "fail", "--color", "always"), id="explain in colours"),
        pytest.param(("explain", "--set", "ExcludeContainers=web-3,wbe-4"), id="a name of no container"),
        pytest.param(("explain", "-p", "Tga=1"), id="a parameter of no template"),
    ],
)
@pytest.mark.usefixtures("here")
def test_the_output_is_the_same(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str], pretended: type[PretendedWorkers]
) -> None:
    command, *others = arguments
    alone, shared = both_ways(capsys, command, ".", *others, *SETTINGS)
    assert shared == alone
    assert pretended.given > COUNT / 2


@pytest.mark.usefixtures("pretended")
def test_the_output_on_a_terminal_is_the_same(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CI", "GITHUB_ACTIONS", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("sysdig_instrument.cli.console._DELAY_SECONDS", 3600)  # no progress bar
    for command in ("explain", "check", "diff"):
        alone, shared = both_ways(capsys, command, *sorted(map(str, here.glob("*.json"))), *SETTINGS)
        assert shared == alone
        assert "^" in alone.out + alone.err


@pytest.mark.usefixtures("here")
def test_real_processes_print_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    alone, shared = both_ways(capsys, "explain", ".", *SETTINGS)
    assert shared == alone


def processed(here: Path, function: Callable[..., Any]) -> list[Any]:
    """Process a folder of usable files with two workers."""
    folder = here / "usable"
    folder.mkdir()
    for number in range(MANY):
        (folder / f"{number:02}.json").write_text(template("web"))
    options = build_parser().parse_args(["explain", str(folder), *SETTINGS, "--jobs", "2"])
    environment = {**os.environ, worker_functions.CALLER: str(os.getpid())}
    call = replace(Call.of(options, environment), session=Mock())
    results: list[Any] = [result for _, result in process_files_of(call, function)]
    names = [result if isinstance(result, str) else result[0] for result in results]
    assert names == sorted(map(str, folder.iterdir()))
    return results


def test_workers_process_the_files(here: Path) -> None:
    results = processed(here, worker_functions.name_and_place)
    assert all(elsewhere for _, elsewhere in results[1:])  # with the first file, the settings are read


def test_files_of_workers_that_end_are_processed_here(here: Path) -> None:
    processed(here, worker_functions.end_elsewhere)


def test_a_worker_imports_nothing_from_the_current_folder(here: Path) -> None:
    for name in ("gc", "pickle", "signal", "yaml", "sysdig_instrument"):
        (here / f"{name}.py").write_text("open('imported', 'w')")
    results = processed(here, worker_functions.name_and_place)
    assert all(elsewhere for _, elsewhere in results[1:])
    assert not (here / "imported").exists()


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("/no/such/program", id="a missing program"),
        pytest.param("/bin/true", id="it ends at once"),
        pytest.param("/etc/passwd", id="not a program"),
        pytest.param(None, id="Python is embedded"),
    ],
)
def test_files_are_processed_here_if_no_worker_starts(
    program: str | None, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)
    results = processed(here, worker_functions.name_and_place)
    assert not any(elsewhere for _, elsewhere in results)


def test_files_are_processed_here_if_no_thread_starts(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Thread, "start", Mock(side_effect=RuntimeError("can't start new thread")))
    results = processed(here, worker_functions.name_and_place)
    assert not any(elsewhere for _, elsewhere in results)


def test_a_folder_that_only_this_process_has_open(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = os.open(here, os.O_RDONLY)
    names = [f"/dev/fd/{folder}/{number:02}.json" for number in range(5)]
    alone, shared = both_ways(capsys, "explain", *names, *SETTINGS)
    os.close(folder)
    assert shared == alone
    assert "No such file" not in shared.err


def test_a_number_has_as_many_digits_in_a_worker(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        (here / f"long-{number}.json").write_text(template("web", Cpu=1234).replace("1234", "1" * 5000))
    before = sys.get_int_max_str_digits()
    try:
        sys.set_int_max_str_digits(0)
        alone, shared = both_ways(capsys, "explain", *(f"long-{number}.json" for number in range(3)), *SETTINGS)
    finally:
        sys.set_int_max_str_digits(before)
    assert shared == alone


def test_what_a_worker_would_print_is_printed_here(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = processed(here, worker_functions.print_elsewhere)
    assert not any(elsewhere for _, elsewhere in results)
    assert capsys.readouterr() == ("", "")


def test_lookups_are_done_here_and_no_file_is_planned_twice_for_long(
    here: Path, pretended: type[PretendedWorkers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_WINDOW", 1)
    processed(here, worker_functions.look_up)
    assert pretended.given < MANY


@pytest.mark.usefixtures("here", "pretended")
def test_standard_input_is_read_here(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("explain", "check", "diff"):
        arguments = (command, "00.json", "01.json", "-", "02.json", *SETTINGS)
        alone, shared = (run(capsys, *arguments, "--jobs", n, stdin=template("piped").encode()) for n in "12")
        assert shared == alone
        assert "standard input" in alone.out


@pytest.mark.usefixtures("here")
def test_few_files_start_no_process(capsys: pytest.CaptureFixture[str], pretended: type[PretendedWorkers]) -> None:
    run(capsys, "explain", ".", *SETTINGS)
    run(capsys, "explain", ".", *SETTINGS, "--jobs", "1")
    run(capsys, "explain", "00.json", "01.json", "--docker", *SETTINGS, "--jobs", "2")
    assert pretended.given == 0


@pytest.mark.usefixtures("here")
def test_many_files_start_processes(
    capsys: pytest.CaptureFixture[str], pretended: type[PretendedWorkers], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead, "_SECONDS_ALONE", 0)
    monkeypatch.setattr(ahead, "available_cores", lambda: 2)
    pretended.are_ready = False
    try:
        waiting = run(capsys, "explain", ".", *SETTINGS)
        assert pretended.given == 0  # files are not left lying until a process has started
    finally:
        pretended.are_ready = True
    assert run(capsys, "explain", ".", *SETTINGS) == waiting
    assert pretended.given > 0


def test_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= ahead.available_cores() <= (os.cpu_count() or 1)
    limit = tmp_path / "cpu.max"
    monkeypatch.setattr(ahead, "_CPU_LIMIT", limit)
    for text, cores in (("150000 100000\n", 1), ("max 100000\n", 64), ("50000 100000", 1), ("nonsense", 64)):
        limit.write_text(text)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
        assert ahead.available_cores() == cores
    monkeypatch.setattr(sys, "executable", "")
    assert ahead.available_cores() == 1


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and groups of processes")
@pytest.mark.parametrize(
    ("sent", "code"),
    [
        pytest.param(signal.SIGINT, 130, id="interrupted"),
        pytest.param(signal.SIGKILL, -signal.SIGKILL, id="killed"),
    ],
)
def test_no_process_is_left(sent: signal.Signals, code: int, here: Path) -> None:
    for number in range(100, 400):
        (here / f"{number}.json").write_text(template("web"))
    started = subprocess.Popen(
        [sys.executable, "-m", "sysdig_instrument", "diff", ".", *SETTINGS, "--jobs", "2"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")}, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert started.stdout is not None
    started.stdout.read(20_000)
    if sent is signal.SIGINT:
        os.killpg(started.pid, sent)  # as a terminal does
    else:
        started.kill()
    _, messages = started.communicate()
    assert started.returncode == code
    assert b"Traceback" not in messages
    assert _ends(started.pid)


def _ends(group: int) -> bool:
    """Return whether the processes of a group end, without waiting for long."""
    for _ in range(200):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


ERRORS = (
    UserError("Text.", code=Code.OPTION_VALUE),
    UsageError("Text.", code=None),
    RefusedError("Text.", code=Code.OPTION_VALUE),
    SourceError("a.json", "{\n x", 3, "wrong", code=Code.NOT_A_TEMPLATE_FILE),
    EmptyDocumentError("a.json"),
    NestedTooDeeplyError("Text.", code=Code.NOT_A_TEMPLATE_FILE),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda each: type(each).__name__)
def test_an_error_can_be_sent(error: UserError) -> None:
    received = sent(error)
    assert type(received) is type(error)
    assert (str(received), vars(received)) == (str(error), vars(error))


def test_each_error_of_a_file_is_tested() -> None:
    def subclasses(of: type[UserError]) -> Iterator[type[UserError]]:
        for each in of.__subclasses__():
            yield from (each, *subclasses(each))

    raised_for_files = {each for each in subclasses(UserError) if ".function." not in each.__module__}
    made_by_commands = {"RefusedDocumentError", "LineToCorrectError"}  # they become texts before they are sent
    assert {each.__name__ for each in raised_for_files} <= {type(each).__name__ for each in ERRORS} | made_by_commands


def test_a_rule_stays_the_same_when_it_is_sent() -> None:
    assert all(sent(rule) is rule for rule in RULES)
