"""The macro's contract with CloudFormation, whatever the event is."""

from __future__ import annotations

import copy
import json
import logging
import math
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from case_folders import ACCOUNT, REGION
from factories import SETTINGS, answer_lookups, container, properties_of, resource, template
from fixtures_handler import FakeLambdaContext, invoke
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, Lookup
from sysdig_instrument.engine.settings.table import TABLE
from sysdig_instrument.function import handler as module
from sysdig_instrument.function import macro, memory

ID = "b6d37ac8-0000-1111-2222-333344445555"
NEEDLE = "xyzzy-needle"
"""A string that must never appear outside the fragment."""

Call: TypeAlias = Callable[..., dict[str, Any]]
Out: TypeAlias = pytest.CaptureFixture[str]


def event(fragment: Json, **more: Json) -> dict[str, Json]:
    return {
        "region": REGION,
        "accountId": ACCOUNT,
        "fragment": fragment,
        "transformId": f"{ACCOUNT}::SysdigInstrument",
        "params": {},
        "requestId": ID,
        "templateParameterValues": {},
        **more,
    }


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    for setting in TABLE:
        monkeypatch.delenv(setting.variable, raising=False)
    yield lambda value, changes=None: invoke(value, {**SETTINGS, **(changes or {})}, answer_lookups, monkeypatch)
    module._lookup_session.cache_clear()


class StandardOutput:
    """Writes to the current standard output, which pytest replaces."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture
def out(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> Out:
    """Return what is written to standard output, including the log, whose handler keeps the stream of the import."""
    monkeypatch.setattr(logging.getLogger("sysdig-instrument").handlers[0], "stream", StandardOutput())
    return capsys


def lines(text: str) -> list[dict[str, Any]]:
    """Return the log lines and metrics: one JSON object per line."""
    return [json.loads(line) for line in text.splitlines()]


def metrics_in(text: str) -> dict[str, float]:
    """Return the counts of all EMF lines, which must have CloudWatch's format."""
    counts: dict[str, float] = {}
    for line in lines(text):
        if "_aws" in line:
            assert line["service"] == "sysdig-instrument"
            assert isinstance(line["_aws"]["Timestamp"], int)
            (directive,) = line["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == "SysdigInstrument"
            assert directive["Dimensions"] in ([["service"]], [["service", "Reason"]])
            for each in directive["Metrics"]:
                assert each["Unit"] == "Count"
                name = each["Name"] + (f"/{line['Reason']}" if "Reason" in line else "")
                counts[name] = math.fsum(
                    [line[each["Name"]]] if isinstance(line[each["Name"]], float | int) else line[each["Name"]]
                )
    return counts


# What is answered


def test_a_template_is_instrumented(call: Call) -> None:
    response = call(event(template()))
    assert set(response) == {"requestId", "status", "fragment"}
    assert (response["requestId"], response["status"]) == (ID, "success")
    assert properties_of(response["fragment"])["PidMode"] == "task"


def test_a_template_without_task_definitions_is_unchanged(call: Call) -> None:
    fragment: Json = {"Description": "x", "Resources": {"B": {"Type": "AWS::S3::Bucket"}}}
    assert call(event(fragment)) == {"requestId": ID, "status": "success", "fragment": fragment}


def test_transform_in_the_fragment_changes_nothing_else(call: Call) -> None:
    with_it = call(event({"Transform": ["AWS::LanguageExtensions", "SysdigInstrument"], **template()}))
    without = call(event(template()))
    assert with_it["fragment"].pop("Transform") == ["AWS::LanguageExtensions", "SysdigInstrument"]
    assert with_it == without


@pytest.mark.parametrize("place", ["resource", "properties"])
def test_a_snippet_is_instrumented(call: Call, place: str) -> None:
    fragment = resource() if place == "resource" else resource()["Properties"]
    response = call(event({"Fn::Transform": {"Name": "SysdigInstrument"}, **fragment}))
    assert response["status"] == "success", response
    made = response["fragment"].get("Properties", response["fragment"])
    assert made["PidMode"] == "task"


@pytest.mark.parametrize("fragment", [{}, {"Api": resource()}, {"Name": "web"}, {"Type": "String"}, {"Cpu": "256"}])
def test_a_misplaced_snippet_is_refused_with_advice(call: Call, fragment: Json) -> None:
    response = call(event(fragment))
    assert response["status"] == "failure"
    assert response["errorMessage"].startswith("There is no task definition where this macro is used")


@pytest.mark.parametrize("fragment", [None, [], "x", 5, True, [template()]])
def test_a_fragment_that_is_no_object_is_refused(call: Call, fragment: Json) -> None:
    assert call(event(fragment)) == {
        "requestId": ID,
        "status": "failure",
        "errorMessage": "The template is not an object. Use a CloudFormation template. (SI201)",
    }


@pytest.mark.parametrize("odd", [None, [], "x", 5, True, {}, {"requestId": ID}, [event({})]])
def test_an_invalid_event_is_refused(call: Call, odd: Json) -> None:
    response = call(odd)
    assert response["status"] == "failure"
    assert response["errorMessage"].startswith("This is not a CloudFormation macro event")


@pytest.mark.parametrize("key", ["params", "templateParameterValues"])
@pytest.mark.parametrize("odd", ["x", 5, ["x"], True])
def test_malformed_params_and_parameter_values_are_refused(call: Call, key: str, odd: Json) -> None:
    response = call(event(template(), **{key: odd}))
    assert response["status"] == "failure"
    assert response["errorMessage"].startswith("This is not a CloudFormation macro event")


@pytest.mark.parametrize("key", ["params", "templateParameterValues"])
@pytest.mark.parametrize("nothing", [None, {}, [], ""])
def test_params_and_parameter_values_may_be_missing(call: Call, key: str, nothing: Json) -> None:
    expected = call(event(template()))
    assert call(event(template(), **{key: nothing})) == expected
    lacking = event(template())
    del lacking[key]
    assert call(lacking) == expected


@pytest.mark.parametrize("key", ["region", "accountId", "transformId"])
def test_other_event_members_may_be_missing_or_malformed(call: Call, key: str) -> None:
    lacking = event(template())
    del lacking[key]
    odd: tuple[Json, ...] = (None, 5, [], {})
    for each in (lacking, *({**lacking, key: value} for value in odd)):
        assert call(each)["status"] == "success"


@pytest.mark.parametrize("odd", [None, 5, ["x"], {"a": 1}, True])
def test_a_malformed_request_id_gives_an_empty_one(call: Call, odd: Json) -> None:
    assert call(event(template(), requestId=odd))["requestId"] == ""
    lacking = event(5)
    del lacking["requestId"]
    assert call(lacking)["requestId"] == ""


def test_the_event_is_not_changed(call: Call) -> None:
    given_event = event(template(container(EntryPoint=None)))
    before = copy.deepcopy(given_event)
    call(given_event)
    assert given_event == before


def test_params_of_the_transform_are_settings(call: Call) -> None:
    response = call(event(template(), params={"Enabled": "false"}))
    assert "PidMode" not in properties_of(response["fragment"])
    response = call(event(template(), params={"Enbled": "false"}))
    assert (
        response["errorMessage"]
        == 'Unknown setting "Enbled" in the Transform\'s Parameters. Did you mean "Enabled"? (SI101)'
    )


def test_all_problems_are_in_one_message(call: Call) -> None:
    bad = template(container(Environment=5, VolumesFrom=5))
    response = call(event(bad))
    assert set(response) == {"requestId", "status", "errorMessage"}
    assert len(response["errorMessage"].splitlines()) == 2


@pytest.mark.parametrize(
    "value", [5, {}, template(container(Environment=5, VolumesFrom=5))], ids=["number", "nothing", "task"]
)
@pytest.mark.parametrize("settings", [{}, {"Collector": ""}], ids=["complete", "incomplete"])
def test_a_refusal_ends_with_the_help_text(call: Call, value: Json, settings: dict[str, Json]) -> None:
    text = "Questions: #platform-security, https://wiki.example.com"
    without = call(event(value), settings)["errorMessage"]
    assert call(event(value), {**settings, "HelpText": text})["errorMessage"] == f"{without}\n{text}"


def test_an_unprintable_help_text_is_left_out(call: Call) -> None:
    message = call(event(5), {"HelpText": "\x1b[2J"})["errorMessage"]
    assert "\x1b" not in message


@pytest.mark.parametrize("missing", ["Collector", "AccessKeySecret"])
def test_a_deployment_without_a_required_setting_refuses(call: Call, missing: str) -> None:
    response = call(event(template()), {missing: ""})
    assert response["errorMessage"].startswith(f"The macro was deployed without {missing}.")


@pytest.mark.parametrize("registries", ["*", "quay.io,*", "**,quay.io", "*.*", "?*", "*[a-z]", "quay.io,[!_]*"])
def test_registry_secrets_are_refused_with_globs_for_every_registry(
    call: Call, monkeypatch: pytest.MonkeyPatch, registries: str
) -> None:
    monkeypatch.setenv("REGISTRY_SECRETS", "true")
    response = call(event(template()), {"AllowedRegistries": registries})
    assert response["errorMessage"].startswith(
        "The macro was deployed with RegistrySecrets, and AllowedRegistries admits every registry"
    )
    monkeypatch.setenv("REGISTRY_SECRETS", "")
    assert call(event(template()), {"AllowedRegistries": registries})["status"] == "success"


@pytest.mark.parametrize("registries", ["quay.io", "quay.io,*.example.com", "*.dkr.ecr.*.amazonaws.com", "*.io"])
def test_registry_secrets_are_for_the_registries_that_are_listed(
    call: Call, monkeypatch: pytest.MonkeyPatch, registries: str
) -> None:
    monkeypatch.setenv("REGISTRY_SECRETS", "true")
    assert call(event(template()), {"AllowedRegistries": registries})["status"] == "success"


def test_a_processed_template_that_is_too_large_is_refused(call: Call) -> None:
    assert call(event({"Description": "ä" * 495_000, **template()}))["status"] == "success"
    response = call(event({"Description": "ä" * 500_000, **template()}))
    assert response["errorMessage"].startswith("The processed template has 1,0")


# Odd, deep and large input


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("/", id="slash"),
        pytest.param("~", id="tilde"),
        pytest.param("~1/", id="pointer-escape"),
        pytest.param("é", id="accent"),
        pytest.param("😀", id="emoji"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param("\x00\n", id="control-characters"),
        pytest.param("x" * 5000, id="5000-characters"),
    ],
)
def test_unusual_logical_ids_are_processed(call: Call, name: str) -> None:
    response = call(event({"Resources": {name: resource()}}))
    assert response["status"] == "success", response
    assert properties_of(response["fragment"], name)["PidMode"] == "task"
    json.dumps(response)


@pytest.mark.parametrize("depth", [10_000, 900])
@pytest.mark.parametrize("place", ["outside", "inside", "container", "expression"])
def test_deep_nesting_gives_a_message(call: Call, depth: int, place: str) -> None:
    deep: Json = "x"
    for _ in range(depth):
        deep = {"Fn::Sub": ["x", {"a": deep}]} if place == "expression" else {"a": deep}
    fragments: dict[str, Json] = {
        "outside": {**template(), "Metadata": deep},
        "inside": template(RuntimePlatform=deep),
        "container": template(container(DockerLabels=deep)),
        "expression": template(container(Image=deep, EntryPoint=None)),
    }
    response = call(event(fragments[place]))
    if response["status"] == "failure":
        assert (
            response["errorMessage"] == "The template is nested too deeply to be processed. Reduce its nesting. (SI209)"
        )
    json.dumps(response)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(10**400, id="10-to-the-400"),
        pytest.param(-(10**400), id="minus-10-to-the-400"),
        pytest.param(1e308, id="1e308"),
        pytest.param(math.inf, id="infinity"),
        pytest.param(-math.inf, id="minus-infinity"),
        pytest.param(math.nan, id="nan"),
        pytest.param(0, id="0"),
        pytest.param(-0.0, id="minus-0.0"),
    ],
)
def test_numbers_of_any_size_are_accepted(call: Call, number: float) -> None:
    for place in ("Cpu", "Memory", "MemoryReservation", "Essential", "Name"):
        member: dict[str, Any] = {place: number}
        for fragment in (template(container(**member)), template(**member)):
            response = call(event(fragment))
            assert "Internal error" not in response.get("errorMessage", "")


def test_lone_surrogates_are_passed_through(call: Call) -> None:
    fragment = template(container(Name="\ud800", Image="\udfff", Environment=[{"Name": "\ud800", "Value": "\ud800"}]))
    response = call(event(fragment))
    assert response["status"] == "success", response
    assert properties_of(response["fragment"])["ContainerDefinitions"][0]["Name"] == "\ud800"


junk: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["Resources", "Type", "Properties", "ContainerDefinitions", "Fn::If", "Ref", "Metadata", "SysdigInstrument",
                 "Name", "EntryPoint", "Conditions", "Parameters", "Fn::ForEach::X", "fragment", "params", "Tags"]
            ), inner, max_size=3,
        ),
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(junk)
def test_any_event_gets_a_json_response(call: Call, value: Json) -> None:
    for given_event in (value, event(value), event(template(value)), event({"Resources": {"A": value}})):
        response = call(given_event)
        assert response["status"] in ("success", "failure")
        assert response["status"] == "success" or response["errorMessage"]
        assert "Internal error" not in response.get("errorMessage", "")
        json.dumps(response)


# Internal errors


def test_an_internal_error_names_only_the_request_id(call: Call, monkeypatch: pytest.MonkeyPatch, out: Out) -> None:
    def fail(fragment: Json, _plan: object) -> None:
        raise KeyError(f"{NEEDLE} {fragment}")

    monkeypatch.setattr("sysdig_instrument.function.macro.engine_plan.process", fail)
    response = call(event(template(container(Name=NEEDLE))))
    assert response == {
        "requestId": ID,
        "status": "failure",
        "errorMessage": "Internal error (KeyError); nothing was changed. "
        f"Give the request ID {ID} to the platform team. (SI605)",
    }
    printed = out.readouterr().out
    assert NEEDLE not in printed
    (logged,) = [line for line in lines(printed) if line.get("message") == "failed"]
    assert (logged["error"], logged["level"], logged["macro_request_id"]) == ("KeyError", "ERROR", ID)
    assert logged["where"][-1].startswith("test_handler.py:")
    assert metrics_in(printed) == {"Failed": 1}


@pytest.mark.parametrize(
    "error", [ValueError, TypeError, RecursionError, MemoryError, OSError, AssertionError, ExceptionGroup]
)
def test_any_exception_gives_a_failure_response(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise error(NEEDLE, [ValueError(NEEDLE)]) if error is ExceptionGroup else error(NEEDLE)

    monkeypatch.setattr(macro, "process", fail)
    response = call(event(template()))
    assert response["status"] == "failure"
    assert NEEDLE not in json.dumps(response)


# The deadline


class Hurried(FakeLambdaContext):
    """A context whose remaining time decreases with each call."""

    def __init__(self, *milliseconds: int) -> None:
        self.left = list(milliseconds)

    def get_remaining_time_in_millis(self) -> int:
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


def test_lookups_get_the_remaining_time_minus_a_reserve(monkeypatch: pytest.MonkeyPatch) -> None:
    given_seconds: list[float] = []

    def asker(
        _settings: object, region: str, _line: object, seconds: Callable[[], float]
    ) -> Callable[[Sequence[Lookup]], Mapping[Lookup, Answer]]:
        assert region == REGION

        def ask(requests: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
            given_seconds.append(seconds())
            return answer_lookups(requests)

        return ask

    for setting in TABLE:
        monkeypatch.delenv(setting.variable, raising=False)
    for name, value in SETTINGS.items():
        monkeypatch.setenv(next(each.variable for each in TABLE if each.name == name), str(value))
    monkeypatch.setattr(module, "make_lookup", asker)
    value = template(container(EntryPoint=None, Image={"Fn::ImportValue": "x"}), container(Name="b", EntryPoint=None))
    module.handler(event(value), cast("Any", Hurried(40_000, 30_000, 12_000)))
    assert given_seconds == [28.0]
    given_seconds.clear()
    module.handler(event(value), cast("Any", Hurried(1_500)))
    assert given_seconds == [-0.5]


def with_a_thousand_images() -> dict[str, Any]:
    """Return a template that takes seconds: each condition in an image doubles its possible values."""
    conditions: dict[str, Json] = {f"C{n}": {"Fn::Equals": [{"Ref": "AWS::StackName"}, str(n)]} for n in range(10)}
    parts: list[Json] = [{"Fn::If": [name, "a", "b"]} for name in conditions]
    tasks = {
        f"T{n}": resource(container(Image={"Fn::Join": ["", [f"x{n}", *parts]]}, EntryPoint=None)) for n in range(9)
    }
    return {"Conditions": conditions, "Resources": tasks}


# The alarm may go off within a callback of the garbage collector, such as hypothesis has one: it is lost, and comes again.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_planning_timeout_gives_a_message(call: Call, monkeypatch: pytest.MonkeyPatch, out: Out) -> None:
    monkeypatch.setattr(FakeLambdaContext, "get_remaining_time_in_millis", lambda _: 1_300)
    response = call(event(with_a_thousand_images()))
    assert response["status"] == "failure"
    assert response["errorMessage"].startswith("Processing the template takes longer than the function may run")
    assert "refused" in out.readouterr().out
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert call(event(template()))["status"] == "success"


# Nothing stays, and nothing gets out


def test_no_state_leaks_into_the_next_event(call: Call, out: Out) -> None:
    plain = call(event(template()))
    first = out.readouterr().out
    other: dict[str, Json] = {
        "Metadata": {"SysdigInstrument": {"Priority": "security", "Collector": "other.example.com"}}
    }
    call(
        event({**template(container(Name=NEEDLE, EntryPoint=5)), **other}, requestId="other", params={"Mode": "opt-in"})
    )
    call(5)
    out.readouterr()
    assert call(event(template())) == plain
    second = out.readouterr().out
    assert NEEDLE not in second
    assert [_timeless(line) for line in lines(second)] == [_timeless(line) for line in lines(first)]


def _timeless(line: dict[str, Any]) -> dict[str, Any]:
    # Powertools counts the process's first run as its cold start, and stamps the time.
    return {key: value for key, value in line.items() if key not in ("timestamp", "_aws", "cold_start")}


def with_secrets() -> dict[str, Any]:
    """A template full of secrets, each in a place that causes a message."""
    web = container(
        Environment=[
            {"Name": "DB_PASSWORD", "Value": NEEDLE},
            {"Name": "SYSDIG_ACCESS_KEY", "Value": NEEDLE},
            {"Name": "SYSDIG_SIDECAR", "Value": NEEDLE},
        ],
        Command=[NEEDLE],
        DockerLabels={"x": NEEDLE},
        Essential=NEEDLE,
        Cpu=NEEDLE,
    )
    return {
        "Description": NEEDLE,
        "Parameters": {"Secret": {"Type": "String", "NoEcho": True, "Default": NEEDLE}},
        "Mappings": {"M": {"a": {"b": NEEDLE}}},
        "Conditions": {"C": {"Fn::Equals": [NEEDLE, {"Ref": "Secret"}]}},
        "Outputs": {"O": {"Value": NEEDLE}},
        "Metadata": {"Other": NEEDLE},
        "Resources": {
            "Api": resource(web, PidMode=NEEDLE, Tags=[{"Key": "sysdig-instrument", "Value": "true"}]),
            "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": NEEDLE}},
        },
    }


def check_nothing_got_out(response: dict[str, Any], printed: str) -> None:
    assert NEEDLE not in printed
    assert NEEDLE not in response.get("errorMessage", "")
    for made in response.get("fragment", {}).get("Resources", {}).values():
        assert NEEDLE not in json.dumps(made.get("Metadata"))


def test_secrets_of_a_processed_template_do_not_leak(call: Call, out: Out) -> None:
    response = call(event(with_secrets(), templateParameterValues={"Secret": NEEDLE}))
    assert response["status"] == "success", response
    printed = out.readouterr().out
    assert "is in plain text" in printed
    check_nothing_got_out(response, printed)


@pytest.mark.parametrize(
    "broken",
    [
        {"EntryPoint": NEEDLE},
        {"Environment": NEEDLE},
        {"VolumesFrom": [{"SourceContainer": "unknown", "X": NEEDLE}]},
        {"LinuxParameters": NEEDLE},
        {"Secrets": [{"Name": "DB_PASSWORD", "ValueFrom": NEEDLE}]},
        {"EntryPoint": {"Ref": "Secret"}},
        {"EntryPoint": {"Fn::Split": [NEEDLE, {"Ref": "Secret"}, NEEDLE]}},
        {"EntryPoint": {"Fn::FindInMap": ["M", "a", "b"]}},
        {"LinuxParameters": {"Capabilities": {"Add": NEEDLE}}},
    ],
    ids=[
        "entry-point",
        "environment",
        "volumes-from",
        "linux-parameters",
        "secrets",
        "ref",
        "split",
        "find-in-map",
        "capabilities",
    ],
)
def test_secrets_of_a_refused_template_do_not_leak(call: Call, out: Out, broken: dict[str, Json]) -> None:
    value = with_secrets()
    properties_of(value)["ContainerDefinitions"][0].update(broken)
    response = call(event(value, templateParameterValues={"Secret": NEEDLE}))
    assert response["status"] == "failure"
    check_nothing_got_out(response, out.readouterr().out)


@pytest.mark.parametrize(
    "name",
    [each.name for each in TABLE if each.name not in ("ExtraConf", "AgentImage", "ExcludeContainers", "IncludeContainers", "Collector")],
)  # fmt: skip
def test_an_invalid_setting_value_is_not_quoted(call: Call, out: Out, name: str) -> None:
    bad: Json = {NEEDLE: [NEEDLE]}
    value = {**template(), "Metadata": {"SysdigInstrument": {name: {"Fn::Join": [NEEDLE, [bad]]}}}}
    for given_event in (event(value), event(template(), params={name: f"{NEEDLE} {NEEDLE}\n"})):
        response = call(given_event)
        check_nothing_got_out(response, out.readouterr().out)


def test_an_invalid_deployment_value_is_not_quoted(call: Call, out: Out) -> None:
    response = call(event(template()), {"AccessKeySecret": NEEDLE})
    assert response["status"] == "failure"
    check_nothing_got_out(response, out.readouterr().out)


def test_powertools_never_logs_the_event(call: Call, out: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    call(event(with_secrets()))
    assert NEEDLE not in out.readouterr().out


# Logs and metrics


def test_a_processed_template_is_logged_and_counted(call: Call, out: Out) -> None:
    value = template(container(), container(Name="b"))
    value["Resources"]["Ec2"] = resource(RequiresCompatibilities=["EC2"])
    call(event(value), {"ExcludeContainers": "b"})
    printed = out.readouterr().out
    counts = {"TasksInstrumented": 1, "TasksSkipped": 1, "ContainersInstrumented": 1, "ContainersSkipped": 1}
    assert counts.items() <= metrics_in(printed).items()
    (logged,) = [line for line in lines(printed) if "_aws" not in line]
    assert (logged["message"], logged["level"], logged["macro_request_id"]) == ("processed", "INFO", ID)


def test_a_refusal_is_logged_with_its_message_and_counted(call: Call, out: Out) -> None:
    response = call(event(5))
    printed = out.readouterr().out
    assert metrics_in(printed)["Refused"] == 1
    (logged,) = [line for line in lines(printed) if "_aws" not in line]
    assert (logged["message"], logged["level"]) == ("refused", "WARNING")
    assert response["errorMessage"] in logged.values()


def test_metrics_start_from_nothing_in_every_run(call: Call, out: Out) -> None:
    for _ in range(2):
        call(event(template()))
        assert metrics_in(out.readouterr().out)["TasksInstrumented"] == 1


@pytest.mark.parametrize("is_refused", [True, False])
def test_a_process_that_has_grown_forgets_what_it_keeps(
    call: Call, monkeypatch: pytest.MonkeyPatch, *, is_refused: bool
) -> None:
    """What is kept for later events may be anywhere in memory that a large event took."""
    grown = memory.resident_memory()
    assert grown > 0
    sent = event(template(container(**({"LinuxParameters": 5} if is_refused else {}))))
    for size, is_kept in [(grown, True), (grown + (module.KEPT_MIB + 1) * 2**20, False)]:
        monkeypatch.setattr(memory, "resident_memory", lambda: grown)
        monkeypatch.setattr(module, "_growth_limit", memory.GrowthLimit(module.KEPT_MIB))
        session = module._lookup_session(300)
        monkeypatch.setattr(memory, "resident_memory", lambda size=size: size)
        assert call(sent)["status"] == ("failure" if is_refused else "success")
        assert (module._lookup_session(300) is session) is is_kept
