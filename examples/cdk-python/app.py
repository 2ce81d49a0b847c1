"""The CDK in Python: the line for the macro, added to one stack and by an aspect."""

import jsii
from aws_cdk import App, Aspects, IAspect, Stack
from aws_cdk.aws_ecs import CfnTaskDefinition, ContainerImage, FargateTaskDefinition
from constructs import IConstruct


@jsii.implements(IAspect)
class SysdigInstrument:
    """Adds the line ``Transform: SysdigInstrument`` to every stack that has a task definition."""

    def visit(self, node: IConstruct) -> None:
        """Called by the CDK for every construct below the one that has the aspect."""
        if isinstance(node, CfnTaskDefinition):
            Stack.of(node).add_transform("SysdigInstrument")


def shop(app: App, name: str) -> Stack:
    """A stack with a task of two containers, one of them an asset."""
    stack = Stack(app, name)
    task = FargateTaskDefinition(stack, "Task", cpu=512, memory_limit_mib=1024)
    image = ContainerImage.from_asset("../shop")
    task.add_container("web", image=image, entry_point=["python"], command=["/shop.py"])
    task.add_container("proxy", image=ContainerImage.from_registry("nginx:1.27"), entry_point=["nginx"])
    return stack


app = App(outdir="cdk.out")
shop(app, "One").add_transform("SysdigInstrument")
Aspects.of(shop(app, "Two")).add(SysdigInstrument())
app.synth()
