"""Update stacks wave by wave: make the change sets, show them, execute them if that is decided, watch, and stop at a failure.

There is no state besides that of CloudFormation. A run that was stopped at any point is continued by the next one: what was
executed is not behind any more, and a change set that was left over is deleted and made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Final

from sysdig_instrument.aws_changes import Timer
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.stacks.change_sets import CHANGE_SET_NAME, NOT_FOUND, ChangeSet, ChangeSets, StackError, is_small
from sysdig_instrument.stacks.model import Stack
from sysdig_instrument.stacks.waves import (
    FOREIGN_CHANGE_SET,
    GONE_MEANWHILE,
    TOO_LARGE,
    UPDATED_MEANWHILE,
    Wave,
    advice_on,
    unexpected_changes,
    why_left_alone,
)

CREATION_POLL_SECONDS: Final = 3
CREATION_SECONDS: Final = 600
EXECUTION_POLL_SECONDS: Final = 10
_DONE: Final = "UPDATE_COMPLETE"


class Outcome(Enum):
    """The outcomes of a run for a stack. Reports show the value; summaries have this order."""

    FAILED = "failed"
    NOT_KNOWN = "not known"
    UPDATED = "updated"
    NOT_EXECUTED = "not executed"
    UNCHANGED = "nothing to change"
    LEFT_ALONE = "left alone"
    NOT_REACHED = "not reached"


@dataclass(slots=True, eq=False)
class StackResult:
    """The outcome for a stack, and why. One that is not executed has the change set that can be."""

    stack: Stack
    wave: Wave
    outcome: Outcome = Outcome.NOT_REACHED
    why: str = ""
    change_set: ChangeSet | None = None
    is_started: bool = False
    has_template: bool = True

    def end(self, outcome: Outcome, why: str = "") -> None:
        """Set the outcome."""
        self.outcome, self.why = outcome, why


@dataclass(slots=True)
class StackReport:
    """The results of all stacks. ``stopped`` says why the run ended before its end."""

    results: list[StackResult] = field(default_factory=list)
    stopped: str = ""


Decide = Callable[[Wave, Sequence[StackResult]], bool]
"""Returns whether the change sets of a wave are executed. If not, the run ends there."""

_BAD: Final = frozenset({Outcome.FAILED, Outcome.NOT_KNOWN})


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Those who see a run and decide in it.

    ``show`` gets each wave when its change sets are made, ``tell`` each result after that, and ``keep`` the report after each wave.
    Without ``decide`` nothing is executed.
    """

    show: Callable[[Wave, Sequence[StackResult]], object]
    tell: Callable[[StackResult], object]
    decide: Decide | None
    keep: Callable[[StackReport], object] = lambda _: None


class StackRollout:
    """The updates of stacks. ``of_stack`` returns CloudFormation in a stack's account and Region."""

    def __init__(
        self,
        of_stack: Callable[[Stack], ChangeSets],
        callbacks: Callbacks,
        timer: Timer,
        timeout: float,
        allowed: Sequence[str] = (),
    ) -> None:
        self._of_stack = of_stack
        self._callbacks = callbacks
        self._tell = callbacks.tell
        self._timer = timer
        self._timeout = timeout
        self._allowed = allowed

    def run(self, waves: Iterable[Wave]) -> StackReport:
        """Update the stacks of the waves, and return what became of each."""
        by_wave = [(wave, [StackResult(stack, wave) for stack in wave.stacks]) for wave in waves]
        report = StackReport([each for _, results in by_wave for each in results])
        try:
            for wave, results in by_wave:
                report.stopped = self._run_wave(wave, results)
                self._callbacks.keep(report)
                if report.stopped:
                    break
        except KeyboardInterrupt:
            report.stopped = "It was interrupted. What is in progress goes on"
            for each in report.results:
                if each.is_started and each.outcome is Outcome.NOT_EXECUTED:
                    each.end(Outcome.NOT_KNOWN, "its update was in progress")
        return report

    def _run_wave(self, wave: Wave, results: Sequence[StackResult]) -> str:
        """Update the stacks of a wave; return why the run stops there, or an empty text."""
        for each in results:
            self._attempt(each, self._begin)
        for each in results:
            if each.is_started:
                self._attempt(each, self._finish)
                each.is_started = False
        self._callbacks.show(wave, results)
        decide = self._callbacks.decide
        if decide is None:
            return ""
        if any(each.outcome in _BAD for each in results):
            return f"Wave {wave.number} was not executed, because not all of its change sets could be made"
        ready = [each for each in results if each.outcome is Outcome.NOT_EXECUTED]
        if ready and not decide(wave, ready):
            return f"Wave {wave.number} was not executed, as you said"
        self._execute(ready)
        failed = any(each.outcome in _BAD for each in ready)
        return f"Wave {wave.number} has a failure" if failed else ""

    @staticmethod
    def _attempt(result: StackResult, action: Callable[[StackResult], object]) -> None:
        try:
            action(result)
        except StackError as error:
            result.is_started = False
            result.end(Outcome.FAILED, error.text)

    # --- making a change set

    def _begin(self, result: StackResult) -> None:
        change_sets = self._of_stack(result.stack)
        result.stack = now = change_sets.stack(result.stack)
        if why := why_left_alone(now):
            result.end(Outcome.LEFT_ALONE, why)
            return
        left_over = change_sets.find(now)
        if left_over is not None and not left_over.is_own:
            result.end(Outcome.LEFT_ALONE, FOREIGN_CHANGE_SET)
            return
        if left_over is not None:
            change_sets.delete(now, self._made(now, left_over).arn)
        template = change_sets.original(now)
        result.has_template = is_small(template)
        try:
            change_sets.create(now, template)
        except StackError as error:
            made = None if error.is_access_denied else change_sets.find(now)  # it may have taken effect
            if made is None or not made.is_own:
                raise
        result.is_started = True

    def _made(self, stack: Stack, change_set: ChangeSet | None = None) -> ChangeSet:
        """Return a stack's change set once it is made.

        Raises:
            StackError: It could not be read, or it takes too long.
        """
        change_sets, end = self._of_stack(stack), self._timer.clock() + CREATION_SECONDS
        found = change_set or change_sets.describe(stack, CHANGE_SET_NAME)
        while found.is_in_progress:
            if self._timer.clock() >= end:
                raise StackError("CreateChangeSet", f"{found.status} after {CREATION_SECONDS} seconds")
            self._timer.sleep(CREATION_POLL_SECONDS)
            found = change_sets.describe(stack, CHANGE_SET_NAME)
        return found

    def _finish(self, result: StackResult) -> None:
        """Decide about a change set that is made. One that is not to be executed is deleted."""
        change_sets, stack = self._of_stack(result.stack), result.stack
        made = self._made(stack)
        result.change_set = made
        now = change_sets.stack(stack)
        if made.is_empty and not result.has_template:
            result.end(Outcome.LEFT_ALONE, TOO_LARGE)
        elif made.is_empty:
            result.end(Outcome.UNCHANGED)
        elif made.is_overtaken or (now.updated, now.status) != (stack.updated, stack.status):
            result.end(Outcome.LEFT_ALONE, UPDATED_MEANWHILE)
        elif not made.is_ready:
            result.end(Outcome.FAILED, _why_not_made(made.refusal(change_sets.macro_name)))
        elif unexpected := unexpected_changes(made.changes, self._allowed):
            names = ", ".join(f"{each.text} ({each.resource_type})" for each in unexpected)
            why = f"the update would change more than task definitions and what uses them: {names}"
            result.end(Outcome.LEFT_ALONE, f"{why}. Deploy its template, or allow it with --allow-changes")
        else:
            result.end(Outcome.NOT_EXECUTED)
            return
        result.change_set = None
        change_sets.delete(stack, made.arn)

    # --- executing

    def _execute(self, ready: Sequence[StackResult]) -> None:
        running = []
        for each in ready:
            try:
                self._of_stack(each.stack).execute(each.stack, _arn(each))
            except StackError as error:
                if error.operation == "ExecuteChangeSet":
                    each.end(Outcome.FAILED, self._why_not_begun(each, error))
                    self._tell(each)
                    break
                each.why = error.text  # it may be in progress, and what could not be read decides
            each.is_started = True
            running.append(each)
        self._watch(running)

    def _why_not_begun(self, result: StackResult, error: StackError) -> str:
        """Return why an update was not begun. What somebody else did meanwhile says more than CloudFormation's code."""
        if error.code in NOT_FOUND:
            return GONE_MEANWHILE
        try:
            change_sets = self._of_stack(result.stack)
            is_overtaken = change_sets.describe(result.stack, _arn(result)).is_overtaken
            now = change_sets.stack(result.stack)
        except StackError:
            return error.text
        if is_overtaken:
            return UPDATED_MEANWHILE
        is_other = now.status != result.stack.status
        return (is_other and why_left_alone(now)) or error.text

    def _watch(self, running: Sequence[StackResult]) -> None:
        for each in self._timer.wait(running, self._is_done, EXECUTION_POLL_SECONDS, self._timeout):
            each.end(Outcome.NOT_KNOWN, f"it was not complete after {self._timeout:.0f} seconds")
            self._tell(each)

    def _is_done(self, result: StackResult) -> bool:
        change_sets, stack = self._of_stack(result.stack), result.stack
        try:
            execution = self._execution(change_sets, result)
            now = change_sets.stack(stack)
        except StackError as error:
            if error.is_access_denied:
                result.end(Outcome.NOT_KNOWN, error.text)
                self._tell(result)
            return error.is_access_denied  # else until the time is over
        if execution == "AVAILABLE" and result.why:
            result.end(Outcome.FAILED, result.why)
        elif now.is_in_progress or not _has_ended(execution, stack, now):
            return False
        elif execution != "EXECUTE_FAILED" and now.status == _DONE:
            result.end(Outcome.UPDATED)
        else:
            failed = change_sets.failed_resource(stack)
            where = f", first at {failed}" if failed else ""
            result.end(Outcome.FAILED, f"{now.status}{where}. {advice_on(now.status)}")
        self._tell(result)
        return True

    @staticmethod
    def _execution(change_sets: ChangeSets, result: StackResult) -> str:
        """Return the state of the execution; empty if the change set is not there any more."""
        try:
            return change_sets.describe(result.stack, _arn(result)).execution
        except StackError as error:
            if error.code in NOT_FOUND:
                return ""
            raise


def _has_ended(execution: str, before: Stack, now: Stack) -> bool:
    """Return whether a change set was executed. CloudFormation may delete it after that."""
    return execution in ("EXECUTE_COMPLETE", "EXECUTE_FAILED") or (not execution and now.updated != before.updated)


def _arn(result: StackResult) -> str:
    if result.change_set is None:
        raise TypeError(result.outcome)
    return result.change_set.arn


def _why_not_made(refusal: str) -> str:
    if refusal:
        return f"the macro refuses its template: {refusal}"
    return "CloudFormation could not make the change set. Deploy its template to see why"
