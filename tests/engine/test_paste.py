"""What a reason has to paste: into what, with which name, and as a part of the macro's message if there is room."""

from __future__ import annotations

import json

import pytest

from factories import container, if_, plan_of, template
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Problem, Reason, message, without_names
from sysdig_instrument.engine.json_types import Pointer
from sysdig_instrument.engine.paste import EXCLUDE_CONTAINER, IMAGE_CONFIG, PasteInto, option_value, paste
from sysdig_instrument.printable import Hidden

TASK: Pointer = ("Resources", "Api", "Properties")
WEB: Pointer = (*TASK, "ContainerDefinitions", 0)
LOOP: Pointer = ("Resources", "Fn::ForEach::X", 2, "Api")


@pytest.mark.parametrize(
    ("into", "pointer", "target"),
    [
        (PasteInto.TEMPLATE, WEB, ()),
        (PasteInto.RESOURCE, WEB, TASK[:2]),
        (PasteInto.RESOURCE, (*LOOP, "Properties", "Cpu"), LOOP),
        (PasteInto.RESOURCE, ("Metadata", "SysdigInstrument", "Containers"), None),
        (PasteInto.RESOURCE, (), None),
        (PasteInto.PROPERTIES, WEB, TASK),
        (PasteInto.PROPERTIES, ("Properties", "Cpu"), ("Properties",)),
        (PasteInto.PROPERTIES, ("ContainerDefinitions", 0), None),
        (PasteInto.CONTAINER, (*WEB, "EntryPoint", "Fn::If", 1), WEB),
        (PasteInto.CONTAINER, (*WEB[:-1], "Fn::If", 1, 0, "Image"), (*WEB[:-1], "Fn::If", 1, 0)),
        (PasteInto.CONTAINER, (*WEB, "Fn::If", 2, "Image"), (*WEB, "Fn::If", 2)),
        (
            PasteInto.CONTAINER,
            ("Resources", "ContainerDefinitions", *WEB[2:], "Image"),
            ("Resources", "ContainerDefinitions", *WEB[2:]),
        ),
        (PasteInto.CONTAINER, TASK, None),
        (PasteInto.PARENT, (*TASK, "Cpu"), TASK),
        (PasteInto.PARENT, (), None),
        (PasteInto.SETTINGS_FILE, WEB, None),
    ],
    ids=[
        "template",
        "resource",
        "resource-in-a-loop",
        "metadata-of-the-template",
        "no-place",
        "properties",
        "fragment-of-a-resource",
        "fragment-of-properties",
        "container",
        "list-under-if",
        "item-under-if",
        "name-of-the-list",
        "not-in-a-container",
        "parent",
        "parent-of-nothing",
        "settings-file",
    ],
)
def test_the_object_that_it_goes_into(into: PasteInto, pointer: Pointer, target: Pointer | None) -> None:
    (pasted,) = paste(into, {"A": 1})
    assert pasted.target(pointer) == target


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("web", "web"),
        (None, "CONTAINER"),
        ('a"}\n', "CONTAINER"),
        (Hidden("web"), "CONTAINER"),
        ("a" * 300, "CONTAINER"),
    ],
    ids=["name", "none", "harmful", "hidden", "long"],
)
def test_only_a_harmless_name_is_in_it(name: str | None, shown: str) -> None:
    members = json.dumps(EXCLUDE_CONTAINER[0].members(name))
    assert f'{{"{shown}": {{"Enabled"' in members


def problem(fact: str = "It is wrong", pastes: object = IMAGE_CONFIG) -> Problem:
    assert isinstance(pastes, tuple)
    return Problem(Location("Api", "web", (*WEB, "Image")), Reason(fact, code=Code.IMAGE_MISSING, paste=pastes))


def test_the_macros_message_has_it() -> None:
    assert message([problem()]) == (
        'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Image): It is wrong. (SI402) Paste into '
        'Resources.Api: "Metadata": {"SysdigInstrument": {"Containers": {"web": {"ImageConfig": {"Entrypoint": ["PROGRAM"], "Cmd": ["ARGUMENT"]}}}}}'
    )


def test_a_line_of_the_settings_file_is_not_for_the_macro() -> None:
    assert "Paste" not in message([problem(pastes=option_value("Parameters", "Env"))])


def test_facts_come_before_what_to_paste() -> None:
    """CloudFormation cuts a longer message: no problem is lost for the sake of a text to paste."""
    problems = [problem(f"It is wrong {number} {'x' * 160}") for number in range(12)]
    reported = message(problems)
    assert len(reported.encode()) <= 3500
    assert [f"It is wrong {number} " in reported for number in range(12)] == [True] * 12
    assert reported.count("Paste into") < 3
    assert 0 < message(problems[:10]).count("Paste into") < 10


def test_names_that_are_not_shown_are_not_pasted() -> None:
    reason = Reason("It is gone", code=Code.VALUE_MISSING, paste=option_value("Ssm", "/secret"))
    assert without_names(reason, "/secret").paste == ()


def test_each_branch_of_a_container_is_a_place_of_its_own() -> None:
    made = template(
        container(EntryPoint=if_("Active", "/a", ["/b"])), sections={"Conditions": {"Active": {"Fn::Equals": [1, 1]}}}
    )
    (found,) = plan_of(made).problems
    assert (
        found.paste_text
        == 'Paste into Resources.Api.Properties.ContainerDefinitions[0]: "EntryPoint": ["PROGRAM", "ARGUMENT"]'
    )
