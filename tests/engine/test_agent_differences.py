"""An agent's container that differs from the settings: what makes a task unprotected, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from factories import CONDITIONS, NOVALUE, SECRET, agent_of, container, plan_of, problems_of, processed, template
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.json_types import Json

DIGEST = "sha256:" + "0" * 64
OTHER_SECRET = SECRET.replace("sysdig", "other")
PARAMETERS: Json = {
    "Now": {"Type": "String", "Default": "quay.io/sysdig/workload-agent:5"},
    "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "quay.io/sysdig/workload-agent:5"},
}


def codes_of(change: Mapping[str, Json] | Callable[[dict[str, Any]], object], **settings: Json) -> list[str | None]:
    """Return the codes of the protecting changes, if the agent of a processed template differs; "problem" if it is refused."""
    value = processed({**CONDITIONS, "Parameters": PARAMETERS, **template()}, settings)
    if callable(change):
        change(agent_of(value))
    else:
        agent_of(value).update(change)
    plan = plan_of(value, settings)
    protecting = [each.unprotected_reason for each in plan.changes if each.protects and each.step != "Metadata"]
    codes = [reason.code.name if reason else None for reason in protecting]
    return codes + ["problem"] * bool(plan.problems)


def is_protected(value: Json) -> bool:
    """Return whether the plan for a template has neither a problem nor a protecting change."""
    plan = plan_of(value)
    return not plan.problems and not any(each.protects and each.step != "Metadata" for each in plan.changes)


def variable(name: str, value: Json) -> Callable[[dict[str, Any]], object]:
    """Return the change that gives a variable another value, or adds it; with None, the one that removes it."""

    def change(agent: dict[str, Any]) -> None:
        others = [each for each in agent["Environment"] if each["Name"] != name]
        agent["Environment"] = others if value is None else [*others, {"Name": name, "Value": value}]

    return change


def without(key: str) -> Callable[[dict[str, Any]], object]:
    """Return the change that removes a member."""
    return lambda agent: agent.pop(key)


ALWAYS: list[tuple[Any, Code]] = [
    *(
        (variable(name, "x"), Code.AGENT_ALTERED)
        for name in ("SYSDIG_COLLECTOR=evil", "PATH=/x", " LD_PRELOAD", "=", "")
    ),
    *((variable("SYSDIG_COLLECTOR", host), Code.AGENT_VARIABLES) for host in ("localhost", "us2", "collector")),
    ({"Image": "busybox"}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"Image": "evil.example/workload-agent:latest"}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"Image": "evil.example/quay.io/sysdig/workload-agent"}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"Image": "quay.io/sysdig/other"}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"Image": "quay.io/sysdig/Workload-Agent"}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"Image": "quay.io/sysdig/workload-agent@sha256:0"}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"Image": {"Ref": "Stored"}}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"Image": "{{resolve:ssm:image}}"}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"Image": {"Fn::GetAtt": ["X", "Y"]}}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"Image": {"Fn::If": ["Inactive", "busybox", "quay.io/sysdig/workload-agent:5"]}}, Code.AGENT_IMAGE_NOT_TRUSTED),
    ({"EntryPoint": ["/bin/true"]}, Code.AGENT_COMMAND),
    ({"EntryPoint": [""]}, Code.AGENT_COMMAND),
    ({"EntryPoint": {"Fn::Split": [",", "/bin/true"]}}, Code.AGENT_COMMAND),
    ({"EntryPoint": {"Fn::If": ["Inactive", ["/bin/true"], NOVALUE]}}, Code.AGENT_COMMAND),
    ({"Command": ["sleep", "1"]}, Code.AGENT_COMMAND),
    (without("Secrets"), Code.AGENT_HAS_NO_KEY),
    ({"Secrets": []}, Code.AGENT_HAS_NO_KEY),
    ({"Secrets": [{"Name": "SYSDIG_ACCESS_KEYS", "ValueFrom": SECRET}]}, Code.AGENT_HAS_NO_KEY),
    ({"Secrets": [{"Name": "sysdig_access_key", "ValueFrom": SECRET}]}, Code.AGENT_HAS_NO_KEY),
    ({"Secrets": [{"Name": {"Ref": "Now"}, "ValueFrom": SECRET}]}, Code.AGENT_HAS_NO_KEY),
    ({"Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": ""}]}, Code.AGENT_HAS_NO_KEY),
    ({"Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": NOVALUE}]}, Code.AGENT_HAS_NO_KEY),
    ({"Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": "arn:aws:s3:::bucket"}]}, Code.AGENT_HAS_NO_KEY),
    ({"Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": SECRET}] * 2}, Code.AGENT_HAS_NO_KEY),
    (
        {"Secrets": {"Fn::If": ["Active", [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": SECRET}], []]}},
        Code.AGENT_HAS_NO_KEY,
    ),
    (
        {"Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": SECRET}, {"Name": "LD_PRELOAD", "ValueFrom": "x"}]},
        Code.AGENT_ALTERED,
    ),
    (
        {"Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": SECRET}, {"Name": "OTHER", "ValueFrom": "x"}]},
        Code.AGENT_ALTERED,
    ),
    (variable("SYSDIG_ACCESS_KEY", "made-up"), Code.AGENT_HAS_NO_KEY),
    (variable("LD_PRELOAD", "/evil.so"), Code.AGENT_ALTERED),
    (variable("PATH", "/evil"), Code.AGENT_ALTERED),
    (variable("BASH_ENV", "/evil"), Code.AGENT_ALTERED),
    (variable("SYSDIG_ORCHESTRATOR", "evil.example"), Code.AGENT_ALTERED),
    (without("Environment"), Code.AGENT_VARIABLES),
    ({"Environment": {"Ref": "Now"}}, Code.AGENT_ALTERED),
    (variable("SYSDIG_COLLECTOR", None), Code.AGENT_VARIABLES),
    (variable("SYSDIG_COLLECTOR", ""), Code.AGENT_VARIABLES),
    (variable("SYSDIG_COLLECTOR", NOVALUE), Code.AGENT_VARIABLES),
    (variable("SYSDIG_COLLECTOR", "{{resolve:ssm:host}}"), Code.AGENT_VARIABLES),
    (variable("SYSDIG_COLLECTOR_PORT", "0"), Code.AGENT_VARIABLES),
    (variable("SYSDIG_PRIORITY", "none"), Code.AGENT_VARIABLES),
    (variable("SYSDIG_SIDECAR", "off"), Code.AGENT_VARIABLES),
    (
        lambda agent: agent["Environment"].append({"Name": "SYSDIG_COLLECTOR", "Value": "evil.example"}),
        Code.AGENT_ALTERED,
    ),
    (lambda agent: agent["Environment"].append({"Name": {"Ref": "Now"}, "Value": "x"}), Code.AGENT_ALTERED),
    (lambda agent: agent["Environment"].append({"Name": "{{resolve:ssm:x}}", "Value": "x"}), Code.AGENT_ALTERED),
    ({"User": "nobody"}, Code.AGENT_ALTERED),
    ({"WorkingDirectory": "/evil"}, Code.AGENT_ALTERED),
    ({"MountPoints": [{"SourceVolume": "v", "ContainerPath": "/opt/draios/bin"}]}, Code.AGENT_ALTERED),
    ({"VolumesFrom": [{"SourceContainer": "web"}]}, Code.AGENT_ALTERED),
    ({"DependsOn": [{"ContainerName": "web", "Condition": "START"}]}, Code.AGENT_ALTERED),
    ({"EnvironmentFiles": [{"Type": "s3", "Value": "arn:aws:s3:::b/x.env"}]}, Code.AGENT_ALTERED),
    ({"ExtraHosts": [{"Hostname": "ingest-us2.app.sysdig.com", "IpAddress": "10.0.0.1"}]}, Code.AGENT_ALTERED),
    ({"DnsServers": ["10.0.0.1"]}, Code.AGENT_ALTERED),
    ({"LinuxParameters": {"InitProcessEnabled": True}}, Code.AGENT_ALTERED),
    ({"FirelensConfiguration": {"Type": "fluentbit"}}, Code.AGENT_ALTERED),
    ({"HealthCheck": {"Command": ["CMD", "kill", "1"]}}, Code.AGENT_ALTERED),
    ({"RestartPolicy": {"Enabled": True}}, Code.AGENT_ALTERED),
    ({"ReadonlyRootFilesystem": True}, Code.AGENT_ALTERED),
    ({"Ulimits": [{"Name": "nofile", "SoftLimit": 0, "HardLimit": 0}]}, Code.AGENT_ALTERED),
    ({"PortMappings": [{"ContainerPort": 80}]}, Code.AGENT_ALTERED),
    ({"VersionConsistency": "disabled"}, Code.AGENT_ALTERED),
    ({"SomethingNew": "x"}, Code.AGENT_ALTERED),
    ({"User": {"Fn::If": ["Inactive", "nobody", NOVALUE]}}, Code.AGENT_ALTERED),
]


@pytest.mark.parametrize(("change", "code"), ALWAYS, ids=range(len(ALWAYS)))
def test_a_difference_that_always_unprotects(change: Any, code: Code) -> None:
    for locks in ("", "*"):
        assert codes_of(change, LockedSettings=locks) == [code.name]


GOVERNED: list[tuple[Any, str]] = [
    ({"Image": "quay.io/sysdig/workload-agent:5"}, "AgentImage"),
    ({"Image": f"QUAY.io/sysdig/workload-agent@{DIGEST}"}, "AgentImage"),
    ({"Image": {"Ref": "Now"}}, "AgentImage"),
    (variable("SYSDIG_COLLECTOR", "elsewhere.example.com"), "Collector"),
    (variable("SYSDIG_COLLECTOR_PORT", "443"), "CollectorPort"),
    (variable("SYSDIG_PRIORITY", "security"), "Priority"),
    (variable("SYSDIG_SIDECAR", "force"), "SidecarMode"),
    (variable("SYSDIG_LOGGING", "debug"), "LogLevel"),
    (variable("SYSDIG_EXTRA_CONF", "tags: team:shop"), "ExtraConf"),
    (variable("SYSDIG_EXTRA_CONF", "collector: evil.example"), "ExtraConf,Collector,CollectorPort"),
    (variable("HTTPS_PROXY", "http://proxy.example.com"), "AgentEnvironment"),
    ({"Essential": True}, "AgentEssential,Priority"),
    (without("Essential"), "AgentEssential,Priority"),
    ({"Essential": 0}, "AgentEssential,Priority"),
    ({"Cpu": 64}, "AgentCpu"),
    ({"Memory": "64"}, "AgentMemory"),
    ({"MemoryReservation": {"Ref": "Now"}}, "AgentMemoryReservation"),
    ({"LogConfiguration": {"LogDriver": "awslogs"}}, "AgentLogConfiguration"),
    ({"RepositoryCredentials": {"CredentialsParameter": OTHER_SECRET}}, "AgentImageCredentials"),
    ({"Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": OTHER_SECRET}]}, "AccessKeySecret"),
    ({"Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": "/sysdig/key"}]}, "AccessKeySecret"),
    ({"Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": {"Ref": "Secret"}}]}, "AccessKeySecret"),
]


@pytest.mark.parametrize(("change", "setting"), GOVERNED, ids=[setting for _, setting in GOVERNED])
def test_a_difference_that_unprotects_if_its_setting_is_locked(change: Any, setting: str) -> None:
    assert codes_of(change) == []
    assert codes_of(change, LockedSettings="*,!" + ",!".join(setting.split(","))) == []
    assert codes_of(change, LockedSettings=setting) == ["AGENT_NOT_AS_LOCKED"]
    assert codes_of(change, LockedSettings="*") == ["AGENT_NOT_AS_LOCKED"]


@pytest.mark.parametrize(
    "change",
    [
        {"Name": {"Fn::Sub": "SysdigInstrumentation"}},
        {"DockerLabels": {"a": "b"}},
        {"StartTimeout": 5},
        {"StopTimeout": 5},
        {"EntryPoint": []},
        {"EntryPoint": NOVALUE},
        {"Command": None},
        {"User": NOVALUE},
        {"MountPoints": [], "VolumesFrom": [], "PortMappings": [], "SystemControls": [], "Cpu": 0},
        {"Privileged": False, "ReadonlyRootFilesystem": "false"},
        {"Essential": "false"},
        {"LinuxParameters": {"Capabilities": {"Add": []}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_difference_that_changes_nothing_for_ecs(change: Mapping[str, Json]) -> None:
    for locks in ("", "*"):
        assert codes_of(change, LockedSettings=locks) == []


def test_the_order_of_variables_is_no_difference() -> None:
    def turned(agent: dict[str, Any]) -> None:
        agent["Environment"].reverse()

    assert codes_of(turned, LockedSettings="*", AgentEnvironment={"A": "b"}) == []


@pytest.mark.parametrize("key", ["EntryPoint", "Command"])
def test_what_the_settings_ask_for_must_be_there(key: str) -> None:
    name = {"EntryPoint": "AgentEntryPoint", "Command": "AgentCommand"}[key]
    settings: dict[str, Json] = {name: ["/start"]}
    assert codes_of({}, **settings) == []
    assert codes_of(without(key), **settings) == ["AGENT_COMMAND"]
    assert codes_of({key: ["/start", "x"]}, **settings) == ["AGENT_COMMAND"]


def test_essential_follows_a_priority_that_is_open() -> None:
    assert codes_of({"Essential": True}, LockedSettings="*,!Priority") == []
    assert codes_of({"Essential": True}, LockedSettings="*,!Priority", AgentEssential="false") == [
        "AGENT_NOT_AS_LOCKED"
    ]


def test_images_of_trusted_repositories() -> None:
    trusted = "mirror.example.com/sysdig/*"
    assert codes_of({"Image": "mirror.example.com/sysdig/agent:1"}, TrustedAgentImages=trusted) == []
    assert codes_of({"Image": "mirror.example.com/sysdig/agent:1"}) == ["AGENT_IMAGE_NOT_TRUSTED"]
    assert codes_of({"Image": "quay.io/sysdig/workload-agent:5"}, TrustedAgentImages=trusted) == [
        "AGENT_IMAGE_NOT_TRUSTED"
    ]
    assert codes_of({}, TrustedAgentImages=trusted) == []


@pytest.mark.parametrize("second", [{}, {"Image": "busybox"}], ids=["agent", "another-image"])
def test_two_agents_are_refused(second: dict[str, Json]) -> None:
    value = processed(template())
    containers = value["Resources"]["Api"]["Properties"]["ContainerDefinitions"]
    containers.append({**containers[-1], **second})
    problems = problems_of(value)
    assert any("Another container has the same name" in problem for problem in problems)
    assert not is_protected(value)


def test_an_agent_under_each_of_two_conditions() -> None:
    value = {**CONDITIONS, **processed(template())}
    containers = value["Resources"]["Api"]["Properties"]["ContainerDefinitions"]
    good, other = containers[-1], {**containers[-1], "Image": "busybox"}
    containers[-1] = {"Fn::If": ["Active", good, dict(good)]}
    assert is_protected(value)
    containers[-1] = {"Fn::If": ["Active", good, other]}
    assert not is_protected(value)
    containers[-1:] = [{"Fn::If": ["Active", good, NOVALUE]}, {"Fn::If": ["Active", NOVALUE, good]}]
    assert is_protected(value)


def test_an_agent_under_one_condition_only_is_missing_under_the_other() -> None:
    value = {**CONDITIONS, **processed(template())}
    containers = value["Resources"]["Api"]["Properties"]["ContainerDefinitions"]
    containers[-1] = {"Fn::If": ["Active", containers[-1], NOVALUE]}
    assert not is_protected(value)


def test_a_container_that_is_the_agent_under_one_condition_only_is_refused() -> None:
    value = {**CONDITIONS, **processed(template())}
    agent_of(value)["Name"] = {"Fn::If": ["Active", "SysdigInstrumentation", "web2"]}
    assert any("is reserved for the agent" in problem for problem in problems_of(value))


FAKE: dict[str, Json] = {
    "Name": "SysdigInstrumentation",
    "Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": SECRET}],
}


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"Image": "shop/web:1"}, id="image"),
        pytest.param({"Image": "quay.io/sysdig/workload-agent:latest", "Command": ["/workload"]}, id="command"),
        pytest.param({"Image": "quay.io/sysdig/workload-agent:latest", "EnvironmentFiles": ["x"]}, id="other-member"),
    ],
)
def test_a_workload_with_the_agents_name_is_refused(members: dict[str, Json]) -> None:
    """Nothing else in the task is to be instrumented, so nothing would make it the agent."""
    fake = {**FAKE, **members}
    router = container(Name="log", FirelensConfiguration={"Type": "fluentbit"})
    for value in (template(fake), template(fake, router)):
        (problem,) = problems_of(value)
        assert "is reserved for the agent" in problem
        assert not is_protected(value)
    assert problems_of(template(fake), {"ExcludeContainers": "Sysdig*"}) == []
    (problem,) = problems_of(template(fake, container()), {"ExcludeContainers": "web"})
    assert "or exclude it, too (ExcludeContainers)" in problem
    assert problems_of(template(fake, container())) == []


def test_a_workload_with_the_agents_name_is_an_opt_out_that_needs_a_reason() -> None:
    tags: list[Json] = [{"Key": "sysdig-instrument-exclude", "Value": "*"}]
    reason: Json = {"Key": "sysdig-instrument-reason", "Value": "migration"}
    required: dict[str, Json] = {"RequireReason": "true"}
    assert problems_of(template(FAKE, Tags=tags)) == []
    (problem,) = problems_of(template(FAKE, Tags=tags), required)
    assert "is reserved for the agent" in problem
    assert problems_of(template(FAKE, Tags=[*tags, reason]), required) == []
    assert problems_of(template(FAKE), {**required, "ExcludeContainers": "*"}) == []


def test_the_agent_alone_is_left_as_it_is() -> None:
    for image in ("latest", "5"):
        assert plan_of(template({**FAKE, "Image": f"quay.io/sysdig/workload-agent:{image}"})).problems == ()


def test_secrets_that_stay_replace_nothing() -> None:
    """If no setting gives the key, it may come with one of them."""
    settings: dict[str, Json] = {"AccessKeySecret": "none"}
    key: Json = {"Name": "KEY", "ValueFrom": SECRET}
    assert codes_of({"Secrets": [key]}, **settings) == []
    assert codes_of({"Secrets": [key, {"Name": "LD_PRELOAD", "ValueFrom": SECRET}]}, **settings) == ["AGENT_ALTERED"]


@pytest.mark.parametrize(
    "text",
    ["collector: evil", '{"Collector_Port": 1}', '"coll\\x65ctor": evil', {"Ref": "Stored"}],
    ids=["plain", "json", "escaped", "expression"],
)
@pytest.mark.parametrize("setting", ["Collector", "CollectorPort"])
def test_a_configuration_cannot_override_a_locked_collector(text: Json, setting: str) -> None:
    """The agent merges SYSDIG_EXTRA_CONF into its configuration."""
    assert codes_of(variable("SYSDIG_EXTRA_CONF", text), LockedSettings=setting) == ["AGENT_NOT_AS_LOCKED"]
    assert codes_of(variable("SYSDIG_EXTRA_CONF", "tags: a:b"), LockedSettings=setting) == []
