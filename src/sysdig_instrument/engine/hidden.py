"""Notices about what a template does not show: a task definition there is not seen, and so not instrumented."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import WRITE_OUT_RESULT
from sysdig_instrument.engine.findings import Location, Notice, Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.template import (
    STACK,
    STACK_SET,
    modules,
    opaque_loops,
    opaque_transforms,
    resources_of_types,
)

_NESTED_STACK: Final = Reason(
    "The macro cannot see a nested stack's template",
    "Add the macro to that template's own Transform",
    code=Code.NESTED_STACK,
)
_STACK_SET: Final = Reason(
    "The macro cannot see a stack set's template", "Add the macro to that template's own Transform", code=Code.STACK_SET
)
_TRANSFORM: Final = Reason(
    "Fn::Transform inserts content that is not known here, and a task definition in it is not instrumented",
    WRITE_OUT_RESULT,
    code=Code.TRANSFORM_NOT_VISIBLE,
)
_MODULE: Final = Reason(
    "A module inserts resources that are not known here, and a task definition in it is not instrumented",
    "Write the task definition in the template itself",
    code=Code.MODULE,
)
HIDDEN_LOOP: Final = Reason(
    "The resources of this Fn::ForEach are not visible here, and a task definition among them is not instrumented",
    "List AWS::LanguageExtensions before this macro, and nest at most five loops",
    code=Code.LOOP_NOT_VISIBLE,
)


def hidden_notices(template: Json) -> Iterator[Notice]:
    """Yield a notice for each place where a template may have resources that it does not show."""
    for pointer, _ in resources_of_types(template, {STACK}):
        yield Notice(Location(None, None, pointer), _NESTED_STACK)
    for pointer, _ in resources_of_types(template, {STACK_SET}):
        yield Notice(Location(None, None, pointer), _STACK_SET)
    for pointer in modules(template):
        yield Notice(Location(None, None, pointer), _MODULE)
    for pointer in opaque_loops(template):
        yield Notice(Location(None, None, pointer), HIDDEN_LOOP)
    for pointer in opaque_transforms(template):
        yield Notice(Location(None, None, pointer), _TRANSFORM)
