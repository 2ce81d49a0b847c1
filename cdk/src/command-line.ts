import { execFileSync } from "node:child_process";

let hotswapOfAncestors: boolean | undefined;

/**
 * Whether the CDK's command line tool, which runs this program, is about to hotswap.
 *
 * It does not tell the program, so its own command line is read. Without `ps`, as on Windows, this is not known and false.
 */
export function isHotswap(): boolean {
  return hotswapIn(process.env) || (hotswapOfAncestors ??= ancestors(process.ppid).some(commandHotswaps));
}

/** Whether the tool's environment variables ask for hotswap. It takes each option from such a variable, too. */
export function hotswapIn(environment: { readonly [name: string]: string | undefined }): boolean {
  const names = ["CDK_HOTSWAP", "CDK_HOTSWAP_FALLBACK", "CDK_WATCH"];
  return names.some((name) => !["", "0", "false"].includes((environment[name] ?? "").toLowerCase()));
}

/** Whether a command line is one of the CDK's that hotswaps: `watch` does, unless told otherwise. */
export function commandHotswaps(line: string): boolean {
  const words = line.trim().split(/\s+/);
  const tool = words.findIndex((word) => /(^|[\\/])(aws-)?cdk(\.\w+|local|-\w+)?$/.test(word) || /^aws-cdk@/.test(word));
  if (tool < 0) return false;
  const options = words.slice(tool + 1);
  if (options.some((word) => /^--hotswap(-fallback)?(=(?!false$|0$).*)?$/.test(word))) return !options.includes("--hotswap=false");
  const watches = options.some((word) => /^(watch|--watch(=(?!false$).*)?)$/.test(word));
  return watches && !options.some((word) => /^--(no-hotswap|hotswap=false)$/.test(word));
}

/** The command lines of a process and of those that started it. */
function ancestors(pid: number): string[] {
  let processes: string;
  try {
    processes = execFileSync("ps", ["-A", "-ww", "-o", "pid=,ppid=,args="], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 26 });
  } catch {
    return [];
  }
  const known = new Map<number, [number, string]>();
  for (const line of processes.split("\n")) {
    const found = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    if (found) known.set(Number(found[1]), [Number(found[2]), found[3]]);
  }
  const lines: string[] = [];
  for (let next = known.get(pid); next; next = known.get(pid)) {
    lines.push(next[1]);
    known.delete(pid);
    pid = next[0];
  }
  return lines;
}
