"""Notices about what a template says and what has no effect, because of how it is written.

CloudFormation accepts it, so nothing else reports it: the short form of a function that is plain text, such as ``Ref! Role``
or ``"!Ref Role"``, and a key beside the macro's ``Name`` that no transform has, such as ``Parameter``.

A text is taken for a function only if it can be nothing else: it names what the template declares, has a variable as
``Fn::Sub`` has it, or has its arguments in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.engine.findings import Location, Notice, Reason, quote
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.paste import Paste, PasteInto, paste
from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.engine.suggestions import did_you_mean, suggest
from sysdig_instrument.engine.template import TASK_DEFINITION, own_transforms, resources_of_types

CODES: Final = frozenset(
    {
        Code.FUNCTION_IS_TEXT,
        Code.LINE_KEY_UNKNOWN,
        Code.MEMBER_MISSPELT,
        Code.METADATA_MISPLACED,
        Code.METADATA_MISSPELT,
        Code.NAME_OF_NO_CONTAINER,
        Code.TYPE_MISSPELT,
        Code.TAG_MISSPELT,
    }
)
"""The codes of all notices about what has no effect, those of other modules, too. ``check`` and the hook report them."""

_MAX_NOTICES: Final = 50
_FAR: Final = 40
"""The characters of a text that are looked at."""

# --- the short form of a function as text

_TEXT: Final = (
    r"(?s)\s*(?:(?P<before>[A-Za-z0-9]{2,14})\s*!|!\s*(?P<after>[A-Za-z0-9]{2,14})(?=\s))(?P<space>\s*)(?P<rest>\S.*)"
)
_IN_BRACKETS: Final = r"(?s)\[.*\]\s*|\{.*\}\s*"
_NAME: Final = r"[A-Za-z0-9]+"
_FUNCTIONS: Final = {
    name.casefold(): name
    for name in (
        *("And", "Cidr", "Condition", "Equals", "FindInMap", "GetAtt", "GetAZs", "GetStackOutput", "If"),
        *("ImportValue", "Join", "Length", "Not", "Or", "Ref", "Select", "Split", "Sub", "ToJsonString", "Transform"),
    )
}


def functions_as_text(template: Json, tasks: Mapping[Pointer, str]) -> Iterator[Notice]:
    """Yield a notice for each value that is meant to be a function, and is a text: it has an exclamation mark.

    ``tasks`` has the names of the task definitions by their pointers.
    """
    if _has_function_as_text(template):
        for pointer, reason in islice(_functions_as_text(template), _MAX_NOTICES):
            task = next((name for at, name in tasks.items() if pointer[: len(at)] == at), None)
            yield Notice(Location(task, None, pointer), reason)


def _functions_as_text(template: Json) -> Iterator[tuple[Pointer, Reason]]:
    for pointer, text in _texts(template, ()):
        reason = _reason_of_key(pointer) if text is None else _reason(text, pointer, template)
        if reason is not None:
            yield pointer, reason


def _has_function_as_text(template: Json) -> bool:
    """Return whether a text may be a function. In nearly all templates none may."""
    left: list[Any] = [template]
    for value in left:  # it grows; and types are compared, as this looks at each value of each template
        if type(value) is dict and len(value) == 1 and _function_of_key(*value):
            return True
        for child in value.values() if type(value) is dict else value if type(value) is list else ():
            kind = type(child)
            if kind is str:
                if "!" in child and re.match(_TEXT, child):
                    return True
            elif kind is dict or kind is list:
                left.append(child)
    return False


def _texts(value: Json, pointer: Pointer) -> Iterator[tuple[Pointer, str | None]]:
    """Yield each text with its pointer, and that of each object whose only key is the short form of a function."""
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, dict):
        if len(value) == 1 and _function_of_key(*value):
            yield (*pointer, *value), None
        for key, child in value.items():
            yield from _texts(child, (*pointer, key))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _texts(child, (*pointer, index))


def _function_of_key(key: str) -> str | None:
    """Return the function whose short form a key is, such as ``!Ref`` or ``Ref!``; None if it is none."""
    name = key.strip()
    return _FUNCTIONS.get(name.strip("!").strip().casefold()) if "!" in (name[:1], name[-1:]) else None


def _reason_of_key(pointer: Pointer) -> Reason:
    key = str(pointer[-1])
    name = str(_function_of_key(key))
    long_name = name if name in ("Condition", "Ref") else f"Fn::{name}"
    fact = f"{quote(key)} as a key is not a function"
    return Reason(fact, f"Did you mean {quote(long_name)}?", code=Code.FUNCTION_IS_TEXT)


def _reason(text: str, pointer: Pointer, template: Json) -> Reason | None:
    match = re.fullmatch(_TEXT, text) if "!" in text[:_FAR] else None
    written = match and (match["before"] or match["after"])
    name = _FUNCTIONS.get(written.casefold()) if written else None
    if match is None or name is None:
        return None
    shown = _shown(name, match["rest"].strip(), template)
    if shown is None:
        return None
    short = f"!{name} {shown}"
    to_paste = _paste(name, shown, pointer)
    if match["before"]:
        text, advice = f"{written}!{match['space'][:1]}{shown}", f"Did you mean {quote(short)}?"
    else:
        text = f"!{written} {shown}"
        advice = f"Write {short} without quotes in YAML, or the long form in JSON"
    fact = f"{quote(text)} is plain text, not a function"
    return Reason(fact, advice, code=Code.FUNCTION_IS_TEXT, paste=to_paste)


def _shown(name: str, argument: str, template: Json) -> str | None:
    """Return what a message shows of an argument: the names of what the template declares, and nothing else.

    None if the text may be meant as a text.
    """
    declared, _, attribute = argument.partition(".")
    resources = section(template, "Resources")
    match name:
        case "Ref":
            is_known = argument in resources or argument in section(template, "Parameters")
            return argument if is_known or re.fullmatch(r"AWS::[A-Za-z]+", argument) else None
        case "Condition":
            return argument if argument in section(template, "Conditions") else None
        case "GetAtt":
            return f"{declared}.…" if attribute and declared in resources else None
        case "Sub":
            is_meant = "${" in argument
        case "ImportValue" | "GetAZs":
            is_meant = re.fullmatch(r"[\w:\"'-]+", argument) is not None
        case _:
            is_meant = re.fullmatch(_IN_BRACKETS, argument) is not None
    return "…" if is_meant else None


def _paste(name: str, shown: str, pointer: Pointer) -> tuple[Paste, ...]:
    """Return the long form, which JSON and YAML have, if the value is that of a key."""
    long_form: Json = None
    match name:
        case "Ref" | "Condition":
            long_form = {name: shown}
        case "GetAtt":
            long_form = {"Fn::GetAtt": [shown.partition(".")[0], "ATTRIBUTE"]}
        case "Sub" | "ImportValue":
            long_form = {f"Fn::{name}": "TEXT"}
    key = pointer[-1] if pointer else None
    is_name = isinstance(key, str) and re.fullmatch(_NAME, key)
    return paste(PasteInto.PARENT, {str(key): long_form}) if is_name and long_form else ()


# --- a key beside the macro's name

_KEYS: Final = ("Name", "Parameters")
_PARAMETERS: Final = Reason(
    "Parameters of the macro is not an object, so the macro gets no settings from it",
    "Write it as an object of settings by name",
    code=Code.LINE_KEY_UNKNOWN,
    paste=paste(PasteInto.PARENT, {"Parameters": {"NAME": "VALUE"}}),
)


def unknown_transform_keys(template: Json, macro_name: str) -> Iterator[Notice]:
    """Yield a notice for each key beside the macro's name that no transform has: the macro does not get what is in it."""
    for pointer, entry in own_transforms(template, macro_name):
        if isinstance(entry, dict) and not isinstance(entry.get("Parameters", {}), dict):
            yield Notice(Location(None, None, (*pointer, "Parameters")), _PARAMETERS)
        for key in entry if isinstance(entry, dict) else ():
            if key in _KEYS:
                continue
            is_setting = key in BY_NAME
            advice = did_you_mean(key, _KEYS) or "Remove it: a transform has Name and Parameters"
            to_paste = paste(PasteInto.PARENT, {"Parameters": {key if is_setting else "NAME": "VALUE"}})
            reason = Reason(
                f"{quote(key)} is not a key of a transform, so the macro does not get what is in it",
                "Move it into Parameters" if is_setting else advice,
                code=Code.LINE_KEY_UNKNOWN,
                paste=to_paste,
            )
            yield Notice(Location(None, None, (*pointer, key)), reason)


# --- a type that is nearly that of a task definition


def misspelt_types(template: Json) -> Iterator[Notice]:
    """Yield a notice for each resource whose type is nearly that of a task definition."""
    types = [(pointer, resource.get("Type")) for pointer, resource in resources_of_types(template, None)]
    written = {each for _, each in types if isinstance(each, str)}  # many resources are of one type
    meant = {each for each in written if each != TASK_DEFINITION and _is_meant(each)}
    for pointer, each in types if meant else ():
        if isinstance(each, str) and each in meant:
            reason = Reason(
                f"CloudFormation has no type {quote(each)}, so this is not a task definition",
                f"Did you mean {quote(TASK_DEFINITION)}?",
                code=Code.TYPE_MISSPELT,
                paste=paste(PasteInto.PARENT, {"Type": TASK_DEFINITION}),
            )
            yield Notice(Location(None, None, (*pointer, "Type")), reason)


_MIN_SIMILARITY: Final = 0.9


def _is_meant(written: str) -> bool:
    """Return whether a type is that of a task definition, but for how it is written. A type of AWS has no other that is near."""
    if _letters(written) == _letters(TASK_DEFINITION):
        return True
    return written.startswith("AWS::") and bool(suggest(written, [TASK_DEFINITION], cutoff=_MIN_SIMILARITY))


def _letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text[:_FAR].casefold()).removesuffix("s")
