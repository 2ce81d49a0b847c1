"""What YAML repeats must not change with what it repeats.

An anchored value that is edited changes everywhere it is repeated. Where that is what the changes want (each container
with the same list gets the same new item) the aliases stay; elsewhere the value is written out.
"""

from __future__ import annotations

from sysdig_instrument.documents.drafts import Draft
from sysdig_instrument.documents.tree import Alias, Mapping, Node, Scalar, Sequence, is_merge, same, walk
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.values import dataclass, field


def settle(root: Draft, tree: Node) -> None:
    """Write out the aliases and merge keys that no longer stand for what their place should hold."""
    if any(isinstance(node, Alias) for node in walk(tree)):
        _Settling().visit(root)


@dataclass(slots=True)
class _Settling:
    """The anchored values that are in the text so far, by the identity of their node. The text's order is the order."""

    drafts: dict[int, Draft] = field(default_factory=dict)

    def visit(self, draft: Draft) -> None:
        node = draft.node
        if isinstance(node, Alias):
            self.alias(draft, node)
            return
        if isinstance(node, Mapping) and draft.opened() is not None:
            self.merges(draft, node)
            for key, _ in node.entries:
                if isinstance(key, Scalar) and key.anchor is not None:
                    self.drafts[id(key)] = Draft(key, key.text)
        draft.opened()
        for part in draft.below():
            self.visit(part)
        if node is not None and node.anchor is not None:
            self.drafts[id(node)] = draft

    def alias(self, draft: Draft, node: Alias) -> None:
        if self.holds(node, draft.value):
            draft.old, draft.new = draft.value, ABSENT
        else:
            draft.replace(draft.value)

    def holds(self, node: Alias, value: Json) -> bool:
        """Does the text still give this value for the alias?"""
        target = self.drafts.get(id(node.target))
        return target is not None and same(target.value, value)

    def merges(self, draft: Draft, node: Mapping) -> None:
        """A merge key stays where it brings in what it did; what the object overrides itself does not count."""
        parts = draft.parts
        sources = [source for key, value in node.entries if is_merge(key) for source in _sources(value)]
        if draft.unmerged or not isinstance(parts, dict) or all(self.is_as_it_was(source) for source in sources):
            return
        brought: dict[str, Json] = {}
        for source in sources:
            target = self.drafts.get(id(source.target)) if isinstance(source, Alias) else None
            if target is None or not isinstance(target.value, dict):
                draft.unmerged = True
                return
            brought |= target.value
        for key, part in parts.items():
            # What was written out because it changed here, and changed the same way where it comes from.
            part.inherited = part.inherited or (part.node is None and key in brought and same(part.value, brought[key]))
        left = {key: value for key, value in brought.items() if key not in parts or parts[key].inherited}
        draft.unmerged = not same(left, {key: part.value for key, part in parts.items() if part.inherited})

    def is_as_it_was(self, source: Node) -> bool:
        if not isinstance(source, Alias):
            return True  # written in place, where no change leads
        target = self.drafts.get(id(source.target))
        return target is not None and same(target.value, target.old)


def _sources(value: Node) -> list[Node]:
    """The mappings that a merge key names, those that count more last."""
    return list(reversed(value.items)) if isinstance(value, Sequence) else [value]
