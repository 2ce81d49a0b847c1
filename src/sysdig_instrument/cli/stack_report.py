"""The output of ``stacks --update``: each wave with its change sets, each result, and the report at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Final

from sysdig_instrument.cli.console import Console, StyleName, write_stderr, write_stdout
from sysdig_instrument.cli.formats.listing import counted_text
from sysdig_instrument.stacks.rollout import Outcome, StackReport, StackResult
from sysdig_instrument.stacks.waves import Wave

_STYLES: Final[Mapping[Outcome, StyleName]] = {
    Outcome.FAILED: "bad",
    Outcome.NOT_KNOWN: "bad",
    Outcome.UPDATED: "good",
    Outcome.NOT_EXECUTED: "warn",
    Outcome.LEFT_ALONE: "warn",
}


def show_wave(wave: Wave, results: Sequence[StackResult], console: Console) -> None:
    """Print what the change sets of a wave would change."""
    value = f", {wave.tag_value}" if wave.tag_value else ""
    write_stdout(console.line(console.paint("strong", f"Wave {wave.number}{value}")), console)
    for each in results:
        what = each.why
        if each.outcome is Outcome.NOT_EXECUTED and each.change_set:
            what = ", ".join(change.text for change in each.change_set.changes)
        _print(each, "to execute" if each.outcome is Outcome.NOT_EXECUTED else each.outcome.value, what, console)


def tell_result(result: StackResult, console: Console) -> None:
    """Print what became of a stack."""
    _print(result, result.outcome.value, result.why, console)


def _print(result: StackResult, state: str, what: str, console: Console) -> None:
    stack, style = result.stack, _STYLES.get(result.outcome)
    shown = console.paint(style, state) if style else state
    place = f"{stack.account} {stack.region} {stack.name}"
    write_stdout("".join([console.line(f"  {place}: {shown}{f': {what}' if what else ''}")]), console)


def print_report(report: StackReport, console: Console) -> None:
    """Print the end of the run: how many stacks have which outcome, and the commands for what was not executed."""
    counts = Counter[Enum](each.outcome for each in report.results)
    if report.stopped:
        write_stderr(f"{report.stopped}. Run the same command again to go on.")
    for line in _commands(report):
        write_stdout(console.line(line), console)
    summary = counted_text(counts, Outcome)
    write_stdout(f"{summary or 'No stack is behind'}.\n", console)


def _commands(report: StackReport) -> Iterator[str]:
    waiting = [each for each in report.results if each.outcome is Outcome.NOT_EXECUTED and each.change_set]
    if not waiting:
        return
    yield "These change sets are not executed. Execute each, or delete it:"
    for each in waiting:
        if each.change_set:
            arguments = f"--region {each.stack.region} --change-set-name {each.change_set.arn}"
            yield f"  aws cloudformation execute-change-set {arguments}"
            yield f"  aws cloudformation delete-change-set {arguments}"
