"""The variables of a workload."""

from __future__ import annotations

import pytest

from factories import (
    CONDITIONS,
    NOVALUE,
    container,
    if_,
    notices_of,
    plan_of,
    problems_of,
    processed_container,
    template,
)
from sysdig_instrument.engine.json_types import Json

SIDECAR: Json = {"Name": "SYSDIG_SIDECAR", "Value": "auto"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(NOVALUE, [SIDECAR], id="no-value"),
        pytest.param(None, [SIDECAR], id="null"),
        pytest.param([], [SIDECAR], id="empty"),
        pytest.param([{"Name": "A", "Value": "1"}], [{"Name": "A", "Value": "1"}, SIDECAR], id="another-variable"),
        pytest.param([SIDECAR], [SIDECAR], id="present"),
        pytest.param([{"Name": "SYSDIG_SIDECAR", "Value": "x"}], [SIDECAR], id="another-value"),
        pytest.param([{"Name": "SYSDIG_SIDECAR"}], [SIDECAR], id="without-value"),
        pytest.param(
            [{"Name": {"Fn::Sub": "SYSDIG_SIDECAR"}, "Value": "auto"}],
            [{"Name": {"Fn::Sub": "SYSDIG_SIDECAR"}, "Value": "auto"}],
            id="name-is-expression",
        ),
        pytest.param(
            [if_("Active", SIDECAR)],
            [if_("Active", SIDECAR), if_("Active", NOVALUE, SIDECAR)],
            id="conditional-item",
        ),
        pytest.param(if_("Active", [SIDECAR]), if_("Active", [SIDECAR], [SIDECAR]), id="conditional-list"),
        pytest.param(
            [if_("Active", {"Name": "SYSDIG_SIDECAR", "Value": "x"}, SIDECAR)],
            [if_("Active", SIDECAR, SIDECAR)],
            id="another-value-in-one-branch",
        ),
        pytest.param(["x", 5, None], ["x", 5, None, SIDECAR], id="malformed-items"),
        pytest.param([{"Ref": "X"}], [{"Ref": "X"}, SIDECAR], id="opaque-item"),
    ],
)
def test_the_variable_is_added_once(before: Json, after: Json) -> None:
    assert processed_container(Environment=before)["Environment"] == after


def test_each_variable_change_has_a_reason() -> None:
    plan = plan_of(template(container(Environment=[])), {"WorkloadEnvironment": {"A": "b"}})
    reasons = {each.reason for each in plan.changes if "Environment" in each.pointer}
    assert reasons == {"tells the wrapper that the agent runs beside it", "WorkloadEnvironment"}
    nameless = plan_of(template(container(Environment=[{"Name": "SYSDIG_SIDECAR"}])))
    (change,) = (each for each in nameless.changes if "Environment" in each.pointer)
    assert (change.operation, change.reason) == ("add", "SYSDIG_SIDECAR is set by this macro")


def test_a_plaintext_key_gets_a_notice_without_the_key() -> None:
    value = template(container(Environment=[{"Name": "SYSDIG_ACCESS_KEY", "Value": "hunter2"}]))
    assert any("SYSDIG_ACCESS_KEY is in plain text" in each for each in notices_of(value))
    assert "hunter2" not in "".join(notices_of(value))


@pytest.mark.parametrize("key", ["Environment", "Secrets"])
@pytest.mark.parametrize(
    "name", ["SYSDIG_SIDECAR=off", "__INSTRUMENTATION_WRAPPER=/bin/sh", "__INSTRUMENTATION_WRAPPER"]
)
def test_an_entry_that_becomes_a_variable_of_the_wrapper_is_refused(key: str, name: str) -> None:
    """Docker joins name and value with ``=``, and splits them at the first one."""
    entry: dict[str, Json] = {"Name": name, "Value" if key == "Environment" else "ValueFrom": "x"}
    members: dict[str, Json] = {key: [entry]}
    (problem,) = problems_of(template(container(**members)))
    assert f'"{name}" replaces the ' in problem
    members = {key: [{**entry, "Name": f"OTHER_{name}"}]}
    assert problems_of(template(container(**members))) == []


@pytest.mark.parametrize(
    "files", [[{"Type": "s3", "Value": "arn"}], if_("Active", [{"Type": "s3", "Value": "arn"}], NOVALUE)]
)
def test_a_file_that_may_replace_the_wrapper_is_noticed(files: Json) -> None:
    value = template(container(EnvironmentFiles=files), sections=CONDITIONS)
    (notice,) = [each for each in notices_of(value) if "EnvironmentFiles" in each]
    assert "can set __INSTRUMENTATION_WRAPPER" in notice


@pytest.mark.parametrize("files", [[], None, NOVALUE])
def test_no_file_is_not_noticed(files: Json) -> None:
    value = template(container(EnvironmentFiles=files))
    assert not any("EnvironmentFiles" in each for each in notices_of(value))
