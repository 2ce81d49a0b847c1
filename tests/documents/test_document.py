"""A document is parsed once, and a plan's changes are applied once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sysdig_instrument.cli.main import run
from sysdig_instrument.documents import read, syntax_tree, yaml_syntax
from sysdig_instrument.engine import patch

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return the number of calls of the YAML parser and of the function that applies changes, by name."""
    counts: Counter[str] = Counter()

    def count(module: ModuleType, name: str) -> None:
        real: Callable[..., Any] = getattr(module, name)

        def counted(*arguments: object) -> object:
            counts[name] += 1
            return real(*arguments)

        monkeypatch.setattr(module, name, counted)

    count(yaml_syntax, "compose_yaml")
    count(patch, "apply")
    return counts


@pytest.mark.parametrize(
    ("command", "parsed_texts"),
    [
        pytest.param("transform", 2, id="transform"),  # the template, and the new text to prove it
        pytest.param("diff", 2, id="diff"),
        pytest.param("explain", 1, id="explain"),
    ],
)
def test_each_text_is_parsed_once(
    command: str, parsed_texts: int, calls: Counter[str], capsys: pytest.CaptureFixture[str]
) -> None:
    images = str(EXAMPLES / "images.json")
    assert (
        run(
            [
                command,
                str(EXAMPLES / "app.yaml"),
                "--set",
                "Collector=us2",
                "--set",
                "AccessKeySecret=none",
                "--images",
                images,
            ]
        )
        == 0
    )
    assert capsys.readouterr().out
    assert calls == {"compose_yaml": parsed_texts, "apply": 1}


def test_a_yaml_document_keeps_its_tree(calls: Counter[str]) -> None:
    document = read(b"a: [1, 2]\n", "t")
    assert document.tree is document.tree
    assert calls["compose_yaml"] == 1


def test_a_json_document_composes_its_tree_once() -> None:
    document = read(b'{"a": [1, 2]}', "t")
    assert isinstance(document.tree, syntax_tree.Mapping)
    assert document.tree is document.tree
