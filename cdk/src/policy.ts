import { IPolicyValidationContext, IPolicyValidationPlugin, PolicyValidationPluginReport, PolicyValidationStack, PolicyViolation } from "aws-cdk-lib";
import { NOT_INSTALLED, runTool } from "./tool";
import { ToolProps } from "./tool-props";

/** Properties of `SysdigInstrumentPolicy`. */
export interface SysdigInstrumentPolicyProps extends ToolProps {
  /**
   * Whether synthesis goes on, unchecked, on a machine without the command line tool.
   * @default false
   */
  readonly optional?: boolean;
}

/** What `sysdig-instrument check --format json` says about a file. */
interface FileReport {
  readonly file: string;
  readonly remarks: { readonly rule: string; readonly level: string; readonly taskDefinition: string | null; readonly place: string; readonly message: string }[];
}

/**
 * A policy for `Validations.of(app).addPlugins(…)`: synthesis fails unless each task definition is protected once it is deployed.
 *
 * `sysdig-instrument check` judges the templates. It can read images, unless the arguments say `--offline`.
 */
export class SysdigInstrumentPolicy implements IPolicyValidationPlugin {
  public readonly name = "sysdig-instrument";

  constructor(private readonly props: SysdigInstrumentPolicyProps = {}) {}

  /** Called by the CDK after synthesis. */
  public validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    const violations = context.stackTemplates.flatMap((each) => this.check(each));
    return { success: violations.length === 0, violations };
  }

  private check(stack: PolicyValidationStack): PolicyViolation[] {
    const where = [...option("--region", stack.region), ...option("--account-id", stack.accountId)];
    const args = ["check", "--format", "json", "--no-config", ...where, ...(this.props.arguments ?? []), "--", stack.templatePath];
    const done = runTool(this.props, args);
    if (!done) return this.props.optional ? [] : [violation(stack, "not-installed", NOT_INSTALLED)];
    const found = reports(done.output).flatMap((report) => report.remarks.filter((each) => each.level === "error"));
    if (done.code !== 0 && !found.length) return [violation(stack, "failed", done.errors.trim() || `The tool ended with code ${done.code}.`)];
    return found.map((each) => violation(stack, each.rule, each.message, each.place, each.taskDefinition));
  }
}

function option(name: string, value: string | undefined): string[] {
  return value && !value.includes("${") && !value.startsWith("unknown") ? [name, value] : [];
}

function reports(output: string): FileReport[] {
  try {
    return JSON.parse(output);
  } catch {
    return []; // the exit code says that it failed, and standard error why
  }
}

function violation(stack: PolicyValidationStack, ruleName: string, description: string, place = "", resource: string | null = null): PolicyViolation {
  const where = resource ? { resourceLogicalId: resource } : { constructPath: stack.stackConstructPath };
  return { ruleName, description, violatingResources: [{ ...where, templatePath: stack.templatePath, locations: place ? [place] : [] }] };
}
