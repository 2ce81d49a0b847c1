import { createHash } from "node:crypto";
import { CfnParameter, Stack } from "aws-cdk-lib";
import { StringParameter } from "aws-cdk-lib/aws-ssm";

/** The key of the stamp in the template's Metadata. */
const KEY = "SysdigInstrumentRelease";

/**
 * Makes a change of the macro a change of the template.
 *
 * `cdk deploy` skips a stack whose template is the same as the deployed one. So a new release of the macro, a new agent image
 * or a new setting would not reach the stack before its next change, because a macro runs only in a deployment.
 */
export abstract class ReleaseStamp {
  /** A text of yours that changes with the macro: its release, or whatever else your platform team increments. */
  public static release(release: string): ReleaseStamp {
    return new InMetadata(() => release);
  }

  /** The release of this package. An update of the package deploys the stacks again. */
  public static ofPackage(): ReleaseStamp {
    return ReleaseStamp.release(packageRelease());
  }

  /**
   * The release and a digest of the settings of the macro that is deployed in the stack's account and Region, both of which the
   * stack must name. The CDK reads them from the SSM parameter that the macro's stack writes, and keeps them in
   * `cdk.context.json`: `cdk context --reset` makes it read them again.
   */
  public static deployed(): ReleaseStamp {
    return new InMetadata((stack, macroName) => summary(StringParameter.valueFromLookup(stack, parameterName(macroName), "")));
  }

  /**
   * No stamp in the template, but a parameter that CloudFormation reads from SSM in each deployment. `cdk deploy` cannot know
   * whether its value has changed, so it never skips the stack. Where nothing has changed, CloudFormation says so.
   */
  public static atDeployment(): ReleaseStamp {
    return new ByParameter();
  }

  /** No stamp: updates of the macro need `cdk deploy --force`. */
  public static none(): ReleaseStamp {
    return new None();
  }

  /** @internal */
  public abstract _apply(stack: Stack, macroName: string): void;
}

class InMetadata extends ReleaseStamp {
  constructor(private readonly text: (stack: Stack, macroName: string) => string) {
    super();
  }

  public _apply(stack: Stack, macroName: string): void {
    stack.addMetadata(KEY, this.text(stack, macroName));
  }
}

class ByParameter extends ReleaseStamp {
  public _apply(stack: Stack, macroName: string): void {
    if (stack.nested) {
      throw new Error(`${stack.node.path}: the CDK looks at the parameters of the outermost stack only. Use another release stamp for nested stacks.`);
    }
    if (stack.node.tryFindChild(KEY)) return;
    new CfnParameter(stack, KEY, {
      type: "AWS::SSM::Parameter::Value<String>",
      default: parameterName(macroName),
      description: "The macro's release and settings, so that a change of them is a change of the stack",
    }).overrideLogicalId(KEY);
  }
}

class None extends ReleaseStamp {
  public _apply(): void {}
}

function parameterName(macroName: string): string {
  return `/sysdig-instrument/${macroName}`;
}

/** The release, and a digest of the whole: settings have names and ARNs that need not be in every template. */
function summary(value: string): string {
  const digest = createHash("sha256").update(value).digest("hex").slice(0, 16);
  const release = /^\{"Release":"([\w.+-]+)"/.exec(value)?.[1] ?? "unknown";
  return `${release} ${digest}`;
}

function packageRelease(): string {
  return require("../package.json").version; // eslint-disable-line @typescript-eslint/no-require-imports
}
