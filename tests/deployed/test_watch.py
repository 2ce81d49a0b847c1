"""Watch as template.yaml deploys it: what exists in each mode, which events reach it, and which permissions its calls need."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final, cast

import boto3
import pytest
from moto.events.models import EventPattern

from deployed.conftest import Deploy
from deployed.permissions import Calls, denied, unused
from deployed.stack import REGION, TOPIC, Stack, macro_stack
from sysdig_instrument.function.watch_handler import WatchFailedError
from watch.calls import CLUSTER, TASK, handle, of_service, of_task_set, registered

WATCH: Final = frozenset(
    {"WatchRule", "WatchPermission", "WatchFunction", "WatchRole", "WatchLogGroup", "WatchDeadLetters", "WatchAlarm"}
)
HOOK: Final = frozenset({"Hook", "HookFunction", "HookRole", "HookLogGroup", "HookInvocationRole"})
REGISTRY_SECRET: Final = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:registry-AbCdEf"


@pytest.mark.parametrize("watch", ["OFF", "REPORT", "REMEDIATE"])
@pytest.mark.parametrize(("hook", "stack_hook"), [("OFF", "OFF"), ("WARN", "OFF"), ("FAIL", "FAIL")])
@pytest.mark.parametrize("topic", ["", TOPIC])
def test_what_is_off_creates_nothing_and_nothing_refers_to_it(
    watch: str, hook: str, stack_hook: str, topic: str
) -> None:
    stack = macro_stack(Watch=watch, HookMode=hook, StackHookMode=stack_hook, AlarmTopic=topic)
    found = {name for name in stack.resources if name.startswith(("Watch", "Hook", "StackHook"))}
    expected = frozenset() if watch == "OFF" else WATCH if topic else WATCH - {"WatchAlarm"}
    expected |= frozenset() if hook == "OFF" else HOOK | ({"StackHook"} if stack_hook != "OFF" else frozenset())
    alarms = {name for name in found if name.startswith("Hook") and name.endswith("Alarm")}
    assert found - alarms == expected
    assert bool(alarms) is (hook != "OFF" and bool(topic))
    assert stack.exported == {"SysdigInstrument-function": stack.attribute("MacroFunction", "Arn")}


EVENTS: Final = {
    "RegisterTaskDefinition": (registered("arn:aws:ecs:eu-central-1:123456789012:task-definition/web:1"), True),
    "CreateService": (of_service("web", "CreateService"), True),
    "UpdateService": (of_service("web"), True),
    "CreateTaskSet": (of_task_set("web", "web:1"), True),
    "UpdateServicePrimaryTaskSet": (of_service("web", "UpdateServicePrimaryTaskSet"), False),
    "DeleteService": (of_service("web", "DeleteService"), False),
    "of-another-service": (of_service("web", eventSource="eks.amazonaws.com"), False),
    "of-ECS-itself": ({**of_service("web"), "detail-type": "ECS Deployment State Change"}, False),
    "of-somebody": ({**of_service("web"), "source": "me"}, False),
}


@pytest.mark.parametrize("name", EVENTS)
def test_the_rule_sends_the_calls_of_ecs_to_the_function_and_may_do_so(name: str) -> None:
    event, is_sent = EVENTS[name]
    stack = macro_stack(Watch="REPORT")
    rule, permission = stack.resources["WatchRule"], stack.resources["WatchPermission"]
    assert EventPattern.load(json.dumps(rule["EventPattern"])).matches_event(cast("Any", event)) is is_sent
    function = stack.attribute("WatchFunction", "Arn")
    assert rule["Targets"] == [{"Id": "Watch", "Arn": function}]
    assert permission["FunctionName"] == str(function).rsplit(":", 1)[-1]
    assert (permission["Principal"], permission["Action"]) == ("events.amazonaws.com", "lambda:InvokeFunction")
    assert permission["SourceArn"] == stack.attribute("WatchRule", "Arn")


def watched(deploy: Deploy, calls: Calls, stack: Stack, *events: Callable[[Any], Any]) -> Any:
    """Register a task definition and a service from "the console", have watch handle the events, and return ECS."""
    deploy(stack, "WatchFunction")
    ecs = boto3.client("ecs", REGION)
    if not ecs.list_clusters()["clusterArns"]:
        ecs.create_cluster(clusterName=CLUSTER)
    arn = ecs.register_task_definition(**TASK, family="web")["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition=arn, desiredCount=0)
    with calls.recorded():
        for event in events:
            handle(event(arn))
    return ecs


def used(ecs: Any) -> tuple[str, int]:
    """Return the task definition of the service, and the number of all revisions."""
    (service,) = ecs.describe_services(cluster=CLUSTER, services=["web"])["services"]
    return str(service["taskDefinition"]).rsplit("/", 1)[-1], len(ecs.list_task_definitions()["taskDefinitionArns"])


def updated(_: str) -> Any:
    return of_service("web")


def test_reporting_has_the_permissions_that_its_calls_need_and_no_others(deploy: Deploy, calls: Calls) -> None:
    stack = macro_stack(Watch="REPORT", AlarmTopic=TOPIC)
    ecs = watched(deploy, calls, stack, registered, updated)
    assert used(ecs) == ("web:1", 1)
    assert [action for action, _ in calls.made].count("sns:Publish") == 2
    statements = stack.statements("WatchRole")
    assert denied(statements, calls.permissions) == set()
    assert unused(statements, calls.permissions) == set()


def test_without_a_topic_nothing_is_published(deploy: Deploy, calls: Calls) -> None:
    stack = macro_stack(Watch="REPORT")
    watched(deploy, calls, stack, registered, updated)
    statements = stack.statements("WatchRole")
    assert denied(statements, calls.permissions) == set() == unused(statements, calls.permissions)
    assert "sns" not in json.dumps(statements)


@pytest.fixture
def registry() -> Iterator[str]:
    """Start a registry that wants a password, and return its host."""

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="registry"')
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"localhost:{server.server_address[1]}"
        server.shutdown()


ECR: Final = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/shop"
MANIFEST: Final = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "config": {
        "mediaType": "application/vnd.docker.container.image.v1+json",
        "size": 9,
        "digest": f"sha256:{'0' * 64}",
    },
    "layers": [],
}


def image(parameters: Any) -> dict[str, Any]:
    (wanted,) = parameters["imageIds"]
    found = {"imageId": wanted, "imageManifest": json.dumps(MANIFEST), "imageManifestMediaType": MANIFEST["mediaType"]}
    return {"images": [found], "failures": []}


def test_repairing_has_the_permissions_that_its_calls_need_and_no_others(
    deploy: Deploy, calls: Calls, registry: str
) -> None:
    stack = macro_stack(
        Watch="REMEDIATE", AlarmTopic=TOPIC, RegistrySecrets=REGISTRY_SECRET, AllowedRegistries="registry.example",
        EcrRepositories=f"arn:aws:ecr:{REGION}:123456789012:repository/shop",
    )  # fmt: skip
    ecs = watched(deploy, calls, stack, registered, updated, registered)
    assert used(ecs) == ("web:2", 2)  # repaired, once
    settings = calls.answers["lambda:GetFunctionConfiguration"]({})["Environment"]["Variables"]
    settings["SYSDIG_INSTRUMENT_ALLOWED_REGISTRIES"] = f"*.amazonaws.com,{registry}"
    settings["SYSDIG_INSTRUMENT_INTERNAL_REGISTRIES"] = f"http://{registry}"
    settings["SYSDIG_INSTRUMENT_REGISTRY_CREDENTIALS"] = json.dumps({registry: REGISTRY_SECRET})
    calls.answers |= {
        "ecr:BatchGetImage": image,
        "ecr:GetDownloadUrlForLayer": lambda _: {"downloadUrl": "https://127.0.0.1/layer"},
        "secretsmanager:GetSecretValue": lambda _: {"SecretString": '{"username": "u", "password": "p"}'},
    }
    roles = {"taskRoleArn": "arn:aws:iam::123456789012:role/team/app"}
    for number, name in enumerate((f"{ECR}:1", f"{registry}/app:1")):
        container = {"name": "main", "image": name, "memory": 64}
        task = {**TASK, **roles, "family": f"app-{number}", "containerDefinitions": [container]}
        arn = ecs.register_task_definition(**task)["taskDefinition"]["taskDefinitionArn"]
        with calls.recorded(), suppress(WatchFailedError):  # the images cannot be read
            handle(registered(arn))
    with_role = ecs.register_task_definition(**{**TASK, **roles, "family": "role"})["taskDefinition"][
        "taskDefinitionArn"
    ]
    with calls.recorded():
        assert handle(registered(with_role))["registered"] == "role:2"
    statements = stack.statements("WatchRole")
    assert denied(statements, calls.permissions) == set()
    assert unused(statements, calls.permissions) == set()


def test_a_repair_needs_more_than_a_report(deploy: Deploy, calls: Calls) -> None:
    """The policies are evaluated: the role of REPORT does not suffice for what REMEDIATE does."""
    watched(deploy, calls, macro_stack(Watch="REMEDIATE", AlarmTopic=TOPIC), registered)
    missing = denied(macro_stack(Watch="REPORT", AlarmTopic=TOPIC).statements("WatchRole"), calls.permissions)
    assert {each.action for each in missing} == {
        *("ecs:ListClusters", "ecs:ListServices", "ecs:ListTaskDefinitions", "ecs:RegisterTaskDefinition"),
        *("ecs:TagResource", "ecs:UpdateService", "iam:PassRole"),
    }


def test_watch_ignores_the_calls_of_the_role_that_the_template_gives_it(deploy: Deploy, calls: Calls) -> None:
    stack = macro_stack(Watch="REMEDIATE")
    role = stack.resources["WatchFunction"]["Role"]
    session = {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"type": "Role", "arn": role}}}
    ecs = watched(deploy, calls, stack, lambda arn: registered(arn, userIdentity=session))
    assert used(ecs) == ("web:1", 1)
    assert calls.made == []


def test_the_alarm_is_about_the_queue_of_failed_events() -> None:
    stack = macro_stack(Watch="REPORT", AlarmTopic=TOPIC)
    alarm, function = stack.resources["WatchAlarm"], stack.resources["WatchFunction"]
    assert function["DeadLetterConfig"] == {"TargetArn": stack.attribute("WatchDeadLetters", "Arn")}
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SQS", "ApproximateNumberOfMessagesVisible")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": stack.attribute("WatchDeadLetters", "QueueName")}]
    assert alarm["AlarmActions"] == [TOPIC]
