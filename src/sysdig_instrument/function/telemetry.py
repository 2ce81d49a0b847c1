"""Logs and metrics of the function: one log line per run, and metrics in CloudWatch's embedded metric format (EMF).

They hold names of outcomes, reasons from a fixed list, counts, and positions in our own code. The log also holds the
messages that the stack operation shows. They hold nothing of a template but names, and nothing of an event or an
environment variable.

CloudWatch bills each combination of a metric name and dimensions, so there are only two dimensions: ``service`` (the
macro's name) and, for what is counted by reason, ``Reason``. docs/operating.md lists the metrics.
"""

from __future__ import annotations

import os
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sysdig_instrument import __version__
from sysdig_instrument.engine.findings import Problem
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, Lookup, Unavailable
from sysdig_instrument.engine.plan import agent_image_notices, unpinned_agent_images
from sysdig_instrument.engine.steps import all_steps
from sysdig_instrument.engine.task_plan import Outcome, Status
from sysdig_instrument.errors import UsageError, UserError
from sysdig_instrument.function.macro import ProcessedTemplate, TemplateRefusedError, error_message
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lazy_import import lazy_imports
from sysdig_instrument.planning import LookupFunction

# Powertools imports these to query events (JMESPath, base64), for sampling (random), to read source code (ast, token, tokenize:
# through inspect), and for paths of Windows (ntpath: through pathlib).
# Nothing here uses them, and a cold start need not wait for them: see lazy_import.
with lazy_imports(
    "aws_lambda_powertools.utilities.jmespath_utils", "ast", "base64", "ntpath", "random", "token", "tokenize"
):
    from pathlib import PurePath

    from aws_lambda_powertools import Logger, Metrics
    from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE: Final = "SysdigInstrument"
SERVICE: Final = os.environ.get("POWERTOOLS_SERVICE_NAME") or "sysdig-instrument"

REFUSAL_MEMBERS: Final = frozenset(
    {"DependsOn", "Image", "Metadata", "Name", "Properties", "RuntimePlatform", "Secrets", "Tags"}
).union(*(step.keys for step in all_steps()))
"""The members that a problem can be about: the reasons that refusals are counted by. A fixed list, as each is a metric.

These are the members that the steps change, and those that decide what is instrumented or that the checks read.
"""

_EXPECTED_ERRORS: Final = (UserError, RecursionError, MemoryError)
"""The errors that an event can cause; any other one is internal."""

logger = Logger(service=SERVICE)
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)


@dataclass(slots=True)
class LookupMetrics:
    """Counts of the lookups of one run: images, and the parameters and exports that name them."""

    count: int = 0
    failures: int = 0
    milliseconds: int = 0

    def measured(self, look_up: LookupFunction) -> LookupFunction:
        """Wrap a lookup function so that its lookups are counted and timed."""

        def measured_look_up(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
            started_at = time.monotonic()
            answers = look_up(lookups)
            self.milliseconds += round((time.monotonic() - started_at) * 1000)
            self.count += len(lookups)
            self.failures += sum(isinstance(answers.get(lookup), Unavailable) for lookup in lookups)
            return answers

        return measured_look_up


def record_start() -> None:
    """Record the release, once for each execution environment of the function."""
    logger.info("started", extra={"release": __version__})


def record_processed(processed: ProcessedTemplate, lookup_metrics: LookupMetrics) -> None:
    """Record that a template was processed."""
    tasks = [task.outcome for task in processed.plan.tasks]
    # Containers of a skipped task are not counted as instrumented, whatever their own outcome is.
    containers = [
        outcome
        for task in processed.plan.tasks
        for outcome in task.containers
        if task.outcome.status is Status.INSTRUMENTED or outcome.status is Status.SKIPPED
    ]
    counts = (
        _record_outcomes("tasks", tasks) | _record_outcomes("containers", containers) | _record_lookups(lookup_metrics)
    )
    notices = (*processed.plan.notices, *agent_image_notices(unpinned_agent_images(processed.plan)))
    logger.info("processed", extra={**counts, "notices": [notice.coded_text for notice in notices]})


def record_inspected(response: Mapping[str, Json]) -> None:
    """Record the response of the hook."""
    failed = response["hookStatus"] == "FAILED"
    metrics.add_metric("HookFailed" if failed else "HookPassed", MetricUnit.Count, 1)
    logger.info("inspected", extra={"status": response["hookStatus"], "why": response["message"]})


def record_inspection_failure(error: Exception, response: Mapping[str, Json]) -> None:
    """Record that the hook could not inspect something, and its response."""
    if not isinstance(error, _EXPECTED_ERRORS):
        _record_internal_error(error)
    record_inspected(response)


def record_watched(outcome: Mapping[str, Json]) -> None:
    """Record what watch found and did about one event. ``outcome`` has names, places, codes and our own words only."""
    status = outcome["status"]
    if status == "ignored":
        metrics.add_metric("WatchIgnored", MetricUnit.Count, 1)
        logger.info("watched", extra=dict(outcome))
        return
    metrics.add_metric("WatchUnprotected" if status == "unprotected" else "WatchPassed", MetricUnit.Count, 1)
    if outcome.get("registered"):
        metrics.add_metric("WatchRepaired", MetricUnit.Count, 1)
    log = logger.warning if status == "unprotected" else logger.info
    log("watched", extra=dict(outcome))


def record_watch_failure(error: Exception) -> None:
    """Record that an event could not be handled. Lambda repeats it."""
    metrics.add_metric("WatchFailed", MetricUnit.Count, 1)
    if isinstance(error, _EXPECTED_ERRORS):
        logger.error("watch failed", extra={"why": str(error)})
    else:
        _record_internal_error(error)


def record_deployment(status: str, outcome: Mapping[str, Json]) -> None:
    """Record the answer of the deployment hook: it passed, it failed, or Amazon ECS is to ask again."""
    if status == "IN_PROGRESS":
        metrics.add_metric("DeploymentHookRepeated", MetricUnit.Count, 1)
    else:
        name = "DeploymentHookPassed" if outcome.get("passes") else "DeploymentHookFailed"
        metrics.add_metric(name, MetricUnit.Count, 1)
    logger.info("deployment inspected", extra={**outcome, "hook_status": status})


def record_failure(error: Exception, lookup_metrics: LookupMetrics | None = None) -> None:
    """Record that a template was refused, or that the function failed.

    A template is refused for its own problems or for the settings of the deployment.
    """
    if isinstance(error, _EXPECTED_ERRORS):
        reasons = list(dict.fromkeys(_refusal_reasons(error)))
        metrics.add_metric("Refused", MetricUnit.Count, 1)
        _record_reasons("Refused", reasons)
        details = {"reason": error_message(error, ""), "reasons": reasons}
        logger.warning("refused", extra={**details, **_record_lookups(lookup_metrics or LookupMetrics())})
        return
    _record_internal_error(error)


def _record_internal_error(error: Exception) -> None:
    metrics.add_metric("Failed", MetricUnit.Count, 1)
    frames = traceback.extract_tb(error.__traceback__)
    # The text of an exception may quote the user's input; its traceback positions cannot.
    where = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
    logger.error("failed", extra={"error": type(error).__name__, "where": where})


def refusal_reason(problem: Problem) -> str:
    """Return the reason that a problem is counted by: the member of the task definition that it is about."""
    return next((str(part) for part in reversed(problem.location.pointer) if part in REFUSAL_MEMBERS), "Template")


def _refusal_reasons(error: Exception) -> Iterable[str]:
    match error:
        case TemplateRefusedError(problems=problems):
            return map(refusal_reason, problems)
        case UsageError():
            return ("Deployment",)
        case RecursionError():
            return ("Nesting",)
        case MemoryError():
            return ("Memory",)
    return ("Size",)  # too large, or too slow to process


def _record_outcomes(kind: str, outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Return the counts of outcomes for the log, and add them as metrics; skipped ones also by reason."""
    instrumented = sum(outcome.status is Status.INSTRUMENTED for outcome in outcomes)
    skipped = [outcome.skip_reason for outcome in outcomes if outcome.status is Status.SKIPPED]
    metrics.add_metric(f"{kind.title()}Instrumented", MetricUnit.Count, instrumented)
    metrics.add_metric(f"{kind.title()}Skipped", MetricUnit.Count, len(skipped))
    _record_reasons(f"{kind.title()}Skipped", [reason.value for reason in skipped if reason])
    return {f"{kind}_instrumented": instrumented, f"{kind}_skipped": len(skipped)}


def _record_lookups(lookup_metrics: LookupMetrics) -> dict[str, int]:
    """Return the lookup counts for the log.

    Add metrics only if there were lookups, so that averages cover only runs with lookups.
    """
    if lookup_metrics.count:
        metrics.add_metric("Lookups", MetricUnit.Count, lookup_metrics.count)
        metrics.add_metric("LookupFailures", MetricUnit.Count, lookup_metrics.failures)
        metrics.add_metric("LookupMilliseconds", MetricUnit.Milliseconds, lookup_metrics.milliseconds)
    return {
        "lookups": lookup_metrics.count,
        "lookup_failures": lookup_metrics.failures,
        "lookup_milliseconds": lookup_metrics.milliseconds,
    }


def _record_reasons(name: str, reasons: Iterable[str]) -> None:
    """Add a metric for each reason, each in its own EMF record, since all metrics of a record share its dimensions."""
    for each, count in sorted(Counter(reasons).items()):
        dimensions = {"service": SERVICE, "Reason": each}
        with single_metric(name, MetricUnit.Count, count, namespace=NAMESPACE, default_dimensions=dimensions):
            pass
