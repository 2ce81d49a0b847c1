"""Mutations of an instrumented task definition: every field changed, dropped, shadowed, retyped, and fields added."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from bypasses.additions import AGENT_ADDITIONS, TASK_ADDITIONS, WORKLOAD_ADDITIONS
from oracle.selection import AGENT
from oracle.values import Json, items, mapping, text_of

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mutation:
    """A change to a task definition. `kind` is the field and what is done to it."""

    field: str
    operation: str
    change: Callable[[Any], None]
    original: Mapping[str, Json]

    @property
    def properties(self) -> dict[str, Json]:
        """Return the changed task definition."""
        changed = copy.deepcopy(dict(self.original))
        self.change(changed)
        return changed

    @property
    def kind(self) -> str:
        """Return the field and the operation as one text."""
        return f"{self.field}: {self.operation}"


def mutations(properties: Mapping[str, Json]) -> Iterator[Mutation]:
    """Yield every mutation of a task definition."""
    for path, value in fields(dict(properties), ()):
        where = field_name(properties, path)
        for operation, change in _changes(path, value):
            yield Mutation(where, operation, change, properties)
    for key, name, value in TASK_ADDITIONS:
        yield Mutation(f"task.{key}", f"added: {name}", partial(_set, path=(key,), value=value), properties)
    for position, container in enumerate(items(properties.get("ContainerDefinitions"))):
        if not isinstance(container, dict):  # an earlier mutation made something else of it
            continue
        role = _role(container)
        for key, name, value in AGENT_ADDITIONS if role == "agent" else WORKLOAD_ADDITIONS:
            change = partial(_extend, path=("ContainerDefinitions", position), key=key, value=value)
            yield Mutation(f"{role}.{key}", f"added: {name}", change, properties)


def _changes(path: Path, value: Json) -> Iterator[tuple[str, Callable[[Any], None]]]:
    for operation, new in _new_values(value):
        yield operation, partial(_set, path=path, value=new)
    yield "dropped", partial(_remove, path=path)
    key = path[-1]
    if isinstance(key, str):
        for other in dict.fromkeys((key[:1].lower() + key[1:], key.lower(), key.upper(), f"{key} ")):
            yield f"key spelt {_spelling(other)}", partial(_rename, path=path, name=other)
    elif isinstance(value, dict):
        for operation, offset, shadow in _shadows(value):
            yield operation, partial(_insert, path=path, offset=offset, value=shadow)


def field_name(properties: Mapping[str, Json], path: Path) -> str:
    """Return the name of a field without positions: `agent.Environment[SYSDIG_COLLECTOR].Value`."""
    node: Json = dict(properties)
    name = "task"
    for key in path:
        node = value_at(node, (key,))
        if isinstance(key, str):
            name += f".{key}"
        elif name == "task.ContainerDefinitions":
            name = _role(mapping(node))
        else:
            name += f"[{_entry(node, key)}]"
    return name


def _role(container: Mapping[str, Json]) -> str:
    if container.get("Name") == AGENT:
        return "agent"
    if container.get("Name") in ("router", "tool"):
        return "left-alone"
    return "workload"


def _entry(node: Json, position: int) -> str:
    entry = mapping(node)
    name = text_of(entry.get("Name", entry.get("SourceContainer", entry.get("ContainerName", ""))))
    if entry and (name.startswith("SYSDIG") or name == AGENT):
        return name
    return "first" if position == 0 else "other"


def fields(node: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    """Yield each member and each list entry, with its path."""
    children: Iterator[tuple[str | int, Json]] = iter(())
    if isinstance(node, dict):
        children = iter(node.items())
    elif isinstance(node, list):
        children = iter(enumerate(node))
    for key, value in children:
        yield (*path, key), value
        yield from fields(value, (*path, key))


def _new_values(value: Json) -> Iterator[tuple[str, Json]]:
    """Yield other values for a field. None of them is an expression."""
    yield "null", None
    if isinstance(value, bool):
        yield from _pairs(("other value", not value), ("as text", str(value).lower()), ("as number", int(value)))
    elif isinstance(value, int):
        yield from _pairs(("other value", value + 1), ("zero", 0), ("as text", str(value)))
    elif isinstance(value, str):
        yield from _other_texts(value)
    elif isinstance(value, list):
        yield from _pairs(("empty", []), ("as object", {"0": value}), ("in a list", [value]), ("reversed", value[::-1]))
        yield "as text", " ".join(map(text_of, value))
        if value and all(isinstance(each, str) for each in value):
            yield from _other_lists(value)
    elif isinstance(value, dict):
        yield from _pairs(("empty", {}), ("in a list", [value]), ("as text", text_of("{}")))


def _other_texts(value: str) -> Iterator[tuple[str, Json]]:
    yield from _pairs(("other value", "other"), ("empty", ""), ("as list", [value]), ("as object", {"Value": value}))
    yield from _pairs(("space before", f" {value}"), ("space after", f"{value} "), ("line end after", f"{value}\n"))
    yield from _pairs(("prefix", f"x{value}"), ("suffix", f"{value}x"), ("NUL after", f"{value}\x00"))
    for name, changed in (("upper case", value.upper()), ("lower case", value.lower()), ("title case", value.title())):
        if changed != value:
            yield name, changed
    if value.startswith("/"):
        folder, _, program = value.rpartition("/")
        yield from _pairs(("doubled slash", f"/{value}"), ("dot in path", f"{folder}/./{program}"))
        yield from _pairs(("slash after", f"{value}/"), ("parent in path", f"{folder}/x/../{program}"))
        yield from _pairs(("relative path", value[1:]), ("folder only", folder), ("other program", f"{folder}/other"))
        yield from _pairs(("shell comment", f"/bin/true # {value}"), ("shell text", f"sh -c {value}"))
    if "/" in value and not value.startswith("/") and ":" in value:
        yield from _pairs(("other registry", f"evil.example.com/{value}"), ("no tag", value.rpartition(":")[0]))
        yield from _pairs(("other tag", f"{value.rpartition(':')[0]}:other"), ("two tags", f"{value}:other"))
        yield "other repository of the name", f"docker.io/evil/{value.rpartition('/')[2]}"
        yield "longer repository", f"{value.rpartition(':')[0]}-x:latest"
        yield "deeper repository", f"{value.rpartition(':')[0]}/x:latest"


def _other_lists(value: list[Json]) -> Iterator[tuple[str, Json]]:
    first, *rest = value
    yield from _pairs(("without the first", rest), ("only the first", [first]), ("first at the end", [*rest, first]))
    yield from _pairs(("shell before", ["/bin/sh", "-c", *value]), ("first twice", [first, *value]))
    yield from _pairs(
        ("empty text before", ["", *value]),
        ("empty text alone", [""]),
        ("joined", [" ".join(map(text_of, value))]),
    )
    yield "in the text of a shell", ["/bin/sh", "-c", f"exec /app # {first}"]
    yield "nested", [[*value]]


def _pairs(*pairs: tuple[str, Json]) -> tuple[tuple[str, Json], ...]:
    return pairs


def _shadows(value: dict[str, Json]) -> Iterator[tuple[str, int | None, Json]]:
    """Yield other entries of the same name, each with its offset from the original; None is the end of the list."""
    for member, old in value.items():
        if member in ("Name", "SourceContainer", "ContainerName") or isinstance(old, list | dict):
            continue
        other: Json = {**value, member: (not old if isinstance(old, bool) else "other")}
        yield f"shadowed before by another {member}", 0, other
        yield f"shadowed after by another {member}", 1, other
    yield "twice, before", 0, value
    yield "twice, at the end", None, value


def _spelling(key: str) -> str:
    if key == key.lower():
        return "in lower case"
    if key == key.upper():
        return "in upper case"
    return "with a space" if key.endswith(" ") else "as in ECS's API"


def value_at(root: Any, path: Path) -> Any:
    """Return the part of a document at a path."""
    for key in path:
        root = root[key]
    return root


def _set(root: Any, path: Path, value: Json) -> None:
    value_at(root, path[:-1])[path[-1]] = copy.deepcopy(value)


def _remove(root: Any, path: Path) -> None:
    del value_at(root, path[:-1])[path[-1]]


def _rename(root: Any, path: Path, name: str) -> None:
    holder = value_at(root, path[:-1])
    holder[name] = holder.pop(path[-1])


def _insert(root: Any, path: Path, offset: int | None, value: Json) -> None:
    holder, position = value_at(root, path[:-1]), path[-1]
    assert isinstance(position, int)
    holder.insert(len(holder) if offset is None else position + offset, copy.deepcopy(value))


def _extend(root: Any, path: Path, key: str, value: Json) -> None:
    """Add a value: the entries of a list to those that are there, the members of an object likewise."""
    container, new = value_at(root, path), copy.deepcopy(value)
    old = container.get(key)
    if isinstance(old, list) and isinstance(new, list) and key not in ("EntryPoint", "Command"):
        container[key] = [*old, *new]
    elif isinstance(old, dict) and isinstance(new, dict):
        container[key] = {**old, **new}
    else:
        container[key] = new
