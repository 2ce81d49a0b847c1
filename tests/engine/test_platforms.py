"""Each member of a RuntimePlatform is read by itself."""

from __future__ import annotations

import pytest

from making import resource, scope, task_in
from sysdig_instrument.engine.choices import Always, Choice, Tree
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.known import Unknown
from sysdig_instrument.engine.platforms import architectures, platform

UNKNOWN: Json = {"Fn::GetAtt": ["X", "Y"]}


def tree_of(value: Json) -> Tree[str | Unknown]:
    task = task_in({"Resources": {"Api": resource(RuntimePlatform=value)}})
    return architectures(task, task.scope, {})


@pytest.mark.parametrize(
    ("value", "architecture"),
    [
        (None, "amd64"),
        ({}, "amd64"),
        ({"CpuArchitecture": "arm64"}, "arm64"),
        ({"CpuArchitecture": "ARM64", "OperatingSystemFamily": UNKNOWN}, "arm64"),
        ({"OperatingSystemFamily": UNKNOWN}, "amd64"),
        (
            {
                "Fn::If": [
                    "C",
                    {"CpuArchitecture": "ARM64", "OperatingSystemFamily": UNKNOWN},
                    {"CpuArchitecture": "ARM64"},
                ]
            },
            "arm64",
        ),
    ],
)
def test_the_architecture_does_not_depend_on_the_operating_system(value: Json, architecture: str) -> None:
    assert tree_of(value) == Always(architecture)


def test_each_branch_has_its_architecture() -> None:
    branches: Json = [{"CpuArchitecture": "ARM64", "OperatingSystemFamily": UNKNOWN}, {"Ref": "AWS::NoValue"}]
    assert isinstance(branches, list)
    assert tree_of({"Fn::If": ["C", *branches]}) == Choice("C", Always("arm64"), Always("amd64"))


@pytest.mark.parametrize("value", [{"CpuArchitecture": UNKNOWN}, UNKNOWN, {"Fn::Transform": {"Name": "X"}}])
def test_what_is_not_known_is_not_guessed(value: Json) -> None:
    (leaf,) = [tree_of(value)]
    assert isinstance(leaf, Always)
    assert isinstance(leaf.value, Unknown)


def test_a_member_is_known_beside_one_that_is_not() -> None:
    value: dict[str, Json] = {
        "RuntimePlatform": {"CpuArchitecture": UNKNOWN, "OperatingSystemFamily": "windows_server"}
    }
    assert platform(value, "OperatingSystemFamily", scope()) == "WINDOWS_SERVER"
    assert isinstance(platform(value, "CpuArchitecture", scope()), Unknown)


def test_a_member_is_known_where_all_branches_agree() -> None:
    """`C` is no condition of the template, so nothing is known of it."""
    branches: list[Json] = [
        {"OperatingSystemFamily": "LINUX", "CpuArchitecture": "X86_64"},
        {"OperatingSystemFamily": "linux", "CpuArchitecture": "ARM64"},
    ]
    value: dict[str, Json] = {"RuntimePlatform": {"Fn::If": ["C", *branches]}}
    assert platform(value, "OperatingSystemFamily", scope()) == "LINUX"
    assert isinstance(platform(value, "CpuArchitecture", scope()), Unknown)
    half: dict[str, Json] = {"RuntimePlatform": {"Fn::If": ["C", branches[0], UNKNOWN]}}
    assert isinstance(platform(half, "OperatingSystemFamily", scope()), Unknown)
