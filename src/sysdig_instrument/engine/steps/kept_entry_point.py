"""Notice about an EntryPoint that an earlier run read from an image, in a template that is processed again.

Owns: nothing. The macro sees the source of a template, so this is about templates that the command line tool has written: if
their image is changed later, the wrapper still starts what the image before it ran.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import leaves
from sysdig_instrument.engine.findings import Notice, Reason
from sysdig_instrument.engine.steps.argv import ArgvForm, argv_forms
from sysdig_instrument.engine.steps.step import EntryPointSource

_KEPT: Final = Reason(
    "EntryPoint and Command were read from an image before, and stay as they are, whatever the image is now",
    "If the image has changed, remove both: they are then read from it. Better, process the source of this template",
    code=Code.ENTRY_POINT_KEPT,
)


def kept_entry_point(container: Container) -> Iterator[Notice]:
    """Yield a notice if the Result says that the EntryPoint, which has the wrapper, is that of an image."""
    if not _was_read_from_image(container):
        return
    for leaf, assumptions in container.values("EntryPoint"):
        for form, _ in leaves(argv_forms(leaf.value, container, assumptions), assumptions):
            if form is ArgvForm.WRAPPED:
                yield container.notice((*container.pointer, "EntryPoint"), _KEPT)


def _was_read_from_image(container: Container) -> bool:
    match container.task.resource.get("Metadata"):
        case {"SysdigInstrument": {"Result": {"Containers": dict(outcomes)}}}:
            return str(outcomes.get(container.label)).endswith(EntryPointSource.IMAGE.value)
    return False
