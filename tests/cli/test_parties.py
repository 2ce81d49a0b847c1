"""The document, the files found near it, and the caller: nothing of the caller's goes to whom only the others name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, run
from lookup.certificates import Authority
from lookup.network import Call, FakeRegistry, Network, Reply, basic
from sysdig_instrument.lookup import answers, aws

ACCOUNT = "111122223333"
THEIRS = "999988887777"
VALUE = "account-valued1"
OTHER_VALUE = "another-value-2"
LOGIN = {"username": "admin", "password": "from-the-account"}
SETTINGS = ("--region", "eu-west-1", "--set", "Collector=us2", "--set", "AccessKeySecret=none")


@dataclass
class FakeAccount:
    """An AWS account with a value under every name, a login in every secret, and no image in any repository."""

    value: str = VALUE
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def client(self, service: str, region_name: str, **_: object) -> FakeClient:
        return FakeClient(self, service, region_name)

    def called(self, service: str) -> list[dict[str, Any]]:
        return [parameters for name, _, parameters in self.calls if name == service]


@dataclass
class FakeClient:
    """A client of one of the account's services."""

    account: FakeAccount
    service: str
    region: str

    def _record(self, **parameters: Any) -> None:
        self.account.calls.append((self.service, self.region, parameters))

    def get_secret_value(self, **parameters: Any) -> dict[str, Any]:
        self._record(**parameters)
        return {"SecretString": json.dumps(LOGIN)}

    def get_parameters(self, **parameters: Any) -> dict[str, Any]:
        self._record(**parameters)
        return {
            "Parameters": [
                {"Name": name, "ARN": name, "Type": "String", "Value": self.account.value}
                for name in parameters["Names"]
            ]
        }

    def list_exports(self, **parameters: Any) -> dict[str, Any]:
        self._record(**parameters)
        return {"Exports": [{"Name": "Export", "Value": self.account.value}]}

    def describe_stacks(self, **parameters: Any) -> dict[str, Any]:
        self._record(**parameters)
        return {"Stacks": [{"Outputs": [{"OutputKey": "Output", "OutputValue": self.account.value}]}]}

    def get_caller_identity(self) -> dict[str, Any]:
        self._record()
        return {"Account": ACCOUNT}

    def batch_get_image(self, **parameters: Any) -> dict[str, Any]:
        self._record(**parameters)
        return {"failures": [{"imageId": each, "failureCode": "ImageNotFound"} for each in parameters["imageIds"]]}


class World:
    """The account of the caller, and a network with registries that answer to every name."""

    def __init__(self, network: Network, account: FakeAccount) -> None:
        self.network, self.account = network, account

    def registry(self, name: str, *, login: Mapping[str, str] | None = None) -> list[Call]:
        """Add a registry with the image ``app:1``, and return the calls that it receives."""
        registry = FakeRegistry()
        registry["app"].image("1", entrypoint=["/app"])
        if login:
            wanted = basic(login["username"], login["password"])
            challenge = Reply(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
            registry.answer_first = lambda call: None if call.authorization == wanted else challenge
        return self.network.site(name, registry).calls

    @property
    def seen_by_others(self) -> tuple[object, ...]:
        """All that leaves the caller's account: names that are resolved, requests, and calls that another account can log."""
        names = sorted(set(self.network.resolved_names))
        calls = sorted(
            (call.host, call.target, call.authorization or "")
            for site in self.network.sites.values()
            for call in site.calls
        )
        aws_calls = [
            str(each) for name, _, each in self.account.calls if name == "ecr" and each["registryId"] != ACCOUNT
        ]
        return names, calls, aws_calls

    def forget(self) -> None:
        """Start again, as a new process would."""
        self.network.resolved_names.clear()
        self.account.calls.clear()
        for site in self.network.sites.values():
            site.calls.clear()

    @property
    def revealed(self) -> bool:
        """Whether a value of the account went anywhere but to the account itself."""
        return self.account.value in str(self.seen_by_others)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def world(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    network, account = Network(authority), FakeAccount()
    make_environment = answers.LookupEnvironment
    monkeypatch.setattr(
        answers,
        "LookupEnvironment",
        lambda **given: make_environment(
            **given,
            resolve=network.resolve,
            create_connection=network.connect,
            make_ssl_context=lambda: authority.client,
        ),
    )
    monkeypatch.setattr(aws, "aws_session", lambda _profile: account)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.chdir(tmp_path)
    yield World(network, account)
    network.close()


def template(
    image: object,
    *more_images: object,
    task: Mapping[str, Any] | None = None,
    properties: Mapping[str, Any] | None = None,
    **sections: Any,
) -> bytes:
    """Return a template with a container for each image. None of them has an EntryPoint."""
    containers = [{"Name": f"web{number}", "Image": each} for number, each in enumerate((image, *more_images))]
    fargate = {"RequiresCompatibilities": ["FARGATE"], "ExecutionRoleArn": "arn:aws:iam::111122223333:role/x"}
    members = {**fargate, **(properties or {}), "ContainerDefinitions": containers}
    api = {"Type": "AWS::ECS::TaskDefinition", "Properties": members}
    return json.dumps({"Resources": {"Api": {**api, **(task or {})}}, **sections}).encode()


def explain(capsys: pytest.CaptureFixture[str], document: bytes, *arguments: str) -> Ran:
    return run(capsys, "explain", "-", *SETTINGS, *arguments, stdin=document)


def words(ran: Ran) -> str:
    return " ".join((ran.out + ran.err).split())


# --- secrets


def private(secret: object, image: str = "registry.example.com/app:1") -> bytes:
    document = json.loads(template(image))
    container = document["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]
    container["RepositoryCredentials"] = {"CredentialsParameter": secret}
    return json.dumps(document).encode()


@pytest.mark.parametrize("command", ["explain", "diff", "images", "transform"])
def test_the_secret_that_a_document_names_is_not_read(
    command: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = world.registry("registry.example.com", login=LOGIN)
    ran = run(capsys, command, "-", *SETTINGS, stdin=private("arn:aws:secretsmanager:eu-west-1:111122223333:secret:db"))
    assert ran.code == 1
    assert not world.account.called("secretsmanager")
    assert {call.authorization for call in calls} == {None}
    assert 'RegistryCredentials={"registry.example.com": "ARN of the secret"}' in words(ran)


def test_the_secret_that_the_caller_names_for_a_registry_goes_there(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.registry("registry.example.com", login=LOGIN)
    calls = world.registry("other.example.com", login=LOGIN)
    named = ("--set", 'RegistryCredentials={"registry.example.com": "registry/login"}')
    assert explain(capsys, private("another"), *named).code == 0
    assert world.account.called("secretsmanager") == [{"SecretId": "registry/login"}]
    assert explain(capsys, private("registry/login", "other.example.com/app:1"), *named).code == 1
    assert {call.authorization for call in calls} == {None}


def test_the_login_in_dockers_configuration_goes_to_its_registry_only(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"username": LOGIN["username"], "password": LOGIN["password"]}
    (tmp_path / "config.json").write_text(json.dumps({"auths": {"registry.example.com": entry}}))
    world.registry("registry.example.com", login=LOGIN)
    calls = world.registry("registry.example.com.evil.example", login=LOGIN)
    assert explain(capsys, private("any")).code == 0
    assert explain(capsys, private("any", "registry.example.com.evil.example/app:1")).code == 1
    assert {call.authorization for call in calls} == {None}


# --- SSM parameters and exports

SSM = "{{resolve:ssm:/any}}"
CHANCE = {"Fn::Equals": [SSM, VALUE]}
LIST = {"Fn::Split": ["-", SSM]}


def with_secret(secret: object, **sections: Any) -> bytes:
    return json.dumps({**json.loads(private(secret, "evil.example/app:missing")), **sections}).encode()


def output(stack: Any, **members: Any) -> dict[str, Any]:
    return {"Fn::GetStackOutput": {"StackName": stack, "OutputName": "Output", **members}}


REVEALING = {
    "host": template(f"{SSM}.evil.example/app:1"),
    "path": template(f"evil.example/{SSM}:1"),
    "tag": template(f"evil.example/app:{SSM}"),
    "whole": template(SSM),
    "export": template({"Fn::Sub": ["evil.example/${X}:1", {"X": {"Fn::ImportValue": "Export"}}]}),
    "stack output": template({"Fn::Sub": ["evil.example/${X}:1", {"X": output("any")}]}),
    "typed parameter": template(
        {"Fn::Sub": "evil.example/${P}:1"},
        Parameters={"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/any"}},
    ),
    "base64": template({"Fn::Join": ["", ["evil.example/app:", {"Fn::Base64": SSM}]]}),
    "part": template({"Fn::Join": ["", ["evil.example/", {"Fn::Select": [1, LIST]}, ":1"]]}),
    "map": template(
        {"Fn::FindInMap": ["M", SSM, "Image"]},
        Mappings={"M": {VALUE: {"Image": "yes.evil.example/app:1"}, OTHER_VALUE: {"Image": "no.evil.example/app:1"}}},
    ),
    "condition": template(
        {"Fn::If": ["C", "yes.evil.example/app:1", "no.evil.example/app:1"]}, Conditions={"C": CHANCE}
    ),
    "whether it is needed": template(
        "evil.example/app:1",
        task={"Metadata": {"SysdigInstrument": {"Enabled": {"Fn::If": ["C", "true", "false"]}}}},
        Conditions={"C": CHANCE},
    ),
    "whether the wrapper is there": template(
        "evil.example/app:1",
        task={"Condition": "C"},
        Conditions={"C": CHANCE},
    ),
    "CPU architecture": template(
        "evil.example/app:1",
        properties={"RuntimePlatform": {"CpuArchitecture": {"Fn::FindInMap": ["M", SSM, "Cpu"]}}},
        Mappings={"M": {VALUE: {"Cpu": "ARM64"}, OTHER_VALUE: {"Cpu": "X86_64"}}},
    ),
    "whether there is a secret": with_secret(
        {"Fn::If": ["C", "any", {"Ref": "AWS::NoValue"}]}, Conditions={"C": CHANCE}
    ),
    "other account": template(f"{THEIRS}.dkr.ecr.eu-west-1.amazonaws.com/app:{SSM}"),
    "account in the host": template(f"{SSM}.dkr.ecr.eu-west-1.amazonaws.com/app:1"),
}


@pytest.mark.parametrize("document", REVEALING.values(), ids=REVEALING)
def test_others_cannot_tell_one_value_from_another(
    document: bytes, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for host in ("evil.example", "yes.evil.example", "no.evil.example"):
        world.registry(host)
    first = explain(capsys, document)
    seen = world.seen_by_others
    world.forget()
    world.account.value = OTHER_VALUE
    explain(capsys, document)
    assert world.seen_by_others == seen
    assert not world.revealed
    assert VALUE not in first.out + first.err


# --- Dockerfiles

OWN = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"


def write_assets(document: bytes, dockerfiles: Mapping[str, str]) -> Path:
    """Write a template with a manifest beside it, in which each tag of the repository ``app`` has a Dockerfile."""
    assets = {
        tag: {"source": {"directory": tag}, "destinations": {"any": {"repositoryName": "app", "imageTag": tag}}}
        for tag in dockerfiles
    }
    for tag, text in dockerfiles.items():
        Path(tag).mkdir()
        Path(tag, "Dockerfile").write_text(text)
    Path("App.assets.json").write_text(json.dumps({"version": "55.0.0", "dockerImages": assets}))
    file = Path("App.template.json")
    file.write_bytes(document)
    return file


BASES = {VALUE: "FROM yes.evil.example/app:1", OTHER_VALUE: "FROM no.evil.example/app:1"}
CHOSEN_BY_ACCOUNT = {"Fn::FindInMap": ["M", {"Ref": "AWS::AccountId"}, "Tag", {"DefaultValue": OTHER_VALUE}]}
CHOOSING = {
    "tag": template(f"{OWN}/app:{SSM}"),
    "condition": template(
        {"Fn::If": ["C", f"{OWN}/app:{VALUE}", f"{OWN}/app:{OTHER_VALUE}"]}, Conditions={"C": CHANCE}
    ),
    "NoEcho": template({"Fn::Sub": f"{OWN}/app:${{P}}"}, Parameters={"P": {"Type": "String", "NoEcho": True}}),
}


@pytest.mark.parametrize("document", CHOOSING.values(), ids=CHOOSING)
def test_the_base_image_of_a_dockerfile_tells_no_value(
    document: bytes, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for host in ("yes.evil.example", "no.evil.example"):
        world.registry(host)
    file = write_assets(document, BASES)
    first = run(capsys, "explain", file, *SETTINGS, "-p", f"P={VALUE}")
    seen = world.seen_by_others
    world.forget()
    world.account.value = OTHER_VALUE
    run(capsys, "explain", file, *SETTINGS, "-p", f"P={OTHER_VALUE}")
    assert world.seen_by_others == seen
    assert b"Fn::If" in document or VALUE not in first.out + first.err


def test_the_base_image_of_a_dockerfile_does_not_tell_the_account(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for host in ("yes.evil.example", "no.evil.example"):
        world.registry(host)
    image = {"Fn::Sub": ["${AWS::AccountId}.dkr.ecr.eu-west-1.amazonaws.com/app:${T}", {"T": CHOSEN_BY_ACCOUNT}]}
    mappings = {"M": {ACCOUNT: {"Tag": VALUE}}}
    file = write_assets(template(image, Mappings=mappings, Transform="AWS::LanguageExtensions"), BASES)
    ran = run(capsys, "explain", file, *SETTINGS)
    assert "was not looked up" in words(ran)
    assert not world.network.resolved_names


def test_the_account_of_the_credentials_does_not_keep_a_base_image_from_being_read(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the same name in every account, so that to ask for it tells nothing."""
    calls = world.registry("registry.example.com")
    image = {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/app:1"}
    file = write_assets(template(image), {"1": "FROM registry.example.com/app:1"})
    ran = run(capsys, "explain", file, *SETTINGS)
    assert (ran.code, len(calls) > 0) == (0, True), words(ran)
    assert world.account.called("ecr")  # the image itself comes first


@pytest.mark.parametrize("name", ["host", "path", "export", "map", "other account"])
def test_the_message_says_how_to_admit_a_registry(name: str, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ran = explain(capsys, REVEALING[name])
    assert ran.code == 1
    assert "--set AllowedRegistries=HOST" in words(ran)
    assert not world.network.resolved_names


def test_a_value_goes_to_no_parameter_of_another_account(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    arn = f"arn:aws:ssm:eu-west-1:{THEIRS}:parameter/"
    document = template("{{resolve:ssm:${X}}}")
    image = {"Fn::Sub": ["{{resolve:ssm:" + arn + "${X}}}", {"X": SSM}]}
    explain(capsys, document.replace(b'"{{resolve:ssm:${X}}}"', json.dumps(image).encode()))
    assert [each["Names"] for each in world.account.called("ssm")] == [["/any"]]


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(output("any", Region=SSM), id="region"),
        pytest.param(
            output({"Fn::Sub": ["arn:aws:cloudformation:eu-west-1:${X}:stack/a/b", {"X": SSM}]}), id="account"
        ),
        pytest.param(output("any", Region="us-west-2", RoleArn=SSM), id="role"),
    ],
)
def test_a_value_goes_to_no_stack_elsewhere(image: Any, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    explain(capsys, template(image))
    assert world.account.called("ssm")
    assert world.account.called("cloudformation") == []


def test_a_value_may_name_a_stack_of_the_account(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    explain(capsys, template(output(SSM)))
    assert world.account.called("cloudformation") == [{"StackName": VALUE}]


def test_images_that_depend_on_no_value_are_looked_up(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    calls = world.registry("registry.example.com")
    explain(capsys, template("registry.example.com/app:1", f"evil.example/{SSM}:1"))
    assert calls
    assert not world.revealed


@pytest.mark.parametrize(
    ("names", "is_admitted"),
    [
        pytest.param("registry.example.com", True, id="the host"),
        pytest.param("other.example.com,*.example.com", True, id="glob"),
        pytest.param("*", False, id="every host"),
        pytest.param("*.*", False, id="every host with a dot"),
        pytest.param("[a-z]*", False, id="every host that begins with a letter"),
        pytest.param("*example.com", False, id="evilexample.com"),
        pytest.param("*.com", False, id="every host of a top-level domain"),
        pytest.param("registry.*.com", False, id="every domain"),
        pytest.param("registry.example.co?", False, id="other top-level domains"),
        pytest.param("REGISTRY.example.com", True, id="the host in capitals"),
    ],
)
def test_the_caller_names_the_registries_that_may_see_values(
    names: str, world: World, capsys: pytest.CaptureFixture[str], *, is_admitted: bool
) -> None:
    world.registry("registry.example.com")
    explain(capsys, template(f"registry.example.com/{SSM}:1"), "--set", f"AllowedRegistries={names}")
    assert world.revealed is is_admitted


def test_a_settings_file_that_is_found_names_no_registry(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".sysdig-instrument.yaml").write_text("AllowedRegistries: evil.example\n")
    world.registry("evil.example")
    explain(capsys, template(f"evil.example/{SSM}:1"))
    assert not world.revealed


@pytest.mark.parametrize(
    ("repository", "arguments", "is_asked"),
    [
        pytest.param(f"{ACCOUNT}.dkr.ecr.eu-west-1", (), True, id="own account"),
        pytest.param(f"{THEIRS}.dkr.ecr.eu-west-1", (), False, id="another account"),
        pytest.param(f"{ACCOUNT}.dkr.ecr.us-east-1", (), False, id="another Region"),
        pytest.param(f"{THEIRS}.dkr.ecr.eu-west-1", ("--account-id", THEIRS), True, id="account that the caller names"),
        pytest.param(
            f"{THEIRS}.dkr.ecr.us-east-1",
            ("--set", f"AllowedRegistries={THEIRS}.dkr.ecr.us-east-1.amazonaws.com"),
            True,
            id="registry that the caller names",
        ),
        pytest.param(
            f"{THEIRS}.dkr.ecr.eu-west-1",
            ("--set", "AllowedRegistries=*.dkr.ecr.eu-west-1.amazonaws.com"),
            False,
            id="registries of all accounts",
        ),
        pytest.param(
            f"{THEIRS}.dkr.ecr.eu-west-1",
            ("--set", "AllowedRegistries=*.amazonaws.com"),
            False,
            id="all of Amazon",
        ),
    ],
)
def test_amazon_ecr_of_the_own_account_may_see_values(
    repository: str, arguments: tuple[str, ...], world: World, capsys: pytest.CaptureFixture[str], *, is_asked: bool
) -> None:
    explain(capsys, template(f"{repository}.amazonaws.com/app:{SSM}"), *arguments)
    assert bool(world.account.called("ecr")) is is_asked


def test_a_no_echo_parameter_of_the_caller_stays_here(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.registry("evil.example")
    parameters = {"P": {"Type": "String", "NoEcho": True}}
    document = template({"Fn::Sub": "evil.example/${P}:1"}, "evil.example/app:1", Parameters=parameters)
    explain(capsys, document, "-p", f"P={VALUE}")
    assert not world.revealed
    assert "evil.example" in world.network.resolved_names


IS_VALUE = {"C": {"Fn::Equals": [{"Ref": "P"}, VALUE]}}
IF_VALUE = {"Fn::If": ["C", "true", "false"]}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(template({"Fn::If": ["C", "yes.evil.example/app:1", "no.evil.example/app:1"]}), id="which image"),
        pytest.param(template("evil.example/app:1", task={"Condition": "C"}), id="condition"),
        pytest.param(
            template("evil.example/app:1", task={"Metadata": {"SysdigInstrument": {"Enabled": IF_VALUE}}}), id="Enabled"
        ),
        pytest.param(
            template("evil.example/app:1", properties={"Tags": [{"Key": "sysdig-instrument", "Value": IF_VALUE}]}),
            id="tag",
        ),
        pytest.param(
            template(
                "evil.example/app:1", properties={"RequiresCompatibilities": [{"Fn::If": ["C", "FARGATE", "EC2"]}]}
            ),
            id="launch type",
        ),
        pytest.param(with_secret({"Fn::If": ["C", "any", {"Ref": "AWS::NoValue"}]}), id="secret"),
        pytest.param(
            template(
                {
                    "Fn::If": [
                        "C",
                        "evil.example/app:1",
                        "{{resolve:ssm:arn:aws:ssm:eu-west-1:" + THEIRS + ":parameter/x}}",
                    ]
                }
            ),
            id="parameter of another account",
        ),
    ],
)
@pytest.mark.parametrize(
    "declared", [{"NoEcho": True}, {"NoEcho": "true", "Default": OTHER_VALUE}], ids=["no default", "default"]
)
def test_others_cannot_tell_one_no_echo_value_from_another(
    declared: dict[str, Any], document: bytes, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for host in ("evil.example", "yes.evil.example", "no.evil.example"):
        world.registry(host)
    sections = {"Conditions": IS_VALUE, "Parameters": {"P": {"Type": "String", **declared}}}
    with_condition = json.dumps({**json.loads(document), **sections}).encode()
    seen = []
    for value in (VALUE, OTHER_VALUE):
        explain(capsys, with_condition, "-p", f"P={value}")
        seen.append((world.seen_by_others, sorted(map(str, world.account.calls))))
        world.forget()
    assert seen[0] == seen[1]


def test_a_no_echo_value_makes_no_lookup_offline(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    parameters = {"P": {"Type": "String", "NoEcho": True}}
    explain(capsys, template("evil.example/app:1", Parameters=parameters), "-p", f"P={VALUE}", "--offline")
    assert world.seen_by_others == ([], [], [])


# --- the settings file that is found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("InternalRegistries", "http://localhost:5000"),
        ("RegistryCredentials", {"evil.example": "db"}),
        ("TokenServices", {"ghcr.io": "evil.example"}),
    ],
)
def test_a_found_file_does_not_widen_what_may_be_reached(
    name: str, value: object, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / ".sysdig-instrument.yaml"
    file.write_text(json.dumps({name: value}))
    ran = explain(capsys, template("evil.example/app:1"))
    assert (ran.code, world.network.resolved_names) == (2, [])
    assert f'Setting "{name}" in .sysdig-instrument.yaml does not count' in ran.err
    assert "does not count" not in explain(capsys, template("evil.example/app:1"), "--settings", file.name).err


OWN_IMAGE = {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.eu-west-1.amazonaws.com/app:1"}


def test_the_account_of_the_credentials_is_asked_once_and_told_once(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(template(OWN_IMAGE))
    ran = run(capsys, "explain", "a.json", "b.json", *SETTINGS)
    assert {each["registryId"] for each in world.account.called("ecr")} == {ACCOUNT}
    assert len(world.account.called("sts")) == 1
    assert ran.err.count("AWS::AccountId is the account of your AWS credentials") == 1
    assert "AWS::AccountId is not known" not in words(ran)


@pytest.mark.parametrize("command", ["transform", "diff", "images", "check", "inventory"])
def test_each_command_knows_the_account(command: str, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, command, "-", *SETTINGS, stdin=template(OWN_IMAGE, Transform="SysdigInstrument"))
    assert [each["registryId"] for each in world.account.called("ecr")] == [ACCOUNT]


@pytest.mark.parametrize(
    ("image", "arguments"),
    [
        pytest.param(OWN_IMAGE, ("--offline",), id="offline"),
        pytest.param(OWN_IMAGE, ("--account-id", THEIRS), id="given"),
        pytest.param("registry.example.com/app:1", (), id="not needed"),
    ],
)
def test_the_account_is_not_asked(
    image: object, arguments: tuple[str, ...], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.registry("registry.example.com")
    elsewhere = {"Role": {"Type": "AWS::IAM::Role", "Properties": {"Path": {"Ref": "AWS::AccountId"}}}}
    document = json.loads(template(image))
    document["Resources"] |= elsewhere
    ran = explain(capsys, json.dumps(document).encode(), *arguments)
    assert world.account.called("sts") == []
    assert "AWS::AccountId is the account" not in ran.err


@pytest.mark.parametrize(
    "image", ["${AWS::AccountId}.evil.example/app:1", "evil.example/${AWS::AccountId}:1"], ids=["host", "path"]
)
def test_the_account_of_the_credentials_stays_here(
    image: str, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.registry("evil.example")
    ran = explain(capsys, template({"Fn::Sub": image}))
    assert ran.code == 1
    assert ACCOUNT not in str(world.seen_by_others)


def test_a_found_file_does_not_say_which_account_is_the_callers(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A value of the account goes to Amazon ECR in the caller's account only."""
    (tmp_path / ".sysdig-instrument.yaml").write_text(json.dumps({"Options": {"AccountId": THEIRS}}))
    explain(capsys, REVEALING["other account"])
    assert not world.revealed
    explain(capsys, REVEALING["other account"], "--account-id", THEIRS)  # as the caller says so
    assert world.revealed


@pytest.mark.parametrize(
    ("locked", "found"),
    [
        ("Enabled", {"Enabled": False}),
        ("ExcludeContainers", {"ExcludeContainers": "*"}),
        ("Mode", {"Mode": "opt-in"}),
        ("Collector", {"Collector": "eu1"}),
        ("Collector", {"AgentEnvironment": {"SYSDIG_COLLECTOR": "evil.example"}}),
        ("Collector", {"LockedSettings": "Mode", "Collector": "eu1"}),
    ],
)
def test_the_callers_locks_bind_a_found_file(
    locked: str, found: dict[str, Any], world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del world
    (tmp_path / ".sysdig-instrument.yaml").write_text(json.dumps(found))
    ran = explain(capsys, template("registry.example.com/app:1"), "--offline", "--set", f"LockedSettings={locked}")
    assert ran.code == 2
    assert "locked by --set" in ran.err


def test_a_found_file_is_named_where_it_decides(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del world
    (tmp_path / ".sysdig-instrument.yaml").write_text("Enabled: false\n")
    assert "Enabled is false in .sysdig-instrument.yaml" in words(explain(capsys, template("a.example/app:1")))


def test_the_caller_takes_precedence_over_a_found_file(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del world
    (tmp_path / ".sysdig-instrument.yaml").write_text(
        "Collector: eu1\nPriority: security\nAllowedRegistries: a.example\n"
    )
    shown = run(capsys, "settings", "-", *SETTINGS, "--format", "json", stdin=template("a.example/app:1")).value
    settings = shown[0]["taskDefinitions"][0]["settings"]
    assert {name: each["value"] for name, each in settings.items() if each["layer"] != "default"} == {
        "AccessKeySecret": "none",
        "Collector": "us2",
        "Priority": "security",
        "AllowedRegistries": "a.example",
    }


@pytest.mark.parametrize(("mode", "is_found"), [(0o755, True), (0o777, True), (0o1777, False)], ids=oct)
def test_a_repository_in_a_folder_for_everyone_is_not_searched(
    mode: int, world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_found: bool
) -> None:
    del world
    folder = tmp_path / "shared"
    (folder / ".git").mkdir(parents=True)
    (folder / ".sysdig-instrument.yaml").write_text("Enabled: false\n")
    folder.chmod(mode)
    file = folder / "mine" / "app.json"
    file.parent.mkdir()
    file.write_bytes(template("a.example/app:1"))
    shown = run(capsys, "explain", file, *SETTINGS, "--offline")
    assert ("Enabled is false" in words(shown)) is is_found


def test_a_document_in_a_folder_that_does_not_exist_is_a_usage_error(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    del world
    assert run(capsys, "explain", "no/such/folder/app.json", *SETTINGS).code == 2
