"""Read the daemons of a cluster from Amazon ECS: its services of the strategy DAEMON, and its managed daemons.

What cannot be read is reported in the result: whether it matters depends on the tasks of the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sysdig_instrument.coverage.calls import failure, parse_pages, texts
from sysdig_instrument.coverage.model import ClusterDaemons, ManagedDaemon, short_name
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.lookup.aws import AwsClient, AwsError

_MAX_DAEMONS: Final = 50
"""A cluster has few: more are not read."""


def read_daemons(client: AwsClient, cluster: str, launch_types: Iterable[str]) -> ClusterDaemons:
    """Return the daemons of a cluster with tasks of these launch types. Managed daemons are on managed instances only."""
    daemons = ClusterDaemons()
    operation = "ListServices"
    try:
        arns = parse_pages(
            client,
            operation,
            lambda page: texts(page["serviceArns"]),
            {"cluster": cluster, "schedulingStrategy": "DAEMON"},
        )
        daemons = replace(daemons, services=frozenset(map(short_name, arns)))
        operation = "ListDaemons"
        if "MANAGED_INSTANCES" in launch_types:
            daemons = replace(daemons, managed=tuple(_managed_daemons(client, cluster)))
    except AwsError as error:
        return replace(daemons, unread=failure(operation, error, code=Code.DAEMONS_UNREAD))
    return daemons


def _managed_daemons(client: AwsClient, cluster: str) -> Iterator[ManagedDaemon]:
    arns = parse_pages(client, "ListDaemons", _active_daemons, {"clusterArn": cluster})
    for arn in arns[:_MAX_DAEMONS]:
        for revision, providers in parse_pages(client, "DescribeDaemon", _covered_providers, {"daemonArn": arn}):
            yield ManagedDaemon(short_name(arn), providers, tuple(_privileged_images(client, revision)))


def _active_daemons(page: Mapping[str, Any]) -> list[str]:
    return [str(each["daemonArn"]) for each in page["daemonSummariesList"] if each.get("status") == "ACTIVE"]


def _covered_providers(page: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the revisions of a daemon with the capacity providers that have it on every instance."""
    return [
        (str(revision["arn"]), providers)
        for revision in page["daemon"].get("currentRevisions") or ()
        if (providers := tuple(map(_provider_name, filter(_is_covered, revision.get("capacityProviders") or ()))))
    ]


def _is_covered(provider: Mapping[str, Any]) -> bool:
    return bool(provider.get("runningCount")) and provider.get("withoutDaemonCount") == 0


def _provider_name(provider: Mapping[str, Any]) -> str:
    return short_name(str(provider["arn"]))


def _privileged_images(client: AwsClient, revision: str) -> Iterator[str]:
    definitions = parse_pages(
        client,
        "DescribeDaemonRevisions",
        lambda page: [str(each["daemonTaskDefinitionArn"]) for each in page["daemonRevisions"]],
        {"daemonRevisionArns": [revision]},
    )
    for arn in definitions:
        yield from parse_pages(client, "DescribeDaemonTaskDefinition", _images_of, {"daemonTaskDefinition": arn})


def _images_of(page: Mapping[str, Any]) -> list[str]:
    containers = page["daemonTaskDefinition"]["containerDefinitions"]
    return [
        str(each["image"])
        for each in containers
        if each.get("privileged") is True and not each.get("command") and not each.get("entryPoint")
    ]
