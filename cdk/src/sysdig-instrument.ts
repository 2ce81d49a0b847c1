import { Annotations, Aspects, IAspect, InjectionContext, IPropertyInjector, Stack } from "aws-cdk-lib";
import { ExternalTaskDefinition, FargateTaskDefinition, TaskDefinition, Ec2TaskDefinition } from "aws-cdk-lib/aws-ecs";
import { IConstruct } from "constructs";
import { isHotswap } from "./command-line";
import { Hotswap } from "./hotswap";
import { ReleaseStamp } from "./release-stamp";
import { addToStages, handled, isWorkload, refuseMissedStages } from "./workloads";

const HOTSWAP_MESSAGE =
  "cdk deploy --hotswap and cdk watch register this task definition as it is before macros run, so the service would run without " +
  "Sysdig's agent. Deploy without hotswap, use SysdigInstrumentLocally for this stack, or allow it with the property hotswap.";

/** Properties of `SysdigInstrument`. */
export interface SysdigInstrumentProps {
  /**
   * The macro's name in your organisation.
   * @default "SysdigInstrument"
   */
  readonly macroName?: string;

  /**
   * What makes a change of the macro a change of the template, so that `cdk deploy` does not skip the stack.
   * @default ReleaseStamp.ofPackage()
   */
  readonly stamp?: ReleaseStamp;

  /**
   * What `cdk deploy --hotswap` and `cdk watch` lead to.
   * @default Hotswap.FAIL
   */
  readonly hotswap?: Hotswap;
}

/** An aspect that lists the macro in each stack with a task definition, and puts the stamp of its release there. */
export class SysdigInstrument implements IAspect {
  /**
   * Add the aspect to a construct and to all stages below it. The CDK does not pass the aspects of an app on to its stages.
   */
  public static addTo(scope: IConstruct, props: SysdigInstrumentProps = {}): void {
    addToStages(scope, new SysdigInstrument(props));
  }

  /**
   * For the blueprint of an organisation: injectors that do the same for each task definition that is made with the CDK's own
   * classes, wherever it is, also in stages. Give them to `PropertyInjectors.of(app).add(…)`, or to the app's `propertyInjectors`.
   */
  public static injectors(props: SysdigInstrumentProps = {}): IPropertyInjector[] {
    const aspect = new SysdigInstrument(props);
    const classes = [FargateTaskDefinition, TaskDefinition, Ec2TaskDefinition, ExternalTaskDefinition];
    return classes.map((each) => new LineInjector(each.PROPERTY_INJECTION_ID, aspect));
  }

  private readonly macroName: string;
  private readonly stamp: ReleaseStamp;
  private readonly hotswap: Hotswap;

  constructor(props: SysdigInstrumentProps = {}) {
    this.macroName = props.macroName ?? "SysdigInstrument";
    this.stamp = props.stamp ?? ReleaseStamp.ofPackage();
    this.hotswap = props.hotswap ?? Hotswap.FAIL;
  }

  /** Called by the CDK for each construct. */
  public visit(node: IConstruct): void {
    refuseMissedStages(node);
    if (!isWorkload(node)) return;
    const stack = Stack.of(node);
    if (!handled.has(stack)) {
      handled.add(stack);
      this.stamp._apply(stack, this.macroName);
    }
    // Last, so that it sees what other macros have made.
    const others = (stack.templateOptions.transforms ?? []).filter((each) => each !== this.macroName);
    stack.templateOptions.transforms = [...others, this.macroName];
    if (this.hotswap !== Hotswap.ALLOW && isHotswap()) this.tellOfHotswap(node);
  }

  private tellOfHotswap(node: IConstruct): void {
    if (this.hotswap === Hotswap.FAIL) Annotations.of(node).addError(HOTSWAP_MESSAGE);
    else Annotations.of(node).addWarningV2("sysdig-instrument:hotswap", HOTSWAP_MESSAGE);
  }
}

/** Adds the aspect to the stack of each construct of a class, and changes none of its properties. */
class LineInjector implements IPropertyInjector {
  constructor(
    public readonly constructUniqueId: string,
    private readonly aspect: SysdigInstrument,
  ) {}

  public inject(originalProps: any, context: InjectionContext): any {
    const aspects = Aspects.of(Stack.of(context.scope));
    if (!aspects.all.includes(this.aspect)) aspects.add(this.aspect);
    return originalProps;
  }
}
