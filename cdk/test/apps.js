// Apps for the tests, and what is synthesised from them.
const { App, Stack } = require("aws-cdk-lib");
const { ContainerImage, FargateTaskDefinition } = require("aws-cdk-lib/aws-ecs");

/** An app without the version of its libraries in its templates, and without the CDK's own validation. */
exports.app = (props = {}) => new App({ analyticsReporting: false, builtinCloudFormationValidation: false, ...props });

exports.shop = (scope, id = "Shop", props = {}) => {
  const stack = new Stack(scope, id, props);
  exports.task(stack);
  return stack;
};

exports.task = (scope, id = "Task") => {
  const task = new FargateTaskDefinition(scope, id, { cpu: 512, memoryLimitMiB: 1024 });
  task.addContainer("web", { image: ContainerImage.fromRegistry("shop/web:1"), entryPoint: ["/web"], command: ["serve"] });
  return task;
};

exports.template = (app, stack) => app.synth({ force: true }).getStackByName(stack.stackName).template;

exports.messages = (app, stack) => app.synth({ force: true }).getStackByName(stack.stackName).messages.map((each) => each.entry.data);
