"""The commands: what ``--help`` says of each, and which options it has. The commands themselves are not imported here."""

from __future__ import annotations

from sysdig_instrument.cli import options
from sysdig_instrument.values import dataclass

TYPE_CHECKING = False  # typing itself takes longer to import than all that is imported here
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from typing import Final


@dataclass(frozen=True, slots=True)
class Command:
    """A command: the module of its name in this package has ``run(options, environment)``."""

    name: str
    help: str
    description: str
    examples: str
    options: tuple[Callable[[argparse.ArgumentParser], None], ...]


_FILE: Final = """\
FILE is a CloudFormation template in JSON or YAML, a task definition as
`aws ecs register-task-definition --cli-input-json` takes it or
`aws ecs describe-task-definition` prints it, or an array of container
definitions; - is standard input."""

EPILOG: Final = """\
examples:
  sysdig-instrument diff app.yaml --set Collector=us2
  sysdig-instrument explain templates
  sysdig-instrument transform app.yaml --set Collector=us2 -o processed.yaml

`sysdig-instrument COMMAND --help` has the options of a command, and more examples.

Exit codes: 0 done, 1 refused, 2 the call or the file is wrong."""

COMMANDS: Final = (
    Command(
        "transform",
        "print the processed template",
        f"Print the processed template or task definition.\n\n{_FILE}",
        """\
  sysdig-instrument transform app.yaml --set Collector=us2
  sysdig-instrument transform app.yaml -p Image=nginx:1.27 -o processed.yaml
  sysdig-instrument transform - --format yaml < task-definition.json""",
        (options.one_file, options.output, options.surroundings),
    ),
    Command(
        "diff",
        "show what would change, and why",
        "Show what `transform` would change in each file, with the reasons. In a pipe the\n"
        "diff is one that `patch -p1` and `git apply` take. Folders are searched for\n"
        f"*.json, *.yaml, *.yml and *.template.\n\n{_FILE}",
        """\
  sysdig-instrument diff app.yaml
  sysdig-instrument diff templates --side-by-side
  sysdig-instrument diff app.yaml --format patch > app.patch.json""",
        (options.files, options.difference, options.surroundings),
    ),
    Command(
        "explain",
        "tell what becomes of each container, and why",
        "Tell of every task definition and container whether it is instrumented, left\n"
        "alone or refused, why, and where its entry point comes from. The exit code is 1\n"
        f"where one is refused.\n\n{_FILE}",
        """\
  sysdig-instrument explain app.yaml
  sysdig-instrument explain templates --format markdown
  sysdig-instrument explain templates --format sarif > results.sarif""",
        (options.files, options.findings, options.surroundings),
    ),
    Command(
        "settings",
        "show the settings, and where each comes from",
        "Show for each task definition, and each container with settings of its own, the\n"
        f"value of each setting and the layer that gave it.\n\n{_FILE}",
        """\
  sysdig-instrument settings app.yaml
  sysdig-instrument settings app.yaml --all --format json""",
        (options.files, options.settings_format, options.surroundings),
    ),
    Command(
        "images",
        "list the images whose ENTRYPOINT and CMD are needed",
        "List the images whose ENTRYPOINT and CMD are needed, with what their registries\n"
        f"say; -o writes a file for --images, so that later runs need no registry.\n\n{_FILE}",
        """\
  sysdig-instrument images app.yaml -o images.json
  sysdig-instrument transform app.yaml --offline --images images.json""",
        (options.one_file, options.image_file, options.surroundings),
    ),
    Command(
        "check",
        "tell whether everything is instrumented",
        "Tell of each task definition whether it is instrumented as the settings ask\n"
        f"for; the exit code is 1 where one is not. No registry is asked.\n\n{_FILE}",
        """\
  sysdig-instrument check processed.yaml
  sysdig-instrument check templates --format github
  aws ecs describe-task-definition --task-definition web | sysdig-instrument check -""",
        (options.files, options.findings, options.surroundings),
    ),
    Command(
        "coverage",
        "tell which running tasks of an AWS account are protected",
        "Tell which running ECS tasks of an AWS account are protected, by which agent, and\n"
        "why the others are not. The exit code is 1 where one that should be protected is\n"
        "not, or where something could not be read; docs/coverage.md has the permissions.",
        """\
  sysdig-instrument coverage --region eu-central-1 --region us-east-1
  sysdig-instrument coverage --all-regions --settings settings.yaml --format json
  sysdig-instrument coverage --profile production --cluster 'shop-*' --fail-on none""",
        (options.account, options.report, options.settings),
    ),
    Command(
        "completion",
        "print the completion script for a shell",
        "Print the script that lets a shell complete commands and options.",
        """\
  sysdig-instrument completion bash > ~/.local/share/bash-completion/completions/sysdig-instrument
  sysdig-instrument completion zsh > ~/.zfunc/_sysdig-instrument
  sysdig-instrument completion fish > ~/.config/fish/completions/sysdig-instrument.fish""",
        (options.shell,),
    ),
)
