"""Print the results of ``make mutants`` by module: mutants, killed and survived."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Final

RESULTS: Final = Path("mutants/src/sysdig_instrument")
SURVIVED: Final = 0
NO_TESTS: Final = 33
"""Exit codes of mutmut: the tests passed with the mutant, or no test reaches it.

Any other means that a test failed or hung.
"""


def main() -> int:
    """Print the table, and the names of the survivors."""
    totals: Counter[str] = Counter()
    survivors = []
    print(f"{'':44}{'mutants':>9}{'killed':>9}{'survived':>9}")
    for file in sorted(RESULTS.rglob("*.meta")):
        codes: dict[str, int | None] = json.loads(file.read_text())["exit_code_by_key"]
        tested = {name: code for name, code in codes.items() if code is not None}
        survived = [name for name, code in tested.items() if code in (SURVIVED, NO_TESTS)]
        survivors += survived
        totals += Counter(mutants=len(tested), survived=len(survived))
        if tested:
            _print_row(str(file.relative_to(RESULTS)).removesuffix(".meta"), len(tested), len(survived))
    if not totals["mutants"]:
        print("No mutants have been tested. Run `make mutants`.", file=sys.stderr)
        return 1
    _print_row("all", totals["mutants"], totals["survived"])
    if "--survivors" in sys.argv[1:]:
        print("\n".join(survivors))
    return 0


def _print_row(name: str, mutants: int, survived: int) -> None:
    print(f"{name:44}{mutants:9}{(mutants - survived) / mutants:9.0%}{survived:9}")


if __name__ == "__main__":
    sys.exit(main())
