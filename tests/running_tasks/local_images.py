"""Images for the runner without a registry: busybox with a program that shows how it was started, and the stand-in."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import botocore.session

from attack import AGENT_IMAGE
from embedded_aws.api_parameters import to_api_parameters
from embedded_aws.registry import registry
from factories import context_of
from fixtures_embedded_aws import skip_or_fail
from running_tasks.argv_forms import SHOW, SHOW_SCRIPT
from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup
from sysdig_instrument.engine.plan import process
from sysdig_instrument.planning import plan_with_lookups
from task_runner.images import Image, pull
from task_runner.programs import is_root, missing_reason
from task_runner.small_images import STAND_IN, add_application, add_stand_in

SHAPE = botocore.session.get_session().get_service_model("ecs").operation_model("RegisterTaskDefinition").input_shape
APPLICATION = "application:1"


def require_runner() -> None:
    """Skip the test if tasks cannot run here; in CI, fail."""
    if reason := missing_reason():
        skip_or_fail(reason)
    if not is_root():
        skip_or_fail("only root can run containers as other users")


@functools.cache
def _base_images() -> tuple[Image, Image]:
    """Return the application's image and the stand-in, as a registry has them."""
    with registry({}) as running:
        add_application(running, APPLICATION, {}, {SHOW.lstrip("/"): SHOW_SCRIPT})
        add_stand_in(running)
        return pull(f"{running.host}/{APPLICATION}"), pull(f"{running.host}/{STAND_IN}")


def images(configs: Mapping[str, Mapping[str, Any]]) -> Callable[[str], Image]:
    """Return a function that gives the application's image with the configuration of each name, and the stand-in."""
    application, stand_in = _base_images()
    return lambda image: stand_in if image == AGENT_IMAGE else replace(application, config=configs[image])


def as_ecs_holds_it(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a task definition resource in the format of DescribeTaskDefinition."""
    described: dict[str, Any] = to_api_parameters(dict(properties), SHAPE)
    return described


def instrumented(value: dict[str, Any], configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the template as the macro returns it."""

    def answer(lookups: Any) -> dict[Any, Any]:
        return {
            lookup: ImageConfig(tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ()))
            for lookup in lookups
            if isinstance(lookup, ImageLookup)
            for config in [configs[lookup.image]]
        }

    result, problems = process(value, plan_with_lookups(value, context_of(), answer))
    assert not problems, [problem.text for problem in problems]
    return cast("dict[str, Any]", result)
