"""Sizes: the forms that ECS accepts, and the next size that Fargate has."""

from __future__ import annotations

import pytest

from sysdig_instrument.engine.fargate_sizes import FARGATE_SIZES, Size, cpu_units, mebibytes, next_size
from sysdig_instrument.engine.json_types import Json


@pytest.mark.parametrize(
    ("value", "units"),
    [
        pytest.param(256, 256, id="256"),
        pytest.param("256", 256, id="string"),
        pytest.param(" 256 ", 256, id="spaces"),
        pytest.param("1 vCPU", 1024, id="1-vCPU"),
        pytest.param("1vcpu", 1024, id="1vcpu"),
        pytest.param(".25 vCPU", 256, id=".25-vCPU"),
        pytest.param("0.25 VCPU", 256, id="0.25-VCPU"),
        pytest.param("2 vCPU", 2048, id="2-vCPU"),
        pytest.param(256.0, 256, id="256.0"),
        pytest.param(0, 0, id="0"),
        pytest.param("x", None, id="letter"),
        pytest.param("", None, id="empty"),
        pytest.param(True, None, id="true"),
        pytest.param(None, None, id="null"),
        pytest.param([], None, id="list"),
        pytest.param("1 GB", None, id="GB"),
        pytest.param("1e3", None, id="exponent"),
        pytest.param("-1", None, id="negative-string"),
        pytest.param(-1, None, id="negative"),
        pytest.param(float("inf"), None, id="infinity"),
        pytest.param(float("nan"), None, id="nan"),
        pytest.param(10**400, None, id="10-to-the-400"),
        pytest.param("9" * 21, None, id="21-digits"),
        pytest.param("1" * 1_000_000 + "x", None, id="million-digits"),
        pytest.param(" " * 1_000_000, None, id="million-spaces"),
        pytest.param("1.", None, id="trailing-dot"),
        pytest.param("1..5", None, id="two-dots"),
    ],
)
def test_cpu_is_parsed_in_every_format(value: Json, units: int | None) -> None:
    assert cpu_units(value) == units


@pytest.mark.parametrize(
    ("value", "mib"),
    [
        pytest.param(512, 512, id="512"),
        pytest.param("512", 512, id="string"),
        pytest.param("0.5 GB", 512, id="0.5-GB"),
        pytest.param("1GB", 1024, id="1GB"),
        pytest.param("2 gb", 2048, id="2-gb"),
        pytest.param("1 vCPU", None, id="vCPU"),
    ],
)
def test_memory_is_parsed_in_every_format(value: Json, mib: int | None) -> None:
    assert mebibytes(value) == mib


@pytest.mark.parametrize(
    ("minimum", "size"),
    [
        pytest.param((1, 1), (256, 512), id="smallest"),
        pytest.param((256, 512), (256, 512), id="exact-256"),
        pytest.param((256, 513), (256, 1024), id="memory-513"),
        pytest.param((256, 2049), (512, 3072), id="memory-2049"),
        pytest.param((257, 1), (512, 1024), id="cpu-257"),
        pytest.param((1024, 8192), (1024, 8192), id="exact-1024"),
        pytest.param((1024, 8193), (2048, 9216), id="memory-8193"),
        pytest.param((4096, 30721), (8192, 32768), id="memory-30721"),
        pytest.param((16384, 122880), (16384, 122880), id="exact-largest"),
        pytest.param((16385, 1), None, id="too-much-cpu"),
        pytest.param((1, 122881), None, id="too-much-memory"),
    ],
)
def test_the_next_fargate_size_is_the_smallest_that_fits(
    minimum: tuple[int, int], size: tuple[int, int] | None
) -> None:
    found = next_size(Size(*minimum))
    assert (found and found.amounts) == size


def test_fargate_sizes_are_in_ascending_order() -> None:
    assert [cpu for cpu, _ in FARGATE_SIZES] == [256 << step for step in range(7)]
    for _, memories in FARGATE_SIZES:
        assert list(memories) == sorted(set(memories))
