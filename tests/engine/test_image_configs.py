"""ImageConfigs: the most exact key that matches an image counts."""

from __future__ import annotations

import pytest

from factories import container, processed, properties_of, template
from sysdig_instrument.engine.expressions.scope import PlanState
from sysdig_instrument.engine.image_configs import find_key
from sysdig_instrument.engine.json_types import Json

CONFIGS: dict[str, Json] = {
    key: {"Entrypoint": [key]}
    for key in ("nginx", "nginx:1.27", "*", "*/shop/*", "*/shop/web:*", "localhost:5000/app", "web@sha256:0", "[ab]:1")
}


@pytest.mark.parametrize(
    ("image", "key"),
    [
        pytest.param("nginx:1.27", "nginx:1.27", id="exact"),
        pytest.param("nginx:1.28", "nginx", id="repository"),
        pytest.param("nginx", "nginx", id="repository-itself"),
        pytest.param("nginx:1.28@sha256:1", "nginx", id="tag-and-digest"),
        pytest.param("localhost:5000/app:2", "localhost:5000/app", id="port"),
        pytest.param("localhost:5000/other", "*", id="another-repository-at-the-port"),
        pytest.param("ghcr.io/shop/web:3", "*/shop/web:*", id="the-longest-glob"),
        pytest.param("ghcr.io/shop/api:3", "*/shop/*", id="another-glob"),
        pytest.param("a:1", "[ab]:1", id="a-class"),
        pytest.param("web@sha256:0", "web@sha256:0", id="digest"),
        pytest.param("my-nginx:1", "*", id="no-part-of-a-name"),
    ],
)
def test_the_most_exact_key_counts(image: str, key: str) -> None:
    assert find_key(image, CONFIGS, PlanState()) == key


def test_an_image_that_no_key_matches() -> None:
    assert find_key("nginx", {"ngin": {}, "nginx:1": {}, "*x:*": {}}, PlanState()) is None


def test_a_glob_gives_the_entry_point() -> None:
    value = template(container(EntryPoint=None, Image="example.com/shop/web:8"))
    made = processed(value, {"ImageConfigs": {"*/shop/*": {"Entrypoint": ["/run"], "Cmd": ["x"]}}})
    (web, _) = properties_of(made)["ContainerDefinitions"]
    assert (web["EntryPoint"], web["Command"]) == (["/opt/draios/bin/instrument", "/run"], ["x"])
