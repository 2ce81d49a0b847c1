import { Aspects, CfnResource, IAspect, Stack, Stage } from "aws-cdk-lib";
import { IConstruct } from "constructs";

const TYPES = ["AWS::ECS::TaskDefinition", "AWS::ECS::ExpressGatewayService"];

/** Stacks that an aspect of this package has dealt with. */
export const handled = new WeakSet<Stack>();

/** Whether the macro can do something about a construct. By its type, so also for those of `CfnInclude` and `CfnResource`. */
export function isWorkload(node: IConstruct): node is CfnResource {
  return CfnResource.isCfnResource(node) && TYPES.includes(node.cfnResourceType);
}

/** Add an aspect to a construct and to all stages below it. */
export function addToStages(scope: IConstruct, aspect: IAspect): void {
  const stages = scope.node.findAll().filter((each) => each !== scope && Stage.isStage(each));
  for (const each of [scope, ...stages]) Aspects.of(each).add(aspect);
}

/** The stages of a construct are synthesised before its aspects are called, so these can only refuse what they have not reached. */
export function refuseMissedStages(node: IConstruct): void {
  for (const stage of node.node.children.filter(Stage.isStage)) {
    const missed = stage.node.findAll().find((each) => isWorkload(each) && !handled.has(Stack.of(each)));
    if (!missed) continue;
    throw new Error(
      `${missed.node.path} is in the stage ${stage.node.path}, which aspects of the app do not reach, so it would run without Sysdig's ` +
        "agent. Add the aspect with its method addTo(app) after the stage is made, or use SysdigInstrument.injectors().",
    );
  }
}
