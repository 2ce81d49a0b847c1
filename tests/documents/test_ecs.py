"""ECS documents: their kinds, and the conversion of values and changes between camelCase and PascalCase."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.documents import kind_of, read, to_ecs_changes, to_properties
from sysdig_instrument.documents.editing.writer import write
from sysdig_instrument.documents.kinds import CONTAINER_MEMBERS, OWN_CONTAINER_KEYS
from sysdig_instrument.ecs_documents import FREE_FORM, to_camel_case, to_pascal_case
from sysdig_instrument.engine.patch import Change, apply
from sysdig_instrument.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sysdig_instrument.documents import DocumentKind
    from sysdig_instrument.engine.json_types import Json

TASK: dict[str, Json] = {
    "family": "play",
    "requiresCompatibilities": ["FARGATE"],
    "containerDefinitions": [
        {
            "name": "app",
            "entryPoint": ["gunicorn"],
            "environment": [{"name": "A", "value": "1"}],
            "dockerLabels": {"com.example.team": "x", "name": "y"},
            "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}},
        },
    ],
    "tags": [{"key": "k", "value": "v"}],
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"Resources": {}}, "template", id="template"),
        pytest.param({"Resources": {}, "containerDefinitions": []}, "template", id="template-with-containers"),
        pytest.param(TASK, "task definition", id="task-definition"),
        pytest.param({"ContainerDefinitions": []}, "task definition", id="pascal-case-task-definition"),
        pytest.param({"taskDefinition": TASK, "tags": []}, "described task definition", id="described-task-definition"),
        pytest.param({"TaskDefinition": {}}, "described task definition", id="pascal-case-described-task-definition"),
        pytest.param(TASK["containerDefinitions"], "container definitions", id="container-definitions"),
        pytest.param([{"Image": "x"}], "container definitions", id="pascal-case-container-definitions"),
        pytest.param([{"name": "web", "image": "x"}], "container definitions", id="name-and-image"),
        pytest.param([{"name": "web", "essential": True, "portMappings": []}], "container definitions", id="no-image"),
        pytest.param(
            [{"image": "x", "ulimits": []}, {"name": "y", "z": 1}], "container definitions", id="one-has-own-keys"
        ),
    ],
)
def test_the_kind_of_a_document(value: Json, expected: DocumentKind) -> None:
    assert kind_of(value, "t") == expected


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param([], "t is an array, but not of container definitions", id="empty-array"),
        pytest.param([{"x": 1}], "t is an array, but not of container definitions", id="array-of-objects"),
        pytest.param([{"name": "alice"}], "t is an array, but not of container definitions", id="array-of-names"),
        pytest.param(
            [{"name": "Mug", "image": "mug.png", "price": 5}],
            "t is an array, but not of container definitions",
            id="catalogue",
        ),
        pytest.param(
            [{"name": "web", "image": "x"}, "y"],
            "t is an array, but not of container definitions",
            id="one-is-no-object",
        ),
        pytest.param(["x"], "t is an array, but not of container definitions", id="array-of-strings"),
        pytest.param("x", "t is plain text or a single value", id="string"),
        pytest.param(5, "t is plain text or a single value", id="number"),
        pytest.param({}, "t is an empty object.", id="empty-object"),
        pytest.param({"Resources": []}, "In t, Resources is not an object.", id="resources-array"),
        pytest.param({"Resources": None}, "In t, Resources is not an object.", id="resources-null"),
        pytest.param(
            {"Parameters": {}}, "t has sections of a CloudFormation template, but no Resources.", id="no-resources"
        ),
        pytest.param(
            {"Type": "AWS::ECS::TaskDefinition", "Properties": {}},
            "t is a single resource. Put it under Resources",
            id="single-resource",
        ),
        pytest.param(
            {"taskDefinitionArns": []},
            "t lists or describes something other than a task definition.",
            id="list-response",
        ),
        pytest.param({"family": "x"}, "t is a task definition without containerDefinitions.", id="no-containers"),
        pytest.param(
            {"x": 1},
            "t is neither a CloudFormation template (it has no Resources) nor a task definition.",
            id="unknown-object",
        ),
        pytest.param({"taskDefinition": "arn"}, "t is neither", id="arn-as-definition"),
    ],
)
def test_a_document_of_no_known_kind(value: Json, found: str) -> None:
    with pytest.raises(UsageError) as error:
        kind_of(value, "t")
    assert str(error.value).startswith(found)
    assert error.value.text.endswith(".")


def test_properties() -> None:
    assert to_properties(TASK, "task definition") == {
        "Family": "play",
        "RequiresCompatibilities": ["FARGATE"],
        "ContainerDefinitions": [
            {
                "Name": "app",
                "EntryPoint": ["gunicorn"],
                "Environment": [{"Name": "A", "Value": "1"}],
                "DockerLabels": {"com.example.team": "x", "name": "y"},
                "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "g"}},
            },
        ],
        "Tags": [{"Key": "k", "Value": "v"}],
    }
    described = to_properties({"taskDefinition": {"family": "x"}, "tags": [{"key": "k"}]}, "described task definition")
    assert described == {"Family": "x", "Tags": [{"Key": "k"}]}
    assert to_properties([{"name": "x"}], "container definitions") == {"ContainerDefinitions": [{"Name": "x"}]}


def test_ecs_documents_hold_no_intrinsic_functions() -> None:
    assert to_pascal_case({"name": {"ref": "x"}, "image": {"Ref": "x"}}) == {
        "Name": {"Ref": "x"},
        "Image": {"Ref": "x"},
    }


def test_keys_in_camel_case_and_pascal_case() -> None:
    """The camelCase key wins; the other one is not converted, and stays in the document."""
    value: Json = {"containerDefinitions": [{"name": "a", "Name": "b", "Cpu": 1}], "ContainerDefinitions": []}
    assert to_pascal_case(value) == {"ContainerDefinitions": [{"Name": "a", "Cpu": 1}]}
    change = Change("replace", ("ContainerDefinitions", 0, "Name"), "because", "c", "a")
    (ecs_change,) = to_ecs_changes(value, "task definition", [change]).changes
    assert ecs_change.pointer == ("containerDefinitions", 0, "name")


def _walk_shapes(shape: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, shape
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield from _walk_shapes(member, (*path, name))
    elif shape.type_name == "list":
        yield from _walk_shapes(shape.member, path)


def test_free_form_maps_are_those_of_the_api() -> None:
    """The API model of ECS says which maps have keys that the user chooses, and that all other keys are ASCII camelCase."""
    model = botocore.session.get_session().get_service_model("ecs")
    for operation, part in (("RegisterTaskDefinition", "input_shape"), ("DescribeTaskDefinition", "output_shape")):
        shapes = list(_walk_shapes(getattr(model.operation_model(operation), part)))
        maps = {path[-1] for path, shape in shapes if shape.type_name == "map"}
        assert maps == FREE_FORM
        others = {path[-1] for path, shape in shapes if path and shape.type_name != "map"}
        assert not others & FREE_FORM
        assert all(name[0].islower() and name.isascii() for name in others)


def test_members_of_container_definitions_are_those_of_the_api() -> None:
    types = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int}
    model = botocore.session.get_session().get_service_model("ecs").shape_for("ContainerDefinition")
    assert {name: types[shape.type_name] for name, shape in model.members.items()} == CONTAINER_MEMBERS
    assert CONTAINER_MEMBERS.keys() > OWN_CONTAINER_KEYS


names = st.sampled_from(
    ["name", "containerDefinitions", "Name", "Cpu", "options", "Labels", "dockerLabels", "tags", "x y", "é", "", "_a"]
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.text(max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=4)),
    max_leaves=12,
)
camel_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(names.filter(lambda name: not name[:1].isupper()), inner, max_size=4),
    ),
    max_leaves=12,
)


@given(camel_values)
def test_case_conversion_round_trips(value: Json) -> None:
    assert to_camel_case(to_pascal_case(value)) == value
    assert json.dumps(to_camel_case(to_pascal_case(value))) == json.dumps(value)


@st.composite
def _change(draw: st.DrawFn, value: Json) -> Change | None:
    """Draw a change somewhere in a value with PascalCase keys."""
    places: list[tuple[tuple[str | int, ...], Json]] = [((), value)]
    for pointer, here in places:
        if isinstance(here, dict):
            places += [((*pointer, key), item) for key, item in here.items()]
        elif isinstance(here, list):
            places += [((*pointer, index), item) for index, item in enumerate(here)]
    pointer, here = draw(st.sampled_from(places))
    new = to_pascal_case(draw(camel_values))
    if isinstance(here, list):
        return Change("add", (*pointer, draw(st.sampled_from(["-", *range(len(here))]))), "because", new)
    if isinstance(here, dict) and draw(st.booleans()):
        return Change("add", (*pointer, draw(st.sampled_from(["Name", "PidMode", "Options"]))), "because", new)
    if not pointer:
        return None
    if draw(st.booleans()):
        return Change("remove", pointer, "because", was=here)
    return Change("replace", pointer, "because", new, here)


@given(values.filter(lambda value: isinstance(value, dict)), st.data())
def test_changes_convert_to_ecs_case(value: Json, data: st.DataObject) -> None:
    """Changing the Properties has the same result as changing the document and converting it again."""
    properties = to_properties(value, "task definition")
    changes: list[Change] = []
    for _ in range(data.draw(st.integers(1, 3))):
        change = data.draw(_change(properties))
        if change is not None and not _removes_a_key(change):
            properties = apply(properties, [change])
            changes.append(change)
    converted = to_ecs_changes(value, "task definition", changes)
    assert not converted.unsupported
    changed = apply(value, converted.changes)
    assert _same_json(to_properties(changed, "task definition"), properties)


def _removes_a_key(change: Change) -> bool:
    """Return whether the change removes a key: the same key in the other case, if present, would then appear."""
    return change.operation == "remove" and isinstance(change.pointer[-1], str)


def _same_json(one: Json, other: Json) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def test_converted_changes_apply_to_the_text() -> None:
    text = json.dumps({"taskDefinition": TASK, "tags": [{"key": "k", "value": "v"}]}, indent=4)
    document = read(text.encode(), "t")
    changes = [
        Change("add", ("ContainerDefinitions", 0, "EntryPoint", 0), "because", "/opt/draios/bin/instrument"),
        Change(
            "add", ("ContainerDefinitions", 0, "VolumesFrom"), "because", [{"SourceContainer": "S", "ReadOnly": True}]
        ),
        Change("add", ("ContainerDefinitions", 0, "DockerLabels", "Some.Label"), "because", "x"),
        Change("add", ("ContainerDefinitions", 0, "LogConfiguration", "Options", "Mode"), "because", "x"),
        Change(
            "add",
            ("ContainerDefinitions", "-"),
            "because",
            {"Name": "S", "LogConfiguration": {"Options": {"A-b": "c"}}},
        ),
        Change("add", ("PidMode",), "because", "task"),
        Change("add", ("Tags", "-"), "because", {"Key": "sysdig", "Value": "yes"}),
    ]
    converted = to_ecs_changes(document.value, kind_of(document.value, "t"), changes)
    expected = json.loads(text)
    app = expected["taskDefinition"]["containerDefinitions"][0]
    app["entryPoint"].insert(0, "/opt/draios/bin/instrument")
    app["volumesFrom"] = [{"sourceContainer": "S", "readOnly": True}]
    app["dockerLabels"]["Some.Label"] = "x"
    app["logConfiguration"]["options"]["Mode"] = "x"
    expected["taskDefinition"]["containerDefinitions"].append(
        {"name": "S", "logConfiguration": {"options": {"A-b": "c"}}}
    )
    expected["taskDefinition"]["pidMode"] = "task"
    expected["tags"].append({"key": "sysdig", "value": "yes"})
    assert converted.value == expected
    assert write(document, converted.changes, expected).text == json.dumps(expected, indent=4)


def test_changes_a_container_array_cannot_hold() -> None:
    changes = [
        Change("add", ("PidMode",), "because", "task"),
        Change("add", ("ContainerDefinitions", 0, "Cpu"), "because", 1),
    ]
    converted = to_ecs_changes([{"name": "x"}], "container definitions", changes)
    assert [change.pointer for change in converted.changes] == [(0, "cpu")]
    assert [change.pointer for change in converted.unsupported] == [("PidMode",)]
