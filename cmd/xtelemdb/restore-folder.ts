/** Where `restore to=` may put files: in no replica and in no data directory of this host, where they would be files that nobody knows. */
import { realpathSync } from "node:fs";
import { err, ok, type Result } from "neverthrow";
import type { DesiredState } from "../../internal/config/mod.ts";

/** The folder that an option gave; or what is wrong with it. `origins`: the absolute origin paths that are brought back, as far as they are known. */
export function restoreFolder(
  { replicas, hosts, hostname }: DesiredState,
  given: string | undefined,
  origins: readonly string[],
): Result<string | undefined, string> {
  if (given === undefined) return ok(undefined);
  const folder = realPath(given);
  const replica = replicas.find(({ target }) => target.kind === "local" && isWithin(folder, realPath(target.root)));
  if (replica !== undefined)
    return err(`${given} is in the replica ${replica.id}, which holds copies and nothing else\nhelp: choose another folder`);
  const landings = origins.map((origin) => (folder === "/" ? origin : `${folder}${origin}`));
  const scanned = hosts.find(({ name }) => name === hostname)?.dataDirectories ?? [];
  const met = scanned.find((path) => {
    const root = realPath(path);
    return isWithin(folder, root) || landings.some((landing) => isWithin(landing, root) || isWithin(root, landing));
  });
  if (met === undefined) return ok(given);
  return err(
    `what is brought back to ${given} would lie in the data directory ${met}, where the next scan takes it for new files that are to be copied to every replica\nhelp: choose a folder outside of it; to bring files back to where they were, leave to= out`,
  );
}

const isWithin = (path: string, folder: string): boolean => folder === "/" || `${path}/`.startsWith(`${folder}/`);

/** The same folder may have several names: a data directory is often a symbolic link. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Not there: the restore will say so.
    return path;
  }
}
