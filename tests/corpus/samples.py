"""Sample parameter values and images for any template. The same template always gets the same samples."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from oracle.evaluate import StackInputs, condition_values
from oracle.values import Json, is_unknown, items, mapping, text_of

MAX_TRIES = 400
OTHER = "other-value"
CANDIDATES = (
    "value", "abc", "1", "256", "true", "10.0.0.0/16", "a1-b2", "example.com", "arn:aws:iam::111122223333:role/made-up",
    "111122223333", "vpc-12345678", "registry.example.com/made-up:1", "ABCdef123", "https://example.com/", "/made/up",
)  # fmt: skip
BY_NAME = (("image", "registry.example.com/{}:1"), ("cpu", "1024"), ("memory", "4096"))
CONFIGS: tuple[Mapping[str, Json], ...] = (
    {"Entrypoint": ["/docker-entrypoint.sh"], "Cmd": ["server", "--port", "80"]},
    {"Entrypoint": ["/app"], "Cmd": None},
    {"Entrypoint": [], "Cmd": ["python3", "main.py"]},
    {"Entrypoint": ["/sbin/tini", "--"], "Cmd": ["java", "-jar", "app.jar"]},
)


class SampleImages(Mapping[str | tuple[str, str], Mapping[str, Json] | None]):
    """A config for every image with a known name, derived from the name."""

    def __getitem__(self, image: str | tuple[str, str]) -> Mapping[str, Json]:
        """Return the config, which is the same for each architecture."""
        if isinstance(image, tuple) or not image or is_unknown(image) or "{{resolve:" in image:
            raise KeyError(image)
        return CONFIGS[hashlib.sha256(image.encode()).digest()[0] % len(CONFIGS)]

    def __iter__(self) -> Iterator[str]:
        """Iterate over nothing: the images cannot be listed."""
        return iter(())

    def __len__(self) -> int:
        """Return the number of images that `__iter__` yields."""
        return 0


def sample_inputs(template: Json) -> dict[str, StackInputs]:
    """Return several stack inputs by label: the defaults, and one for each condition whose value can be changed."""
    start = default_inputs(template)
    inputs = {"defaults": start}
    seen = set(condition_values(template, start).items())
    for count, (label, changed) in enumerate(_variations(template, start)):
        values_now = set(condition_values(template, changed).items())
        if values_now - seen:
            seen |= values_now
            inputs[label] = changed
        if count >= MAX_TRIES:
            break
    return inputs


def default_inputs(template: Json) -> StackInputs:
    """Return the stack inputs with the defaults of the parameters, and with samples for those without one."""
    parameters = mapping(mapping(template).get("Parameters"))
    values: dict[str, Json] = {name: _value(name, mapping(declared)) for name, declared in parameters.items()}
    stored = {text_of(values[name]): _sample(name) for name, declared in parameters.items() if _is_stored(declared)}
    return StackInputs(values, ssm=stored)


def _variations(template: Json, start: StackInputs) -> Iterator[tuple[str, StackInputs]]:
    """Yield the start with one value changed, then with two."""
    single = [(name, value) for name, values in _candidates(template).items() for value in values]
    for name, value in single:
        yield f"{name}={value}", _with(start, name, value)
    for index, (name, value) in enumerate(single):
        for other, second in single[index + 1 :]:
            if other != name:
                yield f"{name}={value} {other}={second}", _with(_with(start, name, value), other, second)


def _with(start: StackInputs, name: str, value: Json) -> StackInputs:
    if name == "AWS::Region":
        return replace(start, region=text_of(value))
    return replace(start, parameters={**start.parameters, name: value})


def _candidates(template: Json) -> dict[str, list[Json]]:
    """Return the values to try for each parameter: the allowed ones, or blank and another, and compared literals."""
    found: dict[str, list[Json]] = {}
    sections = mapping(template)
    for name, declared in mapping(sections.get("Parameters")).items():
        allowed = items(mapping(declared).get("AllowedValues"))
        found[name] = [text_of(value) for value in allowed] or ["", OTHER]
    for names, literals in _comparisons(sections.get("Conditions")):
        for name in names:
            if name in found or name == "AWS::Region":
                values = found.setdefault(name, [])
                values += [literal for literal in literals if literal not in values]
    return found


def _comparisons(node: Json) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the parameter names and the literals of each `Fn::Equals`."""
    if isinstance(node, dict):
        if "Fn::Equals" in node:
            yield (
                list(_references(node)),
                [text_of(side) for side in items(node["Fn::Equals"]) if isinstance(side, str | int)],
            )
        for value in node.values():
            yield from _comparisons(value)
    for item in items(node):
        yield from _comparisons(item)


def _references(node: Json) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("Ref"), str):
            yield text_of(node["Ref"])
        for value in node.values():
            yield from _references(value)
    for item in items(node):
        yield from _references(item)


def _is_stored(declared: Json) -> bool:
    return text_of(mapping(declared).get("Type")).startswith("AWS::SSM::Parameter::Value")


def _value(name: str, declared: dict[str, Json]) -> Json:
    if "Default" in declared:
        return declared["Default"]
    allowed = items(declared.get("AllowedValues"))
    if allowed:
        return text_of(allowed[0])
    if _is_stored(declared):
        return f"/made/up/{name}"
    kind = text_of(declared.get("Type"))
    if kind == "Number":
        return text_of(declared.get("MinValue", 1))
    if "List" in kind:
        return "1,2" if "Number" in kind else "first,second"
    return _matching(text_of(declared.get("AllowedPattern") or ""), _sample(name))


def _sample(name: str) -> str:
    lower = name.lower()
    return next((text.format(lower) for part, text in BY_NAME if part in lower), CANDIDATES[0])


def _matching(pattern: str, first: str) -> str:
    for candidate in (first, *CANDIDATES):
        try:
            if re.fullmatch(pattern, candidate) or not pattern:
                return candidate
        except re.error:  # AllowedPattern uses Java's regular expressions, which differ from Python's
            break
    return first
