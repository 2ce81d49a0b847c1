"""The options of the commands. ``--help`` imports this module, so it imports little itself."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError

from sysdig_instrument.cli.formats import FORMATS
from sysdig_instrument.cli.option_values import not_empty, whole_number

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from argparse import ArgumentParser


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


def add_jobs(parser: ArgumentParser) -> None:
    """Add how many files are processed at the same time."""
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=whole_number(1, 64, "a number of processes"),
        help="process many files with N processes; 1: none but this one (default: one for each core, for many files only)",
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
        "--profile", metavar="NAME", type=not_empty, help="AWS profile that provides the region and the credentials"
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
