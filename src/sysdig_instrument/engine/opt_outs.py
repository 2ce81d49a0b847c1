"""Opt-outs: what a template leaves alone, and the settings of the macro's deployment alone would not.

The hook and ``coverage`` see the deployment's settings and the tags of a task definition, but no Metadata and no Parameters
of a Transform. An opt-out is visible if those two leave the same thing alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sysdig_instrument.engine.container import Container, container_at, container_definitions, container_lists, is_empty
from sysdig_instrument.engine.selection import Agent, Skip, decide_container, decide_task
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings, with_layer
from sysdig_instrument.engine.settings.table import SettingScope
from sysdig_instrument.engine.settings.tags import TAGS_LAYER
from sysdig_instrument.engine.settings.template_layers import TaskSettings
from sysdig_instrument.engine.template import TaskDefinition
from sysdig_instrument.lazy_dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class OptOut:
    """A task definition (``container`` is None) or a container that the template leaves alone.

    ``why`` says which layer decides that, ``resolved`` are its settings. ``is_visible`` is true if the hook and ``coverage``
    see the opt-out already.
    """

    container: Container | None
    why: str
    resolved: ResolvedSettings
    is_visible: bool

    @property
    def reason(self) -> str | None:
        """The reason that the template gives for it."""
        return self.resolved.values.reason if self.resolved.is_from_template("Reason") else None


def task_opt_out(task: TaskDefinition, settings: TaskSettings, why: str) -> tuple[OptOut, ...]:
    """Return the opt-out of a whole task definition, or nothing if the deployment would leave it alone too."""
    if _leaves_task_alone(task, settings.deployment):
        return ()
    return (OptOut(None, why, settings.resolved, _leaves_task_alone(task, settings.visible)),)


def container_opt_outs(
    task: TaskDefinition,
    settings: TaskSettings,
    skipped: Iterable[tuple[Container, str]],
    *,
    is_instrumented: bool,
) -> tuple[OptOut, ...]:
    """Return the opt-outs among the containers that are left alone, which come with the explanation.

    ``is_instrumented`` is true if another container of the task definition is instrumented. Then a tag that leaves the
    whole task definition alone does not count as visible: it says too much.
    """
    visible = settings.visible
    if is_instrumented and not visible.values.enabled:
        visible, _ = with_layer(visible, Layer(TAGS_LAYER, {"Enabled": True}, SettingScope.TASK))
    return tuple(
        OptOut(container, why, container.resolved, _leaves_alone(task, container, visible))
        for container, why in skipped
        if container.resolved is not settings.deployment and not _leaves_alone(task, container, settings.deployment)
    )


def _leaves_alone(task: TaskDefinition, container: Container, resolved: ResolvedSettings) -> bool:
    return _skips_task(task, resolved) or _skips_container(container, resolved)


def _skips_task(task: TaskDefinition, resolved: ResolvedSettings) -> bool:
    return isinstance(decide_task(task, TaskSettings.of_deployment(resolved)), Skip)


def _skips_container(container: Container, resolved: ResolvedSettings) -> bool:
    return isinstance(decide_container(replace(container, resolved=resolved)), Skip | Agent)


def _leaves_task_alone(task: TaskDefinition, resolved: ResolvedSettings) -> bool:
    """Return whether these settings leave the task definition alone, by themselves or with each of its containers.

    A container that is not written as an object may be one that they would instrument.
    """
    if _skips_task(task, resolved):
        return True
    containers = list(_containers(task, resolved))
    return None not in containers and all(each and _skips_container(each, resolved) for each in containers)


def _containers(task: TaskDefinition, resolved: ResolvedSettings) -> Iterator[Container | None]:
    for containers, assumptions in container_lists(task):
        if isinstance(containers.value, list):
            for position, leaf, assumed in container_definitions(containers.value, containers.pointer, assumptions):
                yield container_at(task, leaf, assumed, position, lambda _name: resolved)
        elif not is_empty(containers.value):
            yield None
