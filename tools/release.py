"""``make release``: everything that is published of a release, in ``dist/VERSION``. The same commit gives the same bytes."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import release_archives
import release_provenance
import release_templates
from sysdig_instrument import __version__

ROOT: Final = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the release."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, default=ROOT / "dist" / __version__, help="where to put it")
    parser.add_argument("--bucket", default="", help="the default of the templates' parameter FunctionBucket")
    options = parser.parse_args(arguments)
    folder: Path = options.folder.resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make(folder, options.bucket)
    print(f"{folder}:")
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:>12,}  {path.name}")
    return 0


def make(folder: Path, bucket: str) -> None:
    """Write all files of the release into a folder."""
    source_date = release_archives.source_date()
    environment = os.environ | {"SOURCE_DATE_EPOCH": source_date, "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory(prefix="sysdig-instrument-release-") as scratch:
        wheel = release_archives.build_packages(folder, environment)
        zipapp = folder / "sysdig-instrument.pyz"
        release_archives.build_zipapp(zipapp, wheel, Path(scratch), environment)
        release_archives.build_function(folder / "function.zip", Path(scratch) / "function", environment)
    for name, text in release_templates.templates(bucket).items():
        (folder / name).write_text(text, "utf-8")
    release_archives.run(environment, "make", "--silent", "sbom", f"DIST={folder}")
    release_provenance.write(folder, source_date)


if __name__ == "__main__":
    sys.exit(main())
