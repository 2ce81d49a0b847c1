"""A tree with changes pencilled in: what stays, what is new and what goes, with the text not yet touched.

A draft stands for one value. It knows the node that the value comes from, so that whoever writes the text can leave alone
what nobody changed. Lists and objects are opened, part by part, only on the way to a change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from sysdig_instrument.documents.syntax_tree import (
    Alias,
    Mapping,
    Node,
    Scalar,
    Sequence,
    function_of,
    is_merge_key,
    json_equal,
    key_text,
    walk,
)
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.patch import apply
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace

if TYPE_CHECKING:
    from sysdig_instrument.engine.patch import Change, Pointer

Children: TypeAlias = "list[EditNode] | dict[str, EditNode]"


@dataclass(slots=True, eq=False)
class EditNode:
    """A value that may change.

    ``node`` is where it comes from, ``old`` what was read there; ``new`` is set once it has been replaced as a whole.
    ``inherited`` are values that a merge key brought in: they are not in the text of the object that has them.
    """

    node: Node | None
    old: Json = None
    new: Json | Absent = ABSENT
    children: Children | None = None
    inherited: bool = False
    expand_merge: bool = False

    @property
    def function(self) -> str | None:
        """The key that this node's short tag stands for."""
        return function_of(self.node) if self.node is not None else None

    @property
    def value(self) -> Json:
        """The value with all changes made."""
        if not isinstance(self.new, Absent):
            return self.new
        if self.children is None:
            return self.old
        if isinstance(self.children, dict):
            content: Json = {key: child.value for key, child in self.children.items()}
        else:
            content = [child.value for child in self.children]
        return content if self.function is None else {self.function: content}

    def rewrite(self, value: Json) -> None:
        """Forget the parts: the value is written anew."""
        self.new, self.children, self.inherited = value, None, False

    def load_children(self) -> Children | None:
        """The parts, to be changed in place; nothing for what has no parts in the text."""
        if self.children is None and isinstance(self.new, Absent):
            content = self.old
            if isinstance(content, dict) and self.function is not None:
                content = content[self.function]
            if isinstance(self.node, Sequence) and isinstance(content, list):
                self.children = [EditNode(item, value) for item, value in zip(self.node.items, content, strict=True)]
            elif isinstance(self.node, Mapping) and isinstance(content, dict):
                nodes_by_key = value_nodes(self.node)
                self.children = {
                    key: EditNode(nodes_by_key[key], value)
                    if key in nodes_by_key
                    else EditNode(None, new=value, inherited=True)
                    for key, value in content.items()
                }
        return self.children

    def iter_children(self) -> Iterator[EditNode]:
        """The parts that are open by now."""
        if isinstance(self.children, dict):
            yield from self.children.values()
        elif self.children is not None:
            yield from self.children


def value_nodes(node: Mapping) -> dict[str, Node]:
    """The value nodes that count, by key: of a repeated key it is the last."""
    return {key_text(key) or "": value for key, value in node.entries if not is_merge_key(key)}


def new_node(value: Json) -> EditNode:
    """A value that no node stands for."""
    return EditNode(None, new=value)


def apply_change(edit_node: EditNode, change: Change, pointer: Pointer) -> None:
    """Pencil in a change below a draft. The change has been applied to the value before, so its pointer leads somewhere."""
    if not pointer:
        replace_value(edit_node, change.value)
        return
    children = edit_node.load_children() if _is_below_tag(edit_node, pointer) else None
    if children is None:
        edit_node.rewrite(apply(edit_node.value, [replace(change, pointer=pointer)]))
        return
    part, rest = pointer[0], pointer[1:]
    if edit_node.function is not None:
        part, rest = rest[0], rest[1:]
    if isinstance(children, list):
        _change_list(children, change, len(children) if part == "-" else int(part), rest)
    else:
        _change_object(edit_node, children, change, str(part), rest)


def _is_below_tag(edit_node: EditNode, pointer: Pointer) -> bool:
    """Under a short tag the first step is the tag itself; a change of that one changes the whole value."""
    return edit_node.function is None or len(pointer) > 1


def _change_list(children: list[EditNode], change: Change, index: int, rest: Pointer) -> None:
    if rest or change.operation == "replace":
        apply_change(children[index], change, rest)
    elif change.operation == "add":
        children.insert(index, new_node(change.value))
    else:
        del children[index]


def _change_object(edit_node: EditNode, children: dict[str, EditNode], change: Change, key: str, rest: Pointer) -> None:
    if change.operation == "remove" and not rest:
        # What a merge key brings in too would come to light again.
        edit_node.expand_merge = edit_node.expand_merge or (
            isinstance(edit_node.node, Mapping) and has_merge_key(edit_node.node)
        )
        del children[key]
    elif key in children:
        apply_change(children[key], change, rest)
    else:
        children[key] = new_node(change.value)


def has_merge_key(node: Mapping) -> bool:
    """Does a merge key bring in values from elsewhere?"""
    return any(is_merge_key(key) for key, _ in node.entries)


def replace_value(edit_node: EditNode, value: Json) -> None:
    """Replace a value, but keep the text of all that is in the old value and in the new one."""
    if json_equal(edit_node.value, value) and key_order(edit_node.value) == key_order(value):
        return
    function = edit_node.function
    content = value
    if function is not None:
        if not isinstance(value, dict) or value.keys() != {function}:
            edit_node.rewrite(value)
            return
        content = value[function]
    children = None if isinstance(edit_node.node, Alias | Scalar) else edit_node.load_children()
    if isinstance(children, list) and isinstance(content, list) and content:
        _replace_items(children, content)
    elif isinstance(children, dict) and isinstance(content, dict) and _keeps_order(edit_node, children, content):
        _replace_members(children, content)
    else:
        edit_node.rewrite(value)


def key_order(value: Json) -> list[str]:
    """The keys of an object in their order; none for anything else."""
    return list(value) if isinstance(value, dict) else []


def _keeps_order(edit_node: EditNode, children: dict[str, EditNode], value: dict[str, Json]) -> bool:
    """Do the keys that stay come first, in the order that they have?"""
    kept = [key for key in children if key in value]
    has_no_merge_key = isinstance(edit_node.node, Mapping) and not has_merge_key(edit_node.node)
    return bool(kept) and has_no_merge_key and list(value)[: len(kept)] == kept


def _replace_members(children: dict[str, EditNode], value: dict[str, Json]) -> None:
    for key in [key for key in children if key not in value]:
        del children[key]
    for key, item in value.items():
        if key in children:
            replace_value(children[key], item)
        else:
            children[key] = new_node(item)


def _replace_items(children: list[EditNode], value: list[Json]) -> None:
    """What both lists begin with and end with stays; in between, item becomes item as far as there are pairs."""
    shorter = min(len(children), len(value))
    head = next((index for index in range(shorter) if not json_equal(children[index].value, value[index])), shorter)
    tail = next(
        (index for index in range(shorter - head) if not json_equal(children[-1 - index].value, value[-1 - index])),
        shorter - head,
    )
    old, new = children[head : len(children) - tail], value[head : len(value) - tail]
    for child, item in zip(old, new, strict=False):
        replace_value(child, item)
    children[head : len(children) - tail] = [*old[: len(new)], *(new_node(item) for item in new[len(old) :])]


def expand_stale_aliases(root: EditNode, tree: Node) -> None:
    """Write out the aliases and merge keys that no longer stand for what their place should hold."""
    if any(isinstance(node, Alias) for node in walk(tree)):
        _AliasExpander().visit(root)


@dataclass(slots=True)
class _AliasExpander:
    """The anchored values that are in the text so far, by the identity of their node. The text's order is the order."""

    edit_nodes: dict[int, EditNode] = field(default_factory=dict)

    def visit(self, edit_node: EditNode) -> None:
        node = edit_node.node
        if isinstance(node, Alias):
            self.visit_alias(edit_node, node)
            return
        if isinstance(node, Mapping) and edit_node.load_children() is not None:
            self.visit_merge_keys(edit_node, node)
            for key, _ in node.entries:
                if isinstance(key, Scalar) and key.anchor is not None:
                    self.edit_nodes[id(key)] = EditNode(key, key.text)
        edit_node.load_children()
        for child in edit_node.iter_children():
            self.visit(child)
        if node is not None and node.anchor is not None:
            self.edit_nodes[id(node)] = edit_node

    def visit_alias(self, edit_node: EditNode, node: Alias) -> None:
        if self.is_current(node, edit_node.value):
            edit_node.old, edit_node.new = edit_node.value, ABSENT
        else:
            edit_node.rewrite(edit_node.value)

    def is_current(self, node: Alias, value: Json) -> bool:
        """Does the text still give this value for the alias?"""
        target = self.edit_nodes.get(id(node.target))
        return target is not None and json_equal(target.value, value)

    def visit_merge_keys(self, edit_node: EditNode, node: Mapping) -> None:
        """A merge key stays where it brings in what it did; what the object overrides itself does not count."""
        children = edit_node.children
        sources = [source for key, value in node.entries if is_merge_key(key) for source in _merge_sources(value)]
        if (
            edit_node.expand_merge
            or not isinstance(children, dict)
            or all(self.is_unchanged(source) for source in sources)
        ):
            return
        merged: dict[str, Json] = {}
        for source in sources:
            target = self.edit_nodes.get(id(source.target)) if isinstance(source, Alias) else None
            if target is None or not isinstance(target.value, dict):
                edit_node.expand_merge = True
                return
            merged |= target.value
        for key, child in children.items():
            # What was written out because it changed here, and changed the same way where it comes from.
            child.inherited = child.inherited or (
                child.node is None and key in merged and json_equal(child.value, merged[key])
            )
        remaining = {key: value for key, value in merged.items() if key not in children or children[key].inherited}
        edit_node.expand_merge = not json_equal(
            remaining, {key: child.value for key, child in children.items() if child.inherited}
        )

    def is_unchanged(self, source: Node) -> bool:
        if not isinstance(source, Alias):
            return True  # written in place, where no change leads
        target = self.edit_nodes.get(id(source.target))
        return target is not None and json_equal(target.value, target.old)


def _merge_sources(value: Node) -> list[Node]:
    """The mappings that a merge key names, those that count more last."""
    return list(reversed(value.items)) if isinstance(value, Sequence) else [value]


# FOLDED: What YAML repeats must not change with what it repeats. An anchored value that is edited changes everywhere it is repeated. Where that is what the changes want (each container with the same list gets the same new item) the aliases stay; elsewhere the value is written out.
