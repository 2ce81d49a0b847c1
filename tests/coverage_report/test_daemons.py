"""A task outside of Fargate is covered by a daemon if that is positively so, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from coverage_report.fake_ecs import FakeEcs, FakeEcsRegion
from coverage_report.tasks import REGION, instrumented, plain, registered
from sysdig_instrument.coverage.assess import TaskStatus
from sysdig_instrument.coverage.report import Demands, Report
from sysdig_instrument.coverage.survey import Scope, survey, utc_now
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.settings.layers import Layer, merge_layers

STRICT = Demands(require_daemon=True)
HERE, THERE = ("arn:aws:ecs:eu-central-1:111122223333:container-instance/shop/" + each for each in ("a", "b"))
MIRROR = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/sysdig"


def surveyed(region: FakeEcsRegion, demands: Demands = STRICT, **settings: str) -> Report:
    resolved = merge_layers(Layer("--set", dict(settings)))
    return survey(FakeEcs(region).account, Scope((REGION,), demands=demands), resolved, utc_now())


def host_agent(
    image: str = "quay.io/sysdig/agent-slim:13.1.0", pid_mode: str = "host", **members: Any
) -> dict[str, Any]:
    container = {"name": "sysdig-agent", "image": image, "privileged": True, **members}
    return registered(container, family="agent", requiresCompatibilities=["EC2"], pidMode=pid_mode)


def with_daemon(definition: dict[str, Any], instance: str = HERE, **members: Any) -> FakeEcsRegion:
    region = FakeEcsRegion(daemon_services={"shop": ["agent"]})
    region.run(
        "shop", registered(plain(), requiresCompatibilities=["EC2"]), launchType="EC2", containerInstanceArn=HERE
    )
    given = {"group": "service:agent", "launchType": "EC2", "containerInstanceArn": instance, **members}
    region.run("shop", definition, **given)
    return region


def status_of(report: Report, family: str = "web") -> tuple[TaskStatus, tuple[Code, ...]]:
    (group,) = (each for each in report.groups if f"/{family}:" in each.key.task_definition)
    return group.key.assessment.status, group.key.assessment.codes


@pytest.mark.parametrize("demands", [STRICT, Demands()], ids=["strict", "default"])
def test_a_daemon_on_its_instance_covers_a_task(demands: Demands) -> None:
    report = surveyed(with_daemon(host_agent()), demands)
    assert status_of(report) == (TaskStatus.BY_DAEMON, (Code.BY_DAEMON,))
    assert status_of(report, "agent")[0] is TaskStatus.BY_DAEMON
    assert (report.has_passed, report.covered_count, report.expected_count) == (True, 2, 2)


STOPPED: dict[str, Any] = {"containers": [{"name": "sysdig-agent", "lastStatus": "STOPPED"}]}
OVERRIDDEN: dict[str, Any] = {"overrides": {"containerOverrides": [{"name": "sysdig-agent", "command": ["sleep"]}]}}


@pytest.mark.parametrize(
    "region",
    [
        pytest.param(with_daemon(host_agent(), instance=THERE), id="another-instance"),
        pytest.param(with_daemon(host_agent(), group="service:web"), id="not-a-daemon-service"),
        pytest.param(with_daemon(host_agent("quay.io/other/agent:1")), id="not-trusted"),
        pytest.param(with_daemon(host_agent("quay.io/sysdig.evil.example/agent:1")), id="other-repository"),
        pytest.param(with_daemon(host_agent(f"{MIRROR}/agent:1")), id="mirror-not-in-the-settings"),
        pytest.param(with_daemon(host_agent("quay.io/sysdig/workload-agent:6.2.1")), id="the-agent-for-fargate"),
        pytest.param(with_daemon(host_agent(privileged=False)), id="not-privileged"),
        pytest.param(with_daemon(host_agent(pid_mode="task")), id="own-process-namespace"),
        pytest.param(with_daemon(host_agent(command=["sleep", "inf"])), id="runs-something-else"),
        pytest.param(with_daemon(host_agent(entryPoint=["sh"])), id="starts-something-else"),
        pytest.param(with_daemon(host_agent(), **STOPPED), id="stopped"),
        pytest.param(with_daemon(host_agent(), **OVERRIDDEN), id="overridden"),
        pytest.param(with_daemon(registered(plain("sysdig-agent"), family="agent")), id="no-agent"),
    ],
)
def test_what_is_not_positively_a_daemon_covers_nothing(region: FakeEcsRegion) -> None:
    report = surveyed(region)
    assert status_of(report) == (TaskStatus.UNPROTECTED, (Code.DAEMON_MISSING,))
    assert not report.has_passed
    # By default, somebody may have installed the agent on the instance by other means.
    assert status_of(surveyed(region, Demands()))[0] is TaskStatus.OUT_OF_SCOPE


def test_a_mirror_in_the_settings_is_trusted() -> None:
    region = with_daemon(host_agent(f"{MIRROR}/agent:1"))
    assert status_of(surveyed(region, TrustedAgentImages=f"{MIRROR}/*"))[0] is TaskStatus.BY_DAEMON


def test_a_daemon_covers_no_fargate_task() -> None:
    region = with_daemon(host_agent())
    region.run("shop", registered(plain(), family="fargate"), containerInstanceArn=HERE)
    assert status_of(surveyed(region), "fargate")[0] is TaskStatus.UNPROTECTED


def test_an_opt_out_needs_no_daemon() -> None:
    region = FakeEcsRegion()
    tags = [{"key": "sysdig-instrument", "value": "false"}]
    region.run("shop", registered(plain(), family="left", tags=tags, requiresCompatibilities=["EC2"]), launchType="EC2")
    assert status_of(surveyed(region), "left") == (TaskStatus.EXCLUDED, (Code.DISABLED,))


def test_daemons_that_cannot_be_read_are_told() -> None:
    region = with_daemon(host_agent())
    region.error_codes["ListServices"] = "AccessDeniedException"
    report = surveyed(region)
    assert status_of(report) == (TaskStatus.UNKNOWN, (Code.DAEMONS_UNREAD,))
    (group,) = (each for each in report.groups if "/web:" in each.key.task_definition)
    assert group.key.assessment.reasons[-1] == "Allow ecs:ListServices"
    assert surveyed(region, Demands()).has_passed  # there the daemons decide nothing


def managed(**members: Any) -> FakeEcsRegion:
    covered = {"arn": "arn:p:capacity-provider/mine", "runningCount": 2, "withoutDaemonCount": 0}
    container = {"name": "agent", "image": "quay.io/sysdig/agent:13", "privileged": True}
    daemon = {"cluster": "shop", "providers": [covered], "containers": [container], **members}
    region = FakeEcsRegion(managed_daemons={"sysdig": daemon})
    definition = registered(plain(), requiresCompatibilities=["MANAGED_INSTANCES"])
    region.run("shop", definition, launchType="MANAGED_INSTANCES", capacityProviderName="mine")
    return region


def test_a_managed_daemon_covers_the_instances_of_its_capacity_providers() -> None:
    assert status_of(surveyed(managed(), Demands())) == (TaskStatus.BY_DAEMON, (Code.BY_DAEMON,))


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"cluster": "other"}, id="another-cluster"),
        pytest.param(
            {"providers": [{"arn": "a/other", "runningCount": 1, "withoutDaemonCount": 0}]}, id="other-provider"
        ),
        pytest.param(
            {"providers": [{"arn": "a/mine", "runningCount": 1, "withoutDaemonCount": 1}]}, id="not-everywhere"
        ),
        pytest.param({"providers": [{"arn": "a/mine"}]}, id="no-counts"),
        pytest.param({"containers": [{"name": "a", "image": "quay.io/sysdig/agent:13"}]}, id="not-privileged"),
        pytest.param({"containers": [{"name": "a", "image": "busybox", "privileged": True}]}, id="not-the-agent"),
    ],
)
def test_nobody_else_protects_managed_instances(members: dict[str, Any]) -> None:
    report = surveyed(managed(**members), Demands())
    assert status_of(report) == (TaskStatus.UNPROTECTED, (Code.DAEMON_MISSING, Code.MANAGED_INSTANCES))


@pytest.mark.parametrize("operation", ["ListDaemons", "DescribeDaemon", "DescribeDaemonTaskDefinition"])
@pytest.mark.parametrize("code", ["AccessDeniedException", "ServerException"])
def test_managed_daemons_that_cannot_be_read_are_unknown(operation: str, code: str) -> None:
    region = managed()
    region.error_codes[operation] = code
    assert status_of(surveyed(region, Demands())) == (TaskStatus.UNKNOWN, (Code.DAEMONS_UNREAD,))


def test_an_account_with_fargate_only_reads_no_daemons() -> None:
    region = FakeEcsRegion()
    region.run("shop", instrumented())
    assert surveyed(region).has_passed
    assert not {"ListServices", "ListDaemons"} & {operation for operation, _ in region.calls}
