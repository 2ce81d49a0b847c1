"""The options of the commands that read accounts: regions, roles, services and stacks. ``--help`` imports this module."""

from __future__ import annotations

from sysdig_instrument.cli.option_values import not_empty, region, seconds, whole_number
from sysdig_instrument.cli.options import add_color, add_settings, add_template_context

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from argparse import ArgumentParser, _ArgumentGroup


def add_regions(group: _ArgumentGroup, help_text: str) -> None:
    """Add the regions of a command that reads an account."""
    regions = group.add_mutually_exclusive_group()
    regions.add_argument("--region", action="append", type=region, default=[], help=help_text)
    regions.add_argument("--all-regions", action="store_true", help="all regions enabled in the account")


def add_roles(group: _ArgumentGroup) -> None:
    """Add the accounts that are read in place of the caller's."""
    _add_repeatable(
        group, "--role", "ARN", "IAM role to assume, repeatable; the account of each is read in place of the caller's"
    )
    _add_repeatable(group, "--accounts", "ID,...", "accounts in which the role of --role-name is assumed, repeatable")
    group.add_argument(
        "--role-name", metavar="NAME", type=not_empty, help="name of the role in the accounts of --accounts"
    )


def _add_repeatable(group: ArgumentParser | _ArgumentGroup, option: str, metavar: str, text: str) -> None:
    group.add_argument(option, metavar=metavar, action="append", type=not_empty, default=[], help=text)


def add_selection(group: _ArgumentGroup) -> None:
    """Add the names of the stacks that are read."""
    _add_repeatable(group, "--stack", "GLOB", "only stacks with this name (glob), repeatable")
    _add_repeatable(group, "--leave", "GLOB", "no stacks with this name (glob), repeatable")


def add_services(parser: ArgumentParser) -> None:
    """Add the services that move, and how."""
    parser.add_argument("--cluster", metavar="NAME", type=not_empty, required=True, help="the cluster of the services")
    _add_repeatable(parser, "--service", "GLOB", "only services with this name (glob), repeatable")
    parser.add_argument("--execute", action="store_true", help="do it; without this option, nothing is changed")
    parser.add_argument(
        "--uninstrument", action="store_true", help="take the agent out again, as the command uninstrument does"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=1200,
        help="how long the deployments may take before all go back (default: 1200)",
    )
    parser.add_argument("--json", metavar="FILE", type=not_empty, help="also write a report to FILE, as JSON")


def add_service_context(parser: ArgumentParser) -> None:
    """Add the region of the cluster, and the context of its task definitions."""
    parser.add_argument("--region", type=region, help="AWS region (default: same as the AWS CLI)")
    add_template_context(parser, has_region=False)


def add_inventory(parser: ArgumentParser) -> None:
    """Add the files or the stacks that an inventory lists, and the context of their templates."""
    parser.add_argument(
        "files",
        metavar="PATH",
        nargs="*",
        help="a file or a folder, such as one with many checkouts of Git repositories; not with --stacks",
    )
    parser.add_argument(
        "--left-alone", action="store_true", help="list only what is left alone: by which layer, and why"
    )
    _add_format(parser)
    parser.add_argument(
        "--fail-on",
        choices=("none", "missing", "unprotected"),
        default="none",
        help="exit with 1 if a line is missing or something cannot be read (missing), also if a task is not protected or "
        "may not be (unprotected), or never (none, default)",
    )
    add_color(parser)
    group = parser.add_argument_group("stacks")
    group.add_argument("--stacks", action="store_true", help="list the stacks of the account in place of files")
    add_regions(group, "AWS region (default: same as the AWS CLI); repeatable with --stacks")
    add_roles(group)
    add_selection(group)
    group.add_argument(
        "--owner-tag",
        metavar="KEY",
        type=not_empty,
        default="owner",
        help="tag of a stack that names its owner (default: owner)",
    )
    add_template_context(parser, has_region=False)


def add_stacks(parser: ArgumentParser) -> None:
    """Add the stacks that are read, and how they are updated."""
    group = parser.add_argument_group("which stacks")
    add_regions(group, "AWS region, repeatable (default: same as the AWS CLI)")
    group.add_argument(
        "--profile", metavar="NAME", type=not_empty, help="AWS profile that provides the region and the credentials"
    )
    add_roles(group)
    add_selection(group)
    _add_format(parser)
    parser.add_argument(
        "--fail-on",
        choices=("none", "behind"),
        default="none",
        help="exit with 1 if a stack is behind, refused, or could not be read (behind), or never (none, default)",
    )
    add_color(parser)
    _add_stack_updates(parser)
    add_settings(parser)
    parser.add_argument("--offline", action="store_true", help="look up no image")
    parser.set_defaults(
        **dict.fromkeys(("parameter", "parameters", "images", "ssm"), ()),
        docker=False,
        account_id=None,
    )


def _add_format(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=("table", "json", "csv", "markdown"),
        default="table",
        help="for people (table, markdown) or for tools (json, csv); default: table",
    )


def _add_stack_updates(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("updates")
    group.add_argument(
        "--update",
        action="store_true",
        help="make a change set for each stack that is behind, wave by wave, and show it; on a terminal, ask for each wave "
        "whether to execute it, and otherwise execute nothing",
    )
    group.add_argument("--execute", action="store_true", help="with --update: execute each wave without a question")
    group.add_argument(
        "--wave",
        metavar="N",
        type=whole_number(1, 1000, "a number of stacks"),
        default=10,
        help="how many stacks are updated at a time (default: 10)",
    )
    group.add_argument(
        "--tag",
        metavar="KEY",
        type=not_empty,
        help="tag of the stacks: a wave has only stacks with the same value of it",
    )
    group.add_argument(
        "--order",
        metavar="VALUES",
        type=not_empty,
        help="the values of --tag in their order, separated by commas; other stacks are left alone (default: all values "
        "in the order of the alphabet, then the stacks without the tag)",
    )
    group.add_argument(
        "--allow-changes",
        metavar="GLOB",
        action="append",
        type=not_empty,
        default=[],
        help="resource type or logical ID (glob) that a change set may change besides task definitions and what uses "
        "them, repeatable",
    )
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=3600,
        help="how long the updates of a wave may take (default: 3600)",
    )
    group.add_argument(
        "--json", metavar="FILE", type=not_empty, help="also write the report of --update to FILE, as JSON"
    )
