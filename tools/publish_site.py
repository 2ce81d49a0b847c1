"""Put the site into a folder beside those of earlier releases (``make site-release``).

The theme's script shows a list of the releases, which it reads from ``versions.json`` in the folder above the release's own: the
file that mike writes. mike keeps the sites in a Git branch, which a bucket or a web server has not, so it is not used.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Final

from site_pages import ROOT, release

SITE: Final = ROOT / "build" / "site"
RELEASE: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
HOME: Final = """<!doctype html>
<meta charset="utf-8">
<title>sysdig-instrument</title>
<meta http-equiv="refresh" content="0; url={newest}/index.html">
<a href="{newest}/index.html">sysdig-instrument {newest}</a>
"""


def publish(site: Path, folder: Path, name: str) -> None:
    """Put a site into ``folder/name``, list all releases there, and lead the folder's home page to the newest one.

    Raises:
        ValueError: The name is not that of a release.
        OSError: A file cannot be read or written.
    """
    if not RELEASE.fullmatch(name):
        raise ValueError(f"{name} is not a release: a site is published for one such as 1.0.0.")
    if (folder / name).exists():
        shutil.rmtree(folder / name)
    shutil.copytree(site, folder / name)
    releases = sorted((each.name for each in folder.iterdir() if RELEASE.fullmatch(each.name)), key=numbers)[::-1]
    listed = [
        {"version": each, "title": each, "aliases": ["latest"] if each == releases[0] else []} for each in releases
    ]
    (folder / "versions.json").write_text(json.dumps(listed, indent=2) + "\n", "utf-8")
    (folder / "index.html").write_text(HOME.format(newest=releases[0]), "utf-8")


def numbers(name: str) -> tuple[int, ...]:
    """Return the numbers of a release, which put 1.10.0 after 1.9.0."""
    return tuple(map(int, name.split(".")))


def main(arguments: list[str]) -> int:
    """Publish the site that ``make site`` has built."""
    if len(arguments) != 1:
        sys.stderr.write("Give the folder that has, or shall have, the sites of all releases.\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    publish(SITE, folder, release())
    sys.stdout.write(f"{folder / release() / 'index.html'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
