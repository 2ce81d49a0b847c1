/** What `cdk deploy --hotswap` and `cdk watch` lead to for a stack with the macro. */
export enum Hotswap {
  /** The deployment fails. */
  FAIL = "fail",
  /** A warning. */
  WARN = "warn",
  /** Nothing. */
  ALLOW = "allow",
}
