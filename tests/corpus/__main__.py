"""`python -m corpus FOLDER`: instrument every template and task definition of a folder, verify the outputs and print a table."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from corpus.checking import CRASHED, REFUSED, RIGHT, WRONG, CheckResult
from corpus.plain import check_document
from corpus.reading import ENDINGS, read

UNREADABLE = "not read"


def main(arguments: list[str]) -> int:
    """Print a line for each file, and the totals. Return 1 if an output is wrong or the engine crashed."""
    if len(arguments) != 1:
        print("usage: python -m corpus FOLDER", file=sys.stderr)  # noqa: T201 - a program
        return 2
    totals = Counter[str]()
    reasons = Counter[str]()
    for path in sorted(path for path in Path(arguments[0]).rglob("*") if path.suffix in ENDINGS):
        results = _check_file(path)
        counts = Counter(result.status for result in results)
        totals.update([_worst(counts)])
        reasons.update(reason for result in results if result.status == REFUSED for reason in result.details)
        print(f"{_worst(counts):8} {path.name}  {dict(counts)}")  # noqa: T201
        for result in results:
            if result.status in {WRONG, CRASHED, UNREADABLE}:
                print(f"    {result.label}", *result.details[:8], sep="\n      ")  # noqa: T201
    print(f"\nfiles: {dict(totals)}\nreasons for refusing: {dict(reasons)}")  # noqa: T201
    return 1 if totals[WRONG] or totals[CRASHED] else 0


def _check_file(path: Path) -> list[CheckResult]:
    try:
        document = read(path)
    except ValueError as error:
        return [CheckResult("reading", UNREADABLE, (str(error),))]
    return check_document(document)


def _worst(counts: Counter[str]) -> str:
    return next(status for status in (CRASHED, WRONG, REFUSED, RIGHT, UNREADABLE) if counts[status])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
