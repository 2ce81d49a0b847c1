"""The options of the commands. Apart from the commands themselves, so that ``--help`` imports none of these."""

from __future__ import annotations

from argparse import ArgumentParser


def one_file(command: ArgumentParser) -> None:
    """The file that a command works on."""
    command.add_argument("file", metavar="FILE", help="the file, or - for standard input")


def files(command: ArgumentParser) -> None:
    """The files that a command goes through."""
    command.add_argument("files", metavar="FILE", nargs="+", help="a file, a folder, or - for standard input")


def appearance(command: ArgumentParser) -> None:
    """Whether there are colours."""
    command.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colours (default: auto, on a terminal only; NO_COLOR and FORCE_COLOR count)",
    )


def difference(command: ArgumentParser) -> None:
    """How differences are shown, and what the exit code says."""
    command.add_argument(
        "--format",
        choices=("text", "patch", "json"),
        default="text",
        help="text: a unified diff (default); patch: the JSON Patch of one document; json: what changes where and why",
    )
    command.add_argument("--side-by-side", action="store_true", help="show both texts beside each other")
    command.add_argument("--exit-code", action="store_true", help="exit with 1 where something would change")
    appearance(command)


def findings(command: ArgumentParser) -> None:
    """How a report on task definitions looks."""
    command.add_argument(
        "--format",
        choices=("table", "json", "sarif", "junit", "github", "markdown"),
        default="table",
        help="for people (table, markdown) or for tools (json, sarif, junit, github); default: table",
    )
    appearance(command)


def settings_format(command: ArgumentParser) -> None:
    """How settings are shown."""
    command.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    command.add_argument("--all", action="store_true", help="also settings that have their default value")
    appearance(command)


def shell(command: ArgumentParser) -> None:
    """The shell that is to complete."""
    command.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")


def output(command: ArgumentParser) -> None:
    """Where a document goes, and in what syntax."""
    command.add_argument("--format", choices=("json", "yaml"), help="syntax of the output (default: as the input)")
    command.add_argument("-o", "--output", metavar="FILE", help="write there instead of to standard output")


def image_file(command: ArgumentParser) -> None:
    """Where image configs go."""
    command.add_argument("-o", "--output", metavar="FILE", help="write the image configs there, for --images")


def surroundings(command: ArgumentParser) -> None:
    """What stands around a template: the same for every command that plans."""
    inputs = command.add_argument_group("what stands around the template")
    inputs.add_argument(
        "-p", "--parameter", metavar="KEY=VALUE", action="append", default=[], help="value of a template parameter"
    )
    inputs.add_argument(
        "--parameters",
        metavar="FILE",
        help="parameter values: a JSON object, or the list that `aws cloudformation` takes",
    )
    inputs.add_argument("--region", help="AWS region (default: as for AWS's own tools)")
    inputs.add_argument("--profile", metavar="NAME", help="AWS profile, for its region and its credentials")
    inputs.add_argument("--account-id", metavar="ID", help="AWS account id, where expressions use it")
    settings(command)
    images = command.add_argument_group("images")
    images.add_argument(
        "--images",
        metavar="FILE",
        help='ENTRYPOINT and CMD of images, a JSON object: image → {"Entrypoint": […], "Cmd": […]}',
    )
    images.add_argument("--offline", action="store_true", help="ask no registry and no AWS service")


def settings(command: ArgumentParser) -> None:
    """The settings that the macro would be deployed with."""
    group = command.add_argument_group("settings, in place of the macro's deployment")
    group.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="a setting, such as Collector=us2"
    )
    group.add_argument("--settings", metavar="FILE", help="settings by name, a JSON or YAML object")
    group.add_argument("--no-config", action="store_true", help="ignore .sysdig-instrument.yaml")


def account(command: ArgumentParser) -> None:
    """Which account, and what of it."""
    group = command.add_argument_group("what to read")
    regions = group.add_mutually_exclusive_group()
    regions.add_argument(
        "--region",
        action="append",
        default=[],
        help="AWS region; more than once for several (default: AWS_REGION, AWS_DEFAULT_REGION, or the profile's)",
    )
    regions.add_argument("--all-regions", action="store_true", help="all regions that the account has enabled")
    group.add_argument("--profile", metavar="NAME", help="AWS profile, which may assume a role in another account")
    group.add_argument(
        "--cluster",
        metavar="GLOB",
        action="append",
        default=[],
        help="only clusters of this name (glob) or ARN; more than once for several",
    )


def report(command: ArgumentParser) -> None:
    """How a report looks, and what it comes to."""
    command.add_argument("--format", choices=("table", "json"), default="table", help="default: table")
    command.add_argument(
        "--fail-on",
        choices=("unprotected", "none"),
        default="unprotected",
        help="when the exit code is 1: where a task is not protected or could not be read (default), or never",
    )
    appearance(command)
