"""The images that count as the agent: AgentImage, and those of TrustedAgentImages, or else of AgentImage's repository.

Templates cannot set TrustedAgentImages, and the AgentImage of a template must be one of them. So a template cannot make
another image count as the agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sysdig_instrument.engine.image_reference import (
    InvalidReferenceError,
    Reference,
    matches_repository,
    parse_reference,
)
from sysdig_instrument.engine.settings.table import Settings

_SYSDIG_REPOSITORIES: Final = ("quay.io/sysdig/*", "docker.io/sysdig/*")
"""The repositories in which Sysdig publishes its images (Sysdig documentation, «Serverless Agents»; hub.docker.com/u/sysdig)."""

_AGENT_REPOSITORY: Final = "/workload-agent"


def is_trusted(image: str, settings: Settings) -> bool:
    """Return whether an image counts as the agent."""
    if image == settings.agent_image:
        return True
    reference, agent = _parse(image), _parse(settings.agent_image)
    if settings.trusted_agent_images or reference is None or agent is None:
        return reference is not None and _matches(reference, settings.trusted_agent_images)
    return reference.full_repository == agent.full_repository


_HOST_AGENTS: Final = frozenset({"agent", "agent-slim", "host-shield"})
"""The names of Sysdig's images of the agent for hosts. The agent for Fargate is another image, which cannot watch a host."""


def is_trusted_host_agent(image: str, settings: Settings) -> bool:
    """Return whether an image is the agent for hosts, from Sysdig's repositories or from those of TrustedAgentImages."""
    reference = _parse(image)
    if reference is None or reference.full_repository.rsplit("/", 1)[-1] not in _HOST_AGENTS:
        return False
    return _matches(reference, (*_SYSDIG_REPOSITORIES, *settings.trusted_agent_images))


def is_from_sysdig(image: str) -> bool:
    """Return whether an image is one that Sysdig publishes."""
    reference = _parse(image)
    return reference is not None and _matches(reference, _SYSDIG_REPOSITORIES)


def is_from_sysdig_or_a_mirror(image: str) -> bool:
    """Return whether an image is one that Sysdig publishes, or has the name of the agent's in some other registry."""
    reference = _parse(image)
    return is_from_sysdig(image) or (reference is not None and reference.full_repository.endswith(_AGENT_REPOSITORY))


def is_pinned(image: str) -> bool:
    """Return whether an image has a digest, or a tag that is not ``latest``. One that is not valid counts as pinned."""
    reference = _parse(image)
    return reference is None or reference.tag_or_digest != "latest"


def _parse(image: str) -> Reference | None:
    try:
        return parse_reference(image)
    except InvalidReferenceError:
        return None


def _matches(reference: Reference, globs: Iterable[str]) -> bool:
    return any(matches_repository(reference, glob) for glob in globs)
