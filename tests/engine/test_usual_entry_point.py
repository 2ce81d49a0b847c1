"""The usual forms of an EntryPoint are decided first. What is written is what the step for all forms would write."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from factories import CONDITIONS, container, if_, plan_of, template
from readable_ids import readable_id
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.json_types import Json

ALL_FORMS = sys.modules["sysdig_instrument.engine.steps.entry_point"]
ENTRY_POINTS: list[Any] = [
    *(["web"], ["", "web"], ["/init"], [WRAPPER], [WRAPPER, "web"], ["sh", "-c", f"{WRAPPER} web"]),
    *([""], [], None, ["web", {"Ref": "AWS::Region"}], ["web", 1], ["web", None], "web", if_("Active", ["web"])),
]
CONFIGS: list[dict[str, list[str]]] = [
    *({"Entrypoint": ["web"], "Cmd": ["serve"]}, {"Entrypoint": ["web"]}, {"Cmd": ["serve"]}, {}),
    *({"Entrypoint": [""], "Cmd": ["serve"]}, {"Entrypoint": ["/init"]}, {"Cmd": ["/sbin/init"]}, {"Cmd": [""]}),
    *({"Entrypoint": [WRAPPER, "web"]}, {"Entrypoint": ["sh", f"{WRAPPER} web"]}, {"Cmd": [WRAPPER]}),
    {"Entrypoint": ["/opt/draios/bin"], "Cmd": ["instrument"]},
]
IMAGES: list[Json] = ["shop/web:1", if_("Active", "shop/web:1", "shop/web:2"), {"Ref": "Unknown"}, "", 5]


def planned(value: Json, settings: dict[str, Json]) -> Any:
    found = plan_of(value, settings)
    tasks = [(each.outcome, each.containers, each.changes, each.findings) for each in found.tasks]
    return tasks, found.notices, found.problems, found.used_configs, found.processed


def check_is_the_same(web: dict[str, Any], settings: dict[str, Json], monkeypatch: pytest.MonkeyPatch) -> None:
    value = template(web, container(Name="other", EntryPoint=["other"]), sections=CONDITIONS)
    usual = planned(value, settings)
    with monkeypatch.context() as patched:
        patched.setattr(ALL_FORMS, "usual_entry_point", lambda _container: None)
        assert planned(value, settings) == usual


def of_image(image: Json) -> dict[str, Any]:
    web = container(Image=image)
    del web["EntryPoint"]
    return web


@pytest.mark.parametrize("value", ENTRY_POINTS, ids=readable_id)
def test_a_list_of_strings(value: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    check_is_the_same(container(EntryPoint=value), {}, monkeypatch)


@pytest.mark.parametrize("config", CONFIGS, ids=readable_id)
def test_what_the_image_runs(config: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    for image in IMAGES:
        check_is_the_same(of_image(image), {"ImageConfigs": {"*": dict[str, Any](config)}}, monkeypatch)


@pytest.mark.parametrize("policy", ["fail", "skip"])
@pytest.mark.parametrize("image", IMAGES, ids=readable_id)
def test_an_image_that_is_looked_up(image: Json, policy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check_is_the_same(of_image(image), {"OnUnresolvedImage": policy}, monkeypatch)
