"""What a template may not set, read from docs/settings.md and docs/security.md."""

from __future__ import annotations

import re
from collections.abc import Iterator

from oracle.agent_protection import is_trusted
from oracle.comparison import Comparison
from oracle.settings import Settings
from oracle.values import mapping

FOR_THE_DEPLOYMENT = ("AgentEntryPoint", "AgentCommand", "TrustedAgentImages", "LockedSettings")
TAKES_OVER = re.compile(r"LD_.*|PATH|BASH_ENV|GLIBC_TUNABLES|SYSDIG_ACCESS_KEY|.*ORCHESTRATOR.*")


def forbidden_settings(comparison: Comparison, name: str) -> Iterator[str]:
    """Yield a reason for refusal for each setting that the template or the task definition may not have."""
    deployment = Settings(dict(comparison.settings))
    resource = comparison.before.resources[name]
    for metadata in (comparison.at_run_time.metadata, mapping(resource.get("Metadata"))):
        values = Settings(mapping(mapping(metadata).get("SysdigInstrument")))
        if any(values.string(each) is not None for each in FOR_THE_DEPLOYMENT):
            yield "setting-for-the-deployment"
        image = values.values.get("AgentImage")
        if isinstance(image, str) and not is_trusted(image, deployment):
            yield "agent-image-not-trusted"
        if any(TAKES_OVER.fullmatch(variable) for variable in values.object("AgentEnvironment")):
            yield "variable-that-takes-the-agent-over"
