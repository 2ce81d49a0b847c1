import { spawnSync } from "node:child_process";
import { ToolProps } from "./tool-props";

/** What the tool has printed, and its exit code; undefined if it is not installed. */
export interface ToolResult {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

export const NOT_INSTALLED = "The command line tool sysdig-instrument is not on PATH. Install it, or give its path as the property command.";

/** Run the tool. Return undefined if it is not installed. */
export function runTool(props: ToolProps, args: string[], input?: string): ToolResult | undefined {
  const done = spawnSync(props.command ?? "sysdig-instrument", args, { input, encoding: "utf8", maxBuffer: 1 << 28 });
  if ((done.error as NodeJS.ErrnoException | undefined)?.code === "ENOENT") return undefined;
  if (done.error) throw done.error;
  return { code: done.status ?? 1, output: done.stdout, errors: done.stderr };
}
