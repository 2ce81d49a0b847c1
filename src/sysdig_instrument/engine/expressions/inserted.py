"""Values that a template does not show, because a transform that is still to run inserts them, and the values of Mappings.

``AWS::Include`` inserts declarations of parameters, maps and values where its ``Fn::Transform`` stands, or whole sections
where it is listed in ``Transform``. The macro gets the template after that, the command line tool before. A value
that the template has is known; one that it lacks is not known wherever a transform may insert it.

Source: the CloudFormation user guide, «AWS::Include transform», «Fn::Transform» and «Mappings».
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import EvaluationScope, section, transform_entries, transform_name
from sysdig_instrument.engine.expressions.values import CannotEvaluate, Unknown
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json

_INCLUDE: Final = "AWS::Include"
_KEYS_PER_STEP: Final = 100
_MAPPINGS_ADVICE: Final = "Write the value into Mappings, or use the template as it is after that transform"


def is_complete(value: Json) -> bool:
    """Return whether an object shows all its members: it has no ``Fn::Transform`` or other function that adds some."""
    if not isinstance(value, dict) or "Fn::" not in "".join(value):  # as nearly all
        return True
    return not any(key.startswith("Fn::") for key in value)


def is_section_complete(template: Json, name: str) -> bool:
    """Return whether a section of a template shows all its members. Of a snippet, no section is shown."""
    if not isinstance(template, dict) or template.keys().isdisjoint(("Resources", name)):
        return False
    if "Fn::Transform" in template or not is_complete(dict(section(template, name))):
        return False
    return _INCLUDE not in map(transform_name, transform_entries(template.get("Transform")))


def value_in_mappings(keys: Sequence[str], scope: EvaluationScope) -> Json:
    """Return the value of a map, a key and a second key; None if Mappings certainly have none.

    Raises:
        CannotEvaluate: A transform may insert the value, or a part of it.
    """
    path: list[Json] = [scope.template.get("Mappings") if isinstance(scope.template, dict) else None]
    for key in keys:
        path.append(path[-1].get(key) if isinstance(path[-1], dict) else None)
    value = path[-1]
    if value is None and not _may_be_inserted(path, scope):
        return None
    scope.state.work.check_value(value)
    if value is None or not _is_value_complete(value):
        fact = "its Fn::FindInMap finds no value in Mappings, and a transform may insert it"
        raise CannotEvaluate(
            Unknown(Reason(fact, _MAPPINGS_ADVICE, code=Code.INSERTED_BY_TRANSFORM, not_known_here=True))
        )
    return value


def _may_be_inserted(path: Sequence[Json], scope: EvaluationScope) -> bool:
    """Return whether a transform may insert a value into one of these objects of Mappings, all of which it looks at."""
    scope.state.work.spend(sum(len(each) for each in path if isinstance(each, dict)) // _KEYS_PER_STEP)
    return not is_section_complete(scope.template, "Mappings") or not all(map(is_complete, path))


def _is_value_complete(value: Json) -> bool:
    """Return whether all objects in a value are complete."""
    if isinstance(value, dict):
        return is_complete(value) and all(map(_is_value_complete, value.values()))
    return not isinstance(value, list) or all(map(_is_value_complete, value))
