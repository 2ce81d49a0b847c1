"""Images of odd make in a real registry: what the macro writes, against skopeo and the rules of container runtimes."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from lookup.container_runtimes import argv, config_for
from lookup.content import Anything, Store
from lookup.network import HARD_LIMIT
from lookup.odd_images import INDEXES, ODD_IMAGES
from lookup.processes import RegistryProcess, program
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, Lookup
from sysdig_instrument.engine.plan import Context, process
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.lookup.answers import LookupEnvironment, answer_lookups
from sysdig_instrument.lookup.egress import EgressPolicy
from sysdig_instrument.planning import plan_with_lookups

pytestmark = [pytest.mark.registry, pytest.mark.xdist_group("odd-images")]  # one registry for all of them

WRAPPER = "/opt/draios/bin/instrument"
COMMAND: list[Json] = ["given", "command"]
CPU = {"amd64": "X86_64", "arm64": "ARM64"}
ACCEPTED_ALONE = ("index-of-one-without-platform", "arm64")
"""The only image that there is: the macro takes it whatever it is for, as it does an image without an index."""

TAKES_THE_FIRST = "skopeo takes the first entry without platform, whatever it is"
KNOWS_OCI_NAMES = "skopeo compares platforms letter by letter"
SKOPEO_DIFFERS = {
    "zstd-layers-of-docker": "skopeo 1.9 refuses the media type",
    "index-of-one-without-platform": TAKES_THE_FIRST,
    "without-platforms": TAKES_THE_FIRST,
    "attestation-without-platform-first": TAKES_THE_FIRST,
    "soci-first-without-platforms": TAKES_THE_FIRST,
    "soci-between-without-platforms": TAKES_THE_FIRST,
    "signature-first-without-platforms": TAKES_THE_FIRST,
    "without-os-in-the-config": TAKES_THE_FIRST,
    "x86_64-in-the-config": TAKES_THE_FIRST,
    "nested-without-platforms": TAKES_THE_FIRST,
    "x86_64": KNOWS_OCI_NAMES,
    "upper-case-platform": KNOWS_OCI_NAMES,
    "without-os": KNOWS_OCI_NAMES,
    "empty-os": KNOWS_OCI_NAMES,
    "variants": KNOWS_OCI_NAMES,
}
"""Images that skopeo reads otherwise than containerd, which runs them."""

PLATFORMS = [(tag, "amd64") for tag in ODD_IMAGES] + [(tag, "arm64") for tag in INDEXES]
SAME_IN_SKOPEO = [(tag, architecture) for tag, architecture in PLATFORMS if tag not in SKOPEO_DIFFERS]


@dataclass(frozen=True)
class Read:
    """All images as skopeo and as the macro read them, by tag and architecture."""

    store: Store
    skopeo: dict[tuple[str, str], bytes | None]
    containers: dict[tuple[str, str], list[dict[str, Any]]]


@pytest.fixture(scope="session")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    skopeo = program("skopeo")
    store = Store()
    for tag, build in ODD_IMAGES.items():
        build(store, tag)
    process = RegistryProcess(tmp_path_factory.mktemp("odd"), in_memory=True)
    image = f"localhost:{process.port}/odd"

    def inspect(platform: tuple[str, str]) -> bytes | None:
        tag, architecture = platform
        command = [skopeo, f"--override-arch={architecture}", "--override-os=linux", "inspect", "--tls-verify=false"]
        command += ["--config", "--raw", f"docker://{image}:{tag}"]
        ran = subprocess.run(command, capture_output=True, check=False)
        return ran.stdout if ran.returncode == 0 else None

    with contextlib.closing(process), ThreadPoolExecutor(4) as pool:
        process.push("odd", store)
        inspected = pool.map(inspect, SAME_IN_SKOPEO)
        containers = instrument(image, process.port)
        yield Read(store, dict(zip(SAME_IN_SKOPEO, inspected, strict=True)), containers)


def instrument(image: str, port: int) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the containers of one task definition per image and architecture, without a Command and with one."""
    environment = LookupEnvironment(
        region="us-east-1", egress_policy=EgressPolicy.from_entries([f"http://localhost:{port}"])
    )

    def look_up(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        return answer_lookups(lookups, environment=environment, seconds=HARD_LIMIT)

    settings = {"Collector": "us2", "AccessKeySecret": "arn:aws:ssm:us-east-1:111122223333:parameter/key"}
    settings |= {"OnUnresolvedImage": "skip", "DefaultExecutionRoleArn": "arn:aws:iam::111122223333:role/pull"}
    resolved = merge_layers(Layer("the test", settings))
    resources = {
        f"Task{number}": _task(f"{image}:{tag}", architecture) for number, (tag, architecture) in enumerate(PLATFORMS)
    }
    template: Json = {"Resources": resources}
    plan = plan_with_lookups(template, Context(deployment_settings=resolved, region="us-east-1"), look_up)
    output, problems = process(template, plan)
    assert not problems
    tasks: Anything = output
    return {
        platform: tasks["Resources"][f"Task{number}"]["Properties"]["ContainerDefinitions"][:2]
        for number, platform in enumerate(PLATFORMS)
    }


def _task(image: str, architecture: str) -> Json:
    return {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            "RequiresCompatibilities": ["FARGATE"],
            "RuntimePlatform": {"CpuArchitecture": CPU[architecture]},
            "ContainerDefinitions": [
                {"Name": "as-built", "Image": image},
                {"Name": "with-command", "Image": image, "Command": COMMAND},
            ],
        },
    }


def test_there_are_enough() -> None:
    assert len(ODD_IMAGES) >= 60
    assert set(SKOPEO_DIFFERS) <= set(ODD_IMAGES)


@pytest.mark.parametrize(("tag", "architecture"), [each for each in PLATFORMS if each != ACCEPTED_ALONE])
def test_the_macro_writes_what_a_runtime_runs(read: Read, tag: str, architecture: str) -> None:
    configuration = config_for(read.store, tag, architecture)
    for container, command in zip(read.containers[tag, architecture], ([], COMMAND), strict=True):
        entry_point, cmd = argv(configuration, command) if configuration is not None else ([], command)
        if configuration is None or not (entry_point or cmd):
            assert "EntryPoint" not in container
        else:
            without_wrapper = entry_point[1:] if entry_point[:1] == [WRAPPER] else entry_point
            assert container["EntryPoint"] == [WRAPPER, *without_wrapper]
        assert container.get("Command", []) == cmd


def test_the_only_image_without_platform(read: Read) -> None:
    assert [each["EntryPoint"] for each in read.containers[ACCEPTED_ALONE]] == [[WRAPPER, "/amd64"]] * 2


@pytest.mark.parametrize(("tag", "architecture"), SAME_IN_SKOPEO)
def test_skopeo_reads_the_same_config(read: Read, tag: str, architecture: str) -> None:
    assert read.skopeo[tag, architecture] == config_for(read.store, tag, architecture)
