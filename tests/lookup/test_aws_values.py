"""SSM parameters and CloudFormation exports, against moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lookup.content import Anything
from lookup.network import Network
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import ExportLookup, SsmLookup, Unavailable
from sysdig_instrument.lookup.aws import AwsClients
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
        Reason("There is no SSM parameter /gone in us-east-1", "Create it, or correct its name"), missing=True
    )
    assert here == "nginx"


def test_a_secure_string_is_not_read(network: Network) -> None:
    parameter("/secure", "SECRET", "SecureString")
    (refused,) = network.look_up(SsmLookup("/secure"), clients=AwsClients())
    assert isinstance(refused, Unavailable)
    assert refused.reason.fact == "The SSM parameter /secure is a SecureString, which is never read"
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
        Reason("No stack in us-east-1 exports Gone", "Deploy the stack that exports it first"), missing=True
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
