"""The steps of the fleet: list, make change sets, update until a failure, go on. Each says what must be and what is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from drill.running import Step, silent
from drill.tool import FROM_MACRO, Ran, Tool
from embedded_aws.aws import EmbeddedAws
from fleet.deployment import STAGES, FleetDeployment

_REPORT: Final = "report.json"


@dataclass(frozen=True)
class Check:
    """A check of a step: what must be, and what is."""

    step: str
    what: str
    expected: object
    found: object

    @property
    def is_right(self) -> bool:
        """Return whether it is as it must be."""
        return self.expected == self.found


@dataclass(frozen=True)
class Fleet:
    """A fleet of stacks: three tenths are behind, two tenths do not list the macro, and the others are up to date."""

    aws: EmbeddedAws
    folder: Path
    size: int
    step: Step = silent
    prefix: str = field(default_factory=lambda: f"fleet-{uuid4().hex[:8]}")

    @cached_property
    def behind(self) -> list[str]:
        """The names of the stacks that are behind, in the order of their stages."""
        return self._names("behind", self.size * 3 // 10)

    @cached_property
    def up_to_date(self) -> list[str]:
        """The names of the stacks that are up to date."""
        return self._names("current", self.size - len(self.behind) - len(self.others))

    @cached_property
    def others(self) -> list[str]:
        """The names of the stacks that do not list the macro."""
        return self._names("other", self.size * 2 // 10)

    def _names(self, kind: str, count: int) -> list[str]:
        return [f"{self.prefix}-{kind}-{number:03}" for number in range(count)]

    @property
    def wave(self) -> int:
        """The number of stacks in a wave: a third of those that are behind."""
        return len(self.behind) // len(STAGES)

    def checks(self) -> Iterator[Check]:
        """Create the stacks, run the tool, and yield the checks."""
        deployment = FleetDeployment(self.aws, self.prefix)
        self._create(deployment)
        yield from self._listed("list", self.behind, self.up_to_date)
        yield from self._shown(deployment)
        yield from self._stopped(deployment)
        yield from self._resumed(deployment)
        yield from self._listed("list again", [], [*self.behind, *self.up_to_date])

    def _create(self, deployment: FleetDeployment) -> None:
        title = f"Creating {len(self.behind)} stacks while the macro has another setting"
        with self.step(title), deployment.another_setting():
            deployment.create(self.behind)
        with self.step(f"Creating {len(self.up_to_date)} stacks with its setting of now"):
            deployment.create(self.up_to_date)
        with self.step(f"Creating {len(self.others)} stacks without the line"):
            deployment.create(self.others, line=False)

    def _run(self, *arguments: str) -> Ran:
        tool = Tool.with_credentials(self.folder, self.aws)
        return tool.run(
            "stacks", "--no-config", *FROM_MACRO, "--stack", f"{self.prefix}-*", "--tag", "stage", *arguments
        )

    def _listed(self, step: str, behind: list[str], up_to_date: list[str]) -> Iterator[Check]:
        with self.step("stacks"):
            ran = self._run("--format", "json", "--fail-on", "behind")
        rows = json.loads(ran.out)["stacks"]
        for state, names in (("behind", behind), ("up to date", up_to_date)):
            yield Check(step, f"exactly these are {state}", names, _sorted(rows, "state", state))
        yield Check(step, "stacks with the line", len(behind) + len(up_to_date), len(rows))
        yield Check(step, "exit code", 1 if behind else 0, ran.code)

    def _update(self, *arguments: str) -> tuple[Ran, dict[str, Any]]:
        order = ("--order", ",".join(STAGES), "--wave", str(self.wave))
        ran = self._run("--update", *order, "--json", _REPORT, *arguments)
        report: dict[str, Any] = json.loads((self.folder / _REPORT).read_text("utf-8"))
        return ran, report

    def _shown(self, deployment: FleetDeployment) -> Iterator[Check]:
        step, before = "--update", deployment.state()
        with self.step(f"stacks --update --wave {self.wave}"):
            ran, report = self._update()
        yield Check(step, "exit code", 0, ran.code)
        yield Check(step, "change sets that wait", self.behind, _sorted(report["stacks"], "outcome", "not executed"))
        yield Check(step, "nothing is executed: same stacks, same revisions", before, deployment.state())

    def _stopped(self, deployment: FleetDeployment) -> Iterator[Check]:
        step, failing = "--execute, one fails", self.behind[self.wave]
        reached, left = self.behind[: 2 * self.wave], self.behind[2 * self.wave :]
        updated = [name for name in reached if name != failing]
        deployment.delete_topic(failing)
        with self.step(f"stacks --update --wave {self.wave} --execute, with a stack whose topic somebody has deleted"):
            ran, report = self._update("--execute")
        yield Check(step, "exit code", 1, ran.code)
        yield Check(step, "why it stopped", "Wave 2 has a failure", report["stopped"])
        outcomes = {"updated": updated, "failed": [failing], "not reached": left}
        yield from self._reported(step, report, outcomes)
        status = deployment.state()["stacks"][failing]
        yield Check(step, "the failed stack is rolled back", "UPDATE_ROLLBACK_COMPLETE", status)
        old = deployment.with_old_setting(self.behind)
        yield Check(step, "what ECS has as before", [failing, *left], old)

    def _resumed(self, deployment: FleetDeployment) -> Iterator[Check]:
        step, failing = "the same again, repaired", self.behind[self.wave]
        deployment.restore_topic(failing)
        with self.step("The topic is there again, and the same command"):
            ran, report = self._update("--execute")
        yield Check(step, "exit code", 0, ran.code)
        yield Check(step, "why it stopped", None, report["stopped"])
        yield from self._reported(step, report, {"updated": [failing, *self.behind[2 * self.wave :]]})
        yield Check(step, "what ECS has as before", [], deployment.with_old_setting(self.behind))
        expected = {name: [2] for name in self.behind if name != failing}
        expected |= {name: [1] for name in (*self.up_to_date, *self.others)}
        revisions = {name: found for name, found in deployment.revisions().items() if name != failing}
        yield Check(step, "each was updated once, the others never", expected, revisions)

    @staticmethod
    def _reported(step: str, report: dict[str, Any], outcomes: dict[str, list[str]]) -> Iterator[Check]:
        """Yield the checks of what a report says: the outcome of each stack, no other stack, and the sums."""
        for outcome, names in outcomes.items():
            yield Check(step, f"{outcome}, by the report", names, _sorted(report["stacks"], "outcome", outcome))
        sums = {name: count for name, count in report["summary"].items() if count}
        yield Check(step, "the report's sums", {outcome: len(names) for outcome, names in outcomes.items()}, sums)
        counted = dict(Counter(each["outcome"] for each in report["stacks"]))
        yield Check(step, "the sums are those of its stacks", sums, counted)


def _sorted(rows: list[dict[str, Any]], key: str, value: str) -> list[str]:
    return sorted(each["stack"] for each in rows if each[key] == value)
