"""Patterns that are compiled at their first use."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from sysdig_instrument.lazy_patterns import lazy_patterns

MODULE = """\
import re
WORD = re.compile(r"[a-z]+", re.IGNORECASE)
WRONG = re.compile("(")
"""


def test_a_pattern_is_compiled_at_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "has_patterns.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    compile_at_once = re.compile
    with lazy_patterns():
        import has_patterns  # type: ignore[import-not-found]  # noqa: PLC0415 - written above
    assert re.compile is compile_at_once
    for _ in range(2):
        assert has_patterns.WORD.fullmatch("Word")
        assert not has_patterns.WORD.fullmatch("two words")
    assert has_patterns.WORD.pattern == "[a-z]+"
    with pytest.raises(re.error):
        has_patterns.WRONG.search("x")


def test_an_import_that_fails_leaves_re_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cannot_be_imported.py").write_text("raise OSError")
    monkeypatch.syspath_prepend(tmp_path)
    compile_at_once = re.compile
    with pytest.raises(OSError), lazy_patterns():  # noqa: PT011 - the module raises it
        import cannot_be_imported  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - written above
    assert re.compile is compile_at_once
    assert "cannot_be_imported" not in sys.modules
