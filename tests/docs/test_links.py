"""Links in the documentation have targets, and the tests that it names exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY", "CODE_OF_CONDUCT")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
LINK = re.compile(
    r"\[[^\]]*\]\((?P<target>[^)\s]+)\)"  # of a link or a picture
    r'|<(?:img|source|a)\b[^>]*?\b(?:src|srcset|href)="(?P<tagged>[^"]+)"'
)
TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)::(?P<name>\w+)`")
FENCE = re.compile(r"```.*?```", re.DOTALL)

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def targets(page: Path) -> Iterator[str]:
    """Return the targets of the links and pictures of a page."""
    return (match["target"] or match["tagged"] for match in LINK.finditer(prose(page)))


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub makes for the headings of a page."""
    headings = re.findall(r"(?m)^#+ (.+)$", prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_every_link_has_a_target(page: Path) -> None:
    for link in targets(page):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), link
        assert file.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(file), link


@each_page
def test_every_test_named_in_a_page_exists(page: Path) -> None:
    for match in TEST.finditer(prose(page)):
        assert f"def {match['name']}(" in (ROOT / match["file"]).read_text(), match[0]


def test_every_page_can_be_found_from_the_readme() -> None:
    found, new = set[Path](), {ROOT / "README.md"}
    while new:
        found |= new
        linked = {
            (page.parent / link.partition("#")[0]).resolve()
            for page in new
            if page.suffix == ".md"
            for link in targets(page)
            if "://" not in link and not link.startswith("#")
        }
        new = linked - found
    files = [*(ROOT / "docs").iterdir(), *(ROOT / "docs" / "runbooks").iterdir()]
    assert {path for path in files if path.is_file()} <= found


def test_links_in_html_are_checked(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('![a](b.svg) <picture><source srcset="c.svg"><img alt="d" src="e.svg"></picture> <a href="f">g</a>')
    assert list(targets(page)) == ["b.svg", "c.svg", "e.svg", "f"]
