"""The task runner does what ECS documents: order, ends, namespaces, volumes, capabilities, users and secrets."""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.registry import registry
from running_tasks.local_images import images, require_runner
from task_runner import programs, sandbox
from task_runner.images import Image, pull
from task_runner.secrets import SecretReader
from task_runner.tasks import Task, TaskError, run_task

APP = images({"app": {"Env": ["PATH=/bin"]}})


@pytest.fixture(autouse=True)
def _runner() -> None:
    require_runner()


def shell(name: str, script: str, **more: object) -> dict[str, Any]:
    """Return a container that runs a script of the shell; its end does not stop the task."""
    return {"name": name, "image": "app", "entryPoint": ["sh", "-c", script], "essential": False, **more}


def outputs(*containers: dict[str, Any], **definition: object) -> dict[str, str]:
    """Run a task until all of its containers have ended; return their outputs."""
    with run_task({"containerDefinitions": list(containers), **definition}, APP) as task:
        wait_for_all(task)
        return {name: container.output for name, container in task.containers.items()}


def wait_for_all(task: Task) -> None:
    task.wait_until(lambda: not any(each.is_running for each in task.containers.values()), "all have ended")


def test_containers_start_when_their_dependencies_allow_it() -> None:
    data = {"volumes": [{"name": "data", "host": {}}]}
    mount = {"mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}]}
    append = "echo {} >> /data/order; cat /data/order"
    last = shell(
        "last",
        append.format("last"),
        dependsOn=[
            {"containerName": "first", "condition": "COMPLETE"},
            {"containerName": "second", "condition": "SUCCESS"},
        ],
        **mount,
    )
    second = shell(
        "second",
        append.format("second"),
        dependsOn=[{"containerName": "first", "condition": "COMPLETE"}],
        **mount,
    )
    first = shell("first", f"sleep 0.1; {append.format('first')}; exit 5", **mount)
    assert outputs(last, second, first, **data)["last"] == "first\nsecond\nlast\n"


@pytest.mark.parametrize(
    ("condition", "fact"),
    [("SUCCESS", "app needs the success of init: 5"), ("HEALTHY", "The condition HEALTHY is not supported")],
)
def test_a_task_that_cannot_start_says_why(condition: str, fact: str) -> None:
    app = shell("app", "true", dependsOn=[{"containerName": "init", "condition": condition}])
    with pytest.raises(TaskError, match=fact):
        outputs(shell("init", "exit 5"), app)


def test_the_end_of_an_essential_container_stops_the_others() -> None:
    waits = "trap 'echo stopping; exit 6' TERM; echo ready; while :; do sleep 0.01; done"
    essential = {**shell("essential", "sleep 0.3; exit 4"), "essential": True}
    with run_task({"containerDefinitions": [shell("side", waits), shell("short", "exit 3"), essential]}, APP) as task:
        task.wait()
        assert {name: each.exit_code for name, each in task.containers.items()} == {
            "essential": 4,
            "side": 6,
            "short": 3,
        }
        assert task.containers["side"].output == "ready\nstopping\n"


def test_process_1_without_a_handler_is_stopped_by_the_time_limit_only() -> None:
    """This is the one difference that sharing the process namespace makes to a program: docs/limits.md has it."""
    sleeping = {"name": "app", "image": "app", "entryPoint": ["sleep", "60"], "stopTimeout": 1}
    exit_codes = []
    for definition in ({}, {"pidMode": "task"}):
        with run_task({"containerDefinitions": [sleeping], **definition}, APP) as task:
            task.stop()
            exit_codes.append(task.containers["app"].exit_code)
    assert exit_codes == [137, 143]


def test_what_others_depend_on_stops_last() -> None:
    data = {"volumes": [{"name": "data", "host": {}}]}
    mount = {"mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}]}
    waits = "trap '{} exit 0' TERM; touch /data/$0; while :; do sleep 0.01; done"
    database = shell("database", waits.format("cat /data/log;"), command=["database"], **mount)
    app = shell(
        "app",
        waits.format("sleep 0.1; echo saved > /data/log;"),
        command=["app"],
        dependsOn=[{"containerName": "database", "condition": "START"}],
        **mount,
    )
    ready = shell("ready", "while ! [ -f /data/database -a -f /data/app ]; do sleep 0.01; done; echo ready", **mount)
    with run_task({"containerDefinitions": [database, app, ready], **data}, APP) as task:
        task.wait_until(lambda: "ready" in task.containers["ready"].output, "both run")
        task.stop()
        assert task.containers["database"].output == "saved\n"


def test_volumes() -> None:
    source = shell("source", "echo data > /data/file", mountPoints=[{"sourceVolume": "data", "containerPath": "/data"}])
    after = {"dependsOn": [{"containerName": "source", "condition": "COMPLETE"}]}
    found = outputs(
        source,
        shell("reads", "cat /data/file; touch /data/x", volumesFrom=[{"sourceContainer": "source", "readOnly": True}], **after),
        shell("writes", "echo more >> /data/file && echo done", volumesFrom=[{"sourceContainer": "source"}], **after),
        shell("has-none", "ls /data", **after),
        volumes=[{"name": "data"}],
    )  # fmt: skip
    assert found["reads"].startswith("data\n")
    assert "Read-only file system" in found["reads"]
    assert found["writes"] == "done\n"
    assert "No such file" in found["has-none"]


@pytest.mark.parametrize("mode", [None, "task"])
def test_process_namespaces(mode: str | None) -> None:
    other = shell("other", "while :; do sleep 0.01; done")
    looking = shell("looking", "sleep 0.1; ps; echo process $$")
    with run_task({"containerDefinitions": [other, looking], "pidMode": mode}, APP) as task:
        task.wait_until(lambda: not task.containers["looking"].is_running, "it has looked")
        output = task.containers["looking"].output
    assert ("while :" in output) == (mode == "task")
    assert ("process 1\n" in output) == (mode is None)


def test_capabilities_and_users() -> None:
    def capabilities(**changes: list[str]) -> dict[str, Any]:
        return {"linuxParameters": {"capabilities": changes}}

    show = (
        "id; while read -r name value; do case $name in CapBnd: | CapEff:) echo $value;; esac; done < /proc/self/status"
    )
    found = outputs(
        shell("default", show),
        shell("traced", show, **capabilities(add=["SYS_PTRACE"], drop=["ALL"])),
        shell("none", show, **capabilities(drop=["ALL"])),
        shell("named", show, user="shop:staff", **capabilities(add=["SYS_PTRACE"], drop=["ALL"])),
    )
    default, ptrace, none = "00000000a80425fb", "0000000000080000", "0" * 16
    assert {name: output.split()[-2:] for name, output in found.items()} == {
        "default": [default, default],
        "traced": [ptrace, ptrace],
        "none": [none, none],
        "named": [none, ptrace],
    }
    assert found["named"].startswith("uid=1000(shop) gid=50(staff)\n")


def test_overrides_and_secrets_are_in_the_environment() -> None:
    variables = [{"name": "A", "value": "definition"}, {"name": "B", "value": "definition"}]
    app = shell("app", "env", environment=variables, secrets=[{"name": "KEY", "valueFrom": "arn:x"}])
    override = {"app": {"environment": [{"name": "B", "value": "override"}]}}
    with run_task({"containerDefinitions": [app]}, APP, secret_value=lambda _: "value", overrides=override) as task:
        wait_for_all(task)
        assert {"A=definition", "B=override", "KEY=value", "HOME=/root"} <= set(
            task.containers["app"].output.splitlines()
        )


class FakeClient:
    """Answers of Secrets Manager and SSM that show what was asked for."""

    def get_secret_value(self, **asked: str) -> dict[str, str]:
        return {"SecretString": json.dumps({"key": asked})}

    def get_parameter(self, **asked: object) -> dict[str, Any]:
        return {"Parameter": {"Value": asked["Name"]}}


@pytest.mark.parametrize(
    ("value_from", "value"),
    [
        ("/sysdig/key", "/sysdig/key"),
        ("arn:aws:ssm:us-east-1:111122223333:parameter/sysdig/key", "/sysdig/key"),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf:key::", "{'SecretId': '…'}"),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf:key:S:V", "{'SecretId': '…', 'VersionStage': 'S', 'VersionId': 'V'}"),
        ("arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf", '{"key": {"SecretId": "…"}}'),
    ],
    ids=["name", "parameter", "json-key", "version", "whole-secret"],
)  # fmt: skip
def test_secrets_in_each_form_that_ecs_takes(value_from: str, value: str) -> None:
    read = SecretReader(lambda _: FakeClient())(value_from)
    assert read.replace("arn:aws:secretsmanager:us-east-1:111122223333:secret:x-AbCdEf", "…") == value


def layer(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def test_layers_are_unpacked_over_one_another(tmp_path: Path) -> None:
    lower = layer(**{"a/kept": b"1", "a/removed": b"1", "b/hidden": b"1", "c/gone/x": b"1", "changed": b"1"})
    upper = layer(**{"a/.wh.removed": b"", "b/.wh..wh..opq": b"", "b/new": b"2", "c/.wh.gone": b"", "changed": b"2"})
    with registry({}) as running:
        running.add_image("app:1", {"Cmd": ["x"]}, [lower, upper])
        image = pull(f"{running.host}/app:1")
        image.unpack(tmp_path / "root")
        for path, content in running.contents.items():
            if content.media_type.endswith("tar+gzip"):
                running.contents[path] = running.contents["/v2/app/manifests/1"]
        with pytest.raises(ValueError, match="has another digest"):
            pull(f"{running.host}/app:1")
    assert image.config == {"Cmd": ["x"]}
    found = {path.relative_to(tmp_path / "root").as_posix(): path.read_text() for path in (tmp_path / "root").rglob("*") if path.is_file()}  # fmt: skip
    assert found == {"a/kept": "1", "b/new": "2", "changed": "2"}


def test_a_container_that_has_nothing_to_run() -> None:
    with (
        pytest.raises(TaskError, match="app has nothing to run"),
        run_task({"containerDefinitions": [{"name": "app", "image": "app"}]}, APP),
    ):
        pass


def test_missing_programs_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("bwrap", "setpriv"):
        (tmp_path / name).symlink_to("/bin/true")
    programs.missing_reason.cache_clear()
    try:
        reason = programs.missing_reason()
    finally:
        programs.missing_reason.cache_clear()
    assert reason == "busybox-static and strace are missing here (apt-get install busybox-static strace)"


def test_a_user_who_is_not_root_gets_a_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (programs, sandbox):
        monkeypatch.setattr(module, "is_root", lambda: False)
    programs.as_root.cache_clear()
    try:
        prefix = programs.as_root()
        assert outputs(shell("app", "readlink /proc/self/ns/user; id -u"), pidMode="task")["app"] == (
            f"{Path(prefix[1].partition('=')[2]).readlink()}\n0\n"
        )
    finally:
        programs.as_root.cache_clear()


def test_everything_ends_with_the_task() -> None:
    with run_task({"containerDefinitions": [shell("app", "sleep 61 & sleep 62")], "pidMode": "task"}, APP) as task:
        folder = task.containers["app"].root
    assert not folder.exists()
    commands = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            commands.add(path.read_bytes())
    assert not commands & {b"sleep\x0061\x00", b"sleep\x0062\x00"}


def test_an_image_of_no_layer_has_an_empty_root(tmp_path: Path) -> None:
    Image({}, ()).unpack(tmp_path / "root")
    assert list((tmp_path / "root").iterdir()) == []
