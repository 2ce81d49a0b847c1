import { App, Aspects, PropertyInjectors, Stack, Stage, Validations } from "aws-cdk-lib";
import { ContainerImage, FargateTaskDefinition } from "aws-cdk-lib/aws-ecs";
import { IConstruct } from "constructs";
import { ReleaseStamp, SysdigInstrument, SysdigInstrumentLocally, SysdigInstrumentPolicy } from "sysdig-instrument-cdk";

const app = new App({ outdir: "cdk.out" });
const settings = ["--set", "Collector=us2", "--set", "AccessKeySecret=arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key-AbCdEf"];

// One stack, without the package: add the line.
const one = shop(app, "One");
one.addTransform("SysdigInstrument");

// All stacks below a construct: an aspect adds the line, and a stamp. A new stamp deploys the stacks again.
const stamp = ReleaseStamp.release(app.node.tryGetContext("sysdigRelease") ?? "1.0.0");
Aspects.of(shop(app, "Two")).add(new SysdigInstrument({ stamp }));

// Without the macro: an aspect instruments during synthesis.
Aspects.of(shop(app, "Three")).add(new SysdigInstrumentLocally({ arguments: settings }));

// A blueprint, for all task definitions below a construct: here for those of a stage.
const prod = new Stage(app, "Prod");
PropertyInjectors.of(prod).add(...SysdigInstrument.injectors({ stamp }));
shop(prod, "Four");

// Synthesis fails if a task definition is not protected once it is deployed.
Validations.of(app).addPlugins(new SysdigInstrumentPolicy({ arguments: [...settings, "--offline"] }));

app.synth();

function shop(scope: IConstruct, name: string): Stack {
  const stack = new Stack(scope, name);
  const task = new FargateTaskDefinition(stack, "Task", { cpu: 512, memoryLimitMiB: 1024 });
  task.addContainer("web", { image: ContainerImage.fromAsset("../shop"), entryPoint: ["python"], command: ["/shop.py"] });
  task.addContainer("proxy", { image: ContainerImage.fromRegistry("nginx:1.27"), entryPoint: ["nginx"] });
  return stack;
}
