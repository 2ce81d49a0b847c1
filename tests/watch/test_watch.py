"""What watch reports, what it repairs, and what it leaves alone, against moto's ECS."""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from watch.calls import (
    ACCOUNT,
    CLUSTER,
    REGION,
    ROLE,
    TASK,
    WRAPPER,
    Account,
    handle,
    handle_with_retries,
    of_service,
    of_task_set,
    registered,
)

OFF = [{"key": "sysdig-instrument", "value": "false"}]
BY_STACK = [{"key": "aws:cloudformation:stack-name", "value": "shop"}]
remediates = pytest.mark.usefixtures("remediate")


def test_a_definition_from_the_console_is_reported_and_stays(account: Account) -> None:
    arn = account.register("web")
    account.serve("web", arn)
    result = handle(registered(arn))
    assert (result["status"], result["verdict"]) == ("unprotected", "not protected")
    assert (account.used("web"), account.revisions()) == ("web:1", 1)
    (message,) = account.published
    assert message["subject"] == "Not protected by Sysdig: web:1"
    assert message["who"] == "arn:aws:sts::111122223333:assumed-role/Developer/alice"
    assert (message["what"], message["task_definition"]) == ("web:1", "web:1")
    assert {"SI001", "SI006"} <= set(message["codes"])


def test_the_log_has_no_values_of_the_definition(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    environment = [{"name": "PASSWORD", "value": "not-to-be-seen"}]
    arn = account.register(
        "web", containerDefinitions=[{**TASK["containerDefinitions"][0], "environment": environment}]
    )
    handle(registered(arn))
    printed = capsys.readouterr().out
    assert "WatchUnprotected" in printed
    assert "not-to-be-seen" not in printed + json.dumps(account.published)


@remediates
def test_a_definition_from_the_console_is_repaired_once(account: Account) -> None:
    arn = account.register("web", tags=[{"key": "team", "value": "a"}])
    account.serve("web", arn)
    account.serve("other", account.register("other", tags=OFF))
    event = registered(arn)
    result = handle(event)
    assert (result["registered"], result["services"]) == ("web:2", {"shop/web": "moved"})
    described = account.described("web:2")
    main, agent = described["taskDefinition"]["containerDefinitions"]
    assert (main["entryPoint"], agent["name"]) == ([WRAPPER, "/entry"], "SysdigInstrumentation")
    assert {each["key"]: each["value"] for each in described["tags"]} == {
        "team": "a",
        "sysdig-instrument-from": "web:1",
    }
    assert handle(event)["status"] == "ignored"
    assert handle(registered(arn))["registered"] == "web:2"
    assert handle(of_service("web"))["status"] == "passed"
    assert (account.used("web"), account.used("other"), account.revisions()) == ("web:2", "other:1", 3)
    assert account.faults.calls["UpdateService"] == 1


@remediates
@pytest.mark.parametrize("name", ["CreateService", "UpdateService"])
def test_a_service_is_moved(account: Account, name: str) -> None:
    account.serve("web", account.register("web"))
    assert handle(of_service("web", name))["services"] == {"shop/web": "moved"}
    assert account.used("web") == "web:2"


@remediates
def test_services_of_one_name_in_two_clusters(account: Account) -> None:
    arn = account.register("web")
    account.serve("web", arn)
    account.ecs.create_cluster(clusterName="batch")
    controller = {"type": "CODE_DEPLOY"}
    account.ecs.create_service(cluster="batch", serviceName="web", taskDefinition=arn, deploymentController=controller)
    reported = handle(registered(arn))["services"]
    assert reported.keys() == {"shop/web", "batch/web"}
    assert (reported["shop/web"], reported["batch/web"].split(":")[0]) == ("moved", "not moved")


@remediates
def test_its_own_calls_are_ignored_and_what_is_protected_is_left(account: Account) -> None:
    arn = account.register("web")
    own = {"userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": ROLE}}}}
    assert handle(registered(arn, **own)) == {"status": "ignored", "why": "watch itself made the call"}
    handle(registered(arn))
    made = account.described("web:2")["taskDefinition"]["taskDefinitionArn"]
    assert handle(registered(made))["status"] == "passed"  # also without knowing who made it
    assert account.revisions() == 2


@remediates
def test_two_watches_with_other_settings_do_not_follow_each_other(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYSDIG_INSTRUMENT_LOCKED_SETTINGS", "Priority")
    arn = account.register("web")
    account.serve("web", arn)
    for priority in ("availability", "security") * 5:
        monkeypatch.setenv("SYSDIG_INSTRUMENT_PRIORITY", priority)
        handle_with_retries(of_service("web"))
    assert account.revisions() <= 3
    assert any("changes it too" in str(each.get("not_repaired")) for each in account.published)


def left_alone(account: Account) -> None:
    account.serve("web", account.register("web"), tags=OFF)


def of_a_stack(account: Account) -> None:
    account.serve("web", account.register("web"), tags=BY_STACK)


def made_by_a_stack(account: Account) -> None:
    account.serve("web", account.register("web", tags=BY_STACK))


def external(account: Account) -> None:
    account.serve("web", account.register("web"), deploymentController={"type": "EXTERNAL"})


def blue_green(account: Account) -> None:
    account.serve("web", account.register("web"), deploymentController={"type": "CODE_DEPLOY"})


@remediates
@pytest.mark.parametrize("controller", ["EXTERNAL", "CODE_DEPLOY"])
def test_a_task_set_is_judged_by_its_own_definition_and_never_repaired(account: Account, controller: str) -> None:
    """Its controller starts tasks that the service does not say, and would not know of another revision."""
    old, new = account.register("web", tags=OFF), account.register("web")
    account.serve("web", old, deploymentController={"type": controller})
    account.ecs.create_task_set(cluster=CLUSTER, service="web", taskDefinition=new)
    assert handle(of_service("web"))["status"] == "passed"
    result = handle(of_task_set("web", new))
    assert (result["status"], result["task_definition"], result["what"]) == ("unprotected", "web:2", "shop/web")
    assert "the controller of the service" in json.dumps(account.published[0]["not_repaired"])
    assert handle(of_task_set("web", old))["status"] == "passed"
    assert (account.used("web"), account.revisions()) == ("web:1", 2)
    assert not account.faults.calls["UpdateService"]


@remediates
def test_a_service_that_has_left_its_controller_is_not_moved_for_a_task_set(account: Account) -> None:
    account.serve("web", account.register("web", tags=OFF))
    assert handle(of_task_set("web", account.register("other")))["status"] == "unprotected"
    assert (account.used("web"), account.revisions()) == ("web:1", 2)


def test_a_task_set_on_fargate_is_judged_as_such(account: Account) -> None:
    arn = account.register("web", requiresCompatibilities=["EC2"])
    account.serve("web", arn, deploymentController={"type": "EXTERNAL"})
    assert handle(of_task_set("web", arn, responseElements=None))["status"] == "passed"
    assert handle(of_task_set("web", arn))["status"] == "unprotected"  # the event says so
    account.ecs.create_task_set(cluster=CLUSTER, service="web", taskDefinition=arn, launchType="FARGATE")
    assert handle(of_task_set("web", arn, responseElements=None))["status"] == "unprotected"  # Amazon ECS says so


@pytest.mark.parametrize(
    ("strategy", "status"),
    [
        ([{"capacityProvider": "FARGATE_SPOT", "weight": 1}], "unprotected"),
        ([{"capacityProvider": "hosts"}], "passed"),
        ([None, 1, {"capacityProvider": 1}], "passed"),
        ("FARGATE", "passed"),
    ],
    ids=["Fargate", "hosts", "malformed", "text"],
)
def test_a_task_set_by_a_capacity_provider(account: Account, strategy: Any, status: str) -> None:
    arn = account.register("web", requiresCompatibilities=["EC2"])
    account.serve("web", arn, deploymentController={"type": "EXTERNAL"})
    parameters = {"cluster": CLUSTER, "service": "web", "taskDefinition": arn, "capacityProviderStrategy": strategy}
    assert handle(of_task_set("web", arn, requestParameters=parameters, responseElements=None))["status"] == status


@pytest.mark.parametrize("response", [None, {"omitted": True}, {"taskSet": None}, {"taskSet": {"taskDefinition": 1}}])
@pytest.mark.parametrize("given", ["web", "web:1", "arn"])
def test_a_task_set_of_which_only_the_request_is_known(account: Account, response: Any, given: str) -> None:
    arn = account.register("web")
    account.serve("web", arn)
    event = of_task_set("web", arn if given == "arn" else given, responseElements=response)
    result = handle(event)
    assert (result["task_definition"], result["what"]) == ("web:1", "shop/web")


@pytest.mark.parametrize(
    "given", ["", "../web:1", "web:x", "arn:aws:ecs:eu-central-1:999999999999:task-definition/web:1"]
)
def test_a_task_set_whose_definition_the_event_does_not_name_is_unknown(account: Account, given: str) -> None:
    account.serve("web", account.register("web", tags=OFF))
    assert handle(of_task_set("web", given))["verdict"] == "unknown"
    assert handle(of_task_set("gone", given))["status"] == "ignored"


def unknown_image(account: Account) -> None:
    account.serve(
        "web", account.register("web", containerDefinitions=[{"name": "main", "image": "other", "memory": 64}])
    )


@remediates
@pytest.mark.parametrize(
    ("prepare", "reported"),
    [
        pytest.param(of_a_stack, "it belongs to the stack shop", id="service-of-a-stack"),
        pytest.param(made_by_a_stack, "it belongs to the stack shop", id="definition-of-a-stack"),
        pytest.param(external, "an external controller deploys it", id="external"),
        pytest.param(blue_green, "AWS CodeDeploy deploys it", id="code-deploy"),
        pytest.param(unknown_image, "AllowedRegistries", id="unknown-image"),
    ],
)
def test_what_is_reported_and_not_repaired(account: Account, prepare: Any, reported: str) -> None:
    prepare(account)
    handle_with_retries(of_service("web"))
    (message,) = account.published
    assert reported in json.dumps(message)
    assert (account.used("web"), account.revisions()) == ("web:1", 1)


@remediates
def test_an_opt_out_is_respected_and_a_lock_too(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    left_alone(account)
    tagged = account.register("batch", tags=OFF)
    account.serve("batch", tagged)
    for event in (of_service("web"), of_service("batch"), registered(tagged)):
        assert handle(event)["status"] == "passed"
    assert account.published == []
    monkeypatch.setenv("SYSDIG_INSTRUMENT_LOCKED_SETTINGS", "Enabled")
    for event in (of_service("web"), of_service("batch")):
        assert handle(event)["status"] == "unprotected"
    assert "Enabled is locked" in json.dumps(account.published)
    assert (account.used("web"), account.used("batch"), account.revisions()) == ("web:1", "batch:1", 2)


@remediates
def test_an_older_revision_does_not_become_the_latest(account: Account) -> None:
    """The events of two registrations arrive in the wrong order."""
    first, second = account.register("web"), account.register("web", memory="4096")
    assert handle(registered(second))["registered"] == "web:3"
    result = handle(registered(first))
    assert "not the latest" in json.dumps(result["not_repaired"])
    latest = account.described("web")["taskDefinition"]
    assert (latest["memory"], latest["revision"]) == ("4096", 3)


@remediates
def test_a_revision_with_tags_of_another_family_was_not_made_from_this_one(account: Account) -> None:
    """Somebody copied a task definition with its tags."""
    first = account.register("web")
    copied = [{"key": "sysdig-instrument-from", "value": "api:1"}]
    account.register("web", memory="4096", tags=copied)
    assert "not the latest" in json.dumps(handle(registered(first))["not_repaired"])
    assert account.described("web")["taskDefinition"]["memory"] == "4096"


def test_events_that_need_no_look(account: Account) -> None:
    arn = account.register("web")
    account.serve("web", arn)
    scaled = of_service("web", requestParameters={"cluster": CLUSTER, "service": "web", "desiredCount": 3})
    other = registered(arn)
    other["account"] = "999999999999"
    events: list[Any] = [None, [], {}, "text", {"detail": None}, scaled, other]
    events += [registered(arn, errorCode="AccessDenied"), registered(arn, eventName="RunTask")]
    assert {handle(event)["status"] for event in events} == {"ignored"}
    assert not account.faults.calls
    assert account.published == []


FOREIGN = f"arn:aws:ecs:{REGION}:999999999999:task-definition/web:1"


@pytest.mark.parametrize(
    "response",
    [
        None,
        {"omitted": True},
        {"taskDefinition": {"taskDefinitionArn": FOREIGN}},
        {"taskDefinition": {"taskDefinitionArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/../x:1"}},
        {"taskDefinition": {"taskDefinitionArn": ["web:1"]}},
    ],
    ids=["none", "omitted", "foreign", "path", "list"],
)
def test_an_event_without_a_usable_arn_leads_to_the_latest_of_the_family(account: Account, response: Any) -> None:
    arn = account.register("web")
    assert handle(registered(arn, responseElements=response))["task_definition"] == "web:1"


@pytest.mark.parametrize("parameters", [None, {}, {"family": "web/../x"}, {"family": 1}, {"family": "gone"}])
def test_what_cannot_be_read_is_reported_as_unknown(account: Account, parameters: Any) -> None:
    event = registered("web:1", responseElements=None)
    event["detail"]["requestParameters"] = parameters
    assert handle(event)["verdict"] == "unknown"
    assert account.published[0]["codes"] == ["SI042"]


def test_a_service_that_is_gone_is_no_finding(account: Account) -> None:
    assert handle(of_service("gone"))["status"] == "ignored"
    assert account.published == []


def test_a_service_that_moves_to_fargate_is_judged_again(account: Account) -> None:
    """The update gives it no other task definition, but one for EC2 now runs on Fargate."""
    account.serve("web", account.register("web", requiresCompatibilities=["EC2"]), launchType="FARGATE")
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    moved = {"cluster": CLUSTER, "service": "web", "capacityProviderStrategy": strategy}
    assert handle(of_service("web", requestParameters=moved))["status"] == "unprotected"


@remediates
def test_a_definition_for_both_launch_types_is_judged_by_its_service(account: Account) -> None:
    arn = account.register("web", requiresCompatibilities=["EC2"])
    assert handle(registered(arn))["status"] == "passed"
    account.serve("web", arn, launchType="FARGATE")
    assert handle(of_service("web"))["services"] == {"shop/web": "moved"}


def test_the_settings_are_those_of_the_macros_function(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    role = boto3.client("iam", REGION).create_role(RoleName="macro", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    boto3.client("lambda", REGION).create_function(
        FunctionName="macro",
        Role=role,
        Code={"ZipFile": b"x"},
        Handler="h.h",
        Runtime="python3.13",
        Environment={"Variables": {"SYSDIG_INSTRUMENT_ENABLED": "false", "SYSDIG_INSTRUMENT_COLLECTOR": "us2"}},
    )
    monkeypatch.setenv("MACRO_FUNCTION", "macro")
    assert handle(registered(account.register("web")))["status"] == "passed"


# --- many at once


@remediates
def test_a_hundred_events_at_once(account: Account) -> None:
    """Duplicates, out of order, of families that somebody else changes meanwhile."""
    for number in range(4):
        account.serve(f"web{number}", account.register(f"web{number}"))
    newer = account.register("web3", memory="4096")
    account.faults.before["UpdateService"] = [account.update("web3", newer)]
    arns = [account.described(f"web{number}:1")["taskDefinition"]["taskDefinitionArn"] for number in range(4)]
    events = [registered(arn) for arn in arns] + [of_service(f"web{number}") for number in range(4)]
    many = events * 12 + [of_service("web3") for _ in range(4)]
    random.Random(1).shuffle(many)  # noqa: S311 - any order
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(handle_with_retries, many))
    assert [account.used(f"web{number}") for number in range(3)] == [f"web{number}:2" for number in range(3)]
    last = account.described(account.used("web3"))
    assert last["taskDefinition"]["containerDefinitions"][-1]["name"] == "SysdigInstrumentation"
    assert {each["key"]: each["value"] for each in last["tags"]}["sysdig-instrument-from"] in ("web3:1", "web3:2")
    assert account.revisions() <= 3 * 2 + 4
    settled = account.revisions()
    for event in [of_service(f"web{number}") for number in range(4)]:
        assert handle(event)["status"] == "passed"
    assert account.revisions() == settled
