/** What is in the way of a copy may be the last that is left of other files: the inventory knows, which the worker that met it did not ask. */
import { copiesBelow, copyAbove, type PendingFile, type ReplicaId } from "../inventory/mod.ts";
import { COPY_FAILURES, type CopyOutcome, replicaPathOf } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import type { Agent } from "./agent.ts";

type Failed = Extract<CopyOutcome, { kind: "failed" }>;

/** What is more is not counted. */
const COUNTED = 1_000;

/** The same outcome; or `KeptCopiesInTheWay`, where what stands there are copies of this replica. Only what has met something asks the inventory. */
export function toldOfKeptCopies(
  agent: Agent,
  replica: { readonly id: ReplicaId; readonly url: string },
  { directory: { host, path: directory }, name }: PendingFile,
  outcome: Failed,
): Failed {
  const { obstacle } = outcome;
  if (obstacle === undefined) return outcome;
  const at = (path: string): string => printable(`${replica.url.replace(/\/$/, "")}/${replicaPathOf(host, path)}`);
  const told = agent.inventory.readNow((session) => {
    if (obstacle === "above") {
      const path = copyAbove(session, replica.id, host, directory);
      return path && `${at(path)} is the kept copy of the file ${printable(path)}, which is gone at its origin`;
    }
    const path = `${directory}/${name}`.replace(/^\/\//, "/");
    const copies = copiesBelow(session, replica.id, host, path, COUNTED);
    const files = copies === 1 ? "1 file" : `${copies}${copies === COUNTED ? " or more" : ""} files`;
    return (
      copies > 0 &&
      `${at(path)} is a directory with the kept copies of ${files} below ${printable(path)} that are gone at their origin`
    );
  });
  // An inventory that cannot be read ends the pass elsewhere.
  const message = told.unwrapOr(undefined);
  if (!message) return outcome;
  const reason = "KeptCopiesInTheWay";
  return { ...outcome, reason, message: `${message}; ${COPY_FAILURES[reason].help}` };
}
