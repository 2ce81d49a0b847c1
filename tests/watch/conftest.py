"""An account of moto's with a cluster, and the settings of watch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import boto3
import pytest
from moto import mock_aws

from coverage_report.fake_ecs import BOTOCORE_LOADER
from sysdig_instrument.function import watch_handler
from sysdig_instrument.lookup.aws import AwsClients
from watch.calls import CLUSTER, REGION, ROLE, Account, Faults


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in [name for name in os.environ if name.startswith(("AWS_", "SYSDIG_INSTRUMENT_"))]:
        monkeypatch.delenv(name)
    variables = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "SYSDIG_INSTRUMENT_COLLECTOR": "us2",
        "SYSDIG_INSTRUMENT_ACCESS_KEY_SECRET": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key-AbCdEf",
        "SYSDIG_INSTRUMENT_IMAGE_CONFIGS": '{"nginx": {"Entrypoint": ["/entry"], "Cmd": ["nginx"]}}',
        "SYSDIG_INSTRUMENT_ALLOWED_REGISTRIES": "none.example.com",
        "WATCH_ROLE": ROLE,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: BOTOCORE_LOADER)
    monkeypatch.setattr("time.sleep", lambda _: None)
    watch_handler._handled.cache_clear()
    with mock_aws():
        found = Account(Faults())
        readers = AwsClients(found.session, max_attempts=1)
        writers = AwsClients(found.session, max_attempts=1)
        monkeypatch.setattr(watch_handler, "_readers", lambda: readers)
        monkeypatch.setattr(watch_handler, "_writers", lambda: writers)
        topic = boto3.client("sns", REGION).create_topic(Name="operations")["TopicArn"]
        monkeypatch.setenv("WATCH_TOPIC", topic)
        found.ecs = boto3.client("ecs", REGION)
        found.ecs.create_cluster(clusterName=CLUSTER)
        yield found


@pytest.fixture
def remediate(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have watch repair what it finds."""
    monkeypatch.setenv("WATCH", "REMEDIATE")
    return lambda: None
