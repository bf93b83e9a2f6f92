/** Why nothing can be read from a replica, or written to it, as a whole. */
import type { StoredCondition } from "../inventory/mod.ts";
import { replicaSubject } from "./status.ts";

/** What says of a replica that some files are not there yet. */
const OF_SOME_FILES = ["FilesFailed", "FilesPending", "FilesGrowing"];

/** Undefined where nothing is known against it. */
export const blockedReplica = (url: string, conditions: readonly StoredCondition[]): StoredCondition | undefined => {
  const blocked = conditions.find(
    ({ subject, type, status }) =>
      subject === replicaSubject(url) && (type === "Mounted" || type === "Ready") && status === "False",
  );
  return blocked === undefined || OF_SOME_FILES.includes(blocked.reason) ? undefined : blocked;
};
