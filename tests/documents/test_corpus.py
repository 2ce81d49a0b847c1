"""Public templates have the values that cfn-lint reads, and edits of them show only the changes in the diff.

The folder is not part of the project. Without it these tests are skipped.
"""

from __future__ import annotations

import json
import re
from datetime import date
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from documents.support import pointer, write_changes
from sysdig_instrument.documents import kind_of, read
from sysdig_instrument.documents.editing import writer
from sysdig_instrument.documents.editing.writer import render
from sysdig_instrument.documents.syntax_tree import json_equal
from sysdig_instrument.engine.patch import Change, apply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sysdig_instrument.documents import Document
    from sysdig_instrument.engine.json_types import Json, Pointer

FOLDER = Path(__file__).parents[3] / "shared" / "corpus" / "templates"
DUPLICATE_KEY = re.compile(r'Duplicate key "([^"]+)"')
FILES = sorted(FOLDER.iterdir()) if FOLDER.is_dir() else []
WRAPPER = "/opt/draios/bin/instrument"
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
each_file = pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])


def _document(path: Path) -> Document:
    return read(path.read_bytes(), path.name)


@each_file
def test_values_equal_those_of_cfn_lint(path: Path) -> None:
    import cfnlint.decode  # noqa: PLC0415 - slow to import

    document = _document(path)
    expected, problems = cfnlint.decode.decode(str(path))
    assert kind_of(document.value, path.name) == "template"
    if problems:
        # cfn-lint refuses duplicate keys (E0000) and returns no value. CloudFormation uses the last of them, and so does
        # this package. It has to warn about the same keys.
        assert {problem.message.partition(" (line")[0] for problem in problems} == {
            f"Duplicate found '{DUPLICATE_KEY.findall(warning.text)[0]}'" for warning in document.warnings
        }
        return
    assert json.dumps(document.value) == json.dumps(_plain(expected))
    assert not document.warnings


def _plain(value: Any) -> Json:
    """Return cfn-lint's value in JSON types, with dates as strings, as CloudFormation reads them."""
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
    """Lines are added. An old line changes only if a flow collection on it gets an entry, or if it gets a comma."""

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
    """Return whether the line is still there, with something inserted. An empty pair of brackets may have been opened."""
    is_opened = any(
        line.replace(empty, "").rstrip(", ") == candidate.rstrip("[{ ")
        for empty in ("[]", "{}", "[ ]")
        for candidate in new
    )
    return is_opened or "PidMode" in line or any(_is_subsequence(line, candidate) for candidate in new)


def _is_subsequence(line: str, candidate: str) -> bool:
    characters = iter(candidate)
    return all(character in characters for character in line)


def _changes(template: Json) -> Iterator[Change]:
    """Yield roughly the changes that the macro makes to each task definition."""
    resources = template.get("Resources") if isinstance(template, dict) else None
    for name, resource in resources.items() if isinstance(resources, dict) else ():
        if not isinstance(resource, dict) or resource.get("Type") != "AWS::ECS::TaskDefinition":
            continue
        task = resource["Properties"]
        if not isinstance(task, dict) or not isinstance(task.get("ContainerDefinitions"), list):
            continue
        properties: Pointer = ("Resources", name, "Properties")
        containers: Pointer = (*properties, "ContainerDefinitions")
        for container_pointer, container in _items_in_branches(task["ContainerDefinitions"], containers):
            if isinstance(container, dict) and "Ref" not in container:
                yield from _container_changes(container, container_pointer)
        yield Change("add", (*containers, "-"), "because", AGENT)
        if "PidMode" in task:
            yield Change("replace", (*properties, "PidMode"), "because", "task", task["PidMode"])
        else:
            yield Change("add", (*properties, "PidMode"), "because", "task")
        result: Json = {"SysdigInstrument": {"Result": ["instrumented"]}}
        if "Metadata" not in resource:
            yield Change("add", ("Resources", name, "Metadata"), "because", result)


def _items_in_branches(value: Json, pointer: Pointer) -> Iterator[tuple[Pointer, Json]]:
    """Yield the items of a list. An item that is an ``Fn::If`` is replaced by its branches."""
    for index, item in enumerate(value) if isinstance(value, list) else ():
        yield from _branches(item, (*pointer, index))


def _branches(value: Json, pointer: Pointer) -> Iterator[tuple[Pointer, Json]]:
    """Yield the branches of an ``Fn::If``, or else the value itself."""
    if isinstance(value, dict) and isinstance(condition := value.get("Fn::If"), list):
        yield from (((*pointer, "Fn::If", index), condition[index]) for index in (1, 2))
    else:
        yield pointer, value


def _container_changes(container: dict[str, Json], container_pointer: Pointer) -> Iterator[Change]:
    def add(path: str, value: Json) -> Change:
        return Change("add", (*container_pointer, *pointer(path)), "because", value)

    if "EntryPoint" not in container:
        yield add("EntryPoint", [WRAPPER, "/entry", "-c", "a: b"])
    # An EntryPoint that is an Fn::If gets the wrapper in each branch that is a list, as the macro does it: a list in place
    # of the function would remove its lines.
    for branch_pointer, entry_point in _branches(container.get("EntryPoint"), (*container_pointer, "EntryPoint")):
        if isinstance(entry_point, list):
            yield Change("add", (*branch_pointer, 0), "because", WRAPPER)
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
