"""The story of the article that the project started from: deploy with the one line, run the task, attack it, see it detected."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import attack
from embedded_aws.aws import EmbeddedAws
from embedded_aws.registry import Registry, registry
from fixtures_deployment import Application, Registries
from fixtures_embedded_aws import SECRET, on_embedded_aws
from running_tasks.local_images import require_runner

pytestmark = on_embedded_aws

LINE = "Transform: SysdigInstrument\n"


@pytest.fixture
def images(aws: EmbeddedAws, registries: Registries) -> Iterator[Registry]:
    require_runner()
    client = aws.client("secretsmanager")
    name = client.create_secret(Name=SECRET.rpartition(":")[2], SecretString="a key")["Name"]
    with registry({}, port=int(registries.open.partition(":")[2])) as running:
        attack.add_images(running)
        yield running
    client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def detections(application: Application, images: Registry, template: str, expected: int) -> list[str]:
    """Deploy a template, run its task, attack it, and return what was detected."""
    stack = application.deployed(template, {"Registry": images.host})
    definition = application.described(stack.resources["Task"])
    with attack.running(definition, images, application.aws) as attacked:
        assert attacked.execute("cat /etc/shadow").startswith("root:*:")
        assert attacked.execute("touch /dev/bbb") == ""
        assert attacked.execute("ls /dev/bbb") == "/dev/bbb\n"
        return attacked.detections(expected)


def test_an_attack_is_detected_after_instrumenting_and_not_before(application: Application, images: Registry) -> None:
    template = attack.TEMPLATE.read_text("utf-8")
    assert template.count(LINE) == 1
    assert detections(application, images, template.replace(LINE, ""), 0) == []
    assert detections(application, images, template, 2) == [
        'Read sensitive file untrusted: container=web, command="cat /etc/shadow", file=/etc/shadow',
        'Create files below dev: container=web, command="sh -c touch /dev/bbb", file=/dev/bbb',
    ]
