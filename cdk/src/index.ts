export * from "./sysdig-instrument";
export * from "./release-stamp";
export * from "./hotswap";
export * from "./locally";
export * from "./policy";
export * from "./tool-props";
