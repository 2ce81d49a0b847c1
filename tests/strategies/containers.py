"""Strategies for container definitions of many forms, including instrumented ones."""

from __future__ import annotations

from hypothesis import strategies as st

from oracle.values import Json
from secret_guard import PLANTED
from strategies.expressions import ARGVS, IMAGE_EXPRESSIONS, NOVALUE, TEXTS, JsonStrategy, if_, maybe_if, mostly

WRAPPER = "/opt/draios/bin/instrument"
AGENT = "SysdigInstrumentation"
VOLUME: Json = {"SourceContainer": AGENT, "ReadOnly": True}


def fixed_map(**values: JsonStrategy) -> JsonStrategy:
    """Return a strategy for objects with these keys, in this order."""
    return st.fixed_dictionaries(values).map(dict)


_VALUES = mostly(TEXTS, st.sampled_from([PLANTED, 8080, True, 0.25, None]), 6)
_VARIABLES = fixed_map(Name=st.sampled_from(["ZED", "ALPHA", "MODE", "TOKEN"]), Value=_VALUES)
_ODD_VARIABLES = st.one_of(
    fixed_map(Name=st.just({"Ref": "Size"}), Value=_VALUES),
    fixed_map(Name=st.just("SYSDIG_SIDECAR"), Value=st.sampled_from(["auto", "force"])),
    fixed_map(Name=st.just("SYSDIG_LOGGING"), Value=st.just("debug")),
    fixed_map(Value=TEXTS, Name=st.just("REVERSED"), Comment=st.just(1)),
)
_ENTRIES = maybe_if(mostly(_VARIABLES, _ODD_VARIABLES, 4))
ENVIRONMENTS: JsonStrategy = maybe_if(st.lists(_ENTRIES, max_size=3).map(list))

_CAPABILITY_LISTS = st.lists(maybe_if(st.sampled_from(["SYS_PTRACE", "NET_RAW"])), max_size=2, unique_by=str).map(list)
_CAPABILITIES = st.one_of(
    fixed_map(Drop=st.just(["ALL"])),
    fixed_map(Add=maybe_if(_CAPABILITY_LISTS), Drop=st.just(["NET_RAW"])),
    fixed_map(Add=maybe_if(_CAPABILITY_LISTS)),
    fixed_map(ADD=st.just(["SYS_ADMIN"])),
)
_LINUX: JsonStrategy = st.one_of(
    fixed_map(InitProcessEnabled=st.sampled_from([True, "true", {"Ref": "Flag"}])),
    fixed_map(Capabilities=maybe_if(_CAPABILITIES)),
    fixed_map(Capabilities=maybe_if(_CAPABILITIES), InitProcessEnabled=st.sampled_from([False])),
    st.just({}),
)
_OTHERS: dict[str, JsonStrategy] = {
    "Cpu": st.sampled_from([64, "64", {"Fn::If": ["IsLive", 64, 32]}, {"Ref": "Units"}]),
    "Memory": st.sampled_from(
        [256, 512, "1000", {"Fn::If": ["IsLive", 400, NOVALUE]}, {"Fn::GetAtt": ["Current", "Size"]}]
    ),
    "MemoryReservation": st.sampled_from(
        [128, {"Fn::If": ["Mixed", 300, NOVALUE]}, {"Fn::GetAtt": ["Current", "Size"]}]
    ),
    "Essential": st.sampled_from([True, "true", False, {"Ref": "Flag"}]),
    "PortMappings": maybe_if(st.just([{"ContainerPort": 80}, {"Fn::If": ["IsLarge", {"ContainerPort": 81}, NOVALUE]}])),
    "ReadonlyRootFilesystem": maybe_if(st.sampled_from([True])),
    "LogConfiguration": maybe_if(
        st.just({"LogDriver": "awslogs", "Options": {"awslogs-stream-prefix": {"Ref": "Stage"}}})
    ),
    "Novel Key": st.sampled_from([None, [], {}, [[1, {"a": None}]], ""]),
    "command": st.just(["not", "Command"]),
    "DockerLabels": st.just({"Fn::ForEach::Labels": ["Label", ["a", "b"], {"${Label}": {"Ref": "Label"}}]}),
    "User": TEXTS,
}


@st.composite
def containers(draw: st.DrawFn, name: str) -> Json:
    """Draw a container, with keys that the macro changes and keys that it does not, in any order."""
    # The first container keeps its name, so that others can mount its volumes.
    expression: Json = name if name == "c0" else {"Fn::Sub": name + "-${Stage}"}
    keys: dict[str, JsonStrategy] = {"Name": mostly(st.just(name), st.just(expression), 6)}
    keys["Image"] = IMAGE_EXPRESSIONS
    chances: dict[str, tuple[JsonStrategy, int]] = {
        "EntryPoint": (ARGVS, 2),
        "Command": (ARGVS, 2),
        "Environment": (ENVIRONMENTS, 2),
        "LinuxParameters": (maybe_if(_LINUX), 3),
        "VolumesFrom": (maybe_if(st.lists(maybe_if(st.just({"SourceContainer": "c0"})), max_size=1).map(list)), 4),
        "FirelensConfiguration": (st.just({"Type": "fluentbit"}), 12),
        **{key: (values, 6) for key, values in _OTHERS.items()},
    }
    for key, (values, one_in) in chances.items():
        if draw(st.integers(1, one_in)) == one_in:
            keys[key] = values
    container = {key: draw(values) for key, values in keys.items()}
    if draw(st.integers(1, 12)) == 12:
        container = _wrapped(container, draw(st.booleans()))
    order = draw(st.permutations(list(container))) if draw(st.integers(1, 4)) == 4 else list(container)
    return {key: container[key] for key in order}


def _wrapped(container: dict[str, Json], by_kilt: bool) -> dict[str, Json]:  # noqa: FBT001 - drawn
    """Return the container as an earlier instrumentation left it."""
    entry_point: list[Json] = [WRAPPER] if by_kilt else [WRAPPER, "/app"]
    environment: list[Json] = [{"Name": "SYSDIG_ACCESS_KEY", "Value": "made-up"}] if by_kilt else []
    return {
        **container,
        "EntryPoint": entry_point,
        "Command": ["/app", "serve"],
        "Environment": [*environment, {"Name": "SYSDIG_SIDECAR", "Value": "auto"}],
        "LinuxParameters": {"Capabilities": {"Add": ["SYS_PTRACE"]}},
        "VolumesFrom": [VOLUME],
    }


AGENTS: JsonStrategy = st.sampled_from([
    {"Name": AGENT, "Image": "quay.io/sysdig/workload-agent:5.3.0", "Essential": "false",
     "EntryPoint": ["/opt/draios/bin/sidecar"], "Environment": [{"Name": "SYSDIG_ORCHESTRATOR", "Value": "x"}]},
    {"Name": AGENT, "Image": "quay.io/sysdig/workload-agent:latest", "Cpu": 0},
])  # fmt: skip


@st.composite
def container_lists(draw: st.DrawFn) -> Json:
    """Draw ContainerDefinitions: containers, some with conditions, rarely an agent, rarely a conditional list."""
    count = draw(st.integers(1, 3))
    elements: list[Json] = []
    for index in range(count):
        container = containers(f"c{index}")
        elements.append(draw(mostly(container, if_(container, st.just(NOVALUE)) | if_(container, container), 5)))
    if draw(st.integers(1, 10)) == 10:
        elements.insert(draw(st.sampled_from([0, len(elements)])), draw(AGENTS))
    if draw(st.integers(1, 12)) == 12:
        other: Json = [draw(containers("c0"))]
        return draw(if_(st.just(elements), st.just(other)))
    return elements
