/**
 * Copies that were found wrong and whose origin is gone, or cannot be read, or has other contents by now without a sign: they are copied from another replica whose
 * copy had the same contents when it was last read. What is copied is hashed; it is published only when it is what the inventory says.
 */
import { equalCopies, type FileOriginId, type OriginDirectory, type PendingFile, type ReplicaId } from "../inventory/mod.ts";
import { replicaProblem } from "../replicate/mod.ts";
import type { Agent } from "./agent.ts";
import { type FileSource, type PackedGroup, type PackedResult, packGroup } from "./copy-messages.ts";
import { hangsInSource } from "./held-up.ts";
import type { CheckedReplica } from "./replica-pass.ts";
import { addressBelow, addressOf } from "./volume-address.ts";

/** The sources of those files for which there is one. `others`: replicas that are there. */
export function repairSources(
  agent: Agent,
  files: readonly PendingFile[],
  target: ReplicaId,
  others: readonly CheckedReplica[],
): Map<FileOriginId, FileSource> {
  const wanted = files.flatMap(({ id, mustBe }) => (mustBe === undefined ? [] : [{ id, digest: mustBe }]));
  if (wanted.length === 0) return new Map();
  const ids = others.map(({ row }) => row.id).filter((id) => id !== target);
  const equal = agent.inventory.readNow((session) => equalCopies(session, wanted, ids)).unwrapOr(new Map());
  const sources = new Map<FileOriginId, FileSource>();
  for (const { id, directory } of files) {
    const copy = equal.get(id);
    const other = others.find(({ row }) => row.id === copy?.replica);
    const folder = copy && folderOf(directory, copy.place);
    if (copy === undefined || other === undefined || folder === undefined) continue;
    const address = addressBelow(addressOf(agent.state, other.replica), folder);
    sources.set(id, { address, fromCopy: true, replica: other.row.id, looksLike: copy.kept });
  }
  return sources;
}

/** Where the copies of a data directory lie, from where one of them does; undefined where an old backup has not the folders of the origin. */
export function folderOf(
  { host, path, dataDirectory }: Pick<OriginDirectory, "host" | "path" | "dataDirectory">,
  place: string | undefined,
): string | undefined {
  if (place === undefined) return `${host}${dataDirectory}`;
  const below = path.slice(dataDirectory.length);
  return place.endsWith(below) ? place.slice(0, place.length - below.length) : undefined;
}

/** Files whose origin has failed to give what their copy must be are copied once more, from another replica, where there is one. */
export async function copyFromElsewhere(
  agent: Agent,
  replica: PackedGroup["replica"],
  group: readonly PendingFile[],
  result: PackedResult,
  target: ReplicaId,
  others: () => readonly CheckedReplica[],
): Promise<PackedResult & { readonly released?: Promise<void> }> {
  const failed = result.others.flatMap(([position, outcome]) => {
    const file = group[position];
    const sources = outcome.kind === "failed" && outcome.domain !== "replica" && file?.repair === undefined;
    return sources && file?.mustBe !== undefined ? [{ position, file }] : [];
  });
  if (failed.length === 0 || result.problem !== undefined) return result;
  const found = repairSources(
    agent,
    failed.map(({ file }) => file),
    target,
    others(),
  );
  const again = failed.filter(({ file }) => found.has(file.id));
  if (again.length === 0) return result;
  const files = again.map(({ file }) => file);
  const reply = await agent.hands.run({
    kind: "copy",
    group: packGroup(
      replica,
      files,
      ({ id }) => found.get(id),
      (directory) => agent.brokenOff.has(target, directory),
    ),
  });
  if (reply.kind !== "copy") {
    const detail = "detail" in reply ? reply.detail : reply.kind;
    const left = { ...result, leftovers: [...result.leftovers, ...files.map(({ directory }) => directory.id)] };
    const sources = { of: ({ id }: PendingFile) => found.get(id), has: () => true };
    if (reply.kind === "stalled" && hangsInSource(agent.heldUp, files, sources, reply)) return left;
    const released = reply.kind === "stalled" ? { released: reply.released } : {};
    return { ...left, problem: replicaProblem("WorkerStalled", detail), ...released };
  }
  const second = reply.result;
  const positionOf = (index: number): number => again[index]?.position ?? 0;
  const stored = new Set([
    ...Array.from(second.copied, positionOf),
    ...second.others.flatMap(([index, { kind }]) => (kind === "stored" ? [positionOf(index)] : [])),
  ]);
  return {
    ...result,
    ...(second.problem === undefined ? {} : { problem: second.problem }),
    leftovers: [...result.leftovers, ...second.leftovers],
    copied: Uint32Array.from([...result.copied, ...Array.from(second.copied, positionOf)]),
    digests: Buffer.concat([result.digests, second.digests]),
    // Where this has failed too, what the origin has failed with is what the operator has to know.
    others: [
      ...result.others.filter(([position]) => !stored.has(position)),
      ...second.others.flatMap(([index, outcome]) => (outcome.kind === "stored" ? [[positionOf(index), outcome] as const] : [])),
    ],
  };
}

export const isRepair = ({ repair }: PendingFile): boolean => repair === true;
