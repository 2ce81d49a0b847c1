"""``-o`` leaves a complete file or the old one, and follows no link out of the current folder."""

from __future__ import annotations

import errno
import json
import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cli.running import ROOT, Ran, run
from factories import SECRET, container, template

SET = ["--set", "Collector=us2", "--set", f"AccessKeySecret={SECRET}", "--offline"]
COMMANDS = ["transform", "images"]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which has a template and configs of images."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "app.json").write_text(json.dumps(template(container(EntryPoint=None))))
    (folder / "images.json").write_text(json.dumps({"shop/web:1": {"Entrypoint": ["/web"], "Cmd": []}}))
    return folder


def write(capsys: pytest.CaptureFixture[str], command: str, output: str | Path) -> Ran:
    return run(capsys, command, "app.json", *SET, "--images", "images.json", "-o", output)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_new_file_has_the_mode_of_the_umask(command: str, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = os.umask(0o027)
    try:
        assert write(capsys, command, "out").code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((work / "out").stat().st_mode) == 0o640
    assert json.loads((work / "out").read_text())
    assert names(work) == {"app.json", "images.json", "out"}


@pytest.mark.parametrize("mode", [0o600, 0o755, 0o664])
def test_the_mode_of_the_old_file_stays(mode: int, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "out").write_text("old")
    (work / "out").chmod(mode)
    assert write(capsys, "transform", "out").code == 0
    assert stat.S_IMODE((work / "out").stat().st_mode) == mode
    assert (work / "out").read_text() != "old"


def test_the_input_can_be_the_output(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert write(capsys, "transform", "app.json").code == 0
    assert "/opt/draios/bin/instrument" in (work / "app.json").read_text()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_leaves_the_old_file(command: str, work: Path) -> None:
    """A limit of the size of files stands for the disk: it cuts the output in the same way."""
    output = work / ("app.json" if command == "transform" else "images.json")
    before = output.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "sysdig_instrument", command, "app.json", *SET, "--images", "images.json", "-o", output],
        check=False, capture_output=True, timeout=60, env={"PYTHONPATH": str(ROOT / "src")},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)),
    )  # fmt: skip
    assert done.returncode == 2
    assert f"Cannot write {output}: File too large".encode() in done.stderr
    assert output.read_bytes() == before
    assert names(work) == {"app.json", "images.json"}


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_any_failure_leaves_the_old_file(
    failing: str, work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os if failing == "fsync" else Path, failing, fail)
    (work / "out").write_text("old")
    ran = write(capsys, "transform", "out")
    assert (ran.code, (work / "out").read_text()) == (2, "old")
    assert "Cannot write out: No space left on device" in ran.err
    assert names(work) == {"app.json", "images.json", "out"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("exists", [True, False], ids=["file", "no-file"])
def test_a_symbolic_link_is_not_followed(
    command: str, *, exists: bool, work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim"
    if exists:
        victim.write_text("old")
    (work / "out").symlink_to(victim)
    ran = write(capsys, command, "out")
    assert ran.code == 2
    assert "Cannot write out: It is a symbolic link. Give -o the path of the file itself." in ran.err
    assert (victim.read_text() if exists else victim.exists()) == ("old" if exists else False)
    assert (work / "out").is_symlink()


@pytest.mark.parametrize(
    "path", ["./out", "{here}/out", "../work/out", "/proc/self/cwd/out", "/proc/self/root{here}/out"]
)
def test_a_symbolic_link_is_not_followed_however_it_is_written(
    path: str, work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (work / "out").symlink_to(tmp_path / "victim")
    assert write(capsys, "transform", path.format(here=work)).code == 2
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("path", ["build/out", "./a/../build/out", "build/deep/out"])
@pytest.mark.parametrize("is_absolute", [True, False], ids=["absolute", "relative"])
def test_a_linked_folder_does_not_lead_out_of_the_current_one(
    path: str, *, is_absolute: bool, work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outside/deep").mkdir(parents=True)
    (work / "a").mkdir()
    (work / "build").symlink_to(tmp_path / "outside")
    ran = write(capsys, "transform", work / path if is_absolute else path)
    assert ran.code == 2
    assert "A symbolic link leads it out of the current folder" in ran.err
    assert names(tmp_path / "outside") == {"deep"}
    assert not names(tmp_path / "outside/deep")


def test_other_links_in_a_path_may_be_followed(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "build").mkdir()
    (work / "latest").symlink_to("build")
    assert write(capsys, "transform", "latest/out").code == 0
    (tmp_path / "link").symlink_to(work)
    assert write(capsys, "transform", tmp_path / "link/out").code == 0
    assert write(capsys, "transform", "../out").code == 0
    monkeypatch.chdir(tmp_path / "link")
    assert write(capsys, "transform", "app.json").code == 0
    assert (work / "build/out").exists()
    assert (work / "out").exists()
    assert (tmp_path / "out").exists()


def test_a_file_that_may_not_be_written_is_not_replaced(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "out").write_text("old")
    (work / "out").chmod(0o444)
    is_root = os.access(work / "out", os.W_OK)
    assert write(capsys, "transform", "out").code == (0 if is_root else 2)
    assert ((work / "out").read_text() == "old") is not is_root


def test_a_named_pipe_is_written(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(work / "pipe")
    received = list[str]()
    reader = threading.Thread(target=lambda: received.append((work / "pipe").read_text()))
    reader.start()
    assert write(capsys, "transform", "pipe").code == 0
    reader.join(10)
    assert "/opt/draios/bin/instrument" in received[0]
    assert stat.S_ISFIFO((work / "pipe").stat().st_mode)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("{tool} -o /dev/stdout | cat", id="pipe"),
        pytest.param("{tool} -o /dev/stdout > file; cat file", id="file"),
        pytest.param("{tool} -o /dev/fd/3 3>&1", id="descriptor"),
        pytest.param("{tool} -o >(cat) | cat", id="process-substitution"),
        pytest.param("{tool} -o /dev/stderr 2>&1 >/dev/null", id="stderr"),
    ],
)
def test_the_files_that_a_shell_opened_are_written(line: str, work: Path) -> None:
    tool = f"'{sys.executable}' -m sysdig_instrument transform app.json {' '.join(SET)} --images images.json"
    done = subprocess.run(
        ["bash", "-c", line.format(tool=tool)], check=False, capture_output=True, text=True, cwd=work, timeout=60,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "/opt/draios/bin/instrument" in done.stdout


def test_a_device_is_written(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert write(capsys, "transform", "/dev/null").code == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert names(work) == {"app.json", "images.json"}
