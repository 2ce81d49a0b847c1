"""RequireReason: what a template leaves alone needs a Reason.

Owns: nothing. This step changes nothing.

The hook plans task definitions without Metadata: there it asks for the reason in the tag.
"""

from __future__ import annotations

from collections.abc import Iterator

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import problem_or_notice
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.opt_outs import OptOut
from sysdig_instrument.engine.paste import CONTAINER, EXCLUDE_TASK, PasteInto, paste
from sysdig_instrument.engine.settings.tags import REASON_TAG
from sysdig_instrument.engine.settings.template_layers import METADATA_KEY
from sysdig_instrument.engine.steps.step import DecidedTask


def required_reason(decided: DecidedTask) -> Iterator[Notice | Problem]:
    """Yield a problem for each opt-out without a reason, or a single one if nothing in the task definition is instrumented."""
    if not decided.settings.deployment.values.require_reason:
        return
    without_reason = [each for each in decided.opt_outs if not each.reason]
    for opt_out in without_reason[:1] if decided.is_whole else without_reason:
        yield _missing_reason(decided, opt_out)


def _missing_reason(decided: DecidedTask, opt_out: OptOut) -> Notice | Problem:
    task, container = decided.task, None if decided.is_whole else opt_out.container
    in_tags = opt_out.is_visible or task.pointer is None
    if not in_tags:
        own: Json = {"Reason": "REASON"}
        settings: Json = own if container is None else {"Containers": {CONTAINER: own}}
        to_paste = paste(PasteInto.RESOURCE, {"Metadata": {METADATA_KEY: settings}})
    elif decided.is_whole and opt_out.is_visible:
        to_paste = EXCLUDE_TASK  # it may replace the tag that opts out
    else:
        to_paste = paste(PasteInto.PROPERTIES, {"Tags": [{"Key": REASON_TAG, "Value": "REASON"}]})
    reason = Reason(
        f"It is left alone without a Reason, which RequireReason asks for ({opt_out.why})",
        f"Write the reason into the tag {REASON_TAG}" if in_tags else "Write Reason into the resource's Metadata",
        code=Code.REASON_MISSING,
        paste=to_paste,
    )
    pointer = (*task.properties_pointer, "Tags") if in_tags else container.pointer if container else task.pointer or ()
    problem = Problem(Location(task.name, container.label if container else None, pointer), reason)
    return problem_or_notice(problem, container.assumptions if container else task.assumptions, task)
