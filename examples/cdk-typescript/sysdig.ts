import { execFileSync } from "node:child_process";
import { CfnElement, CfnResource, IAspect, Stack, Token } from "aws-cdk-lib";
import { CfnTaskDefinition } from "aws-cdk-lib/aws-ecs";
import { IConstruct } from "constructs";

/** Adds the line `Transform: SysdigInstrument` to every stack that has a task definition. */
export class SysdigInstrument implements IAspect {
  visit(node: IConstruct): void {
    if (node instanceof CfnTaskDefinition) Stack.of(node).addTransform("SysdigInstrument");
  }
}

/** Instruments during synthesis, with the command line tool: for accounts without the macro. */
export class SysdigInstrumentLocally implements IAspect {
  constructor(private readonly options: string[] = []) {}

  visit(node: IConstruct): void {
    if (!Stack.isStack(node)) return;
    const elements = node.node.findAll().filter(CfnElement.isCfnElement).filter((each) => Stack.of(each) === node);
    if (!elements.some((each) => each instanceof CfnTaskDefinition)) return;
    const before = template(node, elements);
    const after = this.instrumented(node, before);
    for (const each of elements.filter(CfnResource.isCfnResource)) {
      const id = node.resolve(each.logicalId);
      for (const section of ["Properties", "Metadata"]) {
        for (const [key, value] of Object.entries(after.Resources[id][section] ?? {})) {
          const changed = JSON.stringify(value) !== JSON.stringify(before.Resources[id][section]?.[key]);
          if (changed) each.addOverride(`${section}.${key}`, value);
        }
      }
    }
  }

  private instrumented(stack: Stack, template: Template): Template {
    const where = Token.isUnresolved(stack.region) ? [] : ["--region", stack.region];
    const args = ["transform", "-", "--format", "json", ...where, ...this.options];
    return JSON.parse(execFileSync("sysdig-instrument", args, { input: JSON.stringify(template), encoding: "utf8" }));
  }
}

type Template = Record<string, Record<string, any>>;

/** Returns the stack's template so far: the tool also reads roles, conditions and parameters. */
function template(stack: Stack, elements: CfnElement[]): Template {
  const made: Template = {};
  for (const each of elements) {
    for (const [section, content] of Object.entries<any>(stack.resolve((each as any)._toCloudFormation()))) {
      made[section] = typeof content === "object" ? { ...made[section], ...content } : content;
    }
  }
  return made;
}
