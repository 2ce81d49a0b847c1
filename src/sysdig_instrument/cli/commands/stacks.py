"""``sysdig-instrument stacks``: list the stacks that are behind, and update them in waves."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Final

from sysdig_instrument.aws_changes import Timer
from sysdig_instrument.cli.change_reports import keep_json_report, stacks_json, write_json_report
from sysdig_instrument.cli.console import Console, detect_console, write_stderr, write_stdout
from sysdig_instrument.cli.exit_codes import EXIT_OK, EXIT_REFUSED
from sysdig_instrument.cli.stack_accounts import StackAccounts
from sysdig_instrument.cli.stack_formats import RENDERERS, StackList
from sysdig_instrument.cli.stack_report import print_report, show_wave, tell_result
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.errors import UsageError
from sysdig_instrument.stacks.model import Stack
from sysdig_instrument.stacks.rollout import Callbacks, Decide, Outcome, StackReport, StackResult, StackRollout
from sysdig_instrument.stacks.updates import StackState, StackUpdate, lists_macro, update_of
from sysdig_instrument.stacks.waves import Wave, make_waves, tag_value, why_left_alone

_FAILING: Final = frozenset({StackState.BEHIND, StackState.REFUSED, StackState.UNREADABLE, StackState.UNKNOWN})
_COMPLETE: Final = frozenset({Outcome.UPDATED, Outcome.UNCHANGED})


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the list, and with ``--update`` make change sets. ``--fail-on`` decides about the exit code of a list.

    With ``--update`` it is 1 if a change set could not be made, and with ``--execute`` or an answer also if a stack stays behind.

    Raises:
        UsageError: An option or a file is wrong, or there are no credentials or no region.
        RefusedError: EC2 does not return the list of regions.
    """
    _check(options)
    accounts = StackAccounts(options, environment, time.sleep)
    console = detect_console(options.color, environment)
    behind: dict[str, Stack] = {}
    updates = (update_of(each.found, each.settings, each.look_up_for) for each in accounts.read(lists_macro))
    stacks = StackList(_remembered(updates, behind), options.tag)
    for text in RENDERERS[options.format](stacks, console):
        write_stdout(text, console)
    accounts.require_matches("stack that lists the macro")
    if options.update:
        return _update(options, accounts, console, list(behind.values()), stacks.counts)
    is_bad = any(stacks.counts[state] for state in _FAILING)
    return EXIT_REFUSED if is_bad and options.fail_on == "behind" else EXIT_OK


def _check(options: argparse.Namespace) -> None:
    if not options.update:
        for name in ("execute", "json", "allow_changes"):
            if getattr(options, name):
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} is for updates. Add --update, or leave it out.", code=Code.OPTION_VALUE)
    elif options.format != "table":
        raise UsageError(
            "--update prints for people. Leave --format out; --json FILE writes its report for tools.",
            code=Code.OPTION_VALUE,
        )
    if options.order and not options.tag:
        raise UsageError("--order has values of a tag. Name the tag with --tag.", code=Code.OPTION_VALUE)
    if options.order and not _order(options):
        raise UsageError("--order has no value in it. Give values, with commas between them.", code=Code.OPTION_VALUE)


def _order(options: argparse.Namespace) -> list[str]:
    return [value.strip() for value in (options.order or "").split(",") if value.strip()]


def _remembered(updates: Iterator[StackUpdate], behind: dict[str, Stack]) -> Iterator[StackUpdate]:
    """Yield the updates, and keep the stacks that are behind by their ARNs, without their templates."""
    for each in updates:
        if each.state is StackState.BEHIND:
            behind[each.stack.arn] = each.stack
        yield each


def _update(
    options: argparse.Namespace,
    accounts: StackAccounts,
    console: Console,
    behind: Sequence[Stack],
    counts: Counter[Enum],
) -> int:
    order = _order(options)
    others, left, stacks = _sorted_out(behind, options.tag, order)
    for each in (*others, *left):
        tell_result(each, console)
    waves = list(make_waves(stacks, options.tag, order, options.wave))
    planned = [StackResult(stack, wave) for wave in waves for stack in wave.stacks]
    write_json_report(
        options.json, stacks_json(StackReport([*others, *left, *planned]))
    )  # if it cannot, nothing is changed
    decide = _decide(options)

    def keep(report: StackReport) -> None:
        results = [*others, *left, *report.results]
        keep_json_report(options.json, stacks_json(StackReport(results, report.stopped)))

    callbacks = Callbacks(
        lambda wave, results: show_wave(wave, results, console),
        lambda result: tell_result(result, console),
        decide,
        keep,
    )
    rollout = StackRollout(
        accounts.change_sets,
        callbacks,
        Timer(time.monotonic, time.sleep),
        options.timeout,
        allowed=options.allow_changes,
    )
    report = rollout.run(waves)
    outcomes = {each.outcome for each in (*left, *report.results)}
    report.results[:0] = [*others, *left]
    print_report(report, console)
    write_json_report(options.json, stacks_json(report))
    accepted = _COMPLETE if decide else _COMPLETE | {Outcome.NOT_EXECUTED}
    return EXIT_OK if outcomes <= accepted and not counts[StackState.UNREADABLE] else EXIT_REFUSED


def _sorted_out(
    behind: Sequence[Stack], tag: str | None, order: Sequence[str]
) -> tuple[list[StackResult], list[StackResult], list[Stack]]:
    """Return the stacks that the caller does not mean, those whose state forbids an update, and those to update."""
    others: list[StackResult] = []
    left: list[StackResult] = []
    stacks: list[Stack] = []
    for each in behind:
        if why := _why_not_selected(each, tag, order):
            others.append(_left_alone(each, why))
        elif why := why_left_alone(each):
            left.append(_left_alone(each, why))
        else:
            stacks.append(each)
    return others, left, stacks


def _left_alone(stack: Stack, why: str) -> StackResult:
    return StackResult(stack, Wave(0, "", ()), Outcome.LEFT_ALONE, why)


def _why_not_selected(stack: Stack, tag: str | None, order: Sequence[str]) -> str:
    """Return why the caller does not mean a stack, empty if the stack is meant."""
    value = tag_value(stack, tag)
    if order and value not in order:
        return f"its tag {tag} is {value}, which --order does not have" if value else f"it has no tag {tag}"
    return ""


def _decide(options: argparse.Namespace) -> Decide | None:
    """Return who decides whether a wave is executed: the option, a person at the terminal, or None for no execution."""
    if options.execute:
        return lambda _wave, _ready: True
    if sys.stdin.isatty() and sys.stdout.isatty():
        return _ask
    return None


def _ask(wave: Wave, ready: Sequence[StackResult]) -> bool:
    count = len(ready)
    sys.stdout.flush()
    write_stderr(f"Execute {count} change set{'s' if count > 1 else ''} of wave {wave.number}? Answer yes or no:")
    try:
        return input().strip().lower() in ("y", "yes")
    except EOFError:
        return False
