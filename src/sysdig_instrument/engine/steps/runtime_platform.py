"""The platform that the task runs on: the agent is not for Windows, and not documented for ARM64. Changes nothing.

What is known to be for Windows is left alone before (``selection``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from sysdig_instrument.engine.findings import Notice, Place, Problem, Reason
from sysdig_instrument.engine.known import Unknown
from sysdig_instrument.engine.platforms import platform
from sysdig_instrument.engine.steps.step import InstrumentedTask

_ARM64: Final = "The task runs on ARM64, which Sysdig does not document for the agent"


def runtime_platform(instrumented: InstrumentedTask) -> Iterator[Notice | Problem]:
    """What the agent is not for, as things are now or, where a loop is around the task, for one of its items."""
    task, settings = instrumented.task, instrumented.settings
    properties = task.properties if isinstance(task.properties, dict) else {}
    if "RuntimePlatform" not in properties:  # as in most
        return
    systems = [platform(properties, "OperatingSystemFamily", scope) for scope in task.scopes]
    architectures = [platform(properties, "CpuArchitecture", scope) for scope in task.scopes]
    place = Place(task.name, None, (*task.properties_pointer, "RuntimePlatform"))
    if unknown := _unknown(systems):
        yield Problem(
            place, Reason(f"OperatingSystemFamily cannot be worked out ({unknown.reason.fact}), and the agent is not for Windows",
            unknown.reason.advice or "Write it as it is, or exclude the task (Enabled: false) if it is for Windows"),
        )  # fmt: skip
    if "ARM64" in architectures:
        if settings.unsupported_architecture == "fail":
            yield Problem(place, Reason(_ARM64, "Use X86_64, or set UnsupportedArchitecture to warn"))
        else:
            yield Notice(place, Reason(_ARM64, "Make sure that the agent's image is there for arm64, or use X86_64"))
    elif settings.unsupported_architecture == "fail" and (unknown := _unknown(architectures)):
        yield Problem(
            place, Reason(f"CpuArchitecture cannot be worked out ({unknown.reason.fact}), and UnsupportedArchitecture is fail",
            unknown.reason.advice or "Write it as it is, or set UnsupportedArchitecture to warn"),
        )  # fmt: skip


def _unknown(members: Iterable[str | Unknown]) -> Unknown | None:
    """Return why one of them is not known, or ``None``."""
    return next((each for each in members if isinstance(each, Unknown)), None)
