"""The contents of the function's zip."""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from fixtures_embedded_aws import ROOT, TOOLS, build_function, on_embedded_aws, run_make

pytestmark = on_embedded_aws

UNCHECKED_HASH: Final = 1  # PEP 552: the flags of a compiled file that is not compared with its source
ZIPPED: Final = """
import json, sys, zipfile
from samcli.lib.package.utils import make_zip_with_lambda_permissions as zipped
with zipfile.ZipFile(zipped(*sys.argv[1:])) as made:
    print(json.dumps(sorted((one.filename, one.CRC, one.compress_size, one.date_time, one.external_attr, one.extra.hex())
                            for one in made.infolist())))
"""
"""Prints the contents of the zip that SAM makes of a folder, sorted: their order depends on the file system."""


def files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a second build, made later and in a folder with a longer name."""
    return build_function(tmp_path_factory.mktemp("another") / "folder")


def test_builds_are_reproducible(bundle: Path, again: Path) -> None:
    assert files(bundle) == files(again)


def test_the_zip_made_by_sam_is_reproducible(bundle: Path, again: Path, tmp_path: Path) -> None:
    def zipped(folder: Path) -> Any:
        command = [str(TOOLS / "sam/bin/python"), "-c", ZIPPED, str(tmp_path / folder.name), str(folder)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    first = zipped(bundle)
    assert {name for name, *_ in first} == files(bundle).keys()
    assert first == zipped(again)


def locked() -> set[str]:
    """Return the names of the function's packages, as in the names of their folders."""
    lines = (ROOT / "src/requirements.txt").read_text().splitlines()
    return {line.split("==")[0].replace("-", "_") for line in lines if "==" in line}


def test_the_bundle_has_the_packages_of_the_function(bundle: Path) -> None:
    # Each package brings its METADATA, by which scanners know what is in a function, and its licence.
    described = list(bundle.glob("*.dist-info/METADATA"))
    assert {path.parent.name.split("-")[0] for path in described} == locked()
    assert not [path.parent.name for path in described if not list(path.parent.rglob("LICENSE*"))]


def test_the_bundle_is_pure_python_without_local_paths(bundle: Path) -> None:
    names = files(bundle)
    assert not [name for name in names if name.endswith((".so", "RECORD", "INSTALLER", "direct_url.json"))]
    assert not (bundle / "bin").exists()
    for folder in (ROOT, bundle):
        here = str(folder).encode()
        assert not [name for name in names if here in (bundle / name).read_bytes()]


def test_the_bundle_is_compiled_if_the_runtime_python_is_found(bundle: Path) -> None:
    compiled = {str(path.relative_to(bundle)): path.read_bytes() for path in bundle.rglob("*.pyc")}
    if not run_make("python"):
        assert not compiled
        return
    tag = f"cpython-{runtime().replace('.', '')}"
    for path in bundle.rglob("*.py"):
        source = path.relative_to(bundle)
        content = compiled.pop(str(source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"))
        assert int.from_bytes(content[4:8], "little") == UNCHECKED_HASH, source
        assert f"/var/task/{source}".encode() in content  # what tracebacks show
    assert not compiled


def test_without_the_runtime_python_the_build_prints_a_notice(tmp_path: Path) -> None:
    output = run_make("build-MacroFunction", f"ARTIFACTS_DIR={tmp_path}", "RUNTIME=3.99")
    (line,) = [line for line in output.splitlines() if "Cold starts" in line]
    assert "no Python 3.99 here" in line
    assert "build again" in line
    assert (tmp_path / "sysdig_instrument/function/handler.py").exists()
    assert not list(tmp_path.rglob("*.pyc"))


def runtime() -> str:
    """Return the version of the functions' Python from template.yaml."""
    (version,) = {
        line.strip().removeprefix("Runtime: python")
        for line in (ROOT / "template.yaml").read_text().splitlines()
        if line.strip().startswith("Runtime: ")
    }
    return version


def test_the_bundle_is_built_for_the_template_runtime() -> None:
    assert f"\nRUNTIME := {runtime()}\n" in (ROOT / "src/Makefile").read_text()


def test_the_bundle_has_exactly_the_modules_imported(bundle: Path) -> None:
    modules = {
        Path(name) for name in files(bundle) if name.startswith("sysdig_instrument/") and not name.endswith(".pyc")
    }
    assert modules == {path.relative_to(SOURCE) for path in reachable_modules()}


def test_the_bundle_has_the_whole_packages(bundle: Path) -> None:
    for package in locked():
        for path in importlib.metadata.files(package) or ():
            is_content = path.parts[0] != ".." and not path.parts[0].endswith(".dist-info")
            assert not is_content or path.suffix == ".pyc" or (bundle / path).exists(), path


SOURCE: Final = ROOT / "src"


def reachable_modules() -> set[Path]:
    """Return the files of this project that the handlers import, directly or through others."""
    function = SOURCE / "sysdig_instrument" / "function"
    reached, found = set[Path](), {function / "handler.py", *function.glob("*_handler.py")}
    while found:
        reached |= found
        found = {path for module in found for path in imported(module)} - reached
    return reached


def imported(module: Path) -> Iterator[Path]:
    """Yield the files of this project that a module imports, in functions too, and their packages."""
    package = module.relative_to(SOURCE).parts[:-1]
    for name in names(ast.parse(module.read_text("utf-8")), package):
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            path = SOURCE.joinpath(*parts[:length])
            yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.exists())


def names(tree: ast.AST, package: Sequence[str]) -> Iterator[str]:
    """Yield the full names in the imports of a module, except those for type checkers only."""
    match tree:
        case ast.ImportFrom(module=module, names=aliases, level=level):
            around = package[: len(package) - level + 1] if level else ()
            base = ".".join([*around, *([module] if module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in aliases)
        case ast.Import(names=aliases):
            yield from (alias.name for alias in aliases)
        case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=otherwise):
            for statement in otherwise:
                yield from names(statement, package)
        case _:
            for node in ast.iter_child_nodes(tree):
                yield from names(node, package)
