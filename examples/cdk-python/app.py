"""The CDK in Python: the line for the macro in one stack, in all, and in those of a blueprint; local use; and a policy."""

from aws_cdk import App, Aspects, PropertyInjectors, Stack, Stage, Validations
from aws_cdk.aws_ecs import ContainerImage, FargateTaskDefinition
from constructs import IConstruct
from sysdig_instrument_cdk import ReleaseStamp, SysdigInstrument, SysdigInstrumentLocally, SysdigInstrumentPolicy

SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key-AbCdEf"  # noqa: S105 - its name
SETTINGS = ["--set", "Collector=us2", "--set", f"AccessKeySecret={SECRET}"]


def shop(scope: IConstruct, name: str) -> Stack:
    """A stack with a task of two containers, one of them an asset."""
    stack = Stack(scope, name)
    task = FargateTaskDefinition(stack, "Task", cpu=512, memory_limit_mib=1024)
    image = ContainerImage.from_asset("../shop")
    task.add_container("web", image=image, entry_point=["python"], command=["/shop.py"])
    task.add_container("proxy", image=ContainerImage.from_registry("nginx:1.27"), entry_point=["nginx"])
    return stack


app = App(outdir="cdk.out")
shop(app, "One").add_transform("SysdigInstrument")

stamp = ReleaseStamp.release(app.node.try_get_context("sysdigRelease") or "1.0.0")
Aspects.of(shop(app, "Two")).add(SysdigInstrument(stamp=stamp))

Aspects.of(shop(app, "Three")).add(SysdigInstrumentLocally(arguments=SETTINGS))

prod = Stage(app, "Prod")
PropertyInjectors.of(prod).add(*SysdigInstrument.injectors(stamp=stamp))
shop(prod, "Four")

Validations.of(app).add_plugins(SysdigInstrumentPolicy(arguments=[*SETTINGS, "--offline"]))
app.synth()
