"""Find the daemon with the host agent that covers a task outside of Fargate, if there is one. Pure.

A task is covered if it is positively so: a task of a service of the strategy DAEMON runs on the same container instance, and
its container with the agent runs; or a managed daemon with the agent runs on every instance of the task's capacity provider.
The image has to be the host agent of a trusted repository, and the container has to be able to watch the others of its host.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from sysdig_instrument.coverage.assess import Assessment, TaskStatus
from sysdig_instrument.coverage.model import ClusterDaemons, RegionInventory, RegisteredTaskDefinition, Task
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.agent_images import is_trusted_host_agent
from sysdig_instrument.engine.settings.table import Settings
from sysdig_instrument.lazy_dataclasses import dataclass

_NO_DAEMON: Final = Reason("No daemon with the host agent runs on its instance", code=Code.DAEMON_MISSING)


@dataclass(frozen=True, slots=True)
class HostAgent:
    """A daemon with the host agent: its name, and the image of the agent."""

    daemon: str
    image: str


@dataclass(frozen=True, slots=True)
class HostAgents:
    """The host agents of a region: of services by cluster and container instance, managed ones by cluster and capacity provider."""

    by_instance: Mapping[tuple[str, str], HostAgent]
    by_capacity_provider: Mapping[tuple[str, str], HostAgent]
    unread: Mapping[str, Reason]

    @classmethod
    def of(cls, region: RegionInventory, settings: Settings) -> HostAgents:
        """Find the host agents in the inventory of a region."""
        return cls(
            dict(_of_services(region, settings)),
            {
                (cluster, provider): HostAgent(daemon.name, image)
                for cluster, daemons in region.daemons.items()
                for daemon in daemons.managed
                for image in daemon.images
                if is_trusted_host_agent(image, settings)
                for provider in daemon.capacity_providers
            },
            {cluster: daemons.unread for cluster, daemons in region.daemons.items() if daemons.unread},
        )

    def of_task(self, task: Task) -> HostAgent | None:
        """Return the host agent that covers a task, or None."""
        if task.launch_type in ("FARGATE", ""):
            return None
        on_instance = self.by_instance.get((task.cluster, task.instance)) if task.instance else None
        provider = task.capacity_provider
        return on_instance or (self.by_capacity_provider.get((task.cluster, provider)) if provider else None)


def _of_services(region: RegionInventory, settings: Settings) -> Iterator[tuple[tuple[str, str], HostAgent]]:
    for task in region.tasks:
        if not task.instance or task.service not in region.daemons.get(task.cluster, ClusterDaemons()).services:
            continue
        definition = region.task_definitions.get(task.task_definition)
        if isinstance(definition, RegisteredTaskDefinition):
            running = {each.name for each in task.containers if each.last_status == "RUNNING"}
            for image in _host_agent_images(definition, running, task):
                if is_trusted_host_agent(image, settings):
                    yield (task.cluster, task.instance), HostAgent(task.service or "", image)


def _host_agent_images(definition: RegisteredTaskDefinition, running: set[str], task: Task) -> Iterator[str]:
    """Yield the images of the containers that run and can watch the host: privileged ones, with the host's processes."""
    described = definition.response.get("taskDefinition")
    if not isinstance(described, dict) or described.get("pidMode") != "host":
        return
    containers: Json = described.get("containerDefinitions")
    for container in containers if isinstance(containers, list) else ():
        match container:
            case {"command": [_, *_]} | {"entryPoint": [_, *_]}:
                continue  # it runs something else
            case {"name": str(name), "image": str(image), "privileged": True} if name in running:
                override = task.overrides.get(name)
                if override is None or not override.command:
                    yield image


def by_daemon(agent: HostAgent) -> Assessment:
    """Return the assessment of a task that a daemon covers."""
    reason = f"Daemon {quote(agent.daemon)} covers its instance"
    return Assessment(TaskStatus.BY_DAEMON, (reason,), agent_image=agent.image, codes=(Code.BY_DAEMON,))


def without_daemon(task: Task, agents: HostAgents) -> Assessment:
    """Return the assessment of a task that needs a daemon and has none, as far as is known."""
    unread = agents.unread.get(task.cluster)
    if unread:
        facts = ("It is not known whether a daemon with the host agent covers its instance", unread.fact, unread.advice)
        return Assessment(TaskStatus.UNKNOWN, tuple(filter(None, facts)), codes=(Code.DAEMONS_UNREAD,))
    more = (Code.MANAGED_INSTANCES,) if task.launch_type == "MANAGED_INSTANCES" else ()
    return Assessment(TaskStatus.UNPROTECTED, (_NO_DAEMON.fact,), codes=(_NO_DAEMON.code, *more))
