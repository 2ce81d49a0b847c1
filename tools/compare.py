"""Prove that a refactoring changes wording only: run old and new code on the same inputs, and compare the results.

    python tools/compare.py --base CHECKOUT --corpus FOLDER --record base.json --wording wording.tsv
    python tools/compare.py --base base.json --wording wording.tsv

The inputs are ``tests/cases`` and ``events`` of the old checkout, and the templates and task definitions of a corpus. Each
is run through ``transform``, ``diff``, ``explain``, ``check``, ``settings`` and ``images``, through the macro's function,
and through its hook, which gets each task definition before and after it is processed. A record holds the inputs and the
results of the old code, so that a later comparison runs the new code only.

Results are documents, diffs, reports, responses, messages, log lines, metrics and exit codes. They must be the same to the
byte but for their wording: a reason, a message, a text in a Result, the name of a settings layer. Each wording is replaced
by a placeholder first, so the number, order and position of wordings are compared too, and so is the part before each: the
severity, the status, and the location ``Task "…", container "…" (path):``.

The exit code is 1 if anything else differs. ``--wording`` writes each changed wording, old and new side by side, with the
names and numbers that the new one lacks. A person has to read these: no comparison can tell whether they say the same.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from compare_runner import Record
from compare_wording import CUT_OFF, Mask

ROOT: Final = Path(__file__).resolve().parent.parent
PROCESSES: Final = 2
MAX_SHOWN: Final = 50
MAX_LENGTH: Final = 400
INPUTS: Final = "inputs.json"
RESULTS: Final = "results.json"
NAMES: Final = re.compile(
    r'"[^"]*"|`[^`]*`|[\w-]+(?:[/.:@][\w-]+)+|--[a-z-]+|\b\d+\b|\b\w*[a-z][A-Z]\w*\b|\b[A-Z_]{3,}\b'
)
"""Names in quotes, paths, options, numbers, members and variables: a new wording should keep them."""


def run(checkout: Path, given: Sequence[Record]) -> dict[str, Record]:
    """Return the results of a checkout by the names of the inputs."""
    with tempfile.TemporaryDirectory() as name:
        started = [_start(checkout, given[part::PROCESSES], Path(name, str(part))) for part in range(PROCESSES)]
        codes = [process.wait() for process in started]
        if any(codes):
            sys.exit(f"{checkout} cannot be run")
        results = [json.loads((Path(name, str(part)) / RESULTS).read_text()) for part in range(PROCESSES)]
    return {each["name"]: results[number % PROCESSES][each["name"]] for number, each in enumerate(given)}


def _start(checkout: Path, given: Sequence[Record], folder: Path) -> subprocess.Popen[bytes]:
    """Start a process with its own folder and environment."""
    folder.mkdir()
    (folder / INPUTS).write_text(json.dumps(given))
    runner = Path(__file__).with_name("compare_runner.py")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(checkout / "src"),
        "PYTHONHASHSEED": "0",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.Popen([sys.executable, runner, checkout, INPUTS, RESULTS], cwd=folder, env=environment)


class Comparison:
    """The differences, each with the inputs that have it, and the number of times that an old wording became a new one."""

    def __init__(self) -> None:
        self.differences: defaultdict[str, list[str]] = defaultdict(list)
        self.wordings: Counter[tuple[str, str]] = Counter()

    def add(self, name: str, old: Record, new: Record) -> None:
        """Compare the results of one input."""
        old_mask, new_mask = Mask(), Mask()
        for part in [*old, *(new.keys() - old.keys())]:
            if part not in old or part not in new:
                self.differences[f"{part}: only {'old' if part in old else 'new'} code has it"].append(name)
                continue
            (before, old_wording), (after, new_wording) = (
                mask.masked(part, each[part]) for mask, each in ((old_mask, old), (new_mask, new))
            )
            for difference in differences(before, after, part):
                self.differences[difference].append(name)
            if len(old_wording) == len(new_wording):  # otherwise lines were cut off, or a difference is reported
                for pair in zip(old_wording, new_wording, strict=True):
                    self.wordings.update(_facts(*pair))


def _facts(old: str, new: str) -> Iterator[tuple[str, str]]:
    """Yield an old and a new wording; if they join several facts, yield each fact separately."""
    old_facts, new_facts = old.strip().split("; "), new.strip().split("; ")
    yield from zip(old_facts, new_facts, strict=True) if len(old_facts) == len(new_facts) else [(old, new)]


def differences(old: object, new: object, path: str) -> Iterator[str]:
    """Yield the differences between two masked results, each with its path."""
    if old == new or CUT_OFF in (old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from differences(old[key], new[key], f"{path}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from differences(before, after, f"{path}[{index}]")
    elif isinstance(old, list) and isinstance(new, list):
        index = next(
            (i for i, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), min(len(old), len(new))
        )
        yield f"{path}: {len(old)} -> {len(new)} items, from [{index}] on: {old[index : index + 1]} -> {new[index : index + 1]}"
    else:
        yield f"{path}: {old!r} -> {new!r}"


def table(wordings: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """Yield the changed wordings as tab-separated lines, one for all that differ only in names and numbers.

    The last two columns help to find swapped messages: how many new wordings the old one has, and how many old ones the
    new one has.
    """
    counts: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], tuple[str, str]] = {}
    for (old, new), count in sorted(wordings.items()):
        pattern = NAMES.sub("…", old), NAMES.sub("…", new)
        counts[pattern] += count
        examples.setdefault(pattern, (old, new))
    new_per_old, old_per_new = Counter(old for old, _ in counts), Counter(new for _, new in counts)
    yield "times\told\tnew\tlost\tnew wordings\told wordings"
    for pattern, (old, new) in examples.items():
        lost = [name for name in dict.fromkeys(NAMES.findall(old)) if name not in new]
        if old != new:
            yield "\t".join(
                [
                    str(counts[pattern]),
                    old,
                    new,
                    " ".join(lost),
                    str(new_per_old[pattern[0]]),
                    str(old_per_new[pattern[1]]),
                ]
            )


def main() -> int:
    """Compare, and print the differences."""
    parser = argparse.ArgumentParser(description="Compare this checkout with an older one: only wording may differ.")
    parser.add_argument("--base", type=Path, required=True, help="the older checkout, or a record of it")
    parser.add_argument("--corpus", type=Path, help="a folder with the folders templates and task-definitions")
    parser.add_argument("--record", type=Path, help="write a record of the older checkout to this file")
    parser.add_argument("--wording", type=Path, help="write the changed wordings to this file, as tab-separated values")
    options = parser.parse_args()
    if options.base.is_dir():
        from compare_inputs import inputs  # noqa: PLC0415 - a record is enough without the tests' own code

        given = [asdict(each) for each in inputs(options.base, options.corpus)]
        record: Record = {"inputs": given, "results": run(options.base.resolve(), given)}
    else:
        record = json.loads(options.base.read_text())
    if options.record:
        options.record.write_text(json.dumps(record))
    old, new = record["results"], run(ROOT, record["inputs"])
    comparison = Comparison()
    for name, results in old.items():
        comparison.add(name, results, new[name])
    _, *wordings = lines = list(table(comparison.wordings))
    if options.wording:
        options.wording.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    for line in totals(old):
        print(line)
    for difference, names in sorted(comparison.differences.items(), key=lambda each: -len(each[1]))[:MAX_SHOWN]:
        print(f"{difference[:MAX_LENGTH]}\n    times: {len(names)}, first in {names[0]}")
    count = sum(map(len, comparison.differences.values()))
    print(f"{len(old)} inputs, {count} differences, {len(wordings)} changes of wording")
    return 1 if comparison.differences else 0


def totals(results: Mapping[str, Record]) -> Iterator[str]:
    """Yield a line with the number of results by outcome, for each command, for the function and for the hook."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results.values():
        for part, each in result.items():
            response = each.get("response", {})
            outcome = response.get("status", response.get("hookStatus", f"exit code {each.get('code')}"))
            counts[part.split(":")[0]][outcome] += 1
    for part, count in counts.items():
        yield f"{part}: " + ", ".join(f"{outcome} {number}" for outcome, number in sorted(count.items()))


if __name__ == "__main__":
    sys.exit(main())
