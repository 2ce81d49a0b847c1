"""A record that somebody has edited, or whose task definition has changed since: nothing is guessed, and nothing breaks."""

from __future__ import annotations

from typing import Any

import pytest

from factories import context_of
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.plan import plan
from sysdig_instrument.engine.removal.entries import value_at
from sysdig_instrument.engine.removal.uninstrument import remove_all

WRAPPER = "/opt/draios/bin/instrument"
RECORDS = {
    "a list that is gone": 'add "" Properties/ContainerDefinitions/0/VolumesFrom/0',
    "behind the end of a list": "add [] Properties/ContainerDefinitions/9",
    "in a text": "add [] Properties/PidMode/X",
    "an item that is gone": "remove Properties/ContainerDefinitions/=gone",
    "an index with many digits": f"remove Properties/ContainerDefinitions/{'9' * 5000}",
    "an index that is none": "add [] Properties/ContainerDefinitions/-",
    "the whole template": "remove /",
    "a value that no record has": 'set ["/bin/sh"] Properties/ContainerDefinitions/0/EntryPoint',
    "no number": "set NaN Properties/Cpu",
    "nested too deeply": f"add {'[' * 100_000} Properties/X",
    "no operation": "Properties/PidMode",
    "empty": "",
}


def template(record: str) -> dict[str, Any]:
    container = {"Name": "web", "Image": "nginx", "EntryPoint": [WRAPPER, "/web"]}
    properties = {"Cpu": 256, "PidMode": "task", "ContainerDefinitions": [container, {"Name": "SysdigInstrumentation"}]}
    metadata = {"SysdigInstrument": {"Result": {"Undo": [record]}}}
    task = {"Type": "AWS::ECS::TaskDefinition", "Metadata": metadata, "Properties": properties}
    return {"Resources": {"Api": task}}


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_nothing_is_removed(record: str) -> None:
    removal = remove_all(template(record))
    assert [each.reason.code for each in removal.problems] == [Code.REMOVAL_CHANGED_SINCE]
    assert removal.document == template(record)


@pytest.mark.parametrize("record", RECORDS.values(), ids=RECORDS)
def test_the_macro_plans_the_template(record: str) -> None:
    assert plan(template(record), context_of()).tasks


@pytest.mark.parametrize("label", ["[" * 60_000, "[", "{}", "[5]"], ids=["deep", "cut off", "object", "number"])
def test_a_label_that_is_no_record(label: str) -> None:
    properties = template("")["Resources"]["Api"]["Properties"]
    properties["ContainerDefinitions"][1]["DockerLabels"] = {"sysdig-instrument.undo": label}
    assert remove_all(properties).problems


def test_a_record_of_a_plan_counts() -> None:
    removal = remove_all(template("set [] Properties/ContainerDefinitions/=web/EntryPoint"))
    assert not removal.problems
    assert value_at(removal.document, ("Resources", "Api", "Properties", "ContainerDefinitions", 0, "EntryPoint")) == []
