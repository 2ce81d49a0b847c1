"""Setup for all tests."""

from __future__ import annotations

import gc
import itertools
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from sysdig_instrument import lazy_dataclasses

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler.protocol import Scheduling

# Before anything else of the package is imported, as it applies to classes that are defined later.
lazy_dataclasses.enforce_frozen = True

import secret_guard  # noqa: E402 - it imports much of the package

# The time that an example takes depends on the load of the machine.
settings.register_profile("without-deadline", deadline=None)
settings.load_profile("without-deadline")

secret_guard.install()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of groups first: a group runs in one process, and the last one would run alone."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_collection_finish() -> None:
    _exclude_from_collection()


def pytest_runtest_logfinish() -> None:
    if next(_finished) % 200 == 0:
        _exclude_from_collection()


_finished = itertools.count()


def _exclude_from_collection() -> None:
    """Exclude what pytest keeps from garbage collection, which the handler runs after each refusal: it is as fast as there."""
    gc.collect()
    gc.freeze()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Return the parameter's name as the id of a text that cannot be read as one; pytest numbers them."""
    is_text = isinstance(val, str)
    return argname if is_text and not re.fullmatch(r"[\w .:/=@*+,()'\"$-]{0,45}", str(val)) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Return the scheduler for ``--dist loadgroup``."""
    from parallel_runs import GroupedScheduling  # noqa: PLC0415 - mutmut's environment has no pytest-xdist

    return GroupedScheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


@pytest.fixture(autouse=True)
def _no_secret_leaks() -> Iterator[None]:
    secret_guard.leaks.clear()
    yield
    assert not secret_guard.leaks, "an output contains a planted secret"
