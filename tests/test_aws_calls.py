"""The lists of calls that are made to fail have each operation that the code of ``apply``, ``watch`` and ``stacks`` names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.test_every_call import EVERY as OF_APPLY
from stacks.test_every_call import EVERY as OF_STACKS
from watch.test_every_call import EVERY as OF_WATCH
from watch.test_every_call import OF_HOOK

SOURCE = Path(__file__).parents[1] / "src" / "sysdig_instrument"
NAMED = re.compile(r"""(?:client|_reader|_writer)\.(?!get_paginator|meta)([a-z_]+)|get_paginator\("([a-z_]+)"\)""")


@pytest.mark.parametrize(
    ("folder", "service", "lists"),
    [("services", "ecs", (*OF_APPLY, *OF_WATCH, *OF_HOOK)), ("stacks", "cloudformation", OF_STACKS)],
    ids=["services", "stacks"],
)
def test_each_operation_in_the_code_is_in_a_list(folder: str, service: str, lists: tuple[str, ...]) -> None:
    code = "".join(path.read_text() for path in sorted((SOURCE / folder).glob("*.py")))
    named = {first or second for first, second in NAMED.findall(code)} - {"client"}
    assert named
    assert {f"{service}:{''.join(map(str.capitalize, each.split('_')))}" for each in named} <= set(lists)
