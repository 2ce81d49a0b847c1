"""What goes into the function's zip, and what does not."""

from __future__ import annotations

import hashlib
from pathlib import Path

from embedding import ROOT, built_function, on_embedded_aws

pytestmark = on_embedded_aws


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_it_is_the_same_from_every_build(bundle: Path, tmp_path: Path) -> None:
    assert files(bundle) == files(built_function(tmp_path / "again"))


def test_it_has_what_the_function_needs(bundle: Path) -> None:
    package = bundle / "sysdig_instrument"
    assert (package / "handler.py").read_bytes() == (ROOT / "src/sysdig_instrument/handler.py").read_bytes()
    assert not [name for name in ("cli", "documents", "__main__.py") if (package / name).exists()]
    lines = (ROOT / "src/requirements.txt").read_text().splitlines()
    locked = {line.split("==")[0].replace("-", "_") for line in lines if "==" in line}
    # Each package brings its METADATA, by which scanners know what is in a function.
    assert {path.parent.name.split("-")[0] for path in bundle.glob("*.dist-info/METADATA")} == locked


def test_it_is_pure_python_and_carries_nothing_of_this_machine(bundle: Path) -> None:
    names = files(bundle)
    assert not [name for name in names if name.endswith((".so", ".pyc", "RECORD", "INSTALLER", "direct_url.json"))]
    assert not (bundle / "bin").exists()
    here = str(ROOT).encode()
    assert not [name for name in names if here in (bundle / name).read_bytes()]
