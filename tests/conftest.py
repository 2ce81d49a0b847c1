"""Setup for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

import secret_guard

# The time that an example takes depends on the load of the machine.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")

secret_guard.install()


@pytest.fixture(autouse=True)
def _no_secret_leaks() -> Iterator[None]:
    secret_guard.leaks.clear()
    yield
    assert not secret_guard.leaks, "an output contains a planted secret"
