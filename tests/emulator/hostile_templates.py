"""Templates, and contents of a registry, that try to use up the time or the memory of the macro's function.

Each has another idea, and is far smaller than what it makes a naive program build. None is larger than an event that
Lambda accepts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Json: TypeAlias = Any
Template: TypeAlias = dict[str, Json]

LARGE: Final = 100_000
KIB: Final = 1024


def task(*containers: Json, **properties: Json) -> dict[str, Json]:
    """Return a task definition resource for Fargate."""
    fargate = {"RequiresCompatibilities": ["FARGATE"], "NetworkMode": "awsvpc", "Cpu": "512", "Memory": "1024"}
    role = "arn:aws:iam::111122223333:role/execution"
    return {
        "Type": "AWS::ECS::TaskDefinition",
        "Properties": {
            **fargate, "ExecutionRoleArn": role, "ContainerDefinitions": list(containers), **properties,
        },
    }  # fmt: skip


def container(**members: Json) -> dict[str, Json]:
    """Return a container with an entry point, unless the members say otherwise."""
    return {"Name": "web", "Image": "shop/web:1", "EntryPoint": ["run"], **members}


def template(*containers: Json, **sections: Json) -> Template:
    """Return a template with one task definition and with further sections."""
    return {**sections, "Resources": {"Task": task(*containers), **sections.get("Resources", {})}}


def needed(expression: Json, **sections: Json) -> Template:
    """Return a template whose image, entry point and name are an expression, so that it has to be evaluated."""
    web = {"Name": expression, "Image": expression, "EntryPoint": expression}
    return template(web, {"Name": "other", "Image": expression}, **sections)


def nested(levels: int, innermost: Json, wrap: Callable[[Json], Json]) -> Json:
    """Wrap a value that many times."""
    for _ in range(levels):
        innermost = wrap(innermost)
    return innermost


def doubled(levels: int, text: str = "aaaaaaaa,") -> Json:
    """Return an Fn::Sub whose text doubles at each level."""
    return nested(levels, text, lambda inner: {"Fn::Sub": ["${a}${a}", {"a": inner}]})


# --- expressions that grow


def sub_doubles() -> Template:
    return needed(doubled(60))


def sub_repeats_a_variable() -> Template:
    return needed({"Fn::Sub": ["${a}" * 20_000, {"a": "x" * 500_000}]})


def sub_of_subs() -> Template:
    return needed(nested(6, "x", lambda inner: {"Fn::Sub": ["${a}" * 200, {"a": inner}]}))


def sub_with_open_placeholders() -> Template:
    return needed({"Fn::Sub": "${" * 300_000})


def sub_with_a_long_name() -> Template:
    return needed({"Fn::Sub": "${" + "a." * 300_000 + "}"})


def join_with_a_long_delimiter() -> Template:
    return needed({"Fn::Join": ["x" * 200_000, {"Fn::Split": [",", "," * 200_000]}]})


def joins_of_splits() -> Template:
    return needed(nested(12, "," * 20, lambda inner: {"Fn::Join": [",,,,", {"Fn::Split": [",", inner]}]}))


def json_strings_of_json_strings() -> Template:
    return needed(nested(60, '"', lambda inner: {"Fn::ToJsonString": {"a": inner}}))


def json_string_of_a_large_object() -> Template:
    return needed({"Fn::ToJsonString": {f"k{number}": doubled(12) for number in range(300)}})


def split_of_a_doubled_text() -> Template:
    return needed({"Fn::Select": [0, {"Fn::Split": [",", doubled(40)]}]})


def split_floods() -> Template:
    return template(
        *(container(Name=f"c{number}", EntryPoint={"Fn::Split": [",", "," * 100_000]}) for number in range(10))
    )


def select_from_a_huge_list() -> Template:
    return needed({"Fn::Select": ["99999", ["x"] * LARGE]})


def length_of_a_huge_list() -> Template:
    return needed({"Fn::Sub": ["${n}", {"n": {"Fn::Length": {"Fn::Split": [",", doubled(30)]}}}]})


def base64_of_base64() -> Template:
    return needed(nested(60, "x" * 10_000, lambda inner: {"Fn::Base64": inner}))


def cidr_of_many() -> Template:
    return needed({"Fn::Select": [0, {"Fn::Cidr": ["10.0.0.0/8", 999_999_999, 1]}]})


def find_in_map_of_doubled_keys() -> Template:
    return needed(
        {"Fn::FindInMap": [doubled(30), "b", "c", {"DefaultValue": doubled(40)}]}, Mappings={"a": {"b": {"c": "d"}}}
    )


def huge_mappings() -> Template:
    mappings = {f"m{number}": {"k": {"v": ["x"] * 100}} for number in range(5_000)}
    return needed({"Fn::FindInMap": [{"Fn::Sub": "m${AWS::Region}"}, "k", "v"]}, Mappings=mappings)


# --- conditions

IF_UNKNOWN: Final = {f"C{number}": {"Fn::Equals": [{"Ref": "AWS::StackName"}, f"s{number}"]} for number in range(200)}


def a_product_of_conditions() -> Template:
    parts = [{"Fn::If": [name, "a", "b"]} for name in IF_UNKNOWN]
    return needed({"Fn::Join": ["", ["x", *parts]]}, Conditions=IF_UNKNOWN)


def a_deep_if() -> Template:
    return needed(nested(400, "x", lambda inner: {"Fn::If": ["C0", inner, "y"]}), Conditions=IF_UNKNOWN)


def a_deep_if_of_many_conditions() -> Template:
    expression: Json = "x"
    for name in IF_UNKNOWN:
        expression = {"Fn::If": [name, expression, {"Fn::Sub": "${AWS::Region}"}]}
    return needed(expression, Conditions=IF_UNKNOWN)


def entry_points_and_images_under_many_conditions() -> Template:
    names = list(IF_UNKNOWN)
    either = [{"Fn::If": [name, ["a"], {"Ref": "AWS::NoValue"}]} for name in names[:40]]
    images = nested(40, "a:1", lambda inner: {"Fn::If": [names[len(json.dumps(inner)) % 200], inner, "b:1"]})
    return template(container(EntryPoint={"Fn::If": ["C0", either, ["x"]]}, Image=images), Conditions=IF_UNKNOWN)


def conditional_items_in_every_list() -> Template:
    items = [{"Fn::If": [name, {"Name": name, "Value": "v"}, {"Ref": "AWS::NoValue"}]} for name in IF_UNKNOWN]
    return template(*(container(Name=f"c{number}", Environment=items) for number in range(9)), Conditions=IF_UNKNOWN)


def conditional_containers() -> Template:
    items = [{"Fn::If": [name, container(Name=name, Image="a:1"), {"Ref": "AWS::NoValue"}]} for name in IF_UNKNOWN]
    return template(*items, Conditions=IF_UNKNOWN)


def conditions_that_double() -> Template:
    conditions: dict[str, Json] = {"C0": {"Fn::Equals": [{"Ref": "AWS::StackName"}, "a"]}}
    for number in range(1, 150):
        before = {"Condition": f"C{number - 1}"}
        conditions[f"C{number}"] = {"Fn::And": [before, {"Fn::Or": [before, {"Fn::Not": [before]}]}]}
    return needed({"Fn::If": ["C149", "a", "b"]}, Conditions=conditions)


def conditions_in_a_circle() -> Template:
    conditions = {f"C{number}": {"Fn::Not": [{"Condition": f"C{(number + 1) % 200}"}]} for number in range(200)}
    return needed({"Fn::If": ["C0", "a", "b"]}, Conditions=conditions)


def conditions_of_doubled_texts() -> Template:
    return needed({"Fn::If": ["C", "a", "b"]}, Conditions={"C": {"Fn::Equals": [doubled(40), doubled(41)]}})


def a_wide_condition() -> Template:
    either = {"Fn::Or": [{"Fn::Equals": [{"Ref": "AWS::StackName"}, str(number)]} for number in range(50_000)]}
    return needed({"Fn::If": ["C", "a", "b"]}, Conditions={"C": either})


# --- loops


def loops(levels: int, items: Json, body: Json) -> Template:
    """Return a template with nested loops around a resource."""
    inner: Json = {"Task": body}
    for level in range(levels):
        inner = {f"Fn::ForEach::L{level}": [f"V{level}", items, inner]}
    return {"Resources": inner}


def a_product_of_loops() -> Template:
    return loops(5, [str(number) for number in range(500)], task(container(Image={"Fn::Sub": "a:${V0}"})))


def a_loop_over_a_huge_list() -> Template:
    return loops(1, ["x"] * LARGE, task(container(Image={"Fn::Sub": "a:${V0}"})))


def a_loop_over_a_split() -> Template:
    return loops(1, {"Fn::Split": [",", doubled(30)]}, task(container(Image={"Fn::Sub": "a:${V0}"})))


def loops_around_loops() -> Template:
    return loops(300, ["a", "b"], task(container(Image={"Fn::Sub": "a:${V0}"})))


def many_loops() -> Template:
    body = {"T${N}": task({"Name": "web", "Image": {"Fn::Sub": "a:${N}"}})}
    items = [f"i{number}" for number in range(200)]
    return {"Resources": {f"Fn::ForEach::L{number}": ["N", items, body] for number in range(300)}}


# --- nesting and sheer size


def deep_lists() -> Template:
    return template(container(DockerLabels=nested(900, [], lambda inner: [inner])))


def deep_metadata() -> Template:
    return template(container(), Metadata=nested(900, {}, lambda inner: {"a": inner}))


def deep_functions() -> Template:
    return needed(nested(450, "x", lambda inner: {"Fn::Join": ["", [inner]]}))


def many_small_objects() -> Template:
    """What a YAML bomb looks like once its aliases are expanded."""
    level: Json = ["lol"] * 10
    return template(container(), Metadata={"Bomb": nested(4, level, lambda inner: [inner] * 10)})


def empty_containers() -> Template:
    return template(*[{}] * LARGE)


def named_containers() -> Template:
    return template(*(container(Name=f"c{number}") for number in range(20_000)))


def containers_that_depend_on_each_other() -> Template:
    names = [f"c{number}" for number in range(200)]
    depends = [{"ContainerName": name, "Condition": "START"} for name in names]
    return template(*(container(Name=name, DependsOn=depends) for name in names))


def volumes_from_each_other() -> Template:
    names = [f"c{number}" for number in range(200)]
    return template(
        *(container(Name=name, VolumesFrom=[{"SourceContainer": other} for other in names]) for name in names)
    )


def many_tags() -> Template:
    return {"Resources": {"Task": task(container(), Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(LARGE)])}}


def many_variables() -> Template:
    return template(container(Environment=[{"Name": f"V{number}", "Value": ""} for number in range(LARGE)]))


def many_secrets() -> Template:
    return template(container(Secrets=[{"Name": f"V{number}", "ValueFrom": "arn"} for number in range(50_000)]))


def many_words() -> Template:
    return template(container(EntryPoint=["x"] * 200_000, Command=[""] * 200_000))


def many_tasks() -> Template:
    return {"Resources": {f"T{number}": task({"Name": "web", "Image": f"a:{number}"}) for number in range(3_000)}}


def many_launchers() -> Template:
    launcher = {
        "Type": "AWS::ECS::Service",
        "Properties": {"TaskDefinition": {"Ref": "Task"}, "PlatformVersion": doubled(20), "LaunchType": "FARGATE"},
    }
    return template(container(), Resources={f"S{number}": launcher for number in range(3_000)})


def many_roles() -> Template:
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": []}}
    tasks = {f"T{n}": task(container(), ExecutionRoleArn={"Fn::GetAtt": [f"R{n}", "Arn"]}) for n in range(1_500)}
    return {"Resources": {**{f"R{number}": role for number in range(1_500)}, **tasks}}


def long_names() -> Template:
    return template(*({"Name": "x" * 400_000 + str(number), "Image": "y" * 400_000} for number in range(4)))


def names_of_control_characters() -> Template:
    return template(*({"Name": "\u202e\x1b\u2028" * 30_000, "Image": "\x00" * 100_000} for _ in range(3)))


def a_number_of_many_digits() -> Template:
    return {"Resources": {"Task": task(container(Memory="9" * LARGE), Cpu="9" * LARGE, Memory="1" * LARGE + " GB")}}


def many_problems() -> Template:
    wrong = {"Name": "web", "EntryPoint": 1, "Command": {}, "Image": [], "LinuxParameters": "x", "VolumesFrom": 1}
    return {"Resources": {f"T{number}": task(wrong, PidMode="host") for number in range(3_000)}}


def a_huge_list_parameter() -> Template:
    default = ",".join(["x"] * LARGE)
    parameters = {"Words": {"Type": "CommaDelimitedList", "Default": default}}
    return template(*(container(Name=f"c{n}", EntryPoint={"Ref": "Words"}) for n in range(9)), Parameters=parameters)


# --- settings


def settings(**values: Json) -> Template:
    """Return a template with settings."""
    return {**template(container()), "Metadata": {"SysdigInstrument": values}}


def patterns_that_backtrack() -> Template:
    many = [container(Name="a" * 3_000 + str(number)) for number in range(9)]
    return {**template(*many), "Metadata": {"SysdigInstrument": {"ExcludeContainers": ["*a" * 500 + "b"] * 20}}}


def many_patterns() -> Template:
    return settings(ExcludeContainers=[f"*{number}*" for number in range(50_000)])


def many_agent_variables() -> Template:
    return settings(AgentEnvironment={f"V{number}": "x" for number in range(50_000)})


def image_configs_of_many_words() -> Template:
    return settings(ImageConfigs={f"a:{number}": {"Cmd": ["x"] * 500} for number in range(500)})


def settings_nested_in_text() -> Template:
    return settings(AgentLogConfiguration='{"LogDriver":' + "[" * 200_000)


def unknown_settings() -> Template:
    return settings(**{f"Settting{number}": 1 for number in range(20_000)})


# --- lookups


def many_regions() -> Template:
    return template(
        *(
            {"Name": f"c{number}", "Image": f"111122223333.dkr.ecr.xx-word-{number}.amazonaws.com/a:1"}
            for number in range(450)
        )
    )


def many_registries() -> Template:
    return template(*({"Name": f"c{number}", "Image": f"r{number}.invalid/a:1"} for number in range(3_000)))


def many_parameters() -> Template:
    return template(*({"Name": f"c{number}", "Image": f"{{{{resolve:ssm:/p/{number}}}}}"} for number in range(3_000)))


def many_exports() -> Template:
    return template(*({"Name": f"c{number}", "Image": {"Fn::ImportValue": f"e{number}"}} for number in range(3_000)))


TEMPLATES: Final[Mapping[str, Callable[[], Template]]] = {
    made.__name__: made
    for made in (
        sub_doubles, sub_repeats_a_variable, sub_of_subs, sub_with_open_placeholders, sub_with_a_long_name,
        join_with_a_long_delimiter, joins_of_splits, json_strings_of_json_strings, json_string_of_a_large_object,
        split_of_a_doubled_text, split_floods, select_from_a_huge_list, length_of_a_huge_list, base64_of_base64,
        cidr_of_many, find_in_map_of_doubled_keys, huge_mappings,
        a_product_of_conditions, a_deep_if, a_deep_if_of_many_conditions, entry_points_and_images_under_many_conditions,
        conditional_items_in_every_list, conditional_containers, conditions_that_double, conditions_in_a_circle,
        conditions_of_doubled_texts, a_wide_condition,
        a_product_of_loops, a_loop_over_a_huge_list, a_loop_over_a_split, loops_around_loops, many_loops,
        deep_lists, deep_metadata, deep_functions, many_small_objects, empty_containers, named_containers,
        containers_that_depend_on_each_other, volumes_from_each_other, many_tags, many_variables, many_secrets,
        many_words, many_tasks, many_launchers, many_roles, long_names, names_of_control_characters,
        a_number_of_many_digits, many_problems, a_huge_list_parameter,
        patterns_that_backtrack, many_patterns, many_agent_variables, image_configs_of_many_words,
        settings_nested_in_text, unknown_settings,
        many_regions, many_registries, many_parameters, many_exports,
    )
}  # fmt: skip
"""The hostile templates by their names."""
