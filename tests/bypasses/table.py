"""The table in docs/security.md: how many mutations of which members of a task definition leave it unprotected."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from bypasses.definitions import definitions
from bypasses.judges import Answer, answer_of, oracle_answer
from bypasses.sampling import literal_mutations, mutations_to_expressions
from oracle.template_protection import protections

DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"
MARK = "<!-- table: PYTHONPATH=tests:src python -m bypasses --write -->"
COLUMNS = ("not protected", "either", "protected", "left alone")


def table() -> str:
    """Return the table as Markdown. The members of which no mutation leaves a task unprotected share a row."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for field, column in _answers():
        counts[re.sub(r"\[.*|(?<=\.)(\w+)\..*", r"\1", field)][column] += 1
    harmful = {field: found for field, found in counts.items() if found["not protected"]}
    rows = [(f"`{field}`", found) for field, found in sorted(harmful.items())]
    rows.append(("other members", sum((found for field, found in counts.items() if field not in harmful), Counter())))
    rows.append(("**all**", sum(counts.values(), Counter())))
    lines = [f"| Member | {' | '.join(COLUMNS)} |", "|---|" + "---|" * len(COLUMNS)]
    lines += [f"| {name} | {' | '.join(str(found[column]) for column in COLUMNS)} |" for name, found in rows]
    return "\n".join(lines)


def document_with(new: str) -> str:
    """Return the document with this table."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(MARK)
    _, _, after = rest.lstrip("\n").partition("\n\n")
    return f"{before}{MARK}\n\n{new}\n\n{after}"


def _answers() -> Iterator[tuple[str, str]]:
    """Yield the field of each mutation, and the column of the oracle's answer."""
    for definition in definitions():
        for mutation in literal_mutations()[definition.name]:
            expected, is_certain = oracle_answer(mutation.properties, definition.settings)
            yield mutation.field, _column(expected, is_certain=is_certain)
        for written in mutations_to_expressions()[definition.name]:
            found = protections(written.template, written.stack, definition.settings)["Task"]
            yield written.field, _column(answer_of(found), is_certain=found.is_certain)


def _column(answer: Answer, *, is_certain: bool) -> str:
    return answer.value if is_certain else "either"
