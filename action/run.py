"""The last step of the GitHub Action: runs the tool, and writes the job's summary, the report for a comment and the outputs.

Inputs come in environment variables. As text of a script, they could run any command.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ENVIRONMENT = os.environ
RUNNER_TEMP = Path(ENVIRONMENT["RUNNER_TEMP"])
MAX_COMMENT = 65_000  # GitHub takes 65,536 characters
RESULTS = {0: "passed", 1: "failed"}


class QuoteError(Exception):
    """An input has a quote that is not closed."""


def main() -> int:
    """Run the command, and return its exit code."""
    command = ENVIRONMENT["COMMAND"]
    try:
        files, arguments = words("FILES"), settings() + words("ARGUMENTS")
    except QuoteError as error:
        sys.stderr.write(f"sysdig-instrument: {error}\n")
        return 2
    report = Path(RUNNER_TEMP, "sysdig-instrument.md")
    report.write_text(shortened(markdown(command, arguments, files)), "utf-8")
    if ENVIRONMENT["SUMMARY"] == "true":
        with Path(ENVIRONMENT["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as summary:
            summary.write(report.read_text("utf-8"))
    code = run(command, arguments, files)
    outputs = {"result": RESULTS.get(code, "unusable"), "report": str(report)}
    if command == "transform" and code == 0:
        outputs["task-definition"] = output_file(files)
    with Path(ENVIRONMENT["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={' '.join(value.split())}\n" for name, value in outputs.items())
    return code


def words(name: str) -> list[str]:
    """Return the words of an input: what contains a space is in quotes, as in a shell.

    Raises:
        QuoteError: A quote is not closed.
    """
    try:
        return shlex.split(ENVIRONMENT[name])
    except ValueError as error:
        raise QuoteError(
            f"The input {name.lower()} cannot be split into words: {str(error).lower()}. Close the quote. (SI719)"
        ) from None


def settings() -> list[str]:
    """Return the options of the settings: a file counts only if the input names it."""
    named = ENVIRONMENT["SETTINGS"]
    return ["--no-config", *(["--settings", named] if named else [])]


def levels(command: str) -> list[str]:
    """Return the options that say what fails the job. They come first, so that the input ``arguments`` may say otherwise."""
    unknown = ["--unknown", ENVIRONMENT["UNKNOWN"]]
    return {"explain": ["--line", "fail", *unknown], "diff": ["--line", "fail", *unknown], "check": unknown}.get(
        command, []
    )


def run(command: str, arguments: list[str], files: list[str]) -> int:
    """Run the command as the step's result: with annotations if it has them."""
    options = {"explain": ["--format", "github"], "check": ["--format", "github"]}.get(command, [])
    if command == "transform":
        options = ["--output", output_file(files)]
    return tool([command, *options, *levels(command), *arguments, "--", *files]).returncode


def markdown(command: str, arguments: list[str], files: list[str]) -> str:
    """Return the report in Markdown: for ``transform``, what happens to each container; for ``diff``, the diff in a block."""
    if command != "diff":
        shown = "explain" if command == "transform" else command
        options = ["--format", "markdown", *(levels(shown) if shown == command else [])]
        return quiet([shown, *options, *arguments, "--", *files])
    # With its messages: a file that is refused has no diff.
    text = tool(
        ["diff", *levels(command), *arguments, "--", *files], output=subprocess.PIPE, errors=subprocess.STDOUT
    ).stdout
    fence = "`" * (1 + max((len(each) for each in re.findall("`+", text)), default=2))
    return f"## Sysdig instrumentation: the changes\n\n{fence}diff\n{text.rstrip()}\n{fence}\n"


def shortened(text: str) -> str:
    """Return a report that fits into a comment."""
    if len(text) <= MAX_COMMENT:
        return text
    cut = text[:MAX_COMMENT].rpartition("\n")[0]
    fence = re.search("(?m)^(`{3,})diff$", cut)
    return f"{cut}\n{fence[1] if fence else ''}\n\nThe report is too long; the rest is in the job's log.\n"


def output_file(files: list[str]) -> str:
    """Return where ``transform`` writes: the input ``output``, or a file in the runner's folder with the suffix of the input's."""
    suffix = Path(files[0]).suffix if files else ""
    return ENVIRONMENT["OUTPUT"] or str(RUNNER_TEMP / f"sysdig-instrumented{suffix or '.json'}")


def quiet(arguments: list[str]) -> str:
    """Return what a command prints. Its messages come when it runs for the step's result."""
    return tool(arguments, output=subprocess.PIPE, errors=subprocess.DEVNULL).stdout


def tool(
    arguments: list[str], output: int | None = None, errors: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the tool of this repository. ``-P`` keeps Python from importing modules of the repository that is checked."""
    environment = ENVIRONMENT | {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    line = [sys.executable, "-P", "-m", "sysdig_instrument", *arguments]
    return subprocess.run(line, env=environment, encoding="utf-8", check=False, stdout=output, stderr=errors)


if __name__ == "__main__":
    sys.exit(main())
