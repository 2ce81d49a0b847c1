import { App, Aspects, Stack } from "aws-cdk-lib";
import { ContainerImage, FargateTaskDefinition } from "aws-cdk-lib/aws-ecs";

import { SysdigInstrument, SysdigInstrumentLocally } from "./sysdig";

const app = new App({ outdir: "cdk.out" });

// One stack: add the line.
const one = shop("One");
one.addTransform("SysdigInstrument");

// All stacks below a construct, here below Two: an aspect adds the line.
Aspects.of(shop("Two")).add(new SysdigInstrument());

// Without the macro: an aspect instruments during synthesis.
Aspects.of(shop("Three")).add(new SysdigInstrumentLocally(["--set", "Collector=us2", "--set", "AccessKeySecret=arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig/access-key-AbCdEf"]));

app.synth();

function shop(name: string): Stack {
  const stack = new Stack(app, name);
  const task = new FargateTaskDefinition(stack, "Task", { cpu: 512, memoryLimitMiB: 1024 });
  task.addContainer("web", { image: ContainerImage.fromAsset("../shop"), entryPoint: ["python"], command: ["/shop.py"] });
  task.addContainer("proxy", { image: ContainerImage.fromRegistry("nginx:1.27"), entryPoint: ["nginx"] });
  return stack;
}
