"""The inventory of stacks: the rows of each stack in the accounts and Regions."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping

from sysdig_instrument.cli.inventory_rows import InventoryRow, State, task_row, template_rows
from sysdig_instrument.cli.stack_accounts import FoundStack, StackAccounts
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.protection import protection_as_it_is
from sysdig_instrument.engine.task_plan import TaskPlan
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.stacks.assess import AssessedStack, Behind, assess_stack
from sysdig_instrument.stacks.model import Stack, UnreadStack
from sysdig_instrument.stacks.read import NESTED_TOO_DEEPLY

_BEHIND = "The macro would change it today: update the stack"
_JUDGED = (State.PROTECTED, State.NOT_PROTECTED)
"""The states for which it counts that an update changes nothing. That it would change something counts for all."""


def stack_rows(options: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[InventoryRow]:
    """Yield the rows of the stacks in the accounts and Regions that the options name.

    Raises:
        RefusedError: EC2 does not return the list of regions.
        UsageError: An option or a file is wrong, or there are no credentials or no region.
    """
    accounts = StackAccounts(options, environment, time.sleep)
    for found in accounts.read(lambda _original, _macro_name: True):
        yield from rows_of_stack(found, options.owner_tag)
    accounts.require_matches("stack")


def rows_of_stack(found: FoundStack, owner_tag: str) -> list[InventoryRow]:
    """Return the rows of a stack: of the template that is deployed, with the line of the template that was submitted."""
    stack = found.found
    base = _base(stack.stack, owner_tag)
    if isinstance(stack, UnreadStack):
        return [_unreadable(base, stack.reason)]
    try:
        return _rows(base, assess_stack(stack, found.settings, found.look_up_for))
    except RecursionError:
        return [_unreadable(base, NESTED_TOO_DEEPLY)]


def _unreadable(base: InventoryRow, reason: Reason) -> InventoryRow:
    return replace(base, state=State.UNREADABLE, why=reason.text, codes=(reason.code.value,))


def _rows(base: InventoryRow, assessed: AssessedStack) -> list[InventoryRow]:
    tasks = [_task_row(base, assessed, task) for task in assessed.plan.tasks]
    rows = template_rows(base, assessed.processed, assessed.line, assessed.plan, tasks)
    of_others = replace(base, macro_line=assessed.line.status.value, state=State.BEHIND, behind=Behind.YES.value)
    others = [
        replace(of_others, resource=each.logical_id, pointer=("Resources", each.logical_id), why=_BEHIND)
        for each in assessed.other_effects
    ]
    return [*(row for row in rows if row.resource or not others), *others]


def _task_row(base: InventoryRow, assessed: AssessedStack, task: TaskPlan) -> InventoryRow:
    row = task_row(base, task, protection_as_it_is(task), assessed.line, is_deployed=True)
    behind = assessed.behind(task)
    if behind and (row.state in _JUDGED or behind in (Behind.YES, Behind.REFUSED)):
        row = replace(row, behind=behind.value)
    if row.state is not State.PROTECTED:
        return row
    if behind is Behind.YES:
        return replace(row, state=State.BEHIND, why=_BEHIND)
    reason = assessed.update.reason if assessed.update else None
    if behind is Behind.REFUSED and reason:
        codes = dict.fromkeys((*row.codes, reason.code.value))
        return replace(row, why=f"The macro would refuse an update today: {reason.fact}", codes=tuple(codes))
    return row


def _base(stack: Stack, owner_tag: str) -> InventoryRow:
    return InventoryRow(
        account=stack.account,
        region=stack.region,
        place=stack.name,
        owner=stack.tags.get(owner_tag, ""),
        updated=stack.updated,
    )
