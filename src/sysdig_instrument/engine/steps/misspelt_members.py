"""Notice about a member of a container that CloudFormation does not know, because its name is written in another way.

Owns: nothing. Without it, the container would seem to have no EntryPoint, and its image would be looked up in vain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.container import Container
from sysdig_instrument.engine.findings import Notice, Reason, quote

_MEMBERS: Final = (
    *("Command", "DependsOn", "EntryPoint", "Environment", "Essential", "FirelensConfiguration", "Image"),
    *("LinuxParameters", "LogConfiguration", "MountPoints", "Name", "PortMappings", "Secrets", "VolumesFrom"),
)
_BY_LETTERS: Final = {name.casefold(): name for name in _MEMBERS}
_NAMES: Final = frozenset(_MEMBERS)


def misspelt_members(container: Container) -> Iterator[Notice]:
    """Yield a notice for each member whose name differs from a known one only in capital letters, hyphens or underscores."""
    for name in container.value:
        if name in _NAMES:
            continue
        known = _BY_LETTERS.get(name.replace("_", "").replace("-", "").casefold())
        if known is not None:
            reason = Reason(
                f"CloudFormation does not know {quote(name)}", f'Did you mean "{known}"?', code=Code.MEMBER_MISSPELT
            )
            yield container.notice((*container.pointer, name), reason)
