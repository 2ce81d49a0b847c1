"""Public templates: read as cfn-lint reads them, and written back with nothing but the changes in the diff.

The folder is not part of the project; without it these tests are skipped.
"""

from __future__ import annotations

import json
from datetime import date
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from documents.support import pointer, write_changes
from sysdig_instrument.documents import kind_of, read, render
from sysdig_instrument.documents.editing import writer
from sysdig_instrument.documents.syntax_tree import json_equal
from sysdig_instrument.engine.patch import Change, apply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sysdig_instrument.documents import Document
    from sysdig_instrument.engine.json_types import Json
    from sysdig_instrument.engine.patch import Pointer

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "templates"
FILES = sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []
W = "/opt/draios/bin/instrument"
AGENT: Json = {
    "Name": "SysdigInstrumentation",
    "Image": "quay.io/sysdig/workload-agent:latest",
    "Essential": False,
    "Environment": [
        {"Name": "SYSDIG_COLLECTOR", "Value": {"Ref": "C"}},
        {"Name": "SYSDIG_COLLECTOR_PORT", "Value": "6443"},
    ],
    "Secrets": [{"Name": "SYSDIG_ACCESS_KEY", "ValueFrom": {"Fn::Sub": "arn:${AWS::Partition}:secretsmanager"}}],
}

pytestmark = pytest.mark.skipif(not FILES, reason=f"there are no templates in {FOLDER}")
each_file = pytest.mark.parametrize("path", FILES, ids=[path.name[-60:] for path in FILES])


def _document(path: Path) -> Document:
    return read(path.read_bytes(), path.name)


@each_file
def test_values_equal_those_of_cfn_lint(path: Path) -> None:
    import cfnlint.decode  # noqa: PLC0415 - slow to import

    document = _document(path)
    theirs, faults = cfnlint.decode.decode(str(path))
    assert not faults
    assert json.dumps(document.value) == json.dumps(_plain(theirs))
    assert not document.warnings
    assert kind_of(document.value, path.name) == "template"


def _plain(value: Any) -> Json:
    """cfn-lint's values without its subclasses, and its dates as the strings that CloudFormation takes them for."""
    match value:
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case date():
            return value.isoformat()
        case str():
            return str(value)
        case _:
            return value  # type: ignore[no-any-return]


@each_file
def test_without_changes_the_bytes_are_the_same(path: Path) -> None:
    document = _document(path)
    assert document.encode(write_changes(document, [])) == path.read_bytes()


@each_file
def test_rendering_keeps_the_value(path: Path) -> None:
    value = _document(path).value
    assert json.dumps(read(render(value, "yaml").encode(), "t").value) == json.dumps(value)
    assert json.dumps(read(render(value, "json").encode(), "t").value) == json.dumps(value)


@each_file
def test_the_diff_holds_only_the_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are added; an old line changes only where brackets on it get one more part, or a comma for the next line."""

    def refuse(*_: object) -> bool:
        raise AssertionError("an edit went wrong")

    monkeypatch.setattr(writer, "_widen", refuse)
    monkeypatch.setattr(writer, "_widen_all", refuse)
    document = _document(path)
    changes = list(_changes(document.value))
    written = write_changes(document, changes)
    assert json_equal(read(written.encode(), path.name).value, apply(document.value, changes))
    old, new = document.text.splitlines(), written.splitlines()
    for operation, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        assert operation != "delete"
        if operation == "replace":
            assert all(_is_extended(line, new[j1:j2]) for line in old[i1:i2]), (old[i1:i2], new[j1:j2])


def _is_extended(line: str, new: list[str]) -> bool:
    """Is the line still there, with something put into it? An empty pair of brackets may have been opened."""
    return any(_is_in(line, candidate) for candidate in new) or any(
        line.replace(empty, "").rstrip(", ") == candidate.rstrip("[{ ") for empty in ("[]", "{}", "[ ]") for candidate in new
    ) or "PidMode" in line  # fmt: skip


def _is_in(line: str, candidate: str) -> bool:
    letters = iter(candidate)
    return all(letter in letters for letter in line)


def _changes(template: Json) -> Iterator[Change]:
    """What instrumenting does to each task definition, without any of its care."""
    resources = template.get("Resources") if isinstance(template, dict) else None
    for name, resource in resources.items() if isinstance(resources, dict) else ():
        if not isinstance(resource, dict) or resource.get("Type") != "AWS::ECS::TaskDefinition":
            continue
        task = resource["Properties"]
        if not isinstance(task, dict) or not isinstance(task.get("ContainerDefinitions"), list):
            continue
        here: Pointer = ("Resources", name, "Properties")
        for way, container in _under_conditions(task["ContainerDefinitions"], (*here, "ContainerDefinitions")):
            if isinstance(container, dict) and "Ref" not in container:
                yield from _container_changes(container, way)
        yield Change("add", (*here, "ContainerDefinitions", "-"), "because", AGENT)
        if "PidMode" in task:
            yield Change("replace", (*here, "PidMode"), "because", "task", task["PidMode"])
        else:
            yield Change("add", (*here, "PidMode"), "because", "task")
        result: Json = {"SysdigInstrument": {"Result": ["instrumented"]}}
        if "Metadata" not in resource:
            yield Change("add", ("Resources", name, "Metadata"), "because", result)


def _under_conditions(value: Json, way: Pointer) -> Iterator[tuple[Pointer, Json]]:
    """The items of a list, with those in the branches of an ``Fn::If`` one by one."""
    for index, item in enumerate(value) if isinstance(value, list) else ():
        here: Pointer = (*way, index)
        if isinstance(item, dict) and isinstance(branches := item.get("Fn::If"), list):
            yield from (((*here, "Fn::If", branch), branches[branch]) for branch in (1, 2))
        else:
            yield here, item


def _container_changes(container: dict[str, Json], way: Pointer) -> Iterator[Change]:
    def add(path: str, value: Json) -> Change:
        return Change("add", (*way, *pointer(path)), "because", value)

    entry = container.get("EntryPoint")
    yield add("EntryPoint/0", W) if isinstance(entry, list) else add("EntryPoint", [W, "/entry", "-c", "a: b"])
    variable: Json = {"Name": "SYSDIG_SIDECAR", "Value": "auto"}
    yield (
        add("Environment/-", variable)
        if isinstance(container.get("Environment"), list)
        else add("Environment", [variable])
    )
    volume: Json = {"SourceContainer": "SysdigInstrumentation", "ReadOnly": True}
    yield (
        add("VolumesFrom/-", volume) if isinstance(container.get("VolumesFrom"), list) else add("VolumesFrom", [volume])
    )
    linux = container.get("LinuxParameters")
    capabilities = linux.get("Capabilities") if isinstance(linux, dict) else None
    if not isinstance(linux, dict):
        yield add("LinuxParameters", {"Capabilities": {"Add": ["SYS_PTRACE"]}})
    elif not isinstance(capabilities, dict):
        yield add("LinuxParameters/Capabilities", {"Add": ["SYS_PTRACE"]})
    elif isinstance(capabilities.get("Add"), list):
        yield add("LinuxParameters/Capabilities/Add/-", "SYS_PTRACE")
