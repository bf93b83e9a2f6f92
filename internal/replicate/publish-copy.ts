/** The final name of a copy (steps 6 and 7): replaces only what the inventory knows, and then looks at what is really there. */
import { err, ok, type Result } from "neverthrow";
import { type FileStat, printable } from "../sys/mod.ts";
import type { VolumeDirectory } from "../volume/mod.ts";
import { type CopyFailure, failureAtReplica } from "./copy-failure.ts";
import type { Staged } from "./copy-outcome.ts";
import { type CopyRequest, destinationPathOf } from "./copy-request.ts";
import { inTheWay, mayPublish } from "./final-name.ts";
import { mustBeOwn, type OwnNames } from "./own-names.ts";
import type { CopyWatch } from "./watched-source.ts";

/** Gives a copy its final name. What then stands there, where the volume told it on the way. `replica`: its name, for messages. */
export async function publishCopy(
  { request, destination, temporary }: Staged,
  replica: string,
  names: OwnNames,
  watch: Pick<CopyWatch, "isGivenUp">,
): Promise<Result<FileStat | undefined, CopyFailure>> {
  const { directory } = destination;
  const looked = request.replaces === undefined ? ok("free" as const) : await mayPublish(request, directory, replica);
  if (looked.isErr()) return err(looked.error);
  if (typeof looked.value !== "string") return err(inTheWay(request, looked.value, replica));
  const replaces = looked.value === "replaceable";
  const whole = replaces ? await isWhole(request, directory, temporary, replica) : ok(undefined);
  if (whole.isErr()) return err(whole.error);
  if (watch.isGivenUp()) return err({ domain: "replica", reason: "ReplicaFailed", message: "the copy was given up" });
  const published = await directory.publish(temporary, request.name, replaces ? "replace" : "new");
  if (published.isOk()) return ok(published.value);
  if (published.error.reason === "exists") {
    const own = await mustBeOwn(request, directory, names, replica);
    if (own.isErr()) return err(own.error);
    const there = await directory.look(request.name);
    if (there.isOk() && there.value !== undefined) return err(inTheWay(request, there.value, replica));
  }
  return err(failureAtReplica(published.error));
}

/** A good copy is given up only for one that is there: a far end may have said that it wrote what it did not. */
async function isWhole(
  { evidence }: CopyRequest,
  directory: VolumeDirectory,
  temporary: string,
  replica: string,
): Promise<Result<undefined, CopyFailure>> {
  const there = await directory.look(temporary);
  if (there.isErr()) return err(failureAtReplica(there.error));
  if (there.value?.size === evidence.size) return ok(undefined);
  const found = there.value === undefined ? "is gone" : `has ${there.value.size} bytes`;
  const message = `${printable(`${replica}/${directory.path}/${temporary}`)} was written with ${evidence.size} bytes, but now it ${found}`;
  return err({ domain: "replica", reason: "ReplicaFailed", message });
}

/** What the replica really has now is what is recorded. `told`: where publishing told it already. */
export async function observeCopy(
  { request, destination }: Staged,
  replica: string,
  told?: FileStat,
): Promise<Result<FileStat, CopyFailure>> {
  const there = told === undefined ? await destination.directory.look(request.name) : ok(told);
  if (there.isErr()) return err(failureAtReplica(there.error));
  if (there.value?.kind === "file" && there.value.size === request.evidence.size) return ok(there.value);
  const path = printable(`${replica}/${destinationPathOf(request)}/${request.name}`);
  const found = there.value === undefined ? "it is gone" : `it is a ${there.value.kind} of ${there.value.size} bytes`;
  return err({ domain: "replica", reason: "ReplicaFailed", message: `${path} was published, but now ${found}` });
}
