"""The deployment hook: judges the task definition of a service's new revision before Amazon ECS starts it or gives it traffic.

Amazon ECS calls it at the lifecycle stages that a service lists. Events and answers have the form given in the Amazon ECS
developer guide, «Lambda hooks for Amazon ECS service deployments».
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.protection import Protection
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.errors import RefusedError, UsageError
from sysdig_instrument.function.watch_event import Owner
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.aws import Arn
from sysdig_instrument.services.definitions import judge, settings_for
from sysdig_instrument.services.ecs import Ecs
from sysdig_instrument.services.model import short_arn

PASSED: Final = "SUCCEEDED"
FAILED: Final = "FAILED"
REPEAT: Final = "IN_PROGRESS"
MAX_ATTEMPTS: Final = 5
_ATTEMPTS_KEY: Final = "sysdigInstrumentAttempts"
_SECONDS_TO_NEXT: Final = 30
_TRAFFIC_STAGES: Final = {
    "TEST_TRAFFIC_SHIFT": "testTrafficWeights",
    "PRODUCTION_TRAFFIC_SHIFT": "productionTrafficWeights",
}
"""The stages that Amazon ECS repeats while it rolls back, and the traffic that is shifted in each."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of an inspection. ``passes`` is true if the deployment may go on."""

    what: str
    passes: bool
    why: str
    task_definition: str = ""
    verdict: Protection | None = None

    @property
    def as_json(self) -> dict[str, Json]:
        """The form in the log."""
        codes: list[Json] = [code.value for code in self.verdict.codes] if self.verdict else []
        values: dict[str, Json] = {"what": self.what, "task_definition": self.task_definition, "why": self.why}
        return {**values, "passes": self.passes, "codes": codes}


def inspect(event: Json, ecs: Ecs, owner: Owner, settings: ResolvedSettings) -> Inspection:
    """Judge the task definition of the new service revision.

    Raises:
        UsageError: This is not an event of a lifecycle hook.
        RefusedError: The service revision is of another account or Region.
        AwsError: Amazon ECS did not say what the service revision runs.
    """
    details = event.get("executionDetails") if isinstance(event, dict) else None
    target = details.get("targetServiceRevisionArn") if isinstance(details, dict) else None
    if not isinstance(event, dict) or not isinstance(details, dict) or not isinstance(target, str):
        raise UsageError(
            "This is not an event of a lifecycle hook of Amazon ECS: it names no service revision.",
            code=Code.NOT_AN_EVENT,
        )
    arn = Arn.parse(target)
    if arn is None or not owner.owns(arn) or not arn.resource.startswith("service-revision/"):
        raise RefusedError(
            "The service revision is not one of this account and Region. "
            "Give the service the deployment hook of its own account and Region.",
            code=Code.HOOK_CANNOT_JUDGE,
        )
    what = "/".join(arn.resource.split("/")[1:3])
    if _rolls_back(event.get("lifecycleStage"), details, target):
        return Inspection(what, passes=True, why="the deployment is being rolled back")
    task_definition, launch_type = ecs.revision_of_service(target)
    verdict = judge(ecs.describe(task_definition), settings_for(launch_type, settings))
    return Inspection(what, verdict.passes, verdict.text, short_arn(task_definition), verdict)


def _rolls_back(stage: Json, details: Mapping[str, Json], target: str) -> bool:
    """Return whether the traffic goes back from the new service revision to another one, which must not be prevented."""
    key = _TRAFFIC_STAGES.get(stage) if isinstance(stage, str) else None
    weights = details.get(key) if key else None
    if not isinstance(weights, dict) or weights.get(target) != 0:
        return False
    return any(weight == 100 for other, weight in weights.items() if other != target)  # noqa: PLR2004 - percent


def answer(status: str) -> dict[str, Json]:
    """Return the answer with a status."""
    return {"hookStatus": status}


def ask_again(event: Json) -> dict[str, Json] | None:
    """Return the answer that has Amazon ECS call the hook again; None after ``MAX_ATTEMPTS``.

    Amazon ECS keeps the number of attempts for the next call. Whoever wrote something else there gets no further attempt.
    """
    details = event.get("hookDetails") if isinstance(event, dict) else None
    details = details if isinstance(details, dict) else {}
    attempts = details.get(_ATTEMPTS_KEY, 0)
    if not isinstance(attempts, int) or not 0 <= attempts < MAX_ATTEMPTS - 1:
        return None
    next_details: dict[str, Json] = {**details, _ATTEMPTS_KEY: attempts + 1}
    return {"hookStatus": REPEAT, "callBackDelay": _SECONDS_TO_NEXT, "hookDetails": next_details}
