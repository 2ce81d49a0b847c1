"""The settings: their types, their table, and their layers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

import setting_constraints
from case_folders import ACCOUNT, REGION
from factories import INVALID_SECRETS, ROLE, SECRET, VALID_SECRETS
from sysdig_instrument.engine.agent import COLLECTORS
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.layers import (
    Layer,
    ResolvedSettings,
    from_environment,
    merge_layers,
    with_layer,
)
from sysdig_instrument.engine.settings.table import BY_NAME, TABLE, Setting, Settings, SettingScope
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import fields, replace

GOOD: dict[str, list[tuple[Json, object]]] = {
    "Collector": [("us2", "us2"), ("collector.example.com", "collector.example.com"), (" eu1 ", "eu1")],
    "CollectorPort": [(6443, 6443), ("443", 443), (" 1 ", 1), ("65535", 65535)],
    "AccessKeySecret": [*((secret, secret) for secret in VALID_SECRETS), ({"Ref": "X"}, {"Ref": "X"})],
    "AgentImage": [("quay.io/sysdig/workload-agent@sha256:00", "quay.io/sysdig/workload-agent@sha256:00")],
    "TrustedAgentImages": [("quay.io/sysdig/*, *.dkr.ecr.*.amazonaws.com/agent", ["quay.io/sysdig/*", "*.dkr.ecr.*.amazonaws.com/agent"])],
    "AgentImageCredentials": [(SECRET, SECRET)],
    "Priority": [("security", "security")],
    "SidecarMode": [("force", "force")],
    "LogLevel": [("debug", "debug")],
    "ExtraConf": [("a: 1\nb: 2", "a: 1\nb: 2")],
    "AgentEnvironment": [({"A": "b"}, {"A": "b"}), ('{"A": 8080}', {"A": "8080"}), ({"A": {"Ref": "X"}}, {"A": {"Ref": "X"}})],
    "AgentEssential": [("auto", "auto"), (True, "true"), (False, "false"), ("true", "true")],
    "AgentCpu": [(256, 256), ("1", 1)],
    "AgentMemory": [(6, 6), ("512", 512)],
    "AgentMemoryReservation": [(6, 6)],
    "TaskSize": [("raise", "raise")],
    "AgentLogConfiguration": [("inherit", "inherit"), ('{"LogDriver": "awslogs"}', {"LogDriver": "awslogs"})],
    "AgentEntryPoint": [(["a"], ["a"]), ('["a", "b c"]', ["a", "b c"])],
    "AgentCommand": [(["a"], ["a"])],
    "Enabled": [(True, True), ("false", False), (" TRUE ", True)],
    "Mode": [("opt-in", "opt-in")],
    "ExcludeContainers": [(["a", " b "], ["a", "b"]), ("a, b,,", ["a", "b"]), ('["a"]', ["a"]), ([], [])],
    "IncludeContainers": [("web*", ["web*"])],
    "InstrumentLogRouters": [("true", True)],
    "LaunchTypes": [("ALL", "ALL")],
    "OtherWorkloads": [("fail", "fail")],
    "HelpText": [("Questions: #platform, https://wiki.example.com", "Questions: #platform, https://wiki.example.com")],
    "MacroName": [("Sysdig-Instrument_2", "Sysdig-Instrument_2")],
    "ExpressServices": [("convert", "convert")],
    "UnsupportedArchitecture": [("fail", "fail")],
    "WorkloadEnvironment": [({"A": True}, {"A": "true"})],
    "OnUnresolvedImage": [("skip", "skip")],
    "ImageConfigs": [({"nginx": {"Cmd": ["x"]}}, {"nginx": {"Cmd": ["x"]}}), ('{"n": {"Entrypoint": null}}', {"n": {"Entrypoint": None}})],
    "ImageConfig": [({"Cmd": ["x"]}, {"Cmd": ["x"]}), ('{"Entrypoint": null}', {"Entrypoint": None}), ({}, {}), ({"Cmd": ["x" * 65_000]}, {"Cmd": ["x" * 65_000]})],
    "AllowedRegistries": [("*.example.com", ["*.example.com"])],
    "InternalRegistries": [("registry.corp:5000,http://localhost:5000", ["registry.corp:5000", "http://localhost:5000"])],
    "RegistryCredentials": [({"ghcr.io": SECRET}, {"ghcr.io": SECRET})],
    "TokenServices": [({"a.example": "b.example"}, {"a.example": "b.example"})],
    "StackOutputRoles": [(ROLE, [ROLE]), ([ROLE], [ROLE])],
    "LookupSeconds": [(20, 20)],
    "TagCacheSeconds": [(0, 0)],
    "AccessKeyKmsKey": [(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/abc", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/abc")],
    "GrantAccessKeyRead": [("never", "never")],
    "DefaultExecutionRoleArn": [(ROLE, ROLE), ({"Fn::GetAtt": ["R", "Arn"]}, {"Fn::GetAtt": ["R", "Arn"]})],
    "LockedSettings": [("Priority,Collector", ["Priority", "Collector"]), ("*, !AgentCpu", ["*", "!AgentCpu"])],
    "Reason": [(" SEC-12: no ptrace yet ", "SEC-12: no ptrace yet"), ("für a/b @x +=_.-:", "für a/b @x +=_.-:"), ("x" * 256, "x" * 256)],
    "RequireReason": [("true", True), (False, False)],
}  # fmt: skip

BAD: dict[str, list[Json]] = {
    "Collector": [5, True, [], {}, "us9", "localhost", "http://x.y", "a b.c", "-a.b", "x.y/z"],
    "CollectorPort": [0, 65536, -1, "x", True, 1.5, [], {}, "1e3", "٣", 6443.0],
    "AccessKeySecret": ["hunter2", 5, [], *INVALID_SECRETS],
    "AgentImage": ["a b", 5, {}, "x" * 513],
    "TrustedAgentImages": ["quay.io/sysdig/workload-agent:6", "quay.io/a@sha256:0", "mirror.example.com:5000", "[a-z].io/a", 5],
    "AgentImageCredentials": ["user:password", {"Ref": "X"}, f"{SECRET}*", f"{SECRET}:key::"],
    "Priority": ["Security", True, 5, [], {}],
    "SidecarMode": ["on"],
    "LogLevel": ["verbose", 3],
    "ExtraConf": [5, {}, []],
    "AgentEnvironment": ["x", [], "[]", '{"A": null}', {"A": None}, {"": "x"}, {"1A": "x"}, {"A B": "x"}, "{", {"A": ["x"]}],
    "AgentEssential": ["yes", 1],
    "AgentCpu": [0, 196609, "1 vCPU"],
    "AgentMemory": [5, "1 GB"],
    "AgentLogConfiguration": ["awslogs", {}, {"logDriver": "x"}, [], "{}", 5],
    "AgentEntryPoint": ["a b", "[]", [5], {}, ["a", None], "[1]"],
    "Enabled": ["yes", 1, 0, [], {}, "1"],
    "Mode": ["opt_in"],
    "ExcludeContainers": [5, {}, [5], ["a b"], "[a", ["a,b"], "a\x0bb"],
    "Reason": [5, [], {}, "a, b", "a\nb", "\x1b[2J", "\u202ea", "x" * 257, "aws:x", "AWS: x", "\u201cx\u201d", "a\u2013b", "*", "<b>", "`x`"],
    "RequireReason": ["yes", 1],
    "HelpText": ["a\nb", "\x1b[2J", "\u202e", "x" * 201, 5],
    "MacroName": ["a b", "AWS::Include", "x" * 129, 5],
    "InternalRegistries": ["https://x", "x/y", "http://x/y", "x:port", "user@x"],
    "ImageConfigs": [[], {"n": []}, {"n": {"Cmd": "x"}}, {"n": {"Cmd": [5]}}, "{", {"": {}}, {"n": None}, {"n": {"Cmd": ["x" * 65_536]}}, {"n": {"Entrypoint": ["x" * 40_000], "Cmd": ["x" * 30_000]}}],
    "ImageConfig": [[], {"Cmd": "x"}, {"Cmd": [5]}, {"EntryPoint": ["/a"]}, "{", {"nginx": {"Cmd": ["x"]}}, {"Cmd": ["x" * 65_536]}, {"Cmd": [""] * 30_000}, {"Cmd": [None]}],
    "RegistryCredentials": [{"x": {}}, {"x": None}, []],
    "StackOutputRoles": ["role", "arn:aws:iam::111122223333:role/*", {}],
    "LookupSeconds": [0, 601],
    "TagCacheSeconds": [86401, -1],
    "AccessKeyKmsKey": ["alias/x", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*", "arn:aws:kms:*:*:key/abc"],
    "DefaultExecutionRoleArn": ["role", "arn:aws:iam::1:role/x", []],
}  # fmt: skip


def setting(name: str, value: Json, scope: SettingScope = SettingScope.DEPLOYMENT) -> object:
    scope = SettingScope.CONTAINER if BY_NAME[name].scope is SettingScope.ONE_CONTAINER else scope
    return getattr(merge_layers(Layer("here", {name: value}, scope)).values, BY_NAME[name].attribute)


def case_id(name: str, value: Json) -> str:
    """Return the setting's name, the type of the value and, if it is short and plain, the value."""
    text = str(value)
    return f"{name}-{type(value).__name__}" + (f"-{text}" if re.fullmatch(r"[A-Za-z0-9._-]{1,20}", text) else "")


each_valid_value = pytest.mark.parametrize(
    ("name", "value", "expected"),
    [pytest.param(name, *pair, id=case_id(name, pair[0])) for name, pairs in GOOD.items() for pair in pairs],
)


@each_valid_value
def test_a_valid_value_is_parsed_to_its_type(name: str, value: Json, expected: object) -> None:
    parsed = setting(name, value)
    assert parsed == expected
    assert type(parsed) is type(expected)


@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(name, value, id=case_id(name, value)) for name, values in BAD.items() for value in values],
)
def test_an_invalid_value_is_refused_and_not_quoted(name: str, value: Json) -> None:
    with pytest.raises(UsageError) as refused:
        setting(name, value)
    text = str(refused.value)
    assert text.startswith(f'Setting "{name}" in here ')
    assert "hunter2" not in text
    assert len(text.splitlines()) == 1


def test_every_setting_has_a_valid_test_value() -> None:
    assert set(GOOD) == set(BY_NAME)


@pytest.mark.parametrize("name", sorted(BY_NAME))
@pytest.mark.parametrize("value", ["", None])
def test_an_empty_value_counts_as_not_set(name: str, value: Json) -> None:
    assert merge_layers(Layer("here", {name: value})) == ResolvedSettings()


def test_the_table_has_a_row_for_each_field_in_its_order() -> None:
    assert [setting.attribute for setting in TABLE] == [setting.name for setting in fields(Settings)]
    for setting in TABLE:
        assert re.sub(r"(?<!^)([A-Z])", r"_\1", setting.name).lower() == setting.attribute
        assert getattr(Settings(), setting.attribute) == setting.default


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_each_default_has_the_type_of_its_setting(setting: Setting) -> None:
    assert setting.default is None or setting.value_type.parse(setting.default) == setting.default


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_every_setting_is_described(setting: Setting) -> None:
    assert setting.description.endswith(".")
    assert setting.group
    assert setting.variable == f"SYSDIG_INSTRUMENT_{setting.attribute.upper()}"
    assert setting.value_type.expected


@each_valid_value
def test_a_value_from_the_environment_is_the_same(name: str, value: Json, expected: object) -> None:
    if not isinstance(value, str) or BY_NAME[name].scope is SettingScope.ONE_CONTAINER:
        return
    layer = from_environment({BY_NAME[name].variable: value, "SYSDIG_INSTRUMENT_UNKNOWN": "x", "PATH": "/bin"})
    resolved = merge_layers(layer)
    assert getattr(resolved.values, BY_NAME[name].attribute) == expected
    assert resolved.layer_name(name) == "the macro's deployment"


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_a_parameters_pattern_admits_what_the_setting_takes(setting: Setting) -> None:
    constraint = setting_constraints.constraint(setting.value_type, required=setting.required)
    for value, _ in GOOD[setting.name]:
        if isinstance(value, str) and value == value.strip() and "AllowedPattern" in constraint:
            assert re.search(str(constraint["AllowedPattern"]), value)
        if isinstance(value, str) and value == value.strip() and "AllowedValues" in constraint:
            assert value in constraint["AllowedValues"]  # type: ignore[operator]
    if "AllowedPattern" in constraint:
        assert bool(re.search(str(constraint["AllowedPattern"]), "")) is not setting.required


def test_later_layers_win_and_are_remembered() -> None:
    resolved = merge_layers(
        Layer("one", {"Priority": "security", "Mode": "opt-in"}), Layer("two", {"Priority": "availability"})
    )
    assert (resolved.values.priority, resolved.values.mode) == ("availability", "opt-in")
    assert (resolved.layer_name("Priority"), resolved.layer_name("Mode"), resolved.layer_name("Enabled")) == (
        "two",
        "one",
        "default",
    )


def test_an_empty_value_does_not_override() -> None:
    assert (
        merge_layers(Layer("one", {"Priority": "security"}), Layer("two", {"Priority": ""})).values.priority
        == "security"
    )


def test_a_map_replaces_a_map() -> None:
    resolved = merge_layers(
        Layer("one", {"AgentEnvironment": {"A": "1"}}), Layer("two", {"AgentEnvironment": {"B": "2"}})
    )
    assert resolved.values.agent_environment == {"B": "2"}


def test_problems_of_all_layers_are_reported_together() -> None:
    with pytest.raises(UsageError) as refused:
        merge_layers(Layer("one", {"Prority": "x", "Mode": "x"}), Layer("two", {"LockedSettings": "Colector"}))
    assert str(refused.value).splitlines() == [
        'Unknown setting "Prority" in one. Did you mean "Priority"? (SI101)',
        'Setting "Mode" in one has an invalid value. Use one of: opt-out, opt-in. (SI103)',
        'Unknown setting "Colector" in LockedSettings, which is from two. Did you mean "Collector"? (SI101)',
    ]


@given(st.text())
def test_an_unknown_name_is_reported_on_one_line(name: str) -> None:
    if name in BY_NAME:
        return
    _, (invalid,) = with_layer(ResolvedSettings(), Layer("here", {name: "x"}))
    assert len(invalid.reason.fact.splitlines()) == 1
    assert len(invalid.reason.fact) < 400


@pytest.mark.parametrize("region", ["us9", "eu2", "US1"])
def test_an_unknown_collector_region_gets_no_suggestion(region: str) -> None:
    """Another region may be in another country."""
    _, (invalid,) = with_layer(ResolvedSettings(), Layer("here", {"Collector": region}))
    assert invalid.reason.text == (
        f'Setting "Collector" in here is neither a host name nor a known region ({", ".join(COLLECTORS)}). '
        "Use one of these regions, or the collector's host name as Sysdig shows it for your region."
    )


@pytest.mark.parametrize(("region", "host"), COLLECTORS.items())
def test_a_region_stands_for_its_collector(region: str, host: str) -> None:
    assert merge_layers(Layer("here", {"Collector": region})).values.collector_host == host


def test_a_collector_host_is_kept_and_none_stays_none() -> None:
    assert replace(Settings(), collector="c.example.com").collector_host == "c.example.com"
    assert Settings().collector_host is None


@pytest.mark.parametrize(
    "setting",
    [setting for setting in TABLE if setting.scope is SettingScope.DEPLOYMENT],
    ids=lambda setting: setting.name,
)
def test_security_settings_are_not_for_templates(setting: Setting) -> None:
    name = setting.name
    for scope in (SettingScope.TASK, SettingScope.CONTAINER):
        resolved, (invalid,) = with_layer(ResolvedSettings(), Layer("the tags", {name: GOOD[name][0][0]}, scope))
        assert invalid.reason.fact == f'Setting "{name}" in the tags can only be set in the macro\'s deployment'
        assert resolved == ResolvedSettings()


@pytest.mark.parametrize("scope", [SettingScope.DEPLOYMENT, SettingScope.TASK])
def test_a_setting_for_single_containers_is_for_nothing_else(scope: SettingScope) -> None:
    resolved, (invalid,) = with_layer(ResolvedSettings(), Layer("here", {"ImageConfig": {"Cmd": ["x"]}}, scope))
    assert invalid.reason.text == (
        'Setting "ImageConfig" in here is for single containers. '
        "Move it to the task definition's Metadata, Containers: {…: {ImageConfig: …}} in SysdigInstrument."
    )
    assert resolved == ResolvedSettings()


def test_an_environment_variable_of_a_setting_for_single_containers_is_none() -> None:
    assert not from_environment({"SYSDIG_INSTRUMENT_IMAGE_CONFIG": "{}"}).values


def test_a_setting_for_whole_tasks_is_not_for_containers() -> None:
    _, invalid_settings = with_layer(
        ResolvedSettings(), Layer("Metadata", {"Priority": "security", "Enabled": False}, SettingScope.CONTAINER)
    )
    assert [invalid.name for invalid in invalid_settings] == ["Priority"]


def test_a_locked_setting_is_for_the_deployment_only() -> None:
    resolved = merge_layers(
        Layer("deployment", {"LockedSettings": "Priority"}), Layer("more", {"Priority": "security"})
    )
    after, (invalid,) = with_layer(resolved, Layer("the tags", {"Priority": "availability"}, SettingScope.TASK))
    assert after.values.priority == "security"
    assert invalid.reason.fact == 'Setting "Priority" in the tags is locked by deployment'
