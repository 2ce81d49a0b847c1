"""Notices about what an instrumented task may do badly, where the template shows it."""

from __future__ import annotations

from typing import Any

import pytest

from factories import SETTINGS, container, notices_of, template

PROCESS_ONE = "must be process 1"
HEAD_START = "start the log router before"


def about(fact: str, value: dict[str, Any], **settings: Any) -> int:
    return sum(fact in notice for notice in notices_of(value, {**SETTINGS, **settings}))


@pytest.mark.parametrize(
    ("entry_point", "expected"),
    [
        pytest.param(["/init"], 1, id="s6-overlay"),
        pytest.param(["/usr/lib/systemd/systemd", "--log"], 1, id="systemd"),
        pytest.param({"Fn::If": ["Never", ["/init"], ["/app"]]}, 1, id="under-a-condition"),
        pytest.param(["/app/init"], 0, id="own-init"),
        pytest.param(["tini", "--", "/app"], 0, id="tini"),
        pytest.param(["sh", "/init"], 0, id="argument"),
        pytest.param([{"Fn::ImportValue": "x"}, "/init"], 0, id="unknown-program"),
    ],
)
def test_a_program_that_must_be_process_1(entry_point: Any, expected: int) -> None:
    value = template(container(EntryPoint=entry_point))
    value["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}}
    assert about(PROCESS_ONE, value) == expected


def test_a_task_that_is_left_alone_keeps_its_process_1() -> None:
    assert about(PROCESS_ONE, template(container(EntryPoint=["/init"])), Enabled="false") == 0


@pytest.mark.parametrize(
    ("members", "settings", "expected"),
    [
        pytest.param({}, {"InstrumentLogRouters": "true"}, 1, id="instrumented"),
        pytest.param({}, {}, 0, id="left-alone"),
        pytest.param(
            {"DependsOn": [{"ContainerName": "web", "Condition": "START"}]},
            {"InstrumentLogRouters": "true"},
            0,
            id="starts-later-anyway",
        ),
    ],
)
def test_a_log_router_that_loses_its_head_start(members: Any, settings: Any, expected: int) -> None:
    router: dict[str, Any] = {
        "Name": "router",
        "Image": "x",
        "EntryPoint": ["run"],
        "FirelensConfiguration": {"Type": "fluentbit"},
    }
    assert about(HEAD_START, template(container(), {**router, **members}), **settings) == expected
