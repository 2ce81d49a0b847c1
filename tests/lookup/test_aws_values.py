"""SSM parameters and CloudFormation exports, against moto."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import boto3
import pytest
import urllib3
from botocore.awsrequest import AWSResponse
from botocore.exceptions import IncompleteReadError
from botocore.parsers import ResponseParserError
from moto import mock_aws

from lookup.content import Anything
from lookup.network import Network
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import ExportLookup, SsmLookup, StackOutputLookup, Unavailable
from sysdig_instrument.engine.paste import option_value
from sysdig_instrument.lookup.aws import AwsClients, AwsError
from sysdig_instrument.lookup.aws_values import batch_ssm_lookups


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


def parameter(name: str, value: str, kind: str = "String", region: str = "us-east-1") -> str:
    client = boto3.client("ssm", region_name=region)
    client.put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)
    arn: str = client.get_parameter(Name=name)["Parameter"]["ARN"]
    return arn


def test_parameters(network: Network) -> None:
    parameter("/app/image", "nginx:1")
    parameter("/app/image", "nginx:2")
    arn = parameter("/shared", "nginx:3", region="eu-west-1")
    parameter("/list", "a,b", "StringList")
    names = ["/app/image", "/app/image:1", arn, "/list"]
    found = network.look_up(*(SsmLookup(name) for name in names), clients=AwsClients())
    assert found == ["nginx:2", "nginx:1", "nginx:3", "a,b"]


def test_more_than_ten_parameters(network: Network) -> None:
    for number in range(25):
        parameter(f"/image/{number}", f"nginx:{number}")
    requests = [SsmLookup(f"/image/{number}") for number in range(25)]
    assert network.look_up(*requests, clients=AwsClients()) == [f"nginx:{number}" for number in range(25)]


def test_a_missing_parameter_beside_an_existing_one(network: Network) -> None:
    parameter("/here", "nginx")
    gone, here = network.look_up(SsmLookup("/gone"), SsmLookup("/here"), clients=AwsClients())
    assert gone == Unavailable(
        Reason(
            "There is no SSM parameter /gone in us-east-1",
            "Create it, or correct its name",
            code=Code.VALUE_MISSING,
            paste=option_value("Ssm", "/gone"),
        ),
        missing=True,
    )
    assert here == "nginx"


def test_a_missing_version_and_a_missing_arn(network: Network) -> None:
    """A version and an ARN that the service calls invalid do not exist, either."""
    names = ["/here:9", "arn:aws:ssm:us-east-1:123456789012:parameter/gone"]
    responses: list[dict[str, Any]] = [{"Parameters": [], "InvalidParameters": [name]} for name in names]
    for name, response in zip(names, responses, strict=True):
        (gone,) = network.look_up(SsmLookup(name), clients=AwsClients(partial(FakeSsm, response)))
        assert isinstance(gone, Unavailable)
        assert gone.missing


class FakeSsm:
    """A Systems Manager client with a fixed response."""

    def __init__(self, response: Anything) -> None:
        self.response = response

    def client(self, *_: object, **__: object) -> Anything:
        return self

    def get_parameters(self, **_: object) -> Anything:
        return self.response


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"message": "<html>"},
        {"Parameters": []},
        {"Parameters": [], "InvalidParameters": ["/other"]},
        {"Parameters": [], "InvalidParameters": "/p"},
        {"Parameters": "x", "InvalidParameters": [None]},
        {"Parameters": [None, "x", {}]},
        {"Parameters": [{"Name": "/other", "Type": "String", "Value": "v"}]},
        {"Parameters": [{"Name": "/p", "Type": "String"}]},
        {"Parameters": [{"Name": "/p", "Value": "SECRET"}]},
        {"Parameters": [{"Name": "/p", "Type": "String", "Value": ["v"]}]},
        {"Parameters": [{"Name": ["/p"], "ARN": {}, "Type": "String", "Value": "v"}]},
        [],
        None,
    ],
    ids=[
        "empty",
        "not-json",
        "no-parameters",
        "another-is-invalid",
        "invalid-as-string",
        "parameters-as-string",
        "no-objects",
        "another-parameter",
        "no-value",
        "no-type",
        "value-as-array",
        "name-as-array",
        "array",
        "null",
    ],
)
def test_a_response_without_the_parameter_does_not_say_that_it_is_missing(network: Network, response: Anything) -> None:
    (unread,) = network.look_up(SsmLookup("/p"), clients=AwsClients(lambda: FakeSsm(response)))
    assert unread == Unavailable(
        Reason(
            "SSM parameters could not be read (/p): AWS Systems Manager returned an invalid response",
            "Try again; if the error persists, check the service's health",
            code=Code.VALUE_UNREADABLE,
            paste=option_value("Ssm", "/p"),
        )
    )


def test_one_parameter_without_a_value_beside_others(network: Network) -> None:
    good = {"Name": "/good", "Type": "String", "Value": "nginx"}
    response = {"Parameters": [good, {"Name": "/odd", "Type": "String"}], "InvalidParameters": ["/gone"]}
    found = network.look_up(
        SsmLookup("/good"), SsmLookup("/odd"), SsmLookup("/gone"), clients=AwsClients(lambda: FakeSsm(response))
    )
    assert found[0] == "nginx"
    assert [answer.missing for answer in found[1:] if isinstance(answer, Unavailable)] == [False, True]


def test_a_secure_string_is_not_read(network: Network) -> None:
    parameter("/secure", "SECRET", "SecureString")
    (refused,) = network.look_up(SsmLookup("/secure"), clients=AwsClients())
    assert isinstance(refused, Unavailable)
    assert refused.reason.fact == "The SSM parameter /secure is a SecureString, which is never read"
    assert refused.is_final
    assert not refused.missing


def export(name: str, value: str) -> None:
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Out": {"Value": value, "Export": {"Name": name}}},
    }
    boto3.client("cloudformation", "us-east-1").create_stack(StackName=name, TemplateBody=json.dumps(template))


def test_exports(network: Network) -> None:
    export("Image", "nginx:1")
    found, gone = network.look_up(ExportLookup("Image"), ExportLookup("Gone"), clients=AwsClients())
    assert found == "nginx:1"
    assert gone == Unavailable(
        Reason("No stack in us-east-1 exports Gone", "Deploy the stack that exports it first", code=Code.VALUE_MISSING),
        missing=True,
    )


def stack_with_outputs(name: str, region: str, **outputs: str) -> None:
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    boto3.client("cloudformation", region).create_stack(StackName=name, TemplateBody=json.dumps(template))


def test_outputs_of_stacks(network: Network) -> None:
    stack_with_outputs("here", "us-east-1", Image="nginx:1", Tag="2")
    stack_with_outputs("there", "eu-west-1", Image="nginx:3")
    stack_with_outputs("silent", "us-east-1")
    image, tag, other, *unavailable = network.look_up(
        StackOutputLookup("here", "Image"),
        StackOutputLookup("here", "Tag", "us-east-1"),
        StackOutputLookup("there", "Image", "eu-west-1"),
        StackOutputLookup("there", "Image"),
        StackOutputLookup("here", "Gone"),
        StackOutputLookup("silent", "Gone"),
        clients=AwsClients(),
    )
    assert (image, tag, other) == ("nginx:1", "2", "nginx:3")
    assert [each.reason.fact for each in unavailable if isinstance(each, Unavailable)] == [
        "There is no stack there in us-east-1",
        "The stack here in us-east-1 has no output Gone",
        "The stack silent in us-east-1 has no output Gone",
    ]


ROLE = "arn:aws:iam::444455556666:role/reads-outputs"


class FakeStacks:
    """A CloudFormation client that describes each stack in one way, and counts the calls."""

    def __init__(self, response: Anything) -> None:
        self.response = response
        self.stacks: list[str] = []

    def client(self, *_: object, **__: object) -> Anything:
        return self

    def describe_stacks(self, StackName: str) -> Anything:  # noqa: N803 - AWS's name
        self.stacks.append(StackName)
        return self.response


def test_a_stack_is_described_once_for_all_its_outputs(network: Network) -> None:
    service = FakeStacks({"Stacks": [{"Outputs": [{"OutputKey": f"o{n}", "OutputValue": f"v{n}"} for n in range(9)]}]})
    found = network.look_up(*(StackOutputLookup("s", f"o{n}") for n in range(9)), clients=AwsClients(lambda: service))
    assert found == [f"v{n}" for n in range(9)]
    assert service.stacks == ["s"]


def test_no_role_is_assumed_that_settings_do_not_list(network: Network) -> None:
    service = FakeStacks({"Stacks": []})
    lookup = StackOutputLookup("s", "o", None, f"{ROLE}-of-mine")
    (refused,) = network.look_up(lookup, clients=AwsClients(lambda: service), stack_output_roles=(ROLE,))
    assert isinstance(refused, Unavailable)
    assert "with a role that StackOutputRoles does not list" in refused.reason.fact
    assert service.stacks == []


@pytest.mark.parametrize("can_be_assumed", [True, False])
def test_a_role_is_assumed_once_in_a_run(
    network: Network, monkeypatch: pytest.MonkeyPatch, *, can_be_assumed: bool
) -> None:
    """Each session has a model of the service of its own, of some megabytes, and a template may name hundreds of stacks."""
    service = FakeStacks({"Stacks": [{"Outputs": [{"OutputKey": "o", "OutputValue": "v"}]}]})
    clients, assumed = AwsClients(lambda: service), list[tuple[str, str]]()

    def with_role(role: str, region: str) -> AwsClients:
        assumed.append((role, region))
        if not can_be_assumed:
            raise AwsError("AccessDenied")
        return clients

    monkeypatch.setattr(clients, "with_role", with_role)
    regions = ("eu-west-1", "eu-west-2", "eu-west-3")
    lookups = [StackOutputLookup(f"s{n}", "o", region, ROLE) for n in range(30) for region in regions]
    found = network.look_up(*lookups, clients=clients, stack_output_roles=(ROLE,))
    assert [each == "v" for each in found] == [can_be_assumed] * len(lookups)
    assert len(assumed) == 1


def test_an_output_is_read_with_a_role_that_settings_list(network: Network) -> None:
    sts = boto3.client("sts", region_name="us-east-1")
    given = sts.assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
    there = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], "us-east-1")
    template = {"Resources": {"T": {"Type": "AWS::SNS::Topic"}}, "Outputs": {"o": {"Value": "theirs"}}}
    there.client("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(template))
    stack_with_outputs("s", "us-east-1", o="ours")
    lookups = StackOutputLookup("s", "o"), StackOutputLookup("s", "o", None, ROLE)
    assert network.look_up(*lookups, clients=AwsClients(), stack_output_roles=(ROLE,)) == ["ours", "theirs"]


@pytest.mark.parametrize(
    "response",
    [
        {},
        {"Stacks": []},
        {"Stacks": 5},
        {"Stacks": [{}]},
        {"Stacks": [{"Outputs": 5}]},
        {"Stacks": [{"Outputs": [5]}]},
        {"Stacks": [{"Outputs": [{"OutputKey": "o"}]}]},
        {"Stacks": [{"Outputs": []}, {"Outputs": []}]},
    ],
)
def test_a_stack_that_is_not_complete_does_not_say_that_an_output_is_missing(
    network: Network, response: Anything
) -> None:
    (unread,) = network.look_up(StackOutputLookup("s", "o"), clients=AwsClients(lambda: FakeStacks(response)))
    assert isinstance(unread, Unavailable)
    assert unread.reason.fact == (
        "The outputs of stack s in us-east-1 could not be read: AWS CloudFormation returned an invalid response"
    )


class FakeCloudFormation:
    """A CloudFormation client with three pages of exports, or one whose calls fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.tokens: list[str | None] = []

    def client(self, *_: object, **__: object) -> Anything:
        return self

    def list_exports(self, NextToken: str | None = None) -> dict[str, Any]:  # noqa: N803 - AWS's name
        if self.error:
            raise self.error
        self.tokens.append(NextToken)
        number = int(NextToken or 0)
        page: dict[str, Any] = {"Exports": [{"Name": f"e{number}", "Value": f"v{number}"}]}
        return page | ({"NextToken": str(number + 1)} if number < 2 else {})


@pytest.mark.parametrize(("wanted", "pages"), [(["e0"], 1), (["e0", "e1"], 2), (["e2"], 3), (["gone"], 3)])
def test_exports_by_pages(network: Network, wanted: list[str], pages: int) -> None:
    service = FakeCloudFormation()
    found = network.look_up(*(ExportLookup(name) for name in wanted), clients=AwsClients(lambda: service))
    assert len(service.tokens) == pages
    assert [answer for answer in found if isinstance(answer, str)] == [
        name.replace("e", "v") for name in wanted if name != "gone"
    ]


class FakeExports:
    """A CloudFormation client that returns fixed pages, the last one again and again."""

    def __init__(self, *pages: Anything) -> None:
        self.pages = list(pages)

    def client(self, *_: object, **__: object) -> Anything:
        return self

    def list_exports(self, **_: object) -> Anything:
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]


FIRST_PAGE = {"Exports": [{"Name": "e", "Value": "v"}], "NextToken": "1"}


@pytest.mark.parametrize(
    "pages",
    [
        [{}],
        [{"Exports": None}],
        [{"Exports": "x"}],
        [{"Exports": [None]}],
        [{"Exports": [{"Name": "gone"}]}],
        [{"Exports": [{"Value": "v"}]}],
        [{"Exports": [{"Name": "gone", "Value": 5}]}],
        [{"Exports": [], "NextToken": 5}],
        [{"Exports": [], "NextToken": ""}],
        [FIRST_PAGE, {}],
        [FIRST_PAGE],
        [[]],
    ],
    ids=[
        "empty",
        "null",
        "string",
        "null-export",
        "no-value",
        "no-name",
        "value-as-number",
        "token-as-number",
        "empty-token",
        "cut-off-second-page",
        "endless",
        "array",
    ],
)
def test_a_list_that_is_not_complete_does_not_say_that_an_export_is_missing(network: Network, pages: Anything) -> None:
    (unread,) = network.look_up(ExportLookup("gone"), clients=AwsClients(lambda: FakeExports(*pages)))
    assert unread == Unavailable(
        Reason(
            "The exports of us-east-1 could not be listed: AWS CloudFormation returned an invalid response",
            "Try again; if the error persists, check the service's health",
            code=Code.VALUE_UNREADABLE,
        )
    )


def test_an_export_that_was_listed_before_the_list_broke(network: Network) -> None:
    clients = AwsClients(lambda: FakeExports(FIRST_PAGE, {}))
    found, gone = network.look_up(ExportLookup("e"), ExportLookup("gone"), clients=clients)
    assert found == "v"
    assert isinstance(gone, Unavailable)
    assert not gone.missing


def test_an_account_without_exports(network: Network) -> None:
    (gone,) = network.look_up(ExportLookup("gone"), clients=AwsClients())
    assert isinstance(gone, Unavailable)
    assert gone.missing


BROKEN_BODIES = {
    "cut": b'{"Parameters": [{"Name": "/p", "Ty',
    "html": b"<html>SECRET</html>",
    "xml": b"<ListExportsResponse><ListExportsResult/></ListExportsResponse>",
    "array": b"[]",
    "string": b'"SECRET"',
    "null": b"null",
    "empty": b"",
    "bytes": b"\xff\xfe",
    "deep": b"[" * 200_000,
    "wrong-types": b'{"Parameters": 5, "InvalidParameters": {"a": 1}, "Exports": 7}',
    "wrong-item": b'{"Parameters": [{"Name": {}, "LastModifiedDate": "SECRET"}]}',
}


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES.keys())
def test_broken_bodies_are_answers_that_name_the_service(network: Network, body: bytes, status: int) -> None:
    clients = AwsClients(max_attempts=1)
    for service, operation in (("ssm", "GetParameters"), ("cloudformation", "ListExports")):
        response = AWSResponse("https://aws.example", status, {}, io.BytesIO(body))
        response._content = body
        clients.client(service, "us-east-1").meta.events.register_first(
            f"before-send.{service}.{operation}", lambda response=response, **_: response
        )
    answers = network.look_up(SsmLookup("/p"), ExportLookup("e"), clients=clients)
    for answer, service in zip(answers, ("AWS Systems Manager", "AWS CloudFormation"), strict=True):
        assert isinstance(answer, Unavailable)
        assert not answer.missing
        assert f"{service} returned " in answer.reason.fact
        assert "SECRET" not in answer.reason.fact + answer.reason.advice


@pytest.mark.parametrize(
    "error",
    [
        ResponseParserError("SECRET"),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
        http.client.IncompleteRead(b"SECRET"),
        urllib3.exceptions.IncompleteRead(1, 2),
        ConnectionResetError("SECRET"),
        KeyError("SECRET"),
    ],
    ids=["parser", "incomplete-read", "http-client", "urllib3", "reset", "key"],
)
def test_exceptions_about_a_response_are_answers(network: Network, error: Exception) -> None:
    def fail(**_: object) -> Anything:
        raise error

    clients = AwsClients()
    clients.client("ssm", "us-east-1").get_parameters = fail
    (unread,) = network.look_up(SsmLookup("/p"), clients=clients)
    assert isinstance(unread, Unavailable)
    assert not unread.missing
    assert "AWS Systems Manager returned " in unread.reason.fact
    assert "SECRET" not in unread.reason.fact


def test_services_that_deny(network: Network) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - as the package itself does it

    denied = ClientError({"Error": {"Code": "AccessDenied", "Message": "SECRET"}}, "ListExports")

    class Denying(FakeCloudFormation):
        def get_parameters(self, **_: object) -> dict[str, Any]:
            raise denied

    clients = AwsClients(lambda: Denying(denied))
    refused, too = network.look_up(ExportLookup("e"), SsmLookup("/p"), clients=clients)
    assert isinstance(refused, Unavailable)
    assert isinstance(too, Unavailable)
    assert (
        refused.reason.fact == "The exports of us-east-1 could not be listed: AWS CloudFormation returned AccessDenied"
    )
    assert "cloudformation:ListExports" in refused.reason.advice
    assert "SSM parameters could not be read (/p): AWS Systems Manager returned AccessDenied" in too.reason.fact
    assert "ssm:GetParameters" in too.reason.advice


def test_parameter_versions_are_read_separately() -> None:
    """AWS and moto write the version into different fields of a response, so no call asks for two versions."""
    arn = "arn:aws:ssm:eu-west-1:123456789012:parameter/a/b"
    names = ["/p", "/p:1", "/p:2", "/q", arn, f"{arn}:3"]
    found = list(batch_ssm_lookups([SsmLookup(name) for name in names], "us-east-1"))
    assert [(region, [request.name for request in batch]) for region, batch in found] == [
        ("us-east-1", ["/p", "/q"]),
        ("us-east-1", ["/p:1"]),
        ("us-east-1", ["/p:2"]),
        ("eu-west-1", [arn]),
        ("eu-west-1", [f"{arn}:3"]),
    ]
