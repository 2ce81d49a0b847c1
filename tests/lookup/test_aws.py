"""Clients of AWS's services by Region."""

from __future__ import annotations

import contextlib
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import UnknownServiceError

from coverage_report.fake_ecs import BOTOCORE_LOADER
from lookup.content import Anything
from sysdig_instrument.lookup.aws import MAX_CLIENTS, AwsClients, AwsError, Session, folders_in


class CountingSession:
    """A session that creates objects in place of clients."""

    def __init__(self) -> None:
        self.created: list[str] = []

    def client(self, _service: str, region_name: str, config: Anything) -> object:  # noqa: ARG002 - as boto3 has it
        self.created.append(region_name)
        return object()


def all_regions() -> list[str]:
    session = boto3.Session()
    return [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition)
    ]


def test_every_region_has_the_form_of_one() -> None:
    session = CountingSession()
    clients = AwsClients(lambda: session)
    for region in [*all_regions(), "eusc-de-east-1", "us-isof-south-1", "eu-isoe-west-1", "mx-central-1"]:
        clients.client("ssm", region)
    assert len(session.created) > 30


@pytest.mark.parametrize(
    "region",
    [
        pytest.param("", id="empty"),
        pytest.param("x", id="letter"),
        pytest.param("us-east", id="no-number"),
        pytest.param("us-east-1.evil", id="domain"),
        pytest.param("us-east-1\n", id="line-break"),
        pytest.param("US-EAST-1", id="uppercase"),
        pytest.param("us-east-100", id="three-digits"),
        pytest.param("us-east-1-", id="dash-at-the-end"),
        pytest.param("us-east-1/x", id="path"),
        pytest.param("aws-global", id="global"),
        pytest.param("us-1-1", id="digits-for-a-word"),
        pytest.param("us-" + "a" * 500 + "-1", id="long-word"),
        pytest.param("us-" + "a-" * 500 + "1", id="many-words"),
    ],
)
def test_other_names_are_not_regions(region: str) -> None:
    session = CountingSession()
    with pytest.raises(AwsError) as error:
        AwsClients(lambda: session).client("ssm", region)
    assert session.created == []
    fact = "Amazon ECR was not called, because the name of the Region is not valid: InvalidRegionError"
    assert error.value.fact("Amazon ECR") == fact
    assert error.value.advice("x", "y").startswith("Correct the Region")


def test_only_the_clients_that_were_used_last_are_kept() -> None:
    session = CountingSession()
    clients = AwsClients(lambda: session)
    own = clients.client("ssm", "eu-west-1")
    for number in range(99):
        clients.client("ssm", f"us-east-{number}")
        assert clients.client("ssm", "eu-west-1") is own
    assert session.created.count("eu-west-1") == 1
    assert len(clients._clients) == MAX_CLIENTS <= 16
    clients.client("ssm", "us-east-98")
    assert session.created.count("us-east-98") == 1


@pytest.mark.parametrize("fails", [False, True])
def test_no_garbage_is_collected_while_a_client_is_made(*, fails: bool) -> None:
    """What botocore imports and reads for the first client stays."""
    states = []

    class Session(CountingSession):
        def client(self, service: str, region_name: str, config: Anything) -> object:
            states.append(gc.isenabled())
            if fails:
                raise UnknownServiceError(service_name=service, known_service_names="")
            return super().client(service, region_name, config)

    with pytest.raises(AwsError) if fails else contextlib.nullcontext():
        AwsClients(Session).client("ecr", "us-east-1")
    assert states == [False]
    assert gc.isenabled()


def test_a_session_has_the_clients_of_all_services(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "testing")
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: BOTOCORE_LOADER)
    clients = AwsClients()
    for service in ("ecr", "ssm", "sts", "cloudformation"):
        assert clients.client(service, "eu-west-1").meta.service_model.service_name == service
    with pytest.raises(AwsError, match=r"DataNotFoundError|UnknownServiceError"):
        clients.client("no-such-service", "eu-west-1")


def test_a_path_that_cannot_be_looked_at_is_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As ``.aws/models`` in the home directory of another user, in an image that runs as nobody."""

    def deny(path: object, **_: object) -> object:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "sts").mkdir()
    assert folders_in([str(tmp_path)]) == ["sts"]
    with monkeypatch.context() as patched:
        patched.setattr("os.stat", deny)
        patched.setattr("pathlib.Path.stat", deny)
        assert folders_in([str(tmp_path)]) == []


class BotocoreSession:
    """A session as botocore's, which notices that two threads use it at once."""

    def __init__(self) -> None:
        self._is_used = threading.Lock()
        self.overlaps = 0

    def get_component(self, _name: str) -> SimpleNamespace:
        return SimpleNamespace(search_paths=[])

    def register_component(self, *_: object) -> None: ...

    def create_client(self, *_: object, **__: object) -> object:
        return self._use()

    def get_credentials(self) -> object:
        return self._use()

    def _use(self) -> object:
        if not self._is_used.acquire(blocking=False):
            self.overlaps += 1
            return object()
        threading.Event().wait(0.01)
        self._is_used.release()
        return object()


def test_clients_that_share_a_session_use_it_one_after_the_other() -> None:
    botocore = BotocoreSession()
    session = Session(botocore)
    sharing = [AwsClients(lambda: session) for _ in range(3)]
    uses = [lambda each=each: each.client("ecs", "eu-central-1") for each in sharing]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda use: use(), [*uses, *[session.get_credentials] * 3]))
    assert botocore.overlaps == 0
