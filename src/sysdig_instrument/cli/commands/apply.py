"""``sysdig-instrument apply``: give the services of a cluster task definitions with the agent, without a template."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from sysdig_instrument.aws_changes import Timer, clients_for_changes
from sysdig_instrument.cli.change_reports import apply_json, keep_json_report, write_json_report
from sysdig_instrument.cli.columns import Columns
from sysdig_instrument.cli.console import Console, StyleName, detect_console, write_stderr, write_stdout
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED
from sysdig_instrument.cli.inputs import aws_region, context_for_file
from sysdig_instrument.cli.live_definitions import ChangeDefinition, instrumenting, removing
from sysdig_instrument.cli.removal_options import added_from_options
from sysdig_instrument.coverage.ecs import AwsAccount
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.settings.locks import is_locked
from sysdig_instrument.errors import RefusedError, UsageError
from sysdig_instrument.lookup.aws import AwsError, aws_session
from sysdig_instrument.services.decide import plan_rollout
from sysdig_instrument.services.ecs import Ecs
from sysdig_instrument.services.model import Action, Decision, RolloutPlan, Service, short_arn
from sysdig_instrument.services.rollout import Report, Rollout

_REFUSED: Final = Reason(
    "Nothing was changed, because a service is refused",
    "Correct it, or name the others with --service",
    code=Code.ROLLOUT_REFUSED,
)
_STYLES: Final[Mapping[Action, StyleName]] = {
    Action.MOVE: "warn",
    Action.UNCHANGED: "good",
    Action.LEFT_ALONE: "faint",
    Action.REFUSED: "bad",
}


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print what would be done, or with ``--execute`` do it. Return 1 if a service is refused, or if not all moved.

    Raises:
        RefusedError: Amazon ECS does not return what has to be known.
        UsageError: An option or a file is wrong, or there are no credentials or no region.
    """
    added = added_from_options(options)
    context = context_for_file(options, environment, "-")
    change = removing(added) if options.uninstrument else instrumenting(options, environment, context)
    may_opt_out = options.uninstrument or not is_locked("Enabled", context.deployment_settings.values)
    ecs = _ecs(options, environment)
    console = detect_console(options.color, environment)
    try:
        plan = _plan(ecs, options, change, may_opt_out=may_opt_out)
    except AwsError as error:
        is_elsewhere = error.is_unreachable or error.is_about_credentials
        advice = error.advice("", "") if is_elsewhere else "Allow what docs/fleet.md lists, and check the names"
        raise RefusedError(
            f"The services of cluster {quote(options.cluster)} could not be read: {error.fact('Amazon ECS')}. {advice}.",
            code=Code.NOT_READ,
        ) from None
    for notice in plan.notices:
        write_stderr(f"notice: {notice}")
    _print(plan, console)
    will_change = options.execute and bool(plan.services) and not plan.is_refused
    errors = [_REFUSED] if plan.is_refused else []
    report = Report.before(plan) if will_change else None
    write_json_report(options.json, apply_json(options.cluster, plan, report, errors))  # else nothing is changed
    if will_change:
        return _roll_out(ecs, plan, options, console)
    if plan.is_refused:
        write_stderr(_REFUSED.coded_text)
        return EXIT_REFUSED
    text = "Nothing was changed. Add --execute to do it." if plan.services else "There is nothing to do."
    write_stdout(f"{text}\n", console)
    return EXIT_OK


def _roll_out(ecs: Ecs, plan: RolloutPlan, options: argparse.Namespace, console: Console) -> int:
    def tell(text: str) -> None:
        write_stdout(console.line(text), console)
        keep_json_report(options.json, apply_json(options.cluster, plan, rollout.report, rollout.report.errors))

    rollout = Rollout(ecs, plan, tell, Timer(time.monotonic, time.sleep), options.timeout)
    report = rollout.run()
    code = _finish(report, console)
    write_json_report(options.json, apply_json(options.cluster, plan, report, report.errors))
    return code


def _ecs(options: argparse.Namespace, environment: Mapping[str, str]) -> Ecs:
    account = AwsAccount.from_session(lambda: aws_session(options.profile), aws_region(environment, options.profile))
    (region,) = account.regions([options.region] if options.region else [])
    writers = clients_for_changes(lambda: aws_session(options.profile))
    try:
        return Ecs(account.clients.client("ecs", region), writers.client("ecs", region), time.sleep)
    except AwsError as error:
        raise UsageError(
            f"{error.fact('Amazon ECS')}. {error.advice('ecs:ListServices', '*')}.", code=Code.NOT_READ
        ) from None


def _plan(ecs: Ecs, options: argparse.Namespace, change: ChangeDefinition, *, may_opt_out: bool) -> RolloutPlan:
    services = [each for each in ecs.services(options.cluster) if _is_selected(each, options.service)]
    for glob in options.service:
        if not any(_is_selected(each, [glob]) for each in services):
            raise UsageError(
                f"No service matches {quote(glob)}. Check the name and the cluster.", code=Code.OPTION_VALUE
            )
    used = dict.fromkeys(each.task_definition for each in services if each.task_definition)
    definitions = {arn: ecs.describe(arn) for arn in used}
    return plan_rollout(services, definitions, change, may_opt_out=may_opt_out)


def _is_selected(service: Service, globs: Iterable[str]) -> bool:
    globs = list(globs)
    return not globs or any(fnmatchcase(service.name, glob) for glob in globs)


def _print(plan: RolloutPlan, console: Console) -> None:
    rows = [_cells(each) for each in plan.decisions]
    if not rows:
        return
    headings = ("Service", "Task definition", "Decision")
    columns = Columns.of([headings, *rows], console, shrinkable=(0, 1))
    lines = [*columns.heading(headings, "Why")]
    for decision, cells in zip(plan.decisions, rows, strict=True):
        lines += columns.row(cells, decision.why, {2: _STYLES[decision.action]})
    write_stdout("".join(lines), console)


def _cells(decision: Decision) -> tuple[str, str, str]:
    return decision.service.name, short_arn(decision.service.task_definition), decision.action.value


def _finish(report: Report, console: Console) -> int:
    for error in report.errors:
        write_stderr(f"sysdig-instrument: {error.coded_text}")
    if not report.errors:
        write_stdout(f"All {len(report.states)} services have moved.\n", console)
        return EXIT_OK
    for name, state in report.states.items():
        write_stderr(f"{name}: {state.value}")
    write_stderr("The next run uses what is registered already.")
    return EXIT_REFUSED
