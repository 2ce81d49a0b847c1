"""The capability SYS_PTRACE."""

from __future__ import annotations

import pytest

from factories import (
    NOVALUE,
    container,
    if_,
    problems_of,
    processed_container,
    template,
)
from sysdig_instrument.engine.json_types import Json


def add(*capabilities: Json) -> dict[str, Json]:
    return {"Capabilities": {"Add": list(capabilities)}}


PARAMETERS: dict[str, Json] = {
    "Parameters": {"Cap": {"Type": "String", "Default": "SYS_PTRACE"}, "Other": {"Type": "String", "Default": "x"}}
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NOVALUE, add("SYS_PTRACE"), id="no-value"),
        pytest.param(None, add("SYS_PTRACE"), id="null"),
        pytest.param({}, add("SYS_PTRACE"), id="empty"),
        pytest.param({"Capabilities": NOVALUE}, add("SYS_PTRACE"), id="capabilities-no-value"),
        pytest.param({"Capabilities": {}}, add("SYS_PTRACE"), id="capabilities-empty"),
        pytest.param(add(), add("SYS_PTRACE"), id="add-empty"),
        pytest.param(add("SYS_PTRACE"), add("SYS_PTRACE"), id="present"),
        pytest.param(
            {"Capabilities": {"Add": None, "Drop": ["ALL"]}},
            {"Capabilities": {"Add": ["SYS_PTRACE"], "Drop": ["ALL"]}},
            id="add-null-with-drop",
        ),
        pytest.param(add({"Ref": "Other"}), add({"Ref": "Other"}, "SYS_PTRACE"), id="list-parameter"),
        pytest.param(add({"Ref": "Unknown"}), add({"Ref": "Unknown"}, "SYS_PTRACE"), id="unknown-item"),
        pytest.param(add({"Ref": "Cap"}), add({"Ref": "Cap"}), id="parameter-is-sys-ptrace"),
        pytest.param(
            add(if_("Active", "SYS_PTRACE")),
            add(if_("Active", "SYS_PTRACE"), if_("Active", NOVALUE, "SYS_PTRACE")),
            id="conditional-item",
        ),
        pytest.param(add(5, None), add(5, None, "SYS_PTRACE"), id="malformed-items"),
        pytest.param(
            {"InitProcessEnabled": True}, {"InitProcessEnabled": True, **add("SYS_PTRACE")}, id="other-parameters"
        ),
        pytest.param(
            if_("Active", add("A"), NOVALUE),
            if_("Active", add("A", "SYS_PTRACE"), add("SYS_PTRACE")),
            id="conditional-object",
        ),
    ],
)
def test_the_capability_is_added_once(before: Json, after: Json) -> None:
    assert processed_container(PARAMETERS, LinuxParameters=before)["LinuxParameters"] == after


@pytest.mark.parametrize(
    "dropped",
    ["SYS_PTRACE", ["SYS_PTRACE"], ["cap_sys_ptrace"], [["SYS_PTRACE"]]],
    ids=["text", "list", "other-name", "nested"],
)
def test_a_dropped_capability_is_refused_in_each_form(dropped: Json) -> None:
    capabilities: Json = {"Capabilities": {"Add": ["SYS_PTRACE"], "Drop": dropped}}
    (problem,) = problems_of(template(container(LinuxParameters=capabilities)))
    assert "Drop contains SYS_PTRACE" in problem
