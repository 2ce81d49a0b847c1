"""``make aws``: a shell whose AWS is emulated on this machine and runs until the shell ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from console import DemoConsole
from embedded_aws.aws import ACCOUNT, REGION, EmbeddedAws, EmbeddedAwsError, embedded_aws

ROOT: Final = Path(__file__).resolve().parent.parent
PROGRAMS: Final = {"aws": "localstack", "sam": "sam"}
"""The programs of AWS that the shell has, and the virtual environment of each."""

VARIABLES: Final = ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
"""The variables that another terminal needs."""


def main(tools: Path = ROOT / ".tools") -> int:
    """Run the shell, and return its exit code.

    Args:
        tools: The folder with the virtual environments ``localstack``, ``lambda`` and ``sam``.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The embedded AWS was stopped."))
    console = DemoConsole()
    with ExitStack() as exit_stack:
        try:
            with console.step("Starting an emulated AWS"):
                aws = exit_stack.enter_context(embedded_aws(tools))
        except EmbeddedAwsError as error:
            print(error, file=sys.stderr)
            return 1
        environment = aws.environment() | {"PATH": f"{_programs(aws)}:{os.environ['PATH']}"}
        _explain(console, environment)
        # Ctrl-C is for the program that runs in the shell. A handler, other than SIG_IGN, does not reach that program.
        signal.signal(signal.SIGINT, lambda *_: None)
        return subprocess.call([os.environ.get("SHELL", "/bin/sh")], env=environment)


def _programs(aws: EmbeddedAws) -> Path:
    """Create a folder with AWS's programs, and nothing else of their virtual environments."""
    folder = aws.workspace / "bin"
    folder.mkdir()
    for name, environment in PROGRAMS.items():
        (folder / name).symlink_to(aws.tools / environment / "bin" / name)
    return folder


def _explain(console: DemoConsole, environment: dict[str, str]) -> None:
    console.print_wrapped(
        f"In this shell, aws, sam and sysdig-instrument use the emulated AWS, with the account {ACCOUNT} in {REGION}. "
        "`exit` stops it and removes all that you have created. In another terminal:"
    )
    console.print_lines(["", *(f"    export {name}={environment[name]}" for name in VARIABLES), ""])


if __name__ == "__main__":
    sys.exit(main())
