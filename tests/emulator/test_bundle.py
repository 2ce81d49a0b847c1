"""What goes into the function's zip, and what does not."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
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


def test_it_has_the_packages_of_the_function(bundle: Path) -> None:
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


def test_it_has_the_modules_that_the_handler_leads_to_and_no_others(bundle: Path) -> None:
    source = ROOT / "src"
    needed, found = set[Path](), {source / "sysdig_instrument" / "handler.py"}
    while found:
        needed |= found
        found = {path for module in found for path in imported(source, module)} - needed
    there = {path.relative_to(bundle) for path in (bundle / "sysdig_instrument").rglob("*") if path.is_file()}
    assert there == {path.relative_to(source) for path in needed}


def imported(source: Path, module: Path) -> Iterator[Path]:
    """The files of our package that a module imports, in functions too, and those of the packages around them."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        match node:
            case ast.ImportFrom(module=str(name)):
                names = [name, *(f"{name}.{alias.name}" for alias in node.names)]
            case ast.Import():
                names = [alias.name for alias in node.names]
            case _:
                continue
        for name in names:
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                path = source.joinpath(*parts[:length])
                yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists())
