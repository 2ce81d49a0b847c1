"""Run the command line tool in this process, without AWS credentials or with those of the embedded AWS."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from embedded_aws.aws import REGION, EmbeddedAws
from fixtures_embedded_aws import SECRET
from sysdig_instrument.cli import main

SETTINGS: Final = ("--set", "Collector=us2", "--set", f"AccessKeySecret={SECRET}")
"""What a pipeline without credentials is told about the macro's deployment."""
FROM_MACRO: Final = ("--region", REGION, "--from-macro")


@dataclass(frozen=True)
class Ran:
    """The result of a run."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Tool:
    """The tool, run in a folder of repositories."""

    folder: Path
    environment: Mapping[str, str]
    settings: tuple[str, ...]

    @classmethod
    def without_credentials(cls, folder: Path) -> Tool:
        """Return the tool as a pipeline for a fork runs it."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        nothing = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        return cls(folder, {**inherited, **nothing, "AWS_EC2_METADATA_DISABLED": "true"}, SETTINGS)

    @classmethod
    def with_credentials(cls, folder: Path, aws: EmbeddedAws) -> Tool:
        """Return the tool as somebody runs it who may read the macro's settings, images and ECS."""
        return cls(folder, aws.environment(), FROM_MACRO)

    def run(self, *arguments: str) -> Ran:
        """Run a command."""
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.dict(os.environ, self.environment, clear=True),
            chdir(self.folder),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main.run(arguments)
        return Ran(code, out.getvalue(), err.getvalue())

    def inventory(self) -> list[dict[str, Any]]:
        """Return the rows of the inventory of all repositories."""
        rows: list[dict[str, Any]] = json.loads(self.run("inventory", ".", *self.settings, "--format", "json").out)[
            "rows"
        ]
        return rows

    def check(self, repository: str) -> tuple[int, str]:
        """Return the exit code of ``check`` for a repository, and its verdict on the workload there, empty if it finds none."""
        ran = self.run("check", repository, *self.settings, "--format", "json")
        if not ran.out:
            return ran.code, ""
        outcomes = [row["outcome"] for file in json.loads(ran.out) for row in file["taskDefinitions"]]
        return ran.code, ", ".join(outcomes)

    def coverage(self, clusters: str) -> dict[str, str]:
        """Return what ``coverage`` says of the tasks in these clusters, by cluster."""
        ran = self.run("coverage", "--cluster", clusters, *self.settings, "--format", "json")
        return {group["cluster"]: group["verdict"] for group in json.loads(ran.out)["groups"]}
