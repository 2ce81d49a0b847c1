"""Construct the value of a YAML tree, as CloudFormation reads it.

CloudFormation reads YAML 1.1 without the tags for binary data, ordered maps, sets and timestamps, and rejects aliases and
merge keys. So ``yes`` and ``0755`` are a boolean and an octal number, as in ``aws cloudformation package`` and cfn-lint,
while ``2012-10-17`` is a string. Aliases and merge keys are expanded, as those two tools do. The value of a key is always
its text. CloudFormation rejects numbers as keys, so such a key gets a warning.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, cast

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from sysdig_instrument.documents.errors import (
    MAX_DEPTH,
    TEMPLATE_LANGUAGE,
    EmptyDocumentError,
    Lines,
    SourceError,
    SourceWarning,
    line_at,
    too_deep_error,
)
from sysdig_instrument.documents.json_values import duplicate_key_warning
from sysdig_instrument.documents.syntax_tree import (
    FUNCTIONS,
    Alias,
    Mapping,
    Node,
    Scalar,
    Sequence,
    function_of,
    is_merge_key,
    key_text,
)
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.suggestions import suggest
from sysdig_instrument.lazy_dataclasses import dataclass, field

if TYPE_CHECKING:
    from sysdig_instrument.engine.json_types import Json

_TAG_PREFIX: Final = "tag:yaml.org,2002:"
_SUPPORTED_TAGS: Final = frozenset(
    _TAG_PREFIX + kind for kind in ("str", "int", "float", "bool", "null", "map", "seq", "timestamp")
)
_STRING_TAGS: Final = frozenset(
    {_TAG_PREFIX + "str", _TAG_PREFIX + "timestamp", _TAG_PREFIX + "value", _TAG_PREFIX + "merge"}
)


def construct_yaml(root: Node, text: str, name: str) -> tuple[Json, tuple[SourceWarning, ...]]:
    """Return the value of a tree, and warnings.

    Raises:
        UsageError: The tree contains what CloudFormation does not support, or no value at all.
    """
    constructor = _Constructor(text, name)
    value = constructor.construct(root, 0)
    if value is None:
        raise EmptyDocumentError(name)
    return value, tuple(constructor.warnings)


def implicit_tag(text: str) -> str:
    """Return the tag that YAML 1.1 resolves a plain scalar to."""
    resolvers = Resolver.yaml_implicit_resolvers
    for tag, pattern in resolvers.get(text[:1], []):
        if pattern.match(text):
            return cast("str", tag)
    return _TAG_PREFIX + "str"


def is_string(text: str) -> bool:
    """Return whether YAML 1.1 reads this plain scalar as a string."""
    return implicit_tag(text) == _TAG_PREFIX + "str"


@dataclass(slots=True)
class _Constructor:
    text: str
    name: str
    warnings: list[SourceWarning] = field(default_factory=list)
    warned_about_aliases: bool = False
    scalar_constructor: SafeConstructor = field(default_factory=SafeConstructor)
    _lines: Lines | None = None

    @property
    def lines(self) -> Lines:
        """The lines of the text, found when the first warning needs them."""
        if self._lines is None:
            self._lines = Lines(self.text)
        return self._lines

    def construct(self, node: Node, depth: int) -> Json:
        """Return the value of a node. Nothing in it is shared: each alias yields its own copy."""
        if depth > MAX_DEPTH:
            raise too_deep_error(self.name)
        if isinstance(node, Alias):
            self.warn_about_aliases(node)
            return self.construct(node.target, depth)
        function = function_of(node)
        if function is None and node.tag is not None and node.tag not in _SUPPORTED_TAGS:
            message = "CloudFormation does not support this tag. Write the value without it."
            raise SourceError(self.name, self.text, node.start, message, code=Code.YAML_TAG)
        if function is not None:
            self.warn_about_function(node, function)
        content = self.construct_content(node, function, depth)
        return content if function is None else {function: content}

    def construct_content(self, node: Scalar | Sequence | Mapping, function: str | None, depth: int) -> Json:
        """Return a node's content, without its tag."""
        match node:
            case Sequence():
                return [self.construct(item, depth + 1) for item in node.items]
            case Mapping():
                return self.construct_mapping(node, depth)
            case Scalar() if function == "Fn::GetAtt":
                return cast("Json", node.text.split(".", 1))
            case Scalar() if function is not None:
                return node.text
            case Scalar():
                return self.construct_scalar(node)

    def construct_mapping(self, node: Mapping, depth: int) -> dict[str, Json]:
        merged: dict[str, Json] = {}
        own: dict[str, Json] = {}
        first: dict[str, Node] = {}
        for key, value in node.entries:
            if is_merge_key(key):
                merged |= self.merge(value, depth)
                continue
            name = self.construct_key(key)
            if name in own:
                self.warnings.append(duplicate_key_warning(self.name, self.lines, first[name], key))
            first.setdefault(name, key)
            own[name] = self.construct(value, depth + 1)
        return merged | own

    def merge(self, value: Node, depth: int) -> dict[str, Json]:
        """Return what ``<<`` merges in. In a list, earlier mappings take precedence."""
        self.warn_about_aliases(value)
        source = value.target if isinstance(value, Alias) else value
        sources = source.items if isinstance(source, Sequence) else (value,)
        merged: dict[str, Json] = {}
        for source_node in reversed(sources):
            mapping = self.construct(source_node, depth)
            target = source_node.target if isinstance(source_node, Alias) else source_node
            if not isinstance(mapping, dict) or target.tag is not None:
                raise SourceError(
                    self.name,
                    self.text,
                    source_node.start,
                    "only a mapping can be merged. Correct the value of <<.",
                    code=Code.INVALID_YAML,
                )
            merged |= mapping
        return merged

    def construct_key(self, node: Node) -> str:
        name = key_text(node)
        scalar = node.target if isinstance(node, Alias) else node
        if name is None or not isinstance(scalar, Scalar):
            message = "a key must be a scalar, without a function. Correct the key."
            if "{{" in line_at(self.text, node.start):
                message = TEMPLATE_LANGUAGE
            raise SourceError(self.name, self.text, node.start, message, code=Code.INVALID_YAML)
        if scalar.style == "" and scalar.tag is None:
            tag = implicit_tag(name)
            if name == "":
                raise SourceError(
                    self.name,
                    self.text,
                    node.start,
                    "there is no key before this colon. Add one.",
                    code=Code.INVALID_YAML,
                )
            if tag not in _STRING_TAGS:
                type_name = tag.removeprefix(_TAG_PREFIX)
                fact = f"The key {quote(name)} is a YAML {type_name}, but CloudFormation accepts only strings as keys"
                self.warn(node, Reason(fact, "Put it in quotes", code=Code.NOT_FOR_CLOUDFORMATION))
        return name

    def construct_scalar(self, node: Scalar) -> Json:
        tag = node.tag or (_TAG_PREFIX + "str" if node.style else implicit_tag(node.text))
        scalar_node = yaml.ScalarNode(tag, node.text)
        try:
            match tag.removeprefix(_TAG_PREFIX):
                case "null":
                    return None
                case "bool":
                    return bool(self.scalar_constructor.construct_yaml_bool(scalar_node))
                case "int":
                    return int(self.scalar_constructor.construct_yaml_int(scalar_node))
                case "float":
                    number = float(self.scalar_constructor.construct_yaml_float(scalar_node))
                    if math.isfinite(number):
                        return number
                case "map" | "seq":
                    pass
                case _:
                    return node.text
        except (KeyError, ValueError, IndexError):
            pass
        raise SourceError(
            self.name,
            self.text,
            node.start,
            "JSON cannot represent this value. Write it as a string, in quotes.",
            code=Code.INVALID_YAML,
        )

    def warn_about_aliases(self, node: Node) -> None:
        if not self.warned_about_aliases:
            self.warned_about_aliases = True
            self.warn(node, _ALIASES)

    def warn_about_function(self, node: Node, function: str) -> None:
        """Warn about a short form that is nearly that of a function, such as ``!GetAttr``. A macro may know any other."""
        name = function.removeprefix("Fn::")
        first = node.text.partition(" ")[0] if isinstance(node, Scalar) and not name else ""
        if first in FUNCTIONS:
            fact = f'There is a space between "!" and "{first}", so CloudFormation finds no function'
            self.warn(node, Reason(fact, f"Write !{first}", code=Code.FUNCTION_UNKNOWN))
        if name.isalnum() and name not in FUNCTIONS and (known := suggest(name, FUNCTIONS, cutoff=_MIN_SIMILARITY)):
            fact = f"CloudFormation has no function {quote(f'!{name}')}"
            self.warn(node, Reason(fact, f'Did you mean "!{known}"?', code=Code.FUNCTION_UNKNOWN))

    def warn(self, node: Node, reason: Reason) -> None:
        self.warnings.append(self.lines.warning(self.name, node.start, node.end, reason))


_MIN_SIMILARITY: Final = 0.75
_ALIASES: Final = Reason(
    "CloudFormation rejects YAML aliases and merge keys. They are read and kept here",
    "Run `aws cloudformation package` on the template before you deploy it",
    code=Code.NOT_FOR_CLOUDFORMATION,
)
