"""``apply`` against moto's ECS: what it does, what it leaves alone, and each way in which a call can fail."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from aws_faults import CUT, DENIED, THROTTLED, TIMED_OUT, Faults
from cli.running import ROOT, run
from services.conftest import CLUSTER, SETTINGS, WRAPPER, add_service, apply, revisions, used
from sysdig_instrument.cli.parser import COMMANDS
from sysdig_instrument.lookup.aws import AwsError

pytestmark = pytest.mark.usefixtures("ecs")


def test_a_dry_run_changes_nothing(ecs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    add_service(ecs, "web")
    ran = apply(capsys)
    assert ran.code == 0, ran.err
    assert "to move" in ran.out
    assert ran.out.endswith("Nothing was changed. Add --execute to do it.\n")
    assert (used(ecs, "web"), revisions(ecs)) == ("web:1", 1)


def test_services_move_and_a_second_run_registers_nothing(
    ecs: Any, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("web", "api"):
        add_service(ecs, name, tags=[{"key": "team", "value": "a"}])
    ran = apply(capsys, "--execute", "--timeout", "60")
    assert ran.code == 0
    assert 'web:1: Task "web": AccessKeySecret is none' in ran.err
    assert ran.out.endswith("All 2 services have moved.\n")
    assert (used(ecs, "web"), used(ecs, "api")) == ("web:2", "api:2")
    described = ecs.describe_task_definition(taskDefinition="web:2", include=["TAGS"])
    main, agent = described["taskDefinition"]["containerDefinitions"]
    assert main["entryPoint"] == [WRAPPER, "/entry"]
    assert agent["name"] == "SysdigInstrumentation"
    assert {"key": "sysdig-instrument-from", "value": "web:1"} in described["tags"]
    again = apply(capsys, "--execute")
    assert again.out.endswith("There is nothing to do.\n")
    assert (again.code, faults.calls["RegisterTaskDefinition"], faults.calls["UpdateService"]) == (0, 2, 2)


def test_the_agent_is_taken_out_again(ecs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    add_service(ecs, "web")
    assert apply(capsys, "--execute").code == 0
    ran = apply(capsys, "--uninstrument", "--execute")
    assert ran.code == 0, ran.err
    assert used(ecs, "web") == "web:3"
    first, third = (ecs.describe_task_definition(taskDefinition=f"web:{number}")["taskDefinition"] for number in (1, 3))
    assert without_empty(third["containerDefinitions"]) == without_empty(first["containerDefinitions"])
    assert third.get("pidMode") == first.get("pidMode")
    assert apply(capsys, "--uninstrument", "--execute").out.endswith("There is nothing to do.\n")


def without_empty(containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in each.items() if value} for each in containers]


def test_what_is_left_alone(ecs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    off = [{"key": "sysdig-instrument", "value": "false"}]
    add_service(ecs, "by-service", tags=off)
    add_service(ecs, "by-task", {"tags": off})
    add_service(ecs, "windows", {"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}})
    add_service(ecs, "blue-green", deploymentController={"type": "EXTERNAL"})
    ran = apply(capsys, "--execute")
    assert ran.code == 0, ran.err
    assert ran.out.count("left alone") == 4
    assert revisions(ecs) == 4


def test_what_runs_on_fargate_gets_the_agent_whatever_its_task_definition_says(
    ecs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    on_ec2 = {"requiresCompatibilities": ["EC2"]}
    arn = add_service(ecs, "web", on_ec2, launchType="FARGATE")
    ecs.create_service(cluster=CLUSTER, serviceName="host", taskDefinition=arn, desiredCount=0, launchType="EC2")
    ran = apply(capsys, "--execute")
    assert ran.code == 0, ran.err
    assert [used(ecs, name) for name in ("web", "host")] == ["web:2", "web:1"]
    assert "nothing to change" in apply(capsys, "--service", "web").out


def test_a_service_whose_task_definition_is_deregistered_could_not_go_back(
    ecs: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """ECS gives no service a deregistered task definition. So rolling back would fail."""
    arn = add_service(ecs, "api")
    add_service(ecs, "web")
    ecs.deregister_task_definition(taskDefinition=arn)
    ran = apply(capsys, "--execute")
    assert ran.code == 1
    assert "Give it an active revision first" in " ".join(ran.out.split())
    assert (used(ecs, "api"), used(ecs, "web"), revisions(ecs)) == ("api:1", "web:1", 1)


def test_a_service_that_is_refused_stops_all(ecs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    add_service(ecs, "web")
    add_service(ecs, "bad", {"containerDefinitions": [{"name": "main", "image": "unknown", "memory": 64}]})
    ran = apply(capsys, "--execute")
    assert ran.code == 1
    assert "Nothing was changed, because a service is refused" in ran.err
    assert (used(ecs, "web"), revisions(ecs)) == ("web:1", 2)
    assert apply(capsys, "--service", "web", "--execute").code == 0
    assert used(ecs, "web") == "web:2"


def test_names_that_match_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert "No service matches" in apply(capsys, "--service", "nothing").err
    ran = run(capsys, "apply", "--cluster", "nothing", *SETTINGS)
    assert (ran.code, "could not be read" in ran.err) == (1, True)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("EndpointConnectionError", "Check the name of the Region, the network"),
        ("ExpiredTokenException", "Provide AWS credentials that are valid"),
        ("ClusterNotFoundException", "Allow what docs/fleet.md lists, and check the names"),
        ("AccessDeniedException", "Allow what docs/fleet.md lists, and check the names"),
    ],
    ids=["unreachable", "expired credentials", "no such cluster", "denied"],
)
def test_services_that_cannot_be_read(
    code: str, advice: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AwsError(code)

    monkeypatch.setattr("sysdig_instrument.cli.commands.apply._plan", fail)
    assert advice in apply(capsys).err


PAGE = (ROOT / "docs" / "fleet.md").read_text()


def test_the_page_has_the_output_and_the_permissions(
    ecs: Any, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    add_service(ecs, "api")
    add_service(ecs, "batch", tags=[{"key": "sysdig-instrument", "value": "false"}])
    ((command, printed),) = re.findall(r"```console\n\$ (.*?)\n(.*?)```", PAGE, re.DOTALL)
    _, *arguments = command.replace(" --from-macro", "").split()
    lines = run(capsys, *arguments, *SETTINGS).out.splitlines()
    expected = [line.replace("api:7", "api:1").replace("batch:3", "batch:1") for line in printed.splitlines()]
    assert [line.split() for line in lines] == [line.split() for line in expected if not line.startswith("web")]
    assert apply(capsys, "--execute").code == 0
    (policy,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    allowed = set(re.findall(r"\b(?:ecs|iam):[A-Z][A-Za-z]+(?=\")", policy)) - {"iam:PassedToService"}
    assert allowed == {*(f"ecs:{operation}" for operation in faults.calls), "ecs:TagResource", "iam:PassRole"}


def test_the_examples_of_the_help(ecs: Any, capsys: pytest.CaptureFixture[str]) -> None:
    add_service(ecs, "web-shop")
    (command,) = (each for each in COMMANDS if each.name == "apply")
    for line in command.examples.splitlines():
        _, *arguments = shlex.split(line.replace(" --from-macro", ""))
        assert run(capsys, *arguments, *SETTINGS).code == 0, line
    assert used(ecs, "web-shop") == "web-shop:3"


READS = ("ListServices", "DescribeServices", "DescribeTaskDefinition", "ListTaskDefinitions")


@pytest.mark.parametrize("operation", READS)
def test_reading_fails(operation: str, ecs: Any, faults: Faults, capsys: pytest.CaptureFixture[str]) -> None:
    add_service(ecs, "web")
    for error in (DENIED, THROTTLED, CUT, TIMED_OUT):
        faults.before[operation] = [error]
        ran = apply(capsys, "--execute")
        assert ran.code == 1
        assert "secret" not in ran.err
        assert (used(ecs, "web"), revisions(ecs)) == ("web:1", 1)
    faults.before.clear()
    assert apply(capsys, "--execute").code == 0
    assert (used(ecs, "web"), revisions(ecs)) == ("web:2", 2)


@pytest.mark.parametrize("error", [DENIED, CUT, TIMED_OUT], ids=["denied", "cut", "timed out"])
@pytest.mark.parametrize("operation", ["RegisterTaskDefinition", "UpdateService"])
def test_a_change_of_the_second_service_fails(
    operation: str, error: Exception, ecs: Any, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("api", "web"):
        add_service(ecs, name)
    faults.before[operation] = [None, error, None]
    ran = apply(capsys, "--execute")
    assert ran.code == 1
    assert f"{operation} for {'shop/web' if operation == 'UpdateService' else 'web'}" in ran.err
    assert (used(ecs, "api"), used(ecs, "web")) == ("api:1", "web:1")
    assert apply(capsys, "--execute").code == 0
    assert (used(ecs, "api"), used(ecs, "web"), revisions(ecs)) == ("api:2", "web:2", 4)


@pytest.mark.parametrize("operation", ["RegisterTaskDefinition", "UpdateService"])
def test_a_change_is_throttled_and_repeated(
    operation: str, ecs: Any, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    add_service(ecs, "web")
    faults.before[operation] = [THROTTLED, THROTTLED, None]
    assert apply(capsys, "--execute").code == 0
    assert (used(ecs, "web"), revisions(ecs)) == ("web:2", 2)


@pytest.mark.parametrize("error", [CUT, TIMED_OUT], ids=["cut", "timed out"])
@pytest.mark.parametrize("operation", ["RegisterTaskDefinition", "UpdateService"])
def test_a_change_takes_effect_and_its_answer_is_lost(
    operation: str, error: Exception, ecs: Any, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    add_service(ecs, "web")
    faults.after[operation] = [error, None]
    ran = apply(capsys, "--execute")
    assert ran.code == 0
    assert (used(ecs, "web"), revisions(ecs)) == ("web:2", 2)


def test_rolling_back_fails_and_the_next_run_mends_it(
    ecs: Any, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("api", "web"):
        add_service(ecs, name)
    faults.before["UpdateService"] = [None, DENIED]
    ran = apply(capsys, "--execute")
    assert ran.code == 1
    assert "api: moved, and could not be rolled back" in ran.err
    assert "web: not moved" in ran.err
    assert (used(ecs, "api"), used(ecs, "web")) == ("api:2", "web:1")
    faults.before.clear()
    assert apply(capsys, "--execute").code == 0
    assert (used(ecs, "api"), used(ecs, "web"), revisions(ecs)) == ("api:2", "web:2", 4)
