"""The names that the agent, its wrapper and their variables have (Sysdig documentation, «Serverless Agents»)."""

from __future__ import annotations

from typing import Final

AGENT_NAME: Final = "SysdigInstrumentation"
"""The agent's container. VolumesFrom refers to it by this very name (sysdig-agent.md, section 9, item 2)."""

WRAPPER: Final = "/opt/draios/bin/instrument"
"""The program in front of every entry point; it comes with the volume of the agent's image."""

SIDECAR: Final = "SYSDIG_SIDECAR"
ACCESS_KEY: Final = "SYSDIG_ACCESS_KEY"
