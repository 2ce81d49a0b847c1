"""Print how many mutations of which members leave a task unprotected: ``PYTHONPATH=tests:src python -m bypasses``.

With ``--write``, write this table to docs/security.md. With ``--wrong``, print the kinds for which the engine says protected
and the oracle does not.
"""

from __future__ import annotations

import sys

from bypasses.definitions import definitions
from bypasses.judges import Answer, answer_of, engine_answer, engine_answers, oracle_answer
from bypasses.sampling import literal_mutations, mutations_to_expressions
from bypasses.table import DOCUMENT, document_with, table
from oracle.template_protection import protections


def main() -> None:
    """Print or write the table, or print the kinds that the engine is wrong about."""
    if "--wrong" in sys.argv:
        wrong = (f"{kind}: {expected.value}" for kind, expected, actual in _answers() if _is_wrong(expected, actual))
        print("\n".join(sorted(set(wrong))))  # noqa: T201 - a command
    elif "--write" in sys.argv:
        DOCUMENT.write_text(document_with(table()), encoding="utf-8")
    else:
        print(table())  # noqa: T201 - a command


def _is_wrong(expected: Answer, actual: Answer) -> bool:
    return actual is Answer.PROTECTED and expected is not Answer.PROTECTED


def _answers() -> list[tuple[str, Answer, Answer]]:
    found = []
    for definition in definitions():
        settings = definition.settings
        for mutation in literal_mutations()[definition.name]:
            expected, _ = oracle_answer(mutation.properties, settings)
            found.append((mutation.kind, expected, engine_answer(mutation.properties, settings)))
        for written in mutations_to_expressions()[definition.name]:
            expected = answer_of(protections(written.template, written.stack, settings)["Task"])
            found.append((written.kind, expected, engine_answers(written.template, written.stack, settings)["Task"]))
    return found


main()
