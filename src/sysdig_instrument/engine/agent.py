"""The names of the agent container, of the wrapper and of their variables (Sysdig documentation, «Serverless Agents»)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

AGENT_NAME: Final = "SysdigInstrumentation"
"""The name of the agent container, to which VolumesFrom of the workloads refers. Sysdig's own tools use the same name."""

WRAPPER: Final = "/opt/draios/bin/instrument"
"""The program that is put in front of every entry point. It is in a volume of the agent's image."""

WRAPPER_DIRECTORY: Final = "/opt/draios"
"""Where the volume with the wrapper is mounted."""

REPLACED_WRAPPER_VARIABLE: Final = "__INSTRUMENTATION_WRAPPER"
"""A variable of a workload with the program that the wrapper runs in place of Sysdig's, for debugging (Sysdig's Terraform module)."""

SIDECAR_VARIABLE: Final = "SYSDIG_SIDECAR"
"""The variable with the setting SidecarMode, in the agent container and in every workload."""

ACCESS_KEY_VARIABLE: Final = "SYSDIG_ACCESS_KEY"
"""The variable with Sysdig's access key, in the Secrets of the agent container."""

RECORD_LABEL: Final = "sysdig-instrument.undo"
"""The Docker label of the agent container with what undoes the changes to a task definition that is not in a template."""


def variable_of(name: str) -> str:
    """Return the variable that a container gets for an entry with this Name.

    Docker joins name and value with ``=``, and splits them at the first one: ``A=b`` with the value ``c`` is the variable
    ``A`` with the value ``b=c``.
    """
    return name.partition("=")[0]


COLLECTORS: Final[Mapping[str, str]] = {
    "us1": "collector.sysdigcloud.com",
    "us2": "ingest-us2.app.sysdig.com",
    "us3": "ingest.us3.sysdig.com",
    "us4": "ingest.us4.sysdig.com",
    "eu1": "ingest-eu1.app.sysdig.com",
    "au1": "ingest.au1.sysdig.com",
    "in1": "ingest.in1.sysdig.com",
    "me2": "ingest.me2.sysdig.com",
}
"""Sysdig SaaS regions and their collectors (sysdiglabs' Helm chart). The host names follow no pattern."""
