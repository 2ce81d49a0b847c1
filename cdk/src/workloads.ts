import { CfnResource, Stack } from "aws-cdk-lib";
import { IConstruct } from "constructs";

const TYPES = ["AWS::ECS::TaskDefinition", "AWS::ECS::ExpressGatewayService"];

/** Stacks that an aspect of this package has dealt with. */
export const handled = new WeakSet<Stack>();

/** Whether the macro can do something about a construct. By its type, so also for those of `CfnInclude` and `CfnResource`. */
export function isWorkload(node: IConstruct): node is CfnResource {
  return CfnResource.isCfnResource(node) && TYPES.includes(node.cfnResourceType);
}
