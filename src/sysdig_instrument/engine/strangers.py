"""Settings that name a container which the task definition does not have: somebody's slip of the pen.

Only those of the task definition itself, its Metadata and tags: what a platform team says for many of them need not mean
each. A name that is misspelt in ExcludeContainers would let a container be instrumented that was to be left alone, and in
IncludeContainers would leave one without protection. In a tag it is a notice only: a stack's tags go to all that is in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Final, cast

from sysdig_instrument.engine.findings import Notice, Place, Problem, Reason, quoted
from sysdig_instrument.engine.layering import CONTAINERS, METADATA, TaskSettings
from sysdig_instrument.engine.settings.table import BY_NAME, Settings
from sysdig_instrument.engine.tags import TAGS
from sysdig_instrument.engine.template import TaskDefinition

_LISTS: Final = ("ExcludeContainers", "IncludeContainers")


def strangers(task: TaskDefinition, settings: TaskSettings, names: Sequence[str | None]) -> Iterator[Notice | Problem]:
    """What names none of the containers. ``names`` are theirs; nothing is said where one of them is not known."""
    if None in names:
        return
    known = [name for name in names if name is not None]
    advice = f"Write one of {', '.join(map(quoted, known))}" if known else "Take it out"
    for name in settings.containers:
        if name not in known:
            fact = "There are settings for a container of this name, and the task has none of it"
            yield Problem(_place(task, CONTAINERS, name), Reason(fact, advice))
    for setting in _LISTS:
        layer, elsewhere = settings.settled.layer(setting), _globs(settings.inherited.settings, setting)
        for glob in _globs(settings.settled.settings, setting):
            if glob not in elsewhere and not any(fnmatchcase(name, glob) for name in known):
                fact = f"{setting} in {layer.name} names {quoted(glob)}, and the task has no such container"
                if layer.name == TAGS:
                    place = Place(task.name, None, (*task.properties_pointer, "Tags"))
                    yield Notice(place, Reason(fact, advice))
                else:
                    yield Problem(_place(task, setting), Reason(fact, advice))


def _globs(settings: Settings, name: str) -> Sequence[str]:
    return cast("Sequence[str]", getattr(settings, BY_NAME[name].attribute))


def _place(task: TaskDefinition, *keys: str) -> Place:
    return Place(task.name, None, (*(task.pointer or ()), "Metadata", METADATA, *keys))
