"""Read the running tasks of an account from Amazon ECS: regions in parallel, each call with the largest possible batch.

What cannot be read becomes a :class:`ReadError`, and everything else is still read. A task that stopped or a cluster
that was deleted between two calls is left out; that is not an error. Values of variables and AWS's message texts are
dropped from tasks. botocore is imported only when a report is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final, TypeAlias, TypeVar

from sysdig_instrument.coverage.calls import failure, parse_pages, texts
from sysdig_instrument.coverage.model import (
    ClusterDaemons,
    ContainerOverride,
    Inventory,
    ReadError,
    RegionInventory,
    RegisteredTaskDefinition,
    RunningContainer,
    Service,
    Task,
    short_name,
)
from sysdig_instrument.coverage.read_daemons import read_daemons
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.errors import RefusedError, UsageError
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.lookup.aws import (
    INVALID_RESPONSE,
    AwsClient,
    AwsClients,
    AwsError,
    AwsSession,
    batched,
    translate_errors,
)

_T = TypeVar("_T")

# --- the account ------------------------------------------------------------------------------------------------------

CONNECT_TIMEOUT_SECONDS: Final = 5
READ_TIMEOUT_SECONDS: Final = 30
MAX_ATTEMPTS: Final = 10
"""A busy account throttles calls such as DescribeTasks for seconds, and a scheduled job can wait."""

_CREDENTIALS_ADVICE: Final = "Give credentials that the AWS SDK can find, for example with --profile or AWS_PROFILE."
_REGION_FOR_LISTING: Final = "us-east-1"  # each region lists all regions of its partition


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """The AWS account of the caller's credentials: its clients, and the region to read if none is named."""

    clients: AwsClients
    default_region: str | None

    @classmethod
    def from_session(cls, make_session: Callable[[], AwsSession], default_region: str | None) -> AwsAccount:
        """Return the account that a botocore session has credentials for.

        Raises:
            UsageError: The session's profile does not exist, or there are no credentials.
        """
        try:
            session = translate_errors(make_session)
            credentials = translate_errors(session.get_credentials)
        except AwsError as error:
            raise UsageError(
                f"No AWS credentials were found ({error.code}). {_CREDENTIALS_ADVICE}", code=Code.NO_CREDENTIALS
            ) from None
        if credentials is None:
            raise UsageError(f"No AWS credentials were found. {_CREDENTIALS_ADVICE}", code=Code.NO_CREDENTIALS)
        clients = AwsClients(
            lambda: session,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_attempts=MAX_ATTEMPTS,
        )
        return cls(clients, default_region)

    def regions(self, named: Iterable[str]) -> tuple[str, ...]:
        """Return the named regions without duplicates; if there are none, the default region.

        Raises:
            UsageError: No region is named, and there is no default.
        """
        regions = tuple(dict.fromkeys(named)) or ((self.default_region,) if self.default_region else ())
        if not regions:
            raise UsageError(
                "No AWS region is set. Give --region or --all-regions, or set AWS_REGION.", code=Code.NO_REGION
            )
        return regions

    def all_regions(self) -> tuple[str, ...]:
        """Return all regions that are enabled in the account.

        The list comes from EC2, since botocore's own list has regions that are not enabled and lacks those newer than itself.

        Raises:
            RefusedError: EC2 did not list the regions.
        """
        try:
            client = self.clients.client("ec2", self.default_region or _REGION_FOR_LISTING)
            names = parse_pages(client, "DescribeRegions", _parse_regions, {})
        except AwsError as error:
            raise RefusedError(
                f"--all-regions could not list the regions: {error.fact('Amazon EC2')}. "
                "Allow ec2:DescribeRegions, or name the regions with --region.",
                code=Code.NO_REGION,
            ) from None
        return tuple(sorted(names))


# --- reading ----------------------------------------------------------------------------------------------------------

_MAX_TASKS_PER_CALL: Final = 100  # the limit of DescribeTasks
_MAX_SERVICES_PER_CALL: Final = 10  # the limit of DescribeServices
_MAX_CONCURRENT_REGIONS: Final = 8


TaskFilter: TypeAlias = Callable[[Task], bool]
"""Returns whether a task should have an agent. Task definitions and services are read only for these tasks and for daemons."""


def read_inventory(
    clients: AwsClients, regions: Sequence[str], cluster_globs: Sequence[str], task_filter: TaskFilter
) -> Inventory:
    """Read the running tasks of these regions: of all clusters, or of those whose name or ARN matches a glob."""
    inventories = read_regions(clients, regions, cluster_globs, task_filter)
    return Inventory(inventories, tuple(unmatched_globs(inventories, cluster_globs)))


def read_regions(
    clients: AwsClients, regions: Sequence[str], cluster_globs: Sequence[str], task_filter: TaskFilter
) -> tuple[RegionInventory, ...]:
    """Read the regions of an account in parallel."""
    with ThreadPoolExecutor(min(_MAX_CONCURRENT_REGIONS, len(regions))) as pool:
        return tuple(pool.map(lambda region: _read_region(clients, region, cluster_globs, task_filter), regions))


def _read_region(
    clients: AwsClients, region: str, cluster_globs: Sequence[str], task_filter: TaskFilter
) -> RegionInventory:
    try:
        client = clients.client("ecs", region)
    except AwsError as error:
        return RegionInventory(region, read_errors=(_read_error(region, None, "ListClusters", error),))
    return RegionReader(region, client).read(cluster_globs, task_filter)


def unmatched_globs(regions: Sequence[RegionInventory], cluster_globs: Sequence[str]) -> Iterator[ReadError]:
    """Yield an error for each glob that matches no cluster: a typo must not look like an account without tasks."""
    if any(region.read_errors and not region.clusters for region in regions):
        return  # the cluster may be in a region that could not be read, which is reported already
    for glob in cluster_globs:
        if not any(_is_selected(arn, [glob]) for region in regions for arn in region.clusters):
            yield ReadError(
                None,
                None,
                Reason(f"No cluster matches {quote(glob)}", "Check the name and the region", code=Code.CLUSTER_UNKNOWN),
            )


def _is_selected(cluster: str, cluster_globs: Sequence[str]) -> bool:
    return any(fnmatchcase(short_name(cluster), glob) or cluster == glob for glob in cluster_globs)


class RegionReader:
    """Reads one region and collects what could not be read."""

    def __init__(self, region: str, client: AwsClient) -> None:
        self._region = region
        self._client = client
        self._read_errors: list[ReadError] = []

    def read(self, cluster_globs: Sequence[str], task_filter: TaskFilter) -> RegionInventory:
        """Read the running tasks of the selected clusters."""
        listed = self._read("ListClusters", lambda page: texts(page["clusterArns"])) or []
        clusters = sorted(arn for arn in listed if not cluster_globs or _is_selected(arn, cluster_globs))
        tasks = [task for cluster in clusters for task in self._read_tasks(cluster)]
        daemons = {cluster: self._read_daemons(cluster, tasks) for cluster in clusters}
        in_scope = [
            task for task in tasks if task_filter(task) or (task.service or "") in daemons[task.cluster].services
        ]
        task_definitions = {
            arn: self._read_task_definition(arn) for arn in dict.fromkeys(task.task_definition for task in in_scope)
        }
        services = {key: service for cluster in clusters for key, service in self._read_services(cluster, in_scope)}
        return RegionInventory(
            self._region,
            tuple(clusters),
            tuple(tasks),
            task_definitions,
            services,
            tuple(self._read_errors),
            {cluster: found for cluster, found in daemons.items() if found != ClusterDaemons()},
        )

    def _read_daemons(self, cluster: str, tasks: Iterable[Task]) -> ClusterDaemons:
        """Read the daemons of a cluster that has tasks outside of Fargate."""
        launch_types = {task.launch_type for task in tasks if task.cluster == cluster} - {"FARGATE", ""}
        return read_daemons(self._client, cluster, launch_types) if launch_types else ClusterDaemons()

    def _read_tasks(self, cluster: str) -> Iterator[Task]:
        arns = self._read("ListTasks", lambda page: texts(page["taskArns"]), cluster=cluster)
        for batch in batched(sorted(arns or ()), _MAX_TASKS_PER_CALL):
            answers = self._read("DescribeTasks", _parse_tasks, cluster=cluster, tasks=batch)
            if answers is None:
                continue
            if not {arn for arn, _ in answers}.issuperset(batch):  # neither described nor called missing
                self._record_error(cluster, "DescribeTasks", AwsError(INVALID_RESPONSE))
            yield from (task for _, task in answers if task is not None)

    def _read_task_definition(self, arn: str) -> RegisteredTaskDefinition | ReadError:
        parameters = {"taskDefinition": arn, "include": ["TAGS"]}
        try:
            (definition,) = parse_pages(
                self._client, "DescribeTaskDefinition", lambda page: [parse_task_definition(page)], parameters
            )
        except AwsError as error:
            return _read_error(self._region, None, "DescribeTaskDefinition", error)
        return definition

    def _read_services(self, cluster: str, tasks: Iterable[Task]) -> Iterator[tuple[tuple[str, str], Service]]:
        names = sorted({task.service for task in tasks if task.cluster == cluster and task.service})
        for batch in batched(names, _MAX_SERVICES_PER_CALL):
            for name, service in self._read("DescribeServices", _parse_services, cluster=cluster, services=batch) or ():
                yield (cluster, name), service

    def _read(
        self,
        operation: str,
        parse: Callable[[Mapping[str, Any]], list[_T]],
        **parameters: Any,  # noqa: ANN401 - the operation's own
    ) -> list[_T] | None:
        """Return what ``parse`` finds in the pages of a response; if that fails, record the error and return None."""
        try:
            return parse_pages(self._client, operation, parse, parameters)
        except AwsError as error:
            if error.code != "ClusterNotFoundException":  # it was deleted after it was listed
                self._record_error(parameters.get("cluster"), operation, error)
            return None

    def _record_error(self, cluster: str | None, operation: str, error: AwsError) -> None:
        read_error = _read_error(self._region, cluster, operation, error)
        if read_error not in self._read_errors:
            self._read_errors.append(read_error)


def _read_error(region: str, cluster: str | None, operation: str, error: AwsError) -> ReadError:
    return ReadError(region, cluster and short_name(cluster), failure(operation, error, code=Code.NOT_READ))


# --- responses to values ----------------------------------------------------------------------------------------------

_ERROR_NAME: Final = re.compile(r"[A-Za-z]{1,60}(?=:)")
"""ECS writes ``CannotPullContainerError: …``; the text after the colon may contain anything, so it is dropped."""


# Each of these raises LookupError, TypeError or AttributeError for a response that was cut off.


def _parse_regions(page: Mapping[str, Any]) -> list[str]:
    names = texts([each["RegionName"] for each in page["Regions"]])
    return [names[0], *names[1:]]  # no account is without Regions


def _parse_tasks(page: Mapping[str, Any]) -> list[tuple[str, Task | None]]:
    """Return the ARN of each task that DescribeTasks answers for, and the task; None if it stopped after it was listed."""
    tasks = [(parse_task(each), each.get("desiredStatus") == "STOPPED") for each in page["tasks"]]
    missing = [str(each["arn"]) for each in page.get("failures") or () if each.get("reason") == "MISSING"]
    return [
        *((task.arn, None if has_stopped else task) for task, has_stopped in tasks),
        *((arn, None) for arn in missing),
    ]


def _parse_services(page: Mapping[str, Any]) -> list[tuple[str, Service]]:
    return [(each["serviceName"], parse_service(each)) for each in page["services"]]


def parse_task(described: Mapping[str, Any]) -> Task:
    """Convert a task of a DescribeTasks response."""
    return Task(
        arn=described["taskArn"],
        cluster=described["clusterArn"],
        task_definition=described["taskDefinitionArn"],
        group=described.get("group") or "",
        launch_type=_launch_type(described),
        platform_version=described.get("platformVersion") or "",
        last_status=described.get("lastStatus") or "",
        containers=tuple(_parse_container(each) for each in described.get("containers") or ()),
        overrides={
            each["name"]: _parse_override(each)
            for each in (described.get("overrides") or {}).get("containerOverrides") or ()
            if each.get("name")
        },
        instance=described.get("containerInstanceArn") or "",
        capacity_provider=described.get("capacityProviderName") or "",
        started_at=described.get("startedAt"),
    )


def _launch_type(described: Mapping[str, Any]) -> str:
    if launch_type := described.get("launchType"):
        return str(launch_type)
    if str(described.get("capacityProviderName") or "").startswith("FARGATE"):
        return "FARGATE"
    return "EC2" if described.get("containerInstanceArn") else ""


def _parse_container(described: Mapping[str, Any]) -> RunningContainer:
    status = described.get("lastStatus") or ""
    return RunningContainer(
        described.get("name") or "",
        status,
        described.get("imageDigest") or None,
        _stop_reason(described) if status == "STOPPED" else None,
    )


def _stop_reason(described: Mapping[str, Any]) -> str | None:
    if error := _ERROR_NAME.match(described.get("reason") or ""):
        return error.group()
    code = described.get("exitCode")
    return None if code is None else f"exit code {code}"


def _parse_override(described: Mapping[str, Any]) -> ContainerOverride:
    variables = (each.get("name") or "" for each in described.get("environment") or ())
    return ContainerOverride(tuple(described.get("command") or ()), tuple(variables))


def parse_task_definition(response: Mapping[str, Any]) -> RegisteredTaskDefinition:
    """Convert a DescribeTaskDefinition response, without its timestamps, which are not JSON."""
    described = {key: value for key, value in response["taskDefinition"].items() if not isinstance(value, datetime)}
    content = {"taskDefinition": described, "tags": response.get("tags") or []}
    return RegisteredTaskDefinition(content, described.get("status") or "ACTIVE")


def parse_service(described: Mapping[str, Any]) -> Service:
    """Convert a service of a DescribeServices response."""
    deployments = described.get("deployments") or ()
    in_progress = len(deployments) > 1 or any(each.get("rolloutState") == "IN_PROGRESS" for each in deployments)
    return Service(described.get("taskDefinition") or "", in_progress)
