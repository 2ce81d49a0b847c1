"""An account's running tasks, read through the API of Amazon ECS: regions side by side, each call in the largest batches.

What cannot be read becomes an :class:`Unread`, and the rest is read all the same. What is gone when it is asked for (a
task that stopped, a cluster that was deleted) is not there, which is not the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Final, TypeAlias

from sysdig_instrument.coverage import spelled
from sysdig_instrument.coverage.account import Definition, Reading, Region, Service, Task, Unread
from sysdig_instrument.coverage.session import Session
from sysdig_instrument.engine.findings import Reason, quoted
from sysdig_instrument.registry.aws import AwsError, Client, call

_MOST_TASKS: Final = 100  # of one DescribeTasks
_MOST_SERVICES: Final = 10  # of one DescribeServices
_SIDE_BY_SIDE: Final = 8
_NO_SUCH_PLACE: Final = frozenset({"EndpointConnectionError", "InvalidRegionError", "ConnectTimeoutError"})


Scope: TypeAlias = Callable[[Task], bool]
"""Whether a task matters: task definitions and services of those that do not are not asked for."""


def read(session: Session, regions: Sequence[str], globs: Sequence[str], scope: Scope) -> Reading:
    """What runs in the clusters of these regions whose name or ARN is one of the globs; in all clusters where there are none."""
    clients: list[Client | AwsError] = [_client(session, region) for region in regions]  # sessions are not for threads
    with ThreadPoolExecutor(min(_SIDE_BY_SIDE, len(regions))) as pool:
        found = tuple(pool.map(lambda region, client: _region(region, client, globs, scope), regions, clients))
    return Reading(found, tuple(_nowhere(found, globs)))


def _client(session: Session, region: str) -> Client | AwsError:
    try:
        return session.client("ecs", region)
    except AwsError as error:
        return error


def _region(region: str, client: Client | AwsError, globs: Sequence[str], scope: Scope) -> Region:
    if isinstance(client, AwsError):
        return Region(region, unread=(_unread(region, None, "ListClusters", client),))
    return RegionReader(region, client).read(globs, scope)


def _nowhere(regions: Sequence[Region], globs: Sequence[str]) -> Iterator[Unread]:
    """A glob that means no cluster is a slip of the pen that would pass for an account without tasks."""
    if any(region.unread and not region.clusters for region in regions):
        return  # the cluster may be where nothing could be read, which is told
    for glob in globs:
        if not any(_is_meant(arn, [glob]) for region in regions for arn in region.clusters):
            yield Unread(
                None, None, Reason(f"No cluster is called {quoted(glob)}", "Look at the name, and at the region")
            )


def _is_meant(cluster: str, globs: Sequence[str]) -> bool:
    return any(fnmatchcase(spelled.last(cluster), glob) or cluster == glob for glob in globs)


class RegionReader:
    """Reads one region, and collects what could not be read on the way."""

    def __init__(self, region: str, client: Client) -> None:
        self._region = region
        self._client = client
        self._unread: list[Unread] = []

    def read(self, globs: Sequence[str], scope: Scope) -> Region:
        """What runs in the clusters that are meant."""
        listed = self._ask("ListClusters")["clusterArns"]
        clusters = sorted(arn for arn in listed if not globs or _is_meant(arn, globs))
        tasks = [task for cluster in clusters for task in self._tasks(cluster)]
        matter = [task for task in tasks if scope(task)]
        definitions = {arn: self._definition(arn) for arn in dict.fromkeys(task.definition for task in matter)}
        services = {key: service for cluster in clusters for key, service in self._services(cluster, matter)}
        return Region(self._region, tuple(clusters), tuple(tasks), definitions, services, tuple(self._unread))

    def _tasks(self, cluster: str) -> Iterator[Task]:
        for batch in _batches(sorted(self._ask("ListTasks", cluster=cluster)["taskArns"]), _MOST_TASKS):
            for described in self._ask("DescribeTasks", cluster=cluster, tasks=batch)["tasks"]:
                if described.get("desiredStatus") != "STOPPED":  # since it was listed
                    yield spelled.task(described)

    def _definition(self, arn: str) -> Definition | Unread:
        try:
            return spelled.definition(
                _whole_answer(self._client, "DescribeTaskDefinition", taskDefinition=arn, include=["TAGS"])
            )
        except AwsError as error:
            return _unread(self._region, None, "DescribeTaskDefinition", error)

    def _services(self, cluster: str, tasks: Iterable[Task]) -> Iterator[tuple[tuple[str, str], Service]]:
        names = sorted({task.service for task in tasks if task.cluster == cluster and task.service})
        for batch in _batches(names, _MOST_SERVICES):
            for described in self._ask("DescribeServices", cluster=cluster, services=batch)["services"]:
                yield (cluster, described["serviceName"]), spelled.service(described)

    def _ask(self, operation: str, **parameters: Any) -> Mapping[str, list[Any]]:  # noqa: ANN401 - the operation's own
        """The answer to an operation; an empty one where there is none, which is noted down."""
        try:
            return _whole_answer(self._client, operation, **parameters)
        except AwsError as error:
            if error.code != "ClusterNotFoundException":  # deleted since it was listed
                self._unread.append(_unread(self._region, parameters.get("cluster"), operation, error))
            return defaultdict(list)


def _whole_answer(client: Client, operation: str, **parameters: object) -> dict[str, Any]:
    """What an operation answers, with all pages in one.

    Raises:
        AwsError: It was refused, or could not be asked.
    """
    from botocore import xform_name  # noqa: PLC0415 - boto3 takes long to import

    name = xform_name(operation)
    if client.can_paginate(name):
        return call(lambda: client.get_paginator(name).paginate(**parameters).build_full_result())
    return call(getattr(client, name), **parameters)


def _batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def _unread(region: str, cluster: str | None, operation: str, error: AwsError) -> Unread:
    if error.denied:
        advice = f"Allow ecs:{operation}"
    elif error.code in _NO_SUCH_PLACE:
        advice = "Look at the region's name, and at the network"
    else:
        advice = error.advice(f"ecs:{operation}", "*")
    return Unread(region, cluster and spelled.last(cluster), Reason(f"{operation}: {error.fact('Amazon ECS')}", advice))
