/** What a pass begins next, so that small files and large ones both get on. */
import type { WorkKind } from "../replicate/mod.ts";
import type { ReadyReplica } from "./pass-options.ts";

/**
 * Groups that are copied to a replica at a time: as many as the operator says, else one to a disk with one head or to another host (a group goes through several
 * connections), else one for each processor.
 */
export function parallelGroups({ replica, found }: ReadyReplica, processors: number): number {
  if (replica.target.kind === "ssh") return replica.workers || 1;
  return replica.workers || (found.state.rotating ? 1 : processors);
}

/**
 * The kind of group to begin next, if any. Large files leave a place for small ones as long as there are any, and take all places otherwise; where there is
 * but one place, a small group may go beside a large file, which can take hours. `last`: the kind that was begun last.
 */
export function nextKind(
  places: number,
  running: Readonly<Record<WorkKind, number>>,
  last: WorkKind,
  has: (kind: WorkKind) => boolean,
): WorkKind | undefined {
  const { small, large } = running;
  if (places - small - large <= 0) return small === 0 && large > 0 && has("small") ? "small" : undefined;
  if (!has("small")) return has("large") ? "large" : undefined;
  const largeMayGo = large < Math.max(1, places - 1) && has("large");
  return largeMayGo && last === "small" ? "large" : "small";
}

/** Where the way is long, the files of a group are copied side by side, several large ones too, and the guards of a group cost a while. */
export const FAR_GROUP = { files: 16_384, bytes: 1 << 30 };
