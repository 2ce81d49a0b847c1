"""The pictures in the documentation show the current output of the tool, and load no other files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SVG = "{http://www.w3.org/2000/svg}"

each_picture = pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)


@pytest.mark.skipif(sys.platform == "win32", reason="the pictures show a Unix terminal")
def test_no_picture_is_stale() -> None:
    command = [sys.executable, str(ROOT / "tools" / "pictures.py"), "--check"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@each_picture
def test_pictures_are_self_contained(picture: Path) -> None:
    text = picture.read_text("utf-8")
    assert not re.search(
        r"https?://|@import|url\((?!#)|href|<script", text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    )
    tree = ET.fromstring(text)  # noqa: S314 - a file of this project
    title = tree.findtext(f"{SVG}title") or ""
    shown = "".join(tree.itertext()).replace("\xa0", " ")
    assert title.startswith("sysdig-instrument ")
    assert f"$ {title}" in re.sub(r"\s*\n\s*", "", shown.partition("$")[1] + shown.partition("$")[2])


@each_picture
def test_every_picture_is_used_with_alternative_text(picture: Path) -> None:
    shown = re.compile(rf"!\[(?P<text>[^\]]{{20,}})\]\((?:docs/)?pictures/{picture.name}\)")
    assert any(shown.search(page.read_text("utf-8")) for page in PAGES)
