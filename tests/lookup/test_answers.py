"""Lookups are answered in parallel and once each, and image configs are cached while they are valid."""

from __future__ import annotations

import ast
import math
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest

import sysdig_instrument.lookup
from lookup.network import HARD_LIMIT, FakeClock, FakeRegistry, Network
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.image_reference import parse_reference
from sysdig_instrument.engine.lookups import (
    Answer,
    ExportLookup,
    ImageConfig,
    ImageLookup,
    Lookup,
    SsmLookup,
    StackOutputLookup,
    Unavailable,
)
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.lookup.answers import LookupEnvironment, answer_lookups
from sysdig_instrument.lookup.auth import ANONYMOUS
from sysdig_instrument.lookup.aws import AwsClients
from sysdig_instrument.lookup.images import ImageCache, ImageKey
from sysdig_instrument.lookup.session import LookupSession, make_lookup
from sysdig_instrument.lookup.workers import MAX_RUNNING_PER_QUEUE, Deadline, MonotonicClock, WorkerPool

DIGEST = "sha256:" + "0" * 64


def site(network: Network, name: str = "ghcr.io", count: int = 3) -> FakeRegistry:
    registry = FakeRegistry()
    for number in range(count):
        registry["o/app"].image(f"v{number}", entrypoint=[f"/{number}"])
    registry["library/nginx"].image("latest", cmd=["nginx"])
    network.site(name, registry)
    return registry


def test_docker_hub_and_its_shorthands(network: Network) -> None:
    site(network, "registry-1.docker.io")
    spellings = ["nginx", "nginx:latest", "docker.io/nginx", "docker.io/library/nginx:latest", "index.docker.io/nginx"]
    assert network.look_up(*map(ImageLookup, spellings)) == [ImageConfig((), ("nginx",))] * 5
    assert len(network.sites["registry-1.docker.io"].calls) == 2  # manifest and config


def test_one_image_for_two_architectures_is_one_manifest(network: Network) -> None:
    registry = FakeRegistry()
    registry["app"].multi_platform_image("1")
    calls = network.site("ghcr.io", registry).calls
    found = network.look_up(ImageLookup("ghcr.io/app:1"), ImageLookup("ghcr.io/app:1", "arm64"))
    assert found == [ImageConfig(("/amd64",), ("serve",)), ImageConfig(("/arm64",), ("serve",))]
    assert sum(call.path.endswith("/manifests/1") for call in calls) == 1


def test_answers_come_in_the_order_of_the_requests(network: Network) -> None:
    site(network)
    requests = [ImageLookup(f"ghcr.io/o/app:v{number}") for number in (2, 0, 1)]
    assert list(answer_lookups(requests * 2, environment=network.environment(), seconds=HARD_LIMIT)) == requests


def test_each_image_gets_its_own_answer(network: Network) -> None:
    site(network)
    images = ["ghcr.io/o/app:v0", "ghcr.io/o/App:v0", "ghcr.io/o/app:gone", "dead.example/app", "ghcr.io/o/app:v1"]
    found = network.look_up(*map(ImageLookup, images))
    assert [isinstance(each, ImageConfig) for each in found] == [True, False, False, False, True]


def test_no_lookups_give_no_answers(network: Network) -> None:
    assert answer_lookups([], environment=network.environment(), seconds=HARD_LIMIT) == {}


def test_registries_that_are_not_allowed(network: Network) -> None:
    site(network)
    site(network, "registry-1.docker.io")
    images = ["ghcr.io/o/app:v0", "nginx", "quay.io/o/app:v0"]
    fine, too, refused = network.look_up(*map(ImageLookup, images), allowed_registries=("GHCR.io", "docker.*"))
    assert isinstance(fine, ImageConfig)
    assert isinstance(too, ImageConfig)
    assert isinstance(refused, Unavailable)
    assert "AllowedRegistries does not include quay.io" in refused.reason.fact
    assert refused.is_final
    assert "quay.io" not in network.resolved_names


def test_a_deadline_of_zero_seconds(network: Network) -> None:
    requests: list[Lookup] = [ImageLookup("nginx"), SsmLookup("/p"), ExportLookup("e"), StackOutputLookup("s", "o")]
    found = network.look_up(*requests, seconds=0)
    assert [each.reason.fact for each in found if isinstance(each, Unavailable)] == [
        "The image nginx could not be read: there was no response within 0 s",
        "The SSM parameter /p was not read within 0 s",
        "The export e was not read within 0 s",
        "The output o of stack s was not read within 0 s",
    ]


@pytest.mark.parametrize(("remaining", "expected"), [(math.inf, [10, 4, 0]), (3, [3, 3, 0])])
def test_lookup_rounds_share_a_deadline(
    monkeypatch: pytest.MonkeyPatch, remaining: float, expected: list[float]
) -> None:
    """LookupSeconds is the limit of all rounds together, and the time that the caller has left is another limit."""
    clock = FakeClock()
    limits: list[float] = []

    def record_limit(lookups: list[Lookup], *, environment: LookupEnvironment, seconds: float) -> dict[Lookup, Answer]:
        assert (lookups, environment.region) == ([], "us-east-1")
        limits.append(seconds)
        return {}

    monkeypatch.setattr("sysdig_instrument.lookup.answers.answer_lookups", record_limit)
    monkeypatch.setattr("sysdig_instrument.lookup.session.time", SimpleNamespace(monotonic=clock.now))
    session = LookupSession(AwsClients(), ImageCache(), ANONYMOUS)
    look_up = make_lookup(Settings(lookup_seconds=10), "us-east-1", lambda: session, lambda: remaining)
    for seconds in (0, 6, 11):
        clock.time += seconds
        look_up([])
    assert limits == expected


def test_without_a_region_only_images_are_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    image = ImageLookup("nginx")
    monkeypatch.setattr(
        "sysdig_instrument.lookup.answers.answer_lookups", lambda lookups, **_: dict.fromkeys(lookups, ImageConfig())
    )
    session = LookupSession(AwsClients(), ImageCache(), ANONYMOUS)
    answers = make_lookup(Settings(), None, lambda: session, lambda: math.inf)([image, SsmLookup("/p")])
    assert answers[image] == ImageConfig()
    assert answers[SsmLookup("/p")] == Unavailable(
        Reason(
            '"/p" cannot be looked up, because the AWS region is not known',
            "Give --region, or set AWS_REGION",
            code=Code.REGION_UNKNOWN,
            paste=paste(PasteInto.SETTINGS_FILE, {"Options": {"Region": "REGION"}}),
        )
    )


def test_a_bug_is_raised_and_not_answered(network: Network) -> None:
    def broken(host: str, port: int) -> list[tuple[str, int]]:
        raise ZeroDivisionError(host, port)

    with pytest.raises(ZeroDivisionError):
        network.look_up_image("ghcr.io/o/app:v0", resolve=broken)


def test_a_tag_is_cached_for_a_while(network: Network) -> None:
    registry = site(network)
    clock = FakeClock()
    cache = ImageCache(tag_ttl_seconds=60, clock=clock)
    calls = network.sites["ghcr.io"].calls
    for seconds, expected in ((0, "/0"), (59, "/0"), (1, "/1")):
        clock.time += seconds
        assert network.look_up_image("ghcr.io/o/app:v0", cache=cache) == ImageConfig((expected,))
        registry["o/app"].manifests["v0"] = registry["o/app"].manifests["v1"]
    assert len(calls) == 4


def test_an_unchanged_tag_costs_one_request(network: Network) -> None:
    site(network)
    cache = ImageCache(tag_ttl_seconds=0)
    for _ in range(2):
        assert network.look_up_image("ghcr.io/o/app:v0", cache=cache) == ImageConfig(("/0",))
    assert len(network.sites["ghcr.io"].calls) == 3


def test_a_digest_is_cached_without_expiry(network: Network) -> None:
    registry = site(network)
    digest = next(name for name in registry["o/app"].manifests if ":" in name)
    clock = FakeClock()
    cache = ImageCache(tag_ttl_seconds=0, clock=clock)
    for _ in range(3):
        assert network.look_up_image(f"ghcr.io/o/app@{digest}", cache=cache) == ImageConfig(("/0",))
        clock.time += 1e9
    assert len(network.sites["ghcr.io"].calls) == 2


def test_failures_are_not_cached(network: Network) -> None:
    registry = site(network)
    cache = ImageCache()
    assert isinstance(network.look_up_image("ghcr.io/o/app:new", cache=cache), Unavailable)
    registry["o/app"].image("new", entrypoint=["/new"])
    assert network.look_up_image("ghcr.io/o/app:new", cache=cache) == ImageConfig(("/new",))


def test_cache_entries_are_bound_to_credentials() -> None:
    cache = ImageCache()
    reference = parse_reference("ghcr.io/o/app:1")
    cache.put_image(ImageKey(reference, "amd64", "arn:secret"), ImageConfig(("/x",)))
    assert cache.get_image(ImageKey(reference, "amd64", None)) is None
    assert cache.get_image(ImageKey(reference, "arm64", "arn:secret")) is None
    assert cache.get_image(ImageKey(reference, "amd64", "arn:secret")) == ImageConfig(("/x",))


def test_a_config_is_not_served_to_another_repository(network: Network) -> None:
    """Knowing a digest gives no right to the blob: another registry could name it."""
    theirs, mine = site(network), FakeRegistry()
    network.site("mine.example", mine)
    cache = ImageCache()
    assert network.look_up_image("ghcr.io/o/app:v0", cache=cache) == ImageConfig(("/0",))
    mine["app"].manifests = dict(theirs["o/app"].manifests)  # the manifests, and none of the blobs
    stolen = network.look_up_image("mine.example/app:v0", cache=cache)
    assert isinstance(stolen, Unavailable)
    assert "status 404" in stolen.reason.fact
    assert not stolen.is_final
    with_a_secret = ImageLookup("ghcr.io/o/app:v0", "amd64", "arn:aws:secretsmanager:us-east-1:111122223333:secret:x")
    calls = network.sites["ghcr.io"].calls
    before = len(calls)
    assert network.look_up(with_a_secret, cache=cache) == [ImageConfig(("/0",))]
    assert [call.path.split("/")[-2] for call in calls[before:]] == ["manifests", "blobs"]


def test_the_cache_is_bounded() -> None:
    cache = ImageCache(max_entries=10)
    keys = [ImageKey(parse_reference(f"nginx:{number}"), "amd64", None) for number in range(20)]
    for number, key in enumerate(keys):
        cache.put_image(key, ImageConfig((str(number),)))
        cache.put_config_blob(key.blob_key(f"sha256:{number}"), ImageConfig((str(number),)))
        assert cache.get_image(keys[0])  # used all the time, and therefore kept
    assert [key for key in keys if cache.get_image(key)] == [keys[0], *keys[11:]]
    assert (
        sum(cache.get_config_blob(key.blob_key(f"sha256:{number}")) is not None for number, key in enumerate(keys))
        == 10
    )


def test_the_cache_is_bounded_by_bytes() -> None:
    """Many arguments of a character each take far more memory than their text."""
    cache = ImageCache()
    keys = [ImageKey(parse_reference(f"nginx:{number}"), "amd64", None) for number in range(200)]
    tracemalloc.start()
    try:
        for number, key in enumerate(keys):
            cache.put_image(key, ImageConfig(tuple(chr(0x4E00 + index) for index in range(10_000)), (str(number),)))
            cache.put_config_blob(key.blob_key(f"sha256:{number}"), ImageConfig((f"{number}" * 10_000,)))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 10 << 20
    assert cache.get_image(keys[-1])


def test_replaced_entries_do_not_count_twice() -> None:
    cache = ImageCache(max_bytes=20_000)
    first, second = (ImageKey(parse_reference(f"nginx:{number}"), "amd64", None) for number in (1, 2))
    cache.put_image(first, ImageConfig(("/1",)))
    for _ in range(100):
        cache.put_image(second, ImageConfig(("/2",)))
    assert cache.get_image(first) == ImageConfig(("/1",))


def test_an_entry_that_exceeds_the_cache_is_not_kept() -> None:
    cache = ImageCache(max_bytes=20_000)
    key = ImageKey(parse_reference("nginx:1"), "amd64", None)
    cache.put_image(key, ImageConfig(("x" * 20_000,)))
    assert cache.get_image(key) is None
    cache.put_image(key, ImageConfig(("x",)))
    assert cache.get_image(key) == ImageConfig(("x",))


def test_cached_images_of_forbidden_registries_are_refused(network: Network) -> None:
    site(network)
    cache = ImageCache()
    assert isinstance(network.look_up_image("ghcr.io/o/app:v0", cache=cache), ImageConfig)
    assert isinstance(
        network.look_up_image("ghcr.io/o/app:v0", cache=cache, allowed_registries=("docker.io",)), Unavailable
    )


def test_a_queue_limits_its_concurrent_jobs() -> None:
    worker_pool, lock, go = WorkerPool(), threading.Lock(), threading.Event()
    running: list[int] = []
    most: list[int] = []

    def job() -> None:
        with lock:
            running.append(1)
            most.append(len(running))
            if len(running) == MAX_RUNNING_PER_QUEUE:
                go.set()
        go.wait(HARD_LIMIT)
        with lock:
            running.pop()

    for _ in range(5 * MAX_RUNNING_PER_QUEUE):
        worker_pool.submit("one", job)
    worker_pool.wait(Deadline.after(HARD_LIMIT, MonotonicClock()))
    assert len(most) == 5 * MAX_RUNNING_PER_QUEUE
    assert max(most) == MAX_RUNNING_PER_QUEUE


def test_jobs_start_jobs() -> None:
    worker_pool, done = WorkerPool(), []

    def first() -> None:
        for number in range(10):
            worker_pool.submit("two", lambda number=number: done.append(number))  # type: ignore[misc]  # binds the number

    worker_pool.submit("one", first)
    worker_pool.wait(Deadline.after(HARD_LIMIT, MonotonicClock()))
    assert sorted(done) == list(range(10))


def test_botocore_is_imported_late() -> None:
    """Asking registries takes neither botocore nor docker's configuration, and nothing is imported but to be used."""
    code = (
        "import sys, sysdig_instrument.lookup.answers\n"
        "from sysdig_instrument.engine.lookups import ImageLookup\n"
        "from sysdig_instrument.lookup.answers import LookupEnvironment, answer_lookups\n"
        "answer_lookups([ImageLookup('Not an image')], environment=LookupEnvironment(region='us-east-1'), seconds=5)\n"
        "print(*sorted({'boto3', 'botocore', 'subprocess', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_lookups_import_only_value_types_of_the_engine() -> None:
    allowed = {
        "sysdig_instrument.engine.codes",
        "sysdig_instrument.engine.findings",
        "sysdig_instrument.engine.ecr",
        "sysdig_instrument.engine.image_reference",
        "sysdig_instrument.engine.lookups",
        "sysdig_instrument.engine.json_types",
        "sysdig_instrument.engine.paste",
        "sysdig_instrument.engine.partitions",
        "sysdig_instrument.lazy_dataclasses",
    }
    folder = Path(sysdig_instrument.lookup.__file__).parent
    for file in set(folder.glob("*.py")) - {folder / "session.py"}:  # the session reads the settings
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sysdig_instrument."):
                assert node.module in allowed or (node.module or "").startswith("sysdig_instrument.lookup"), file


@pytest.mark.parametrize(
    ("architectures", "platforms", "answer"),
    [
        pytest.param(("arm64", "amd64"), (None, None), "/amd64", id="two-without-platform"),
        pytest.param(("unknown", "amd64"), ("unknown", None), "/amd64", id="attestation-first"),
        pytest.param(("amd64", "unknown"), (None, None), "/amd64", id="attestation-without-platform"),
        pytest.param(("arm64",), (None,), "/arm64", id="the-only-one"),
        pytest.param(("amd64",), ("X86_64",), "/amd64", id="another-name"),
        pytest.param(("arm64", "s390x"), (None, None), None, id="none-for-this-platform"),
    ],
)
def test_entries_without_platform_are_told_apart_by_their_configs(
    network: Network, architectures: tuple[str, ...], platforms: tuple[str | None, ...], answer: str | None
) -> None:
    registry = FakeRegistry()
    store = registry["o/app"]
    entries = [
        store.entry(
            store.image(entrypoint=[f"/{architecture}"], architecture=architecture),
            {"os": "Linux" if platform != "unknown" else "unknown", "architecture": platform} if platform else None,
        )
        for architecture, platform in zip(architectures, platforms, strict=True)
    ]
    store.index("1", entries=entries)
    network.site("ghcr.io", registry)
    found = network.look_up_image("ghcr.io/o/app:1")
    if answer is None:
        assert isinstance(found, Unavailable)
        assert "it has no image for linux/amd64" in found.reason.fact
        assert found.is_final
    else:
        assert found == ImageConfig((answer,))
