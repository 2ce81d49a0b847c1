"""Print the kinds of mutations and their answers as Markdown: ``PYTHONPATH=tests:src python -m bypasses``.

With ``--wrong``, print the kinds for which the engine says protected and the oracle does not.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict

from bypasses.definitions import definitions
from bypasses.judges import Answer, answer_of, engine_answer, engine_answers, oracle_answer
from bypasses.sampling import literal_mutations, mutations_to_expressions
from oracle.template_protection import protections


def main() -> None:
    """Print the table, and the kinds that the engine is wrong about."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    wrong: Counter[str] = Counter()
    for name, kind, expected, is_certain, actual in _answers():
        column = expected.value if is_certain else "either"
        field = kind.partition(": ")[0]
        counts[field.replace("[first]", "[]").replace("[other]", "[]")][column] += 1
        if actual is Answer.PROTECTED and expected is not Answer.PROTECTED:
            wrong[f"{kind} ({name}: {expected.value})"] += 1
    if "--wrong" in sys.argv:
        print("\n".join(sorted(wrong)))  # noqa: T201 - a command
        return
    columns = ("not protected", "protected", "left alone", "either")
    print("| field | mutations | " + " | ".join(columns) + " |")  # noqa: T201 - a command
    print("|---|" + "---|" * (len(columns) + 1))  # noqa: T201 - a command
    for field, found in (*sorted(counts.items()), ("**all**", sum(counts.values(), Counter()))):
        cells = " | ".join(str(found[column]) for column in columns)
        print(f"| {field if field.startswith('**') else f'`{field}`'} | {found.total()} | {cells} |")  # noqa: T201 - a command


def _answers() -> list[tuple[str, str, Answer, bool, Answer]]:
    found = []
    for definition in definitions():
        settings = definition.settings
        for mutation in literal_mutations()[definition.name]:
            expected, is_certain = oracle_answer(mutation.properties, settings)
            actual = engine_answer(mutation.properties, settings)
            found.append((definition.name, mutation.kind, expected, is_certain, actual))
        for written in mutations_to_expressions()[definition.name]:
            protection = protections(written.template, written.stack, settings)["Task"]
            actual = engine_answers(written.template, written.stack, settings)["Task"]
            found.append((definition.name, written.kind, answer_of(protection), protection.is_certain, actual))
    return found


main()
