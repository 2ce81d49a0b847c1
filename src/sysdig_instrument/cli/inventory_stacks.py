"""The inventory of stacks: the rows of each stack in an account, by Region."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from sysdig_instrument.cli.inputs import account_inputs
from sysdig_instrument.cli.inventory_rows import InventoryRow, State, task_row, template_rows
from sysdig_instrument.coverage.ecs import AwsAccount
from sysdig_instrument.engine.protection import protection_as_it_is
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.lookup.aws import aws_session
from sysdig_instrument.stacks.assess import AssessedStack, Behind, assess_stack
from sysdig_instrument.stacks.model import Stack, UnreadStack
from sysdig_instrument.stacks.read import NESTED_TOO_DEEPLY, ReadStack, read_stacks


def stack_rows(options: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[InventoryRow]:
    """Yield the rows of the stacks in the Regions that the options name.

    Raises:
        RefusedError: EC2 does not return the list of regions.
        UsageError: An option or a file is wrong, or there are no credentials or no region.
    """
    resolved, region = account_inputs(options, environment)
    account = AwsAccount.from_session(lambda: aws_session(options.profile), region)
    regions = account.all_regions() if options.all_regions else account.regions(options.region)
    for found in read_stacks(account.clients, regions):
        yield from rows_of_stack(found, resolved, options.owner_tag)


def rows_of_stack(found: ReadStack, resolved: ResolvedSettings, owner_tag: str) -> list[InventoryRow]:
    """Return the rows of a stack: of the template that is deployed, with the line of the template that was submitted."""
    base = _base(found.stack, owner_tag)
    if isinstance(found, UnreadStack):
        return [replace(base, state=State.UNREADABLE, why=found.reason.text, codes=(found.reason.code.value,))]
    try:
        return _rows(base, assess_stack(found, resolved))
    except RecursionError:
        return [
            replace(base, state=State.UNREADABLE, why=NESTED_TOO_DEEPLY.text, codes=(NESTED_TOO_DEEPLY.code.value,))
        ]


def _rows(base: InventoryRow, assessed: AssessedStack) -> list[InventoryRow]:
    tasks = []
    for task in assessed.plan.tasks:
        row = task_row(base, task, protection_as_it_is(task), assessed.line, is_deployed=True)
        behind = assessed.behind(task)
        if row.state in (State.PROTECTED, State.NOT_PROTECTED) and behind:
            row = replace(row, behind=behind.value)
        if row.state is State.PROTECTED and behind is Behind.YES:
            row = replace(row, state=State.BEHIND, why="The macro would change it today: update the stack")
        tasks.append(row)
    return template_rows(base, assessed.processed, assessed.line, assessed.plan, tasks)


def _base(stack: Stack, owner_tag: str) -> InventoryRow:
    return InventoryRow(
        account=stack.account,
        region=stack.region,
        place=stack.name,
        owner=stack.tags.get(owner_tag, ""),
        updated=stack.updated,
    )
