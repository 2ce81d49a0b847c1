"""The stacks of the fleet on the embedded AWS, and what ECS runs of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

from embedded_aws.aws import EmbeddedAws
from fixtures_deployment import task

STAGES: Final = ("canary", "early", "late")
MACRO: Final = "sysdig-instrument"
OLD_SETTING: Final = ("SYSDIG_LOGGING", "debug")
_CREATED_AT_ONCE: Final = 4


class FleetDeployment:
    """Creates stacks whose names begin with a prefix, one task definition each, of the family of the stack's name."""

    def __init__(self, aws: EmbeddedAws, prefix: str) -> None:
        self._aws = aws
        self._prefix = prefix
        self._cloudformation = aws.client("cloudformation")
        self._ecs = aws.client("ecs")
        self._sns = aws.client("sns")

    @contextmanager
    def another_setting(self) -> Iterator[None]:
        """Let the macro have another setting in this block, so that what is created in it is behind afterwards."""
        functions = self._aws.client("lambda")
        resources = self._cloudformation.describe_stack_resources(StackName=MACRO)["StackResources"]
        (name,) = (each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "MacroFunction")
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]

        def set_to(values: dict[str, str]) -> None:
            functions.update_function_configuration(FunctionName=name, Environment={"Variables": values})
            functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

        set_to({**variables, "SYSDIG_INSTRUMENT_LOG_LEVEL": OLD_SETTING[1]})
        try:
            yield
        finally:
            set_to(variables)

    def create(self, names: Sequence[str], *, line: bool = True) -> None:
        """Create stacks, some at a time. The first third of them is tagged with the first of the stages, and so on."""
        count = len(names)
        stages = [STAGES[number * len(STAGES) // count] for number in range(count)]
        with ThreadPoolExecutor(_CREATED_AT_ONCE) as threads:
            list(threads.map(lambda name, stage: self._create(name, stage, line=line), names, stages))

    def _create(self, name: str, stage: str, *, line: bool) -> None:
        # With a change set: LocalStack compares an update with what a change set has created, and with nothing else.
        arn = self._cloudformation.create_change_set(
            StackName=name,
            ChangeSetName="create",
            ChangeSetType="CREATE",
            TemplateBody=_template(name, line=line),
            Tags=[{"Key": "stage", "Value": stage}],
            Capabilities=["CAPABILITY_AUTO_EXPAND"],
        )["Id"]
        waits = {"Delay": 1, "MaxAttempts": 120}
        self._cloudformation.get_waiter("change_set_create_complete").wait(ChangeSetName=arn, WaiterConfig=waits)
        self._cloudformation.execute_change_set(ChangeSetName=arn)
        self._cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=waits)

    def delete_topic(self, name: str) -> None:
        """Delete the topic of a stack by hand, so that the next update of the stack fails after its task definition."""
        self._sns.delete_topic(TopicArn=self._sns.create_topic(Name=name)["TopicArn"])

    def restore_topic(self, name: str) -> None:
        """Create the topic again."""
        self._sns.create_topic(Name=name)

    def with_old_setting(self, names: Sequence[str]) -> list[str]:
        """Return those of the stacks whose task definition in ECS has what the macro wrote with the other setting."""
        return [name for name in names if OLD_SETTING in self._agent_variables(name)]

    def _agent_variables(self, family: str) -> set[tuple[str, str]]:
        described = self._ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]
        *_, agent = described["containerDefinitions"]
        return {(each["name"], each["value"]) for each in agent["environment"]}

    def state(self) -> dict[str, Any]:
        """Return the state of each stack and the active revisions, which a run that executes nothing must not change."""
        pages = self._cloudformation.get_paginator("describe_stacks").paginate()
        stacks = (each for page in pages for each in page["Stacks"] if each["StackName"].startswith(self._prefix))
        return {"stacks": {each["StackName"]: each["StackStatus"] for each in stacks}, "revisions": self.revisions()}

    def revisions(self) -> dict[str, list[int]]:
        """Return the numbers of the active revisions by family."""
        found: dict[str, list[int]] = {}
        for page in self._ecs.get_paginator("list_task_definitions").paginate():
            for arn in page["taskDefinitionArns"]:
                family, _, revision = arn.rpartition("/")[2].partition(":")
                if family.startswith(self._prefix):
                    found.setdefault(family, []).append(int(revision))
        return found


def _template(name: str, *, line: bool) -> str:
    """Return a template with a task definition, and with a service and a topic that refer to it."""
    resources = {
        "Api": task({"Name": "web", "Image": "shop/web:1.4", "EntryPoint": ["serve"]}, Family=name),
        "Service": {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "Api"}}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name, "DisplayName": {"Ref": "Api"}}},
    }
    return json.dumps({**({"Transform": "SysdigInstrument"} if line else {}), "Resources": resources})
