"""The exact messages, with their locations: one case for each problem or notice about a task definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from factories import NOVALUE, container, notices_of, problems_of, template
from sysdig_instrument.engine.json_types import Json

INCLUDED: Final[dict[str, Json]] = {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {}}}
EXPRESSION: Final[Json] = {"Fn::GetAtt": ["A", "B"]}
CONDITIONS: Final[dict[str, Json]] = {
    "Conditions": {"Open": {"Fn::Equals": [{"Fn::ImportValue": "x"}, "b"]}},
}


def if_(condition: str, yes: Json, no: Json) -> Json:
    return {"Fn::If": [condition, yes, no]}


def with_metadata(value: dict[str, Any], settings: Json) -> dict[str, Any]:
    value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": settings}
    return value


def never_created(value: dict[str, Any]) -> dict[str, Any]:
    value["Conditions"] = {"Never": {"Fn::Equals": ["a", "b"]}}
    value["Resources"]["Api"]["Condition"] = "Never"
    return value


MESSAGES = [
    pytest.param(
        with_metadata(template(), {"Containers": 5}),
        {},
        [
            'Task "Api" (Resources.Api.Metadata.SysdigInstrument.Containers): Containers is not an object. Write it as an object of settings by container name.'
        ],
        id="containers not object",
    ),
    pytest.param(
        with_metadata(template(), {"Containers": {"web": 5}}),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Metadata.SysdigInstrument.Containers.web): The settings of container "web" are not an object. Write them as an object of settings by name.'
        ],
        id="container settings not object",
    ),
    pytest.param(
        with_metadata(template(), {"Containers": {"web": {"Enabeld": True}}}),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Metadata.SysdigInstrument.Containers.web.Enabeld): Unknown setting "Enabeld" in the resource\'s Metadata. Did you mean "Enabled"?'
        ],
        id="container setting unknown",
    ),
    pytest.param(
        with_metadata(template(), {"Containers": {"web": {"Collector": "x"}}}),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Metadata.SysdigInstrument.Containers.web.Collector): Setting "Collector" in the resource\'s Metadata is for whole task definitions. Move it out of Containers.'
        ],
        id="container setting of task",
    ),
    pytest.param(
        with_metadata(template(), {"Containers": {"web": {"Enabled": "maybe"}}}),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Metadata.SysdigInstrument.Containers.web.Enabled): Setting "Enabled" in the resource\'s Metadata has an invalid value. Use true or false.'
        ],
        id="container setting wrong",
    ),
    pytest.param(
        {
            **with_metadata(template(), {"Containers": {"web": {"Enabled": {"Ref": "On"}}}}),
            "Parameters": {"On": {"Type": "String"}},
        },
        {},
        [
            'Task "Api", container "web" (Resources.Api.Metadata.SysdigInstrument.Containers.web.Enabled): Setting "Enabled" in the resource\'s Metadata cannot be resolved: parameter "On" has no value here. Give the parameter a value (-p On=…).'
        ],
        id="container setting param",
    ),
    pytest.param(
        with_metadata(template(), {"Containers": {"wbe": {"Enabled": False}}}),
        {},
        [
            'Task "Api" (Resources.Api.Metadata.SysdigInstrument.Containers.wbe): There are settings for container "wbe", which this task does not have. Use one of: "web".'
        ],
        id="settings for a container that does not exist",
    ),
    pytest.param(
        with_metadata(template(), {"Collector": "x"}),
        {"LockedSettings": ["Collector"]},
        [
            'Task "Api" (Resources.Api.Metadata.SysdigInstrument.Collector): Setting "Collector" in the resource\'s Metadata is locked by the macro\'s deployment. Remove it from the resource\'s Metadata, or ask the platform team.'
        ],
        id="locked",
    ),
    pytest.param(
        with_metadata(template(), {"LockedSettings": ["Collector"]}),
        {},
        [
            'Task "Api" (Resources.Api.Metadata.SysdigInstrument.LockedSettings): Setting "LockedSettings" in the resource\'s Metadata can only be set in the macro\'s deployment. Remove it from the resource\'s Metadata, or ask the platform team to set it.'
        ],
        id="deployment only",
    ),
    pytest.param(
        never_created(template(PidMode="host")),
        {},
        [
            'Task "Api" (Resources.Api.Properties.PidMode): PidMode is host, and the agent needs task; the task is not created with the current parameters, so it was left unchanged. Set it to task, or exclude the task (Enabled: false) if it must see the host\'s processes.'
        ],
        id="not created",
    ),
    pytest.param(
        never_created(template(container(EntryPoint=5))),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].EntryPoint): EntryPoint is not a list; this branch is not active with the current parameters, so it was left unchanged. Write EntryPoint as a list of strings.'
        ],
        id="not created lasting",
    ),
    pytest.param(
        template(container(LinuxParameters={"Capabilities": {"Add": EXPRESSION}})),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].LinuxParameters.Capabilities.Add): Add is an expression that cannot be extended. Write Add as a list.'
        ],
        id="add expression",
    ),
    pytest.param(
        template(container(LinuxParameters={"Capabilities": {"Add": "SYS"}})),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].LinuxParameters.Capabilities.Add): Add is not a list. Write Add as a list.'
        ],
        id="add text",
    ),
    pytest.param(
        template(container(EntryPoint=["sh", "-c", "/opt/draios/bin/instrument run"])),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].EntryPoint): EntryPoint names the wrapper /opt/draios/bin/instrument, and only as the first item of EntryPoint does it certainly start the container. Remove the wrapper from EntryPoint, and the macro puts it in front; or exclude the container (ExcludeContainers).'
        ],
        id="by hand",
    ),
    pytest.param(
        {**CONDITIONS, **template(Tags=[if_("Open", {"Key": "kilt-ignore", "Value": "true"}, NOVALUE)])},
        {},
        [
            'Task "Api" (Resources.Api.Properties.Tags[0].Fn::If[1]): Whether tag "kilt-ignore" is present depends on a condition that is not known here. Move the tag out of Fn::If.'
        ],
        id="kilt tag in if",
    ),
    pytest.param(
        template(Tags=[{"Key": "kilt-ignore", "Value": "false"}]),
        {},
        [
            'Task "Api" (Resources.Api.Properties.Tags[0]): Tag "kilt-ignore" counts whatever its value, as in Kilt, so the task is not instrumented. Remove the tag to have the task instrumented.'
        ],
        id="kilt false",
    ),
    pytest.param(
        template(container(Environment=[{"Name": "SYSDIG_ACCESS_KEY", "Value": "x"}])),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Environment[0]): SYSDIG_ACCESS_KEY is in plain text in the template. Remove it, and replace the key with a new one: the agent\'s container gets it from AccessKeySecret.'
        ],
        id="key in clear",
    ),
    pytest.param(
        template(container(Environment=[{"Name": "SYSDIG_SIDECAR", "Value": "x"}])),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Environment[0].Value): The template\'s value for "SYSDIG_SIDECAR" is replaced.'
        ],
        id="sidecar given",
    ),
    pytest.param(
        template(container(Environment="x")),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Environment): Environment is not a list. Write Environment as a list.'
        ],
        id="environment text",
    ),
    pytest.param(
        template(container(Environment=EXPRESSION)),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Environment): Environment is an expression, so no item can be added to it. Write Environment as a list; its items may be expressions, and it may be inside Fn::If.'
        ],
        id="environment expression",
    ),
    pytest.param(
        template("x"),
        {},
        [
            'Task "Api", container "#1" (Resources.Api.Properties.ContainerDefinitions[0]): The container definition is not written as an object in the template. Write it as an object; its members, and the object under Fn::If, may be expressions.'
        ],
        id="not a container",
    ),
    pytest.param(
        template(ContainerDefinitions=EXPRESSION),
        {},
        [
            'Task "Api" (Resources.Api.Properties.ContainerDefinitions): ContainerDefinitions is not written as a list in the template. Write ContainerDefinitions as a list; its items, and the list under Fn::If, may be expressions.'
        ],
        id="not a list",
    ),
    pytest.param(
        template(container(**INCLUDED)),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0]): The container contains Fn::Transform, whose result is not known here. Write the result into the template, or use the template as it is after that transform.'
        ],
        id="hidden",
    ),
    pytest.param(
        template(),
        {"Collector": None},
        [
            'Task "Api": Setting Collector has no value, so the agent would have nowhere to report to. Set Collector to a host name or a Sysdig SaaS region, such as us2.'
        ],
        id="no collector",
    ),
    pytest.param(
        template(),
        {"AccessKeySecret": None},
        [
            'Task "Api": Setting AccessKeySecret has no value, and an agent without an access key protects nothing. Set AccessKeySecret to the ARN of the secret that holds the key, or to none if the key comes in another way.'
        ],
        id="no key",
    ),
    pytest.param(
        template(),
        {"AccessKeySecret": "none"},
        [
            'Task "Api": AccessKeySecret is none, so the agent is given no access key. Make sure that the key comes in another way: an agent without a key protects nothing.'
        ],
        id="no key on purpose",
    ),
    pytest.param(
        template(RuntimePlatform={"CpuArchitecture": "ARM64"}),
        {},
        [
            'Task "Api" (Resources.Api.Properties.RuntimePlatform): The task runs on ARM64, which Sysdig does not document for the agent. Make sure that the agent\'s image is available for arm64, or use X86_64.'
        ],
        id="arm",
    ),
    pytest.param(
        template(ExecutionRoleArn=NOVALUE),
        {},
        [
            'Task "Api" (Resources.Api.Properties.ExecutionRoleArn): The task has no execution role, and ECS needs one to start the agent\'s container. Give the task an ExecutionRoleArn, or set DefaultExecutionRoleArn.'
        ],
        id="no role",
    ),
    pytest.param(
        template(container(), container()),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[1].Name): Another container has the same name. Give this container a name of its own.'
        ],
        id="two of one name",
    ),
    pytest.param(
        template(container(DependsOn=[{"ContainerName": "db", "Condition": "START"}])),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].DependsOn[0]): DependsOn names "db", and there is no container of that name. Correct the name.'
        ],
        id="no such container",
    ),
    pytest.param(
        template(container(DependsOn=[{"ContainerName": "SysdigInstrumentation", "Condition": "HEALTHY"}])),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].DependsOn[0]): DependsOn waits for the agent to be HEALTHY, and the agent\'s container has no HealthCheck. Remove the dependency, or make it wait for START.'
        ],
        id="waits for health",
    ),
    pytest.param(
        template(container(Secrets=[{"Name": "A", "ValueFrom": "x"}], Environment=[{"Name": "A", "Value": "x"}])),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Secrets): "A" is both a secret and an environment variable. Remove one of them.'
        ],
        id="secret and variable",
    ),
    pytest.param(
        template(*[container(Name=f"c{i}") for i in range(10)]),
        {},
        [
            'Task "Api" (Resources.Api.Properties.ContainerDefinitions): With the agent\'s container there are 11 containers, and ECS accepts 10 at most. Move one to a task definition of its own, or exclude this task (Enabled: false).'
        ],
        id="eleven",
    ),
    pytest.param(
        template(Cpu="256", Memory="512"),
        {"AgentMemoryReservation": 600},
        [
            'Task "Api" (Resources.Api.Properties.Memory): With 600 MiB for the agent, the containers reserve 600, and the task has 512. Give the task Cpu "256" and Memory "1024", the next Fargate size that fits, set TaskSize to raise, or make the containers smaller.'
        ],
        id="small",
    ),
    pytest.param(
        {**CONDITIONS, **template(Cpu="256", Memory="512", RequiresCompatibilities=[if_("Open", "FARGATE", "EC2")])},
        {"AgentMemoryReservation": 600, "TaskSize": "raise"},
        [
            'Task "Api" (Resources.Api.Properties): The task\'s size is raised to Cpu "256" and Memory "1024", so that the agent\'s reservation fits into it.'
        ],
        id="size raise",
    ),
    pytest.param(
        {"Resources": {"S": {"Type": "AWS::CloudFormation::Stack", "Properties": {}}}},
        {},
        [
            "(Resources.S): The macro cannot see a nested stack's template. Add the macro to that template's own Transform."
        ],
        id="stack",
    ),
    pytest.param(
        template(container(EntryPoint=NOVALUE, Image=EXPRESSION)),
        {},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Image): Image cannot be resolved: it refers to "A", which is known only after deployment. Write the image\'s ENTRYPOINT and CMD into the resource: Metadata: {SysdigInstrument: {Containers: {"web": {ImageConfig: {Entrypoint: […], Cmd: […]}}}}}.'
        ],
        id="image unread",
    ),
    pytest.param(
        template(container(EntryPoint=NOVALUE, Image=EXPRESSION)),
        {"OnUnresolvedImage": "skip"},
        [
            'Task "Api", container "web" (Resources.Api.Properties.ContainerDefinitions[0].Image): Image cannot be resolved: it refers to "A", which is known only after deployment. Write the image\'s ENTRYPOINT and CMD into the resource: Metadata: {SysdigInstrument: {Containers: {"web": {ImageConfig: {Entrypoint: […], Cmd: […]}}}}}.'
        ],
        id="image skip",
    ),
    pytest.param(
        template(PidMode=EXPRESSION),
        {},
        [
            'Task "Api" (Resources.Api.Properties.PidMode): PidMode cannot be resolved (it refers to "A", which is known only after deployment), and the agent needs task. Set it to task, or exclude the task (Enabled: false) if it must see the host\'s processes.'
        ],
        id="pid unknown",
    ),
    pytest.param(
        template(PidMode="host"),
        {},
        [
            'Task "Api" (Resources.Api.Properties.PidMode): PidMode is host, and the agent needs task. Set it to task, or exclude the task (Enabled: false) if it must see the host\'s processes.'
        ],
        id="pid host",
    ),
    pytest.param(
        template(container(Memory="2048")),
        {},
        [
            'Task "Api" (Resources.Api.Properties.Memory): The containers reserve all of the task\'s memory, and leave none for the agent. Give the task more memory, or set AgentMemoryReservation and TaskSize.'
        ],
        id="all memory",
    ),
    pytest.param(
        template(container(), {"Name": "SysdigInstrumentation", "Image": "x", "Cpu": 3}),
        {},
        [
            'Task "Api", container "SysdigInstrumentation" (Resources.Api.Properties.ContainerDefinitions[1].Name): The name "SysdigInstrumentation" is reserved for the agent. Rename this container, or remove it if it is the agent: the macro adds the agent itself.'
        ],
        id="readonly agent",
    ),
]


@pytest.mark.parametrize(("value", "settings", "messages"), MESSAGES)
def test_every_problem_and_notice(value: Json, settings: Mapping[str, Json], messages: list[str]) -> None:
    without_grants = {**settings, "GrantAccessKeyRead": "never"}
    assert problems_of(value, without_grants) + notices_of(value, without_grants) == messages
