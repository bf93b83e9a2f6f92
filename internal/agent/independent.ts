/** Whether a replica lies on another file system than the data directories. Those are not asked here: one that hangs would hang the look at the replica. Their scans have noted it. */
import { readConditions, type Session } from "../inventory/mod.ts";
import type { ReplicaState } from "../replicate/mod.ts";
import { printable } from "../sys/mod.ts";
import { type Agent, ownHost } from "./agent.ts";
import type { Condition } from "./condition.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import { replicaSubject } from "./status.ts";

/**
 * The condition `Independent`. While a data directory was not opened since the start, what was known before stands, if anything was.
 * @throws SQLiteError (the caller is inside `Session.read`)
 */
export function independenceOf(agent: Agent, session: Session, { replica, found }: CheckedReplica): Condition[] {
  if (found.kind !== "ready") return [];
  const paths = ownHost(agent.state)?.dataDirectories ?? [];
  const known = independence(found.state, paths, agent.devices);
  if (known !== undefined) return [known];
  const subject = replicaSubject(replica.id);
  return readConditions(session).flatMap(({ status, reason, message, ...one }): Condition[] =>
    one.subject === subject && one.type === "Independent" && (reason === "OwnFileSystem" || reason === "SameFileSystem")
      ? [{ type: "Independent", status: reason === "OwnFileSystem" ? "True" : "False", reason, message }]
      : [],
  );
}

/** `devices`: by path; "" where it could not be opened. Undefined while that of one is not known. */
export function independence(
  { device, onThisHost }: Pick<ReplicaState, "device" | "onThisHost">,
  paths: readonly string[],
  devices: ReadonlyMap<string, string>,
): Condition | undefined {
  const type = "Independent";
  if (!onThisHost) return { type, status: "True", reason: "OtherHost", message: "on another host" };
  const shared = paths.find((path) => devices.get(path) === device);
  if (shared !== undefined) {
    const message = `on the same file system as ${printable(shared)}: one broken disk loses both`;
    return { type, status: "False", reason: "SameFileSystem", message };
  }
  if (!paths.every((path) => devices.has(path))) return undefined;
  return { type, status: "True", reason: "OwnFileSystem", message: "on another file system than every data directory" };
}
