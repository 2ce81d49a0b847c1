/** How the command line tool is called. */
export interface ToolProps {
  /**
   * The tool.
   * @default "sysdig-instrument", from PATH
   */
  readonly command?: string;

  /**
   * Arguments, such as `--set`, `Collector=us2`. No settings file counts but those that are named here.
   * @default - none
   */
  readonly arguments?: string[];
}
