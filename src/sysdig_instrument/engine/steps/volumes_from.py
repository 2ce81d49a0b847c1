"""The volume with the wrapper, from the agent's container.

Owns: VolumesFrom.

Source: Sysdig documentation, «Serverless Agents»; the ECS API reference, VolumeFrom.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import LocatedValue
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Json
from sysdig_instrument.engine.paste import PasteInto, paste
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps.list_items import RequiredItem, require_items
from sysdig_instrument.engine.steps.step import ChangeOrFinding

_REASON: Final = "mounts /opt/draios with the wrapper from the agent's container"
AGENT_VOLUME: Final[Json] = {"SourceContainer": AGENT_NAME, "ReadOnly": True}


def volumes_from(container: Container) -> Iterator[ChangeOrFinding]:
    """Yield the changes that add one read-only entry for the agent's container, or make an existing one read-only."""
    if "VolumesFrom" not in container.value:  # as in most containers
        yield Change("add", (*container.pointer, "VolumesFrom"), _REASON, [AGENT_VOLUME])
        return
    is_item, correct = partial(_is_agent_volume, container), partial(_make_read_only, container)
    required = RequiredItem(AGENT_VOLUME, _REASON, is_item, correct, name=AGENT_NAME)
    yield from require_items(container, container.values("VolumesFrom"), [required])


def _is_agent_volume(container: Container, item: Json) -> bool:
    source = item.get("SourceContainer", ABSENT) if isinstance(item, dict) else ABSENT
    return evaluate(source, container.scope) == Known(AGENT_NAME)


def _make_read_only(container: Container, leaf: LocatedValue) -> Iterator[ChangeOrFinding]:
    """Yield the change that makes an entry read-only: otherwise the workload could replace the wrapper for all containers."""
    entry = leaf.value
    if isinstance(entry, dict) and str(entry.get("ReadOnly")).lower() != "true":
        pointer, reason = (*leaf.pointer, "ReadOnly"), "the workload only needs to read the agent's files"
        fact = f"Container {quote(container.label)} can write to the volume with the wrapper"
        to_paste = paste(PasteInto.CONTAINER, {"VolumesFrom": [{"SourceContainer": AGENT_NAME, "ReadOnly": True}]})
        why = Reason(fact, code=Code.VOLUME_WRITABLE, paste=to_paste)
        if "ReadOnly" in entry:
            yield Change("replace", pointer, reason, value=True, was=entry["ReadOnly"], unprotected_reason=why)
        else:
            yield Change("add", pointer, reason, value=True, unprotected_reason=why)
