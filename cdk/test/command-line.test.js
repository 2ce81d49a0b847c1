const assert = require("node:assert/strict");
const { execFileSync } = require("node:child_process");
const { test } = require("node:test");
const { commandHotswaps, hotswapIn } = require("../lib/command-line");

const HOTSWAPS = [
  "cdk deploy --hotswap",
  "node /app/node_modules/.bin/cdk deploy Shop --hotswap",
  "npm exec cdk deploy --hotswap-fallback",
  "npx aws-cdk@2 deploy --hotswap=true",
  "npm exec aws-cdk deploy --hotswap",
  "/usr/local/bin/cdk watch",
  "node C:\\tools\\cdk.js deploy --watch",
  "cdklocal deploy --hotswap",
];
const DOES_NOT = [
  "cdk deploy",
  "cdk synth --watch=false",
  "cdk watch --no-hotswap",
  "cdk deploy --watch --hotswap=false",
  "cdk deploy --no-hotswap",
  "cdk deploy --hotswap=false",
  "npm run watch",
  "tsc --watch",
  "vim cdk-watch.md",
  "cdk deploy watch-tower",
];

for (const line of HOTSWAPS) test(`hotswaps: ${line}`, () => assert.equal(commandHotswaps(line), true));
for (const line of DOES_NOT) test(`does not: ${line}`, () => assert.equal(commandHotswaps(line), false));

test("the CDK takes its options from the environment, too", () => {
  assert.equal(hotswapIn({ CDK_HOTSWAP: "true" }), true);
  assert.equal(hotswapIn({ CDK_HOTSWAP: "false", CDK_WATCH: "" }), false);
  assert.equal(hotswapIn({}), false);
});

test("the command line of the process above, through a shell, is found", () => {
  const program = `console.log(require(${JSON.stringify(require.resolve("../lib/command-line"))}).isHotswap())`;
  const child = `const { execSync } = require("child_process"); process.stdout.write(execSync(process.argv[1], { input: ${JSON.stringify(program)} }))`;
  const run = (...options) => execFileSync(process.execPath, ["-e", child, "node -", "cdk", "deploy", ...options], { encoding: "utf8" }).trim();
  assert.equal(run("--hotswap"), "true");
  assert.equal(run("--all"), "false");
});
