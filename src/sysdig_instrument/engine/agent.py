"""The names of the agent's container, of its wrapper, and of their variables (Sysdig documentation, «Serverless Agents»)."""

from __future__ import annotations

from typing import Final

AGENT_NAME: Final = "SysdigInstrumentation"
"""The name of the agent's container. VolumesFrom refers to it by exactly this name (sysdig-agent.md, section 9, item 2)."""

WRAPPER: Final = "/opt/draios/bin/instrument"
"""The program that is put before every entry point. It is in the volume that the agent's image brings."""

SIDECAR_VARIABLE: Final = "SYSDIG_SIDECAR"
ACCESS_KEY_VARIABLE: Final = "SYSDIG_ACCESS_KEY"
