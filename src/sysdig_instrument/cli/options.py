"""The options of the commands. ``--help`` imports this module, so it imports little itself."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

from sysdig_instrument.cli.formats import FORMATS

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from argparse import ArgumentParser, _ArgumentGroup


def add_file(parser: ArgumentParser) -> None:
    """Add the file that a command works on."""
    parser.add_argument("file", metavar="FILE", help="the file, or - for standard input")


def add_files(parser: ArgumentParser) -> None:
    """Add the files and folders that a command works on."""
    parser.add_argument("files", metavar="FILE", nargs="+", help="a file, a folder, or - for standard input")


def add_other_files(parser: ArgumentParser) -> None:
    """Add what happens to named files that are something else."""
    parser.add_argument(
        "--ignore-other-files",
        action="store_true",
        help="pass over named files that are not certainly a template or a task definition, as in a folder",
    )


def add_color(parser: ArgumentParser) -> None:
    """Add ``--color``."""
    parser.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="use colours (default: auto, on a terminal only; auto honours NO_COLOR and FORCE_COLOR)",
    )


def add_diff_output(parser: ArgumentParser) -> None:
    """Add the options for the format of differences and for the exit code."""
    parser.add_argument(
        "--format",
        choices=("text", "patch", "json"),
        default="text",
        help="text: a unified diff (default); patch: a JSON Patch of one document; json: what changes, where and why",
    )
    parser.add_argument("--side-by-side", action="store_true", help="show the old and the new text side by side")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 if anything would change")
    add_color(parser)


def add_line(parser: ArgumentParser) -> None:
    """Add what a missing line leads to."""
    parser.add_argument(
        "--line",
        choices=("warn", "fail"),
        default="warn",
        help="if a template does not list the macro and should: say so (warn, default), or also exit with 1 (fail)",
    )


def add_unknown(parser: ArgumentParser) -> None:
    """Add what it leads to if something that decides is not known here."""
    parser.add_argument(
        "--unknown",
        choices=("fail", "warn"),
        help="if an image or a value that decides is not known here: exit with 1 (fail, default), or only say so (warn)",
    )


def add_report_output(parser: ArgumentParser) -> None:
    """Add the options for the format of a report on task definitions."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help="for people (table, markdown) or for tools (json, csv, sarif, junit, github); default: table",
    )
    add_color(parser)


def add_settings_output(parser: ArgumentParser) -> None:
    """Add the options for the format of a list of settings."""
    parser.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    parser.add_argument("--all", action="store_true", help="include settings that have their default value")
    add_color(parser)


def add_shell(parser: ArgumentParser) -> None:
    """Add the shell that a completion script is for."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell to complete in")


def add_document_output(parser: ArgumentParser) -> None:
    """Add the options for the file and the syntax of a processed document."""
    parser.add_argument("--format", choices=("json", "yaml"), help="output syntax (default: same as the input)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE; - is standard output (default)")


def add_images_output(parser: ArgumentParser) -> None:
    """Add the file that the image configs are written to."""
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write the image configs to FILE, for --images; - is standard output"
    )


def add_template_context(parser: ArgumentParser, *, has_region: bool = True) -> None:
    """Add the context of a template: parameters, region, account, settings and images. Every command that plans has it.

    Without ``has_region``, the command has an option of its own for the region.
    """
    context_group = parser.add_argument_group("template context")
    context_group.add_argument(
        "-p", "--parameter", metavar="KEY=VALUE", action="append", default=[], help="value of a template parameter"
    )
    context_group.add_argument(
        "--parameters",
        metavar="FILE",
        action="append",
        default=[],
        help="parameter values: a JSON object, or a list as for `aws cloudformation`; repeatable, the last value counts",
    )
    context_group.add_argument(
        "--ssm",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="value of a parameter of AWS Systems Manager, with its name as the template has it; repeatable",
    )
    if has_region:
        context_group.add_argument("--region", help="AWS region (default: same as the AWS CLI)")
    context_group.add_argument(
        "--profile", metavar="NAME", help="AWS profile that provides the region and the credentials"
    )
    context_group.add_argument("--account-id", metavar="ID", help="AWS account ID, for expressions that use it")
    add_settings(parser)
    images_group = parser.add_argument_group("images")
    images_group.add_argument(
        "--images",
        metavar="FILE",
        action="append",
        default=[],
        help='ENTRYPOINT and CMD by image, a JSON object: image → {"Entrypoint": […], "Cmd": […]}; repeatable',
    )
    images_group.add_argument(
        "--docker", action="store_true", help="read images from the local Docker daemon first, if it has them"
    )
    images_group.add_argument("--offline", action="store_true", help="contact no registry and no AWS service")


def add_settings(parser: ArgumentParser) -> None:
    """Add the settings that replace those of the deployed macro."""
    group = parser.add_argument_group("settings")
    group.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="set a setting, such as Collector=us2"
    )
    group.add_argument(
        "--settings",
        metavar="FILE",
        action="append",
        default=[],
        help="settings by name, a JSON or YAML object; repeatable, the last value counts",
    )
    group.add_argument("--no-config", action="store_true", help="ignore .sysdig-instrument.yaml")
    group.add_argument(
        "--from-macro",
        metavar="NAME",
        nargs="?",
        const="SysdigInstrument",
        type=_macro_name,
        help="use the settings of the deployed macro of this name (default: SysdigInstrument), which are read with your "
        "AWS credentials in this region; write it after the files, or as --from-macro=NAME",
    )


def _macro_name(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-]{1,128}", text):
        return text
    raise ArgumentTypeError(
        "a macro's name has only letters, digits, - and _. Put --from-macro after the files, or write --from-macro=NAME"
    )


def add_added_and_kept(parser: ArgumentParser) -> None:
    """Add what the caller says about a task definition that has the agent in another tool's form."""
    for option, text in (
        ("--added", "what came with the agent, where nothing else says so"),
        ("--kept", "what was there before the agent, where nothing else says so"),
    ):
        names = "PidMode, SYS_PTRACE, EntryPoint, Command" if option == "--added" else "the same names"
        parser.add_argument(option, metavar="NAME", action="append", default=[], help=f"{text}: {names}")


def add_services(parser: ArgumentParser) -> None:
    """Add the services that move, and how."""
    parser.add_argument("--cluster", metavar="NAME", required=True, help="the cluster of the services")
    parser.add_argument(
        "--service", metavar="GLOB", action="append", default=[], help="only services with this name (glob), repeatable"
    )
    parser.add_argument("--execute", action="store_true", help="do it; without this option, nothing is changed")
    parser.add_argument(
        "--uninstrument", action="store_true", help="take the agent out again, as the command uninstrument does"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=int,
        default=1200,
        help="how long the deployments may take before all go back (default: 1200)",
    )


def add_removal(parser: ArgumentParser) -> None:
    """Add the options of the command that takes the agent out of files. It plans nothing, so settings have no options."""
    add_added_and_kept(parser)
    parser.add_argument("--dry-run", action="store_true", help="change no file; print what would change, as a diff")
    add_color(parser)
    parser.set_defaults(
        **dict.fromkeys(("set", "settings", "parameter", "parameters", "images", "ssm"), ()),
        **dict.fromkeys(("docker", "offline"), False),
        **dict.fromkeys(("region", "profile", "account_id", "from_macro")),
        no_config=True,
    )


def add_line_changes(parser: ArgumentParser) -> None:
    """Add the options of the commands that change the line. They plan nothing, so a template's context has no options."""
    parser.add_argument("--dry-run", action="store_true", help="change no file; print what would change, as a diff")
    add_color(parser)
    add_settings(parser)
    parser.set_defaults(
        **dict.fromkeys(("parameter", "parameters", "images", "ssm"), ()),
        **dict.fromkeys(("docker", "offline"), False),
        **dict.fromkeys(("region", "profile", "account_id")),
    )


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
    parser.add_argument(
        "--format",
        choices=("table", "json", "csv", "markdown"),
        default="table",
        help="for people (table, markdown) or for tools (json, csv); default: table",
    )
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
    group.add_argument(
        "--owner-tag", metavar="KEY", default="owner", help="tag of a stack that names its owner (default: owner)"
    )
    add_template_context(parser, has_region=False)


def add_regions(group: _ArgumentGroup, help_text: str) -> None:
    """Add the regions of a command that reads an account."""
    regions = group.add_mutually_exclusive_group()
    regions.add_argument("--region", action="append", default=[], help=help_text)
    regions.add_argument("--all-regions", action="store_true", help="all regions enabled in the account")


def add_stacks(parser: ArgumentParser) -> None:
    """Add the stacks that are read, and how they are updated."""
    group = parser.add_argument_group("which stacks")
    add_regions(group, "AWS region, repeatable (default: same as the AWS CLI)")
    group.add_argument("--profile", metavar="NAME", help="AWS profile that provides the region and the credentials")
    group.add_argument(
        "--role",
        metavar="ARN",
        action="append",
        default=[],
        help="IAM role to assume, for the stacks of its account in place of those of the credentials; repeatable",
    )
    group.add_argument(
        "--stack", metavar="GLOB", action="append", default=[], help="only stacks with this name (glob), repeatable"
    )
    group.add_argument(
        "--leave", metavar="GLOB", action="append", default=[], help="no stacks with this name (glob), repeatable"
    )
    parser.add_argument(
        "--format",
        choices=("table", "json", "csv", "markdown"),
        default="table",
        help="for people (table, markdown) or for tools (json, csv); default: table",
    )
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
        "--wave", metavar="N", type=int, default=10, help="how many stacks are updated at a time (default: 10)"
    )
    group.add_argument(
        "--tag", metavar="KEY", help="tag of the stacks: a wave has only stacks with the same value of it"
    )
    group.add_argument(
        "--order",
        metavar="VALUES",
        default="",
        help="the values of --tag in their order, separated by commas; other stacks are left alone (default: all values "
        "in the order of the alphabet, then the stacks without the tag)",
    )
    group.add_argument(
        "--allow-changes",
        metavar="GLOB",
        action="append",
        default=[],
        help="resource type or logical ID (glob) that a change set may change besides task definitions and what uses "
        "them, repeatable",
    )
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=int,
        default=3600,
        help="how long the updates of a wave may take (default: 3600)",
    )
    group.add_argument("--json", metavar="FILE", help="also write the report of --update to FILE, as JSON")
