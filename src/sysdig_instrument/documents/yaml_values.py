"""The tree of a YAML text to its value, as CloudFormation reads it.

CloudFormation takes YAML 1.1 without the tags for binary data, ordered maps, sets and timestamps, and without aliases
and merge keys. So ``yes`` and ``0755`` are a boolean and an octal number, as ``aws cloudformation package`` and cfn-lint
have it too, while ``2012-10-17`` is a string. Aliases and merge keys are expanded, as those two tools do. A key is its
text, whatever it looks like: CloudFormation refuses numbers as keys, so that is worth a warning.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, cast

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from sysdig_instrument.documents.json_values import duplicate_warning
from sysdig_instrument.documents.places import MAX_DEPTH, fault, line_of, too_deep
from sysdig_instrument.documents.tree import Alias, Mapping, Node, Scalar, Sequence, function_of, is_merge, key_text
from sysdig_instrument.errors import UsageError
from sysdig_instrument.values import dataclass, field

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

_YAML: Final = "tag:yaml.org,2002:"
_OWN_TAGS: Final = frozenset(
    _YAML + kind for kind in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp")
)
_STRINGS: Final = frozenset({_YAML + "str", _YAML + "timestamp", _YAML + "value", _YAML + "merge"})


def yaml_value(root: Node, text: str, name: str) -> tuple[Json, tuple[str, ...]]:
    """The value of a tree, and warnings.

    Raises:
        UsageError: The tree holds what CloudFormation has no meaning for.
    """
    reading = _Reading(text, name)
    value = reading.value(root, 0)
    if value is None:
        raise UsageError(f"{name} is empty. Give a template or task definition in JSON or YAML.")
    return value, tuple(reading.warnings)


def implicit_tag(text: str) -> str:
    """YAML's tag for a plain scalar: what YAML 1.1 takes an unquoted word for."""
    resolvers = Resolver.yaml_implicit_resolvers
    for tag, pattern in resolvers.get(text[:1], []):
        if pattern.match(text):
            return cast("str", tag)
    return _YAML + "str"


def is_string(text: str) -> bool:
    """Does YAML read this unquoted word as a string?"""
    return implicit_tag(text) == _YAML + "str"


@dataclass(slots=True)
class _Reading:
    text: str
    name: str
    warnings: list[str] = field(default_factory=list)
    aliases_told: bool = False
    scalars: SafeConstructor = field(default_factory=SafeConstructor)

    def value(self, node: Node, depth: int) -> Json:
        """The value of a node, with nothing in it shared: each alias gives a copy of its own."""
        if depth > MAX_DEPTH:
            raise too_deep(self.name)
        if isinstance(node, Alias):
            self.tell_aliases(node)
            return self.value(node.target, depth)
        function = function_of(node)
        if function is None and node.tag is not None and node.tag not in _OWN_TAGS:
            message = "CloudFormation does not know this tag. Write the value in plain YAML."
            raise fault(self.name, self.text, node.start, message)
        inside = self.inside(node, function, depth)
        return inside if function is None else {function: inside}

    def inside(self, node: Scalar | Sequence | Mapping, function: str | None, depth: int) -> Json:
        """What stands under the tag."""
        match node:
            case Sequence():
                return [self.value(item, depth + 1) for item in node.items]
            case Mapping():
                return self.mapping(node, depth)
            case Scalar() if function == "Fn::GetAtt":
                return cast("Json", node.text.split(".", 1))
            case Scalar() if function is not None:
                return node.text
            case Scalar():
                return self.scalar(node)

    def mapping(self, node: Mapping, depth: int) -> dict[str, Json]:
        merged: dict[str, Json] = {}
        own: dict[str, Json] = {}
        lines: dict[str, int] = {}
        for key, value in node.entries:
            if is_merge(key):
                merged |= self.merged(value, depth)
                continue
            word = self.key(key)
            if word in own:
                self.warnings.append(duplicate_warning(self.name, self.text, key.start, lines[word], word))
            lines.setdefault(word, key.start)
            own[word] = self.value(value, depth + 1)
        return merged | own

    def merged(self, value: Node, depth: int) -> dict[str, Json]:
        """What ``<<`` brings in. Of a list of mappings, the earlier ones count more."""
        self.tell_aliases(value)
        source = value.target if isinstance(value, Alias) else value
        sources = source.items if isinstance(source, Sequence) else (value,)
        found: dict[str, Json] = {}
        for part in reversed(sources):
            brought = self.value(part, depth)
            target = part.target if isinstance(part, Alias) else part
            if not isinstance(brought, dict) or target.tag is not None:
                raise fault(
                    self.name, self.text, part.start, "only a mapping can be merged. Correct what stands after <<."
                )
            found |= brought
        return found

    def key(self, node: Node) -> str:
        word = key_text(node)
        scalar = node.target if isinstance(node, Alias) else node
        if word is None or not isinstance(scalar, Scalar):
            raise fault(self.name, self.text, node.start, "a key must be a single word or string. Correct the key.")
        if scalar.style == "" and scalar.tag is None:
            tag = implicit_tag(word)
            if word == "":
                raise fault(self.name, self.text, node.start, "there is no key before this colon. Write one.")
            if tag not in _STRINGS:
                kind = tag.removeprefix(_YAML)
                self.warnings.append(
                    f'{self.name}, line {line_of(self.text, node.start)}: the key "{word}" is a YAML {kind}, and '
                    "CloudFormation takes strings only. Put it in quotes.",
                )
        return word

    def scalar(self, node: Scalar) -> Json:
        tag = node.tag or (_YAML + "str" if node.style else implicit_tag(node.text))
        word = yaml.ScalarNode(tag, node.text)
        try:
            match tag.removeprefix(_YAML):
                case "null":
                    return None
                case "bool":
                    return bool(self.scalars.construct_yaml_bool(word))
                case "int":
                    return int(self.scalars.construct_yaml_int(word))
                case "float":
                    number = float(self.scalars.construct_yaml_float(word))
                    if math.isfinite(number):
                        return number
                case "map" | "seq":
                    pass
                case _:
                    return node.text
        except (KeyError, ValueError, IndexError):
            pass
        raise fault(
            self.name, self.text, node.start, "this is not a value that JSON has. Write it as a string, in quotes."
        )

    def tell_aliases(self, node: Node) -> None:
        if not self.aliases_told:
            self.aliases_told = True
            self.warnings.append(
                f"{self.name}, line {line_of(self.text, node.start)}: CloudFormation refuses YAML aliases and merge keys. "
                "They are read and kept here; run the template through `aws cloudformation package` before it is deployed.",
            )
