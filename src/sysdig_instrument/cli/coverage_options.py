"""The options of ``coverage``. ``--help`` imports this module, so it imports little itself."""

from __future__ import annotations

from sysdig_instrument.cli.fleet_options import add_regions, add_roles
from sysdig_instrument.cli.option_values import not_empty, whole_number
from sysdig_instrument.cli.options import add_color

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_account(parser: ArgumentParser) -> None:
    """Add the account, the regions and the clusters that a coverage report covers."""
    group = parser.add_argument_group("what to read")
    add_regions(
        group,
        "AWS region, repeatable (default: Region in Options of .sysdig-instrument.yaml, AWS_REGION, AWS_DEFAULT_REGION, "
        "or the profile's)",
    )
    group.add_argument(
        "--profile", metavar="NAME", type=not_empty, help="AWS profile, which may assume a role in another account"
    )
    group.add_argument(
        "--cluster",
        metavar="GLOB",
        action="append",
        type=not_empty,
        default=[],
        help="only clusters with this name (glob) or ARN, repeatable",
    )
    accounts = parser.add_argument_group("accounts")
    add_roles(accounts)


def add_coverage_output(parser: ArgumentParser) -> None:
    """Add the options for what a coverage report demands, its format, and the exit code."""
    parser.add_argument(
        "--silent-after",
        metavar="MINUTES",
        type=whole_number(1, 14 * 24 * 60, "a number of minutes"),
        help="the agent of a protected task is silent if its log (driver awslogs) has no line of the last MINUTES",
    )
    parser.add_argument(
        "--require-daemon",
        action="store_true",
        help="tasks on instances of EC2 and on external ones need a daemon with the host agent (default: only tasks on "
        "managed instances do)",
    )
    parser.add_argument(
        "--format",
        choices=("table", "json", "csv", "markdown", "asff", "ocsf"),
        default="table",
        help="for people (table, markdown), for tools (json, csv), or findings for AWS Security Hub (asff) and for "
        "Amazon Security Lake and others (ocsf); default: table",
    )
    parser.add_argument(
        "--fail-on",
        choices=("unprotected", "none"),
        default="unprotected",
        help="exit with 1 if a task is not protected or could not be read, and with 3 if there is no cluster (unprotected, "
        "default), or never (none)",
    )
    add_color(parser)
