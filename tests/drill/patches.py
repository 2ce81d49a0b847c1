"""What ``enable`` does in a repository, and whether a patch touches only the line."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Any, Final

import yaml

from drill.tool import Tool
from repositories import Repository, expected_patch

PATCH: Final = "patch"


@dataclass(frozen=True)
class Enabled:
    """What ``enable --dry-run`` has said of a repository: a patch, or why there is none."""

    repository: Repository
    exit_code: int
    patch: str
    message: str
    mistake: str = ""

    @property
    def is_left_to_people(self) -> bool:
        """Return whether the template has to be corrected by hand."""
        return self.exit_code == 1

    @property
    def outcome(self) -> str:
        """What has become of the repository, for a report that counts."""
        if self.patch:
            return "patches"
        if self.is_left_to_people:
            return "to correct by hand"
        return "list the macro already" if "already" in self.message else "without a task definition"

    @property
    def is_right(self) -> bool:
        """Return whether it is what the repository needs."""
        expected = expected_patch(self.repository.line, self.repository.workload)
        return not self.mistake and (bool(self.patch) if expected == PATCH else expected in self.message)


def enable(tool: Tool, repository: Repository) -> Enabled:
    """Write the patch of a repository and apply it with Git."""
    ran = tool.run("enable", repository.name, "--dry-run", "--no-config")
    if not ran.out:
        return Enabled(repository, ran.code, "", ran.err)
    file = tool.folder / repository.name / repository.template
    before = file.read_text()
    patch = tool.folder / f"{repository.name}.patch"
    patch.write_text(ran.out)
    applied = subprocess.run(["git", "apply", patch], cwd=tool.folder, capture_output=True, text=True, check=False)
    is_right = is_only_the_line(before, file.read_text(), repository.with_line("listed").text)
    mistake = applied.stderr or ("" if is_right else "it touches more than the line")
    return Enabled(repository, ran.code, ran.out, ran.err, mistake)


def is_only_the_line(before: str, after: str, listed: str) -> bool:
    """Return whether two texts differ in one line, and the second has the value of a template that lists the macro."""
    old, new = before.splitlines(), after.splitlines()
    same = next((index for index, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
    is_one_line = any(old[same + removed :] == new[same + 1 :] for removed in (0, 1))
    return is_one_line and _value(after) == _value(listed)


def _value(text: str) -> Any:
    """Return the value of a template, with a list in Transform."""
    value = yaml.safe_load(text)  # JSON is YAML, too
    transform = value.get("Transform", [])
    return value | {"Transform": transform if isinstance(transform, list) else [transform]}
