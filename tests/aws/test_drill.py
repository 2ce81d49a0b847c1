"""The drill: inventory, ``check`` and ``coverage`` say what is so of thirty repositories, before and after ``enable``."""

from __future__ import annotations

from pathlib import Path

from drill.rows import Judgement, Row, green, protected
from drill.running import Drill
from embedded_aws.aws import EmbeddedAws
from fixtures_embedded_aws import on_embedded_aws

pytestmark = on_embedded_aws


def mistakes(rows: list[Row]) -> dict[str, list[str]]:
    return {row.repository.name: row.mistakes for row in rows if row.mistakes}


def names(rows: list[Row], judgement: Judgement) -> list[str]:
    return [row.repository.name for row in rows if row.judgement is judgement]


def test_each_command_says_what_is_so(aws: EmbeddedAws, tmp_path: Path) -> None:
    drill = Drill(aws, tmp_path)
    repositories = drill.repositories()
    rows = drill.deployed(repositories)
    assert (len(rows), mistakes(rows)) == (30, {})
    assert green(rows) == protected(rows) != []
    assert names(rows, Judgement.UNKNOWN) == ["cdk-4"]
    assert [row.repository.name for row in rows if row.needs_credentials] == ["sam-5", "cdk-4"]

    enabled = drill.enabled(repositories)
    assert [each for each in enabled if not each.is_right] == []
    listed = drill.deployed(drill.listed(enabled))
    assert (len(listed), mistakes(listed)) == (13, {})
    assert green(listed) == protected(listed) != []


def test_enable_touches_only_the_line(aws: EmbeddedAws, tmp_path: Path) -> None:
    """Of each repository as it was before anybody had the line."""
    drill = Drill(aws, tmp_path)
    enabled = drill.enabled(drill.repositories("absent"))
    assert [each for each in enabled if not each.is_right] == []
    assert len([each for each in enabled if each.patch]) == 26
