"""Hooks of MkDocs for the site (``make site``).

The site shows README and the other pages in the root of the repository, which are not in ``docs``, and the release. Links to
files that are not pages lead to the repository, whose address is in pyproject.toml only.
"""

from __future__ import annotations

import importlib
import posixpath
import re
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
HOME: Final = "README.md"
PAGES: Final = (HOME, "CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages in the root of the repository. README is the home page of the site."""

STYLE: Final = ".md-grid { max-width: 76rem; } /* wide enough for tables, and for 80 columns of a terminal */\n"
LINK: Final = re.compile(r"(?<=\]\()(?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?(?=\))")
FENCE: Final = re.compile(r"(```.*?```)", re.DOTALL)


def on_config(config: Any) -> Any:  # noqa: ANN401 - MkDocs has no types here: it is not installed with the code
    """Add the release and the repository's address to the configuration.

    The address is not ``repo_url``: with that, the theme's script asks the code host for the stars of the repository.
    """
    config.site_name = f"{config.site_name} {release()}"
    config.copyright = f'{config.copyright} <a href="{repository()}">Repository</a>'
    return config


def on_files(files: Any, config: Any) -> Any:  # noqa: ANN401 - as above
    """Add the pages in the root of the repository, and the style sheet."""
    file = importlib.import_module("mkdocs.structure.files").File
    for name in PAGES:
        text = rebase_links((ROOT / name).read_text("utf-8"), "", repository())
        files.append(file.generated(config, site_name(name), content=text))
    files.append(file.generated(config, "site.css", content=STYLE))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:  # noqa: ANN401 - as above
    """Point the links of a page in ``docs`` that lead out of it to the site's pages, or to the repository."""
    if page.file.generated_by:
        return markdown
    return rebase_links(markdown, posixpath.join("docs", page.file.src_uri), repository())


def rebase_links(text: str, page: str, repository_url: str) -> str:
    """Return a page's text with links as the site needs them.

    Args:
        text: The page, in Markdown.
        page: Its path in the repository, or an empty string for a page in the root.
        repository_url: The repository's address.
    """
    parts = FENCE.split(text)
    parts[::2] = [LINK.sub(lambda link: rebase(link, page, repository_url), part) for part in parts[::2]]
    return "".join(parts)


def rebase(link: re.Match[str], page: str, repository_url: str) -> str:
    """Return the target of a link, relative to the page's place on the site."""
    if "://" in link["target"] or link["target"].startswith("mailto:"):
        return link[0]
    folder = posixpath.dirname(page)
    path = posixpath.normpath(posixpath.join(folder, link["target"]))
    place = path.removeprefix("docs/") if path.startswith("docs/") else site_name(path) if path in PAGES else None
    if place is None:
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"{repository_url}/{kind}/main/{path}{link['anchor'] or ''}"
    return posixpath.relpath(place, posixpath.relpath(folder or "docs", "docs")) + (link["anchor"] or "")


def site_name(name: str) -> str:
    """Return the path on the site of a page in the root of the repository."""
    return "index.md" if name == HOME else name


def release() -> str:
    """Return the release, without importing the package, which is not installed with MkDocs."""
    text = (ROOT / "src" / "sysdig_instrument" / "__init__.py").read_text("utf-8")
    return text.partition('__version__ = "')[2].partition('"')[0]


def repository() -> str:
    """Return the address of the repository."""
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    address: str = project["urls"]["Repository"]
    return address
