"""The wrapper in front of what nearly every container runs: a list of strings, or what its image runs.

Owns: EntryPoint, Command, with ``entry_point.py``, which knows all forms. It gives the same for these two, with five times the
work (tests/engine/test_usual_entry_point.py compares them).
"""

from __future__ import annotations

from typing import Final

from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.expressions.decision_tree import Leaf
from sysdig_instrument.engine.images import image_config
from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.engine.patch import Change
from sysdig_instrument.engine.steps.argv import argv_names_wrapper, is_plain_argv
from sysdig_instrument.engine.steps.process_one import init_program_notices
from sysdig_instrument.engine.steps.step import EntryPointSource, Output

REASON: Final = "the wrapper starts what the container runs"
ENTRYPOINT_REASON: Final = "the wrapper starts the image's ENTRYPOINT"
CMD_REASON: Final = "the image's CMD, which ECS drops once there is an EntryPoint"


def usual_entry_point(container: Container) -> tuple[Output, ...] | None:
    """Return the outputs for a container without Command, whose EntryPoint has the usual form or is the image's; None for any other.

    While there are lookups without an answer there are no outputs: it is planned again.
    """
    if "Command" in container.value:
        return None
    if "EntryPoint" not in container.value:
        return _of_image(container)
    if not is_plain_argv(container.value["EntryPoint"]):
        return None
    return Change("add", (*container.pointer, "EntryPoint", 0), REASON, WRAPPER), EntryPointSource.TEMPLATE


def _of_image(container: Container) -> tuple[Output, ...] | None:
    """Return the outputs if the image's config is known, is the same under all conditions, and has a program."""
    tree = image_config(container, container.assumptions)
    if container.scope.state.lookups:
        return ()
    config = tree.value if isinstance(tree, Leaf) else None
    if not isinstance(config, ImageConfig):
        return None
    argv = (*config.entrypoint, *config.cmd)
    if not argv or argv_names_wrapper(argv):
        return None
    entry_point = Change("add", (*container.pointer, "EntryPoint"), ENTRYPOINT_REASON, [WRAPPER, *config.entrypoint])
    command = Change("add", (*container.pointer, "Command"), CMD_REASON, list(config.cmd))
    return (
        *init_program_notices(container, "Image", argv[0]),
        *((entry_point, command) if config.cmd else (entry_point,)),
        EntryPointSource.IMAGE,
    )
