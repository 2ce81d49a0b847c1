"""The agent's container."""

from __future__ import annotations

import pytest

from factories import (
    NOVALUE,
    SECRET,
    agent_of,
    container,
    containers_of,
    context_of,
    processed,
    properties_of,
    template,
)
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import plan

SIDECAR: Json = {"Name": "SYSDIG_SIDECAR", "Value": "auto"}


def test_the_agent_is_last_and_holds_the_only_secret() -> None:
    value = processed(template(container(), container(Name="b")))
    assert properties_of(value)["ContainerDefinitions"][-1] == agent_of(value)
    assert agent_of(value) == {
        "Name": AGENT_NAME,
        "Image": "quay.io/sysdig/workload-agent:latest",
        "Essential": False,
        "Environment": [
            {"Name": "SYSDIG_COLLECTOR", "Value": "ingest-us2.app.sysdig.com"},
            {"Name": "SYSDIG_COLLECTOR_PORT", "Value": "6443"},
            {"Name": "SYSDIG_PRIORITY", "Value": "availability"},
            SIDECAR,
        ],
        "Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": SECRET}],
    }
    assert all("Secrets" not in each for each in containers_of(value))


@pytest.mark.parametrize(
    ("settings", "essential"),
    [
        pytest.param({}, False, id="default"),
        pytest.param({"Priority": "security"}, True, id="security"),
        pytest.param({"Priority": "security", "AgentEssential": False}, False, id="security-but-not-essential"),
        pytest.param({"AgentEssential": True}, True, id="essential"),
    ],
)
def test_the_agent_is_essential_where_security_comes_first(settings: dict[str, Json], *, essential: bool) -> None:
    assert agent_of(processed(template(), settings))["Essential"] is essential


@pytest.mark.parametrize(
    ("workload_log", "agent_log"),
    [
        pytest.param(
            {"LogDriver": "awslogs", "Options": {"awslogs-group": "g", "awslogs-stream-prefix": "web"}},
            {"LogDriver": "awslogs", "Options": {"awslogs-group": "g", "awslogs-stream-prefix": "sysdig"}},
            id="awslogs-with-prefix",
        ),
        pytest.param({"LogDriver": "splunk"}, {"LogDriver": "splunk"}, id="without-options"),
        pytest.param(NOVALUE, None, id="no-value"),
        pytest.param({"LogDriver": "x", "Options": "y"}, {"LogDriver": "x", "Options": "y"}, id="malformed-options"),
    ],
)
def test_an_inherited_log_configuration_has_a_prefix_of_its_own(workload_log: Json, agent_log: Json) -> None:
    value = template(container(LogConfiguration=workload_log))
    assert agent_of(processed(value, {"AgentLogConfiguration": "inherit"})).get("LogConfiguration") == agent_log


def test_an_existing_agent_is_updated_to_the_settings() -> None:
    once = processed(template(container(), container(Name="b")))
    agent = agent_of(once)
    agent.update(Image="old/workload-agent:1", Essential=True, Command=["x"])
    del agent["Environment"]
    again = processed(once)
    assert agent_of(again) == agent_of(processed(template()))
    assert len(properties_of(again)["ContainerDefinitions"]) == 3


def test_without_a_key_the_agent_has_no_secrets() -> None:
    assert "Secrets" not in agent_of(processed(template(), {"AccessKeySecret": "none"}))


def test_the_agents_secrets_stay_if_the_key_comes_in_another_way() -> None:
    """One of them may be the key."""
    once = processed(template())
    again = plan(once, context_of({"AccessKeySecret": "none"}))
    assert not any("Secrets" in change.pointer for change in again.changes)
    assert not any("Secrets of the agent's container" in each.text for each in again.notices)
