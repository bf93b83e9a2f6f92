/** Directories that lie in each other: what no single one of them shows to be wrong. Only names are compared; links are the agent's to follow. */
import type { Mistakes } from "./_mistakes.ts";
import type { Host, HostName, Replica } from "./desired-state.ts";
import { isWithin } from "./names.ts";

/** A tree inside another would be copied twice, or into itself. */
export function checkOverlaps(
  hosts: readonly Host[],
  replicas: readonly Replica[],
  own: HostName | undefined,
  mistakes: Mistakes,
): void {
  for (const host of hosts) {
    host.dataDirectories.forEach((path, index) => {
      const outer = host.dataDirectories.findIndex(
        (other, at) => at !== index && isWithin(path, other) && (path !== other || at < index),
      );
      if (outer < 0) return;
      const where = ["hosts", host.name, "data_dirs", index];
      const message =
        path === host.dataDirectories[outer]
          ? `the data directory ${JSON.stringify(path)} is listed twice`
          : `the data directory ${JSON.stringify(path)} lies in ${JSON.stringify(host.dataDirectories[outer])}`;
      mistakes.add(where, "value", message, "keep one: whatever lies in a data directory is covered with it");
    });
    if (host.name !== own) continue;
    for (const { target, written } of replicas) {
      if (target.kind !== "local") continue;
      const overlapping = host.dataDirectories.find((path) => isWithin(target.root, path) || isWithin(path, target.root));
      if (overlapping === undefined) continue;
      mistakes.add(
        ["replicas", written],
        "key",
        `the replica ${JSON.stringify(written)} and the data directory ${JSON.stringify(overlapping)} lie in each other: the copies would be copied again`,
        "put the replica on a disk of its own",
      );
    }
  }
  for (const { target, written } of replicas) {
    if (target.kind !== "local") continue;
    const outer = replicas.find(
      (other) => other.target.kind === "local" && other.target.root !== target.root && isWithin(target.root, other.target.root),
    );
    if (outer === undefined) continue;
    mistakes.add(
      ["replicas", written],
      "key",
      `the replica ${JSON.stringify(written)} lies in the replica ${JSON.stringify(outer.written)}`,
      "give each replica a place of its own",
    );
  }
}
