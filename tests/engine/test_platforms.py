"""The members of a RuntimePlatform, each evaluated alone."""

from __future__ import annotations

import pytest

from factories import resource, scope, task_in
from sysdig_instrument.engine.expressions.decision_tree import Branch, Leaf, Tree
from sysdig_instrument.engine.expressions.values import Unknown
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.platforms import architecture, platform_member

UNKNOWN: Json = {"Fn::GetAtt": ["X", "Y"]}


def tree_of(value: Json) -> Tree[str | Unknown]:
    task = task_in({"Resources": {"Api": resource(RuntimePlatform=value)}})
    return architecture(task, task.scope, {})


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
def test_the_architecture_is_independent_of_the_os(value: Json, architecture: str) -> None:
    assert tree_of(value) == Leaf(architecture)


def test_each_branch_has_its_architecture() -> None:
    branches: Json = [{"CpuArchitecture": "ARM64", "OperatingSystemFamily": UNKNOWN}, {"Ref": "AWS::NoValue"}]
    assert isinstance(branches, list)
    assert tree_of({"Fn::If": ["C", *branches]}) == Branch("C", Leaf("arm64"), Leaf("amd64"))


@pytest.mark.parametrize("value", [{"CpuArchitecture": UNKNOWN}, UNKNOWN, {"Fn::Transform": {"Name": "X"}}])
def test_an_unknown_platform_is_not_guessed(value: Json) -> None:
    leaf = tree_of(value)
    assert isinstance(leaf, Leaf)
    assert isinstance(leaf.value, Unknown)


def test_one_member_is_known_beside_an_unknown_one() -> None:
    value: dict[str, Json] = {
        "RuntimePlatform": {"CpuArchitecture": UNKNOWN, "OperatingSystemFamily": "windows_server"}
    }
    assert platform_member(value, "OperatingSystemFamily", scope()) == "WINDOWS_SERVER"
    assert isinstance(platform_member(value, "CpuArchitecture", scope()), Unknown)


def test_a_member_is_known_where_all_branches_agree() -> None:
    """`C` is not a condition of the template, so its value is not known."""
    branches: list[Json] = [
        {"OperatingSystemFamily": "LINUX", "CpuArchitecture": "X86_64"},
        {"OperatingSystemFamily": "linux", "CpuArchitecture": "ARM64"},
    ]
    value: dict[str, Json] = {"RuntimePlatform": {"Fn::If": ["C", *branches]}}
    assert platform_member(value, "OperatingSystemFamily", scope()) == "LINUX"
    assert isinstance(platform_member(value, "CpuArchitecture", scope()), Unknown)
    half: dict[str, Json] = {"RuntimePlatform": {"Fn::If": ["C", branches[0], UNKNOWN]}}
    assert isinstance(platform_member(half, "OperatingSystemFamily", scope()), Unknown)
