"""The site is built without a warning, its links and anchors have targets, and it needs no other host."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from fixtures_embedded_aws import ROOT, TOOLS, skip_or_fail
from publish_site import publish
from site_pages import rebase_links
from sysdig_instrument import __version__
from sysdig_instrument.engine.codes import Code

MKDOCS = TOOLS / "site" / "bin" / "mkdocs"
REPOSITORY = "https://git.example.com/project"
LOADED = {("script", "src"), ("img", "src"), ("link", "href"), ("source", "srcset"), ("iframe", "src")}
"""Where HTML names what a browser loads by itself."""


class Page(HTMLParser):
    """The anchors of a page, its links, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors = set[str]()
        self.links = set[str]()
        self.loaded = set[str]()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.anchors.add(value)
            if (tag, name) in LOADED and value:
                self.loaded.add(value)
            if (tag, name) == ("a", "href") and value:
                self.links.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not MKDOCS.exists():
        skip_or_fail("`make site` has not been run")
    folder = tmp_path_factory.mktemp("site")
    command = [str(MKDOCS), "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[str, Page]:
    """Return the pages of the site by path. Links on 404.html are absolute, for a site that has an address."""
    found = {str(path.relative_to(site)): path for path in sorted(site.rglob("*.html")) if path.name != "404.html"}
    return {name: Page(path.read_text("utf-8")) for name, path in found.items()}


def test_every_link_on_the_site_has_a_target(site: Path, pages: dict[str, Page]) -> None:
    assert len(pages) > 30
    for name, page in pages.items():
        for link in page.links | page.loaded:
            target, _, anchor = unquote(link).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            file = (site / name).parent.joinpath(target).resolve() if target else site / name
            file = file / "index.html" if file.is_dir() else file
            assert file.is_file(), (name, link)
            if anchor:
                assert anchor in pages[str(file.relative_to(site.resolve()))].anchors, (name, link)


def test_each_code_has_its_anchor_and_can_be_searched(site: Path, pages: dict[str, Page]) -> None:
    searched = (site / "search" / "search_index.json").read_text("utf-8")
    for code in Code:
        assert code.value.lower() in pages["troubleshooting.html"].anchors
        assert code.value in searched


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("SI053", "troubleshooting.html"),
        ("si103", "runbooks/refused.html"),  # where the code is in parentheses
        ("pidMode", "guard.html"),
        ("rotate key", "runbooks/rotate-the-key.html"),
    ],
)
def test_what_a_reader_searches_is_found(site: Path, query: str, page: str) -> None:
    """The theme's script splits texts and queries at the separator, ignores case, and completes the words of a query."""
    index = json.loads((site / "search" / "search_index.json").read_text("utf-8"))
    separator = re.compile(index["config"]["separator"])
    text = " ".join(f"{each['title']} {each['text']}" for each in index["docs"] if each["location"].startswith(page))
    words = separator.split(re.sub("<[^>]+>", " ", text).lower())
    for part in separator.split(query.lower()):
        assert any(word.startswith(part) for word in words), part


def test_a_browser_loads_nothing_from_another_host(site: Path, pages: dict[str, Page]) -> None:
    assert [(name, each) for name, page in pages.items() for each in page.loaded if "//" in each] == []
    styles = "".join(path.read_text("utf-8") for path in site.rglob("*.css"))
    assert not re.search(r"url\([\"']?(?:https?:)?//|@import", styles)
    # The theme's script asks a code host for the stars of the repository if it finds this element.
    assert not any('data-md-component="source"' in path.read_text("utf-8") for path in site.rglob("*.html"))


def test_every_page_shows_the_release(site: Path) -> None:
    for path in site.rglob("*.html"):
        assert f"sysdig-instrument {__version__}" in path.read_text("utf-8"), path


def test_a_reader_can_change_to_another_release(site: Path, tmp_path: Path) -> None:
    for release in ("1.9.0", "1.10.0", "1.9.1"):
        publish(site, tmp_path, release)
    (tmp_path / "1.9.0" / "old.html").touch()
    publish(site, tmp_path, "1.9.0")
    listed = json.loads((tmp_path / "versions.json").read_text("utf-8"))
    assert [(each["version"], each["aliases"]) for each in listed] == [
        ("1.10.0", ["latest"]),
        ("1.9.1", []),
        ("1.9.0", []),
    ]
    assert not (tmp_path / "1.9.0" / "old.html").exists()
    assert "url=1.10.0/index.html" in (tmp_path / "index.html").read_text("utf-8")
    page = (tmp_path / "1.10.0" / "cli.html").read_text("utf-8")
    settings = json.loads(page.partition('<script id="__config" type="application/json">')[2].partition("</script>")[0])
    assert settings["version"]["provider"] == "mike", "the theme's script reads ../versions.json only then"


def test_a_site_is_published_for_a_release_only(tmp_path: Path) -> None:
    for name in ("main", "1.0", "../1.0.0", "1.0.0rc1", ""):
        with pytest.raises(ValueError, match="is not a release"):
            publish(tmp_path, tmp_path / "sites", name)


def navigation() -> list[dict[str, Any]]:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    entries: list[dict[str, Any]] = yaml.safe_load(text[text.index("nav:") : text.index("\ntheme:")])["nav"]
    return entries


def files(entry: Any) -> Iterator[str]:
    for each in entry.values() if isinstance(entry, dict) else entry:
        yield from [each] if isinstance(each, str) else files(each)


def test_there_are_four_sections_and_the_one_for_application_teams_has_a_page() -> None:
    home, *sections = navigation()
    assert home == {"Home": "index.md"}
    assert [name for section in sections for name in section] == [
        "Application team", "Platform team", "Security", "Maintainers"
    ]  # fmt: skip
    assert list(files(sections[0])) == ["application-team.md"]
    page = (ROOT / "docs" / "application-team.md").read_text("utf-8")
    assert len(re.sub(r"```.*?```", "", page, flags=re.DOTALL).split()) <= 330


def test_each_page_is_in_the_navigation() -> None:
    pages = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert pages <= set(files(navigation()))


def test_links_out_of_the_pages_lead_to_the_site_or_to_the_repository() -> None:
    text = "[a](docs/cli.md#diff) [b](LICENSE) [c](README.md) [d](https://example.com) [e](#here)\n```\n[f](x)\n```\n"
    assert rebase_links(text, "", REPOSITORY) == (
        f"[a](cli.md#diff) [b]({REPOSITORY}/blob/main/LICENSE) [c](index.md) [d](https://example.com) [e](#here)\n"
        "```\n[f](x)\n```\n"
    )
    text = "[a](../cli.md) [b](refused.md#break-glass) [c](../../CHANGELOG.md) [d](../../guard) [e](../../README.md)"
    assert rebase_links(text, "docs/runbooks/page.md", REPOSITORY) == (
        f"[a](../cli.md) [b](refused.md#break-glass) [c](../CHANGELOG.md) [d]({REPOSITORY}/tree/main/guard) [e](../index.md)"
    )
