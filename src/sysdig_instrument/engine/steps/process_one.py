"""Notices about programs that expect to be process 1. In a task with one process namespace, process 1 is ECS's own.

Owns: nothing. That holds for every container of the task, also for one that is not instrumented.

Source: just-containers/s6-overlay, issue 559 (``/init``: "can only run as pid 1"); systemd(1); krallin/tini, issue 120, on
reaping by an init program that is not process 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.agent import AGENT_NAME, WRAPPER
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.findings import Notice, Reason
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.steps.step import InstrumentedTask

_INIT_PROGRAMS: Final = frozenset(
    {"/init", "/sbin/init", "/usr/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd"}
)
"""Programs that do not start unless they are process 1: those of s6-overlay and of systemd."""
_INIT_PROCESS: Final = Reason(
    "InitProcessEnabled starts an init program, and in a task with one process namespace it is not process 1, so it may leave zombie processes",
    "Check that the container's processes wait for their children, or leave the whole task alone (Enabled: false)",
    code=Code.INIT_PROCESS,
)


def process_one(instrumented: InstrumentedTask) -> Iterator[Notice]:
    """Yield the notices about all containers, as far as the template itself says what they run."""
    for container in instrumented.containers:
        if container.name == AGENT_NAME:
            continue
        if "EntryPoint" in container.value and not _runs_another(container.value["EntryPoint"]):
            yield from _init_program_of_template(container)
        if "LinuxParameters" in container.value:
            yield from _init_process(container)


def _runs_another(entry_point: Json) -> bool:
    """Return whether a list begins with the text of another program, as nearly every one does."""
    first = entry_point[0] if isinstance(entry_point, list) and entry_point else None
    return isinstance(first, str) and first not in _INIT_PROGRAMS and first not in (WRAPPER, "")


def init_program_notices(container: Container, key: str, program: str | None) -> list[Notice]:
    """Return a notice if a program must be process 1. ``key`` is the member that names it."""
    if program not in _INIT_PROGRAMS:
        return []
    reason = Reason(
        f"The container runs {program}, which must be process 1, and in a task with one process namespace it is not",
        "Use an image without this init program, or exclude the whole task (Enabled: false); excluding only this container is not enough",
        code=Code.PROCESS_ONE,
    )
    return [container.notice((*container.pointer, key), reason)]


def first_program(value: Json | Absent, scope: EvaluationScope) -> str | None:
    """Return the first item of an argv behind the wrapper, if it is known."""
    if isinstance(value, dict):
        known = evaluate(value, scope)
        value = known.value if isinstance(known, Known) else ABSENT
    for item in value if isinstance(value, list) else ():
        known = Known(item) if isinstance(item, str) else evaluate(item, scope)
        text = known.value if isinstance(known, Known) else known
        if isinstance(text, str):
            if text not in (WRAPPER, ""):
                return text
        elif text is not ABSENT:
            return None
    return None


def _init_program_of_template(container: Container) -> Iterator[Notice]:
    for leaf, assumptions in container.values("EntryPoint"):
        if not leaf.value or leaf.value is ABSENT:
            continue
        scope = container.scope.assuming(assumptions)
        program = first_program(leaf.value, scope) or first_program_of_command(container, scope)
        yield from init_program_notices(container, "EntryPoint", program)


def first_program_of_command(container: Container, scope: EvaluationScope) -> str | None:
    """Return the program that Command names, where nothing is in front of it but the wrapper."""
    programs = (first_program(leaf.value, scope) for leaf, _ in container.values("Command"))
    return next((each for each in programs if each), None)


def _init_process(container: Container) -> Iterator[Notice]:
    for leaf, assumptions in container.values("LinuxParameters"):
        enabled = leaf.value.get("InitProcessEnabled", ABSENT) if isinstance(leaf.value, dict) else ABSENT
        match ABSENT if enabled is ABSENT else evaluate(enabled, container.scope.assuming(assumptions)):
            case Known(bool() | str() as value) if str(value).lower() == "true":
                yield container.notice((*leaf.pointer, "InitProcessEnabled"), _INIT_PROCESS)
