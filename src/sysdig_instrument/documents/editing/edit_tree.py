"""A tree of planned edits: what stays, what is new and what is removed. The text is not touched here.

An edit node represents one value and knows its syntax node, so that the writer can leave unchanged text alone. The
children of a list or object are loaded only on the path to a change.
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
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json, Pointer
from sysdig_instrument.engine.patch import apply
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace

if TYPE_CHECKING:
    from sysdig_instrument.engine.patch import Change

Children: TypeAlias = "list[EditNode] | dict[str, EditNode]"


@dataclass(slots=True, eq=False)
class EditNode:
    """A value that may change.

    ``node`` is its syntax node and ``old`` the value read from it; ``new`` is set once the value is rewritten as a whole.
    ``inherited`` marks a value that a merge key brings in: it is not in the text of its object. ``expand_merge`` marks an
    object whose merge keys are removed and whose inherited values are written out.
    """

    node: Node | None
    old: Json = None
    new: Json | Absent = ABSENT
    children: Children | None = None
    inherited: bool = False
    expand_merge: bool = False

    @property
    def function(self) -> str | None:
        """The full name of this node's short form tag, if any."""
        return function_of(self.node) if self.node is not None else None

    @property
    def value(self) -> Json:
        """The value after all changes."""
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
        """Replace the value. Its text is rewritten as a whole."""
        self.new, self.children, self.inherited = value, None, False

    def load_children(self) -> Children | None:
        """Return the children, loaded at first use; None if the text has none (a scalar, an alias, a rewritten value)."""
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
        """Yield the children loaded so far."""
        if isinstance(self.children, dict):
            yield from self.children.values()
        elif self.children is not None:
            yield from self.children


def value_nodes(node: Mapping) -> dict[str, Node]:
    """Return the value nodes by key. The last duplicate wins."""
    return {key_text(key) or "": value for key, value in node.entries if not is_merge_key(key)}


def new_node(value: Json) -> EditNode:
    """Return an edit node for a value that is not in the text."""
    return EditNode(None, new=value)


# --- Changes


def apply_change(edit_node: EditNode, change: Change, pointer: Pointer) -> None:
    """Record a change below an edit node. The change must fit its value."""
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
    """Return whether the pointer leads below a short form tag. A change of the tag's own key changes the whole value."""
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
        # The merge key may bring in the same key, which would reappear.
        edit_node.expand_merge = edit_node.expand_merge or (
            isinstance(edit_node.node, Mapping) and has_merge_key(edit_node.node)
        )
        del children[key]
    elif key in children:
        apply_change(children[key], change, rest)
    else:
        children[key] = new_node(change.value)


def has_merge_key(node: Mapping) -> bool:
    """Return whether the mapping has a merge key."""
    return any(is_merge_key(key) for key, _ in node.entries)


def replace_value(edit_node: EditNode, value: Json) -> None:
    """Replace a value, but keep the text of whatever is in both the old and the new value."""
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
    """Return an object's keys in order, and none for other values."""
    return list(value) if isinstance(value, dict) else []


def _keeps_order(edit_node: EditNode, children: dict[str, EditNode], value: dict[str, Json]) -> bool:
    """Return whether the kept keys come first and in their present order."""
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
    """Replace a list's items. The common head and tail stay; items in between are replaced pairwise."""
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


# --- Aliases and merge keys


def expand_stale_aliases(root: EditNode, tree: Node) -> None:
    """Replace aliases and merge keys that no longer match by the values themselves.

    Editing an anchored value changes every alias to it. If that is what the changes ask for (each container with the same
    list gets the same new item), the aliases stay. Otherwise the value is written out.
    """
    if any(isinstance(node, Alias) for node in walk(tree)):
        _AliasExpander().visit(root)


@dataclass(slots=True)
class _AliasExpander:
    """Visits the tree in the order of the text.

    ``edit_nodes`` are the anchored values so far, by the identity of their syntax node.
    """

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
        """Return whether the alias still yields this value."""
        target = self.edit_nodes.get(id(node.target))
        return target is not None and json_equal(target.value, value)

    def visit_merge_keys(self, edit_node: EditNode, node: Mapping) -> None:
        """Keep a merge key if it still brings in the same values. Keys that the object overrides do not count."""
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
            # This value changed here, and its source changed in the same way.
            child.inherited = child.inherited or (
                child.node is None and key in merged and json_equal(child.value, merged[key])
            )
        remaining = {key: value for key, value in merged.items() if key not in children or children[key].inherited}
        edit_node.expand_merge = not json_equal(
            remaining, {key: child.value for key, child in children.items() if child.inherited}
        )

    def is_unchanged(self, source: Node) -> bool:
        if not isinstance(source, Alias):
            return True  # an inline mapping: no change can reach it
        target = self.edit_nodes.get(id(source.target))
        return target is not None and json_equal(target.value, target.old)


def _merge_sources(value: Node) -> list[Node]:
    """Return the mappings of a merge key, in ascending precedence."""
    return list(reversed(value.items)) if isinstance(value, Sequence) else [value]
