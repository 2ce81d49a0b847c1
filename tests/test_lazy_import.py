"""Modules that are loaded at their first use."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sysdig_instrument.lazy_import import lazy_imports


def test_a_module_is_loaded_at_first_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "first_used_late.py").write_text("import sys\nsys.loaded_late = True\nVALUE = 7\n")
    (tmp_path / "loaded_at_once.py").write_text("import first_used_late\nVALUE = 8\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "loaded_late", False, raising=False)
    finders = list(sys.meta_path)
    with lazy_imports("first_used_late", "no_such_module"):
        import loaded_at_once  # type: ignore[import-not-found]  # noqa: PLC0415 - written above

        with pytest.raises(ModuleNotFoundError):
            import no_such_module  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - there is none
    assert sys.meta_path == finders
    assert loaded_at_once.VALUE == 8
    assert vars(sys)["loaded_late"] is False
    assert loaded_at_once.first_used_late.VALUE == 7
    assert vars(sys)["loaded_late"] is True
