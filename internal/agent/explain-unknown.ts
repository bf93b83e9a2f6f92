/** What is known of a path at which no host has had a file. */
import type { DesiredState } from "../config/mod.ts";
import { dataDirectoryScans, type Session, type StoredCondition } from "../inventory/mod.ts";
import { ExcludePatterns } from "../scan/mod.ts";
import { isoTime, servedHosts } from "./agent.ts";
import { unseenAt } from "./explain-unseen.ts";

/** Why no file is known there, and what to do. */
export function explainUnknown(
  session: Session,
  state: DesiredState,
  path: string,
  conditions: readonly StoredCondition[],
): { message: string; help: string } {
  const served = servedHosts(state);
  const isAbove = (directory: string): boolean => path === directory || path.startsWith(`${directory}/`);
  const host = served.find(({ dataDirectories }) => dataDirectories.some(isAbove));
  const root = host?.dataDirectories.find(isAbove);
  if (root === undefined) {
    const declared = served.flatMap(({ dataDirectories }) => dataDirectories).join(", ");
    return { message: "it is outside every data directory of this host", help: `declared are: ${declared || "none"}` };
  }
  const scan = dataDirectoryScans(session).find((one) => one.path === root && one.host === host?.name);
  const pattern = excludedBy(state, root, path);
  if (pattern !== undefined)
    return { message: `the pattern ${JSON.stringify(pattern)} of [scan] exclude leaves it out`, help: "" };
  const unseen = scan && unseenAt(scan, conditions, path);
  if (unseen !== undefined) return { message: `it could not be seen: ${unseen.message}`, help: unseen.help };
  if (!scan?.scannedAt) return { message: `${root} was not scanned yet`, help: 'run "xtelemdb scan"' };
  return {
    message: `there was no regular file when ${root} was scanned at ${isoTime(scan.scannedAt)}`,
    help: 'if it is newer than that, run "xtelemdb scan"; directories, symbolic links and special files are not copied',
  };
}

function excludedBy(state: DesiredState, root: string, path: string): string | undefined {
  const names = path.slice(root.length + 1).split("/");
  return state.scan.exclude.find((pattern) => {
    const patterns = new ExcludePatterns([pattern]);
    return names.some((name, index) => patterns.excludes(name, () => names.slice(0, index + 1).join("/")));
  });
}
