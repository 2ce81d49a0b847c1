"""What Amazon ECS answers, as values of ours. Of a task, values of variables and texts of AWS's are left behind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sysdig_instrument.coverage.account import Definition, Override, RunningContainer, Service, Task

_ERROR: Final = re.compile(r"[A-Za-z]{1,60}(?=:)")
"""ECS writes ``CannotPullContainerError: …``, and what follows may be anything."""


def last(arn: str) -> str:
    """The last part of an ARN: a cluster's or a service's name, a task's id, a task definition's family and revision."""
    return arn.rsplit("/", 1)[-1]


def task(described: Mapping[str, Any]) -> Task:
    """A task of DescribeTasks."""
    return Task(
        arn=described["taskArn"],
        cluster=described["clusterArn"],
        definition=described["taskDefinitionArn"],
        group=described.get("group") or "",
        launch_type=_launch_type(described),
        platform_version=described.get("platformVersion") or "",
        status=described.get("lastStatus") or "",
        containers=tuple(_container(each) for each in described.get("containers") or ()),
        overrides={
            each["name"]: _override(each)
            for each in (described.get("overrides") or {}).get("containerOverrides") or ()
            if each.get("name")
        },
    )


def _launch_type(described: Mapping[str, Any]) -> str:
    if given := described.get("launchType"):
        return str(given)
    if str(described.get("capacityProviderName") or "").startswith("FARGATE"):
        return "FARGATE"
    return "EC2" if described.get("containerInstanceArn") else ""


def _container(described: Mapping[str, Any]) -> RunningContainer:
    status = described.get("lastStatus") or ""
    return RunningContainer(
        described.get("name") or "",
        status,
        described.get("imageDigest") or None,
        _detail(described) if status == "STOPPED" else None,
    )


def _detail(described: Mapping[str, Any]) -> str | None:
    if error := _ERROR.match(described.get("reason") or ""):
        return error.group()
    code = described.get("exitCode")
    return None if code is None else f"exit code {code}"


def _override(described: Mapping[str, Any]) -> Override:
    variables = (each.get("name") or "" for each in described.get("environment") or ())
    return Override(tuple(described.get("command") or ()), tuple(variables))


def definition(answer: Mapping[str, Any]) -> Definition:
    """The answer of DescribeTaskDefinition, without what is no JSON: the times."""
    described = {key: value for key, value in answer["taskDefinition"].items() if not isinstance(value, datetime)}
    document = {"taskDefinition": described, "tags": answer.get("tags") or []}
    return Definition(document, described.get("status") or "ACTIVE")


def service(described: Mapping[str, Any]) -> Service:
    """A service of DescribeServices."""
    deployments = described.get("deployments") or ()
    in_progress = len(deployments) > 1 or any(each.get("rolloutState") == "IN_PROGRESS" for each in deployments)
    return Service(described.get("taskDefinition") or "", in_progress)
