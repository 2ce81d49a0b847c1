"""CloudFormation Guard, and what its rules do not look at."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fixtures_embedded_aws import TOOLS, skip_or_fail

PACKAGES = TOOLS / "guard" / "node_modules"
SYSTEM = "macos" if sys.platform == "darwin" else "ubuntu"
MACHINE = "aarch64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
GUARD_3 = PACKAGES / "@cdklabs" / "cdk-validator-cfnguard" / "bin" / SYSTEM / MACHINE / "cfn-guard"
GUARD_2 = PACKAGES / "guard-2" / "bin" / SYSTEM / "cfn-guard"
"""The version of AWS Config's custom policy rules. It is there for x86_64 only, which macOS can run on other machines."""

NOT_JUDGED = re.compile(
    r"""
    # What the deployment's settings say: the agent's variables, its version, its size, which key and which collector.
    agent\.(Environment|Essential|Memory|Cpu|LogConfiguration|RepositoryCredentials)
    | agent\.Image:\ (no\ tag|other\ tag|suffix)
    | agent\.Secrets\[SYSDIG_ACCESS_KEY\]\.ValueFrom
    # What ECS refuses: two containers of one name, one that waits for a container that is not there, no execution role.
    | (agent|workload|left-alone):\ (twice|shadowed)
    | workload\.DependsOn\[first\]
    | task\.ExecutionRoleArn
    # Tags that contradict each other or that settings lock, and a Command that is a folder.
    | task\.Tags
    | workload\.Command
    """,
    re.VERBOSE,
)
"""Mutations that `check` fails and the rules do not look at. docs/guard.md lists them."""


def run(rules: str, documents: Sequence[Any]) -> list[str]:
    """Return what Guard 3 says about each document: PASS, FAIL or SKIP."""
    if not GUARD_3.exists():
        skip_or_fail("CloudFormation Guard is not installed: `make dev` with Node")
    ran = subprocess.run(
        [GUARD_3, "validate", "--payload", "--structured", "--output-format", "json", "--show-summary", "none"],
        input=json.dumps({"rules": [rules], "data": [json.dumps(each) for each in documents]}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode in (0, 19), ran.stderr  # 19: a rule failed
    return [each["status"] for each in json.loads(ran.stdout)]


def run_guard_2(rules: str, documents: Sequence[Any], folder: Path) -> list[str]:
    """Return what Guard 2 says about each document, for rules that are one rule. ``folder`` is an empty one."""
    if not GUARD_2.exists() or (SYSTEM, MACHINE) == ("ubuntu", "aarch64"):
        skip_or_fail("CloudFormation Guard 2 is not installed: `make dev` with Node, on x86_64")
    (folder / "rules.guard").write_text(rules)
    data = folder / "data"
    data.mkdir()
    for number, document in enumerate(documents):
        (data / f"{number:04}.json").write_text(json.dumps(document))
    ran = subprocess.run(
        [GUARD_2, "validate", "--rules", folder / "rules.guard", "--data", data, "--output-format", "json",
         "--show-summary", "none"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode in (0, 5), ran.stderr  # 5: a rule failed
    found = {each["data_from"]: each for each in map(json.loads, ran.stdout.splitlines())}
    return [_status(found[path.name]) for path in sorted(data.iterdir())]


def _status(found: dict[str, Any]) -> str:
    (status,) = (
        status
        for key, status in {"not_compliant": "FAIL", "not_applicable": "SKIP", "compliant": "PASS"}.items()
        if found[key]
    )
    return status
