"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

import sinks

# How long an example takes depends on what else the machine does.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

sinks.watch()


@pytest.fixture(autouse=True)
def _nothing_secret_is_told() -> Iterator[None]:
    sinks.told.clear()
    yield
    assert not sinks.told, "a planted secret was told"
