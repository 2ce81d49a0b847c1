"""Fixtures for the tests of lookups: a certificate authority, and a network that uses it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lookup.certificates import Authority
from lookup.network import Network


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def network(authority: Authority) -> Iterator[Network]:
    made = Network(authority)
    yield made
    made.close()
