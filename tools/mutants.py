"""What ``make mutants`` came to, module by module: mutants, those that a test found, and those that none did."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Final

FOLDER: Final = Path("mutants/src/sysdig_instrument")
SURVIVED: Final = 0
NOBODY_RUNS_IT: Final = 33
"""mutmut's exit codes of a mutant that the tests pass, and of one that they do not reach; with another one a test failed or hung."""


def main() -> int:
    """Print the table, and the names of the survivors."""
    totals: Counter[str] = Counter()
    survivors = []
    print(f"{'':44}{'mutants':>9}{'found':>9}{'left':>9}")
    for file in sorted(FOLDER.rglob("*.meta")):
        codes: dict[str, int | None] = json.loads(file.read_text())["exit_code_by_key"]
        tried = {name: code for name, code in codes.items() if code is not None}
        left = [name for name, code in tried.items() if code in (SURVIVED, NOBODY_RUNS_IT)]
        survivors += left
        totals += Counter(mutants=len(tried), left=len(left))
        if tried:
            _line(str(file.relative_to(FOLDER)).removesuffix(".meta"), len(tried), len(left))
    if not totals["mutants"]:
        print("No mutant has been tried. Run `make mutants`.", file=sys.stderr)
        return 1
    _line("all", totals["mutants"], totals["left"])
    if "--survivors" in sys.argv[1:]:
        print("\n".join(survivors))
    return 0


def _line(name: str, mutants: int, left: int) -> None:
    print(f"{name:44}{mutants:9}{(mutants - left) / mutants:9.0%}{left:9}")


if __name__ == "__main__":
    sys.exit(main())
