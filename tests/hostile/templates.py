"""Templates, and other events, that are made to use up the macro's time or memory: one function each.

``ATTACKS`` has them all. Each :class:`Attack` makes its event when it is asked to, as some have a megabyte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Event: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Attack:
    """A hostile event: its name, what it attacks, and the function that makes it."""

    name: str
    attacks: str
    event: Callable[[], Any]


ATTACKS: Final[dict[str, Attack]] = {}
"""All attacks by name, in the order of this file."""

_KB: Final = 1000


def _attack(attacks: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Register a function that returns an event."""

    def register(function: Callable[[], Any]) -> Callable[[], Any]:
        name = function.__name__
        ATTACKS[name] = Attack(name, attacks, function)
        return function

    return register


def _event(fragment: Any, parameters: Mapping[str, Any] | None = None, **more: Any) -> Event:
    return {
        "region": "eu-west-1",
        "accountId": "111122223333",
        "transformId": "111122223333::SysdigInstrument",
        "requestId": "hostile",
        "params": {},
        "fragment": fragment,
        "templateParameterValues": dict(parameters or {}),
        **more,
    }


def _hook(properties: Any) -> Event:
    return {
        "clientRequestToken": "hostile",
        "hookTypeName": "SysdigInstrument::ECS::Hook",
        "actionInvocationPoint": "CREATE_PRE_PROVISION",
        "requestData": {
            "targetName": "AWS::ECS::TaskDefinition",
            "targetLogicalId": "Task",
            "targetModel": {"resourceProperties": properties},
        },
    }


def make_container(number: int = 0, **more: Any) -> dict[str, Any]:
    """Return a container with an entry point, unless the further members say otherwise."""
    return {"Name": f"c{number}", "Image": "nginx:1", "EntryPoint": ["/app"], **more}


def make_task(*containers: Any, metadata: Any = None, **more: Any) -> dict[str, Any]:
    """Return a task definition resource for Fargate."""
    properties = {
        "RequiresCompatibilities": ["FARGATE"],
        "NetworkMode": "awsvpc",
        "Cpu": "1024",
        "Memory": "2048",
        "ExecutionRoleArn": "arn:aws:iam::111122223333:role/execution",
    }
    resource = {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {**properties, "ContainerDefinitions": list(containers) or [make_container()], **more},
    }
    return resource if metadata is None else {**resource, "Metadata": {"SysdigInstrument": metadata}}


def _template(*tasks: Any, resources: Mapping[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    return {**sections, "Resources": {**{f"Task{n}": task for n, task in enumerate(tasks)}, **(resources or {})}}


def _of_image(image: Any, *, containers: int = 1, **sections: Any) -> dict[str, Any]:
    """Return a template whose containers have this Image, and no EntryPoint, so that it is evaluated."""
    return _template(make_task(*({"Name": f"c{n}", "Image": image} for n in range(containers))), **sections)


def nested(depth: int, innermost: Any, around: Callable[[Any], Any]) -> Any:
    """Return a value with that many levels around it."""
    for _ in range(depth):
        innermost = around(innermost)
    return innermost


def _conditions(count: int, prefix: str = "C") -> dict[str, Any]:
    return {f"{prefix}{n}": {"Fn::Equals": [{"Ref": "P"}, str(n)]} for n in range(count)}


def _if_chain(count: int, value: Callable[[int], Any], prefix: str = "C") -> Any:
    chain: Any = value(count)
    for n in reversed(range(count)):
        chain = {"Fn::If": [f"{prefix}{n}", value(n), chain]}
    return chain


def _doubled(levels: int) -> Any:
    return nested(levels, "aaaaaaaa,", lambda inner: {"Fn::Sub": ["${A}${A}", {"A": inner}]})


_P: Final = {"P": {"Type": "String", "Default": "0"}}


def large_template() -> Event:
    """Return an event that is not hostile: 400 task definitions, nearly as many as CloudFormation accepts."""
    return _event(_template(*(make_task(make_container(0), make_container(1)) for _ in range(400))))


# --- Texts that grow


@_attack("a text that doubles with each level of Fn::Sub")
def sub_doubles() -> Event:
    """2 kB."""
    return _event(_of_image(nested(60, "xx", lambda inner: {"Fn::Sub": ["${A}${A}", {"A": inner}]})))


@_attack("work that doubles with each level, while the text stays short")
def sub_doubles_work() -> Event:
    """2 kB."""

    def first_of(inner: Any) -> Any:
        return {"Fn::Select": [0, {"Fn::Split": ["|", {"Fn::Sub": ["${A}|${A}", {"A": inner}]}]}]}

    return _event(_of_image(nested(20, "x", first_of)))


@_attack("a parameter of 4 kB that Fn::Sub repeats 150,000 times: 600 MB")
def sub_repeats_a_parameter() -> Event:
    text = "${A}" * 150_000
    return _event(_of_image({"Fn::Sub": text}, Parameters={"A": {"Type": "String"}}), {"A": "x" * 4096})


@_attack("a list of 5,000 texts of 900 kB: 4.5 GB")
def many_long_texts() -> Event:
    text = {"Fn::Sub": ["${A}${A}${A}", {"A": {"Fn::Join": ["y" * 300, ["x"] * 1000]}}]}
    return _event(_of_image({"Fn::Select": [0, [text] * 5000]}))


@_attack("characters of four bytes, so that a short text takes much memory")
def wide_texts() -> Event:
    text = {"Fn::Join": ["\U0001f600" * 300, ["x"] * 3000]}
    return _event(_of_image({"Fn::Select": [0, [text] * 1000]}))


@_attack("a delimiter of 500 kB between 50,000 items: 25 GB")
def join_by_a_long_delimiter() -> Event:
    return _event(_of_image({"Fn::Join": ["x" * 500 * _KB, ["a"] * 50_000]}))


@_attack("Fn::Join whose items are Fn::Join of the same long parameter")
def joins_of_joins() -> Event:
    inner = {"Fn::Join": ["", [{"Ref": "A"}] * 200]}
    middle = {"Fn::Join": ["", [inner] * 50]}
    return _event(_of_image({"Fn::Join": ["", [middle] * 4]}, Parameters={"A": {"Type": "String"}}), {"A": "x" * 4096})


@_attack("repositories whose names each contain the next one's name twice")
def repositories_double() -> Event:
    """3 kB."""
    repositories = {
        f"R{n}": {
            "Type": "AWS::ECR::Repository",
            "Properties": {"RepositoryName": {"Fn::Sub": f"${{R{n + 1}}}${{R{n + 1}}}"}},
        }
        for n in range(40)
    }
    last = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "xy"}}
    return _event(_template(make_task({"Name": "c", "Image": {"Ref": "R0"}}), resources={**repositories, "R40": last}))


@_attack("a repository whose name contains itself")
def repository_of_itself() -> Event:
    """300 bytes."""
    repository = {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Fn::Sub": "${R}x"}}}
    return _event(_template(make_task({"Name": "c", "Image": {"Ref": "R"}}), resources={"R": repository}))


@_attack("2,000 repositories, each with the next one's name")
def repositories_in_a_chain() -> Event:
    repositories = {
        f"R{n}": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": {"Ref": f"R{n + 1}"}}}
        for n in range(2000)
    }
    return _event(_template(make_task({"Name": "c", "Image": {"Ref": "R0"}}), resources=repositories))


@_attack("Fn::ToJsonString of itself, which doubles the backslashes each time")
def to_json_doubles() -> Event:
    """2 kB."""
    return _event(_of_image(nested(60, '"', lambda inner: {"Fn::ToJsonString": {"A": inner}})))


@_attack("Fn::ToJsonString of a long list of one long text")
def to_json_of_many_references() -> Event:
    long = {"Fn::FindInMap": ["M", "A", "B"]}
    mappings = {"M": {"A": {"B": "x" * 400 * _KB}}}
    return _event(_of_image({"Fn::ToJsonString": [long] * 5000}, Mappings=mappings))


@_attack("Fn::Base64 of itself, which makes the text longer by a third each time")
def base64_grows() -> Event:
    return _event(_of_image(nested(90, "x" * 1000, lambda inner: {"Fn::Base64": inner})))


@_attack("a text of 300 kB for each of 500 task definitions")
def long_text_in_each_task() -> Event:
    image = {"Fn::Join": ["y" * 300, [{"Ref": "P"}] * 100]}
    return _event(
        _template(*(make_task({"Name": "c", "Image": image}) for _ in range(500)), Parameters=_P), {"P": "p" * 300}
    )


# --- Lists that grow


@_attack("Fn::Split of a text into a million items")
def split_into_a_million() -> Event:
    return _event(_of_image({"Fn::Select": [0, {"Fn::Split": [",", "," * 900 * _KB]}]}))


@_attack("Fn::Split of a text into 90,000 items, for each of 2,000 containers")
def split_for_each_container() -> Event:
    image = {"Fn::Select": [0, {"Fn::Split": [",", {"Fn::FindInMap": ["M", "A", "B"]}]}]}
    return _event(_of_image(image, containers=2000, Mappings={"M": {"A": {"B": "a," * 90_000}}}))


@_attack("a CommaDelimitedList with a million items")
def list_parameter_of_a_million() -> Event:
    task = make_task({"Name": "c", "Image": "nginx", "EntryPoint": {"Ref": "L"}})
    return _event(_template(task, Parameters={"L": {"Type": "CommaDelimitedList"}}), {"L": "," * 1_000_000})


@_attack("a list as a parameter value, in 1,000 containers' EntryPoint")
def list_parameter_in_each_container() -> Event:
    containers = (make_container(n, EntryPoint={"Ref": "L"}) for n in range(1000))
    return _event(
        _template(make_task(*containers), Parameters={"L": {"Type": "CommaDelimitedList"}}), {"L": ["a"] * 90_000}
    )


@_attack("Fn::Length and Fn::Select over long lists, in each container")
def length_for_each_container() -> Event:
    image = {"Fn::Sub": ["nginx:${N}", {"N": {"Fn::Length": ["a"] * 100}}]}
    return _event(_of_image(image, containers=1500))


@_attack("a value of Mappings with 400 kB, compared under 1,000 combinations of conditions")
def large_mapping_value_under_conditions() -> Event:
    value = {"Fn::FindInMap": ["M", "A", "B"]}
    mappings = {"M": {"A": {"B": {"x": ["a"] * 100_000}}}}
    tree: Any = value
    for n in range(10):
        tree = [{"Fn::If": [f"C{n}", value, value]}, tree]
    return _event(_of_image(tree, Mappings=mappings, Conditions=_conditions(10), Parameters=_P))


@_attack("EntryPoint by Fn::FindInMap in 1,500 containers, with 60,000 strings in Mappings")
def lists_of_mappings() -> Event:
    mappings = {"M": {"A": {f"K{n}": ["a", "b", "c"] for n in range(20_000)}}}
    containers = (make_container(n, EntryPoint={"Fn::FindInMap": ["M", "A", "K0"]}) for n in range(1500))
    return _event(_template(make_task(*containers), Mappings=mappings))


@_attack("10,000 mappings, and as many uses of them")
def many_mappings() -> Event:
    mappings = {f"M{n}": {"A": {"B": "x"}} for n in range(10_000)}
    image = {"Fn::Join": ["", [{"Fn::FindInMap": [f"M{n}", "A", "B"]} for n in range(10_000)]]}
    return _event(_of_image(image, Mappings=mappings))


# --- Conditions


@_attack("2 ** 10 combinations of conditions in each of Image, CpuArchitecture and RepositoryCredentials: a billion")
def conditions_multiply() -> Event:
    """3 kB."""
    image = {"Fn::Join": ["", [{"Fn::If": [f"A{n}", str(n), ""]} for n in range(10)]]}
    cpu = {"Fn::Join": ["", [{"Fn::If": [f"B{n}", str(n), ""]} for n in range(10)]]}
    secret = {"Fn::Join": ["", [{"Fn::If": [f"D{n}", str(n), ""]} for n in range(10)]]}
    task = make_task(
        {"Name": "c", "Image": image, "RepositoryCredentials": {"CredentialsParameter": secret}},
        RuntimePlatform={"CpuArchitecture": cpu},
    )
    conditions = _conditions(10, "A") | _conditions(10, "B") | _conditions(10, "D")
    return _event(_template(task, Conditions=conditions, Parameters=_P), {"P": "0"})


@_attack("100 conditions in Command, with 2 ** 10 combinations in Image for each")
def conditions_of_command_and_image() -> Event:
    image = {"Fn::Join": ["", [{"Fn::If": [f"A{n}", str(n), ""]} for n in range(10)]]}
    command = [{"Fn::If": [f"B{n}", f"x{n}", {"Ref": "AWS::NoValue"}]} for n in range(100)]
    conditions = _conditions(10, "A") | _conditions(100, "B")
    return _event(
        _template(make_task({"Name": "c", "Image": image, "Command": command}), Conditions=conditions, Parameters=_P)
    )


@_attack("150 conditional items at the start of EntryPoint and of Command")
def conditional_items() -> Event:
    items = [{"Fn::If": [f"C{n}", f"x{n}", {"Ref": "AWS::NoValue"}]} for n in range(150)]
    task = make_task({"Name": "c", "Image": "nginx", "EntryPoint": items, "Command": items})
    return _event(_template(task, Conditions=_conditions(150), Parameters=_P))


@_attack("1,000 containers, each under a condition of its own")
def containers_under_conditions() -> Event:
    containers = ({"Fn::If": [f"C{n}", make_container(n), {"Ref": "AWS::NoValue"}]} for n in range(1000))
    return _event(_template(make_task(*containers), Conditions=_conditions(1000), Parameters=_P))


@_attack("60 containers, each under three conditions, with AgentLogConfiguration inherit and TaskSize raise")
def containers_under_three_conditions() -> Event:
    def under(n: int) -> Any:
        absent = {"Ref": "AWS::NoValue"}
        log = {"Fn::If": [f"L{n}", {"LogDriver": "awslogs", "Options": {"awslogs-stream-prefix": "x"}}, absent]}
        inner = make_container(n, LogConfiguration=log, Memory={"Fn::If": [f"M{n}", n, n + 1]})
        return {"Fn::If": [f"A{n}", {"Fn::If": [f"B{n}", inner, absent]}, absent]}

    metadata = {"AgentLogConfiguration": "inherit", "TaskSize": "raise", "AgentMemoryReservation": 256}
    conditions: dict[str, Any] = {}
    for prefix in "ABLM":
        conditions |= _conditions(60, prefix)
    task = make_task(*(under(n) for n in range(60)), metadata=metadata)
    return _event(_template(task, Conditions=conditions, Parameters=_P))


@_attack("one container under a chain of 100 conditions")
def container_under_a_chain() -> Event:
    chain = _if_chain(100, make_container)
    return _event(_template(make_task(chain), Conditions=_conditions(100), Parameters=_P))


@_attack("a condition that refers to the next one, 10,000 times")
def condition_chain() -> Event:
    conditions: dict[str, Any] = {f"C{n}": {"Condition": f"C{n + 1}"} for n in range(10_000)}
    conditions["C10000"] = {"Fn::Equals": [1, 1]}
    return _event(_template({**make_task(), "Condition": "C0"}, Conditions=conditions))


@_attack("a chain of 2,000 conditions, evaluated for each of 2,000 task definitions")
def condition_chain_for_each_task() -> Event:
    conditions: dict[str, Any] = {f"C{n}": {"Fn::Not": [{"Condition": f"C{n + 1}"}]} for n in range(2000)}
    conditions["C2000"] = {"Fn::Equals": [1, 1]}
    tasks = ({**make_task(make_container(0, Image=5)), "Condition": f"C{n}"} for n in range(2000))
    return _event(_template(*tasks, Conditions=conditions))


@_attack("conditions that each refer to the next one four times: 4 ** 200 evaluations")
def conditions_by_four() -> Event:
    conditions: dict[str, Any] = {f"C{n}": {"Fn::And": [{"Condition": f"C{n + 1}"}] * 4} for n in range(200)}
    conditions["C200"] = {"Fn::Equals": [1, 1]}
    return _event(_template({**make_task(), "Condition": "C0"}, Conditions=conditions))


@_attack("conditions that depend on the next one by Fn::If in Fn::Equals: 2 ** 30 evaluations")
def conditions_by_if() -> Event:
    """4 kB."""
    conditions: dict[str, Any] = {
        f"C{n}": {"Fn::Equals": [{"Fn::If": [f"C{n + 1}", "a", "b"]}, {"Fn::If": [f"C{n + 1}", "a", "b"]}]}
        for n in range(30)
    }
    conditions["C30"] = {"Fn::Equals": [1, 1]}
    containers = (
        {"Fn::If": ["C0", make_container(n, Image={"Fn::If": ["C0", "a", "b"]}), make_container(n)]} for n in range(5)
    )
    return _event(_template({**make_task(*containers), "Condition": "C0"}, Conditions=conditions))


@_attack("Fn::Not of Fn::Not, 250 levels deep")
def deep_not() -> Event:
    condition = nested(250, {"Fn::Equals": [1, 1]}, lambda inner: {"Fn::Not": [inner]})
    return _event(_template({**make_task(), "Condition": "C"}, Conditions={"C": condition}))


@_attack("conditions that refer to themselves and to each other")
def condition_cycles() -> Event:
    names = [f"C{n}" for n in range(100)]
    conditions: dict[str, Any] = {name: {"Fn::Or": [{"Condition": each} for each in names]} for name in names}
    tasks = ({**make_task(), "Condition": name} for name in names)
    return _event(_template(*tasks, Conditions=conditions))


@_attack("one condition with 15,000 operands, needed by 1,000 task definitions")
def wide_condition() -> Event:
    operands = [{"Fn::Equals": [{"Ref": "P"}, str(n)]} for n in range(15_000)]
    conditions = {"C": {"Fn::Or": operands}}
    tasks = ({**make_task(make_container(0, Image=5)), "Condition": "C"} for _ in range(1000))
    return _event(_template(*tasks, Conditions=conditions, Parameters=_P), {"P": "x"})


# --- Loops


def _loop(collection: Any, body: Any, number: int = 0) -> dict[str, Any]:
    return {f"Fn::ForEach::L{number}": [f"V{number}", collection, body]}


@_attack("loops in loops: 500 ** 5 items")
def loops_multiply() -> Event:
    """2 kB."""
    body: Any = {"Task${V0}": make_task({"Name": "c", "Image": "nginx:${V0}"})}
    for n in range(5):
        body = _loop({"Ref": "L"}, body, n)
    items = ",".join(f"i{n}" for n in range(500))
    return _event(_template(resources=body, Parameters={"L": {"Type": "CommaDelimitedList"}}), {"L": items})


@_attack("a loop over 100,000 items")
def long_loop() -> Event:
    body = _loop({"Ref": "L"}, {"Task${V0}": make_task({"Name": "c", "Image": "nginx:${V0}"})})
    return _event(_template(resources=body, Parameters={"L": {"Type": "CommaDelimitedList"}}), {"L": ["a"] * 100_000})


@_attack("700 loops over 500 items each, whose bodies have three containers")
def many_loops() -> Event:
    loops: dict[str, Any] = {}
    for n in range(700):
        containers = ({"Name": f"c{each}", "Image": f"nginx:${{V{n}}}"} for each in range(3))
        loops |= _loop({"Ref": "L"}, {f"Task{n}${{V{n}}}": make_task(*containers)}, n)
    items = ",".join(f"i{n}" for n in range(500))
    return _event(_template(resources=loops, Parameters={"L": {"Type": "CommaDelimitedList"}}), {"L": items})


@_attack("loops nested 50 levels deep")
def deep_loops() -> Event:
    body: Any = {"Task": make_task()}
    for n in range(50):
        body = _loop(["a"], body, n)
    return _event(_template(resources=body))


@_attack("a loop inside a container, whose keys and items multiply to 10 ** 9")
def loop_in_a_container() -> Event:
    body = {f"K{n}${{V0}}": "x" for n in range(10_000)}
    container = make_container(0, **_loop(["a"] * 90_000, body))
    return _event(_template(make_task(container)))


@_attack("a loop over a long list that is built anew for each outer item")
def loop_over_a_split() -> Event:
    collection = {"Fn::Split": [",", {"Fn::Sub": ["${V1}${T}", {"T": {"Ref": "T"}}]}]}
    body = _loop(collection, {"Task${V0}": make_task()})
    outer = _loop([f"i{n}" for n in range(500)], body, 1)
    return _event(_template(resources=outer, Parameters={"T": {"Type": "String"}}), {"T": "," * 90_000})


# --- Depth


@_attack("objects nested 400 levels deep in a container")
def deep_objects() -> Event:
    return _event(_template(make_task(make_container(0, X=nested(400, "x", lambda inner: {"A": inner})))))


@_attack("an Image nested 300 levels deep")
def deep_image() -> Event:
    return _event(_of_image(nested(300, "x", lambda inner: {"Fn::Join": ["", [inner]]})))


@_attack("Fn::If nested 120 levels deep in EntryPoint, Command, Image and Environment")
def deep_if() -> Event:
    chain = _if_chain(120, lambda n: [f"x{n}"])
    container = {"Name": "c", "Image": _if_chain(120, lambda n: f"x{n}"), "EntryPoint": chain, "Command": chain,
                 "Environment": _if_chain(120, lambda n: [{"Name": f"x{n}", "Value": "x"}])}  # fmt: skip
    return _event(_template(make_task(container), Conditions=_conditions(120), Parameters=_P))


@_attack("Fn::If with one condition, 150 levels deep")
def deep_if_of_one_condition() -> Event:
    tree = nested(150, ["x"], lambda inner: {"Fn::If": ["C0", ["y"], inner]})
    return _event(_template(make_task(make_container(0, EntryPoint=tree)), Conditions=_conditions(1), Parameters=_P))


# --- Many


@_attack("10,000 containers in one task definition")
def many_containers() -> Event:
    return _event(_template(make_task(*(make_container(n) for n in range(10_000)))))


@_attack("4,000 task definitions")
def many_tasks() -> Event:
    return _event(_template(*(make_task() for _ in range(4000))))


@_attack("2,000 variables, each of which may be SYSDIG_SIDECAR under its own condition")
def many_variables() -> Event:
    variable = {"Name": "SYSDIG_SIDECAR", "Value": "x"}
    entries = [{"Fn::If": [f"C{n}", variable, {"Ref": "AWS::NoValue"}]} for n in range(2000)]
    task = make_task(make_container(0, Environment=entries))
    return _event(_template(task, Conditions=_conditions(2000), Parameters=_P))


@_attack("30,000 variables and secrets whose names are expressions")
def variables_by_expression() -> Event:
    entries = [{"Name": {"Fn::Sub": "${P}"}, "Value": "x"} for _ in range(15_000)]
    task = make_task(make_container(0, Environment=entries, Secrets=entries))
    return _event(_template(task, Parameters=_P))


@_attack("100 containers that each depend on all others and mount the volumes of all others")
def dependencies() -> Event:
    def all_others(key: str) -> list[Any]:
        return [{key: f"c{n}", "Condition": "START"} for n in range(100)]

    containers = (
        make_container(n, DependsOn=all_others("ContainerName"), VolumesFrom=all_others("SourceContainer"))
        for n in range(100)
    )
    return _event(_template(make_task(*containers)))


@_attack("8,000 mount points and volumes")
def many_mounts() -> Event:
    mounts = [{"SourceVolume": f"v{n}", "ContainerPath": f"/opt/draios{n}"} for n in range(8000)]
    task = make_task(make_container(0, MountPoints=mounts), Volumes=[{"Name": f"v{n}"} for n in range(8000)])
    return _event(_template(task))


@_attack("3,000 tags, each under a condition")
def many_tags() -> Event:
    tags = [
        {"Fn::If": [f"C{n}", {"Key": "kilt-ignore-containers", "Value": "a:b"}, {"Ref": "AWS::NoValue"}]}
        for n in range(3000)
    ]
    return _event(_template(make_task(Tags=tags), Conditions=_conditions(3000), Parameters=_P))


@_attack("5,000 services that all launch 20 task definitions")
def many_services() -> Event:
    services = {
        f"S{n}": {
            "Type": "AWS::ECS::Service",
            "Properties": {"TaskDefinition": {"Ref": f"Task{n % 20}"}, "PlatformVersion": "1.3.0"},
        }
        for n in range(5000)
    }
    return _event(_template(*(make_task() for _ in range(20)), resources=services))


@_attack("one rule whose targets name every task definition in every target")
def launcher_of_all() -> Event:
    every = {"Fn::Sub": "".join(f"${{Task{n}}}" for n in range(500))}
    targets = [{"EcsParameters": {"TaskDefinitionArn": every, "PlatformVersion": "1.3.0"}} for _ in range(80)]
    rule = {"Type": "AWS::Events::Rule", "Properties": {"Targets": targets}}
    return _event(_template(*(make_task() for _ in range(500)), resources={"Rule": rule}))


@_attack("400 task definitions whose execution role may be any of 80 roles, each with another secret")
def many_roles() -> Event:
    roles = {f"R{n}": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": f"role-{n}"}} for n in range(500)}
    any_role = {"Fn::Join": ["", [{"Ref": f"R{n}"} for n in range(80)]]}
    tasks = (make_task(ExecutionRoleArn=any_role, metadata={"AccessKeySecret": _secret(n)}) for n in range(400))
    return _event(_template(*tasks, resources=roles))


def _secret(number: int) -> str:
    return f"arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig{number}-AbCdEf"


@_attack("10,000 resources that are no task definition, and 8,000 Fn::Transform")
def other_resources() -> Event:
    resources: dict[str, Any] = {f"B{n}": {"Type": "AWS::S3::Bucket"} for n in range(10_000)}
    resources |= {f"T{n}": {"Fn::Transform": {"Name": "AWS::Include"}} for n in range(8000)}
    return _event(_template(make_task(), resources=resources))


# --- Settings, which are repeated in the output


@_attack("variables of 400 kB for each of 2,000 containers: 800 MB of output")
def large_workload_environment() -> Event:
    metadata = {"SysdigInstrument": {"WorkloadEnvironment": {"A": "x" * 400 * _KB}}}
    tasks = (make_task(*(make_container(n) for n in range(4))) for _ in range(500))
    return _event(_template(*tasks, Metadata=metadata))


@_attack("variables of 300 kB for each branch of one Environment: gigabytes of output")
def large_workload_environment_in_branches() -> Event:
    metadata = {"SysdigInstrument": {"WorkloadEnvironment": {"A": "x" * 300 * _KB}}}
    containers = ({"Fn::If": ["C0", make_container(n), make_container(n)]} for n in range(3000))
    return _event(_template(make_task(*containers), Metadata=metadata, Conditions=_conditions(1), Parameters=_P))


@_attack("an ExtraConf of 900 kB, with characters of four bytes, for 500 task definitions")
def large_extra_conf() -> Event:
    metadata = {"SysdigInstrument": {"ExtraConf": "\U0001f600" * 300 * _KB}}
    return _event(_template(*(make_task() for _ in range(500)), Metadata=metadata))


@_attack("20,000 variables of the agent, for 300 task definitions")
def many_agent_variables() -> Event:
    metadata = {"SysdigInstrument": {"AgentEnvironment": {f"V{n}": "x" for n in range(20_000)}}}
    return _event(_template(*(make_task() for _ in range(300)), Metadata=metadata))


@_attack("10,000 variables of workloads, compared with 1,000 containers' own variables")
def many_workload_variables() -> Event:
    metadata = {"SysdigInstrument": {"WorkloadEnvironment": {f"V{n}": "x" for n in range(10_000)}}}
    own = [{"Name": f"W{n}", "Value": "x"} for n in range(10)]
    tasks = (make_task(*(make_container(n, Environment=own) for n in range(5))) for _ in range(200))
    return _event(_template(*tasks, Metadata=metadata))


@_attack("ImageConfigs of 400 kB, for 2,000 containers")
def large_image_configs() -> Event:
    metadata = {
        "SysdigInstrument": {"ImageConfigs": {"nginx": {"Entrypoint": ["x" * 400 * _KB], "Cmd": ["x"] * 50_000}}}
    }
    tasks = (make_task(*({"Name": f"c{n}", "Image": "nginx"} for n in range(4))) for _ in range(500))
    return _event(_template(*tasks, Metadata=metadata))


@_attack("20,000 patterns in ExcludeContainers, for 3,000 containers")
def many_patterns() -> Event:
    metadata = {"SysdigInstrument": {"ExcludeContainers": [f"*x{n}?" for n in range(20_000)]}}
    return _event(_template(make_task(*(make_container(n) for n in range(3000))), Metadata=metadata))


@_attack("a pattern with 5,000 asterisks, and names that nearly match it")
def slow_pattern() -> Event:
    metadata = {"SysdigInstrument": {"ExcludeContainers": ["*a" * 5000 + "b"]}}
    containers = ({**make_container(), "Name": "a" * 20_000 + str(n)} for n in range(20))
    return _event(_template(make_task(*containers), Metadata=metadata))


@_attack("settings for 8,000 containers that do not exist, beside 3,000 that do")
def settings_of_other_containers() -> Event:
    settings = {"Containers": {f"x{n}": {"Enabled": True} for n in range(8000)}}
    return _event(_template(make_task(*(make_container(n) for n in range(3000)), metadata=settings)))


@_attack("10,000 settings of unknown names")
def unknown_settings() -> Event:
    settings = {f"Colector{n}": "x" for n in range(10_000)}
    return _event(_template(make_task(), Metadata={"SysdigInstrument": settings}))


@_attack("a setting whose unknown name has 900 kB")
def long_setting_name() -> Event:
    return _event(_template(make_task(), Metadata={"SysdigInstrument": {"Collector" * 100_000: "x"}}))


@_attack("parameters of the Transform with a megabyte, and of unexpected types")
def transform_parameters() -> Event:
    params = {f"P{n}": [{"x": [None, n]}] for n in range(20_000)}
    return _event(_template(make_task()), params={**params, "AgentCpu": "9" * 100_000, "ImageConfigs": "{" * 100_000})


# --- Names, numbers and messages


@_attack("1,000 problems with long names that turn the text around")
def many_problems() -> Event:
    tasks = {f"T{n}" + "\u202e" * 300: make_task({"Name": "n" * 100, "Image": 5}) for n in range(1000)}
    return _event(_template(resources=tasks))


@_attack("a container's name of 900 kB, twice")
def long_names() -> Event:
    container = {**make_container(), "Name": "\x1b[2J" * 100_000}
    return _event(_template(make_task(container, container)))


@_attack("sizes with 100,000 digits")
def long_numbers() -> Event:
    digits = "9" * 100_000
    container = make_container(0, Cpu=digits, Memory=digits, MemoryReservation=10**300)
    metadata = {"AgentCpu": 256, "AgentMemoryReservation": 512, "TaskSize": "raise"}
    return _event(_template(make_task(container, Cpu=digits, Memory=digits + " GB", metadata=metadata)))


@_attack("an Image of 900 kB that looks like an image reference everywhere")
def long_image() -> Event:
    return _event(_of_image("a/" * 300_000 + "b:c@sha256:" + "0" * 300_000))


@_attack("2,000 images that all have to be looked up")
def many_images() -> Event:
    return _event(_template(*(make_task({"Name": "c", "Image": f"nginx:{n}"}) for n in range(2000))))


@_attack("20,000 dynamic references in one text")
def dynamic_references() -> Event:
    return _event(_of_image("".join(f"{{{{resolve:ssm:p{n}}}}}" for n in range(20_000))))


@_attack("text that is nearly a variable or a reference, 300,000 times")
def unfinished_references() -> Event:
    text = "${" * 150_000 + "{{resolve:" * 20_000 + "$" * 100_000
    return _event(_of_image({"Fn::Sub": text}))


@_attack("imports whose names are the values of imports")
def nested_imports() -> Event:
    return _event(_of_image(nested(90, "x", lambda inner: {"Fn::ImportValue": inner})))


@_attack("values of unexpected types at every place")
def unexpected_types() -> Event:
    odd: list[Any] = [None, True, 0, -1, 1e308, "", [], {}, [[]], {"": None}, {"Ref": None}, {"Fn::If": []}]
    keys = ("Name", "Image", "EntryPoint", "Command", "Environment", "Secrets", "VolumesFrom", "LinuxParameters")
    containers = [{"Name": "c", "Image": "nginx", key: value} for key in keys for value in odd]
    tasks = [make_task(each) for each in containers]
    return _event(_template(*tasks, resources={f"O{n}": each for n, each in enumerate(odd)}))


@_attack("a Result of an earlier run that has a megabyte")
def large_result() -> Event:
    return _event(_template(make_task(metadata={"Result": {"Containers": {f"c{n}": "x" for n in range(40_000)}}})))


@_attack("an array in place of the event")
def event_is_a_list() -> Any:
    """Not an event at all."""
    return [[]] * 1000


@_attack("a fragment of the wrong type, and a request ID of a megabyte")
def odd_event() -> Event:
    return _event(["x"] * 10_000, requestId="r" * 1_000_000, region="x" * 100_000)


@_attack("a snippet: the Properties of a task definition with expressions that double")
def snippet() -> Event:
    image = nested(60, "xx", lambda inner: {"Fn::Sub": ["${A}${A}", {"A": inner}]})
    return _event({"ContainerDefinitions": [{"Name": f"c{n}", "Image": image} for n in range(100)]})


# --- More of each kind


@_attack("a variable's name of 600 kB")
def sub_with_a_long_name() -> Event:
    return _event(_of_image({"Fn::Sub": "${" + "a." * 300_000 + "}"}))


@_attack("the beginning of a reference to a resource, 200,000 times, in a service and in the name of a role")
def references_without_an_end() -> Event:
    text = {"Fn::Sub": "${a." * 100_000}
    service = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": text}}
    return _event(_template(make_task(ExecutionRoleArn=text), resources={"S": service}))


@_attack("Fn::Join of Fn::Split with a longer delimiter at each level")
def joins_of_splits() -> Event:
    """2 kB."""
    return _event(_of_image(nested(12, "," * 20, lambda inner: {"Fn::Join": [",,,,", {"Fn::Split": [",", inner]}]})))


@_attack("Fn::ToJsonString of an object with 300 doubled texts")
def to_json_of_a_large_object() -> Event:
    return _event(_of_image({"Fn::ToJsonString": {f"k{n}": _doubled(12) for n in range(300)}}))


@_attack("Fn::Cidr, which is not evaluated, for a billion networks")
def cidr_of_many() -> Event:
    """300 bytes."""
    return _event(_of_image({"Fn::Select": [0, {"Fn::Cidr": ["10.0.0.0/8", 999_999_999, 1]}]}))


@_attack("doubled texts as the keys and the default of Fn::FindInMap")
def doubled_keys() -> Event:
    """8 kB."""
    found = {"Fn::FindInMap": [_doubled(30), "b", "c", {"DefaultValue": _doubled(40)}]}
    return _event(_of_image(found, Mappings={"a": {"b": {"c": "d"}}}))


@_attack("a value of Mappings nested 450 levels deep")
def deep_mappings() -> Event:
    deep = nested(450, "x", lambda inner: [inner])
    return _event(_of_image({"Fn::FindInMap": ["M", "A", "B"]}, Mappings={"M": {"A": {"B": deep}}}))


@_attack("a parameter of 400 kB that looks like a masked one, which 20,000 expressions read")
def nearly_masked_parameter() -> Event:
    parameters = {"A": {"Type": "String", "Default": "*" * 400 * _KB + "x"}}
    return _event(_of_image({"Fn::Join": ["", [{"Ref": "A"}] * 20_000]}, Parameters=parameters))


_UNKNOWN: Final = {f"U{n}": {"Fn::Equals": [{"Ref": "AWS::StackName"}, f"s{n}"]} for n in range(200)}


@_attack("2 ** 200 combinations of conditions that are known only after deployment")
def unknown_conditions_multiply() -> Event:
    parts = [{"Fn::If": [name, "a", "b"]} for name in _UNKNOWN]
    return _event(_of_image({"Fn::Join": ["", ["x", *parts]]}, Conditions=_UNKNOWN))


@_attack("items of EntryPoint under 40 conditions that are not known, in a branch, with an Image of 40 branches")
def unknown_conditions_of_entry_point_and_image() -> Event:
    absent = {"Ref": "AWS::NoValue"}
    items = [{"Fn::If": [f"U{n}", "a", absent]} for n in range(40)]
    image = _if_chain(40, lambda n: f"a:{n}", prefix="U")
    entry_point = {"Fn::If": ["U100", items, ["x"]]}
    return _event(_template(make_task({"Name": "c", "Image": image, "EntryPoint": entry_point}), Conditions=_UNKNOWN))


@_attack("conditions that compare doubled texts")
def conditions_of_doubled_texts() -> Event:
    """10 kB."""
    conditions = {"C": {"Fn::Equals": [_doubled(40), _doubled(41)]}}
    return _event(_of_image({"Fn::If": ["C", "a", "b"]}, Conditions=conditions))


@_attack("lists nested 900 levels deep in DockerLabels and in Metadata")
def deep_labels() -> Event:
    deep = nested(900, [], lambda inner: [inner])
    return _event(_template(make_task(make_container(DockerLabels=deep)), Metadata={"A": deep}))


@_attack("an expanded bomb of YAML aliases: 100,000 small items")
def many_small_objects() -> Event:
    bomb = nested(4, ["lol"] * 10, lambda inner: [inner] * 10)
    return _event(_template(make_task(), Metadata={"Bomb": bomb}))


@_attack("100,000 empty containers")
def empty_containers() -> Event:
    return _event(_template(make_task(*[{}] * 100_000)))


@_attack("50,000 secrets")
def many_secrets() -> Event:
    return _event(
        _template(make_task(make_container(Secrets=[{"Name": f"V{n}", "ValueFrom": "arn"} for n in range(50_000)])))
    )


@_attack("200,000 words in EntryPoint, and as many empty ones in Command")
def many_words() -> Event:
    return _event(_template(make_task(make_container(EntryPoint=["x"] * 200_000, Command=[""] * 200_000))))


@_attack("3,000 services whose PlatformVersion is a doubled text")
def services_of_doubled_texts() -> Event:
    members = {"TaskDefinition": {"Ref": "Task0"}, "PlatformVersion": _doubled(20), "LaunchType": "FARGATE"}
    service = {"Type": "AWS::ECS::Service", "Properties": members}
    return _event(_template(make_task(), resources={f"S{n}": service for n in range(3000)}))


@_attack("names of control characters only")
def names_of_control_characters() -> Event:
    return _event(_template(make_task(*[{"Name": "\u202e\x1b\u2028" * 30_000, "Image": "\x00" * 100_000}] * 3)))


@_attack("a pattern that compares 40,000 characters at each of a name's 100,000")
def wide_pattern() -> Event:
    metadata = {"ExcludeContainers": ["*" + "?" * 40_000 + "b"]}
    return _event(_template(make_task(make_container(Name="a" * 100_000), metadata=metadata)))


@_attack("a setting whose text is JSON nested 200,000 levels deep")
def deep_setting() -> Event:
    metadata = {"AgentLogConfiguration": '{"LogDriver":' + "[" * 200_000}
    return _event(_template(make_task(metadata=metadata)))


@_attack("images in 450 Regions")
def many_regions() -> Event:
    images = (f"111122223333.dkr.ecr.xx-word-{n}.amazonaws.com/a:1" for n in range(450))
    return _event(_template(make_task(*({"Name": f"c{n}", "Image": image} for n, image in enumerate(images)))))


@_attack("images in 3,000 registries")
def many_registries() -> Event:
    return _event(_template(make_task(*({"Name": f"c{n}", "Image": f"r{n}.invalid/a:1"} for n in range(3000)))))


@_attack("3,000 SSM parameters")
def many_parameters() -> Event:
    return _event(
        _template(make_task(*({"Name": f"c{n}", "Image": f"{{{{resolve:ssm:/p/{n}}}}}"} for n in range(3000))))
    )


@_attack("3,000 exports")
def many_exports() -> Event:
    return _event(
        _template(make_task(*({"Name": f"c{n}", "Image": {"Fn::ImportValue": f"e{n}"}} for n in range(3000))))
    )


# --- What a process could keep


@_attack("a glob of 300 kB, and globs of sets, in settings, ImageConfigs and tags")
def long_globs() -> Event:
    glob = f"a*{'x' * 300_000}"
    sets = "*[ab]" * 2_000
    metadata = {"ExcludeContainers": [glob, sets], "ImageConfigs": {glob: {"Entrypoint": ["/a"]}, sets: {"Cmd": ["b"]}}}
    tags = [{"Key": "kilt-ignore-containers", "Value": f"{glob}:{sets}"}]
    return _event(_template(make_task({"Name": "ab" * 100, "Image": "ab" * 100}, metadata=metadata, Tags=tags)))


# --- The hook


@_attack("the hook, with 5,000 containers")
def hook_with_many_containers() -> Event:
    return _hook(make_task(*(make_container(n) for n in range(5000)))["Properties"])


@_attack("the hook, with expressions that double")
def hook_with_expressions() -> Event:
    image = nested(60, "xx", lambda inner: {"Fn::Sub": ["${A}${A}", {"A": inner}]})
    return _hook(make_task({"Name": "c", "Image": image})["Properties"])


@_attack("the hook, with objects nested 400 levels deep")
def hook_with_deep_objects() -> Event:
    return _hook(make_task(make_container(0, Environment=nested(400, "x", lambda inner: [inner])))["Properties"])


@_attack("the hook, with 20,000 variables and a name of 300 kB")
def hook_with_many_variables() -> Event:
    entries = [{"Name": f"V{n}", "Value": "x"} for n in range(20_000)]
    return _hook(make_task({**make_container(0, Environment=entries), "Name": "n" * 300_000})["Properties"])


@_attack("the hook, with tags of 3,000 globs of sets")
def hook_with_globs_of_sets() -> Event:
    tags = [{"Key": "sysdig-instrument-exclude", "Value": " ".join(f"{'[ab]*' * 50}{n}" for n in range(3000))}]
    return _hook(make_task(make_container(0, Name="ab" * 50_000), Tags=tags)["Properties"])


@_attack("the hook, with a mount path that goes up and down 200,000 times")
def hook_with_a_long_path() -> Event:
    mounts = [{"SourceVolume": "v", "ContainerPath": f"/{'a/../' * 200_000}opt/draios"}]
    return _hook(make_task(make_container(0, MountPoints=mounts))["Properties"])


@_attack("the hook, with 500,000 arguments, 100,000 capabilities and numbers of 3,000 digits")
def hook_with_long_members() -> Event:
    capabilities = {"Add": ["SYS_PTRACE"] * 100_000, "Drop": ["ALL"] * 100_000}
    members = {"EntryPoint": ["x"] * 500_000, "LinuxParameters": {"Capabilities": capabilities}, "Cpu": 10**3000}
    return _hook(make_task(make_container(0, **members), Cpu="1" * 3000, Memory="9" * 3000)["Properties"])
