// The tool is a program of the test here: tests/uses runs the real one.
const assert = require("node:assert/strict");
const { chmodSync, mkdtempSync, readFileSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { test } = require("node:test");
const { Aspects, Stage, Validations } = require("aws-cdk-lib");
const { SysdigInstrumentLocally, SysdigInstrumentPolicy } = require("../lib");
const { app, shop, template } = require("./apps");

/** A program that runs JavaScript with the arguments as `args` and standard input as `template`, and what it was called with. */
function tool(script) {
  const folder = mkdtempSync(join(tmpdir(), "tool-"));
  const command = join(folder, "tool");
  const head = `const args = process.argv.slice(2), fs = require("fs"); fs.appendFileSync(${JSON.stringify(join(folder, "calls"))}, args.join(" ") + "\\n");`;
  writeFileSync(command, `#!${process.execPath}\n${head}\n${script}\n`);
  chmodSync(command, 0o755);
  return { command, calls: () => readFileSync(join(folder, "calls"), "utf8").trim().split("\n") };
}

const READ = 'const template = JSON.parse(fs.readFileSync(0)); const task = Object.values(template.Resources).find((each) => each.Type.endsWith("TaskDefinition"));';
const WRITE = "console.log(JSON.stringify(template));";

function locally(command, environment = {}) {
  const root = app();
  const stack = shop(root, "Shop", environment);
  Aspects.of(root).add(new SysdigInstrumentLocally({ command, arguments: ["--set", "Collector=us2"] }));
  return template(root, stack);
}

test("what the tool changes is in the template, and the macro is not", () => {
  const { command, calls } = tool(`${READ} task.Properties.PidMode = "task"; delete task.Properties.Family; task.Metadata = { "a.b": { c: 1 } }; ${WRITE}`);
  const made = locally(command, { env: { region: "eu-west-1" } });
  const task = Object.values(made.Resources).find((each) => each.Type.endsWith("TaskDefinition"));
  assert.equal(task.Properties.PidMode, "task");
  assert.equal(task.Properties.Family, undefined);
  assert.deepEqual(task.Metadata["a.b"], { c: 1 });
  assert.equal(made.Transform, undefined);
  assert.match(calls()[0], /^transform - --format json --no-config --region eu-west-1 --set Collector=us2$/);
});

test("a tool that changes nothing leaves the template as it is", () => {
  const root = app();
  assert.deepEqual(locally(tool(`${READ} ${WRITE}`).command), template(root, shop(root)));
});

test("what the tool refuses stops the synthesis with its message", () => {
  const { command } = tool('console.error("Task \\"T\\": the fact. The advice."); process.exit(1);');
  assert.throws(() => locally(command), /Shop: Task "T": the fact\. The advice\./);
});

test("a resource that only the macro can add stops the synthesis", () => {
  const { command } = tool(`${READ} template.Resources.New = { Type: "AWS::ECS::TaskDefinition" }; ${WRITE}`);
  assert.throws(() => locally(command), /adds or removes whole resources/);
});

test("a machine without the tool stops the synthesis, and says how to go on", () => {
  assert.throws(() => locally("/no/such/tool"), /is not on PATH\. Install it/);
});

test("a stage is reached by addTo, and stops the synthesis otherwise", () => {
  const { command } = tool(`${READ} task.Properties.PidMode = "task"; ${WRITE}`);
  const root = app();
  const stack = shop(new Stage(root, "Prod"));
  SysdigInstrumentLocally.addTo(root, { command });
  const made = root.synth().getNestedAssembly("assembly-Prod").getStackByName(stack.stackName).template;
  assert.ok(JSON.stringify(made).includes('"PidMode":"task"'));

  const missed = app();
  shop(new Stage(missed, "Prod"));
  Aspects.of(missed).add(new SysdigInstrumentLocally({ command }));
  assert.throws(() => missed.synth(), /is in the stage Prod/);
});

function checked(props) {
  const root = app();
  shop(root);
  shop(root, "Other", { env: { account: "111122223333", region: "eu-west-1" } });
  Validations.of(root).addPlugins(new SysdigInstrumentPolicy(props));
  root.synth();
  return root;
}

/** The violations for one template. */
function violations(props) {
  const stackTemplates = [{ stackConstructPath: "Shop", templatePath: "/app/Shop.template.json", region: "eu-west-1", accountId: "unknown-account" }];
  return new SysdigInstrumentPolicy(props).validate({ stackTemplates });
}

test("the policy passes what the tool passes", () => {
  const { command, calls } = tool('console.log(JSON.stringify([{ file: "x", remarks: [{ level: "note", rule: "left-alone", message: "m" }] }]));');
  assert.deepEqual(violations({ command, arguments: ["--offline"] }), { success: true, violations: [] });
  assert.deepEqual(calls(), ["check --format json --no-config --region eu-west-1 --offline -- /app/Shop.template.json"]);
});

test("each error of the tool is a violation of its resource", () => {
  const remark = { level: "error", rule: "not-instrumented", taskDefinition: "Task", place: "Resources.Task", message: "The fact. (SI001)" };
  const { command } = tool(`console.log(${JSON.stringify(JSON.stringify([{ file: "x", remarks: [remark] }]))}); process.exit(1);`);
  const report = violations({ command });
  assert.equal(report.success, false);
  assert.deepEqual(report.violations, [{
    ruleName: "not-instrumented",
    description: "The fact. (SI001)",
    violatingResources: [{ resourceLogicalId: "Task", templatePath: "/app/Shop.template.json", locations: ["Resources.Task"] }],
  }]);
});

test("a tool that fails without a report is a violation", () => {
  for (const script of ['console.error("wrong option"); process.exit(2);', "process.exit(3);", 'console.log("[]"); process.exit(1);', "process.kill(process.pid)"]) {
    assert.equal(violations({ command: tool(script).command }).success, false);
  }
});

test("a machine without the tool fails the policy, unless it is optional", () => {
  assert.equal(violations({ command: "/no/such/tool" }).success, false);
  assert.equal(violations({ command: "/no/such/tool", optional: true }).success, true);
});

test("the CDK stops the synthesis for a violation", () => {
  const { command, calls } = tool('console.error("no"); process.exit(1);');
  assert.throws(() => checked({ command }), /[Vv]alidation/);
  assert.equal(calls().length, 2);
  assert.ok(calls().some((each) => each.includes("--region eu-west-1 --account-id 111122223333")));
});
