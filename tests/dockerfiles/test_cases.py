"""What the images of Dockerfiles run: the cases in cases.yaml, and how Docker's own parser reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dockerfiles.random_dockerfiles import dockerfiles
from sysdig_instrument.dockerfile.image import BuildOptions, BuiltImage, built_image
from sysdig_instrument.dockerfile.words import DockerfileError
from sysdig_instrument.engine.lookups import ImageConfig

LONG = {
    "{nested}": "[" * 100_000,
    "{long}": "ARG A=" + "x" * 4000 + "\nARG B=" + "$A" * 400_000 + "\n",
    "{spaces}": " " * 900_000,
    "{stages}": "".join(f"FROM s{n + 1} AS s{n}\n" for n in range(50_000)),
    "{doubling}": "ARG A0=xx\n" + "".join(f"ARG A{n + 1}=$A{n}$A{n}\n" for n in range(20)),
}
CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text(encoding="utf-8"))


def text_of(case: dict[str, Any]) -> str:
    text = str(case["dockerfile"])
    for name, value in LONG.items():
        text = text.replace(name, value)
    return text


def image_of(case: dict[str, Any]) -> BuiltImage:
    options = BuildOptions(
        case.get("architecture", "amd64"),
        case.get("target", ""),
        case.get("arguments", {}),
        case.get("contexts", ()),
    )
    return built_image(text_of(case), options)


def config_of(case: dict[str, Any]) -> ImageConfig:
    base = case.get("base", {})
    entrypoint, cmd, shell = (tuple(base.get(key, ())) for key in ("entrypoint", "cmd", "shell"))
    return image_of(case).config(ImageConfig(entrypoint, cmd, shell, has_triggers=base.get("triggers", False)))


with_result = pytest.mark.parametrize(
    "case", [pytest.param(each, id=each["name"]) for each in CASES if "expect" in each]
)
with_error = pytest.mark.parametrize("case", [pytest.param(each, id=each["name"]) for each in CASES if "error" in each])


@with_result
def test_what_the_image_runs(case: dict[str, Any]) -> None:
    image, config = image_of(case), config_of(case)
    expected = case["expect"]
    assert (list(config.entrypoint), list(config.cmd)) == (expected["entrypoint"], expected["cmd"])
    assert list(image.from_base) == case.get("from_base", [])


@with_result
def test_the_base_image(case: dict[str, Any]) -> None:
    image, base = image_of(case), case.get("base", {})
    if image.is_complete:
        assert config_of(case) == image.config(ImageConfig(("other",), ("other",), ("other",), has_triggers=True))
    else:
        assert (image.base, image.architecture) == (base["image"], base.get("architecture", "amd64"))


@with_error
def test_what_cannot_be_told(case: dict[str, Any]) -> None:
    with pytest.raises(DockerfileError) as raised:
        config_of(case)
    assert case["error"] in raised.value.fact


@settings(max_examples=200)
@given(dockerfiles() | st.text(max_size=40))
def test_any_text_has_a_result_or_a_reason(text: str) -> None:
    try:
        image = built_image(text, BuildOptions("amd64", arguments={"X": "a"}))
    except DockerfileError:
        return
    assert image.base is None or image.base in text
    assert image.is_complete or image.base is not None
