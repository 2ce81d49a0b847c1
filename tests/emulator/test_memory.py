"""Whatever a template or a registry contains, the function of the deployed size answers, and its memory comes back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from embedded_aws.registry import CONFIG, INDEX, MANIFEST, Registry, RegistryContent, registry
from embedded_aws.runtime import Runtime
from fixtures_embedded_aws import ROOT, Start, on_embedded_aws
from hostile.templates import ATTACKS, make_container, make_task, nested
from sysdig_instrument.documents import load

pytestmark = on_embedded_aws

RESOURCES: Final[Any] = load(str(ROOT / "template.yaml")).value["Resources"]  # type: ignore[call-overload,index]
SECONDS: Final = 20
"""The timeout of the macro's function here. With the deployed one a template that needs all the time would take a minute."""

MOST_GROWTH: Final = 1.5
"""The memory that a process may take after all attacks, compared with the memory that it took before. It was 1.36 when this was
written, on a machine with much else to do; a second pass adds nothing (``tests/hostile``)."""
MAX_EVENT: Final = 6 * 1024 * 1024
"""The largest event that Lambda takes, in bytes (AWS Lambda developer guide, «Lambda quotas»)."""

MIB: Final = 1024 * 1024


def deployed(name: str) -> dict[str, Any]:
    """Return the memory of a function and its variables that have literal values, as template.yaml has them."""
    properties = RESOURCES[name]["Properties"]
    variables = properties["Environment"]["Variables"]
    literal = {key: value for key, value in variables.items() if isinstance(value, str)}
    memory = properties["MemorySize"]
    if isinstance(memory, dict):  # without the hook on stacks
        memory = memory["Fn::If"][-1]
    return {"memory": memory, "environment": literal}


def event(fragment: Any) -> bytes:
    members = {"requestId": "r", "region": "us-east-1", "accountId": "111122223333", "templateParameterValues": {}}
    return payload({**members, "fragment": fragment})


def payload(sent: Any) -> bytes:
    """Return an event as JSON. Some are nested as deeply as Python's own recursion goes."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        return json.dumps(sent).encode()
    finally:
        sys.setrecursionlimit(limit)


def for_macro(sent: Any) -> bool:
    """Return whether an event is one for the macro's function, and not for the hook's."""
    return not (isinstance(sent, dict) and "hookTypeName" in sent)


def answer(runtime: Runtime, sent: bytes) -> dict[str, Any]:
    """Return the function's answer; it must be one, and by the process that answered before."""
    outcome = runtime.invoke(sent)
    assert not outcome.is_error, outcome.body[:500]
    given: dict[str, Any] = json.loads(outcome.body)
    assert given["status"] == "success" or given["errorMessage"]
    assert "Internal error" not in given.get("errorMessage", ""), given
    return given


# --- registries


def add(running: Registry, name: str, config: bytes, *, manifest: bytes | None = None) -> None:
    """Add an image with the bytes of its config, or of its manifest."""
    content = RegistryContent(CONFIG, config)
    described = {"schemaVersion": 2, "mediaType": MANIFEST, "config": content.descriptor(), "layers": []}
    running.contents[f"/v2/{name}/blobs/{content.digest}"] = content
    running.contents[f"/v2/{name}/manifests/1"] = RegistryContent(MANIFEST, manifest or json.dumps(described).encode())


def argv(words: int, word: str = "x") -> bytes:
    config = {"architecture": "amd64", "os": "linux", "config": {"Entrypoint": [word] * words}}
    return json.dumps(config).encode()


def index(running: Registry, name: str, entries: int, inner: str = INDEX) -> None:
    """Add an index of indexes: each entry names an index again."""
    content = RegistryContent(INDEX, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode())
    described = [content.descriptor(mediaType=inner) | {"platform": {"os": "linux", "architecture": "amd64"}}] * entries
    outer = {"schemaVersion": 2, "mediaType": INDEX, "manifests": described}
    running.contents[f"/v2/{name}/manifests/{content.digest}"] = content
    running.contents[f"/v2/{name}/manifests/1"] = RegistryContent(INDEX, json.dumps(outer).encode())


ORDINARY_IMAGES: Final = ["shop/web", *(f"shop/service-{number}" for number in range(200))]


@contextmanager
def hostile_registry() -> Iterator[Registry]:
    """Start a registry with images that are larger, deeper or longer than any real one."""
    ordinary = {f"{name}:1": {"Entrypoint": [f"/{name}"], "Cmd": ["serve"]} for name in ORDINARY_IMAGES}
    with registry(ordinary) as running:
        add(running, "many-words", argv(1_000_000))
        add(running, "words-of-64-kib", argv(15_000))
        add(running, "a-long-word", argv(1, "x" * 900_000))
        add(running, "deep-config", b'{"config":' + b"[" * 200_000)
        add(running, "deep-objects", b'{"a":' * 200_000)
        add(running, "deep-manifest", b"", manifest=b'{"config":' + b'{"a":' * 200_000)
        add(running, "large-manifest", b"", manifest=json.dumps({"layers": [{}] * 1_000_000}).encode())
        add(running, "digits", b'{"config": ' + b"9" * 900_000 + b"}")
        add(running, "no-json", b"\x00" * 1_000_000)
        index(running, "long-index", 20_000)
        index(running, "index-without-manifest", 1, MANIFEST)
        for number in range(200):
            add(running, f"many/{number}", argv(5_000, f"w{number}"))
        yield running


def lookups(host: str, names: list[str]) -> dict[str, Any]:
    resources = {
        f"T{number}": make_task({"Name": "web", "Image": f"{host}/{name}:1"}) for number, name in enumerate(names)
    }
    return {"Resources": resources}


REGISTRY_IMAGES: Final[Mapping[str, list[str]]] = {
    **{
        name: [name]
        for name in (
            "many-words", "words-of-64-kib", "a-long-word", "deep-config", "deep-objects", "deep-manifest",
            "large-manifest", "digits", "no-json", "long-index", "index-without-manifest",
        )
    },
    "all-at-once": ["many-words", "deep-config", "large-manifest", "long-index", "digits"] * 20,
}  # fmt: skip


# --- the tests


def in_branches(value: Any) -> Any:
    return {"Fn::If": ["IsProduction", value, value]}


VARIABLES: Final = [{"Name": f"V{number}", "Value": f"value {number}"} for number in range(12)]
LARGE_TEMPLATES: Final = (
    {"Resources": {f"T{n}": make_task(make_container(Environment=VARIABLES)) for n in range(400)}},
    {
        "Conditions": {"IsProduction": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}},
        "Resources": {
            f"T{n}": make_task(
                make_container(
                    EntryPoint=in_branches(["/app"]),
                    Environment=[{**each, "Value": in_branches(each["Value"])} for each in VARIABLES],
                ),
                Memory=in_branches("2048"),
            )
            for n in range(250)
        },
    },
)
"""Ordinary templates of about the size that CloudFormation accepts, after processing."""


def warm_up(runtime: Runtime, host: str) -> int:
    """Run what ordinary stacks need, so that everything is imported, and return the memory that the function has then."""
    answer(runtime, (ROOT / "events" / "template.json").read_bytes())
    for ordinary in LARGE_TEMPLATES:
        assert answer(runtime, event(ordinary))["status"] == "success"
    assert answer(runtime, event(lookups(host, ORDINARY_IMAGES)))["status"] == "success"
    images: tuple[Any, ...] = (
        *(f"111122223333.dkr.ecr.{region}.amazonaws.com/shop/web:1" for region in REGIONS),
        "{{resolve:ssm:/shop/image}}",
        {"Fn::ImportValue": "image"},
    )
    answer(
        runtime,
        event({"Resources": {f"T{n}": make_task({"Name": "web", "Image": each}) for n, each in enumerate(images)}}),
    )
    return runtime.resident_memory()


REGIONS: Final = [
    f"{part}-{where}-{number}" for part in ("us", "eu") for where in ("east", "west") for number in (1, 2)
]


def test_hostile_templates_and_registries_are_answered_and_leave_no_memory_taken(start: Start) -> None:
    """One process answers all of them: a kill would be an error, and start another one."""
    with hostile_registry() as running:
        network = {"InternalRegistries": f"http://{running.host}", "LookupSeconds": "5"}
        runtime = start(timeout=SECONDS, **deployed("MacroFunction"), **network)
        before = warm_up(runtime, running.host)
        for name, attack in ATTACKS.items():
            sent = attack.event()
            if for_macro(sent) and len(attacking := payload(sent)) <= MAX_EVENT:
                answer(runtime, attacking)
            assert runtime.resident_memory() < before * MOST_GROWTH, name
        for name, images in REGISTRY_IMAGES.items():
            answer(runtime, event(lookups(running.host, images)))
            assert runtime.resident_memory() < before * MOST_GROWTH, name
        assert answer(runtime, event(lookups(running.host, ["shop/web"])))["status"] == "success"
        assert runtime.peak_memory() < RESOURCES["MacroFunction"]["Properties"]["MemorySize"] * MIB


HUNGRY: Final = """
import sys
sys.path.append({bundle!r})
from sysdig_instrument.function import {module}
from sysdig_instrument.function.{handler} import handler
def hungry(*_):
    taken = []
    while True:
        taken.append(bytearray(10_000_000))
{module}.{planner} = hungry
"""


@pytest.mark.parametrize("function", ["macro", "hook"])
def test_a_run_that_needs_too_much_memory_is_answered(
    start: Start, bundle: Path, tmp_path: Path, function: str
) -> None:
    handler, planner = {
        "macro": ("handler", "plan_with_lookups"),
        "hook": ("hook_handler", "plan_definition"),
    }[function]
    program = HUNGRY.format(bundle=str(bundle), handler=handler, module=function, planner=planner)
    (tmp_path / "hungry.py").write_text(program)
    settings = deployed(f"{function.title()}Function")
    runtime = start(tmp_path, "hungry.handler", timeout=SECONDS, **settings)
    sent = (ROOT / "events" / ("hook.json" if function == "hook" else "template.json")).read_bytes()
    for _ in range(2):
        outcome = runtime.invoke(sent)
        assert not outcome.is_error, outcome.body
        given = json.loads(outcome.body)
        assert given.get("status", given.get("hookStatus")) in {"failure", "FAILED"}
        assert "more memory than the" in given.get("errorMessage", given.get("message"))
    assert runtime.peak_memory() < settings["memory"] * MIB


def test_many_long_image_configs_take_memory_once(start: Start) -> None:
    """Python keeps some 40 MiB after 200 configs of 25 KiB that threads read at once, but no more after further ones."""
    with hostile_registry() as running:
        runtime = start(timeout=SECONDS, **deployed("MacroFunction"), InternalRegistries=f"http://{running.host}")
        taken = []
        for _ in range(4):
            answer(runtime, event(lookups(running.host, [f"many/{number}" for number in range(200)])))
            taken.append(runtime.resident_memory())
        assert taken[-1] < taken[0] * 1.25
        assert max(taken) < deployed("MacroFunction")["memory"] * MIB / 4


def hook_event(properties: Any) -> bytes:
    changed = json.loads((ROOT / "events" / "hook.json").read_text())
    changed["requestData"]["targetModel"]["resourceProperties"] = {"RequiresCompatibilities": ["FARGATE"], **properties}
    return json.dumps(changed).encode()


def test_the_hook_answers_hostile_task_definitions(start_hook: Start) -> None:
    """CloudFormation gives the hook what it is about to create: no expressions, and at most a template's size."""
    deep = partial(nested, 900, around=lambda inner: [inner])
    many = make_task(*(make_container(number) for number in range(5_000)))["Properties"]
    runtime = start_hook(**{key: value for key, value in deployed("HookFunction").items() if key != "memory"})
    assert not runtime.invoke((ROOT / "events" / "hook.json").read_bytes()).is_error
    before = runtime.resident_memory()
    hostile: tuple[dict[str, Any], ...] = (
        many,
        {"ContainerDefinitions": [{}] * 100_000},
        {"ContainerDefinitions": [make_container(EntryPoint=deep(innermost=[]))]},
        {"ContainerDefinitions": [make_container(Environment=[{"Name": str(n), "Value": "v"} for n in range(20_000)])]},
        {"ContainerDefinitions": [make_container(Name="\u202e" * 300_000)], "Cpu": "9" * 100_000},
        {"ContainerDefinitions": [make_container()], "Tags": [{"Key": str(n), "Value": "v"} for n in range(20_000)]},
    )
    for properties in hostile:
        outcome = runtime.invoke(hook_event(properties))
        assert not outcome.is_error, outcome.body
        given = json.loads(outcome.body)
        assert given["hookStatus"] == "FAILED"
        assert len(given["message"]) <= 1000
        assert runtime.resident_memory() < before * MOST_GROWTH + 10 * MIB
