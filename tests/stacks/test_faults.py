"""A failure in every call of ``stacks``: it ends in a state that is reported, and the next run mends it. No stack is updated twice."""

from __future__ import annotations

import pytest

from aws_faults import CUT, DENIED, THROTTLED, TIMED_OUT
from stacks.conftest import Stacks, behind, macro, template
from stacks.fake_cloudformation import FakeCloudFormation, FakeStack

READS = ("DescribeStacks", "GetTemplate", "DescribeChangeSet")
WRITES = ("CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet")
ERRORS = {"throttled": THROTTLED, "denied": DENIED, "timed out": TIMED_OUT}
LOST = {"cut": CUT, "timed out": TIMED_OUT}


def two(fleet: FakeCloudFormation, stacks: Stacks) -> tuple[FakeStack, FakeStack]:
    """Add two stacks; one has a change set that an earlier run left over."""
    found = behind(fleet, "first"), behind(fleet, "second")
    assert stacks("--update", "--stack", "second").code == 0
    return found


def is_mended(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    """Run it again without a failure: then all stacks are up to date, and each was updated once."""
    fleet.faults.clear()
    for each in fleet.stacks.values():
        for _ in range(5):
            fleet._advance(each)
    ran = stacks("--update", "--execute")
    assert ran.code == 0, ran.out + ran.err
    assert "No stack is behind" in stacks("--update", "--execute").out
    assert [len(each.executed) for each in fleet.stacks.values()] == [1, 1]


@pytest.mark.parametrize("first", [1, 3], ids="from-call-{}".format)
@pytest.mark.parametrize("error", ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("operation", [*READS, *WRITES])
def test_a_call_fails_from_some_call_on(
    operation: str, error: Exception, first: int, fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    two(fleet, stacks)
    before = fleet.faults.calls[operation]
    fleet.faults.before[operation] = [*[None] * first, error]
    ran = stacks("--update", "--execute")
    is_reached = fleet.faults.calls[operation] - before > first
    assert ran.code == (1 if is_reached else 0), ran.out + ran.err
    if is_reached:
        assert operation in ran.out + ran.err or "not complete after" in ran.out
        assert "secret" not in ran.out + ran.err
    is_mended(fleet, stacks)


@pytest.mark.parametrize("first", [0, 1], ids="call-{}".format)
@pytest.mark.parametrize("error", LOST.values(), ids=LOST)
@pytest.mark.parametrize("operation", WRITES)
def test_a_call_takes_effect_and_its_answer_is_lost(
    operation: str, error: Exception, first: int, fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    two(fleet, stacks)
    fleet.faults.after[operation] = [*[None] * first, error, None]
    ran = stacks("--update", "--execute")
    assert ran.code == 0, ran.out + ran.err
    is_mended(fleet, stacks)


def test_a_large_template_is_not_called_up_to_date_because_an_answer_is_lost(
    fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    original = template("shop", Topic={"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x" * 52_000}})
    stack = fleet.add("shop", original, macro(original, LogLevel="debug"))
    fleet.macro = lambda _: stack.processed
    fleet.faults.after["CreateChangeSet"] = [TIMED_OUT, None]
    ran = stacks("--update", "--execute")
    assert "left alone: its template has more than 51200 bytes" in ran.out
    assert ran.code == 1


@pytest.mark.parametrize("operation", WRITES)
def test_a_change_is_throttled_and_repeated(operation: str, fleet: FakeCloudFormation, stacks: Stacks) -> None:
    two(fleet, stacks)
    fleet.faults.before[operation] = [THROTTLED, THROTTLED, None]
    assert stacks("--update", "--execute").code == 0
    is_mended(fleet, stacks)


@pytest.mark.parametrize("error", LOST.values(), ids=LOST)
@pytest.mark.parametrize("operation", WRITES)
def test_an_answer_is_lost_and_what_happened_cannot_be_read(
    operation: str, error: Exception, fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    two(fleet, stacks)

    def deny(*_: object) -> None:
        fleet.faults.before["DescribeChangeSet"] = [DENIED]

    fleet.faults.after[operation] = [error]
    fleet.observe = lambda event, _: deny() if event == "looked" and fleet.faults.calls[operation] > 1 else None
    ran = stacks("--update", "--execute")
    fleet.observe = lambda *_: None
    assert ran.code in (0, 1)
    is_mended(fleet, stacks)


def test_the_events_are_not_needed(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    stack = behind(fleet, "first", fails=True)
    fleet.faults.before["DescribeStackEvents"] = [DENIED]
    ran = stacks("--update", "--execute")
    assert "first: failed: UPDATE_ROLLBACK_COMPLETE. Look at its events" in ran.out
    stack.fails = False
    assert stacks("--update", "--execute").code == 0
