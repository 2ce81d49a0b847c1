const assert = require("node:assert/strict");
const { test } = require("node:test");
const { Aspects, CfnResource, Fn, NestedStack, PropertyInjectors, Stack, Stage } = require("aws-cdk-lib");
const { FargateTaskDefinition } = require("aws-cdk-lib/aws-ecs");
const { Bucket } = require("aws-cdk-lib/aws-s3");
const { ReleaseStamp, SysdigInstrument } = require("../lib");
const { app, messages, shop, task, template } = require("./apps");

const NONE = { stamp: ReleaseStamp.none() };

/** The template of an app's only stack, with the aspect. */
function shopWith(props, environment = {}, context = {}) {
  const root = app({ context });
  const stack = shop(root, "Shop", environment);
  Aspects.of(root).add(new SysdigInstrument(props));
  return template(root, stack);
}

test("a stack with a task definition lists the macro, and nothing else changes", () => {
  const root = app();
  const { Transform, ...rest } = shopWith(NONE);
  assert.equal(Transform, "SysdigInstrument");
  assert.deepEqual(rest, template(root, shop(root)));
});

test("the macro may have another name", () => {
  assert.equal(shopWith({ ...NONE, macroName: "SysdigInstrument-canary" }).Transform, "SysdigInstrument-canary");
});

test("a stack without a task definition stays as it is", () => {
  const root = app();
  const stack = new Stack(root, "Data");
  new Bucket(stack, "Bucket");
  const before = template(root, stack);
  Aspects.of(root).add(new SysdigInstrument());
  assert.deepEqual(template(root, stack), before);
});

test("the macro is listed once, and last", () => {
  const root = app();
  const stack = shop(root);
  task(stack, "Second");
  stack.addTransform("SysdigInstrument");
  stack.addTransform("AWS::LanguageExtensions");
  Aspects.of(root).add(new SysdigInstrument(NONE));
  assert.deepEqual(template(root, stack).Transform, ["AWS::LanguageExtensions", "SysdigInstrument"]);
});

test("a task definition without a class of its own counts, and so does an Express Mode service", () => {
  for (const type of ["AWS::ECS::TaskDefinition", "AWS::ECS::ExpressGatewayService"]) {
    const root = app();
    const stack = new Stack(root, "Raw");
    new CfnResource(stack, "Resource", { type, properties: {} });
    Aspects.of(root).add(new SysdigInstrument(NONE));
    assert.equal(template(root, stack).Transform, "SysdigInstrument");
  }
});

test("a nested stack lists the macro itself", () => {
  const root = app();
  const outer = new Stack(root, "Outer");
  const inner = new NestedStack(outer, "Inner");
  task(inner);
  Aspects.of(root).add(new SysdigInstrument(NONE));
  assert.equal(template(root, outer).Transform, undefined);
  assert.deepEqual(inner.templateOptions.transforms, ["SysdigInstrument"]);
});

test("a stage that the aspect does not reach stops the synthesis", () => {
  const root = app();
  shop(new Stage(root, "Prod"));
  Aspects.of(root).add(new SysdigInstrument());
  assert.throws(() => root.synth(), /Prod\/Shop\/Task\/Resource is in the stage Prod.*addTo\(app\)/);
});

test("addTo reaches stages, also a stage in a stage", () => {
  const root = app();
  const stages = [new Stage(root, "Prod")];
  stages.push(new Stage(stages[0], "Europe"));
  const stacks = stages.map((each) => shop(each));
  SysdigInstrument.addTo(root);
  root.synth();
  for (const each of stacks) assert.deepEqual(each.templateOptions.transforms, ["SysdigInstrument"]);
});

test("the injectors reach stages, and inject no property", () => {
  const root = app();
  PropertyInjectors.of(root).add(...SysdigInstrument.injectors(NONE));
  const inStage = shop(new Stage(root, "Prod"));
  const stack = shop(root);
  root.synth();
  assert.deepEqual(inStage.templateOptions.transforms, ["SysdigInstrument"]);
  assert.deepEqual(template(root, stack), shopWith(NONE));
});

test("the injectors reach a subclass of a team", () => {
  const root = app({ propertyInjectors: SysdigInstrument.injectors(NONE) });
  const stack = new Stack(root, "Shop");
  class Ours extends FargateTaskDefinition {}
  new Ours(stack, "Task").addContainer("web", { image: { bind: () => ({ imageName: "web" }) } });
  assert.equal(template(root, stack).Transform, "SysdigInstrument");
});

// --- the stamp

const stamped = (release) => shopWith({ stamp: ReleaseStamp.release(release) });

test("another release changes the stamp and nothing else; the same release changes nothing", () => {
  const [old, same, next] = [stamped("1.0.0"), stamped("1.0.0"), stamped("1.1.0")];
  assert.deepEqual(old, same);
  assert.notDeepEqual(old, next);
  next.Metadata.SysdigInstrumentRelease = "1.0.0";
  assert.deepEqual(old, next);
});

test("without a stamp of yours, it is the release of the package", () => {
  assert.equal(shopWith({}).Metadata.SysdigInstrumentRelease, require("../package.json").version);
});

test("the stamp of the deployed macro changes with its release and with its settings", () => {
  const env = { account: "111122223333", region: "eu-west-1" };
  const key = "ssm:account=111122223333:parameterName=/sysdig-instrument/SysdigInstrument:region=eu-west-1";
  const stamp = (release, collector) => {
    const value = JSON.stringify({ Release: release, Settings: { Collector: collector }, Withheld: "" });
    return shopWith({ stamp: ReleaseStamp.deployed() }, { env }, { [key]: value }).Metadata.SysdigInstrumentRelease;
  };
  assert.match(stamp("1.0.0", "us2"), /^1\.0\.0 [0-9a-f]{16}$/);
  assert.equal(stamp("1.0.0", "us2"), stamp("1.0.0", "us2"));
  assert.equal(new Set([stamp("1.0.0", "us2"), stamp("1.1.0", "us2"), stamp("1.0.0", "us3")]).size, 3);
});

test("the deployed macro's parameter is asked for where it is not known yet", () => {
  const root = app();
  shop(root, "Shop", { env: { account: "111122223333", region: "eu-west-1" } });
  Aspects.of(root).add(new SysdigInstrument({ stamp: ReleaseStamp.deployed(), macroName: "SysdigInstrument-canary" }));
  const [missing] = root.synth().manifest.missing;
  assert.equal(missing.props.parameterName, "/sysdig-instrument/SysdigInstrument-canary");
});

test("the parameter that is read at deployment keeps the CDK from skipping the stack", () => {
  const { Parameters } = shopWith({ stamp: ReleaseStamp.atDeployment() });
  const { Type, Default, Description } = Parameters.SysdigInstrumentRelease;
  assert.equal(Type, "AWS::SSM::Parameter::Value<String>");
  assert.equal(Default, "/sysdig-instrument/SysdigInstrument");
  assert.ok(!Description.includes("[cdk:skip]")); // with this, the CDK would not count it
});

test("a nested stack cannot have the parameter that is read at deployment", () => {
  const root = app();
  task(new NestedStack(new Stack(root, "Outer"), "Inner"));
  Aspects.of(root).add(new SysdigInstrument({ stamp: ReleaseStamp.atDeployment() }));
  assert.throws(() => root.synth(), /Use another release stamp/);
});

test("another release in a nested stack changes the outermost stack, too", () => {
  const outermost = (release) => {
    const root = app();
    const outer = new Stack(root, "Outer");
    task(new NestedStack(outer, "Inner"));
    Aspects.of(root).add(new SysdigInstrument({ stamp: ReleaseStamp.release(release) }));
    return template(root, outer);
  };
  assert.deepEqual(outermost("1.0.0"), outermost("1.0.0"));
  assert.notDeepEqual(outermost("1.0.0"), outermost("1.1.0"));
});

// --- hotswap

for (const [hotswap, level] of [[undefined, "error"], ["warn", "warning"], ["allow", undefined]]) {
  test(`hotswap leads to ${level ?? "nothing"} with ${hotswap ?? "nothing"} asked for`, (t) => {
    process.env.CDK_HOTSWAP = "true";
    t.after(() => delete process.env.CDK_HOTSWAP);
    const root = app();
    const stack = shop(root);
    Aspects.of(root).add(new SysdigInstrument({ hotswap }));
    const found = root.synth().getStackByName("Shop").messages;
    assert.deepEqual(found.map((each) => each.level), level ? [level] : []);
    if (level) assert.match(found[0].entry.data, /without Sysdig's agent/);
  });
}

test("nothing is said of hotswap in a deployment without it", () => {
  const root = app();
  const stack = shop(root);
  Aspects.of(root).add(new SysdigInstrument());
  assert.deepEqual(messages(root, stack), []);
});
