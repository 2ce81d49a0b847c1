"""Registry credentials in AWS Secrets Manager, against moto."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from lookup.content import Anything
from lookup.network import Call, FakeRegistry, Network, Reply, basic
from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup, Unavailable
from sysdig_instrument.lookup.aws import AwsClients

PRIVATE = "registry.example.com/app:1"


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        yield


def secret(text: str, name: str = "registry", region: str = "us-east-1") -> str:
    client = boto3.client("secretsmanager", region_name=region)
    arn: str = client.create_secret(Name=name, SecretString=text)["ARN"]
    return arn


@pytest.fixture
def guarded(network: Network) -> list[Call]:
    """Make a registry that requires Basic credentials, and return its calls."""
    registry = FakeRegistry()
    registry["app"].image("1", entrypoint=["/private"])

    def gate(call: Call) -> Reply | None:
        wanted = basic("joe", "s3cret")
        return None if call.authorization == wanted else Reply(401, headers={"WWW-Authenticate": "Basic realm=x"})

    registry.answer_first = gate
    return network.site("registry.example.com", registry).calls


GOOD = json.dumps({"username": "joe", "password": "s3cret"})
BAD = json.dumps({"username": "joe", "password": "other"})


@pytest.mark.usefixtures("guarded")
def test_the_secret_of_the_containers_repository_credentials(network: Network) -> None:
    arn = secret(GOOD, region="eu-west-1")
    assert network.look_up(ImageLookup(PRIVATE, secret_id=arn), clients=AwsClients()) == [ImageConfig(("/private",))]


@pytest.mark.usefixtures("guarded")
def test_a_secret_by_its_name(network: Network) -> None:
    secret(GOOD, "team/registry")
    found = network.look_up(ImageLookup(PRIVATE, "amd64", "team/registry"), clients=AwsClients())
    assert found == [ImageConfig(("/private",))]


@pytest.mark.usefixtures("guarded")
def test_the_secret_that_the_settings_name_for_the_registry(network: Network) -> None:
    secrets = {"registry.example.com": secret(GOOD)}
    found = network.look_up(ImageLookup(PRIVATE), clients=AwsClients(), registry_secrets=secrets)
    assert found == [ImageConfig(("/private",))]


@pytest.mark.usefixtures("guarded")
def test_the_containers_secret_comes_before_the_settings(network: Network) -> None:
    secrets = {"registry.example.com": secret(BAD, "bad")}
    request = ImageLookup(PRIVATE, secret_id=secret(GOOD, "good"))
    assert network.look_up(request, clients=AwsClients(), registry_secrets=secrets) == [ImageConfig(("/private",))]


@pytest.mark.usefixtures("guarded")
def test_a_secret_is_for_its_registry_only(network: Network) -> None:
    other = FakeRegistry()
    other.answer_first = lambda _call: Reply(401, headers={"WWW-Authenticate": "Basic realm=x"})
    calls = network.site("other.example.com", other).calls
    secrets = {"registry.example.com": secret(GOOD)}
    refused = network.look_up(ImageLookup("other.example.com/app:1"), clients=AwsClients(), registry_secrets=secrets)[0]
    assert isinstance(refused, Unavailable)
    assert {call.authorization for call in calls} == {None}


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    "text",
    ["SECRET", "[]", '{"username": "joe"}', '{"username": 1, "password": 2}', "null"],
    ids=["plain-text", "array", "no-password", "numbers", "null"],
)
def test_a_malformed_secret(network: Network, text: str) -> None:
    (refused,) = network.look_up(ImageLookup(PRIVATE, secret_id=secret(text, "odd")), clients=AwsClients())
    assert isinstance(refused, Unavailable)
    assert 'is not a JSON object with "username" and "password"' in refused.reason.fact
    assert "SECRET" not in refused.reason.fact + refused.reason.advice


@pytest.mark.parametrize(
    "members",
    [
        {"engine": "postgres", "host": "db.example", "dbname": "x", "port": 5432},
        {"engine": "mysql"},
        {"host": "db.example"},
        {"dbname": "x"},
        {"port": 5432},
        {"dbClusterIdentifier": "x"},
        {"masterarn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"},
        {"apiKey": "SECRET"},
        {"": None},
    ],
    ids=["database", "engine", "host", "dbname", "port", "cluster", "masterarn", "other", "empty-name"],
)
@pytest.mark.parametrize("named_by", ["container", "settings"])
def test_a_secret_of_something_else_is_not_sent(
    network: Network, guarded: list[Call], members: dict[str, object], named_by: str
) -> None:
    name = "database"
    secret(json.dumps({"username": "joe", "password": "s3cret", **members}), name)
    lookup = ImageLookup(PRIVATE, secret_id=name if named_by == "container" else None)
    registry_secrets = {"registry.example.com": name} if named_by == "settings" else {}
    (refused,) = network.look_up(lookup, clients=AwsClients(), registry_secrets=registry_secrets)
    assert isinstance(refused, Unavailable)
    assert (
        'the secret database is a JSON object with members other than "username" and "password", so it was not sent to '
        "the registry" in refused.reason.fact
    )
    assert "Create a secret for the registry's credentials, with these two members only" in refused.reason.advice
    assert "s3cret" not in refused.reason.fact + refused.reason.advice
    assert "SECRET" not in refused.reason.fact + refused.reason.advice
    assert {call.authorization for call in guarded} == {None}


@pytest.mark.parametrize("name", ["rds!db-1", "rds!cluster-2", "redshift!shop-admin", "events!connection/x/3"])
@pytest.mark.parametrize("is_by_arn", [True, False], ids=["ARN", "name"])
def test_a_secret_that_a_service_manages_is_not_sent(
    network: Network, guarded: list[Call], name: str, *, is_by_arn: bool
) -> None:
    """Amazon RDS makes secrets with exactly the members of a registry's login."""
    arn = f"arn:aws:secretsmanager:us-east-1:111122223333:secret:{name}-AbCdEf"
    answer = {"ARN": arn, "Name": name, "SecretString": json.dumps({"username": "admin", "password": "s3cret"})}
    clients = AwsClients()
    clients.client("secretsmanager", "us-east-1").get_secret_value = lambda **_: answer
    (refused,) = network.look_up(ImageLookup(PRIVATE, "amd64", arn if is_by_arn else name), clients=clients)
    assert isinstance(refused, Unavailable)
    assert "is managed by another AWS service" in refused.reason.fact
    assert "s3cret" not in refused.reason.text
    assert {call.authorization for call in guarded} == {None}


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize(
    "response",
    [{}, {"message": "<html>"}, {"SecretString": None}, {"SecretString": 5}, []],
    ids=["empty", "not-json", "null", "number", "array"],
)
def test_a_response_without_the_secret(network: Network, response: Anything) -> None:
    clients = AwsClients()
    clients.client("secretsmanager", "us-east-1").get_secret_value = lambda **_: response
    (refused,) = network.look_up(ImageLookup(PRIVATE, "amd64", "a"), clients=clients)
    assert isinstance(refused, Unavailable)
    assert (
        "the credentials in a could not be read: AWS Secrets Manager returned an invalid response"
        in refused.reason.fact
    )


@pytest.mark.usefixtures("guarded")
def test_a_binary_secret(network: Network) -> None:
    boto3.client("secretsmanager", "us-east-1").create_secret(Name="binary", SecretBinary=b"SECRET")
    (refused,) = network.look_up(ImageLookup(PRIVATE, "amd64", "binary"), clients=AwsClients())
    assert isinstance(refused, Unavailable)
    assert "is not a JSON object" in refused.reason.fact


@pytest.mark.usefixtures("guarded")
def test_a_missing_secret(network: Network) -> None:
    (refused,) = network.look_up(ImageLookup(PRIVATE, "amd64", "gone"), clients=AwsClients())
    assert isinstance(refused, Unavailable)
    assert (
        "the credentials in gone could not be read: AWS Secrets Manager returned ResourceNotFound"
        in refused.reason.fact
    )


def test_a_secret_is_read_once(network: Network, guarded: list[Call]) -> None:
    arn, clients = secret(GOOD), AwsClients()
    manager = clients.client("secretsmanager", "us-east-1")
    read: list[str] = []
    manager.meta.events.register("before-call.secrets-manager.GetSecretValue", lambda **_: read.append("once"))
    requests = [ImageLookup(f"registry.example.com/app{number}:1", secret_id=arn) for number in range(20)]
    network.look_up(*requests, clients=clients)
    assert read == ["once"]
    assert guarded
