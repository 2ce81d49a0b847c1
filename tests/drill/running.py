"""The steps of the drill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from drill.deployment import Deployment
from drill.patches import Enabled, enable
from drill.rows import InventoryRow, Row
from drill.tool import Tool
from embedded_aws.aws import EmbeddedAws
from repositories import Repository, write_repositories

Step: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""Shows a step of the drill while it runs."""


def silent(_text: str) -> AbstractContextManager[None]:
    """Show nothing."""
    return nullcontext()


@dataclass(frozen=True)
class Drill:
    """A drill in a folder of repositories."""

    aws: EmbeddedAws
    folder: Path
    step: Step = silent

    def repositories(self, line: str = "") -> list[Repository]:
        """Write the repositories."""
        return write_repositories(self.folder, line)

    def deployed(self, repositories: Sequence[Repository]) -> list[Row]:
        """Ask the tool about repositories, deploy them, and ask ``coverage`` about what runs."""
        inventory, verdicts = self._asked(repositories)
        deployment = Deployment(self.aws)
        with self.step(f"Deploying {len(repositories)} stacks, and starting their tasks"):
            for each in repositories:
                deployment.deploy(each, (self.folder / each.name / each.template).read_text())
        with self.step("coverage"):
            statuses = Tool.with_credentials(self.folder, self.aws).coverage(deployment.clusters)
        by_name = {deployment.repository_of(cluster): status for cluster, status in statuses.items()}
        return [
            Row(
                each,
                tuple(row for row in inventory if row[0] == each.name),
                *verdicts[each.name],
                by_name.get(each.name, ""),
            )
            for each in repositories
        ]

    def _asked(self, repositories: Sequence[Repository]) -> tuple[list[InventoryRow], dict[str, tuple[int, str, str]]]:
        """Return the rows of the inventory, and of each repository the exit code, the last and the first verdict of ``check``."""
        tool = Tool.without_credentials(self.folder)
        with self.step("inventory, without AWS credentials"):
            keys = ("repository", "file", "resource", "macroLine", "state")
            inventory: list[InventoryRow] = [tuple(row[key] for key in keys) for row in tool.inventory()]
        with self.step("check of each, without AWS credentials"):
            first = {each.name: tool.check(each.name) for each in repositories}
        unknown = [name for name, (_, verdict) in first.items() if verdict == "unknown"]
        last = dict(first)
        if unknown:
            with self.step(f"check with credentials where it is unknown: {', '.join(unknown)}"):
                tool = Tool.with_credentials(self.folder, self.aws)
                last |= {name: tool.check(name) for name in unknown}
        return inventory, {name: (*last[name], first[name][1]) for name in first}

    def enabled(self, repositories: Iterable[Repository], what: str = "As they are") -> list[Enabled]:
        """Run ``enable`` in each repository, and apply its patch."""
        tool = Tool.without_credentials(self.folder)
        with self.step(f"{what}: enable --dry-run, git apply"):
            return [enable(tool, each) for each in repositories]

    def listed(self, enabled: Iterable[Enabled]) -> list[Repository]:
        """Return the repositories that list the macro since ``enable``. What it leaves to people is corrected first."""
        changed = [each for each in enabled if each.patch or each.is_left_to_people]
        listed = [each.repository.with_line("listed") for each in changed]
        for each, repository in zip(changed, listed, strict=True):
            if each.is_left_to_people:
                (self.folder / repository.name / repository.template).write_text(repository.text)
        return listed
