import { CfnElement, CfnResource, IAspect, Stack, Token } from "aws-cdk-lib";
import { IConstruct } from "constructs";
import { NOT_INSTALLED, runTool } from "./tool";
import { ToolProps } from "./tool-props";
import { addToStages, handled, isWorkload, refuseMissedStages } from "./workloads";

type Template = { [section: string]: { [id: string]: any } };

/** The sections of a resource that the tool may change. */
const CHANGEABLE = ["Properties", "Metadata"];

/**
 * An aspect for accounts without the macro, and for hotswap: the command line tool instruments each stack during synthesis.
 *
 * Add it after all other aspects that change task definitions.
 */
export class SysdigInstrumentLocally implements IAspect {
  /** Add the aspect to a construct and to all stages below it. The CDK does not pass the aspects of an app on to its stages. */
  public static addTo(scope: IConstruct, props: ToolProps = {}): void {
    addToStages(scope, new SysdigInstrumentLocally(props));
  }

  constructor(private readonly props: ToolProps = {}) {}

  /** Called by the CDK for each construct. */
  public visit(node: IConstruct): void {
    refuseMissedStages(node);
    if (!Stack.isStack(node)) return;
    const elements = node.node.findAll().filter(CfnElement.isCfnElement).filter((each) => Stack.of(each) === node);
    if (!elements.some(isWorkload)) return;
    handled.add(node);
    const before = template(node, elements);
    const after = this.instrumented(node, before);
    if (!sameKeys(before, after) || !sameKeys(before.Resources, after.Resources)) {
      throw new Error(`${node.node.path}: the tool adds or removes whole resources, which only the macro can do. Use SysdigInstrument.`);
    }
    for (const each of elements.filter(CfnResource.isCfnResource)) {
      const id = node.resolve(each.logicalId);
      for (const section of CHANGEABLE) override(each, section, before.Resources[id][section], after.Resources[id][section]);
    }
  }

  private instrumented(stack: Stack, before: Template): Template {
    const where = Token.isUnresolved(stack.region) ? [] : ["--region", stack.region];
    const args = ["transform", "-", "--format", "json", "--no-config", ...where, ...(this.props.arguments ?? [])];
    const done = runTool(this.props, args, JSON.stringify(before));
    if (done?.code !== 0) throw new Error(`${stack.node.path}: ${done?.errors.trim() ?? NOT_INSTALLED}`);
    return JSON.parse(done.output);
  }
}

/** The stack's template so far: the tool also reads roles, conditions and parameters. */
function template(stack: Stack, elements: CfnElement[]): Template {
  const made: Template = {};
  for (const each of elements) {
    for (const [section, content] of Object.entries<any>(stack.resolve((each as any)._toCloudFormation()))) {
      made[section] = typeof content === "object" ? { ...made[section], ...content } : content;
    }
  }
  return made;
}

function sameKeys(one: object, other: object): boolean {
  return JSON.stringify(Object.keys(one).sort()) === JSON.stringify(Object.keys(other).sort());
}

function override(resource: CfnResource, section: string, before: any = {}, after: any = {}): void {
  for (const key of Object.keys(before)) {
    if (!(key in after)) resource.addDeletionOverride(`${section}.${key}`);
  }
  for (const [key, value] of Object.entries(after)) {
    if (JSON.stringify(value) !== JSON.stringify(before[key])) resource.addOverride(`${section}.${key.replace(/\./g, "\\.")}`, value);
  }
}
