"""Watch, the coverage report and the deployment hook, deployed from the files of a release, on the embedded AWS.

They have an account of their own: the Lambda runtime emulator gives every function an ARN of this account. CloudTrail is not
there, so the tests put its events on EventBridge. Amazon ECS calls no hooks, so the tests call the deployed function.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, Final

import pytest

import release_templates
from deployed.permissions import Permission, allows
from embedded_aws import stacks
from embedded_aws.aws import REGION, EmbeddedAws
from fixtures_deployment import run_task
from fixtures_embedded_aws import ROOT, SECRET, on_embedded_aws
from release_archives import FIRST_ZIP_TIME, write_zip

pytestmark = on_embedded_aws

ACCOUNT: Final = "012345678912"
OTHER: Final = "222222222222"
BUCKET: Final = "acme-macros"
CLUSTER: Final = "shop"
MACRO: Final = "SysdigInstrument"
TRAIL: Final = json.loads((ROOT / "events" / "watch.json").read_text())
LIFECYCLE: Final = json.loads((ROOT / "events" / "deployment-hook.json").read_text())
TASK: Final[dict[str, Any]] = {
    "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "1024", "memory": "2048",
    "executionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/pull",
    "containerDefinitions": [{"name": "web", "image": "shop/web:1.4", "entryPoint": ["run"], "memory": 64}],
}  # fmt: skip
BY_THE_TEST: Final = {"events:PutEvents", "lambda:Invoke", "sqs:ReceiveMessage", "sqs:DeleteMessage"}
numbers = count()


@dataclass
class Fleet:
    """The account, with a bucket that has the files of the release, and a topic whose messages a queue gets."""

    aws: EmbeddedAws
    topic: str = ""
    queue: str = ""
    macro: dict[str, str] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)

    def client(self, service: str) -> Any:
        return self.aws.client(service, account=ACCOUNT)

    def deploy(self, file: str, stack: str, **parameters: str) -> dict[str, str]:
        """Deploy a template of the release from the bucket, and return the resources that exist, with their IDs."""
        address = f"{self.aws.endpoint}/{BUCKET}/{release_templates.PREFIX}/{file}"
        given = {"FunctionBucket": BUCKET, **parameters}
        done = stacks.deploy(self.client("cloudformation"), stack, address, given)
        assert done.succeeded, done
        return dict(done.resources)

    def deploy_macro(self, **parameters: str) -> dict[str, str]:
        given = {"Collector": "us2", "AccessKeySecret": SECRET, "AlarmTopic": self.topic}
        return self.deploy("template.yaml", "sysdig-instrument", **given, **parameters)

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Keep the actions that LocalStack logs while the block runs, but for those of the test itself."""
        start = len(self.aws.log())
        yield
        logged = re.findall(r"AWS ([a-z]+)\.([A-Za-z]+) =>", self.aws.log()[start:])
        self.calls = {f"{service}:{operation}" for service, operation in logged} - BY_THE_TEST

    def allowed(self, role: str) -> list[dict[str, Any]]:
        """Return the statements of the deployed role."""
        iam = self.client("iam")
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
        return [statement for document in documents for statement in document["Statement"]]

    def publish(self, revision: str) -> dict[str, Any]:
        """Put the event of a registration on the bus, and return the message that comes to the topic.

        LocalStack loses an event now and then that comes while the function changes, so another one follows in time.
        """
        sqs, sent = self.client("sqs"), set[str]()
        for _ in range(6):
            sent.add(self._put_event(f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{revision}"))
            for message in sqs.receive_message(QueueUrl=self.queue, WaitTimeSeconds=8).get("Messages", []):
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                found: dict[str, Any] = json.loads(message["Body"])
                if found["event_id"] in sent:
                    return found
        raise AssertionError("no message")

    def _put_event(self, arn: str) -> str:
        event_id = f"event-{next(numbers)}"
        detail = copy.deepcopy(TRAIL["detail"]) | {"eventID": event_id}
        detail["responseElements"]["taskDefinition"]["taskDefinitionArn"] = arn
        entry = {"Source": TRAIL["source"], "DetailType": TRAIL["detail-type"], "Detail": json.dumps(detail)}
        assert self.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
        return event_id

    def invoke(self, function: str, event: Any) -> tuple[Any, str]:
        """Return the answer of a function, and its log."""
        done = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode(), LogType="Tail")
        log = base64.b64decode(done["LogResult"]).decode()
        assert "FunctionError" not in done, log
        return json.loads(done["Payload"].read()), log

    def used(self) -> str:
        (service,) = self.client("ecs").describe_services(cluster=CLUSTER, services=["web"])["services"]
        return str(service["taskDefinition"]).rsplit("/", 1)[-1]


@pytest.fixture(scope="module")
def fleet(aws: EmbeddedAws) -> Iterator[Fleet]:
    found = Fleet(aws)
    s3, sqs, sns, ecs = map(found.client, ("s3", "sqs", "sns", "ecs"))
    s3.create_bucket(Bucket=BUCKET)
    archive = aws.workspace / "function.zip"
    write_zip(archive, aws.workspace / "build" / "MacroFunction", FIRST_ZIP_TIME)
    s3.upload_file(str(archive), BUCKET, f"{release_templates.PREFIX}/function.zip")
    for name, text in release_templates.templates().items():
        s3.put_object(Bucket=BUCKET, Key=f"{release_templates.PREFIX}/{name}", Body=text.encode())
    found.topic = sns.create_topic(Name="operations")["TopicArn"]
    found.queue = sqs.create_queue(QueueName="messages")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=found.queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=found.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    ecs.create_cluster(clusterName=CLUSTER)
    arn = ecs.register_task_definition(**TASK, family="web")["taskDefinition"]["taskDefinitionArn"]
    ecs.create_service(cluster=CLUSTER, serviceName="web", taskDefinition=arn, desiredCount=0)
    found.macro = found.deploy_macro(Watch="REPORT")
    yield found
    functions = found.client("lambda")  # LocalStack takes seconds for each when it stops
    for each in functions.list_functions()["Functions"]:
        functions.delete_function(FunctionName=each["FunctionName"])


def assert_allowed(fleet: Fleet, role: str) -> None:
    """Require that the deployed role allows each call that the function has made. The resources are in tests/deployed."""
    statements = [{**each, "Resource": "*", "Condition": {}} for each in fleet.allowed(role)]
    assert [
        action for action in fleet.calls if not any(allows(each, Permission(action, "*")) for each in statements)
    ] == []


def test_watch_reports_what_comes_from_the_console_and_then_repairs_it_once(fleet: Fleet) -> None:
    found = fleet.macro
    with fleet.recorded():
        message = fleet.publish("web:1")
    assert (message["verdict"], message["what"]) == ("not protected", "web:1")
    assert fleet.calls == {"lambda:GetFunctionConfiguration", "ecs:DescribeTaskDefinition", "sns:Publish"}
    assert_allowed(fleet, found["WatchRole"])
    assert fleet.used() == "web:1"

    found = fleet.deploy_macro(Watch="REMEDIATE")
    with fleet.recorded():
        message = fleet.publish("web:1")
    assert (message["registered"], message["services"]) == ("web:2", {"shop/web": "moved"})
    assert {"ecs:RegisterTaskDefinition", "ecs:UpdateService"} <= fleet.calls
    assert_allowed(fleet, found["WatchRole"])
    again = fleet.publish("web:1")
    assert (again["registered"], again.get("services", {})) == ("web:2", {})
    assert fleet.used() == "web:2"
    assert len(fleet.client("ecs").list_task_definitions(familyPrefix="web")["taskDefinitionArns"]) == 2


def test_the_deployment_hook_answers_for_the_revision_of_the_service(fleet: Fleet) -> None:
    found = fleet.deploy("deployment-hook.yaml", "deployment-hook", DeploymentHook="FAIL")
    event = copy.deepcopy(LIFECYCLE)
    event["executionDetails"]["targetServiceRevisionArn"] = (
        f"arn:aws:ecs:{REGION}:{ACCOUNT}:service-revision/{CLUSTER}/web/1"
    )
    ecs = fleet.client("ecs")
    for revision, status in (("web:1", "FAILED"), ("web:2", "SUCCEEDED")):
        ecs.update_service(cluster=CLUSTER, service="web", taskDefinition=revision)
        with fleet.recorded():
            answer, log = fleet.invoke(found["Function"], event)
        assert answer == {"hookStatus": status}, log
        assert_allowed(fleet, found["Role"])
    assert fleet.calls == {
        "lambda:GetFunctionConfiguration", "ecs:DescribeServiceRevisions", "ecs:DescribeTaskDefinition",
    }  # fmt: skip


def test_the_report_publishes_the_metric_of_its_alarm(fleet: Fleet) -> None:
    given = {"AlarmTopic": fleet.topic, "MinimumPercent": "90"}
    found = fleet.deploy("coverage.yaml", "coverage", **given)
    run_task(fleet.client, CLUSTER, "web:1")
    run_task(fleet.client, CLUSTER, "web:2")
    (rule,) = (each for each in fleet.client("events").list_rules()["Rules"] if "ScheduleExpression" in each)
    (target,) = fleet.client("events").list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert (rule["ScheduleExpression"], target["Arn"].rsplit(":", 1)[-1]) == ("rate(1 day)", found["Function"])
    with fleet.recorded():
        answer, log = fleet.invoke(target["Arn"], {"source": "aws.events", "detail-type": "Scheduled Event"})
    assert answer == {"expected": 2, "protected": 1}
    assert_allowed(fleet, found["Role"])

    alarms = fleet.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (alarm,) = (each for each in alarms if each["MetricName"] == "CoveragePercent")
    dimensions = {each["Name"]: each["Value"] for each in alarm["Dimensions"]}
    published = [json.loads(line) for line in log.splitlines() if '"CoveragePercent"' in line]
    (metrics,) = [each for each in published if "_aws" in each]
    (described,) = metrics["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == alarm["Namespace"]
    assert described["Dimensions"] == [list(dimensions)]
    assert {name: metrics[name] for name in dimensions} == dimensions == {"service": MACRO}
    assert metrics["CoveragePercent"] == [50.0]
    assert (alarm["Threshold"], alarm["AlarmActions"]) == (90.0, [fleet.topic])


def test_the_report_reads_another_account_with_the_role_of_its_template(fleet: Fleet) -> None:
    found = fleet.deploy("coverage.yaml", "coverage-of-others", CoverageAccounts=OTHER)
    arn = fleet.client("iam").get_role(RoleName=found["Role"])["Role"]["Arn"]
    clients = partial(fleet.aws.client, account=OTHER)
    template = release_templates.templates()["coverage-role.yaml"]
    role = stacks.deploy(clients("cloudformation"), "coverage-role", template, {"ReportingRole": arn})
    assert role.succeeded, role
    clients("ecs").create_cluster(clusterName=CLUSTER)
    clients("ecs").register_task_definition(**TASK, family="of-others")
    run_task(clients, CLUSTER, "of-others")
    answer, log = fleet.invoke(found["Function"], {"source": "aws.events", "detail-type": "Scheduled Event"})
    assert answer == {"expected": 1, "protected": 0}
    assert "of-others:1" in log


def test_what_is_turned_off_is_gone(fleet: Fleet) -> None:
    """LocalStack has no type AWS::CloudFormation::LambdaHook, and takes it for deployed."""
    found = fleet.deploy_macro(Watch="OFF", HookMode="WARN", StackHookMode="WARN")
    assert {"Hook", "StackHook", "HookFunction"} <= found.keys()
    assert not [name for name in found if name.startswith("Watch")]
    found = fleet.deploy_macro(Watch="OFF", HookMode="OFF", StackHookMode="OFF")
    assert not [name for name in found if name.startswith(("Watch", "Hook", "StackHook"))]
    functions = fleet.client("lambda").list_functions()["Functions"]
    assert not [each["FunctionName"] for each in functions if re.search("Watch|-Hook", each["FunctionName"])]
    assert not [each["RoleName"] for each in fleet.client("iam").list_roles()["Roles"] if "Watch" in each["RoleName"]]
    assert not [each["Name"] for each in fleet.client("events").list_rules()["Rules"] if "Watch" in each["Name"]]
    assert not [each for each in fleet.client("sqs").list_queues()["QueueUrls"] if "Watch" in each]
    groups = {each["logGroupName"] for each in fleet.client("logs").describe_log_groups()["logGroups"]}
    assert not groups & {"/aws/lambda/sysdig-instrument-watch", "/aws/lambda/sysdig-instrument-hook"}
