"""LockedSettings: names, all settings, and exceptions; and what else templates may not set."""

from __future__ import annotations

import pytest

from factories import SETTINGS, plan_of, problems_of, processed, resource, template
from readable_ids import readable_id
from sysdig_instrument.engine.codes import Code, Verdict
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import protection
from sysdig_instrument.engine.settings.layers import Layer, merge_layers, with_layer
from sysdig_instrument.engine.settings.locks import is_locked
from sysdig_instrument.engine.settings.table import TABLE, Setting, SettingScope
from sysdig_instrument.errors import UsageError

SINGLE = [setting.name for setting in TABLE if setting.scope is SettingScope.ONE_CONTAINER]
OPEN = [setting.name for setting in TABLE if setting.scope is not SettingScope.DEPLOYMENT]


@pytest.mark.parametrize("setting", TABLE, ids=lambda setting: setting.name)
def test_no_setting_of_a_found_file_is_open_where_all_are_locked(setting: Setting) -> None:
    """Whoever opens a pull request may have written the file."""
    locked = merge_layers(Layer("--set", {**SETTINGS, "LockedSettings": "*"}))
    _, (invalid,) = with_layer(locked, Layer(".sysdig-instrument.yaml", {setting.name: "x"}, is_found=True))
    is_single = setting.scope is SettingScope.ONE_CONTAINER
    assert invalid.reason.code is (Code.SETTING_FOR_CONTAINERS if is_single else Code.SETTING_LOCKED)


def locked_by(locks: Json) -> set[str]:
    values = merge_layers(Layer("here", {"LockedSettings": locks})).values
    return {setting.name for setting in TABLE if is_locked(setting.name, values)}


def test_names_lock_these_settings_only() -> None:
    assert locked_by("") == set()
    assert locked_by("Collector,Mode") == {"Collector", "Mode"}


def test_all_settings_are_locked_but_the_exceptions() -> None:
    every = {setting.name for setting in TABLE}
    assert locked_by("*") == every
    assert locked_by(["*", "!AgentCpu", "!AgentMemory"]) == every - {"AgentCpu", "AgentMemory"}
    assert locked_by("!AgentCpu , *") == every - {"AgentCpu"}


@pytest.mark.parametrize(
    ("locks", "message"),
    [
        ("*,!AgentCpus", 'Unknown setting "AgentCpus" in LockedSettings, which is from here. Did you mean "AgentCpu"?'),
        ("Colector", 'Unknown setting "Colector" in LockedSettings, which is from here. Did you mean "Collector"?'),
        (
            "!AgentCpu",
            (
                '"!AgentCpu" in LockedSettings, which is from here, is an exception, and LockedSettings does not lock all '
                'settings. Add "*" to lock all other settings, or remove the exception.'
            ),
        ),
        (
            "*,AgentCpu,!AgentCpu",
            'LockedSettings, which is from here, has both "!AgentCpu" and "AgentCpu". Remove one.',
        ),
    ],
    ids=["unknown-exception", "unknown", "only-an-exception", "both"],
)
def test_locks_that_mean_nothing_are_errors(locks: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        merge_layers(Layer("here", {"LockedSettings": locks}))
    assert str(error.value).startswith(f"{message} (SI1")


@pytest.mark.parametrize("locks", ["**", "*x", "!", "!*", "Collector;Mode"], ids=readable_id)
def test_other_forms_are_errors(locks: str) -> None:
    with pytest.raises(UsageError, match="Use names of settings"):
        merge_layers(Layer("here", {"LockedSettings": locks}))


def with_metadata(values: Json, *, on: str) -> dict[str, Json]:
    value = template()
    (value if on == "template" else value["Resources"]["Api"])["Metadata"] = {"SysdigInstrument": values}
    return value


@pytest.mark.parametrize("name", OPEN)
def test_nothing_is_open_if_all_is_locked(name: str) -> None:
    for on in () if name in SINGLE else ("template", "resource"):
        problems = problems_of(with_metadata({name: "x"}, on=on), {"LockedSettings": "*"})
        assert any(f'Setting "{name}" in the {on}\'s Metadata is locked' in problem for problem in problems)
    problems = problems_of(with_metadata({"Containers": {"web": {name: "x"}}}, on="resource"), {"LockedSettings": "*"})
    assert any(f'Setting "{name}" in the resource\'s Metadata is locked' in problem for problem in problems)


@pytest.mark.parametrize(
    ("key", "value", "name"),
    [
        ("sysdig-instrument", "false", "Enabled"),
        ("kilt-ignore", "", "Enabled"),
        ("kilt-ignore-containers", "web", "ExcludeContainers"),
    ],
)
def test_tags_are_locked_too(key: str, value: str, name: str) -> None:
    tagged: Json = {"Resources": {"Api": resource(Tags=[{"Key": key, "Value": value}])}}
    (problem,) = problems_of(tagged, {"LockedSettings": "*"})
    assert f'Setting "{name}" in the tags is locked' in problem
    assert problems_of(tagged, {"LockedSettings": f"*,!{name}"}) == []


def test_an_exception_is_open() -> None:
    value = with_metadata({"AgentCpu": 64}, on="resource")
    assert problems_of(value, {"LockedSettings": "*,!AgentCpu"}) == []


@pytest.mark.parametrize(
    ("locks", "is_locked"), [("ImageConfigs", True), ("ImageConfig", True), ("*,!ImageConfigs", True), ("*,!ImageConfig", False), ("Mode", False)]
)  # fmt: skip
def test_the_image_config_of_a_container_is_locked_with_image_configs(locks: str, *, is_locked: bool) -> None:
    own: Json = {"web": {"ImageConfig": {"Entrypoint": ["/app"]}}}
    problems = problems_of(with_metadata({"Containers": own}, on="resource"), {"LockedSettings": locks})
    assert [problem for problem in problems if "is locked by" in problem] == problems
    assert bool(problems) is is_locked


@pytest.mark.parametrize("name", ["AgentEntryPoint", "AgentCommand", "TrustedAgentImages", "LockedSettings"])
def test_what_the_agent_runs_is_for_the_deployment_alone(name: str) -> None:
    value: Json = ["/bin/true"] if name.startswith("Agent") else "*"
    for on in ("template", "resource"):
        (problem,) = problems_of(with_metadata({name: value}, on=on))
        assert "can only be set in the macro's deployment" in problem
    assert processed(template(), {name: value})


@pytest.mark.parametrize(
    "variable", ["LD_PRELOAD", "PATH", "GLIBC_TUNABLES", "SYSDIG_ORCHESTRATOR", "SYSDIG_ACCESS_KEY"]
)
def test_variables_that_take_the_agent_over_are_not_for_templates(variable: str) -> None:
    (problem,) = problems_of(with_metadata({"AgentEnvironment": {variable: "planted"}}, on="resource"))
    assert f"sets {variable}, which can replace what the agent does" in problem
    assert "planted" not in problem
    assert problems_of(with_metadata({"WorkloadEnvironment": {variable: "planted"}}, on="resource")) == []
    assert problems_of(with_metadata({"AgentEnvironment": {"HTTPS_PROXY": "x"}}, on="resource")) == []


@pytest.mark.parametrize(
    ("image", "settings", "is_trusted"),
    [
        ("quay.io/sysdig/workload-agent:6", {}, True),
        ("evil.example/workload-agent", {}, False),
        ("not an image", {}, False),
        ("mirror.example.com/agent:1", {"TrustedAgentImages": "mirror.example.com/*"}, True),
        ("mirror.example.com/agent:1", {"AgentImage": "mirror.example.com/agent:2"}, True),
        ("quay.io/sysdig/workload-agent:6", {"AgentImage": "mirror.example.com/agent:2"}, False),
        ("quay.io/sysdig/workload-agent:6", {"TrustedAgentImages": "mirror.example.com/*"}, False),
    ],
)
def test_a_template_uses_trusted_images_only(image: str, settings: dict[str, Json], *, is_trusted: bool) -> None:
    for on in ("template", "resource"):
        problems = problems_of(with_metadata({"AgentImage": image}, on=on), {**SETTINGS, **settings})
        assert (problems == []) is is_trusted
        assert all("AgentImage" in problem for problem in problems)


@pytest.mark.parametrize(
    "settings",
    [{"ExtraConf": "collector: x"}, {"AgentEnvironment": {"SYSDIG_EXTRA_CONF": "collector: x"}}],
    ids=["setting", "variable"],
)
def test_a_configuration_of_a_template_cannot_override_a_locked_collector(settings: Json) -> None:
    value = template()
    value["Metadata"] = {"SysdigInstrument": settings}
    assert problems_of(value) == []
    (problem,) = problems_of(value, {"LockedSettings": "CollectorPort"})
    assert 'may set the collector, but "CollectorPort" is locked by' in problem


NOT_FOR_TEMPLATES: list[tuple[dict[str, Json], str]] = [
    ({"AgentEnvironment": {"SYSDIG_SIDECAR": "off"}}, "has an invalid value for SYSDIG_SIDECAR"),
    ({"AgentEnvironment": {"SYSDIG_COLLECTOR": "us2"}}, "has an invalid value for SYSDIG_COLLECTOR"),
    ({"AgentEnvironment": {"SYSDIG_COLLECTOR": ""}}, "has an invalid value for SYSDIG_COLLECTOR"),
    ({"AgentEnvironment": {"SYSDIG_COLLECTOR_PORT": "0"}}, "has an invalid value for SYSDIG_COLLECTOR_PORT"),
    ({"AgentEnvironment": {"SYSDIG_PRIORITY": "none"}}, "has an invalid value for SYSDIG_PRIORITY"),
    ({"AgentEnvironment": {"SYSDIG_SIDECAR": {"Fn::Sub": "off"}}}, "has an invalid value for SYSDIG_SIDECAR"),
    ({"WorkloadEnvironment": {"SYSDIG_SIDECAR": "off"}}, "has an invalid value for SYSDIG_SIDECAR"),
    ({"WorkloadEnvironment": {"__INSTRUMENTATION_WRAPPER": "/bin/env"}}, "which can replace what the wrapper does"),
    ({"AccessKeySecret": "none"}, "is none, and the macro's deployment names the secret that the agent needs"),
]


@pytest.mark.parametrize("on", ["template", "resource"])
@pytest.mark.parametrize(("own", "words"), NOT_FOR_TEMPLATES)
def test_a_template_cannot_set_what_leaves_its_task_unprotected(own: dict[str, Json], words: str, on: str) -> None:
    """The hook, which knows the settings of the deployment alone, would find the macro's output unprotected."""
    (problem,) = problems_of(with_metadata(own, on=on))
    assert words in problem


@pytest.mark.parametrize(
    "own",
    [
        {"AgentEnvironment": {"SYSDIG_SIDECAR": "force", "SYSDIG_COLLECTOR": "ingest-eu1.app.sysdig.com"}},
        {
            "AgentEnvironment": {
                "SYSDIG_COLLECTOR_PORT": "443",
                "SYSDIG_PRIORITY": "security",
                "SYSDIG_LOGGING": "debug",
            }
        },
        {"WorkloadEnvironment": {"SYSDIG_SIDECAR": "force", "OTHER": "x"}},
    ],
)
def test_a_template_may_set_variables_to_what_their_settings_accept(own: dict[str, Json]) -> None:
    value = with_metadata(own, on="resource")
    (task,) = plan_of(processed(value)).tasks
    assert protection(task).verdict is Verdict.PROTECTED
    resource = dict(processed(value)["Resources"]["Api"])
    resource.pop("Metadata")  # as the hook sees it
    (task,) = plan_of({"Resources": {"Api": resource}}).tasks
    assert protection(task).verdict is Verdict.PROTECTED
